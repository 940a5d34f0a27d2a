/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser.c: statements become settings, sessions and steps.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

#define FOLDER TEST_DATA_DIR "/scenarios"

static void
check (const char *text, const char *expected)
{
  g_autofree char *dump = dump_text (FOLDER "/t.scenario", text, strlen (text));

  cr_expect_str_eq (dump, expected, "%s\n-- gave --\n%s-- instead of --\n%s", text, dump, expected);
}

/* what a session holds that consists of these lines */
static void
check_lines (const char *lines, const char *expected)
{
  g_autofree char *text = g_strdup_printf ("session\n%s\n", lines);
  g_autofree char *dump = g_strdup_printf ("session 1\n%s", expected);

  check (text, dump);
}

/* ---- the examples of the language ---- */

Test (parser, what_most_tests_are)
{
  check ("let who alice@example.com\n"
         "timeout 10s\n"
         "session \"plain mail gets a mark\"\n"
         "  connect [2001:db8::7] 2001:db8::7 port=2525\n"
         "  mail <$who> SIZE=1000\n"
         "  rcpt <bob@example.net>\n"
         "  rcpt <busy@example.net> => 451 4.7.1 \"mailbox busy*\" within 500ms\n"
         "  eml <<END\n"
         "    From: \"Alice\" <alice@example.com>\n"
         "\n"
         "    Hi.\n"
         "    END\n"
         "  eom\n"
         "    => add-header X-Checked: yes\n"
         "    => insert-header 0 DKIM-Signature | add-header DKIM-Signature\n"
         "    => and not /[;\\s]i=/\n"
         "    => ordered\n"
         "    => result plain.golden.eml ignoring DKIM-Signature\n"
         "    => accept\n",
         "session plain mail gets a mark timeout=10000000\n"
         "  connect [2001:db8::7] 2001:db8::7 port=2525\n"
         "  mail <alice@example.com> SIZE=1000\n"
         "  rcpt <bob@example.net>\n"
         "  rcpt <busy@example.net>\n"
         "    => CODE y 451 4.7.1 \"mailbox busy*\" within 500000\n"
         "  EML \"From: \\\"Alice\\\" <alice@example.com>\\r\\n\\r\\nHi.\\r\\n\"\n"
         "  eom\n"
         "    => EDIT h X-Checked: yes\n"
         "    => EDIT i #0 DKIM-Signature | EDIT h DKIM-Signature\n"
         "    => and not /[;\\s]i=/\n"
         "    => ordered\n"
         "    => result \"Subject: hi\\r\\nX-Checked: yes\\r\\n\\r\\nHi.\\r\\n\" ignoring "
         "DKIM-Signature\n"
         "    => REPLY a\n");
}

Test (parser, nothing_leaks_from_one_message_into_the_next)
{
  check ("mta sendmail\n"
         "macro mail -{mail_host}\n"
         "session \"two messages and an abort\"\n"
         "  message first\n"
         "    macro rcpt {rcpt_mailer}=local\n"
         "    body \"first chunk\\r\\n\"\n"
         "    abort\n"
         "  repeat 2 message\n"
         "    mail <>\n"
         "    generate size=200k seed=7\n"
         "    eom => only\n"
         "  quit-nc\n"
         "  connect localhost unknown\n"
         "  quit\n",
         "session two messages and an abort mta=sendmail\n"
         "  every  macro M -{mail_host}\n"
         "  MESSAGE first\n"
         "  macro R {rcpt_mailer}=local\n"
         "  body \"first chunk\\r\\n\"\n"
         "  abort\n"
         "  REPEAT 2\n"
         "    MESSAGE\n"
         "    mail <>\n"
         "    GENERATE 204800 seed=7\n"
         "    eom\n"
         "    => only\n"
         "  quit-nc\n"
         "  connect localhost unknown\n"
         "  quit\n");
}

Test (parser, every_answer_every_edit)
{
  check ("session verdicts\n"
         "  unknown FOO bar\n"
         "    => any\n"
         "  data => continue | none\n"
         "  header From: \"\\\"Alice\\\" <alice@example.com>\"\n"
         "  eoh\n"
         "  body \"x\"*65535 => skip | continue\n"
         "  eom \"last bytes\"\n"
         "    => quarantine *spam*\n"
         "    => change-header 1 Subject: /^\\[spam\\]/\n"
         "    => delete-header X-Spam\n"
         "    => replace-body /removed/\n"
         "    => change-from <> RET=HDRS\n"
         "    => add-rcpt <*@example.org> NOTIFY=NEVER\n"
         "    => delete-rcpt <recipient@example.net>\n"
         "    => no progress\n"
         "    => 550 5.7.1 \"first line\" * | reject | tempfail | discard | shutdown | conn-fail | "
         "4xx\n",
         "session verdicts\n"
         "  unknown \"FOO bar\"\n"
         "    => ANY\n"
         "  data\n"
         "    => REPLY c | NONE\n"
         "  header From \" \\\"Alice\\\" <alice@example.com>\"\n"
         "  eoh\n"
         "  body (65535 bytes)\n"
         "    => REPLY s | REPLY c\n"
         "  eom \"last bytes\"\n"
         "    => EDIT q *spam*\n"
         "    => EDIT m #1 Subject: /^\\[spam\\]/\n"
         "    => EDIT m X-Spam deletes\n"
         "    => EDIT b /removed/\n"
         "    => EDIT e <> RET=HDRS\n"
         "    => EDIT 2 <*@example.org> NOTIFY=NEVER\n"
         "    => EDIT - <recipient@example.net>\n"
         "    => no EDIT p\n"
         "    => CODE y 550 5.7.1 \"first line\" * | REPLY r | REPLY t | REPLY d | REPLY 4 | REPLY f "
         "| CODE y 4xx\n");
}

Test (parser, conformance_of_the_milter_side)
{
  check ("mta exact\n"
         "session NEG-10\n"
         "  negotiate version=6 actions=all steps=-NODATA,-NOUNKNOWN\n"
         "    => negotiate version=2..6 steps=-NODATA,-NOUNKNOWN\n"
         "  half-close => closed | reset\n"
         "session \"MAC-06, TMO-02\"\n"
         "  require negotiate symbols=none\n"
         "  negotiate\n"
         "  frame D \"Mi\\0\"\n"
         "  raw \"\\0\\0\\0\\x10M<a\" => closed within 10s\n",
         "session NEG-10 mta=exact\n"
         "  negotiate version=6 actions=0x1ff steps+0x0-0x300\n"
         "    => NEGOTIATE O version=2..6 steps+0x0-0x300\n"
         "  HALF-CLOSE\n"
         "    => CLOSED | RESET\n"
         "session MAC-06, TMO-02 mta=exact\n"
         "  require negotiate \"negotiate symbols=none\" symbols=none\n"
         "  negotiate\n"
         "  FRAME D \"Mi\\0\"\n"
         "  RAW \"\\0\\0\\0\\x10M<a\"\n"
         "    => CLOSED within 10000000\n");
}

Test (parser, one_cut_session_does_not_hurt_the_others)
{
  check ("include common.scenario\n"
         "parallel 50 session busy\n"
         "  send-as random 7\n"
         "  mail <user$p@example.com>\n"
         "  barrier mid\n"
         "  stall 2s reading\n"
         "  eom\n"
         "parallel session cut\n"
         "  reset after 3 bytes\n"
         "  helo x\n",
         "session busy parallel=50 group=1 timeout=5000000\n"
         "  SEND-AS random 7\n"
         "  mail <user1@example.com> (varies)\n"
         "  BARRIER mid\n"
         "  STALL 2000000 reading\n"
         "  eom\n"
         "session cut parallel=1 group=1 timeout=5000000\n"
         "  RESET after 3\n"
         "  helo x\n");
}

Test (parser, the_second_milter_sees_what_the_first_one_wrote)
{
  check ("milter dkim spawn opendkim -f -p $socket\n"
         "milter dmarc inet:8893@127.0.0.1\n"
         "session chain\n"
         "  eml signed.eml\n"
         "  eom\n"
         "    => from dkim insert-header 0 Authentication-Results: *dkim=pass*\n"
         "    => from dmarc no quarantine\n",
         "milter dkim unix:/nonexistent/milter.sock runs "
         "opendkim|-f|-p|unix:/nonexistent/milter.sock in " FOLDER "\n"
         "milter dmarc inet:8893@127.0.0.1\n"
         "session chain\n"
         "  EML signed.eml \"DKIM-Signature: v=1\\n\\nHi.\\n\"\n"
         "  eom\n"
         "    => from dkim EDIT i #0 Authentication-Results: *dkim=pass*\n"
         "    => no from dmarc EDIT q\n");
}

/* ---- values of header fields ---- */

Test (parser, a_header_value_is_what_stands_behind_the_colon)
{
  check_lines ("header X: v", "  header X \" v\"\n");
  check_lines ("header X:v", "  header X v\n");
  check_lines ("header X:  v", "  header X \"  v\"\n");
  check_lines ("header X: \"v \"", "  header X \" v \"\n");
  check_lines ("header X:\"v\"", "  header X v\n");
  check_lines ("header X: 'a\\b'", "  header X \" a\\\\b\"\n");
  check_lines ("header X:", "  header X \"\"\n");
  check_lines ("header X:   ", "  header X \"\"\n");
  check_lines ("header X: \"\"", "  header X \" \"\n");
  check_lines ("header X: a # $b \\c \"d\" 'e'  ", "  header X \" a # \\$b \\\\c \\\"d\\\" 'e'\"\n");
  check_lines ("header X: a | b", "  header X \" a | b\"\n");
  check_lines ("header X: a\\*", "  header X \" a\\\\\\*\"\n");
  check_lines ("header X: \"a\\n b\" # folded", "  header X \" a\\n b\"\n");
  check_lines ("header \"\": v", "  header \"\" \" v\"\n");
  check_lines ("header \"a b\":v", "  header \"a b\" v\n");
  check_lines ("header X: v: w", "  header X \" v: w\"\n");
  check_lines ("header X: \"v\" => continue", "  header X \" v\"\n    => REPLY c\n");
}

/* ---- settings ---- */

Test (parser, settings_of_the_file_hold_for_every_session_after_them)
{
  check ("mta plain\ntimeout 2m\nsession a\n  mta exact\n  timeout 1.5s\nsession b\n",
         "session a mta=exact timeout=120000000\n"
         "  TIMEOUT 1500000\n"
         "session b mta=plain timeout=120000000\n");
}

Test (parser, sessions_without_a_name_are_called_by_their_number)
{
  check ("session\nsession from=127.0.0.1:1 to=127.0.0.1:2\nsession x from=a # c\n",
         "session 1\nsession 2 from=127.0.0.1:1 to=127.0.0.1:2\nsession x from=a\n");
}

Test (parser, expectations_belong_to_the_command_above_whatever_settings_stand_between)
{
  check_lines ("data\nlet a b\ntimeout 1s\n=> 451 $a$a",
               "  data\n    => CODE y 451 bb\n  TIMEOUT 1000000\n");
}
