/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-responder.c: which rule answers, and how its answer leaves.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "responder-test.h"

Test (responder, the_first_rule_that_matches_answers)
{
  static const ResponderRow rows[] = {
    { "on rcpt <b> => accept\non rcpt => reject", "R<b>|\nR<c>|\nM<b>|", "[a]\n[r]\n-" },
    { "on rcpt => reject\non rcpt <b> => accept", "R<b>|", "[r]" },
    { "on data\n=> tempfail", "T\nN", "[t]\n-" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, each_event_has_its_rule)
{
  static const ResponderRow rows[] = {
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

  RESPONDER_CHECK (rows);
}

Test (responder, rules_about_frames_are_asked_first)
{
  static const ResponderRow rows[] = {
    { "on frame Z => continue", "Z\nZx\nY", "[c]\n[c]\n-" },
    { "on frame Z \"a*\" => none", "Z\nZab", "-\n" },
    { "on helo => accept\non frame H => reject", "Hx|", "[r]" },
    /* also those that nobody can read, and macros */
    { "on frame H => continue\non helo => accept", "Hx", "[c]" },
    { "on frame D => continue", "DHx|y|\nHx|", "[c]\n-" },
    /* what they answer has come, and is numbered */
    { "on frame H \"a*\" => none\non helo 2 => reject", "Ha|\nHx|", "\n[r]" },
    { "on frame L \"X*\" => none\non header 2 X => reject", "LX|v|\nLx|v|", "\n[r]" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, what_nobody_can_read_is_not_numbered)
{
  static const ResponderRow rows[] = {
    { "on rcpt 2 => reject", "M<x>|\nRa\nR<b>|\nR<c>|", "-\n-\n-\n[r]" },
    { "on connect 1 => reject", "Ca\nCa|U", "-\n[r]" },
    { "on header 1 X => reject", "LX\nLX|v|", "-\n[r]" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, a_client_is_known_by_the_name_that_connect_gave)
{
  static const ResponderRow rows[] = {
    { "on helo client=a.* => accept", "Hx|\nCa.b|U\nHx|\nCb.a|U\nHx|", "-\n-\n[a]\n-\n-" },
    { "on connect client=a => accept", "Ca|U\nCb|U", "[a]\n-" },
    { "on helo client=\"\" => accept", "Hx|\nC|U\nHx|", "-\n-\n[a]" },
    /* a connect that cannot be read names nobody */
    { "on helo client=a => accept", "Ca|U\nCa|\nHx|", "-\n-\n-" },
    { "on frame Z client=a => continue", "Z\nCa|U\nZ", "-\n-\n[c]" },
    { "on close client=a => accept", "Ca|U\nclose", "-\n[a]" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, only_rules_of_the_chosen_mutants_speak)
{
  static const char rules[] = "mutant A-1\non data => accept\nmutant B-2\non data => reject\n"
                              "mutant C-3\non data => tempfail\n";
  static const char *const some[] = { "B-2", "C-3", NULL };
  ResponderRun run;
  g_autofree char *none = NULL;
  g_autofree char *chosen = NULL;

  responder_run_init (&run, rules);
  none = responder_run_play (&run, "T");
  cr_expect_str_eq (none, "-");
  milter_rule_book_free (run.book);
  run.book = milter_rule_book_new_for_mutants (run.scenarios, some);
  chosen = responder_run_play (&run, "T");
  cr_expect_str_eq (chosen, "[r]");
  responder_run_clear (&run);
}

Test (responder, n_is_the_nth_of_its_kind)
{
  static const ResponderRow rows[] = {
    /* in this message, whatever its arguments are */
    { "on rcpt 2 => accept",
      "M<a>|\nR<b>|\nR<c>|\nR<d>|\nE\nM<a>|\nR<b>|\nR<c>|",
      "-\n-\n[a]\n-\n-\n-\n-\n[a]" },
    { "on rcpt 2 <b> => accept", "M<a>|\nR<b>|\nR<b>|\nR<b>|", "-\n-\n[a]\n-" },
    { "on rcpt 2 <b> => accept", "M<a>|\nR<c>|\nR<b>|", "-\n-\n[a]" },
    { "on rcpt 1 => accept", "M<a>|\nR<b>|\nA\nM<a>|\nR<b>|", "-\n[a]\n-\n-\n[a]" },
    { "on body 2 => accept", "M<a>|\nBx\nBy\nE\nBx\nBy", "-\n-\n[a]\n-\n-\n[a]" },
    { "on data 1 => accept", "M<a>|\nT\nM<a>|\nT", "-\n[a]\n-\n[a]" },
    /* of a field among those of its name */
    { "on header 2 X => accept",
      "M<a>|\nLX|1|\nLY|2|\nLx|3|\nLX|4|\nM<a>|\nLX|1|\nLX|2|",
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

  RESPONDER_CHECK (rows);
}

Test (responder, connections_and_offers_are_counted_in_the_whole_run)
{
  ResponderRun run;
  static const char *const expected[]
      = { "-\n-\n-", "[O 00000006 00000000 00000000]\n[a]\n-", "-\n-\n-" };

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
  static const ResponderRow rows[] = {
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
    { "on negotiate => negotiate steps=+NR_RCPT,+NR_HDR\non rcpt => add-header X: y\non header X "
      "=> accept",
      "O\nR<b>|\nLX|y|\nLY|z|\nM<a>|",
      "[O 00000006 000001ff 00008080]\n[hX|y|]\n[a]\n-\n-" },
    { "on abort => progress\non quit => progress\non quit-nc => progress",
      "A\nQ\nK",
      "[p]\n[p]\n[p]" },
    { "on close => progress", "close", "[p]" },
  };
  RESPONDER_CHECK (rows);
}

Test (responder, lines_are_done_in_their_order)
{
  static const ResponderRow rows[] = {
    { "on eom\n=> add-header X: y\n=> stall 2s\n=> progress\n=> stall 1s\n=> accept",
      "E",
      "[hX|y|] wait 2000 [p] wait 1000 [a]" },
    { "on eom\n=> accept\n=> stall 2s", "E", "[a] wait 2000" },
    { "on rcpt\n=> reject\n=> reject", "R<b>|", "[r][r]" },
    { "on rcpt\n=> accept\n=> close\n=> reject", "R<b>|", "[a] close" },
    { "on rcpt\n=> accept\n=> reset", "R<b>|", "[a] reset" },
    { "on rcpt\n=> half-close\n=> accept\n=> stall 1s\n=> close",
      "R<b>|",
      "half-close wait 1000 close" },
    { "on rcpt\n=> half-close\n=> half-close\n=> reset", "R<b>|", "half-close reset" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, lines_act_behind_their_byte)
{
  static const ResponderRow rows[] = {
    { "on rcpt\n=> close after 6 bytes\n=> accept\n=> reject", "R<b>|", "(000000016100) close" },
    { "on rcpt\n=> reset after 5 bytes\n=> accept\n=> reject", "R<b>|", "[a] reset" },
    { "on rcpt\n=> close after 0 bytes\n=> accept", "R<b>|", "close" },
    { "on rcpt\n=> stall 1s after 3 bytes\n=> accept", "R<b>|", "(000000) wait 1000 (0161)" },
    { "on rcpt\n=> half-close after 2 bytes\n=> accept", "R<b>|\nR<c>|", "(0000) half-close\n" },
    /* several at one byte, in the order of their lines; nothing behind an end */
    { "on rcpt\n=> stall 1s after 1 bytes\n=> stall 2s after 1 bytes\n=> close after 1 bytes\n=> "
      "stall 3s after "
      "1 bytes\n=> accept",
      "R<b>|",
      "(00) wait 1000 wait 2000 close" },
    /* what was said before is not counted */
    { "on rcpt\n=> accept\n=> close after 2 bytes\n=> reject", "R<b>|", "[a] (0000) close" },
    /* the bytes of later answers are, those without a rule as well */
    { "on rcpt <b> => close after 12 bytes",
      "R<b>|\nR<c>|\nA\nR<d>|",
      "[c]\n[c]\n-\n(0000) close" },
    { "on negotiate => close after 19 bytes",
      "O\nCx|U",
      "[O 00000006 000001ff 00000000]\n(0000) close" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, reading_stalls_with_the_next_bytes)
{
  static const ResponderRow rows[] = {
    { "on rcpt\n=> stall 1s reading\n=> accept", "R<b>|", "pause [a] wait 1000 resume" },
    { "on rcpt => stall 1s reading", "R<b>|", "pause [c] wait 1000 resume" },
    { "on rcpt\n=> stall 1s reading\n=> progress\n=> stall 3s\n=> accept",
      "R<b>|",
      "pause [p] wait 1000 resume wait 2000 [a]" },
    { "on rcpt\n=> stall 1s reading after 2 bytes\n=> accept",
      "R<b>|",
      "(0000) pause (000161) wait 1000 resume" },
    /* nothing is sent here: with the next answer */
    { "on abort => stall 1s reading", "A\nR<b>|", "\npause [c] wait 1000 resume" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, bytes_leave_as_a_line_says_from_there_on)
{
  static const ResponderRow rows[] = {
    { "on helo\n=> send-as split 4\n=> accept", "Hx|\nR<b>|", "(00000001) (61)\n(00000001) (63)" },
    { "send-as split 3\non rcpt => accept",
      "O\nM<a>|\nR<b>|\nA",
      "(000000) (0d4f00) (000006) (000001) (ff0000) (0000)\n(000000) (0163)\n(000000) (0161)\n-" },
    { "send-as split 3\non rcpt\n=> send-as whole\n=> accept", "R<b>|\nR<c>|", "[a]\n[a]" },
    { "on eom\n=> send-as together\n=> add-header X: y\n=> accept", "E\nR<b>|", "[hX|y|][a]\n-" },
    { "on eom\n=> add-header X: y\n=> send-as split 3\n=> accept", "E", "[hX|y|] (000000) (0161)" },
    { "on rcpt\n=> send-as split 2\n=> close after 3 bytes\n=> accept",
      "R<b>|",
      "(0000) (00) close" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, random_pieces_are_the_same_for_the_same_seed)
{
  ResponderRun run;
  g_autofree char *one = NULL, *other = NULL;

  responder_run_init (&run, "send-as random 7\non eom\n=> replace-body \"x\"*3000\n");
  one = responder_run_play (&run, "E");
  other = responder_run_play (&run, "E");
  cr_assert_str_eq (one, other);
  cr_assert_not_null (strstr (one, ") ("));
  responder_run_clear (&run);
}

Test (responder, nothing_is_sent_behind_an_end)
{
  static const ResponderRow rows[] = {
    { "on mail => half-close\non rcpt => reject",
      "M<a>|\nR<b>|\nT\nA\nclose",
      "half-close\n\n\n-\n-" },
    { "on mail => close\non rcpt => reject", "M<a>|\nR<b>|", "close\n" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, an_mta_that_says_what_nobody_can_read_meets_no_rule)
{
  static const ResponderRow rows[] = {
    { "on rcpt => reject", "Rno NUL\nR<b>|", "-\n[r]" },
    { "on negotiate => accept", "O||", "-" },
    { "on connect => reject", "Cx|9", "-" },
    { "on header 1 X => accept", "LX|v\nLX|v|", "-\n[a]" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder, no_rules_answer_nothing)
{
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  ResponderRun run = { g_ptr_array_ref (none), milter_rule_book_new (none) };
  g_autofree char *done = responder_run_play (&run, "O\nCx|U\nHx|\nM<a>|\nR<b>|\nE\nQ\nclose");
  g_autofree char *verdict = responder_run_judge (&run);

  cr_assert_str_eq (done, "-\n-\n-\n-\n-\n-\n-\n-");
  cr_assert_str_eq (verdict, "");
  responder_run_clear (&run);
}
