/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-rules.c: `on` and `expect`, and what a milter does then.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

static void
check (const char *text, const char *expected)
{
  g_autofree char *dump = dump_rules ("r.scenario", text, strlen (text));

  cr_expect_str_eq (dump, expected, "%s\n-- gave --\n%s-- instead of --\n%s", text, dump, expected);
}

Test (parser_rules, what_a_milter_of_rules_does)
{
  check ("send-as split 1\n"
         "on negotiate version=6 actions=+QUARANTINE => negotiate steps=+NR_HDR symbols-connect=\"j "
         "{client_addr}\"\n"
         "expect 0 header Subject: /viagra/i\n"
         "on rcpt 2 <*@busy.example> {rcpt_mailer}=esmtp => 451 4.7.1 \"later\"\n"
         "on eom\n"
         "  => stall 5s after 3 bytes\n"
         "  => add-header X-Test: yes\n"
         "  => frame y \"550-5.7.1 a\\n450 b\\0\"\n",
         "on negotiate version=6 actions+0x20-0x0\n"
         "    => NEGOTIATE O steps+0x80-0x0 symbols-0=\"j {client_addr}\"\n"
         "expect 0..0 header Subject:  /viagra/i\n"
         "on rcpt #2 <*@busy.example> macro {rcpt_mailer}=esmtp\n"
         "    => CODE y 451 4.7.1 later\n"
         "on eom\n"
         "    act  STALL 5000000 after 3\n"
         "    => EDIT h X-Test: yes\n"
         "    => FRAME 0x79 \"550-5.7.1 a\\n450 b\\0\"\n");
}

static const struct
{
  const char *line;
  const char *rule;
} events[] = {
  { "on connect", "on connect\n" },
  { "on connect *.example.com 192.0.2.*", "on connect *.example.com 192.0.2.*\n" },
  { "on connect * * port=25*", "on connect * * port=25*\n" },
  { "on connect port=/^2/ {j}=x", "on connect port=/^2/ macro j=x\n" },
  { "on helo port=25", "on helo port=25\n" },
  { "on helo /x/i", "on helo /x/i\n" },
  { "on mail <> SIZE=* {i}=*", "on mail <> SIZE=* macro i=*\n" },
  { "on mail {auth_authen}=/a b/i <x>", "on mail <x> macro {auth_authen}=/a b/i\n" },
  { "on mail \"{x}=y\"", "on mail {x}=y\n" },
  { "on data 1", "on data #1\n" },
  { "on header X-A", "on header X-A\n" },
  { "on header 3 X-A: *b*", "on header #3 X-A:  *b*\n" },
  { "on header X-A:b", "on header X-A: b\n" },
  { "on header X-A: \"a  b\" {j}=x", "on header X-A:  \"a  b\" macro j=x\n" },
  { "on header X-A:  b", "on header X-A:  \" b\"\n" },
  { "on header X-A: => accept", "on header X-A: \"\"\n    => REPLY a\n" },
  { "on header \"2\": x", "on header 2:  x\n" },
  { "on eoh", "on eoh\n" },
  { "on body *virus*", "on body *virus*\n" },
  { "on unknown \"FOO *\"", "on unknown \"FOO *\"\n" },
  { "on abort", "on abort\n" },
  { "on quit", "on quit\n" },
  { "on quit-nc", "on quit-nc\n" },
  { "on close", "on close\n" },
  { "on eom client=*.example {i}=x", "on eom client=*.example macro i=x\n" },
  { "on helo x client=/^a/", "on helo x client=/^a/\n" },
  { "on helo \"client=x\"", "on helo client=x\n" },
  { "on frame Z", "on frame 0x5a\n" },
  { "on frame \\x07 \"a\\0*\" client=b => none", "on frame 0x07 \"a\\0*\" client=b\n    => NONE\n" },
  { "on garbage => none", "on garbage\n    => NONE\n" },
  { "on garbage \"GET *\"", "on garbage \"GET *\"\n" },
  { "on rcpt within", "on rcpt \"within\"\n" },
  { "expect 1.. data", "expect 1..4294967295 data\n" },
  { "expect 2..5 rcpt <a>", "expect 2..5 rcpt <a>\n" },
  { "expect 0 data # none", "expect 0..0 data\n" },
};

Test (parser_rules, events_have_patterns_for_their_arguments)
{
  for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
    check (events[i].line, events[i].rule);
}

/* what stands behind `=>` is sent as it is */
static const struct
{
  const char *lines;
  const char *actions;
} actions[] = {
  { "=> accept", "    => REPLY a\n" },
  { "=> none", "    => NONE\n" },
  { "=> 550 5.7.1 \"50% *\"", "    => CODE y 550 5.7.1 \"50% \\*\"\n" },
  { "=> 550 a*b", "    => CODE y 550 \"a\\*b\"\n" },
  { "=> 550 \"a\" \"b\"", "    => CODE y 550 a b\n" },
  { "=> quarantine /x/", "    => EDIT q \"/x/\"\n" },
  { "=> add-header X: a * b\\", "    => EDIT h X: \"a \\* b\\\\\"\n" },
  { "=> add-header X: /a/", "    => EDIT h X: \"/a/\"\n" },
  { "=> replace-body \"x\"*3", "    => EDIT b xxx\n" },
  { "=> replace-body <<END\n  a*\n  END", "    => EDIT b \"a\\*\\r\\n\"\n" },
  { "=> add-rcpt <*@x> NOTIFY=NEVER", "    => EDIT 2 \"<\\*@x>\" NOTIFY=NEVER\n" },
  { "=> change-header 2 X: y", "    => EDIT m #2 X: y\n" },
  { "=> delete-header X", "    => EDIT m X deletes\n" },
  { "=> change-header X:", "    => EDIT m X:\"\" deletes\n" },
  { "=> replace-body \"\"", "    => EDIT b \"\"\n" },
  { "=> quarantine \"\"", "    => EDIT q \"\"\n" },
  { "=> 451", "    => CODE y 451\n" },
  { "=> progress", "    => EDIT p\n" },
  { "=> raw \"\\0\"", "    => RAW \"\\0\"\n" },
  { "=> send-as random 7", "    act  SEND-AS random 7\n" },
  { "=> close after 0 bytes", "    act  CLOSE after 0\n" },
  { "=> reset", "    act  RESET\n" },
  { "=> half-close", "    act  HALF-CLOSE\n" },
  { "=> stall 1s reading", "    act  STALL 1000000 reading\n" },
  { "=> reject\n=> reject", "    => REPLY r\n    => REPLY r\n" },
};

Test (parser_rules, what_is_done_is_literal)
{
  for (gsize i = 0; i < G_N_ELEMENTS (actions); i++)
    {
      g_autofree char *text = g_strdup_printf ("on eom\n%s", actions[i].lines);
      g_autofree char *expected = g_strdup_printf ("on eom\n%s", actions[i].actions);

      check (text, expected);
    }
}

Test (parser_rules, on_the_line_of_a_rule_nothing_takes_the_rest)
{
  check ("on eom => add-header X: yes # sure\n", "on eom\n    => EDIT h X: yes\n");
  check ("on eom => add-header X: yes sir\n",
         "r.scenario:1:29: expected the end of the line behind \"=> add-header NAME[: VALUE]\", got "
         "\"sir\"\n");
  check ("on header X: a b\n",
         "r.scenario:1:16: expected \"=>\", {macro}=PATTERN or the end of the line, got \"b\"\n");
}

Test (parser_rules, a_rule_ends_a_session_and_a_session_ends_a_rule)
{
  g_autofree char *dump = NULL;
  const char text[] = "session a\n  mail\non data\n  => accept\nsession b\n  rcpt\n    => 4xx\n";

  check (text, "on data\n    => REPLY a\n");
  dump = dump_text ("r.scenario", text, strlen (text));
  cr_assert_str_eq (dump, "session a\n  mail\nsession b\n  rcpt\n    => CODE y 4xx\n", "%s", dump);
}

static const struct
{
  const char *text;
  const char *error;
} errors[] = {
  { "on rctp", "1:4: expected an event: negotiate, connect, helo, mail, rcpt, data, header, eoh, body, "
               "eom, unknown, abort, quit, quit-nc, close, frame or garbage, got \"rctp\"" },
  { "on", "1:3: expected an event: negotiate, connect, helo, mail, rcpt, data, header, eoh, body, eom, "
          "unknown, abort, quit, quit-nc, close, frame or garbage, got the end of the line" },
  { "on macro", "1:4: expected an event: negotiate, connect, helo, mail, rcpt, data, header, eoh, "
                "body, eom, unknown, abort, quit, quit-nc, close, frame or garbage, got \"macro\"" },
  { "on rcpt 0", "1:9: expected which event of its kind, from 1, got \"0\"" },
  { "on rcpt 99999999999", "1:9: expected which event of its kind, from 1, got \"99999999999\"" },
  { "on header", "1:10: expected the name of a header field, got the end of the line" },
  { "on header X*", "1:11: expected the name of a header field, without stars (a star itself is \\*), "
                    "got \"X*\"" },
  { "on data x", "1:9: expected \"=>\", {macro}=PATTERN or the end of the line, got \"x\"" },
  { "on connect a b c", "1:16: expected \"=>\", {macro}=PATTERN or the end of the line, got \"c\"" },
  { "on connect port=1 port=2", "1:19: expected one port, got \"port=2\"" },
  { "on mail {i}", "1:9: expected a macro as {name}=PATTERN (other text is quoted), got \"{i}\"" },
  { "on mail {}=x", "1:9: expected a macro as {name}=PATTERN (other text is quoted), got \"{}=x\"" },
  { "expect 0 header /Spam/",
    "1:17: expected the name of a header field, not a regular expression (a name that begins with a "
    "slash is quoted), got \"/Spam/\"" },
  { "expect 0 connect * inet:25@[192.0.2.7]",
    "1:20: expected an address, as 192.0.2.7 port=25 or unix:PATH, got \"inet:25@[192.0.2.7]\"" },
  { "on connect * inet6:25@[::1] => reject",
    "1:14: expected an address, as 192.0.2.7 port=25 or unix:PATH, got \"inet6:25@[::1]\"" },
  { "on mail {i*}=x", "1:9: expected the name of a macro, without stars, got \"{i*}=x\"" },
  { "expect data", "1:8: expected how many such events must come, as 0, 2, 1.. or 2..5, got \"data\"" },
  { "expect 3..2 data", "1:8: expected how many such events must come, as 0, 2, 1.. or 2..5, got "
                        "\"3..2\"" },
  { "expect 1 data => accept", "1:15: expected the end of the line (\"expect\" counts events; \"on\" "
                               "answers them), got \"=>\"" },
  { "on eom => any", "1:11: expected what the milter does, as accept, 451, none or close, got \"any\"" },
  { "on eom => closed", "1:11: expected what the milter does, as accept, 451, none or close, got "
                        "\"closed\"" },
  { "on eom => 4xx", "1:11: expected a code of digits, as it is sent, got \"4xx\"" },
  { "on eom => 550 5.x.x no", "1:11: expected a code of digits, as it is sent, got \"550\"" },
  { "on eom => 450 5.7.1 no",
    "1:11: expected a reply that an MTA takes (\"frame y\" sends any; reply text, line 1: the extended code "
    "is of another class than the code), got \"450\"" },
  { "on eom => add-header X", "1:23: expected a colon and the value that is sent, got the end of the line" },
  { "on eom => insert-header 2 X",
    "1:28: expected a colon and the value that is sent, got the end of the line" },
  { "on eom => change-header X",
    "1:26: expected a colon and the value that is sent, got the end of the line" },
  { "on eom\n=> replace-body",
    "2:16: expected the text that is sent (\"\" for none), got the end of the line" },
  { "on eom\n=> quarantine # it",
    "2:15: expected the text that is sent (\"\" for none), got the end of the line" },
  { "on eom\n=> change-from", "2:15: expected the address that is sent, got the end of the line" },
  { "on eom\n=> add-rcpt", "2:12: expected the address that is sent, got the end of the line" },
  { "on eom\n=> delete-rcpt", "2:15: expected the address that is sent, got the end of the line" },
  { "on eom => accept | reject", "1:18: expected the end of the line, got \"|\"" },
  { "on eom => accept within 1s", "1:18: expected the end of the line, got "
                                  "\"within\"" },
  { "on eom\n=> only", "2:4: expected what the milter does, as accept, 451, add-header or stall, got "
                       "\"only\"" },
  { "on eom\n=> from x accept", "2:4: expected what the milter does, as accept, 451, add-header or "
                                "stall, got \"from\"" },
  { "on eom\n=> lost", "2:4: expected what the milter does, as accept, 451, add-header or stall, got "
                       "\"lost\"" },
  { "on eom\n=>", "2:3: expected what the milter does, as accept, 451, add-header or stall, got the end "
                  "of the line" },
  { "on eom\n=> add-header X: a | b", "2:20: expected quotes around a value that holds \" | \", got "
                                      "\"|\"" },
  { "on eom\n=> stall 1x", "2:10: expected a duration with its unit, as 200ms, 1.5s or 2m, got "
                           "\"1x\"" },
  { "on eom\nmail", "2:1: expected \"session\" before the first command, got \"mail\"" },
  { "session\nmail", "2:1: expected a rule (\"on\" or \"expect\"), got only sessions, which "
                     "milter-test-server plays" },
  { "session\non eom\nmta exact", "3:1: expected \"session\", \"on\" or \"expect\" (what holds for the "
                                  "whole file stands before its first session), got \"mta\"" },
  { "let a b", "1:1: expected a rule (\"on\" or \"expect\"), got the end of the file" },
};

Test (parser_rules, what_is_wrong_is_told_with_its_place)
{
  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      g_autofree char *expected = g_strdup_printf ("r.scenario:%s\n", errors[i].error);

      check (errors[i].text, expected);
    }
}

Test (parser_rules, a_file_of_rules_has_nothing_for_an_mta)
{
  const char text[] = "on eom => accept\n";
  g_autofree char *dump = dump_text ("r.scenario", text, strlen (text));

  cr_assert_str_eq (dump, "r.scenario:1:1: expected a session, got only rules (\"on\", \"expect\"), "
                          "which a milter plays, not an MTA\n", "%s", dump);
}
