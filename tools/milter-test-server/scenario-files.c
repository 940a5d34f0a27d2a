/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-files.c: which scenarios and which of their sessions are played.
 */
#include "scenario-files.h"

#include <string.h>

#include "tool-scenarios.h"

/* a case for what cannot be read, so that it is missed by nobody */
static void
tell_unread (Report *report, const char *path, const char *name, const char *sentences)
{
  ReportCase *report_case = report_add_case (report, path, /* line= */ 0, name);

  report_case_add_problem (report_case, TOOL_EXIT_USAGE, sentences);
  report_case_end (report_case);
}

static void
on_unread (const char *path, const char *sentence, gpointer report)
{
  tell_unread (report, path, "the folder", sentence);
}

static bool
has_wildcard (const char *filter)
{
  return strpbrk (filter, "*?") != NULL;
}

/* --filter: whether `FILE: NAME` holds the pattern or, if it has a `*` or `?`, is as it says */
static bool
matches (const char *filter, const char *file, const char *name)
{
  g_autofree char *whole = g_strdup_printf ("%s: %s", file, name);

  if (!has_wildcard (filter))
    return strstr (whole, filter) != NULL;
  return g_pattern_match_simple (filter, whole);
}

/* whether the filter means any of its rounds and copies, as reports call them */
static bool
is_meant (const MilterScenario *scenario, const MilterScenarioSession *session, const char *filter)
{
  if (matches (filter, scenario->path, session->name))
    return true;
  for (guint round = 1; round <= MAX (session->repeat, 1); round++)
    {
      for (guint copy = 1; copy <= MAX (session->parallel, 1); copy++)
        {
          g_autofree char *name = milter_scenario_session_make_name (session, round, copy);

          if (matches (filter, scenario->path, name))
            return true;
        }
    }
  return false;
}

static void
leave_out (MilterScenario *scenario, const char *filter)
{
  for (guint i = scenario->sessions->len; i > 0; i--)
    {
      const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, i - 1);

      if (!is_meant (scenario, session, filter))
        g_ptr_array_remove_index (scenario->sessions, i - 1);
    }
}

GPtrArray *
scenario_files_read (const ServerOptions *options,
                     ScenarioLoad load,
                     gpointer user_data,
                     Report *report)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) scenarios
      = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_scenario_free);

  for (char **path = options->paths; *path != NULL; path++)
    tool_scenarios_find (*path, files, on_unread, report);
  for (guint i = 0; i < files->len; i++)
    {
      const char *path = g_ptr_array_index (files, i);
      g_autoptr (GString) messages = g_string_new (NULL);
      g_autoptr (MilterScenario) scenario = load (path, messages, user_data);

      if (scenario == NULL)
        {
          tell_unread (report, path, "the file", messages->str);
          continue;
        }
      if (options->filter != NULL)
        leave_out (scenario, options->filter);
      if (scenario->sessions->len > 0)
        g_ptr_array_add (scenarios, g_steal_pointer (&scenario));
    }
  if (scenarios->len > 0 || options->filter == NULL || report_get_status (report) == TOOL_EXIT_USAGE)
    return g_steal_pointer (&scenarios);
  tool_error ("--filter: no session is called \"%s\"%s; --list shows what they are called",
              options->filter,
              has_wildcard (options->filter) ? ", FILE: included, as a * or ? asks for" : "");
  return NULL;
}

void
scenario_files_list (const GPtrArray *scenarios)
{
  for (guint i = 0; i < scenarios->len; i++)
    {
      const MilterScenario *scenario = g_ptr_array_index (scenarios, i);

      for (guint k = 0; k < scenario->sessions->len; k++)
        {
          const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, k);
          g_autoptr (GString) line = g_string_new (NULL);

          tool_append_safe (line, milter_bytes_from_string (scenario->path));
          g_string_append_printf (line, ":%u: ", session->where.line);
          tool_append_safe (line, milter_bytes_from_string (session->name));
          printf ("%s\n", line->str);
        }
    }
}
