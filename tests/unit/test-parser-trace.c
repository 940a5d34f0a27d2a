/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-trace.c: times and connections before lines, and what stands under what.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

static MilterScenario *
parse (const char *text)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  MilterScenario *scenario
      = milter_scenario_parse ("t", text, strlen (text), NULL, MILTER_SCENARIO_SESSIONS, errors);

  cr_assert_not_null (scenario, "%s\n%s", text, errors->str);
  return scenario;
}

static void
check (const char *text, const char *expected)
{
  g_autofree char *dump = dump_text ("t", text, strlen (text));

  cr_expect_str_eq (dump, expected, "%s\n-- gave --\n%s-- instead of --\n%s", text, dump, expected);
}

static const char recording[]
    = "start 2026-11-22T14:56:23.101Z\n"
      "mta exact\n"
      "+0 @1 session from=127.0.0.1:34290 to=127.0.0.1:21301\n"
      "+0.0001 @1 negotiate version=6 actions=all steps=all\n"
      "+0.0002 @1 => negotiate version=6 actions=ADDHDRS,CHGHDRS steps=NOCONNECT,NOHELO\n"
      "+0.0007 @1 macro mail i=4F1 {mail_addr}=alice@example.com\n"
      "+0.0007 @1 mail <alice@example.com>\n"
      "+0.0020 @1 => frame y \"550 5.7.1 no, 50% sure\\0\"\n"
      "+0.0031 @1 lost 144\n"
      "+12.000000001 @1 close\n";

Test (parser_trace, a_recording_is_a_scenario)
{
  check (recording,
         "session 1 mta=exact from=127.0.0.1:34290 to=127.0.0.1:21301\n"
         "  negotiate version=6 actions=0x1ff steps=0x1fffff\n"
         "    => NEGOTIATE O version=6 actions=0x11 steps=0x3\n"
         "  macro M i=4F1 {mail_addr}=alice@example.com\n"
         "  mail <alice@example.com>\n"
         "    => FRAME 0x79 \"550 5.7.1 no, 50% sure\\0\"\n"
         "  LOST 144\n"
         "  CLOSE\n");
}

Test (parser_trace, times_and_addresses_are_kept)
{
  g_autoptr (MilterScenario) scenario = parse (recording);
  const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, 0);
  const MilterStep *negotiate = g_ptr_array_index (session->steps, 0);
  const MilterStep *last = g_ptr_array_index (session->steps, session->steps->len - 1);
  const MilterExpectation *answer = g_ptr_array_index (negotiate->expectations, 0);

  cr_assert_str_eq (scenario->start, "2026-11-22T14:56:23.101Z");
  cr_assert_str_eq (session->connection, "1");
  cr_assert_str_eq (session->from, "127.0.0.1:34290");
  cr_assert_str_eq (session->to, "127.0.0.1:21301");
  cr_assert (session->has_time && session->time_ns == 0);
  cr_assert (negotiate->has_time && negotiate->time_ns == 100000);
  cr_assert (answer->has_time && answer->time_ns == 200000);
  cr_assert (last->has_time && last->time_ns == 12000000001);
}

Test (parser_trace, a_line_without_a_time_has_none)
{
  g_autoptr (MilterScenario) scenario = parse ("+1 session\n+2 mail\n => accept\nrcpt => 4xx\n");
  const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, 0);
  const MilterStep *mail = g_ptr_array_index (session->steps, 0);
  const MilterStep *rcpt = g_ptr_array_index (session->steps, 1);
  const MilterExpectation *answer = g_ptr_array_index (mail->expectations, 0);

  cr_assert (mail->has_time && !answer->has_time && !rcpt->has_time);
}

Test (parser_trace, lines_of_connections_may_alternate)
{
  check ("@a session\n"
         "@a helo a\n"
         "@b session other\n"
         "@b helo b\n"
         "@a => 4xx\n"
         "@b => 5xx\n"
         "@b eml <<END\n"
         "  x\n"
         "  END\n"
         "@a mail\n"
         "@b => accept\n"
         "@a => reject\n"
         "session third\n"
         "@a rcpt\n"
         "  helo c\n"
         "@b session again\n"
         "  => tempfail\n"
         "@b quit\n",
         "session 1\n"
         "  helo a\n"
         "    => CODE y 4xx\n"
         "  mail\n"
         "    => REPLY r\n"
         "  rcpt\n"
         "session other\n"
         "  helo b\n"
         "    => CODE y 5xx\n"
         "  EML \"x\\r\\n\"\n"
         "    => REPLY a\n"
         "session third\n"
         "  helo c\n"
         "    => REPLY t\n"
         "session again\n"
         "  quit\n");
}

Test (parser_trace, an_error_spoils_its_own_connection_only)
{
  check ("@a session\n"
         "@b session\n"
         "@a mial\n"
         "@b mail\n"
         "@a => accept\n"
         "@b => acept\n",
         "t:3:4: expected a verb (\"mail\"?), got \"mial\"\n"
         "t:6:7: expected an answer (\"accept\"?), got \"acept\"\n");
}

static const struct
{
  const char *text;
  const char *error;
} errors[] = {
  { "+ session", "1:1: expected seconds (of 60 years at most) with at most nine decimals, as +0 or +1.25, got \"+\"" },
  { "+1. session", "1:1: expected seconds (of 60 years at most) with at most nine decimals, as +0 or +1.25, got \"+1.\"" },
  { "+.5 session", "1:1: expected seconds (of 60 years at most) with at most nine decimals, as +0 or +1.25, got \"+.5\"" },
  { "+1s session", "1:1: expected seconds (of 60 years at most) with at most nine decimals, as +0 or +1.25, got \"+1s\"" },
  { "+1.0123456789 session",
    "1:1: expected seconds (of 60 years at most) with at most nine decimals, as +0 or +1.25, got \"+1.0123456789\"" },
  { "+1900000001 session",
    "1:1: expected seconds (of 60 years at most) with at most nine decimals, as +0 or +1.25, got \"+1900000001\"" },
  { "@ session", "1:1: expected the name of a connection as @1 (letters, digits, - _ . :), got \"@\"" },
  { "@a\"b session",
    "1:1: expected the name of a connection as @1 (letters, digits, - _ . :), got \"@a\"b\"" },
  { "@1 mail", "1:4: expected \"session\" before the first command, got \"mail\"" },
  { "@1 let a b", "1:4: expected \"session\" before the first line of a connection, got \"let\"" },
  { "@1 on eom", "1:4: expected \"session\" before the first line of a connection, got \"on\"" },
  { "@1 => accept", "1:4: expected a command that is answered before \"=>\", got \"=>\"" },
  { "@1 +1 session", "1:4: expected +SECONDS, then @CONN, then a verb, got \"+1\"" },
  { "@1 session\nmta exact", "2:1: expected \"session\", \"on\" or \"expect\" (what holds for the "
                             "whole file stands before its first session), got \"mta\"" },
  { "start now", "1:7: expected a time as 2026-11-22T14:56:23.101Z, got \"now\"" },
  { "start 20261122T145623Z", "1:7: expected a time as 2026-11-22T14:56:23.101Z, got "
                              "\"20261122T145623Z\"" },
  { "start 2026-11-22T14:56:23", "1:7: expected a time as 2026-11-22T14:56:23.101Z, got "
                                 "\"2026-11-22T14:56:23\"" },
  { "start 2026-13-22T14:56:23Z", "1:7: expected a time as 2026-11-22T14:56:23.101Z, got "
                                  "\"2026-13-22T14:56:23Z\"" },
  { "start 3026-11-22T14:56:23Z",
    "1:7: expected a time of the years 1970 to 2199, got \"3026-11-22T14:56:23Z\"" },
  { "start 1926-11-22T14:56:23Z",
    "1:7: expected a time of the years 1970 to 2199, got \"1926-11-22T14:56:23Z\"" },
  { "start 2026-11-22T14:56:23Z\nstart 2026-11-22T14:56:23+01:00", "2:7: expected one start, got "
                                                                   "\"2026-11-22T14:56:23+01:00\"" },
};

Test (parser_trace, what_is_wrong_is_told_with_its_place)
{
  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      g_autofree char *expected = g_strdup_printf ("t:%s\n", errors[i].error);
      g_autofree char *text = g_strdup_printf ("%s\nsession\n", errors[i].text);

      check (text, expected);
    }
}

Test (parser_trace, the_largest_and_the_finest_times_are_read)
{
  g_autoptr (MilterScenario) scenario = parse ("session\n+1900000000.999999999 mail\n+0.000000001 rcpt\n");
  const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, 0);
  const MilterStep *mail = g_ptr_array_index (session->steps, 0);
  const MilterStep *rcpt = g_ptr_array_index (session->steps, 1);

  cr_assert_eq (mail->time_ns, G_GINT64_CONSTANT (1900000000999999999));
  cr_assert_eq (rcpt->time_ns, 1);
}
