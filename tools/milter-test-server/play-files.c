/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-files.c: the sessions of scenarios, one after the other.
 */
#include "play-files.h"

#include "open-report.h"
#include "scenario-files.h"
#include "session-runner.h"

/* how long an answer may take if nobody says otherwise (scenario-language 2) */
#define DEFAULT_TIMEOUT_US (30 * G_TIME_SPAN_SECOND)

/* what `none` waits for, and what nobody asked for may take to come (scenario-language 4) */
#define GRACE_US (200 * G_TIME_SPAN_MILLISECOND)

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
  const char *why;

  report_case = report_add_case (report, scenario->path, session->where.line, session->name);
  why = session_runner_is_interrupted (runner)                 ? "interrupted"
        : options->fail_fast && report_has_failed (report)     ? "something before it failed"
                                                               : NULL;
  if (why != NULL)
    {
      report_case_leave_out (report_case, why);
      report_case_end (report_case);
      return;
    }
  config.profile = session->profile != NULL   ? milter_profile_get (session->profile)
                   : options->profile != NULL ? options->profile
                                              : milter_profile_get ("postfix");
  config.n_peers = options->specs->len;
  config.peer_names = session_runner_get_names (runner);
  config.lint = options->lint != SERVER_LINT_OFF;
  config.over_tcp = session_runner_get_over_tcp (runner);
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
  MilterScenarioHost host = { .variables = options->variables };
  g_autoptr (Report) report = open_report (options);
  g_autoptr (GPtrArray) scenarios = NULL;
  g_autoptr (SessionRunner) runner = NULL;

  if (report == NULL)
    return TOOL_EXIT_USAGE;
  open_report_add_text (report, options);
  report_begin (report, g_get_prgname ());
  /* all are read before the first is played: a slip in the last one shows at once */
  scenarios = scenario_files_read (options, &host, report);
  if (scenarios == NULL)
    {
      report_finish (report);
      return TOOL_EXIT_USAGE;
    }
  if (options->list)
    {
      scenario_files_list (scenarios);
      return report_get_status (report) == TOOL_EXIT_USAGE ? TOOL_EXIT_USAGE : TOOL_EXIT_OK;
    }
  runner = session_runner_new (options->specs,
                               (double) options->connection_timeout_us / G_USEC_PER_SEC,
                               (double) options->writing_timeout_us / G_USEC_PER_SEC);
  report_expect_more (report, count_sessions (scenarios));
  for (guint i = 0; i < scenarios->len; i++)
    {
      const MilterScenario *scenario = g_ptr_array_index (scenarios, i);

      for (guint k = 0; k < scenario->sessions->len; k++)
        play_session (options, runner, report, scenario, g_ptr_array_index (scenario->sessions, k));
    }
  if (session_runner_is_interrupted (runner))
    report_interrupt (report);
  report_finish (report);
  return report_get_status (report);
}
