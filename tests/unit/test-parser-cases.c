/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-cases.c: `case` and `mutant`: whose sessions and rules are whose.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-scenario.h"

static MilterScenario *
parse (const char *text, MilterScenarioUse use, GString *errors)
{
  return milter_scenario_parse ("c.scenario", text, strlen (text), NULL, use, errors);
}

/* "NEG-02 MUST text (source) hostile: one, two" for each case */
static char *
dump_cases (const char *text)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = parse (text, MILTER_SCENARIO_SESSIONS, errors);
  GString *dump = g_string_new (errors->str);

  for (guint i = 0; scenario != NULL && i < scenario->cases->len; i++)
    {
      const MilterScenarioCase *entry = g_ptr_array_index (scenario->cases, i);

      g_string_append_printf (dump, "%s %s %s", entry->id, entry->must ? "MUST" : "SHOULD", entry->text);
      if (entry->source != NULL)
        g_string_append_printf (dump, " (%s)", entry->source);
      g_string_append_printf (dump,
                              "%s%s%s:",
                              entry->hostile ? " hostile" : "",
                              entry->slow ? " slow" : "",
                              entry->steady ? " steady" : "");
      for (guint s = 0; s < scenario->sessions->len; s++)
        {
          const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, s);

          if (session->requirement == entry)
            g_string_append_printf (dump, " %s", session->name);
        }
      g_string_append_c (dump, '\n');
    }
  return g_string_free (dump, FALSE);
}

static const struct
{
  const char *text;
  const char *dump;
} cases[] = {
  { "case NEG-02 must \"a b\"\nsession x", "NEG-02 MUST a b: x\n" },
  { "case NEG-02 should \"a\" source=\"protocol 2.4\" hostile slow steady\nsession x\nsession y\n",
    "NEG-02 SHOULD a (protocol 2.4) hostile slow steady: x y\n" },
  { "case A-1 must a steady source=b\nsession x\ncase A-2 must c\nsession y\nsession z\n",
    "A-1 MUST a (b) steady: x\nA-2 MUST c: y z\n" },
  /* one before the first case is nobody's */
  { "session w\nmail <a>\ncase A-1 must a\nrepeat 2 session x\nparallel session y\n", "A-1 MUST a: x y\n" },
  /* a setting of the file stands before it */
  { "case A-1 must a\nlet b c\nsession $b\n", "A-1 MUST a: c\n" },
  { "case NEG-02 must a\nsession $case\n", "NEG-02 MUST a: neg-02\n" },
  { "case A-1 must a\nsession x\nmutant A-1\nsession y\n", "A-1 MUST a: x\n" },
};

Test (parser_cases, sessions_belong_to_the_case_above_them)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *dump = dump_cases (cases[i].text);

      cr_expect_str_eq (dump, cases[i].dump, "%s\n-- gave --\n%s", cases[i].text, dump);
    }
}

static const struct
{
  const char *text;
  const char *error;
} wrong[] = {
  { "case\nsession", "c.scenario:1:5: expected the id of a requirement, as NEG-02, got the end of the line" },
  { "case neg-02 must a\nsession", "c.scenario:1:6: expected the id of a requirement" },
  { "case NEG must a\nsession", "c.scenario:1:6: expected the id" },
  { "case NEG-2b must a\nsession", "c.scenario:1:6: expected the id" },
  { "case NEG-02 may a\nsession", "c.scenario:1:13: expected \"must\" or \"should\"" },
  { "case NEG-02 must\nsession", "expected the requirement in one quoted sentence" },
  { "case NEG-02 must \"\"\nsession", "expected the requirement in one quoted sentence" },
  { "case NEG-02 must a b\nsession", "c.scenario:1:20: expected source=TEXT, mta=NAME, hostile, slow, steady" },
  { "case NEG-02 must a source=b source=c\nsession", "expected source=TEXT, mta=NAME, hostile" },
  { "case A-1 must a\nsession\ncase A-1 must b\nsession",
    "c.scenario:3:1: expected an id that no other case has, got A-1, which stands in line 1" },
  { "case A-1 must a\nmail <a>", "c.scenario:2:1: expected \"session\" before the first command" },
  { "session\ncase A-1 must a\nmta exact\nsession", "c.scenario:3:1: expected \"session\"" },
  { "session $case", "expected a variable that has a value here, got $case" },
  { "let case a\nsession", "expected a name that is not one of the language's own variables" },
  { "mutant A\non data", "expected the id of a requirement" },
  { "mutant A-1 B-1\non data", "c.scenario:1:12: expected also=ID,ID… or the end of the line" },
  { "mutant A-1 also=B\non data", "expected ids of requirements, as also=NEG-02,NEG-03" },
  { "require probe\nsession", "expected the name of a session of the probe" },
};

Test (parser_cases, errors_tell_what_was_expected)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GString) errors = g_string_new (NULL);
      g_autoptr (MilterScenario) scenario = parse (wrong[i].text, MILTER_SCENARIO_EITHER, errors);

      cr_expect_null (scenario, "%s", wrong[i].text);
      cr_expect_not_null (
          strstr (errors->str, wrong[i].error), "%s\n-- gave --\n%s", wrong[i].text, errors->str);
    }
}

Test (parser_cases, rules_belong_to_the_mutant_above_them)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = parse ("on data => accept\n"
                                               "mutant A-1 also=B-2,C-3\n"
                                               "on helo client=$case.* => reject\n"
                                               "on eoh\n"
                                               "case D-4 must a\n"
                                               "expect 1 data\n",
                                               MILTER_SCENARIO_RULES,
                                               errors);
  const MilterRule *rules[4];
  const MilterScenarioMutant *mutant;

  cr_assert_not_null (scenario, "%s", errors->str);
  cr_assert_eq (scenario->rules->len, 4);
  for (guint i = 0; i < 4; i++)
    rules[i] = g_ptr_array_index (scenario->rules, i);
  mutant = g_ptr_array_index (scenario->mutants, 0);
  cr_expect_str_eq (mutant->id, "A-1");
  cr_expect_str_eq (mutant->also[0], "B-2");
  cr_expect_str_eq (mutant->also[1], "C-3");
  cr_expect_null (mutant->also[2]);
  cr_expect_null (rules[0]->mutant);
  cr_expect_eq (rules[1]->mutant, mutant);
  cr_expect_eq (rules[2]->mutant, mutant);
  cr_expect_null (rules[3]->mutant);
  cr_expect_eq (rules[3]->requirement, g_ptr_array_index (scenario->cases, 0));
  cr_expect (milter_pattern_matches (rules[1]->client, milter_bytes_from_string ("a-1.example")));
}
