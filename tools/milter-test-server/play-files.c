/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-files.c: scenario files and folders of them, one session after the other.
 */
#include "play-files.h"

#include <string.h>

#include "report.h"
#include "session-runner.h"

/* how long an answer may take if nobody says otherwise (scenario-language 2) */
#define DEFAULT_TIMEOUT_US (30 * G_TIME_SPAN_SECOND)

/* what `none` waits for, and what nobody asked for may take to come (scenario-language 4) */
#define GRACE_US (200 * G_TIME_SPAN_MILLISECOND)

#define SUFFIX ".scenario"

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Appends the scenarios of a folder and of the folders in it, sorted. */
static bool
add_folder (GPtrArray *files, const char *path)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  GDir *folder = g_dir_open (path, /* flags= */ 0, &error);
  bool good = true;
  const char *name;

  if (folder == NULL)
    {
      tool_error ("%s", error->message);
      return false;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_dir_close (folder);
  g_ptr_array_sort (names, compare_paths);

  for (guint i = 0; i < names->len; i++)
    {
      const char *entry = g_ptr_array_index (names, i);

      /* a link to a folder above would never end */
      if (g_file_test (entry, G_FILE_TEST_IS_DIR) && !g_file_test (entry, G_FILE_TEST_IS_SYMLINK))
        good = add_folder (files, entry) && good;
      else if (g_str_has_suffix (entry, SUFFIX))
        g_ptr_array_add (files, g_strdup (entry));
    }
  return good;
}

static bool
add_path (GPtrArray *files, const char *path)
{
  guint before = files->len;

  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    {
      g_ptr_array_add (files, g_strdup (path));
      return true;
    }
  if (!add_folder (files, path))
    return false;
  if (files->len > before)
    return true;
  tool_error ("%s: there is no file called *" SUFFIX " in this folder", path);
  return false;
}

/* A scenario, or NULL and a case that says why there is none. */
static MilterScenario *
load (Report *report, const char *path)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  MilterScenario *scenario
      = milter_scenario_load (path, /* host= */ NULL, MILTER_SCENARIO_SESSIONS, messages);

  if (scenario == NULL)
    {
      ReportCase *report_case = report_add_case (report, path, /* line= */ 0, "the file");

      report_case_add_problem (report_case, TOOL_EXIT_USAGE, messages->str);
      report_case_end (report_case);
    }
  return scenario;
}

static void
play_session (const ServerOptions *options,
              SessionRunner *runner,
              Report *report,
              const MilterScenario *scenario,
              const MilterScenarioSession *session)
{
  MilterPlayerConfig config = { 0 };
  g_autoptr (MilterPlayer) player = NULL;
  ReportCase *report_case;

  report_case = report_add_case (report, scenario->path, session->where.line, session->name);
  if (session_runner_is_interrupted (runner))
    {
      report_case_leave_out (report_case, "interrupted");
      report_case_end (report_case);
      return;
    }
  config.profile = session->profile != NULL   ? milter_profile_get (session->profile)
                   : options->profile != NULL ? options->profile
                                              : milter_profile_get ("postfix");
  config.n_peers = options->specs->len;
  config.peer_names = session_runner_get_names (runner);
  config.timeout_us = session->timeout_us != 0   ? session->timeout_us
                      : options->timeout_us >= 0 ? options->timeout_us
                                                 : DEFAULT_TIMEOUT_US;
  config.grace_us = GRACE_US;
  config.macros = session->macros;
  player = milter_player_new (
      session->name, milter_step_source_new_for_session (session, 1, 1), &config);

  report_case_set_peers (report_case, config.n_peers, config.peer_names);
  report_case_begin (report_case);
  report_case_follow (report_case, player);
  session_runner_play (runner, player);
  report_case_take_verdict (report_case, player);
  report_case_end (report_case);
}

static ReportDetail
detail_of (const ServerOptions *options)
{
  return options->verbose ? REPORT_VERBOSE : options->quiet ? REPORT_QUIET : REPORT_NORMAL;
}

static guint
count_sessions (const GPtrArray *scenarios)
{
  guint n = 0;

  for (guint i = 0; i < scenarios->len; i++)
    n += ((const MilterScenario *) g_ptr_array_index (scenarios, i))->sessions->len;
  return n;
}

ToolExit
play_files (const ServerOptions *options)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) scenarios
      = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_scenario_free);
  g_autoptr (SessionRunner) runner = NULL;
  g_autoptr (Report) report = report_new ();
  ToolExit status = TOOL_EXIT_SKIPPED;

  report_add_text (report,
                   stdout,
                   detail_of (options),
                   tool_color_is_on (options->color, stdout),
                   REPORT_NO_PROGRESS);
  for (char **path = options->paths; *path != NULL; path++)
    {
      if (!add_path (files, *path))
        status = TOOL_EXIT_USAGE;
    }
  report_begin (report, g_get_prgname ());
  /* all are read before the first is played: a slip in the last one shows at once */
  for (guint i = 0; i < files->len; i++)
    {
      MilterScenario *scenario = load (report, g_ptr_array_index (files, i));

      if (scenario != NULL)
        g_ptr_array_add (scenarios, scenario);
    }
  runner = session_runner_new (options->specs,
                               (double) options->connection_timeout_us / G_USEC_PER_SEC,
                               (double) options->writing_timeout_us / G_USEC_PER_SEC);
  report_expect (report, files->len - scenarios->len + count_sessions (scenarios));
  for (guint i = 0; i < scenarios->len; i++)
    {
      const MilterScenario *scenario = g_ptr_array_index (scenarios, i);

      for (guint k = 0; k < scenario->sessions->len; k++)
        play_session (options, runner, report, scenario, g_ptr_array_index (scenario->sessions, k));
    }
  if (session_runner_is_interrupted (runner))
    report_interrupt (report);
  report_finish (report);
  return tool_exit_worse (status, report_get_status (report));
}
