/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-dump.h: a parsed scenario as text, one line a step or expectation, so that tests can be
 * tables. Only for the tests of the parser.
 */
#pragma once

#include <string.h>

#include "milter-scenario.h"

static void
dump_bytes (GBytes *bytes, GString *text)
{
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);
  g_autoptr (MilterPattern) pattern = milter_pattern_new_literal (milter_bytes (data, size));

  if (size > 200)
    g_string_append_printf (text, "(%" G_GSIZE_FORMAT " bytes)", size);
  else
    milter_pattern_append_text (pattern, text);
}

static void
dump_flags (const char *name, const MilterFlagList *list, GString *text)
{
  if (list->given)
    g_string_append_printf (text, list->relative ? " %s+0x%x-0x%x" : " %s=0x%x", name, list->set,
                            list->clear);
}

static void
dump_negotiate (const MilterNegotiateArgs *args, GString *text)
{
  if (args->has_version && args->version_min == args->version_max)
    g_string_append_printf (text, " version=%u", args->version_min);
  else if (args->has_version)
    g_string_append_printf (text, " version=%u..%u", args->version_min, args->version_max);
  dump_flags ("actions", &args->actions, text);
  dump_flags ("steps", &args->steps, text);
  for (guint i = 0; args->symbols != NULL && i < args->symbols->len; i++)
    {
      const MilterSymbolList *list = g_ptr_array_index (args->symbols, i);

      g_string_append_printf (text, " symbols-%u=", list->stage);
      if (list->names != NULL)
        dump_bytes (list->names, text);
      else
        milter_pattern_append_text (list->pattern, text);
    }
  if (args->no_symbols)
    g_string_append (text, " symbols=none");
  if (args->tail != NULL)
    {
      g_string_append (text, " tail=");
      dump_bytes (args->tail, text);
    }
}

static void
dump_answer (const MilterAnswerPattern *answer, GString *text)
{
  static const char *const kinds[]
      = { "REPLY", "CODE", "NEGOTIATE", "ANY", "NONE", "CLOSED", "RESET", "FRAME", "RAW", "EDIT" };

  g_string_append (text, kinds[answer->kind]);
  if (answer->spec != NULL)
    g_string_append_printf (text, " %c", answer->spec->letter);
  if (answer->code != NULL)
    g_string_append_printf (text, " %s", answer->code);
  if (answer->extended != NULL)
    g_string_append_printf (text, " %s", answer->extended);
  if (answer->has_index)
    g_string_append_printf (text, " #%u", answer->index);
  if (answer->name != NULL)
    {
      g_string_append_c (text, ' ');
      dump_bytes (answer->name, text);
    }
  if (answer->value != NULL)
    {
      g_string_append (text, answer->name == NULL ? " " : answer->leading_blank ? ": " : ":");
      milter_pattern_append_text (answer->value, text);
    }
  if (answer->deletes)
    g_string_append (text, " deletes");
  for (guint i = 0; i < answer->patterns->len; i++)
    {
      g_string_append_c (text, ' ');
      milter_pattern_append_text (g_ptr_array_index (answer->patterns, i), text);
    }
  dump_negotiate (&answer->negotiate, text);
  if (answer->kind == MILTER_ANSWER_KIND_FRAME)
    g_string_append_printf (text, " 0x%02x", answer->letter);
  if (answer->bytes != NULL)
    {
      g_string_append_c (text, ' ');
      dump_bytes (answer->bytes, text);
    }
}

static void
dump_expectation (const MilterExpectation *expectation, GString *text)
{
  static const char *const kinds[] = { "", "and ", "and not ", "no ", "only", "ordered", "result " };

  g_string_append_printf (text, "    => %s", kinds[expectation->kind]);
  if (expectation->from != NULL)
    g_string_append_printf (text, "from %s ", expectation->from);
  for (guint i = 0; i < expectation->answers->len; i++)
    {
      if (i > 0)
        g_string_append (text, " | ");
      dump_answer (g_ptr_array_index (expectation->answers, i), text);
    }
  if (expectation->within_us > 0)
    g_string_append_printf (text, " within %" G_GINT64_FORMAT, expectation->within_us);
  if (expectation->pattern != NULL)
    milter_pattern_append_text (expectation->pattern, text);
  if (expectation->bytes != NULL)
    dump_bytes (expectation->bytes, text);
  if (expectation->ignoring != NULL)
    {
      g_autofree char *names = g_strjoinv (";", expectation->ignoring);

      g_string_append_printf (text, " ignoring %s", names);
    }
  g_string_append_c (text, '\n');
}

static void
dump_requirements (const GPtrArray *requirements, const char *indentation, GString *text)
{
  static const char *const kinds[] = { "ipv6", "unix", "root", "program", "file", "negotiate" };

  for (guint i = 0; i < requirements->len; i++)
    {
      const MilterRequirement *requirement = g_ptr_array_index (requirements, i);

      g_string_append_printf (
          text, "%srequire %s \"%s\"", indentation, kinds[requirement->kind], requirement->text);
      dump_negotiate (&requirement->negotiate, text);
      g_string_append_c (text, '\n');
    }
}

static void
dump_milters (const GPtrArray *milters, GString *text)
{
  for (guint i = 0; i < milters->len; i++)
    {
      const MilterScenarioMilter *milter = g_ptr_array_index (milters, i);
      g_autofree char *command = milter->argv != NULL ? g_strjoinv ("|", milter->argv) : NULL;

      g_string_append_printf (
          text, "milter %s %s", milter->name != NULL ? milter->name : "-", milter->spec);
      if (command != NULL)
        g_string_append_printf (text, " runs %s in %s", command, milter->folder);
      g_string_append_c (text, '\n');
    }
}

static void
dump_step (const MilterStep *step, guint depth, GString *text)
{
  static const char *const kinds[]
      = { "",        "EML",     "MESSAGE", "FRAME", "RAW",   "TIMEOUT",    "GENERATE", "REPEAT",
          "BARRIER", "SEND-AS", "STALL",   "CLOSE", "RESET", "HALF-CLOSE", "LOST" };
  static const char *const ways[] = { "whole", "split", "random", "together" };

  g_string_append_printf (text, "%*s", 2 * (int) depth, "");
  if (step->kind == MILTER_STEP_KIND_COMMAND)
    g_string_append (text, step->spec->word);
  else
    g_string_append (text, kinds[step->kind]);
  if (step->letter != 0)
    g_string_append_printf (text, g_ascii_isgraph (step->letter) ? " %c" : " 0x%02x", step->letter);
  for (guint i = 0; i < step->arguments->len; i++)
    {
      g_string_append_c (text, ' ');
      dump_bytes (g_ptr_array_index (step->arguments, i), text);
    }
  if (step->has_port)
    g_string_append_printf (text, " port=%u", step->port);
  for (guint i = 0; i < step->macros->len; i++)
    {
      const MilterMacroItem *item = g_ptr_array_index (step->macros, i);

      g_string_append (text, item->value != NULL ? " " : " -");
      dump_bytes (item->name, text);
      if (item->value != NULL)
        {
          g_string_append_c (text, '=');
          dump_bytes (item->value, text);
        }
    }
  dump_negotiate (&step->negotiate, text);
  if (step->path != NULL)
    g_string_append_printf (text, " %s", step->path);
  if (step->bytes != NULL)
    {
      g_string_append_c (text, ' ');
      dump_bytes (step->bytes, text);
    }
  if (step->duration_us > 0)
    g_string_append_printf (text, " %" G_GINT64_FORMAT, step->duration_us);
  if (step->kind == MILTER_STEP_KIND_SEND_AS)
    g_string_append_printf (text, " %s", ways[step->send_as]);
  if (step->reading)
    g_string_append (text, " reading");
  if (step->has_after)
    g_string_append (text, " after");
  if (step->has_after || step->number > 0)
    g_string_append_printf (text, " %" G_GUINT64_FORMAT, step->number);
  if (step->kind == MILTER_STEP_KIND_GENERATE)
    g_string_append_printf (text, " seed=%" G_GUINT64_FORMAT, step->seed);
  if (step->template_ != NULL)
    g_string_append (text, " (varies)");
  g_string_append_c (text, '\n');
  for (guint i = 0; step->body != NULL && i < step->body->len; i++)
    dump_step (g_ptr_array_index (step->body, i), depth + 1, text);
  for (guint i = 0; i < step->expectations->len; i++)
    dump_expectation (g_ptr_array_index (step->expectations, i), text);
}

static void
dump_rule (const MilterRule *rule, GString *text)
{
  if (rule->judges)
    g_string_append_printf (text, "expect %u..%u ", rule->min_count, rule->max_count);
  else
    g_string_append (text, "on ");
  if (rule->raw && rule->letter == 0)
    g_string_append (text, "garbage");
  else if (rule->raw)
    g_string_append_printf (text, "frame 0x%02x", rule->letter);
  else
    g_string_append (text, rule->spec != NULL ? rule->spec->word : "close");
  if (rule->index > 0)
    g_string_append_printf (text, " #%u", rule->index);
  if (rule->name != NULL)
    {
      g_string_append_c (text, ' ');
      dump_bytes (rule->name, text);
      if (rule->patterns->len > 0)
        g_string_append (text, rule->leading_blank ? ": " : ":");
    }
  for (guint i = 0; i < rule->patterns->len; i++)
    {
      g_string_append_c (text, ' ');
      milter_pattern_append_text (g_ptr_array_index (rule->patterns, i), text);
    }
  if (rule->port != NULL)
    {
      g_string_append (text, " port=");
      milter_pattern_append_text (rule->port, text);
    }
  if (rule->client != NULL)
    {
      g_string_append (text, " client=");
      milter_pattern_append_text (rule->client, text);
    }
  for (guint i = 0; i < rule->macro_names->len; i++)
    {
      g_string_append (text, " macro ");
      dump_bytes (g_ptr_array_index (rule->macro_names, i), text);
      g_string_append_c (text, '=');
      milter_pattern_append_text (g_ptr_array_index (rule->macro_patterns, i), text);
    }
  dump_negotiate (&rule->negotiate, text);
  g_string_append_c (text, '\n');
  for (guint i = 0; i < rule->expectations->len; i++)
    {
      const MilterExpectation *expectation = g_ptr_array_index (rule->expectations, i);

      if (expectation->act != NULL)
        {
          g_string_append (text, "    act");
          dump_step (expectation->act, 1, text);
        }
      else
        dump_expectation (expectation, text);
    }
}

/* (transfer full) the rules, or the errors */
G_GNUC_UNUSED static char *
dump_rules (const char *path, const char *text, gsize size)
{
  g_autofree char *exact = g_memdup2 (text, size);
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_parse (path, size > 0 ? exact : "", size, NULL, MILTER_SCENARIO_RULES, errors);
  GString *dump = g_string_new (errors->str);

  for (guint i = 0; scenario != NULL && i < scenario->rules->len; i++)
    dump_rule (g_ptr_array_index (scenario->rules, i), dump);
  return g_string_free (dump, FALSE);
}

/* (transfer full) the sessions, or the errors */
G_GNUC_UNUSED static char *
dump_scenario (const MilterScenario *scenario, const GString *errors)
{
  GString *text = g_string_new (NULL);

  if (scenario == NULL)
    g_string_append (text, errors->str);
  if (scenario != NULL)
    {
      dump_milters (scenario->milters, text);
      dump_requirements (scenario->requirements, "", text);
    }
  for (guint i = 0; scenario != NULL && i < scenario->sessions->len; i++)
    {
      const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, i);

      g_string_append_printf (text, "session %s", session->name);
      if (session->counted_name != NULL)
        g_string_append (text, " (varies)");
      if (session->repeat != 1)
        g_string_append_printf (text, " repeat=%u", session->repeat);
      if (session->parallel > 0 || session->group > 0)
        g_string_append_printf (text, " parallel=%u group=%u", session->parallel, session->group);
      if (session->profile != NULL)
        g_string_append_printf (text, " mta=%s", session->profile);
      if (session->from != NULL)
        g_string_append_printf (text, " from=%s", session->from);
      if (session->to != NULL)
        g_string_append_printf (text, " to=%s", session->to);
      if (session->timeout_us > 0)
        g_string_append_printf (text, " timeout=%" G_GINT64_FORMAT, session->timeout_us);
      g_string_append_c (text, '\n');
      dump_requirements (session->requirements, "  ", text);
      for (guint m = 0; m < session->macros->len; m++)
        {
          g_string_append (text, "  every");
          dump_step (g_ptr_array_index (session->macros, m), 1, text);
        }
      for (guint s = 0; s < session->steps->len; s++)
        dump_step (g_ptr_array_index (session->steps, s), 1, text);
    }
  return g_string_free (text, FALSE);
}

G_GNUC_UNUSED static char *
dump_text (const char *path, const char *text, gsize size)
{
  /* of exact size, so that a read past the end is caught */
  g_autofree char *exact = g_memdup2 (text, size);
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_parse (path, size > 0 ? exact : "", size, NULL, MILTER_SCENARIO_SESSIONS, errors);

  return dump_scenario (scenario, errors);
}
