/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rule-book.c: `expect`, held against all that came.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "responder-test.h"

typedef struct
{
  const char *rules;
  const char *events; /* of one connection */
  const char *verdict;
} JudgeRow;

static void
check (const JudgeRow *rows, gsize n_rows)
{
  for (gsize i = 0; i < n_rows; i++)
    {
      ResponderRun run;
      g_autofree char *done = NULL;
      g_autofree char *verdict = NULL;

      responder_run_init (&run, rows[i].rules);
      done = responder_run_play (&run, rows[i].events);
      verdict = responder_run_judge (&run);
      cr_expect_str_eq (verdict,
                        rows[i].verdict,
                        "row %zu:\n%s\n-- %s\n-- gave --\n%s\n-- instead of --\n%s\n",
                        i,
                        rows[i].rules,
                        rows[i].events,
                        verdict,
                        rows[i].verdict);
      responder_run_clear (&run);
    }
}

#define CHECK(rows) check (rows, G_N_ELEMENTS (rows))

Test (rule_book, so_many_events_have_to_come)
{
  static const JudgeRow rows[] = {
    { "expect 1 data", "T", "" },
    { "expect 2.. rcpt <b*>", "R<b1>|\nR<a>|\nR<b2>|\nR<b3>|", "" },
    { "expect 0 data", "R<a>|", "" },
    { "expect 1..2 close", "close", "" },
    { "expect 1 header X: v", "LX|v|\nLX|w|\nLY|v|", "" },
    { "expect 1 rcpt 2 <b>", "M<x>|\nR<b>|\nR<b>|\nR<b>|", "" },
    { "expect 2 connect {j}=x", "DCj|x|\nCh|U\nK\nDCj|x|\nCh|U", "" },
    { "expect 1 negotiate version=6", "O", "" },
    /* a rule about frames answers it, and it has come all the same */
    { "on frame R => reject\nexpect 1 rcpt <b>", "R<b>|", "" },
    { "on frame T => none\nexpect 0 data",
      "T",
      "2: expect 0 data | no such data in the whole run | 1; the first was data\n" },
    /* what nobody can read is none */
    { "expect 1 rcpt", "Ra\nR<a>|", "" },
    { "expect 0 data\n",
      "T",
      "1: expect 0 data | no such data in the whole run | 1; the first was data\n" },
    { "expect 1..2 rcpt",
      "R<a>|\nR<b>|\nR<c>|\nR<d>|",
      "1: expect 1..2 rcpt | 1 to 2 such rcpt in the whole run | 4; the first too many was rcpt "
      "<c>\n" },
    { "expect 2 helo", "Hx|", "1: expect 2 helo | 2 such helo in the whole run | 1\n" },
    { "\nexpect 1.. data # why",
      "Cx|U\nHx|\nHy|",
      "2: expect 1.. data | at least 1 such data in the whole run | 0; what came in the run: 1 "
      "connect, 2 "
      "helo\n" },
    { "expect 1 data",
      "",
      "1: expect 1 data | 1 such data in the whole run | 0; what came in the run: nothing\n" },
  };

  CHECK (rows);
}

/* what nearly was one, and why it was none */
#define MISS(line, events, event, why)                                                             \
  {                                                                                                \
    "expect 1.. " line, events,                                                                    \
        "1: expect 1.. " line " | at least 1 such " event                                          \
        " in the whole run | 0; the last that did not count was " why "\n"                         \
  }

Test (rule_book, the_nearest_miss_tells_why_it_is_none)
{
  static const JudgeRow rows[] = {
    MISS ("rcpt <b>", "R<a>|\nR<c>|", "rcpt", "rcpt <c>: its address does not match <b>"),
    MISS ("mail * SIZE=1",
          "M<a>|BODY=7BIT|",
          "mail",
          "mail <a> BODY=7BIT: none of its arguments matches SIZE=1"),
    MISS ("connect *.example.com",
          "Cx|U",
          "connect",
          "connect x unknown: its host does not match *.example.com"),
    MISS ("connect * 192.0.2.1",
          "Cx|U",
          "connect",
          "connect x unknown: its address does not match 192.0.2.1"),
    MISS ("connect port=25",
          "Cx|4|\0321.2.3.4|",
          "connect",
          "connect x 1.2.3.4 port=26: its port does not match 25"),
    MISS ("header X: /v/i", "LX|w|\nLY|v|", "header", "header X: w: its value does not match /v/i"),
    MISS ("rcpt 2 <a>", "M<x>|\nR<a>|", "rcpt", "rcpt <a>: it is number 1 of its message, not 2"),
    MISS ("rcpt {m}=esmtp",
          "DRm|local|\nR<a>|",
          "rcpt",
          "rcpt <a>: its macro m is \"local\", which does not match esmtp"),
    MISS ("rcpt {mm}=esmtp", "R<a>|", "rcpt", "rcpt <a>: it has no macro {mm}, to match esmtp"),
    MISS ("negotiate version=2",
          "O|||\006|||\001||||",
          "negotiate",
          "negotiate version=6 actions=ADDHDRS steps=none: it offers something else"),
    MISS ("close {j}=x", "close", "close", "close: it has no macro j, to match x"),
  };

  CHECK (rows);
}

Test (rule_book, counts_go_over_all_connections)
{
  ResponderRun run;
  g_autofree char *verdict = NULL;

  responder_run_init (
      &run, "on rcpt => reject\nexpect 3 rcpt <b>\nexpect 2 connect\nexpect 0 connect 3\n");
  for (guint i = 0; i < 3; i++)
    g_free (responder_run_play (&run, "Cx|U\nR<b>|"));
  verdict = responder_run_judge (&run);
  cr_assert_str_eq (
      verdict,
      "3: expect 2 connect | 2 such connect in the whole run | 3; the first too many was connect x "
      "unknown\n"
      "4: expect 0 connect 3 | no such connect in the whole run | 1; the first was connect x "
      "unknown\n",
      "%s",
      verdict);
  responder_run_clear (&run);
}

Test (rule_book, what_cannot_be_decided_fails)
{
  static const JudgeRow rows[] = {
    { "expect 0 body /(a+)+$/",
      "Baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
      "1: expect 0 body /(a+)+$/ | no such body in the whole run | 0; what came in the run: 1 "
      "body; on some a "
      "regular expression goes back without end, and was given up\n" },
    { "on frame B /(a+)+$/ => reject",
      "Baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
      "1: on frame B /(a+)+$/ | a pattern that can be decided | a regular expression goes back "
      "without end, and "
      "was given up\n" },
    { "on body /(a+)+$/ => reject",
      "Baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
      "1: on body /(a+)+$/ | a pattern that can be decided | a regular expression goes back "
      "without end, and "
      "was given up\n" },
  };

  CHECK (rows);
}

Test (rule_book, a_line_that_held_is_told_as_well)
{
  ResponderRun run;
  g_autoptr (GPtrArray) verdicts = NULL;
  const MilterExpectVerdict *verdict;

  responder_run_init (&run, "on rcpt => reject\nexpect 1.. rcpt\n");
  g_free (responder_run_play (&run, "R<a>|\nR<b>|"));
  verdicts = milter_rule_book_judge (run.book);
  cr_assert_eq (verdicts->len, 1);
  verdict = g_ptr_array_index (verdicts, 0);
  cr_assert_eq (verdict->count, 2);
  cr_assert_eq (verdict->rule->where.line, 2);
  cr_assert_null (verdict->failure);
  responder_run_clear (&run);
}
