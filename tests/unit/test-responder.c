/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-responder.c: which rule answers, and how its answer leaves.
 */
#include <criterion/criterion.h>

#include "responder-test.h"

typedef struct
{
  const char *rules;
  const char *events;
  const char *done;
} Row;

static void
check (const Row *row, gsize i)
{
  ResponderRun run;
  g_autofree char *done = NULL;

  responder_run_init (&run, row->rules);
  done = responder_run_play (&run, row->events);
  cr_expect_str_eq (done,
                    row->done,
                    "row %zu:\n%s\n-- %s\n-- did --\n%s\n-- instead of --\n%s\n",
                    i,
                    row->rules,
                    row->events,
                    done,
                    row->done);
  responder_run_clear (&run);
}

#define CHECK(rows)                                                                                \
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)                                                  \
  check (&rows[i], i)

Test (responder, the_first_rule_that_matches_answers)
{
  static const Row rows[] = {
    { "on rcpt <b> => accept\non rcpt => reject", "R<b>|\nR<c>|\nM<b>|", "[a]\n[r]\n-" },
    { "on rcpt => reject\non rcpt <b> => accept", "R<b>|", "[r]" },
    { "on data\n=> tempfail", "T\nN", "[t]\n-" },
  };

  CHECK (rows);
}

Test (responder, each_event_has_its_rule)
{
  static const Row rows[] = {
    { "on negotiate => negotiate", "O", "[O 00000006 000001ff 00000000]" },
    { "on connect => accept", "Ch|U", "[a]" },
    { "on helo => accept", "Hx|", "[a]" },
    { "on mail => accept", "M<a>|", "[a]" },
    { "on rcpt => accept", "R<a>|", "[a]" },
    { "on data => accept", "T", "[a]" },
    { "on header X => accept", "LX|v|\nLY|v|\nLx|v|", "[a]\n-\n[a]" },
    { "on eoh => accept", "N", "[a]" },
    { "on body => skip", "Bxyz", "[s]" },
    { "on eom => accept", "E\nEtext", "[a]\n[a]" },
    { "on unknown => reject", "UFOO bar|", "[r]" },
    { "on abort => accept", "A", "[a]" },
    { "on quit => accept", "Q", "[a]" },
    { "on quit-nc => accept", "K", "[a]" },
    { "on close => accept", "close", "[a]" },
    /* macros are none, nor letters that nobody knows */
    { "on abort => accept", "DCj|x|\nZ\nQ\nclose", "-\n-\n-\n-" },
  };

  CHECK (rows);
}

Test (responder, patterns_go_with_the_arguments_in_order)
{
  static const Row rows[] = {
    { "on connect *.example.com 192.0.2.* => accept",
      "Ca.example.com|4|\031192.0.2.7|\nCa.example.com|4|\031198.51.100.1|\nCx|4|\031192.0.2.7|",
      "[a]\n-\n-" },
    { "on connect * unknown => accept", "Cx|U\nCx|4|\0311.2.3.4|", "[a]\n-" },
    { "on connect * unix:/run/* => accept", "Cx|L||/run/x|\nCx|L||/tmp/x|", "[a]\n-" },
    { "on connect * 2001:db8::* => accept",
      "Cx|6|\031IPv6:2001:db8::7|\nCx|6|\0312001:db8::7|\nCx|6|\031::1|",
      "[a]\n[a]\n-" },
    { "on connect * IPv6:* => accept", "Cx|6|\031IPv6:2001:db8::7|", "[a]" },
    { "on connect port=25 => accept", "Cx|4|\0311.2.3.4|\nCx|4|\0321.2.3.4|\nCx|U", "[a]\n-\n-" },
    { "on connect * * port=/^2/ => accept", "Cx|4|\0311.2.3.4|\nCx|4|\0431.2.3.4|", "[a]\n-" },
    { "on helo /^x/i => accept", "HX.example|\nHy|", "[a]\n-" },
    { "on mail <> => accept", "M<>|\nM<a>|", "[a]\n-" },
    { "on mail a@example.com => accept", "M<a@example.com>|\nMa@example.com|", "[a]\n[a]" },
    { "on mail * SIZE=1* BODY=* => accept",
      "M<a>|BODY=8BITMIME|SIZE=100|\nM<a>|SIZE=100|\nM<a>|\nM<a>|BODY=7BIT|SIZE=2|",
      "[a]\n-\n-\n-" },
    { "on rcpt * NOTIFY=NEVER => accept", "R<a>|NOTIFY=NEVER|\nR<a>|\nR<a>|notify=never|", "[a]\n-\n-" },
    { "on body *virus* => accept", "Ba virus!\nBclean", "[a]\n-" },
    { "on eom \"last bytes\" => accept", "Elast bytes\nE", "[a]\n-" },
    { "on unknown \"FOO *\" => accept", "UFOO bar|\nUBAR|", "[a]\n-" },
    { "on body /^a.c$/ => accept", "Ba^c\nBa^cd", "[a]\n-" },
  };

  CHECK (rows);
}

Test (responder, a_field_has_a_name_in_any_case_and_a_value_with_or_without_its_blank)
{
  static const Row rows[] = {
    { "on header x-a: v => accept", "LX-A|v|\nLX-A|w|\nLX-B|v|", "[a]\n-\n-" },
    /* without HDR_LEADSPC nobody knows whether there was one */
    { "on header X:v => accept", "LX|v|\nLX| v|", "[a]\n-" },
    { "on header X:  v => accept", "LX|v|\nLX| v|", "-\n[a]" },
    { "on negotiate => negotiate steps=+HDR_LEADSPC\non header X: v => accept",
      "O\nLX|v|\nLX| v|\nLX|  v|",
      "[O 00000006 000001ff 00100000]\n-\n[a]\n-" },
    { "on negotiate => negotiate steps=+HDR_LEADSPC\non header X:v => accept",
      "O\nLX|v|\nLX| v|",
      "[O 00000006 000001ff 00100000]\n[a]\n-" },
    { "on negotiate => negotiate steps=+HDR_LEADSPC\non header X: /^v/ => accept",
      "O\nLX|v|\nLX| v|",
      "[O 00000006 000001ff 00100000]\n[a]\n[a]" },
  };

  CHECK (rows);
}

Test (responder, an_offer_is_matched_by_what_it_holds)
{
  static const Row rows[] = {
    { "on negotiate version=6 actions=+QUARANTINE => negotiate steps=NODATA", "O",
      "[O 00000006 000001ff 00000200]" },
    { "on negotiate version=2..4 => accept", "O\nO|||\004|||\017||||", "-\n[a]" },
    { "on negotiate steps=-SKIP => accept", "O\nO|||\006|||\017||||", "-\n[a]" },
    { "on negotiate actions=ADDHDRS,CHGBODY => accept", "O|||\006|||\003||||\nO", "[a]\n-" },
  };

  CHECK (rows);
}

Test (responder, macros_are_those_that_are_set_with_and_without_braces)
{
  static const Row rows[] = {
    { "on rcpt {rcpt_mailer}=esmtp => accept",
      "DR{rcpt_mailer}|esmtp|\nR<a>|\nDR{rcpt_mailer}|local|\nR<a>|\nDR{x}|y|\nR<a>|",
      "-\n[a]\n-\n-\n-\n-" },
    { "on eom {i}=*1 {j}=mx => accept", "DCj|mx|\nCx|U\nDMi|A1|\nM<a>|\nR<b>|\nE", "-\n-\n-\n-\n-\n[a]" },
    { "on mail {i}=x => accept", "DM{i}|x|\nM<a>|", "-\n[a]" },
    { "on data {x}=/./ => accept", "T", "-" },
    { "on close {j}=mx => accept", "DCj|mx|\nCx|U\nclose", "-\n-\n[a]" },
  };

  CHECK (rows);
}

Test (responder, n_is_the_nth_of_its_kind)
{
  static const Row rows[] = {
    /* in this message, whatever its arguments are */
    { "on rcpt 2 => accept", "M<a>|\nR<b>|\nR<c>|\nR<d>|\nE\nM<a>|\nR<b>|\nR<c>|",
      "-\n-\n[a]\n-\n-\n-\n-\n[a]" },
    { "on rcpt 2 <b> => accept", "M<a>|\nR<b>|\nR<b>|\nR<b>|", "-\n-\n[a]\n-" },
    { "on rcpt 2 <b> => accept", "M<a>|\nR<c>|\nR<b>|", "-\n-\n[a]" },
    { "on rcpt 1 => accept", "M<a>|\nR<b>|\nA\nM<a>|\nR<b>|", "-\n[a]\n-\n-\n[a]" },
    { "on body 2 => accept", "M<a>|\nBx\nBy\nE\nBx\nBy", "-\n-\n[a]\n-\n-\n[a]" },
    { "on data 1 => accept", "M<a>|\nT\nM<a>|\nT", "-\n[a]\n-\n[a]" },
    /* of a field among those of its name */
    { "on header 2 X => accept", "M<a>|\nLX|1|\nLY|2|\nLx|3|\nLX|4|\nM<a>|\nLX|1|\nLX|2|",
      "-\n-\n-\n[a]\n-\n-\n-\n[a]" },
    { "on header 1 X => accept\non header 2 Y => reject", "LX|1|\nLY|1|\nLY|2|", "[a]\n-\n[r]" },
    /* on this connection */
    { "on helo 2 => accept", "Hx|\nHx|\nHx|", "-\n[a]\n-" },
    { "on mail 2 => accept", "M<a>|\nA\nM<a>|", "-\n-\n[a]" },
    { "on eom 2 => accept", "M<a>|\nE\nM<a>|\nE", "-\n-\n-\n[a]" },
    { "on unknown 2 => accept", "Ux|\nM<a>|\nUx|", "-\n-\n[a]" },
    /* in the run: quit-nc begins another session */
    { "on connect 2 => accept", "O\nCx|U\nK\nCx|U", "-\n-\n-\n[a]" },
  };

  CHECK (rows);
}

Test (responder, connections_and_offers_are_counted_in_the_whole_run)
{
  ResponderRun run;
  static const char *const expected[] = { "-\n-\n-", "[O 00000006 00000000 00000000]\n[a]\n-", "-\n-\n-" };

  responder_run_init (&run,
                      "on negotiate 2 => negotiate actions=none\n"
                      "on connect 2 => accept\n"
                      "on helo 2 => accept\n");
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autofree char *done = responder_run_play (&run, "O\nCx|U\nHx|");

      cr_expect_str_eq (done, expected[i], "connection %u: %s", i, done);
    }
  responder_run_clear (&run);
}

Test (responder, continue_follows_where_no_line_is_a_reply)
{
  static const Row rows[] = {
    { "on rcpt => add-header X: y", "R<b>|", "[hX|y|][c]" },
    { "on rcpt => stall 1s", "R<b>|", "wait 1000 [c]" },
    { "on rcpt => send-as split 3", "R<b>|", "(000000) (0163)" },
    { "on rcpt => none", "R<b>|", "" },
    { "on rcpt\n=> add-header X: y\n=> none", "R<b>|", "[hX|y|]" },
    { "on rcpt => frame Z", "R<b>|", "[Z]" },
    { "on rcpt => raw xy", "R<b>|", "(7879)" },
    { "on rcpt => close", "R<b>|", "close" },
    { "on rcpt => reset", "R<b>|", "reset" },
    { "on rcpt => half-close", "R<b>|\nR<c>|", "half-close\n" },
    { "on rcpt => close after 3 bytes", "R<b>|", "(000000) close" },
    { "on rcpt => progress", "R<b>|", "[p][c]" },
    /* an offer is answered with what it always is */
    { "on negotiate => stall 1s", "O", "wait 1000 [O 00000006 000001ff 00000000]" },
    { "on negotiate => continue", "O", "[c]" },
    /* nothing where no reply was agreed, or there never is one */
    { "on negotiate => negotiate steps=+NR_RCPT,+NR_HDR\non rcpt => add-header X: y\non header X => accept",
      "O\nR<b>|\nLX|y|\nLY|z|\nM<a>|",
      "[O 00000006 000001ff 00008080]\n[hX|y|]\n[a]\n-\n-" },
    { "on abort => progress\non quit => progress\non quit-nc => progress", "A\nQ\nK", "[p]\n[p]\n[p]" },
    { "on close => progress", "close", "[p]" },
  };
  CHECK (rows);
}
