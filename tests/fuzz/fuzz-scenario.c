/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-scenario.c: any bytes as a scenario. Whatever comes, it is either a scenario that is whole,
 * or some errors that have a place; the same each time; and its patterns match, or do not, in
 * bounded time. A broken promise aborts.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "milter-scenario.h"

#define PATH "x/fuzz.scenario"

static void
check_errors (const GString *errors)
{
  guint n = 0;

  g_assert_true (errors->len > 0 && g_utf8_validate (errors->str, (gssize) errors->len, NULL));
  for (const char *line = errors->str; *line != '\0'; n++)
    {
      const char *end = strchr (line, '\n');
      guint number, column;

      g_assert_nonnull (end);
      g_assert_cmpint (sscanf (line, PATH ":%u:%u: expected ", &number, &column), ==, 2);
      g_assert_true (number > 0 && column > 0);
      line = end + 1;
    }
  g_assert_cmpuint (n, <=, MILTER_SCENARIO_MAX_ERRORS);
}

static void
check_where (const MilterWhere *where)
{
  g_assert_cmpstr (where->file, ==, PATH);
  g_assert_true (where->line > 0 && where->column > 0);
}

static void
check_pattern (const MilterPattern *pattern)
{
  static const guint8 subject[] = "some  text aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\0\xff <a@b>";
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  gboolean matches = milter_pattern_match (pattern, milter_bytes (subject, sizeof subject), &error);

  g_assert_true (!matches || error == NULL);
  g_assert_true (milter_pattern_get_kind (pattern) != MILTER_PATTERN_LITERAL
                 || milter_pattern_matches (pattern, milter_pattern_get_literal (pattern)));
  milter_pattern_append_text (pattern, text);
  g_assert_true (text->len > 0 && g_utf8_validate (text->str, (gssize) text->len, NULL));
}

static void
check_answer (const MilterAnswerPattern *answer)
{
  check_where (&answer->where);
  if (answer->value != NULL)
    check_pattern (answer->value);
  for (guint i = 0; i < answer->patterns->len; i++)
    check_pattern (g_ptr_array_index (answer->patterns, i));
}

static void
check_expectation (const MilterExpectation *expectation)
{
  check_where (&expectation->where);
  g_assert_nonnull (expectation->text);
  g_assert_true (
      (expectation->pattern != NULL)
      == (expectation->kind == MILTER_EXPECT_AND || expectation->kind == MILTER_EXPECT_AND_NOT));
  g_assert_true (
      (expectation->answers->len > 0)
      == (expectation->kind == MILTER_EXPECT_ANSWER || expectation->kind == MILTER_EXPECT_NO));
  g_assert_true ((expectation->bytes != NULL) == (expectation->kind == MILTER_EXPECT_RESULT));
  if (expectation->pattern != NULL)
    check_pattern (expectation->pattern);
  for (guint i = 0; i < expectation->answers->len; i++)
    check_answer (g_ptr_array_index (expectation->answers, i));
}

static void
check_step (const MilterStep *step)
{
  check_where (&step->where);
  g_assert_true (step->kind != MILTER_STEP_KIND_COMMAND || step->spec != NULL);
  g_assert_true (step->kind != MILTER_STEP_KIND_EML || step->bytes != NULL);
  g_assert_true (step->kind != MILTER_STEP_KIND_RAW || step->bytes != NULL);
  g_assert_true (step->kind != MILTER_STEP_KIND_TIMEOUT || step->duration_us > 0);
  for (guint i = 0; i < step->expectations->len; i++)
    check_expectation (g_ptr_array_index (step->expectations, i));
}

static void
check_scenario (const MilterScenario *scenario)
{
  g_assert_cmpuint (scenario->sessions->len, >, 0);
  for (guint i = 0; i < scenario->sessions->len; i++)
    {
      const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, i);

      check_where (&session->where);
      g_assert_true (g_utf8_validate (session->name, -1, NULL));
      for (guint step = 0; step < session->steps->len; step++)
        check_step (g_ptr_array_index (session->steps, step));
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (GString) again = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_parse (PATH, (const char *) data, size, NULL, MILTER_SCENARIO_SESSIONS, errors);
  g_autoptr (MilterScenario) second
      = milter_scenario_parse (PATH, (const char *) data, size, NULL, MILTER_SCENARIO_SESSIONS, again);

  g_assert_true ((scenario == NULL) == (errors->len > 0));
  g_assert_true ((scenario == NULL) == (second == NULL));
  g_assert_cmpstr (errors->str, ==, again->str);
  if (scenario != NULL)
    check_scenario (scenario);
  else
    check_errors (errors);
  return 0;
}
