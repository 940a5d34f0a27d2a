/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rule-match.c: which events are those of a rule.
 */
#include <criterion/criterion.h>

#include "responder-test.h"

Test (rule_match, patterns_go_with_the_arguments_in_order)
{
  static const ResponderRow rows[] = {
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
    { "on rcpt * NOTIFY=NEVER => accept",
      "R<a>|NOTIFY=NEVER|\nR<a>|\nR<a>|notify=never|",
      "[a]\n-\n-" },
    { "on body *virus* => accept", "Ba virus!\nBclean", "[a]\n-" },
    { "on eom \"last bytes\" => accept", "Elast bytes\nE", "[a]\n-" },
    { "on unknown \"FOO *\" => accept", "UFOO bar|\nUBAR|", "[a]\n-" },
    { "on body /^a.c$/ => accept", "Ba^c\nBa^cd", "[a]\n-" },
  };

  RESPONDER_CHECK (rows);
}

Test (rule_match, a_field_has_a_name_in_any_case_and_a_value_with_or_without_its_blank)
{
  static const ResponderRow rows[] = {
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

  RESPONDER_CHECK (rows);
}

Test (rule_match, an_offer_is_matched_by_what_it_holds)
{
  static const ResponderRow rows[] = {
    { "on negotiate version=6 actions=+QUARANTINE => negotiate steps=NODATA",
      "O",
      "[O 00000006 000001ff 00000200]" },
    { "on negotiate version=2..4 => accept", "O\nO|||\004|||\017||||", "-\n[a]" },
    { "on negotiate steps=-SKIP => accept", "O\nO|||\006|||\017||||", "-\n[a]" },
    { "on negotiate actions=ADDHDRS,CHGBODY => accept", "O|||\006|||\003||||\nO", "[a]\n-" },
  };

  RESPONDER_CHECK (rows);
}

Test (rule_match, macros_are_those_that_are_set_with_and_without_braces)
{
  static const ResponderRow rows[] = {
    { "on rcpt {rcpt_mailer}=esmtp => accept",
      "DR{rcpt_mailer}|esmtp|\nR<a>|\nDR{rcpt_mailer}|local|\nR<a>|\nDR{x}|y|\nR<a>|",
      "-\n[a]\n-\n-\n-\n-" },
    { "on eom {i}=*1 {j}=mx => accept",
      "DCj|mx|\nCx|U\nDMi|A1|\nM<a>|\nR<b>|\nE",
      "-\n-\n-\n-\n-\n[a]" },
    { "on mail {i}=x => accept", "DM{i}|x|\nM<a>|", "-\n[a]" },
    { "on data {x}=/./ => accept", "T", "-" },
    { "on close {j}=mx => accept", "DCj|mx|\nCx|U\nclose", "-\n-\n[a]" },
  };

  RESPONDER_CHECK (rows);
}
