/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report.c: a run as a whole: order, exit status, files.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "report-fixture.h"

Test (report, files_list_cases_in_the_order_of_adding_whatever_ends_first)
{
  static const char *const names[] = { "held", "failed", "broken", "skipped", "unplayed" };
  g_autofree char *text = fixture_text ("json");
  const char *at = text;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *member = g_strdup_printf ("\"name\":\"%s\"", names[i]);
      const char *next = strstr (at, member);

      cr_assert (next != NULL, "%s is missing or early", names[i]);
      at = next;
    }
}

Test (report, a_case_that_has_ended_waits_for_those_before_it)
{
  g_autofree char *path = NULL;
  g_autofree char *early = NULL;
  g_autofree char *text = NULL;
  Report *report = fixture_report ("tap", &path);
  ReportCase *first = report_add_case (report, "a", 1, "first");
  ReportCase *second = report_add_case (report, "a", 2, "second");

  report_case_begin (first);
  report_case_begin (second);
  report_case_end (second);
  cr_assert (g_file_get_contents (path, &early, NULL, NULL));
  expect_lacks (early, "second");
  report_case_end (first);
  text = fixture_finish (report, path);
  cr_expect_lt (strstr (text, "ok 1 - a: first"), strstr (text, "ok 2 - a: second"));
}

Test (report, the_worst_case_is_the_status)
{
  static const struct
  {
    MilterOutcome outcomes[3];
    guint n;
    ToolExit status;
  } rows[] = {
    { { MILTER_OUTCOME_HELD }, 0, TOOL_EXIT_SKIPPED },
    { { MILTER_OUTCOME_HELD }, 1, TOOL_EXIT_OK },
    { { MILTER_OUTCOME_SKIPPED }, 1, TOOL_EXIT_SKIPPED },
    { { MILTER_OUTCOME_SKIPPED, MILTER_OUTCOME_HELD }, 2, TOOL_EXIT_OK },
    { { MILTER_OUTCOME_HELD, MILTER_OUTCOME_FAILED }, 2, TOOL_EXIT_FAILED },
    { { MILTER_OUTCOME_BROKEN, MILTER_OUTCOME_FAILED, MILTER_OUTCOME_HELD }, 3, TOOL_EXIT_BROKEN },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (Report) report = report_new ();

      report_begin (report, "tool");
      for (guint k = 0; k < rows[i].n; k++)
        {
          ReportCase *report_case = report_add_case (report, "a", 1, "x");

          report_case_begin (report_case);
          if (rows[i].outcomes[k] == MILTER_OUTCOME_SKIPPED)
            report_case_skip (report_case, "why");
          else if (rows[i].outcomes[k] != MILTER_OUTCOME_HELD)
            fixture_failure (report_case, rows[i].outcomes[k]);
          report_case_end (report_case);
        }
      cr_expect (report_finish (report));
      cr_expect_eq (report_get_status (report), rows[i].status, "row %zu", i);
    }
}

Test (report, a_file_that_cannot_be_read_counts_more_than_a_milter_that_broke)
{
  g_autoptr (Report) report = report_new ();

  report_begin (report, "tool");
  fixture_run (report);
  cr_expect (report_finish (report));
  cr_expect (report_has_failed (report));
  cr_expect_eq (report_get_status (report), TOOL_EXIT_USAGE);
}

Test (report, a_case_that_never_ended_is_no_success)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  Report *report = fixture_report ("json", &path);

  report_add_case (report, "a", 1, "never begun");
  report_case_begin (report_add_case (report, "a", 2, "under way"));
  report_case_end (report_add_case (report, "a", 3, "over"));
  cr_expect (report_finish (report));
  cr_expect_eq (report_get_status (report), TOOL_EXIT_FAILED);
  text = fixture_finish (report, path);
  expect_holds (text, "\"held\":1,");
  expect_holds (text, "\"unplayed\":2,");
}

Test (report, an_interrupted_run_is_no_success)
{
  g_autoptr (Report) report = report_new ();

  report_begin (report, "tool");
  report_case_end (report_add_case (report, "a", 1, "x"));
  report_interrupt (report);
  cr_expect (report_finish (report));
  cr_expect_eq (report_get_status (report), TOOL_EXIT_FAILED);
}

Test (report, a_report_that_is_no_format_and_file_is_refused)
{
  static const char *const specs[] = { "", "junit", "junit:", ":x", "xml:x", "JUNIT:x", "tap:/no/such/folder/x" };

  for (gsize i = 0; i < G_N_ELEMENTS (specs); i++)
    {
      g_autoptr (Report) report = report_new ();
      g_autoptr (GError) error = NULL;

      cr_expect_not (report_add_file (report, specs[i], &error), "%s", specs[i]);
      cr_expect_not_null (error);
    }
}

Test (report, two_reports_do_not_go_to_one_file)
{
  g_autofree char *folder = g_dir_make_tmp ("report-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "report", NULL);
  g_autofree char *other = g_build_filename (folder, "link", NULL);
  g_autofree char *first = g_strdup_printf ("junit:%s", path);
  g_autofree char *again = g_strdup_printf ("tap:%s", other);
  g_autoptr (Report) report = report_new ();
  g_autoptr (GError) error = NULL;

  cr_expect (report_add_file (report, "tap:/dev/null", NULL));
  cr_expect (report_add_file (report, "json:/dev/null", NULL), "a device takes any number");
  cr_expect (report_add_file (report, first, NULL));
  cr_assert_eq (symlink (path, other), 0);
  cr_expect_not (report_add_file (report, again, &error));
  cr_expect_not_null (strstr (error->message, "another report is written to this file"));
  g_unlink (other);
  g_unlink (path);
  g_rmdir (folder);
}

Test (report, only_one_report_goes_to_the_standard_output)
{
  g_autoptr (Report) report = report_new ();
  g_autoptr (GError) error = NULL;

  cr_expect_not (report_uses_stdout (report));
  cr_expect (report_choose_stream (report) == stdout);
  cr_expect (report_add_file (report, "tap:-", NULL));
  cr_expect (report_uses_stdout (report));
  cr_expect (report_choose_stream (report) == stderr, "people do not read in between");
  cr_expect_not (report_add_file (report, "json:-", &error));
}

Test (report, of_verbose_and_quiet_the_former_counts)
{
  cr_expect_eq (report_choose_detail (/* verbose= */ false, /* quiet= */ false), REPORT_NORMAL);
  cr_expect_eq (report_choose_detail (/* verbose= */ false, /* quiet= */ true), REPORT_QUIET);
  cr_expect_eq (report_choose_detail (/* verbose= */ true, /* quiet= */ false), REPORT_VERBOSE);
  cr_expect_eq (report_choose_detail (/* verbose= */ true, /* quiet= */ true), REPORT_VERBOSE);
}

Test (report, a_warning_fails_the_case_only_if_it_shall)
{
  for (int fails = 0; fails < 2; fails++)
    {
      g_autoptr (Report) report = report_new ();
      ReportCase *report_case;

      report_set_lint_fails (report, fails != 0);
      report_begin (report, "tool");
      report_case = report_add_case (report, "a", 1, "x");
      report_case_add_lint (report_case, NULL, "REP-01", "what");
      cr_expect_eq (report_case_is_bad (report_case), fails != 0);
      report_case_end (report_case);
      cr_expect (report_finish (report));
      cr_expect_eq (report_get_status (report), fails ? TOOL_EXIT_FAILED : TOOL_EXIT_OK);
    }
}
