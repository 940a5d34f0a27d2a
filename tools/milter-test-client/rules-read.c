/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rules-read.c: rules from files, folders and the command line.
 */
#include <string.h>

#include "rules-private.h"
#include "tool-require.h"
#include "tool-scenarios.h"

typedef struct
{
  Rules *rules;
  MilterScenarioHost host;
  guint n_read;    /* sources */
  guint n_skipped; /* of those, by `require` */
  bool bad;
} Reading;

/* --- lines as they were written --------------------------------------------------------------- */

/* (transfer full) (nullable) the line, without its indentation and its end */
static char *
pick_line (const char *text, gsize size, guint number)
{
  const char *end = text + size;
  const char *line_end;

  for (guint i = 1; i < number; i++)
    {
      line_end = memchr (text, '\n', (gsize) (end - text));
      if (line_end == NULL)
        return NULL;
      text = line_end + 1;
    }
  line_end = memchr (text, '\n', (gsize) (end - text));
  return g_strstrip (g_strndup (text, (gsize) ((line_end != NULL ? line_end : end) - text)));
}

/* A report calls an `expect` line as it stands there. @text: (nullable) of a source that is no file */
static void
keep_lines (Rules *rules, const MilterScenario *scenario, const char *text)
{
  for (guint i = 0; i < scenario->rules->len; i++)
    {
      const MilterRule *rule = g_ptr_array_index (scenario->rules, i);
      bool included = strcmp (rule->where.file, scenario->path) != 0;
      g_autofree char *contents = NULL;
      const char *source = text;
      gsize size = text != NULL ? strlen (text) : 0;

      if (!rule->judges)
        continue;
      if ((text == NULL || included)
          && g_file_get_contents (rule->where.file, &contents, &size, /* error= */ NULL))
        source = contents;
      if (source != NULL)
        g_hash_table_insert (
            rules->lines, (gpointer) rule, pick_line (source, size, rule->where.line));
    }
}

/* --- sources ---------------------------------------------------------------------------------- */

/* what a milter cannot know before an MTA has connected */
static bool
check_requirements (const MilterScenario *scenario)
{
  for (guint i = 0; i < scenario->requirements->len; i++)
    {
      const MilterRequirement *requirement = g_ptr_array_index (scenario->requirements, i);

      if (requirement->kind != MILTER_REQUIRE_NEGOTIATE)
        continue;
      tool_error ("%s:%u:%u: expected what this machine has to have, got \"require negotiate\", which "
                  "is for sessions: \"on negotiate\" and \"expect\" look at an offer",
                  requirement->where.file,
                  requirement->where.line,
                  requirement->where.column);
      return false;
    }
  return true;
}

/* @scenario: (nullable) (transfer full); NULL: @messages tell why */
static void
take (Reading *reading, MilterScenario *scenario, const char *text, const GString *messages)
{
  g_autoptr (MilterScenario) own = scenario;
  g_autofree char *missing = NULL;

  reading->n_read++;
  if (own == NULL)
    fputs (messages->str, stderr);
  if (own == NULL || !check_requirements (own))
    {
      reading->bad = true;
      return;
    }
  missing = tool_require_check (own->requirements);
  if (missing != NULL)
    {
      tool_error ("%s: its rules are left out: %s", own->path, missing);
      reading->n_skipped++;
      return;
    }
  keep_lines (reading->rules, own, text);
  g_ptr_array_add (reading->rules->scenarios, g_steal_pointer (&own));
}

static void
read_file (Reading *reading, const char *path)
{
  g_autoptr (GString) messages = g_string_new (NULL);

  take (reading,
        milter_scenario_load (path, &reading->host, MILTER_SCENARIO_RULES, messages),
        /* text= */ NULL,
        messages);
}

/* an -e, of one line or several */
static void
read_lines (Reading *reading, guint number, const char *text)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autofree char *name = g_strdup_printf ("-e %u", number);

  take (reading,
        milter_scenario_parse (
            name, text, strlen (text), &reading->host, MILTER_SCENARIO_RULES, messages),
        text,
        messages);
}

static void
on_unread (const char *path, const char *sentence, gpointer user_data)
{
  tool_error ("%s", sentence);
  ((Reading *) user_data)->bad = true;
}

static void
read_path (Reading *reading, const char *path)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);

  tool_scenarios_find (path, files, on_unread, reading);
  for (guint i = 0; i < files->len; i++)
    read_file (reading, g_ptr_array_index (files, i));
}

/* A name that nothing knows is a typing error: what was meant would keep its default value. */
static bool
check_variables (const Reading *reading)
{
  GHashTableIter iter;
  gpointer name;

  if (reading->host.variables == NULL)
    return true;
  g_hash_table_iter_init (&iter, reading->host.variables);
  while (g_hash_table_iter_next (&iter, &name, /* value= */ NULL))
    {
      if (g_hash_table_contains (reading->host.known_variables, name))
        continue;
      tool_error ("-D: no rules have a variable $%s", (const char *) name);
      return false;
    }
  return true;
}

bool
rules_read (Rules *rules, const RulesSources *sources, ToolExit *status)
{
  const char *const *paths = sources->paths;
  const char *const *lines = sources->lines;
  g_autoptr (GHashTable) known = g_hash_table_new_full (
      g_str_hash, g_str_equal, g_free, /* value_destroy= */ NULL);
  Reading reading
      = { .rules = rules, .host = { .variables = sources->variables, .known_variables = known } };

  for (guint i = 0; paths != NULL && paths[i] != NULL; i++)
    read_path (&reading, paths[i]);
  for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
    read_lines (&reading, i + 1, lines[i]);
  if (reading.bad || !check_variables (&reading))
    {
      *status = TOOL_EXIT_USAGE;
      return false;
    }
  if (reading.n_read > 0 && reading.n_skipped == reading.n_read)
    {
      *status = TOOL_EXIT_SKIPPED;
      return false;
    }
  return true;
}
