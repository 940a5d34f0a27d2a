/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-digest.c: all that a scenario says as one short text, to compare two of them
 * without holding either twice.
 *
 * Where something stands (MilterWhere) and how a line was written (MilterExpectation.text) is left
 * out. Whoever adds a field to the nodes of a scenario adds it here.
 */
#include "milter-scenario-private.h"

#include <stdbool.h>
#include <string.h>

/* every item begins with its name, and holds its size, so that none can be taken for another one */
static void
add (GChecksum *sum, const char *name, const void *data, gsize size)
{
  g_autofree char *head = g_strdup_printf ("%s %" G_GSIZE_FORMAT ":", name, size);

  g_checksum_update (sum, (const guchar *) head, -1);
  if (size > 0)
    g_checksum_update (sum, data, (gssize) size);
}

static void
add_number (GChecksum *sum, const char *name, gint64 number)
{
  add (sum, name, &number, sizeof number);
}

static void
add_string (GChecksum *sum, const char *name, const char *string)
{
  if (string != NULL)
    add (sum, name, string, strlen (string));
}

static void
add_strings (GChecksum *sum, const char *name, char *const *strings)
{
  for (; strings != NULL && *strings != NULL; strings++)
    add_string (sum, name, *strings);
}

static void
add_bytes (GChecksum *sum, const char *name, GBytes *bytes)
{
  gsize size;
  const void *data;

  if (bytes == NULL)
    return;
  data = g_bytes_get_data (bytes, &size);
  add (sum, name, data, size);
}

static void
add_pattern (GChecksum *sum, const char *name, const MilterPattern *pattern)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (pattern == NULL)
    return;
  add_number (sum, name, milter_pattern_get_kind (pattern));
  milter_pattern_append_text (pattern, text);
  add (sum, "text", text->str, text->len);
}

static void
add_bytes_array (GChecksum *sum, const char *name, const GPtrArray *array)
{
  add_number (sum, name, array->len);
  for (guint i = 0; i < array->len; i++)
    add_bytes (sum, "item", g_ptr_array_index (array, i));
}

static void
add_pattern_array (GChecksum *sum, const char *name, const GPtrArray *array)
{
  add_number (sum, name, array->len);
  for (guint i = 0; i < array->len; i++)
    add_pattern (sum, "item", g_ptr_array_index (array, i));
}

static void
add_flags (GChecksum *sum, const char *name, const MilterFlagList *list)
{
  if (!list->given)
    return;
  add_number (sum, name, list->relative);
  add_number (sum, "set", list->set);
  add_number (sum, "clear", list->clear);
}

static void
add_negotiate (GChecksum *sum, const MilterNegotiateArgs *args)
{
  if (args->has_version)
    {
      add_number (sum, "version", args->version_min);
      add_number (sum, "to", args->version_max);
    }
  add_flags (sum, "actions", &args->actions);
  add_flags (sum, "steps", &args->steps);
  for (guint i = 0; args->symbols != NULL && i < args->symbols->len; i++)
    {
      const MilterSymbolList *list = g_ptr_array_index (args->symbols, i);

      add_number (sum, "symbols", list->stage);
      add_bytes (sum, "names", list->names);
      add_pattern (sum, "pattern", list->pattern);
    }
  add_number (sum, "no-symbols", args->no_symbols);
  add_bytes (sum, "tail", args->tail);
}

static void
add_time (GChecksum *sum, bool has_time, gint64 time_ns)
{
  if (has_time)
    add_number (sum, "time", time_ns);
}

static void
add_spec (GChecksum *sum, const MilterSpec *spec)
{
  if (spec == NULL)
    return;
  add_number (sum, "spec", spec->letter);
  add_number (sum, "of", spec->sender);
}

static void
add_answer (GChecksum *sum, const MilterAnswerPattern *answer)
{
  add_number (sum, "answer", answer->kind);
  add_spec (sum, answer->spec);
  add_string (sum, "code", answer->code);
  add_string (sum, "extended", answer->extended);
  if (answer->has_index)
    add_number (sum, "index", answer->index);
  add_bytes (sum, "name", answer->name);
  add_pattern (sum, "value", answer->value);
  add_number (sum, "blank", answer->leading_blank);
  add_number (sum, "deletes", answer->deletes);
  add_pattern_array (sum, "patterns", answer->patterns);
  add_negotiate (sum, &answer->negotiate);
  add_number (sum, "letter", answer->letter);
  add_bytes (sum, "bytes", answer->bytes);
}

static void add_step (GChecksum *sum, const MilterStep *step);

static void
add_expectation (GChecksum *sum, const MilterExpectation *expectation)
{
  add_number (sum, "expectation", expectation->kind);
  add_string (sum, "from", expectation->from);
  add_number (sum, "answers", expectation->answers->len);
  for (guint i = 0; i < expectation->answers->len; i++)
    add_answer (sum, g_ptr_array_index (expectation->answers, i));
  add_number (sum, "within", expectation->within_us);
  add_pattern (sum, "pattern", expectation->pattern);
  add_bytes (sum, "bytes", expectation->bytes);
  add_string (sum, "path", expectation->path);
  add_strings (sum, "ignoring", expectation->ignoring);
  if (expectation->act != NULL)
    add_step (sum, expectation->act);
  add_time (sum, expectation->has_time, expectation->time_ns);
}

static void
add_expectations (GChecksum *sum, const GPtrArray *expectations)
{
  add_number (sum, "expectations", expectations->len);
  for (guint i = 0; i < expectations->len; i++)
    add_expectation (sum, g_ptr_array_index (expectations, i));
}

static void
add_macros (GChecksum *sum, const GPtrArray *macros)
{
  add_number (sum, "macros", macros->len);
  for (guint i = 0; i < macros->len; i++)
    {
      const MilterMacroItem *item = g_ptr_array_index (macros, i);

      add_bytes (sum, "name", item->name);
      add_bytes (sum, "value", item->value);
    }
}

static void
add_steps (GChecksum *sum, const char *name, const GPtrArray *steps)
{
  add_number (sum, name, steps->len);
  for (guint i = 0; i < steps->len; i++)
    add_step (sum, g_ptr_array_index (steps, i));
}

/* a line with $n and $p, in a round and a copy that are not the first ones */
static void
add_template (GChecksum *sum, const MilterStep *step)
{
  g_autoptr (MilterStep) again = NULL;

  if (step->template_ == NULL)
    return;
  again = milter_step_instantiate (step, /* n= */ 2, /* p= */ 3, /* error= */ NULL);
  add_number (sum, "again", again != NULL);
  if (again != NULL)
    add_step (sum, again);
}

static void
add_step (GChecksum *sum, const MilterStep *step)
{
  add_number (sum, "step", step->kind);
  add_spec (sum, step->spec);
  add_bytes_array (sum, "arguments", step->arguments);
  if (step->has_port)
    add_number (sum, "port", step->port);
  add_number (sum, "letter", step->letter);
  add_macros (sum, step->macros);
  add_negotiate (sum, &step->negotiate);
  add_bytes (sum, "bytes", step->bytes);
  add_string (sum, "path", step->path);
  add_number (sum, "duration", step->duration_us);
  add_number (sum, "reading", step->reading);
  add_number (sum, "after", step->has_after);
  add_number (sum, "number", (gint64) step->number);
  add_number (sum, "seed", (gint64) step->seed);
  add_number (sum, "send-as", step->send_as);
  if (step->body != NULL)
    add_steps (sum, "body", step->body);
  add_time (sum, step->has_time, step->time_ns);
  add_expectations (sum, step->expectations);
  add_template (sum, step);
}

static void
add_requirements (GChecksum *sum, const GPtrArray *requirements)
{
  add_number (sum, "requirements", requirements->len);
  for (guint i = 0; i < requirements->len; i++)
    {
      const MilterRequirement *requirement = g_ptr_array_index (requirements, i);

      add_number (sum, "kind", requirement->kind);
      /* of `negotiate` it is the line as it is written */
      if (requirement->kind != MILTER_REQUIRE_NEGOTIATE)
        add_string (sum, "text", requirement->text);
      add_negotiate (sum, &requirement->negotiate);
    }
}

static void
add_smtp (GChecksum *sum, const MilterSmtpStep *step)
{
  add_number (sum, "smtp", step->action);
  add_bytes (sum, "bytes", step->bytes);
  add_pattern_array (sum, "replies", step->replies);
}

static void
add_check (GChecksum *sum, const MilterMtaCheck *check)
{
  add_number (sum, "check", check->kind);
  add_number (sum, "not", check->negated);
  add_pattern (sum, "pattern", check->pattern);
}

static void
add_case (GChecksum *sum, const MilterScenarioCase *entry)
{
  add_string (sum, "case", entry->id);
  add_number (sum, "must", entry->must);
  add_string (sum, "text", entry->text);
  add_string (sum, "source", entry->source);
  add_number (sum, "hostile", entry->hostile);
  add_number (sum, "slow", entry->slow);
  add_number (sum, "steady", entry->steady);
  add_string (sum, "mta", entry->mta);
  for (guint i = 0; i < entry->smtp->len; i++)
    add_smtp (sum, g_ptr_array_index (entry->smtp, i));
  for (guint i = 0; i < entry->checks->len; i++)
    add_check (sum, g_ptr_array_index (entry->checks, i));
}

static void
add_mutant (GChecksum *sum, const MilterScenarioMutant *mutant)
{
  add_string (sum, "mutant", mutant->id);
  add_strings (sum, "also", mutant->also);
}

static void
add_session (GChecksum *sum, const MilterScenarioSession *session)
{
  add_string (sum, "session", session->name);
  add_string (sum, "of", session->requirement != NULL ? session->requirement->id : NULL);
  if (session->counted_name != NULL)
    {
      g_autofree char *name = milter_counted_text_fill_in (session->counted_name, /* n= */ 2, /* p= */ 3);

      add_string (sum, "counted", name);
    }
  add_number (sum, "named", session->named);
  add_string (sum, "from", session->from);
  add_string (sum, "to", session->to);
  add_number (sum, "repeat", session->repeat);
  add_number (sum, "parallel", session->parallel);
  add_number (sum, "group", session->group);
  add_requirements (sum, session->requirements);
  add_string (sum, "connection", session->connection);
  add_time (sum, session->has_time, session->time_ns);
  add_string (sum, "profile", session->profile);
  add_number (sum, "timeout", session->timeout_us);
  add_steps (sum, "macros", session->macros);
  add_steps (sum, "steps", session->steps);
}

static void
add_rule (GChecksum *sum, const MilterRule *rule)
{
  add_number (sum, "rule", rule->judges);
  add_string (sum, "of", rule->requirement != NULL ? rule->requirement->id : NULL);
  add_string (sum, "mutant", rule->mutant != NULL ? rule->mutant->id : NULL);
  add_number (sum, "min", rule->min_count);
  add_number (sum, "max", rule->max_count);
  add_spec (sum, rule->spec);
  add_number (sum, "index", rule->index);
  add_bytes (sum, "name", rule->name);
  add_number (sum, "blank", rule->leading_blank);
  add_pattern_array (sum, "patterns", rule->patterns);
  add_pattern (sum, "port", rule->port);
  add_pattern (sum, "client", rule->client);
  add_number (sum, "raw", rule->raw);
  add_number (sum, "letter", rule->letter);
  add_bytes_array (sum, "macro-names", rule->macro_names);
  add_pattern_array (sum, "macro-patterns", rule->macro_patterns);
  add_negotiate (sum, &rule->negotiate);
  add_expectations (sum, rule->expectations);
}

static void
add_milter (GChecksum *sum, const MilterScenarioMilter *milter)
{
  add_number (sum, "milter", milter->argv != NULL);
  add_string (sum, "name", milter->name);
  /* a spawned one listens somewhere else each time that the file is read */
  if (milter->argv == NULL)
    add_string (sum, "spec", milter->spec);
  add_strings (sum, "argument", milter->argv);
  add_string (sum, "folder", milter->folder);
}

char *
milter_scenario_get_digest (const MilterScenario *scenario)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  add_steps (sum, "macros", scenario->macros);
  add_string (sum, "profile", scenario->profile);
  add_requirements (sum, scenario->requirements);
  add_string (sum, "start", scenario->start);
  if (scenario->send_as != NULL)
    add_step (sum, scenario->send_as);
  for (guint i = 0; i < scenario->milters->len; i++)
    add_milter (sum, g_ptr_array_index (scenario->milters, i));
  for (guint i = 0; i < scenario->cases->len; i++)
    add_case (sum, g_ptr_array_index (scenario->cases, i));
  for (guint i = 0; i < scenario->mutants->len; i++)
    add_mutant (sum, g_ptr_array_index (scenario->mutants, i));
  for (guint i = 0; i < scenario->sessions->len; i++)
    add_session (sum, g_ptr_array_index (scenario->sessions, i));
  for (guint i = 0; i < scenario->rules->len; i++)
    add_rule (sum, g_ptr_array_index (scenario->rules, i));
  return g_strdup (g_checksum_get_string (sum));
}
