/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-case.c: what is kept of one case.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report-fixture.h"
#include "report-private.h"

Test (report_case, of_what_a_milter_writes_the_end_is_kept)
{
  g_autoptr (Report) report = report_new ();
  ReportCase *report_case = report_add_case (report, "a", 1, "x");
  g_autofree char *much = g_strnfill (200000, 'a');
  g_autoptr (GString) output = NULL;

  much[199999] = 'z';
  report_case_add_output (report_case, NULL, milter_bytes_from_string ("first\n"));
  report_case_add_output (report_case, NULL, milter_bytes_from_string (much));
  report_case_add_output (report_case, NULL, milter_bytes_from_string ("last\n"));
  output = report_case_get_output (report_case);
  cr_expect_lt (output->len, 70000);
  cr_expect (g_str_has_prefix (output->str, "… (the beginning is left out)\n"));
  cr_expect (g_str_has_suffix (output->str, "azlast\n"));
}

Test (report_case, outputs_of_a_chain_are_told_apart)
{
  g_autoptr (Report) report = report_new ();
  ReportCase *report_case = report_add_case (report, "a", 1, "x");
  g_autoptr (GString) output = NULL;

  report_case_add_output (report_case, "dkim", milter_bytes_from_string ("one"));
  report_case_add_output (report_case, "dmarc", milter_bytes_from_string ("two\n"));
  report_case_add_output (report_case, "dkim", milter_bytes_from_string (" more"));
  report_case_add_output (report_case, "none", milter_bytes (NULL, 0));
  output = report_case_get_output (report_case);
  cr_expect_str_eq (output->str, "[dkim]\none more\n[dmarc]\ntwo\n");
}

Test (report_case, the_worst_outcome_stays)
{
  g_autoptr (Report) report = report_new ();
  ReportCase *report_case = report_add_case (report, "a", 1, "x");

  cr_expect_eq (report_case_get_result (report_case), REPORT_HELD);
  report_case_leave_out (report_case, "why");
  cr_expect_eq (report_case_get_result (report_case), REPORT_UNPLAYED);
  fixture_failure (report_case, MILTER_OUTCOME_FAILED);
  cr_expect_eq (report_case_get_result (report_case), REPORT_FAILED);
  report_case_add_problem (report_case, TOOL_EXIT_BROKEN, "died");
  cr_expect_eq (report_case_get_result (report_case), REPORT_BROKEN);
  report_case_add_problem (report_case, TOOL_EXIT_FAILED, "less bad");
  cr_expect_eq (report_case_get_result (report_case), REPORT_BROKEN);
  cr_expect_str_eq (report_case->problems->str, "died\nless bad\n");
  report_case_add_problem (report_case, TOOL_EXIT_USAGE, "unread");
  cr_expect_eq (report_case_get_result (report_case), REPORT_UNREAD);
}

Test (report_case, a_failure_keeps_its_own_strings)
{
  g_autoptr (Report) report = report_new ();
  ReportCase *report_case = report_add_case (report, "a", 1, "x");
  char what[] = "what";
  MilterFailure failure
      = { .outcome = MILTER_OUTCOME_FAILED, .where = { what, 1, 1 }, .what = what, .got = what };
  const ReportFailure *own;

  report_case_add_failure (report_case, &failure);
  memset (what, 'x', 4);
  own = g_ptr_array_index (report_case->failures, 0);
  cr_expect_str_eq (own->failure.what, "what");
  cr_expect_str_eq (own->failure.where.file, "what");
  cr_expect_null (own->failure.expected);
}
