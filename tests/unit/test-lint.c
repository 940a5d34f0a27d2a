/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-lint.c: what is kept of what the linter finds.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "lint-test.h"

static const MilterLintFinding *
finding_at (const MilterLint *lint, guint n)
{
  const GPtrArray *findings = milter_lint_get_findings (lint);

  cr_assert_lt (n, findings->len);
  return g_ptr_array_index (findings, n);
}

static void
expect_rules (const MilterLint *lint, const char *expected)
{
  g_autofree char *rules = lint_rules (lint);

  cr_expect_str_eq (rules, expected);
}

Test (lint, a_finding_says_what_came_where_and_what_comes_of_it)
{
  g_autoptr (MilterLint) lint = milter_lint_new (1, NULL);
  g_autofree char *text = NULL;

  lint_talk (lint, 0, MESSAGE "@7 <h:X:~v~ <c");
  cr_assert_eq (milter_lint_get_findings (lint)->len, 1);
  cr_expect_eq (finding_at (lint, 0)->where.line, 7);
  cr_expect_str_eq (finding_at (lint, 0)->where.file, "test");
  text = milter_lint_finding_to_string (finding_at (lint, 0));
  cr_expect (g_str_has_prefix (text, "add-header \"X:\" has a colon in its name; the field is"),
             "%s",
             text);
}

Test (lint, the_same_at_the_same_line_is_told_once_with_a_count)
{
  g_autoptr (MilterLint) lint = milter_lint_new (1, NULL);
  g_autofree char *text = NULL;

  lint_talk (lint, 0, MESSAGE "<h:~v~ <h:~w~ <h:X:~w~ @2 <h:~v~ <c");
  expect_rules (lint, "MOD-05 MOD-05");
  cr_expect_eq (finding_at (lint, 0)->count, 3);
  cr_expect_eq (finding_at (lint, 1)->count, 1);
  text = milter_lint_finding_to_string (finding_at (lint, 0));
  cr_expect (g_str_has_suffix (text, " (3 times)"), "%s", text);
}

Test (lint, milters_of_a_chain_are_told_apart)
{
  g_autoptr (MilterLint) lint = milter_lint_new (2, NULL);

  lint_talk (lint, 0, MESSAGE "<h:~v~ <c");
  lint_talk (lint, 1, MESSAGE "<h:X~v~ <q:~ <c");
  expect_rules (lint, "MOD-05 MOD-12");
  cr_expect_eq (finding_at (lint, 0)->peer, 0);
  cr_expect_eq (finding_at (lint, 1)->peer, 1);
}

Test (lint, a_flood_of_lines_is_counted_and_not_kept)
{
  g_autoptr (MilterLint) lint = milter_lint_new (1, NULL);
  g_autoptr (GString) talk = g_string_new (MESSAGE);
  guint n = 0;

  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (talk, "@%u <h:~v~ ", i);
  lint_talk (lint, 0, talk->str);
  cr_expect_eq (milter_lint_get_findings (lint)->len, 200);
  for (guint i = 0; i < 200; i++)
    n += finding_at (lint, i)->count;
  cr_expect_eq (n, 1000);
}

Test (lint, what_an_mta_provokes_is_not_held_against_the_milter)
{
  static const char *const talks[] = {
    ENVELOPE "raw <c <c end",
    ENVELOPE ">B <c <c end",
    ENVELOPE ">z end",
    ">C <c <h end",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (talks); i++)
    {
      g_autoptr (MilterLint) lint = milter_lint_new (1, NULL);
      g_autofree char *rules = NULL;

      lint_talk (lint, 0, talks[i]);
      rules = lint_rules (lint);
      cr_expect_str_empty (rules, "%s: %s", talks[i], rules);
    }
}

Test (lint, what_frames_hold_is_looked_at_all_the_same)
{
  g_autoptr (MilterLint) lint = milter_lint_new (1, NULL);

  lint_talk (lint, 0, ENVELOPE "raw <h:~v~");
  expect_rules (lint, "MOD-05");
}

Test (lint, a_new_connection_begins_afresh)
{
  g_autoptr (MilterLint) lint = milter_lint_new (1, NULL);

  lint_talk (lint, 0, ENVELOPE "raw end " ENVELOPE "<c");
  expect_rules (lint, "REP-03");
}

Test (lint, stalls_are_of_tcp_alone_and_told_once)
{
  const gboolean over_tcp[] = { TRUE, FALSE };
  const char *talk = ">O <O >C +40 <c @2 >H +40 <c @3 >H +44 <c";
  g_autoptr (MilterLint) lint = milter_lint_new (2, over_tcp);

  lint_talk (lint, 0, talk);
  lint_talk (lint, 1, talk);
  expect_rules (lint, "");
  milter_lint_finish (lint);
  milter_lint_finish (lint);
  expect_rules (lint, "TCP-01");
  cr_expect_eq (finding_at (lint, 0)->peer, 0);
  cr_expect_eq (finding_at (lint, 0)->where.line, 3);
  cr_expect_str_eq (finding_at (lint, 0)->what, "3 frames came 35 to 50 ms after the one before");
}

Test (lint, every_letter_with_any_payload_is_survived)
{
  static const char *const payloads[] = { "", "~", "~~", "x", "#00000000", "#00000001~~~~", "#ffffffffx~y~" };

  for (guint letter = 1; letter < 256; letter++)
    for (gsize i = 0; i < G_N_ELEMENTS (payloads); i++)
      {
        g_autoptr (MilterLint) lint = milter_lint_new (1, NULL);
        g_autofree char *talk = NULL;

        if (letter == ' ')
          continue;
        talk = g_strdup_printf ("<%c:%s " MESSAGE "<%c:%s <c <%c:%s",
                                letter, payloads[i], letter, payloads[i], letter, payloads[i]);
        lint_talk (lint, 0, talk);
        cr_expect_gt (milter_lint_get_findings (lint)->len, 0);
      }
}
