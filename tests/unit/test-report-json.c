/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-json.c: a run with every way to end, as json.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report-fixture.h"

Test (report_json, every_case_is_a_line)
{
  g_autofree char *text = fixture_text ("json");
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  cr_assert_eq (g_strv_length (lines), 1 + 7 + 1 + 1);
  cr_expect (g_str_has_prefix (lines[0], "{\"type\":\"run\",\"name\":\"tool\",\"version\":\""));
  for (guint i = 1; i <= 7; i++)
    {
      g_autofree char *begin = g_strdup_printf ("{\"type\":\"case\",\"number\":%u,", i);

      cr_expect (g_str_has_prefix (lines[i], begin), "%s", lines[i]);
    }
  expect_holds (lines[8],
                "{\"type\":\"summary\",\"cases\":7,\"held\":1,\"skipped\":1,\"failed\":1,\"broken\":2,"
                "\"unplayed\":1,\"unread\":1,");
  expect_holds (lines[8], "\"status\":2}");
}

Test (report_json, a_case_holds_all_that_is_known)
{
  g_autofree char *text = fixture_text ("json");

  expect_holds (text,
                "\"failures\":[{\"outcome\":\"failed\",\"file\":\"a.scenario\",\"line\":8,"
                "\"message\":\"first\",\"what\":\"reply to eom\",\"expected\":\"accept\",\"got\":\"reject\",");
  expect_holds (text, "\"notes\":[{\"text\":\"a core lies in /tmp: core.1\"}]");
  expect_holds (text, "\"stderr\":[{\"text_base64\":\"");
  expect_holds (text, "> helo failed.example\\n\"");
  expect_holds (text,
                "\"warnings\":[{\"rule\":\"REP-01\",\"file\":\"a.scenario\",\"line\":4,"
                "\"what\":\"a reply: with a colon\"}]");
  expect_holds (text, "\"reason\":\"requires \\\"ipv6\\\" # none here\"");
  expect_holds (text, "\"outcome\":\"unread\",\"problems\":\"c.scenario:1:1: expected a verb\\n\"");
}
