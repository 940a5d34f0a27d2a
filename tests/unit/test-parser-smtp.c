/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-smtp.c: `smtp`, `order` and `delivered` of cases for MTAs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-format.h"
#include "milter-responder.h"
#include "milter-scenario.h"

static MilterScenario *
parse (const char *text, GString *errors)
{
  return milter_scenario_parse (
      "c.scenario", text, strlen (text), NULL, MILTER_SCENARIO_RULES, errors);
}

static const MilterScenarioCase *
get_case (const MilterScenario *scenario, guint number)
{
  return g_ptr_array_index (scenario->cases, number);
}

Test (parser_smtp, lines_of_a_client_belong_to_the_case_above_them)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = parse ("let name x\n"
                                               "case A-1 must a mta=postfix\n"
                                               "smtp connect\n"
                                               "  => 220* | closed\n"
                                               "smtp connect 127.0.0.2\n"
                                               "smtp say \"EHLO $name\" => 250*\n"
                                               "smtp message <<END\n"
                                               "Subject: y\n"
                                               "END\n"
                                               "smtp close\n"
                                               "case B-2 should b\n"
                                               "smtp say NOOP\n",
                                               errors);
  static const char *const texts[] = { NULL, "127.0.0.2", "EHLO x", "Subject: y\r\n", NULL };
  static const MilterSmtpAction actions[]
      = { MILTER_SMTP_CONNECT, MILTER_SMTP_CONNECT, MILTER_SMTP_SAY, MILTER_SMTP_MESSAGE, MILTER_SMTP_CLOSE };
  static const guint replies[] = { 2, 0, 1, 0, 0 };

  cr_assert_not_null (scenario, "%s", errors->str);
  cr_expect_str_eq (get_case (scenario, 0)->mta, "postfix");
  cr_expect_null (get_case (scenario, 1)->mta);
  cr_assert_eq (get_case (scenario, 0)->smtp->len, G_N_ELEMENTS (texts));
  cr_expect_eq (get_case (scenario, 1)->smtp->len, 1);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      const MilterSmtpStep *step = g_ptr_array_index (get_case (scenario, 0)->smtp, i);
      gsize size = 0;
      const char *bytes = step->bytes != NULL ? g_bytes_get_data (step->bytes, &size) : NULL;

      cr_expect_eq (step->action, actions[i], "line %u", i);
      cr_expect_eq (step->replies->len, replies[i], "line %u", i);
      cr_expect_eq (bytes != NULL, texts[i] != NULL, "line %u", i);
      if (bytes != NULL && texts[i] != NULL)
        cr_expect (size == strlen (texts[i]) && memcmp (bytes, texts[i], size) == 0, "line %u", i);
    }
  cr_expect_str_eq (((MilterSmtpStep *) g_ptr_array_index (get_case (scenario, 0)->smtp, 0))->text,
                    "220* | closed");
}

Test (parser_smtp, checks_have_a_kind_and_a_pattern)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = parse ("case A-1 must a\n"
                                               "smtp connect\n"
                                               "order \"negotiate *\"\n"
                                               "order not /quit-nc/\n"
                                               "order macros *\n"
                                               "order macros not *\n"
                                               "delivered none\n"
                                               "delivered *\n"
                                               "delivered not *\n",
                                               errors);
  static const struct
  {
    MilterMtaCheckKind kind;
    bool negated, has_pattern;
    const char *text;
  } checks[] = {
    { MILTER_MTA_CHECK_ORDER, false, true, "order \"negotiate *\"" },
    { MILTER_MTA_CHECK_ORDER, true, true, "order not /quit-nc/" },
    { MILTER_MTA_CHECK_MACROS, false, true, "order macros *" },
    { MILTER_MTA_CHECK_MACROS, true, true, "order macros not *" },
    { MILTER_MTA_CHECK_DELIVERED, false, false, "delivered none" },
    { MILTER_MTA_CHECK_DELIVERED, false, true, "delivered *" },
    { MILTER_MTA_CHECK_DELIVERED, true, true, "delivered not *" },
  };

  cr_assert_not_null (scenario, "%s", errors->str);
  cr_assert_eq (get_case (scenario, 0)->checks->len, G_N_ELEMENTS (checks));
  for (guint i = 0; i < G_N_ELEMENTS (checks); i++)
    {
      const MilterMtaCheck *check = g_ptr_array_index (get_case (scenario, 0)->checks, i);

      cr_expect_eq (check->kind, checks[i].kind, "%s", checks[i].text);
      cr_expect_eq (check->negated, checks[i].negated, "%s", checks[i].text);
      cr_expect_eq (check->pattern != NULL, checks[i].has_pattern, "%s", checks[i].text);
      cr_expect_str_eq (check->text, checks[i].text);
    }
}

#define C "case A-1 must a\n"

static const struct
{
  const char *text, *error;
} wrong[] = {
  { "smtp connect\n", "expected \"case\" before the first \"smtp\"" },
  { "order *\n", "expected \"case\" before the first \"order\"" },
  { C "smtp\n", "c.scenario:2:5: expected connect, say, message or close" },
  { C "smtp shout x\n", "expected connect, say, message or close, got \"shout\"" },
  { C "smtp say\n", "expected what the client says" },
  { C "smtp say EHLO x\n", "c.scenario:2:15: expected the end of the line behind" },
  { C "smtp say \"a\\r\\nb\"\n", "expected one line" },
  { C "smtp close now\n", "behind" },
  { C "smtp connect =>\n", "expected the SMTP reply" },
  { C "smtp connect\n=> 220*\n=> 250*\n", "expected one \"=>\" for a line" },
  { C "smtp connect => 220* 250*\n", "expected \"|\" or the end of the line" },
  { C "smtp connect => /(/\n", "c.scenario:2:" },
  { C "smtp connect\norder\n", "expected the commands of a connection" },
  { C "smtp connect\ndelivered\n", "expected none, or what the message is" },
  { C "smtp connect\ndelivered * *\n", "the end of the line behind" },
  { C "mta=x smtp connect\n", "expected a verb" },
  { "case A-1 must a mta=x mta=y\nsmtp connect\n", "expected source=TEXT, mta=NAME, hostile" },
  { C "delivered none\n", "expected a rule" },
};

Test (parser_smtp, errors_tell_what_was_expected)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GString) errors = g_string_new (NULL);
      g_autoptr (MilterScenario) scenario = parse (wrong[i].text, errors);

      cr_expect_null (scenario, "%s", wrong[i].text);
      cr_expect_not_null (
          strstr (errors->str, wrong[i].error), "%s\n-- gave --\n%s", wrong[i].text, errors->str);
    }
}

Test (parser_smtp, a_book_of_one_case_has_its_rules_and_those_before_all_cases)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = parse ("expect 1 quit\n"
                                               "case A-1 must a\n"
                                               "smtp connect\n"
                                               "expect 1 mail\n"
                                               "case B-2 must b\n"
                                               "smtp connect\n"
                                               "expect 1 rcpt\n",
                                               errors);
  g_autoptr (MilterRuleBook) book
      = milter_rule_book_new_for_case (scenario, get_case (scenario, 1));
  g_autoptr (GPtrArray) verdicts = milter_rule_book_judge (book);

  cr_assert_eq (verdicts->len, 2);
  for (guint i = 0; i < 2; i++)
    cr_expect_str_eq (((MilterExpectVerdict *) g_ptr_array_index (verdicts, i))->rule->text,
                      i == 0 ? "expect 1 quit" : "expect 1 rcpt");
}
