/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-requirement.c: cases of the conformance suite: what they amount to, and the table and the
 * page that show them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report-fixture.h"
#include "report-private.h"

/* what may become of a requirement */
static const struct
{
  bool must;
  bool deviates; /* it is listed as a known deviation */
  MilterOutcome outcome;
  ReportResult result, strict_result;
} rows[] = {
  { true, false, MILTER_OUTCOME_HELD, REPORT_HELD, REPORT_HELD },
  { true, false, MILTER_OUTCOME_FAILED, REPORT_FAILED, REPORT_FAILED },
  /* a requirement holds or does not: what broke the session is how it failed */
  { true, false, MILTER_OUTCOME_BROKEN, REPORT_FAILED, REPORT_FAILED },
  { false, false, MILTER_OUTCOME_FAILED, REPORT_LAPSED, REPORT_FAILED },
  { false, false, MILTER_OUTCOME_HELD, REPORT_HELD, REPORT_HELD },
  { true, true, MILTER_OUTCOME_FAILED, REPORT_DEVIATES, REPORT_DEVIATES },
  { false, true, MILTER_OUTCOME_BROKEN, REPORT_DEVIATES, REPORT_DEVIATES },
  { true, true, MILTER_OUTCOME_HELD, REPORT_RECOVERED, REPORT_FAILED },
  { true, true, MILTER_OUTCOME_SKIPPED, REPORT_SKIPPED, REPORT_SKIPPED },
  { true, false, MILTER_OUTCOME_SKIPPED, REPORT_SKIPPED, REPORT_SKIPPED },
};

static ReportCase *
add_case (Report *report, gsize row)
{
  g_autofree char *id = g_strdup_printf ("NEG-%02zu", row + 1);
  ReportCase *report_case = report_add_case (report, "neg.scenario", 3, id);
  ReportRequirement requirement = { .id = id,
                                    .group = "NEG",
                                    .title = "negotiation",
                                    .must = rows[row].must,
                                    .text = "an offer is <answered> & \"taken\"",
                                    .source = "protocol 2.4" };

  report_case_set_requirement (report_case, &requirement);
  if (rows[row].deviates)
    report_case_set_deviation (report_case, "it always did");
  if (rows[row].outcome == MILTER_OUTCOME_SKIPPED)
    report_case_skip (report_case, "nothing was asked for");
  else if (rows[row].outcome != MILTER_OUTCOME_HELD)
    fixture_failure (report_case, rows[row].outcome);
  return report_case;
}

Test (report_requirement, severity_deviations_and_strictness_decide_what_counts)
{
  for (int strict = 0; strict < 2; strict++)
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
      {
        g_autoptr (Report) report = report_new ();
        ReportCase *report_case;
        ReportResult result, wanted = strict ? rows[i].strict_result : rows[i].result;

        report_set_conformance (report);
        report_set_strict (report, strict);
        report_begin (report, "tool");
        report_case = add_case (report, i);
        result = report_case_get_result (report_case);
        cr_expect_eq (result, wanted, "%zu, strict %d: %s", i, strict, report_result_get_word (result));
        report_case_end (report_case);
        report_finish (report);
        cr_expect_eq (report_get_status (report),
                      wanted == REPORT_FAILED    ? TOOL_EXIT_FAILED
                      : wanted == REPORT_SKIPPED ? TOOL_EXIT_SKIPPED
                                                 : TOOL_EXIT_OK,
                      "%zu, strict %d: %d",
                      i,
                      strict,
                      report_get_status (report));
      }
}

/* all rows in one report of a format (transfer full) */
static char *
report_all (const char *format)
{
  Report *report = report_new ();
  g_autofree char *path = NULL;
  g_autofree char *spec = NULL;
  int fd = g_file_open_tmp ("report-XXXXXX", &path, NULL);

  cr_assert_geq (fd, 0);
  close (fd);
  spec = g_strdup_printf ("%s:%s", format, path);
  report_set_conformance (report);
  cr_assert (report_add_file (report, spec, NULL));
  report_begin (report, "tool");
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    report_case_end (add_case (report, i));
  report_add_note (report, "a note of the run");
  return fixture_finish (report, path);
}

static void
expect_in (const char *text, const char *part)
{
  cr_expect_not_null (strstr (text, part), "%s\n-- is not in --\n%s", part, text);
}

Test (report_requirement, the_table_has_groups_what_was_expected_and_counts)
{
  g_autofree char *text = report_all ("text");

  cr_expect (g_str_has_prefix (text, "NEG  negotiation\n  ok     NEG-01  MUST    an offer is "), "%s", text);
  expect_in (text, "\n  FAIL   NEG-02  MUST    an offer is <answered> & \"taken\"\n");
  expect_in (text, "          at        a.scenario:8: reply to eom\n          expected  accept\n"
                   "          actual    reject\n");
  expect_in (text, "\n  should NEG-04  SHOULD  an offer");
  expect_in (text, "          because   known deviation: it always did\n");
  expect_in (text, "\n  fixed  NEG-08  MUST  ");
  expect_in (text, "          but       it is listed as a known deviation, and holds\n");
  expect_in (text, "\n  n/a    NEG-10  MUST    an offer is <answered> & \"taken\"\n"
                   "          because   nothing was asked for\n");
  expect_in (text, "\ngroup   cases  passed  failed  failed SHOULD  known deviation  unexpected pass  not applicable\n"
                   "NEG        10       2       2              1                2                1               2\n"
                   "all        10       2       2              1                2                1               2\n"
                   "a note of the run\n"
                   "one of them again, with all that is said: --filter ID -v\n"
                   "10 requirements: 2 passed, 2 failed, 1 failed SHOULD, 2 known deviation, 1 unexpected pass, "
                   "2 not applicable (");
}

Test (report_requirement, the_page_shows_text_as_text)
{
  g_autofree char *text = report_all ("html");

  cr_expect (g_str_has_prefix (text, "<!DOCTYPE html>\n"));
  cr_expect (g_str_has_suffix (text, "</html>\n"));
  expect_in (text, "an offer is &lt;answered&gt; &amp; ");
  expect_in (text, "<td class=\"result bad\">failed\n");
  expect_in (text, "<td class=\"result warn\">known deviation\n");
  expect_in (text, "<td class=\"result none\">not applicable\n");
  expect_in (text, "<dt>expected<dd>accept\n");
  cr_expect_null (strstr (text, "<answered>"));
  cr_expect_null (strstr (text, "<script"));
}

Test (report_requirement, files_for_a_ci_take_nothing_for_green_that_does_not_hold)
{
  g_autofree char *junit = report_all ("junit");
  g_autofree char *tap = report_all ("tap");
  g_autofree char *json = report_all ("json");

  expect_in (junit, " tests=\"10\" failures=\"2\" errors=\"0\" skipped=\"5\"");
  expect_in (junit, "<skipped message=\"known deviation: it always did\"/>");
  expect_in (junit, "<skipped message=\"a SHOULD that does not hold\"/>");
  expect_in (junit, " classname=\"NEG\"");
  expect_in (tap, "\nnot ok 4 - neg.scenario: NEG-04 # TO" "DO a SHOULD that does not hold\n");
  expect_in (tap, "\nnot ok 6 - neg.scenario: NEG-06 # TO" "DO known deviation: it always did\n");
  expect_in (tap, "\nok 8 - neg.scenario: NEG-08\n");
  expect_in (tap, "\nok 10 - neg.scenario: NEG-10 # SKIP nothing was asked for\n");
  expect_in (json, "\"id\":\"NEG-04\",\"group\":\"NEG\",\"severity\":\"SHOULD\"");
  expect_in (json, "\"outcome\":\"failed-should\"");
  expect_in (json, "\"known_deviation\":\"it always did\",\"outcome\":\"unexpected-pass\"");
  expect_in (json, "\"failed-should\":1,\"known-deviation\":2,\"unexpected-pass\":1");
}

Test (report_requirement, a_requirement_takes_what_went_wrong_in_its_sessions)
{
  g_autoptr (Report) inner = report_new ();
  g_autoptr (Report) outer = report_new ();
  ReportCase *session, *requirement;
  g_autoptr (GString) log = NULL;

  report_begin (inner, "tool");
  report_begin (outer, "tool");
  session = report_add_case (inner, "a.scenario", 3, "one");
  report_case_begin (session);
  fixture_say (session, MILTER_SIDE_MTA, MILTER_COMMAND_HELO, "x");
  fixture_failure (session, MILTER_OUTCOME_BROKEN);
  report_case_add_note (session, "seen");
  requirement = add_case (outer, 0);
  report_case_absorb (requirement, session);
  cr_expect_eq (report_case_get_result (requirement), REPORT_FAILED);
  cr_expect_eq (requirement->failures->len, 1);
  cr_expect_eq (requirement->notes->len, 1);
  log = report_case_get_log (requirement);
  cr_expect (g_str_has_prefix (log->str, "session one\n"), "%s", log->str);
  expect_in (log->str, "> helo x");
  report_case_end (session);
  report_case_end (requirement);
}
