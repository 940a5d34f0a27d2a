/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-scenario.c: any bytes as a scenario. Whatever comes, it is either a scenario that is whole,
 * or some errors that have a place; the same each time; and its patterns match, or do not, in
 * bounded time. A broken promise aborts.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "milter-format.h"
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
      /* of an included file it is that file's */
      if (g_str_has_prefix (line, PATH ":"))
        g_assert_cmpint (sscanf (line, PATH ":%u:%u: expected ", &number, &column), ==, 2);
      else
        g_assert_cmpint (sscanf (line, "%*[^:]:%u:%u: expected ", &number, &column), ==, 2);
      g_assert_true (number > 0 && column > 0);
      line = end + 1;
    }
  g_assert_cmpuint (n, <=, MILTER_SCENARIO_MAX_ERRORS);
}

static void
check_where (const MilterWhere *where)
{
  g_assert_nonnull (where->file);
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

/* in a round, too, it is a line of its kind, or an error */
static void
check_template (const MilterStep *step)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterStep) again = milter_step_instantiate (step, 2, 30, &error);

  g_assert_true ((again == NULL) == (error != NULL));
  if (again == NULL)
    return;
  g_assert_true (again->template_ == NULL && again->kind == step->kind && again->spec == step->spec);
  g_assert_cmpuint (again->expectations->len, ==, step->expectations->len);
  check_where (&again->where);
}

static void
check_step (const MilterStep *step)
{
  check_where (&step->where);
  g_assert_true (step->kind != MILTER_STEP_KIND_COMMAND || step->spec != NULL);
  g_assert_true (step->kind != MILTER_STEP_KIND_EML || step->bytes != NULL);
  g_assert_true (step->kind != MILTER_STEP_KIND_RAW || step->bytes != NULL);
  g_assert_true (step->kind != MILTER_STEP_KIND_TIMEOUT || step->duration_us > 0);
  g_assert_true (step->kind != MILTER_STEP_KIND_STALL || step->duration_us > 0);
  g_assert_true (step->kind != MILTER_STEP_KIND_BARRIER || step->arguments->len == 1);
  g_assert_true ((step->kind == MILTER_STEP_KIND_REPEAT) == (step->body != NULL));
  g_assert_true (step->body == NULL || (step->number > 0 && step->body->len > 0));
  for (guint i = 0; step->body != NULL && i < step->body->len; i++)
    check_step (g_ptr_array_index (step->body, i));
  for (guint i = 0; i < step->expectations->len; i++)
    check_expectation (g_ptr_array_index (step->expectations, i));
  if (step->template_ != NULL)
    check_template (step);
}

static void
check_session (const MilterScenarioSession *session)
{
  g_autofree char *name = milter_scenario_session_make_name (session, 7, 8);

  check_where (&session->where);
  g_assert_true (g_utf8_validate (session->name, -1, NULL) && g_utf8_validate (name, -1, NULL));
  g_assert_true (session->repeat > 0 && (session->parallel > 0) == (session->group > 0));
  for (guint step = 0; step < session->steps->len; step++)
    check_step (g_ptr_array_index (session->steps, step));
}

static void
check_milter (const MilterScenarioMilter *milter)
{
  check_where (&milter->where);
  g_assert_true (milter->spec != NULL && (milter->argv != NULL) == (milter->folder != NULL));
  g_assert_true (milter->argv == NULL || milter->argv[0] != NULL);
}

static void
check_scenario (const MilterScenario *scenario)
{
  g_assert_cmpuint (scenario->sessions->len + scenario->rules->len, >, 0);
  for (guint i = 0; i < scenario->sessions->len; i++)
    check_session (g_ptr_array_index (scenario->sessions, i));
  for (guint i = 0; i < scenario->milters->len; i++)
    check_milter (g_ptr_array_index (scenario->milters, i));
}

/* what parses, as a scenario or as lines that others include, has a canonical form, which is its own */
static void
check_format (const char *text, gsize size, bool parses)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (GString) first = milter_scenario_format (PATH, text, size, /* host= */ NULL, errors);
  g_autoptr (GString) again = NULL;

  g_assert_true ((first == NULL) == (errors->len > 0));
  g_assert_null (strstr (errors->str, "defect"));
  g_assert_true (first != NULL || !parses);
  if (first == NULL)
    return;
  again = milter_scenario_format (PATH, first->str, first->len, /* host= */ NULL, errors);
  g_assert_nonnull (again);
  g_assert_cmpmem (first->str, first->len, again->str, again->len);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (GString) again = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_parse (PATH, (const char *) data, size, NULL, MILTER_SCENARIO_EITHER, errors);
  g_autoptr (MilterScenario) second
      = milter_scenario_parse (PATH, (const char *) data, size, NULL, MILTER_SCENARIO_EITHER, again);

  g_assert_true ((scenario == NULL) == (errors->len > 0));
  g_assert_true ((scenario == NULL) == (second == NULL));
  g_assert_cmpstr (errors->str, ==, again->str);
  if (scenario != NULL)
    check_scenario (scenario);
  else
    check_errors (errors);
  check_format ((const char *) data, size, scenario != NULL);
  return 0;
}
