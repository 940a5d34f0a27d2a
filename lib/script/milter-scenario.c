/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario.c: the nodes of a parsed scenario, made and given back.
 */
#include "milter-scenario.h"

#include <stdbool.h>

#include "milter-scenario-private.h"

static GPtrArray *
array_of (GDestroyNotify destroy)
{
  return g_ptr_array_new_with_free_func (destroy);
}

static void
bytes_unref (gpointer bytes)
{
  g_bytes_unref (bytes);
}

static void
pattern_free (gpointer pattern)
{
  milter_pattern_free (pattern);
}

void
milter_symbol_list_free (MilterSymbolList *list)
{
  if (list == NULL)
    return;
  g_clear_pointer (&list->names, g_bytes_unref);
  g_clear_pointer (&list->pattern, milter_pattern_free);
  g_free (list);
}

void
milter_negotiate_args_clear (MilterNegotiateArgs *args)
{
  g_clear_pointer (&args->symbols, g_ptr_array_unref);
  g_clear_pointer (&args->tail, g_bytes_unref);
}

MilterMacroItem *
milter_macro_item_new (GBytes *name, GBytes *value)
{
  MilterMacroItem *item = g_new0 (MilterMacroItem, 1);

  item->name = g_bytes_ref (name);
  if (value != NULL)
    item->value = g_bytes_ref (value);
  return item;
}

void
milter_macro_item_free (MilterMacroItem *item)
{
  if (item == NULL)
    return;
  g_clear_pointer (&item->name, g_bytes_unref);
  g_clear_pointer (&item->value, g_bytes_unref);
  g_free (item);
}

MilterAnswerPattern *
milter_answer_pattern_new (MilterAnswerKind kind)
{
  MilterAnswerPattern *answer = g_new0 (MilterAnswerPattern, 1);

  answer->kind = kind;
  answer->patterns = array_of (pattern_free);
  return answer;
}

void
milter_answer_pattern_free (MilterAnswerPattern *answer)
{
  if (answer == NULL)
    return;
  g_free (answer->code);
  g_free (answer->extended);
  g_clear_pointer (&answer->name, g_bytes_unref);
  g_clear_pointer (&answer->value, milter_pattern_free);
  g_clear_pointer (&answer->patterns, g_ptr_array_unref);
  milter_negotiate_args_clear (&answer->negotiate);
  g_clear_pointer (&answer->bytes, g_bytes_unref);
  g_free (answer);
}

MilterExpectation *
milter_expectation_new (MilterExpectKind kind)
{
  MilterExpectation *expectation = g_new0 (MilterExpectation, 1);

  expectation->kind = kind;
  expectation->answers = array_of ((GDestroyNotify) milter_answer_pattern_free);
  return expectation;
}

void
milter_expectation_free (MilterExpectation *expectation)
{
  if (expectation == NULL)
    return;
  g_free (expectation->text);
  g_free (expectation->from);
  g_clear_pointer (&expectation->answers, g_ptr_array_unref);
  g_clear_pointer (&expectation->pattern, milter_pattern_free);
  g_clear_pointer (&expectation->bytes, g_bytes_unref);
  g_free (expectation->path);
  g_strfreev (expectation->ignoring);
  g_clear_pointer (&expectation->act, milter_step_free);
  g_free (expectation);
}

MilterStep *
milter_step_new (MilterStepKind kind)
{
  MilterStep *step = g_new0 (MilterStep, 1);

  step->kind = kind;
  step->arguments = array_of (bytes_unref);
  step->macros = array_of ((GDestroyNotify) milter_macro_item_free);
  step->expectations = array_of ((GDestroyNotify) milter_expectation_free);
  return step;
}

void
milter_step_free (MilterStep *step)
{
  if (step == NULL)
    return;
  g_clear_pointer (&step->arguments, g_ptr_array_unref);
  g_clear_pointer (&step->macros, g_ptr_array_unref);
  milter_negotiate_args_clear (&step->negotiate);
  g_clear_pointer (&step->bytes, g_bytes_unref);
  g_free (step->path);
  g_clear_pointer (&step->expectations, g_ptr_array_unref);
  g_clear_pointer (&step->body, g_ptr_array_unref);
  g_clear_pointer (&step->template_, milter_template_free);
  g_free (step);
}

MilterRequirement *
milter_requirement_new (void)
{
  return g_new0 (MilterRequirement, 1);
}

static void
requirement_free (gpointer data)
{
  MilterRequirement *requirement = data;

  g_free (requirement->text);
  milter_negotiate_args_clear (&requirement->negotiate);
  g_free (requirement);
}

static void
scenario_milter_free (gpointer data)
{
  MilterScenarioMilter *milter = data;

  g_free (milter->name);
  g_free (milter->spec);
  g_strfreev (milter->argv);
  g_free (milter->folder);
  g_free (milter);
}

MilterRule *
milter_rule_new (void)
{
  MilterRule *rule = g_new0 (MilterRule, 1);

  rule->patterns = array_of (pattern_free);
  rule->macro_names = array_of (bytes_unref);
  rule->macro_patterns = array_of (pattern_free);
  rule->expectations = array_of ((GDestroyNotify) milter_expectation_free);
  return rule;
}

static void
rule_free (gpointer data)
{
  MilterRule *rule = data;

  g_free (rule->text);
  g_clear_pointer (&rule->name, g_bytes_unref);
  g_clear_pointer (&rule->patterns, g_ptr_array_unref);
  g_clear_pointer (&rule->port, milter_pattern_free);
  g_clear_pointer (&rule->client, milter_pattern_free);
  g_clear_pointer (&rule->macro_names, g_ptr_array_unref);
  g_clear_pointer (&rule->macro_patterns, g_ptr_array_unref);
  milter_negotiate_args_clear (&rule->negotiate);
  g_clear_pointer (&rule->expectations, g_ptr_array_unref);
  g_free (rule);
}

MilterSmtpStep *
milter_smtp_step_new (void)
{
  MilterSmtpStep *step = g_new0 (MilterSmtpStep, 1);

  step->replies = array_of (pattern_free);
  return step;
}

void
milter_smtp_step_free (MilterSmtpStep *step)
{
  g_clear_pointer (&step->bytes, g_bytes_unref);
  g_ptr_array_unref (step->replies);
  g_free (step->text);
  g_free (step);
}

void
milter_mta_check_free (MilterMtaCheck *check)
{
  g_clear_pointer (&check->pattern, milter_pattern_free);
  g_free (check->text);
  g_free (check);
}

MilterScenarioCase *
milter_case_new (void)
{
  MilterScenarioCase *entry = g_new0 (MilterScenarioCase, 1);

  entry->smtp = array_of ((GDestroyNotify) milter_smtp_step_free);
  entry->checks = array_of ((GDestroyNotify) milter_mta_check_free);
  return entry;
}

static void
case_free (gpointer data)
{
  MilterScenarioCase *entry = data;

  g_free (entry->id);
  g_free (entry->text);
  g_free (entry->source);
  g_free (entry->mta);
  g_ptr_array_unref (entry->smtp);
  g_ptr_array_unref (entry->checks);
  g_free (entry);
}

static void
mutant_free (gpointer data)
{
  MilterScenarioMutant *mutant = data;

  g_free (mutant->id);
  g_strfreev (mutant->also);
  g_free (mutant);
}

static void
session_free (gpointer data)
{
  MilterScenarioSession *session = data;

  g_free (session->name);
  g_clear_pointer (&session->counted_name, milter_counted_text_unref);
  g_free (session->from);
  g_free (session->to);
  g_free (session->connection);
  g_clear_pointer (&session->requirements, g_ptr_array_unref);
  g_clear_pointer (&session->macros, g_ptr_array_unref);
  g_clear_pointer (&session->steps, g_ptr_array_unref);
  g_free (session);
}

MilterScenario *
milter_scenario_new (const char *path)
{
  MilterScenario *scenario = g_new0 (MilterScenario, 1);

  scenario->path = g_strdup (path);
  scenario->macros = array_of ((GDestroyNotify) milter_step_free);
  scenario->sessions = array_of (session_free);
  scenario->milters = array_of (scenario_milter_free);
  scenario->requirements = array_of (requirement_free);
  scenario->rules = array_of (rule_free);
  scenario->cases = array_of (case_free);
  scenario->mutants = array_of (mutant_free);
  scenario->paths = g_string_chunk_new (256);
  return scenario;
}

const char *
milter_scenario_keep_path (MilterScenario *scenario, const char *path)
{
  return g_string_chunk_insert_const (scenario->paths, path);
}

MilterScenarioSession *
milter_scenario_add_session (MilterScenario *scenario, const MilterWhere *where, char *name)
{
  MilterScenarioSession *session = g_new0 (MilterScenarioSession, 1);

  session->where = *where;
  session->name = name != NULL ? name : g_strdup_printf ("%u", scenario->sessions->len + 1);
  session->named = name != NULL;
  session->repeat = 1;
  session->requirements = array_of (requirement_free);
  session->macros = g_ptr_array_ref (scenario->macros);
  session->steps = array_of ((GDestroyNotify) milter_step_free);
  g_ptr_array_add (scenario->sessions, session);
  return session;
}

/* whether a name tells the rounds, or the copies, apart by itself */
static bool
has_counter (const MilterCountedText *name, char wanted)
{
  for (guint i = 0; name != NULL && i < milter_counted_text_get_n_places (name); i++)
    {
      char counter;

      milter_counted_text_get_piece (name, i, &counter);
      if (counter == wanted)
        return true;
    }
  return false;
}

char *
milter_scenario_session_make_name (const MilterScenarioSession *session, guint round, guint copy)
{
  bool tell_round = session->repeat > 1 && !has_counter (session->counted_name, 'n');
  bool tell_copy = session->parallel > 1 && !has_counter (session->counted_name, 'p');
  g_autofree char *filled = session->counted_name != NULL
                                ? milter_counted_text_fill_in (session->counted_name, round, copy)
                                : g_strdup (session->name);
  g_autofree char *name = g_utf8_make_valid (filled, -1);

  if (tell_round && tell_copy)
    return g_strdup_printf ("%s (round %u, copy %u)", name, round, copy);
  if (tell_round || tell_copy)
    return g_strdup_printf (
        "%s (%s %u)", name, tell_round ? "round" : "copy", tell_round ? round : copy);
  return g_steal_pointer (&name);
}

void
milter_scenario_free (MilterScenario *scenario)
{
  if (scenario == NULL)
    return;
  g_clear_pointer (&scenario->sessions, g_ptr_array_unref);
  g_clear_pointer (&scenario->macros, g_ptr_array_unref);
  g_clear_pointer (&scenario->milters, g_ptr_array_unref);
  g_clear_pointer (&scenario->requirements, g_ptr_array_unref);
  g_clear_pointer (&scenario->rules, g_ptr_array_unref);
  g_clear_pointer (&scenario->cases, g_ptr_array_unref);
  g_clear_pointer (&scenario->mutants, g_ptr_array_unref);
  g_clear_pointer (&scenario->send_as, milter_step_free);
  g_free (scenario->start);
  g_string_chunk_free (scenario->paths);
  g_free (scenario->path);
  g_free (scenario);
}
