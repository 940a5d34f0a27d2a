/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-scenario-digest.c: whatever a scenario says changes its digest; how and where it says it does
 * not.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-scenario-private.h"

static char *
digest (const char *text)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = milter_scenario_parse (
      "t", text, strlen (text), NULL, MILTER_SCENARIO_EITHER, errors);

  cr_assert_not_null (scenario, "%s\n%s", text, errors->str);
  return milter_scenario_get_digest (scenario);
}

/* each line differs from the one before it in one thing */
static const char *const files[] = {
  "session",
  "session a",
  "session 1",
  "session from=a",
  "session to=a",
  "+0 session",
  "+1 session",
  "@1 session",
  "@2 session",
  "mta exact\nsession",
  "timeout 1s\nsession",
  "send-as split 1\nsession",
  "send-as split 2\nsession",
  "send-as random 2\nsession",
  "macro mail a=b\nsession",
  "macro mail a=c\nsession",
  "macro mail -a\nsession",
  "macro rcpt -a\nsession",
  "start 2026-11-22T14:56:23Z\nsession",
  "require ipv6\nsession",
  "require root\nsession",
  "require program a\nsession",
  "require file a\nsession",
  "require negotiate steps=SKIP\nsession",
  "require negotiate steps=+SKIP\nsession",
  "spawn a\nsession",
  "spawn a b\nsession",
  "milter a spawn b\nsession",
  "milter a unix:b\nsession",
  "milter a unix:c\nsession",
  "repeat 2 session",
  "parallel session",
  "parallel 2 session",
  "parallel session\nparallel session",
  "parallel session\nsession",
  "parallel session $p",
  "parallel session x$p",
  "session\nsession",
  "on data",
  "on eoh",
  "expect 0 data",
  "expect 1 data",
  "expect 1.. data",
  "on close",
  "on data 2",
  "on data {i}=a",
  "on data {i}=a*",
  "on data {j}=a",
  "on helo a",
  "on helo /a/",
  "on helo /a/i",
  "on header X",
  "on header Y",
  "on header X: a",
  "on header X:a",
  "on negotiate steps=SKIP",
  "on data => accept",
  "on data => reject",
  "on data => close",
  "on data => reset",
  "on data => close after 1 bytes",
  "on data => stall 1s",
  "on data => stall 2s",
  "on data => stall 1s reading",
};

/* the same in a session */
static const char *const lines[] = {
  "mta exact",
  "timeout 1s",
  "timeout 2s",
  "message",
  "message a",
  "require ipv6",
  "mail",
  "mail a",
  "mail a b",
  "mail \"a b\"",
  "rcpt a",
  "+1 mail",
  "repeat 2 mail",
  "repeat 3 mail",
  "repeat 2 mail $n",
  "repeat 2 mail 1",
  "repeat 2 message\nmail",
  "repeat 2 message\nmail\nmail",
  "connect a",
  "connect a 192.0.2.1",
  "connect a port=1",
  "connect a port=2",
  "header X: a",
  "header X:a",
  "header \"X\": \"a\\n\"",
  "body x",
  "frame M",
  "frame M \"\"",
  "frame M x",
  "raw x",
  "eml <<E\nE",
  "eml <<E\nx\nE",
  "generate size=1",
  "generate size=1 seed=2",
  "barrier a",
  "barrier b",
  "send-as whole",
  "send-as together",
  "stall 1s",
  "close",
  "close after 0 bytes",
  "half-close",
  "reset",
  "lost",
  "lost 1",
  "negotiate",
  "negotiate version=5",
  "negotiate actions=ADDHDRS",
  "negotiate actions=+ADDHDRS",
  "negotiate actions=-ADDHDRS",
  "negotiate steps=SKIP",
  "negotiate symbols=none",
  "negotiate symbols-mail=i",
  "negotiate symbols-rcpt=i",
  "negotiate tail=i",
  "negotiate => negotiate version=2..5",
  "negotiate => negotiate symbols-rcpt=i*",
  "eom",
  "eom => accept",
  "eom => from a accept",
  "eom => accept within 1s",
  "eom => accept | reject",
  "eom => any",
  "eom => none",
  "eom => 450",
  "eom => 4xx",
  "eom => 450 4.7.1",
  "eom => 450 a",
  "eom => 450 a*",
  "eom => 450 /a/",
  "eom => frame y a",
  "eom => raw a",
  "eom => add-header X",
  "eom => add-header X: a",
  "eom => add-header X:a",
  "eom => insert-header X",
  "eom => insert-header 0 X",
  "eom => insert-header 1 X",
  "eom => change-header X",
  "eom => delete-header X",
  "eom => add-rcpt a",
  "eom => add-rcpt a b",
  "eom => no add-header X",
  "eom => only",
  "eom => ordered",
  "eom => accept\n=> and x",
  "eom => accept\n=> and not x",
  "eom\n+1 => accept",
  "eom => result <<E\nE",
  "eom => result <<E\na\nE",
  "eom => result <<E ignoring A\nE",
  "eom => result <<E ignoring A,B\nE",
};

Test (scenario_digest, whatever_is_said_counts)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (gsize i = 0; i < G_N_ELEMENTS (files) + G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = i < G_N_ELEMENTS (files)
                                  ? g_strdup (files[i])
                                  : g_strdup_printf ("session\n%s", lines[i - G_N_ELEMENTS (files)]);
      char *sum = digest (text);

      cr_expect_null (g_hash_table_lookup (seen, sum), "%s\n-- is as --\n%s", text,
                      (const char *) g_hash_table_lookup (seen, sum));
      g_hash_table_replace (seen, sum, g_steal_pointer (&text));
    }
}

Test (scenario_digest, how_it_is_said_does_not_count)
{
  g_autofree char *one = digest ("let a x\nsession \"s\"\nmail $a \"\\x41\"\n=> 451 \"b\" # c\n\n=> and /a/");
  g_autofree char *other = digest ("# c\n\nsession s\n\n  mail x A => 451   b\n  =>   and   /a/");

  cr_assert_str_eq (one, other);
}
