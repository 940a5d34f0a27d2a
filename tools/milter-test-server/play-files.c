/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-files.c: the run with scenarios: each is read with the milters that it speaks with.
 */
#include "play-files.h"

#include "open-report.h"
#include "run-all.h"
#include "scenario-files.h"
#include "server-milters.h"

typedef struct
{
  const ServerOptions *options;
  ToolChain *shared;  /* (nullable) those of the command line */
  GHashTable *chains; /* of MilterScenario to ToolChain: a file's own */
  GHashTable *known_variables; /* of char *: those of -D that some file knows */
} Reading;

static MilterScenario *
load (const char *path, GString *messages, gpointer user_data)
{
  const Reading *reading = user_data;
  g_autoptr (ToolChain) own = server_milters_new_chain (reading->options);
  MilterScenarioHost host
      = { .variables = reading->options->variables, .known_variables = reading->known_variables };
  g_autoptr (MilterScenario) scenario = NULL;

  /* to look at a file, nothing of it need exist */
  if (!reading->options->list)
    tool_chain_set_host (own, reading->shared, &host);
  scenario = milter_scenario_load (path, &host, MILTER_SCENARIO_SESSIONS, messages);
  if (scenario == NULL || reading->options->list || reading->shared != NULL)
    return g_steal_pointer (&scenario);
  if (scenario->milters->len == 0)
    {
      g_string_printf (messages,
                       "%s: no milter to speak with: a spawn or milter line says which, or -s SPEC, "
                       "or --spawn COMMAND\n",
                       path);
      return NULL;
    }
  tool_chain_add_milters (own, scenario->milters);
  g_hash_table_insert (reading->chains, scenario, g_steal_pointer (&own));
  return g_steal_pointer (&scenario);
}

/* A name that no file knows is a typing error: what was meant would keep its default value. */
static bool
check_defined (const Reading *reading)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, reading->options->variables);
  while (g_hash_table_iter_next (&iter, &name, /* value= */ NULL))
    {
      if (g_hash_table_contains (reading->known_variables, name))
        continue;
      tool_error ("-D: no scenario has a variable $%s", (const char *) name);
      return false;
    }
  return true;
}

static void
play (const Reading *reading, const GPtrArray *scenarios, Report *report)
{
  g_autoptr (RunAll) all = run_all_new (reading->options, report);

  for (guint i = 0; i < scenarios->len; i++)
    {
      const MilterScenario *scenario = g_ptr_array_index (scenarios, i);
      ToolChain *own = g_hash_table_lookup (reading->chains, scenario);

      run_all_add (all, scenario, own != NULL ? own : reading->shared, own != NULL);
    }
  run_all_play (all);
  if (run_all_is_interrupted (all))
    report_interrupt (report);
}

ToolExit
play_files (const ServerOptions *options)
{
  g_autoptr (Report) report = open_report (options);
  g_autoptr (GHashTable) chains = g_hash_table_new_full (
      /* hash= */ NULL, /* equal= */ NULL, /* key_destroy= */ NULL, (GDestroyNotify) tool_chain_free);
  g_autoptr (GHashTable) known = g_hash_table_new_full (
      g_str_hash, g_str_equal, g_free, /* value_destroy= */ NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (ToolChain) shared
      = options->milters->len > 0 && !options->list ? server_milters_make (options, &error) : NULL;
  Reading reading = { .options = options, .shared = shared, .chains = chains, .known_variables = known };
  g_autoptr (GPtrArray) scenarios = NULL;

  if (report == NULL)
    return TOOL_EXIT_USAGE;
  if (error != NULL)
    {
      tool_usage_error ("%s", error->message);
      return TOOL_EXIT_USAGE;
    }
  open_report_add_text (report, options);
  report_begin (report, g_get_prgname ());
  /* all are read before the first is played: a slip in the last one shows at once */
  scenarios = scenario_files_read (options, load, &reading, report);
  if (scenarios == NULL
      || (report_get_status (report) != TOOL_EXIT_USAGE && !check_defined (&reading)))
    {
      report_finish (report);
      return TOOL_EXIT_USAGE;
    }
  if (options->list)
    {
      scenario_files_list (scenarios);
      return report_get_status (report) == TOOL_EXIT_USAGE ? TOOL_EXIT_USAGE : TOOL_EXIT_OK;
    }
  play (&reading, scenarios, report);
  report_finish (report);
  return report_get_status (report);
}
