/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-junit.c: a run with every way to end, as junit.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report-fixture.h"

Test (report_junit, every_case_is_counted_where_it_belongs)
{
  g_autofree char *text = fixture_text ("junit");

  expect_holds (text, "<testsuites name=\"tool\" tests=\"7\" failures=\"1\" errors=\"3\" skipped=\"2\" ");
  expect_holds (text, "<testsuite name=\"a.scenario\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" ");
  expect_holds (text, "<testsuite name=\"b.scenario\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\" ");
  expect_holds (text, "<skipped message=\"requires &quot;ipv6&quot; # none here\"/>");
  expect_holds (text,
                "<failure message=\"reply to eom: expected accept, got reject\" type=\"failed\">"
                "a.scenario:8: first: reply to eom\n"
                "  expected  accept\n");
  expect_holds (text, "type=\"broken\">");
  expect_holds (text,
                "<error message=\"c.scenario:1:1: expected a verb\" type=\"unread\">"
                "c.scenario:1:1: expected a verb</error>");
  expect_holds (text, "<error message=\"./milter did not listen within 10 s\" type=\"broken\">");
}

Test (report_junit, logs_stand_where_something_failed)
{
  g_autofree char *text = fixture_text ("junit");

  expect_holds (text, "<system-out>note: a core lies in /tmp: core.1\n+0.0");
  expect_holds (text, "&gt; helo failed.example\n</system-out>");
  expect_holds (text, "<system-err>  panic: \\xff &amp; &lt;\n</system-err>");
  expect_holds (text, "<system-out>warning: a.scenario:4: [REP-01] a reply: with a colon\n</system-out>");
  expect_lacks (text, "held.example");
}

Test (report_junit, a_run_of_nothing_is_a_document)
{
  g_autofree char *path = NULL;
  Report *report = fixture_report ("junit", &path);
  g_autofree char *text = fixture_finish (report, path);

  expect_holds (text, " tests=\"0\" ");
  cr_expect (g_str_has_suffix (text, "</testsuites>\n"));
}
