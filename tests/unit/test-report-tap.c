/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-tap.c: a run with every way to end, as tap.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report-fixture.h"

Test (report_tap, every_case_is_a_point_and_the_plan_comes_last)
{
  g_autofree char *text = fixture_text ("tap");

  cr_expect (g_str_has_prefix (text, "TAP version 13\nok 1 - a.scenario: held\n  ---\n"));
  expect_holds (text, "\nnot ok 2 - a.scenario: failed\n");
  expect_holds (text, "\nnot ok 3 - a.scenario: broken\n");
  expect_holds (text, "\nok 4 - a.scenario: skipped # SKIP requires \"ipv6\" \\# none here\n");
  expect_holds (text, "\nok 5 - b.scenario: unplayed # SKIP not played: something before it failed\n");
  expect_holds (text, "\nnot ok 6 - c.scenario: the file\n");
  expect_holds (text, "\nnot ok 7 - d.scenario: the milter\n");
  cr_expect (g_str_has_suffix (text, "\n1..7\n"));
}

Test (report_tap, what_went_wrong_is_yaml)
{
  g_autofree char *text = fixture_text ("tap");

  expect_holds (text,
                "  failures:\n"
                "    - what: \"reply to eom\"\n"
                "      at: \"a.scenario:8\"\n"
                "      message: \"first\"\n"
                "      expected: \"accept\"\n");
  expect_holds (text, "  stderr: \"  panic: \\\\xff & <\\n\"\n");
  expect_holds (text, "  log: |\n    +0.0");
  expect_holds (text, "  warnings:\n    - what: \"a reply: with a colon\"\n      rule: \"REP-01\"\n");
  expect_holds (text, "  notes:\n    - text: \"a core lies in /tmp: core.1\"\n");
  expect_holds (text, "  problems: \"c.scenario:1:1: expected a verb\\n\"\n");
}

Test (report_tap, an_interrupted_run_bails_out)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  Report *report = fixture_report ("tap", &path);

  report_case_end (report_add_case (report, "a", 1, "x"));
  report_interrupt (report);
  text = fixture_finish (report, path);
  cr_expect (g_str_has_suffix (text, "\n1..1\nBail out! interrupted\n"), "%s", text);
}
