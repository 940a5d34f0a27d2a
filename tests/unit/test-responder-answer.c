/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-responder-answer.c: what each line behind `=>` sends.
 */
#include <criterion/criterion.h>

#include "responder-test.h"

/* what one line sends in answer to the end of a message, the reply that follows an edit aside */
static void
check_lines (const char *const (*rows)[2], gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autofree char *rules = g_strdup_printf ("on eom\n%s\n", rows[i][0]);
      ResponderRow row = { rules, "E", rows[i][1] };

      responder_check (&row, 1);
    }
}

Test (responder_answer, each_reply_is_its_letter)
{
  static const char *const rows[][2] = {
    { "=> continue", "[c]" },
    { "=> accept", "[a]" },
    { "=> reject", "[r]" },
    { "=> tempfail", "[t]" },
    { "=> discard", "[d]" },
    { "=> skip", "[s]" },
    { "=> shutdown", "[4]" },
    { "=> conn-fail", "[f]" },
    { "=> none", "" },
    { "=> frame y 'x'", "[yx]" },
    { "=> frame \"\\x07\" \"\\0\"", "[\a|]" },
    { "=> frame a", "[a]" },
    { "=> raw 'ab'", "(6162)" },
    { "=> frame y \"550-5.7.1 a\\n450 b\\0\"", "[y550-5.7.1 a^450 b|]" },
  };

  check_lines (rows, G_N_ELEMENTS (rows));
}

Test (responder_answer, a_code_is_an_smtp_reply)
{
  static const char *const rows[][2] = {
    { "=> 451 4.7.1 \"later\"", "[y451 4.7.1 later|]" },
    { "=> 550 no", "[y550 no|]" },
    { "=> 550 5.7.1", "[y550 5.7.1|]" },
    /* Postfix takes none without anything behind it */
    { "=> 451", "[y451 4.0.0|]" },
    { "=> 550 \"50% off\"", "[y550 50%% off|]" },
    { "=> 550 5.7.1 \"a\" \"b%\" \"\"", "[y550-5.7.1 a\r^550-5.7.1 b%%\r^550 5.7.1|]" },
    { "=> 550 \"a\\nb\"", "[y550-a\r^550 b|]" },
    { "=> 421 4.7.0 \"a*b\"", "[y421 4.7.0 a*b|]" },
  };

  check_lines (rows, G_N_ELEMENTS (rows));
}

Test (responder_answer, each_edit_is_its_frame)
{
  static const char *const rows[][2] = {
    { "=> add-header X-A: a * b", "[hX-A|a * b|][c]" },
    { "=> add-header X: \" two\"", "[hX| two|][c]" },
    { "=> add-header X:", "[hX||][c]" },
    { "=> insert-header X: y", "[i||||X|y|][c]" },
    { "=> insert-header 3 X: y", "[i|||\003X|y|][c]" },
    { "=> change-header X: y", "[m|||\001X|y|][c]" },
    { "=> change-header 2 X: y", "[m|||\002X|y|][c]" },
    { "=> delete-header X", "[m|||\001X||][c]" },
    { "=> delete-header 2 X", "[m|||\002X||][c]" },
    { "=> replace-body \"a\\r\\n\"", "[ba\r^][c]" },
    { "=> replace-body \"\"", "[b][c]" },
    { "=> replace-body <<END\n  x\n  END", "[bx\r^][c]" },
    { "=> replace-body \"x\"*65535", "[b 65535 bytes][c]" },
    { "=> replace-body \"x\"*65536", "[b 65535 bytes][bx][c]" },
    { "=> replace-body a\n=> replace-body b", "[ba][bb][c]" },
    { "=> change-from <a>", "[e<a>|][c]" },
    { "=> change-from <> RET=HDRS ENVID=1", "[e<>|RET=HDRS ENVID=1|][c]" },
    { "=> add-rcpt <a>", "[+<a>|][c]" },
    { "=> add-rcpt <a> NOTIFY=NEVER X=y", "[2<a>|NOTIFY=NEVER X=y|][c]" },
    { "=> delete-rcpt <a>", "[-<a>|][c]" },
    { "=> quarantine \"a virus\"", "[qa virus|][c]" },
    { "=> quarantine \"\"", "[q|][c]" },
    { "=> progress", "[p][c]" },
    /* bytes as they are written */
    { "=> add-header X: \"a\\0b\"", "[hX|a|b|][c]" },
  };

  check_lines (rows, G_N_ELEMENTS (rows));
}

Test (responder_answer, the_blank_of_a_field_travels_with_leadspc)
{
  static const ResponderRow rows[] = {
    { "on negotiate => negotiate steps=HDR_LEADSPC\non eom\n=> add-header X: y\n=> insert-header "
      "X:y\n=> "
      "change-header X:  y\n=> delete-header X\n=> quarantine z",
      "O\nE",
      "[O 00000006 000001ff 00100000]\n[hX| y|][i||||X|y|][m|||\001X|  y|][m|||\001X||][qz|][c]" },
    { "on eom\n=> add-header X: y\n=> insert-header X:y\n=> change-header X:  y",
      "O\nE",
      "-\n[hX|y|][i||||X|y|][m|||\001X| y|][c]" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder_answer, lists_with_signs_change_the_default_and_are_limited_to_the_offer)
{
  static const ResponderRow rows[] = {
    { "on negotiate => negotiate",
      "O\nO|||\002|||\017|||\003",
      "[O 00000006 000001ff 00000000]\n[O 00000002 0000000f 00000000]" },
    /* a newer MTA */
    { "on negotiate => negotiate", "O|||\011|||\017||||", "[O 00000006 0000000f 00000000]" },
    { "on negotiate => negotiate actions=-ADDHDRS,-QUARANTINE steps=+NR_HDR",
      "O",
      "[O 00000006 000001de 00000080]" },
    { "on negotiate => negotiate steps=+NR_HDR,+NOBODY",
      "O|||\006|||\017|||\020",
      "[O 00000006 0000000f 00000010]" },
    /* told exactly otherwise */
    { "on negotiate => negotiate steps=NR_HDR,NOBODY",
      "O|||\006|||\017|||\020",
      "[O 00000006 0000000f 00000090]" },
    { "on negotiate => negotiate version=7 actions=0xffffffff",
      "O",
      "[O 00000007 ffffffff 00000000]" },
    { "on negotiate => negotiate actions=none steps=all", "O", "[O 00000006 00000000 001fffff]" },
    { "on negotiate => negotiate version=2", "O", "[O 00000002 0000003f 00000000]" },
    { "on negotiate => negotiate symbols-connect=\"j {x}\" symbols-9=y symbols-eoh=\"\"",
      "O",
      "[O 00000006 000001ff 00000000 00000000 6a207b78 7d000000 00097900 00000006 00]" },
    { "on negotiate => negotiate symbols=none tail=\"ab\"",
      "O",
      "[O 00000006 000001ff 00000000 6162]" },
    /* anywhere, and twice */
    { "on helo => negotiate steps=NOBODY", "O\nHx|", "-\n[O 00000006 000001ff 00000010]" },
    { "on negotiate\n=> negotiate\n=> negotiate",
      "O",
      "[O 00000006 000001ff 00000000][O 00000006 000001ff 00000000]" },
  };

  RESPONDER_CHECK (rows);
}

Test (responder_answer, edits_are_sent_at_any_event)
{
  static const ResponderRow rows[] = {
    { "on connect => add-header X: y", "Cx|U", "[hX|y|][c]" },
    { "on mail\n=> quarantine x\n=> accept\n=> progress", "M<a>|", "[qx|][a][p]" },
    { "on negotiate\n=> progress", "O", "[p][O 00000006 000001ff 00000000]" },
  };

  RESPONDER_CHECK (rows);
}
