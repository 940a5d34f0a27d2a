/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-text.c: a run with every way to end, as text.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report-fixture.h"

Test (report_text, every_case_has_its_lines)
{
  g_autofree char *text = fixture_text ("text");

  expect_holds (text, "FAIL   a.scenario: failed (");
  expect_holds (text,
                "a.scenario:8: FAIL failed/first: reply to eom\n"
                "  expected  accept\n"
                "  got       reject\n"
                "  last      > eom  < reject\n"
                "  note      a core lies in /tmp: core.1\n"
                "  stderr      panic: \\xff & <\n"
                "  log\n"
                "  +0.0");
  expect_holds (text, "> helo failed.example\n");
  expect_holds (text, "ok     a.scenario: held (");
  expect_holds (text, "a.scenario:4: warning held: [REP-01] a reply: with a colon\n");
  expect_lacks (text, "helo held.example");
  expect_holds (text, "BROKEN a.scenario: broken (");
  expect_holds (text, ": requires \"ipv6\" # none here\n");
  expect_holds (text, "unplayed b.scenario: unplayed: something before it failed\n");
  expect_holds (text, "c.scenario:1:1: expected a verb\n");
  expect_holds (text, "d.scenario:2: BROKEN the milter: ./milter did not listen within 10 s\n");
  expect_holds (text, "6 sessions: 1 held, 1 skipped, 1 failed, 2 broken, 1 unplayed; not read: 1 (");
}

/* what a stream gets */
static char *
text_of_stream (ReportDetail detail, void (*tell) (Report *report))
{
  g_autoptr (Report) report = report_new ();
  char *written = NULL;
  size_t size;
  FILE *out = open_memstream (&written, &size);
  char *text;

  report_add_text (report, out, detail, TOOL_COLOR_NEVER, REPORT_NO_PROGRESS);
  report_begin (report, "tool");
  tell (report);
  cr_expect (report_finish (report));
  fclose (out);
  /* a compiler may believe that what a stream has allocated ends with its variable */
  text = g_strdup (written);
  free (written);
  return text;
}

static void
tell_two_at_once (Report *report)
{
  ReportCase *first = report_add_case (report, "a", 1, "one");
  ReportCase *second = report_add_case (report, "a", 2, "two");

  report_case_begin (first);
  fixture_say (first, MILTER_SIDE_MTA, 'H', "1a");
  report_case_begin (second);
  fixture_say (first, MILTER_SIDE_MTA, 'H', "1b");
  fixture_say (second, MILTER_SIDE_MTA, 'H', "2a");
  fixture_say (first, MILTER_SIDE_MTA, 'H', "1c");
  report_case_end (second);
  report_case_end (first);
}

Test (report_text, sessions_at_once_are_not_mixed)
{
  g_autofree char *text = text_of_stream (REPORT_VERBOSE, tell_two_at_once);
  g_autoptr (GRegex) regex = g_regex_new (
      "^session one\n  \\S+ > helo 1a\n"
      "session two\n  \\S+ > helo 2a\nok     a: two \\(.*\\)\n"
      "session one\n  \\S+ > helo 1b\n  \\S+ > helo 1c\nok     a: one \\(.*\\)\n",
      0,
      0,
      NULL);

  cr_expect (g_regex_match (regex, text, 0, NULL), "%s", text);
}

static void
tell_one_line (Report *report)
{
  ReportCase *report_case = report_add_case (report, "a", 1, "one");

  report_case_begin (report_case);
  fixture_say (report_case, MILTER_SIDE_MTA, 'H', "x");
  report_case_end (report_case);
}

Test (report_text, quiet_tells_nothing_of_what_is_well)
{
  g_autofree char *text = text_of_stream (REPORT_QUIET, tell_one_line);

  cr_expect_str_eq (text, "");
}

Test (report_text, frames_alone_are_frames_alone)
{
  g_autofree char *text = text_of_stream (REPORT_FRAMES, tell_one_line);

  cr_expect (g_str_has_prefix (text, "  +0.0"));
  cr_expect (g_str_has_suffix (text, " > helo x\n"), "%s", text);
  cr_expect_null (strchr (strchr (text, '\n') + 1, '\n'));
}

static void
tell_two_failures (Report *report)
{
  ReportCase *report_case = report_add_case (report, "a", 1, "one");

  report_case_begin (report_case);
  fixture_failure (report_case, MILTER_OUTCOME_FAILED);
  fixture_failure (report_case, MILTER_OUTCOME_FAILED);
  report_case_end (report_case);
}

Test (report_text, what_was_said_last_is_told_once)
{
  g_autofree char *text = text_of_stream (REPORT_NORMAL, tell_two_failures);
  const char *first = strstr (text, "  last ");

  cr_assert_not_null (first, "%s", text);
  cr_expect_null (strstr (first + 1, "  last "), "%s", text);
  cr_expect_not_null (strstr (first, "  got       reject\n"), "%s", text);
}
