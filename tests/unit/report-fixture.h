/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-fixture.h: a run with every way to end, reported to a file.
 */
#pragma once

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "report.h"

/* a report of FORMAT, begun; the path of its file goes to @path */
static inline Report *
fixture_report (const char *format, char **path)
{
  Report *report = report_new ();
  g_autofree char *spec = NULL;
  int fd = g_file_open_tmp ("report-XXXXXX", path, NULL);

  cr_assert_geq (fd, 0);
  close (fd);
  spec = g_strdup_printf ("%s:%s", format, *path);
  cr_assert (report_add_file (report, spec, NULL));
  report_begin (report, "tool");
  return report;
}

/* finishes the report; what stands in its file, which is removed (transfer full) */
static inline char *
fixture_finish (Report *report, const char *path)
{
  char *text = NULL;

  cr_assert (report_finish (report));
  cr_assert (g_file_get_contents (path, &text, NULL, NULL));
  g_unlink (path);
  report_free (report);
  return text;
}

static inline void
fixture_say (ReportCase *report_case, MilterSide side, guint8 letter, const char *payload)
{
  MilterMessage message;

  milter_message_parse (side, letter, milter_bytes (payload, strlen (payload) + 1), &message);
  report_case_add_message (report_case, 0, &message, MILTER_TEXT_SHORT, g_get_monotonic_time ());
}

static inline void
fixture_failure (ReportCase *report_case, MilterOutcome outcome)
{
  MilterFailure failure = {
    .outcome = outcome,
    .where = { "a.scenario", 8, 1 },
    .message = (char *) "first",
    .what = (char *) "reply to eom",
    .expected = (char *) "accept",
    .got = (char *) "reject",
    .last = (char *) "> eom  < reject",
  };

  report_case_add_failure (report_case, &failure);
}

/* held, failed, broken, skipped, not played, a file that does not parse, a milter that does not start */
static inline void
fixture_run (Report *report)
{
  static const char error_output[] = "  panic: \xff & <\n";
  static const MilterWhere where = { "a.scenario", 4, 1 };
  ReportCase *held = report_add_case (report, "a.scenario", 1, "held");
  ReportCase *failed = report_add_case (report, "a.scenario", 5, "failed");
  ReportCase *broken = report_add_case (report, "a.scenario", 9, "broken");
  ReportCase *skipped = report_add_case (report, "a.scenario", 13, "skipped");
  ReportCase *unplayed = report_add_case (report, "b.scenario", 1, "unplayed");
  ReportCase *unread = report_add_case (report, "c.scenario", 0, "the file");
  ReportCase *start = report_add_case (report, "d.scenario", 2, "the milter");

  report_case_begin (held);
  report_case_begin (failed);
  fixture_say (held, MILTER_SIDE_MTA, 'H', "held.example");
  fixture_say (failed, MILTER_SIDE_MTA, 'H', "failed.example");
  /* out of order, and while another is under way */
  fixture_failure (failed, MILTER_OUTCOME_FAILED);
  report_case_add_output (failed, NULL, milter_bytes_from_string (error_output));
  report_case_add_note (failed, "a core lies in /tmp: core.1");
  report_case_end (failed);
  report_case_add_lint (held, &where, "REP-01", "a reply: with a colon");
  report_case_end (held);

  report_case_begin (broken);
  fixture_failure (broken, MILTER_OUTCOME_FAILED);
  fixture_failure (broken, MILTER_OUTCOME_BROKEN);
  report_case_end (broken);
  report_case_begin (skipped);
  report_case_skip (skipped, "requires \"ipv6\" # none here");
  report_case_end (skipped);
  report_case_leave_out (unplayed, "something before it failed");
  report_case_end (unplayed);
  report_case_add_problem (unread, TOOL_EXIT_USAGE, "c.scenario:1:1: expected a verb\n");
  report_case_end (unread);
  report_case_add_problem (start, TOOL_EXIT_BROKEN, "./milter did not listen within 10 s");
  report_case_end (start);
}

/* all of it as FORMAT (transfer full) */
static inline char *
fixture_text (const char *format)
{
  g_autofree char *path = NULL;
  Report *report = fixture_report (format, &path);

  fixture_run (report);
  return fixture_finish (report, path);
}

#define expect_holds(text, part)                                                                   \
  cr_expect (strstr (text, part) != NULL, "this is missing: %s\nin:\n%s", part, text)
#define expect_lacks(text, part)                                                                   \
  cr_expect (strstr (text, part) == NULL, "this should not be there: %s\nin:\n%s", part, text)
