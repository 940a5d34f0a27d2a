/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-expect.c: what stands behind `=>`.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

/* rows: the line behind `=>`, and what it means */
static const struct
{
  const char *line;
  const char *expected;
} answers[] = {
  /* replies */
  { "continue", "REPLY c" },
  { "continue # comment", "REPLY c" },
  { "accept | tempfail within 1.5s", "REPLY a | REPLY t within 1500000" },
  { "any", "ANY" },
  { "none within 10ms", "NONE within 10000" },
  { "closed | reset | none", "CLOSED | RESET | NONE" },
  { "closed within 2m", "CLOSED within 120000000" },

  /* codes */
  { "451", "CODE y 451" },
  { "4xx", "CODE y 4xx" },
  { "xxx 5.x.x", "CODE y xxx 5.x.x" },
  { "550 5.7.1", "CODE y 550 5.7.1" },
  { "550 5.7.123 no", "CODE y 550 5.7.123 no" },
  { "550 \"5.7.1\"", "CODE y 550 5.7.1" },
  { "550 5.7", "CODE y 550 5.7" },
  { "550 5.7.1.2", "CODE y 550 5.7.1.2" },
  { "550 5.7.1234", "CODE y 550 5.7.1234" },
  { "550 n*", "CODE y 550 n*" },
  { "550 'n*'", "CODE y 550 \"n\\*\"" },
  { "550 \"a b*\"", "CODE y 550 \"a b*\"" },
  { "550 * \"b\" /c/i", "CODE y 550 * b /c/i" },
  { "550 \"within\" within 1s", "CODE y 550 \"within\" within 1000000" },
  { "550 \"|\" | 4xx x", "CODE y 550 \"|\" | CODE y 4xx x" },

  /* negotiation */
  { "negotiate", "NEGOTIATE O" },
  { "negotiate version=6 | closed", "NEGOTIATE O version=6 | CLOSED" },
  { "negotiate version=2.. actions=none steps=all",
    "NEGOTIATE O version=2..4294967295 actions=0x0 steps=0x1fffff" },
  { "negotiate symbols=none within 1s", "NEGOTIATE O symbols=none within 1000000" },
  { "negotiate symbols-connect=*j* symbols-mail=\"i {auth_authen}\" symbols-9=/a b/i",
    "NEGOTIATE O symbols-0=*j* symbols-2=\"i {auth_authen}\" symbols-9=/a b/i" },
  { "negotiate tail=\"\\0*\"", "NEGOTIATE O tail=\"\\0\\*\"" },

  /* literally */
  { "frame c", "FRAME 0x63" },
  { "frame y \"550 a*\\0\"", "FRAME 0x79 \"550 a\\*\\0\"" },
  { "frame \"\\xff\" /x/", "FRAME 0xff \"/x/\"" },
  { "frame \\x07 | accept", "FRAME 0x07 | REPLY a" },
  { "frame '|' \"|\"", "FRAME 0x7c \"|\"" },
  { "raw \"\\0\\0\\0\\x01c\" within 1s", "RAW \"\\0\\0\\0\\x01c\" within 1000000" },

  /* fields */
  { "add-header X", "EDIT h X" },
  { "add-header X: yes", "EDIT h X: yes" },
  { "add-header X:yes", "EDIT h X:yes" },
  { "add-header X:  yes", "EDIT h X: \" yes\"" },
  { "add-header X: \"yes \" # c", "EDIT h X: \"yes \"" },
  { "add-header X: yes within 1s # c", "EDIT h X: \"yes within 1s # c\"" },
  { "add-header X: *pass*", "EDIT h X: *pass*" },
  { "add-header X: a\\*b*", "EDIT h X: \"a\\*b*\"" },
  { "add-header X: /^a b/i | add-header Y", "EDIT h X: /^a b/i | EDIT h Y" },
  { "add-header X:", "EDIT h X:\"\"" },
  { "add-header \"\": x", "EDIT h \"\": x" },
  { "add-header 1: x", "EDIT h 1: x" },
  { "insert-header X: y", "EDIT i X: y" },
  { "insert-header 0 X: y", "EDIT i #0 X: y" },
  { "insert-header 4294967295 X", "EDIT i #4294967295 X" },
  { "insert-header \"0\": y", "EDIT i 0: y" },
  { "change-header 2 Subject", "EDIT m #2 Subject" },
  { "change-header Subject: x", "EDIT m Subject: x" },
  { "change-header Subject:", "EDIT m Subject:\"\" deletes" },
  { "change-header Subject: *", "EDIT m Subject: *" },
  { "delete-header 2 Subject | delete-header X", "EDIT m #2 Subject deletes | EDIT m X deletes" },

  /* the rest of the message */
  { "replace-body", "EDIT b" },
  { "replace-body \"\"", "EDIT b \"\"" },
  { "replace-body \"a*\\r\\n\"", "EDIT b \"a*\\r\\n\"" },
  { "replace-body <<END\n  a*\n  END", "EDIT b \"a\\*\\r\\n\"" },
  { "quarantine", "EDIT q" },
  { "quarantine /x y/", "EDIT q /x y/" },
  { "progress", "EDIT p" },
  { "change-from", "EDIT e" },
  { "change-from <> RET=* \"B C\"", "EDIT e <> RET=* \"B C\"" },
  { "add-rcpt", "EDIT +" },
  { "add-rcpt <x>", "EDIT + <x>" },
  { "add-rcpt <x> NOTIFY=\"a b\" | add-rcpt <y>", "EDIT 2 <x> \"NOTIFY=a b\" | EDIT + <y>" },
  { "delete-rcpt /x/", "EDIT - /x/" },

  /* conditions on all */
  { "no add-header X-Spam", "no EDIT h X-Spam" },
  { "no replace-body", "no EDIT b" },
  { "only", "only" },
  { "ordered", "ordered" },
  { "from dkim accept", "from dkim REPLY a" },
  { "from 'a b' no quarantine", "no from a b EDIT q" },
  { "result <<END\n    A: b\n\n    x\n    END", "result \"A: b\\r\\n\\r\\nx\\r\\n\"" },
  { "result <<END ignoring Date,Message-ID # c\nA: b\nEND",
    "result \"A: b\\r\\n\" ignoring Date;Message-ID" },
  { "result plain.golden.eml",
    "result \"Subject: hi\\r\\nX-Checked: yes\\r\\n\\r\\nHi.\\r\\n\"" },
};

Test (parser_expect, a_line_says)
{
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      g_autofree char *text = g_strdup_printf ("session\neom\n=> %s\n", answers[i].line);
      g_autofree char *expected
          = g_strdup_printf ("session 1\n  eom\n    => %s\n", answers[i].expected);
      g_autofree char *got
          = dump_text (TEST_DATA_DIR "/scenarios/t.scenario", text, strlen (text));

      cr_expect_str_eq (got, expected, "%s\n-- gave --\n%s", answers[i].line, got);
    }
}

Test (parser_expect, conditions_stand_below_their_answer)
{
  const char *text = "session\neom\n=> add-header X\n=> and *a*\n=> and not /b c/\n=> and \"not\"\n"
                     "=> accept\n=> and x\n";
  g_autofree char *got = dump_text ("t", text, strlen (text));

  cr_assert_str_eq (got, "session 1\n  eom\n    => EDIT h X\n    => and *a*\n"
                         "    => and not /b c/\n    => and not\n    => REPLY a\n    => and x\n");
}

Test (parser_expect, the_line_is_kept_for_reports)
{
  static const char text[] = "session\nrcpt <x>   => \t 451 \"mailbox  busy*\" within 1s  # why\n";
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_parse ("a/t", text, strlen (text), NULL, MILTER_SCENARIO_SESSIONS, errors);
  const MilterScenarioSession *session;
  const MilterStep *step;
  const MilterExpectation *expectation;
  const MilterAnswerPattern *answer;

  cr_assert_not_null (scenario, "%s", errors->str);
  session = g_ptr_array_index (scenario->sessions, 0);
  step = g_ptr_array_index (session->steps, 0);
  expectation = g_ptr_array_index (step->expectations, 0);
  answer = g_ptr_array_index (expectation->answers, 0);
  cr_assert_str_eq (expectation->text, "451 \"mailbox  busy*\" within 1s");
  cr_assert_str_eq (expectation->where.file, "a/t");
  cr_assert_eq (step->where.line, 2);
  cr_assert_eq (step->where.column, 1);
  cr_assert_eq (expectation->where.line, 2);
  cr_assert_eq (expectation->where.column, 17);
  cr_assert_eq (answer->where.column, 17);
}
