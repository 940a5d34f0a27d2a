/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-sessions.c: sessions that are played several times, and what belongs to a message that
 * is repeated.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

static void
check (const char *text, const char *expected)
{
  g_autofree char *dump = dump_text ("t", text, strlen (text));

  cr_expect_str_eq (dump, expected, "%s\n-- gave --\n%s-- instead of --\n%s", text, dump, expected);
}

/* ---- repeat ---- */

Test (parser_sessions, a_command_is_repeated_with_its_expectations)
{
  check ("session\n"
         "repeat 3 rcpt <a> => 4xx\n"
         "  => and /x/\n"
         "data\n",
         "session 1\n"
         "  REPEAT 3\n"
         "    rcpt <a>\n"
         "    => CODE y 4xx\n"
         "    => and /x/\n"
         "  data\n");
}

Test (parser_sessions, a_message_is_repeated_with_its_lines)
{
  check ("session\n"
         "  repeat 2 message m\n"
         "    timeout 1s\n"
         "    macro mail i=1\n"
         "    mail <>\n"
         "    repeat 3 rcpt <a>\n"
         "    stall 1s\n"
         "    barrier b\n"
         "    send-as whole\n"
         "    frame X\n"
         "    unknown FOO\n"
         "    eml <<END\n"
         "      A: b\n"
         "      END\n"
         "    eom => only\n"
         "    abort\n"
         "  message next\n",
         "session 1\n"
         "  REPEAT 2\n"
         "    MESSAGE m\n"
         "    TIMEOUT 1000000\n"
         "    macro M i=1\n"
         "    mail <>\n"
         "    REPEAT 3\n"
         "      rcpt <a>\n"
         "    STALL 1000000\n"
         "    BARRIER b\n"
         "    SEND-AS whole\n"
         "    FRAME X\n"
         "    unknown FOO\n"
         "    EML \"A: b\\r\\n\"\n"
         "    eom\n"
         "    => only\n"
         "    abort\n"
         "  MESSAGE next\n");
}

/* lines that belong to no message */
static const struct
{
  const char *line;
  const char *step;
} ends[] = {
  { "negotiate", "negotiate" },
  { "connect a", "connect a" },
  { "helo a", "helo a" },
  { "macro helo a=b", "macro H a=b" },
  { "quit", "quit" },
  { "quit-nc", "quit-nc" },
  { "close", "CLOSE" },
  { "reset after 3 bytes", "RESET after 3" },
  { "half-close", "HALF-CLOSE" },
  { "mail <b>", "mail <b>" },
  { "macro mail a=b", "macro M a=b" },
  { "message", "MESSAGE" },
};

Test (parser_sessions, lines_of_the_connection_and_of_the_next_message_are_not_repeated)
{
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *text = g_strdup_printf (
          "session\nrepeat 2 message\nmail <a>\neom\n%s\ndata\n", ends[i].line);
      g_autofree char *expected
          = g_strdup_printf ("session 1\n  REPEAT 2\n    MESSAGE\n    mail <a>\n    eom\n"
                             "  %s\n  data\n",
                             ends[i].step);

      check (text, expected);
    }
}

Test (parser_sessions, a_mail_begins_another_message_behind_any_command_of_one)
{
  check ("session\nrepeat 2 message\nbody x\nmail <b>\n",
         "session 1\n  REPEAT 2\n    MESSAGE\n    body x\n  mail <b>\n");
  check ("session\nrepeat 2 message\ngenerate size=1\nmail <b>\n",
         "session 1\n  REPEAT 2\n    MESSAGE\n    GENERATE 1 seed=1\n  mail <b>\n");
}

Test (parser_sessions, messages_that_are_repeated_follow_each_other)
{
  check ("session\nrepeat 2 message a\nmail\nrepeat 3 message b\nrcpt\nsession\ndata\n",
         "session 1\n"
         "  REPEAT 2\n    MESSAGE a\n    mail\n"
         "  REPEAT 3\n    MESSAGE b\n    rcpt\n"
         "session 2\n  data\n");
}

Test (parser_sessions, a_rule_ends_what_is_repeated)
{
  check ("session\nrepeat 2 message a\nmail\non rcpt\n  => accept\n",
         "session 1\n  REPEAT 2\n    MESSAGE a\n    mail\n");
}

Test (parser_sessions, sessions_are_repeated_and_parallel)
{
  check ("session one\n"
         "repeat 2 session two\n"
         "parallel session three\n"
         "parallel 50 session four\n"
         "repeat 3 parallel 4 session five\n"
         "session six\n"
         "parallel session seven\n",
         "session one\n"
         "session two repeat=2\n"
         "session three parallel=1 group=1\n"
         "session four parallel=50 group=1\n"
         "session five repeat=3 parallel=4 group=1\n"
         "session six\n"
         "session seven parallel=1 group=2\n");
}

/* ---- names ---- */

static void
check_name (const char *line, guint round, guint copy, const char *expected)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = milter_scenario_parse (
      "t", line, strlen (line), NULL, MILTER_SCENARIO_SESSIONS, errors);
  g_autofree char *name = NULL;

  cr_assert_not_null (scenario, "%s", errors->str);
  name = milter_scenario_session_make_name (
      g_ptr_array_index (scenario->sessions, 0), round, copy);
  cr_expect_str_eq (name, expected, "%s gave %s", line, name);
}

Test (parser_sessions, names_tell_rounds_and_copies)
{
  check_name ("session a", 1, 1, "a");
  check_name ("session", 1, 1, "1");
  check_name ("repeat 2 session a", 1, 1, "a (round 1)");
  check_name ("repeat 2 session a", 2, 1, "a (round 2)");
  check_name ("parallel session a", 1, 1, "a");
  check_name ("parallel 3 session a", 1, 3, "a (copy 3)");
  check_name ("repeat 9 parallel 3 session a", 8, 3, "a (round 8, copy 3)");
  check_name ("repeat 9 parallel 3 session", 8, 3, "1 (round 8, copy 3)");
}

Test (parser_sessions, names_may_hold_rounds_and_copies)
{
  check_name ("parallel 3 session a$p", 1, 3, "a3");
  check_name ("repeat 9 parallel 3 session \"$n of ${p}s\"", 8, 3, "8 of 3s");
  check_name ("repeat 9 parallel 3 session a$p", 8, 3, "a3 (round 8)");
  check_name ("repeat 9 parallel 3 session a$n", 8, 3, "a8 (copy 3)");
  check_name ("let who u$n-$p\nrepeat 9 session \"$who \"*2", 8, 3, "u8-3 u8-3 ");
}

/* ---- mistakes ---- */

#define COUNT "expected how often, a number from 1 to 4294967295, got "
#define COPIES "expected how often, a number from 1 to 65535, got "
#define AFTER "expected a command, message or session behind \"repeat\", got "

static const struct
{
  const char *text;
  const char *errors;
} mistakes[] = {
  { "session\nrepeat\n", "t:2:7: " COUNT "the end of the line\n" },
  { "session\nrepeat data\n", "t:2:8: " COUNT "\"data\"\n" },
  { "session\nrepeat 0 data\n", "t:2:8: " COUNT "\"0\"\n" },
  { "session\nrepeat 4294967296 data\n", "t:2:8: " COUNT "\"4294967296\"\n" },
  { "session\nrepeat 99999 session\nrepeat 2 session\n",
    "t:3:1: expected at most 100000 sessions with all rounds and copies, got more (messages can be "
    "repeated, too)\n" },
  { "repeat 4294967295 parallel 65535 session\nrepeat 4294967295 parallel 65535 session\n",
    "t:1:1: expected at most 100000 sessions with all rounds and copies, got more (messages can be "
    "repeated, too)\n" },
  { "session\nrepeat 2\n", "t:2:9: expected a verb, got the end of the line\n" },
  { "session\nrepeat 2 => accept\n", "t:2:10: expected a verb, got \"=>\"\n" },
  { "session\nrepeat 2 repeat 3 data\n", "t:2:10: " AFTER "\"repeat\"\n" },
  { "session\nrepeat 2 timeout 1s\n", "t:2:10: " AFTER "\"timeout\"\n" },
  { "session\nrepeat 2 let a b\n", "t:2:10: " AFTER "\"let\"\n" },
  { "session\nrepeat 2 include a\n", "t:2:10: " AFTER "\"include\"\n" },
  { "session\nrepeat 2 close\n", "t:2:10: " AFTER "\"close\"\n" },
  { "session\nrepeat 2 on rcpt\n", "t:2:10: " AFTER "\"on\"\n" },
  { "repeat 2 macro mail a=b\nsession\n", "t:1:10: " AFTER "\"macro\"\n" },
  { "repeat 2 rctp\nsession\n", "t:1:10: expected a verb (\"rcpt\"?), got \"rctp\"\n" },
  { "repeat x session\ndata\n", "t:1:8: " COUNT "\"x\"\n" },
  { "parallel 0 session\ndata\n", "t:1:10: " COPIES "\"0\"\n" },
  { "parallel 65536 session\ndata\n", "t:1:10: " COPIES "\"65536\"\n" },
  { "parallel 2 data\n",
    "t:1:12: expected \"session\" behind \"parallel\" (\"repeat\" stands before it), got \"data\"\n" },
  { "parallel 2 repeat 2 session\n",
    "t:1:12: expected \"session\" behind \"parallel\" (\"repeat\" stands before it), got "
    "\"repeat\"\n" },
  { "session\nrepeat $n data\n",
    "t:2:8: expected a number that is the same in every round, got \"$n\"\n" },
  { "session\nrepeat 2 message\n",
    "t:2:1: expected lines of a message below this one, which are repeated, got none\n" },
  { "session\n  repeat 2 message\nhelo x\nmail\n",
    "t:2:3: expected lines of a message below this one, which are repeated, got none\n" },
  { "session from=a from=b\n",
    "t:1:16: expected one address that a connection comes from, got \"from=b\"\n" },
};

Test (parser_sessions, every_mistake_has_its_line)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    check (mistakes[i].text, mistakes[i].errors);
}
