/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-all.c: plays the sessions of all files.
 */
#include "run-all.h"

#include <signal.h>

#include "milter-conductor.h"
#include "result-update.h"
#include "session-require.h"
#include "session-run.h"
#include "tool-milters.h"
#include "tool-source.h"

/* how long an answer may take if nobody says otherwise (scenario-language 2) */
#define DEFAULT_TIMEOUT_US (30 * G_TIME_SPAN_SECOND)

/* what `none` waits for, and what nobody asked for may take to come (scenario-language 4) */
#define GRACE_US (200 * G_TIME_SPAN_MILLISECOND)

/* the milters of a file, or of the run */
typedef struct
{
  ToolChain *chain;
  const char *path; /* (nullable) the file whose milters they are */
  guint line;
  guint n_left; /* units that are not over */
  const char *failed_path; /* (nullable) of the case that tells why they did not start */
  guint failed_line;
} Chain;

typedef enum
{
  UNIT_WAITS,    /* until its milters are ready */
  UNIT_PLAYS,
  UNIT_FINISHED, /* and was not reported */
} UnitState;

/* one session, one round, one copy */
typedef struct
{
  RunAll *all;
  const MilterScenario *scenario;
  Chain *chain;
  const MilterScenarioSession *session;
  guint round, copy;
  char *name;
  ReportCase *report_case; /* NULL: reported */

  UnitState state;
  MilterPlayer *player; /* from its beginning to its end */
  SessionRun *run;
  guint64 *output_marks;
  guint restarts_before;
} Unit;

struct _RunAll
{
  const ServerOptions *options;
  Report *report;
  MilterConductor *conductor;
  GPtrArray *chains; /* of Chain */
  GPtrArray *units;  /* of Unit */
  GPtrArray *active; /* of Unit, unowned: begun and not reported */
  GPtrArray *ending; /* of Chain, unowned: nobody needs them any more */
  guint n_chains_left;
  GSource *alarm;
  ToolSignals *signals; /* (nullable) */
  ResultUpdate *update;
  GHashTable *probes; /* (nullable) unowned */
  bool keeps_milters;
  bool quit_answered;
  bool interrupted;
};

static void
unit_free (gpointer data)
{
  Unit *unit = data;

  session_run_free (unit->run);
  milter_player_free (unit->player);
  g_free (unit->output_marks);
  g_free (unit->name);
  g_free (unit);
}

/* --- what is to be played --------------------------------------------------------------------- */

static void
add_unit (RunAll *all,
          const MilterScenario *scenario,
          Chain *chain,
          const MilterScenarioSession *session,
          guint round,
          guint copy)
{
  Unit *unit = g_new0 (Unit, 1);

  unit->all = all;
  unit->scenario = scenario;
  unit->chain = chain;
  unit->session = session;
  unit->round = round;
  unit->copy = copy;
  unit->name = milter_scenario_session_make_name (session, round, copy);
  unit->report_case
      = report_add_case (all->report, scenario->path, session->where.line, unit->name);
  chain->n_left++;
  g_ptr_array_add (all->units, unit);
  milter_conductor_add (all->conductor, unit, scenario, session, round, copy);
}

static void on_chain (ToolChain *tool_chain, gpointer user_data);

static Chain *
add_chain (RunAll *all, ToolChain *tool_chain)
{
  Chain *chain;

  /* several files that share one stand together */
  if (all->chains->len > 0)
    {
      chain = g_ptr_array_index (all->chains, all->chains->len - 1);
      if (chain->chain == tool_chain)
        return chain;
    }
  chain = g_new0 (Chain, 1);
  chain->chain = tool_chain;
  tool_chain_set_listener (tool_chain, on_chain, all);
  g_ptr_array_add (all->chains, chain);
  all->n_chains_left++;
  return chain;
}

/* all rounds and copies */
static void
add_units (RunAll *all,
           const MilterScenario *scenario,
           Chain *chain,
           const MilterScenarioSession *session)
{
  for (guint round = 1; round <= MAX (session->repeat, 1); round++)
    for (guint copy = 1; copy <= MAX (session->parallel, 1); copy++)
      add_unit (all, scenario, chain, session, round, copy);
}

void
run_all_add (RunAll *all, const MilterScenario *scenario, ToolChain *tool_chain, bool own)
{
  Chain *chain = add_chain (all, tool_chain);
  guint before = all->units->len;

  if (own)
    {
      chain->path = scenario->path;
      chain->line
          = ((const MilterScenarioMilter *) g_ptr_array_index (scenario->milters, 0))->where.line;
    }
  for (guint i = 0; i < scenario->sessions->len; i++)
    add_units (all, scenario, chain, g_ptr_array_index (scenario->sessions, i));
  report_expect_more (all->report, all->units->len - before);
}

void
run_all_add_session (RunAll *all,
                     const MilterScenario *scenario,
                     const MilterScenarioSession *session,
                     ToolChain *tool_chain)
{
  guint before = all->units->len;

  add_units (all, scenario, add_chain (all, tool_chain), session);
  report_expect_more (all->report, all->units->len - before);
}

static MilterPlayer *
make_player (const Unit *unit)
{
  const ServerOptions *options = unit->all->options;
  const MilterScenarioSession *session = unit->session;
  const MilterScenario *scenario = unit->scenario;
  MilterPlayerConfig config = { 0 };

  config.profile = session->profile != NULL   ? milter_profile_get (session->profile)
                   : options->profile != NULL ? options->profile
                                              : milter_profile_get ("postfix");
  config.n_peers = tool_chain_get_n_links (unit->chain->chain);
  config.peer_names = tool_chain_get_names (unit->chain->chain);
  config.lint = options->lint != SERVER_LINT_OFF;
  config.quit_answered = unit->all->quit_answered;
  config.over_tcp = tool_chain_get_over_tcp (unit->chain->chain);
  config.timeout_us = session->timeout_us != 0   ? session->timeout_us
                      : options->timeout_us >= 0 ? options->timeout_us
                                                 : DEFAULT_TIMEOUT_US;
  config.grace_us = GRACE_US;
  config.macros = session->macros;
  config.send_as = scenario->send_as;
  config.requirements = scenario->requirements;
  config.more_requirements = session->requirements;
  return milter_player_new (
      unit->name, milter_step_source_new_for_session (session, unit->round, unit->copy), &config);
}

/* --- one session ------------------------------------------------------------------------------ */

static void
wake (RunAll *all)
{
  tool_clock_set (all->alarm, 0);
}

static void
on_done (SessionRun *run, gpointer user_data)
{
  Unit *unit = user_data;

  unit->state = UNIT_FINISHED;
  wake (unit->all);
}

static void
on_barrier (SessionRun *run, const char *name, gpointer user_data)
{
  Unit *unit = user_data;

  milter_conductor_arrive (unit->all->conductor, unit, name);
  wake (unit->all);
}

static const SessionRunHandlers run_handlers = { .done = on_done, .barrier = on_barrier };

static void
add_notes (const Unit *unit)
{
  g_autofree char *notes = tool_chain_take_notes (unit->chain->chain);
  g_auto (GStrv) lines = NULL;

  if (notes == NULL)
    return;
  lines = g_strsplit (notes, "\n", /* max_tokens= */ -1);
  for (char **line = lines; *line != NULL; line++)
    report_case_add_note (unit->report_case, *line);
}

/* The session's milters have not started: the first one that finds out tells all of it, the others
 * name its line. */
static void
fail_start (Unit *unit)
{
  Chain *chain = unit->chain;

  if (chain->failed_path == NULL)
    {
      report_case_add_problem (
          unit->report_case, TOOL_EXIT_BROKEN, tool_chain_get_failure (chain->chain));
      tool_chain_add_output (chain->chain, unit->output_marks, unit->report_case);
      add_notes (unit);
      chain->failed_path = unit->scenario->path;
      chain->failed_line = unit->session->where.line;
    }
  else
    {
      g_autofree char *problem = g_strdup_printf ("not played, the milter did not start: %s:%u",
                                                  chain->failed_path,
                                                  chain->failed_line);

      report_case_add_problem (unit->report_case, TOOL_EXIT_BROKEN, problem);
    }
  unit->state = UNIT_FINISHED;
  wake (unit->all);
}

static void
play (Unit *unit)
{
  const ServerOptions *options = unit->all->options;

  if (tool_chain_get_n_restarts (unit->chain->chain) > unit->restarts_before)
    report_case_add_note (unit->report_case, "the milter was started once more");
  unit->state = UNIT_PLAYS;
  unit->player = make_player (unit);
  unit->run = session_run_new (unit->player,
                               unit->chain->chain,
                               (double) options->connection_timeout_us / G_USEC_PER_SEC,
                               (double) options->writing_timeout_us / G_USEC_PER_SEC,
                               options->lint != SERVER_LINT_OFF,
                               &run_handlers,
                               unit);
  report_case_set_peers (unit->report_case,
                         tool_chain_get_n_links (unit->chain->chain),
                         tool_chain_get_names (unit->chain->chain));
  report_case_begin (unit->report_case);
  report_case_follow (unit->report_case, unit->player);
  session_run_start (unit->run);
}

/* goes on with a session whose milters may be ready now */
static void
try_to_play (Unit *unit)
{
  const RunAll *all = unit->all;
  const char *why = all->interrupted                                                ? "interrupted"
                    : all->options->fail_fast && report_has_failed (all->report) ? "something before it failed"
                                                                                 : NULL;

  if (why != NULL)
    {
      report_case_leave_out (unit->report_case, why);
      unit->state = UNIT_FINISHED;
      wake (unit->all);
      return;
    }
  switch (tool_chain_ensure_ready (unit->chain->chain))
    {
    case TOOL_CHAIN_WAIT:
      break;
    case TOOL_CHAIN_READY:
      play (unit);
      break;
    case TOOL_CHAIN_FAILED:
      fail_start (unit);
      break;
    }
}

static void
begin (Unit *unit)
{
  g_autofree char *reason = session_require_check (unit->scenario, unit->session, unit->all->probes);

  g_ptr_array_add (unit->all->active, unit);
  if (reason != NULL)
    {
      report_case_skip (unit->report_case, reason);
      unit->state = UNIT_FINISHED;
      wake (unit->all);
      return;
    }
  unit->state = UNIT_WAITS;
  unit->output_marks = tool_chain_mark_output (unit->chain->chain);
  unit->restarts_before = tool_chain_get_n_restarts (unit->chain->chain);
  try_to_play (unit);
}

/* --update: what failed is what files hold, which now hold what came */
static bool
is_updated (const Unit *unit, const char *problems)
{
  RunAll *all = unit->all;
  bool lint_fails = all->options->lint == SERVER_LINT_ERROR
                    && milter_player_get_lint_findings (unit->player)->len > 0;

  return all->options->update && problems == NULL && !lint_fails && !all->interrupted
         && result_update_apply (all->update, unit->player, unit->report_case);
}

static void
end (Unit *unit)
{
  g_autofree char *problems = NULL;

  if (unit->player != NULL)
    {
      problems = session_run_take_problems (unit->run);
      if (is_updated (unit, problems))
        report_case_take_messages (unit->report_case, unit->player);
      else
        report_case_take_verdict (unit->report_case, unit->player);
      if (problems != NULL)
        report_case_add_problem (unit->report_case, TOOL_EXIT_BROKEN, problems);
      if (report_case_is_bad (unit->report_case))
        {
          tool_chain_add_output (unit->chain->chain, unit->output_marks, unit->report_case);
          add_notes (unit);
        }
    }
  report_case_end (g_steal_pointer (&unit->report_case));
  g_clear_pointer (&unit->run, session_run_free);
  g_clear_pointer (&unit->player, milter_player_free);
  g_clear_pointer (&unit->output_marks, g_free);
  if (--unit->chain->n_left == 0 && unit->all->keeps_milters)
    unit->all->n_chains_left--;
  else if (unit->chain->n_left == 0)
    g_ptr_array_add (unit->all->ending, unit->chain);
  milter_conductor_finished (unit->all->conductor, unit);
}

/* --- the milters of a file -------------------------------------------------------------------- */

/* Nobody needs them any more: ends them, and tells how they ended. TRUE: nothing is left of them. */
static bool
end_chain (RunAll *all, Chain *chain)
{
  g_autofree char *problems = NULL;
  g_autofree char *notes = NULL;

  if (tool_chain_ensure_stopped (chain->chain) != TOOL_CHAIN_READY)
    return false;
  problems = tool_chain_take_untold (chain->chain);
  notes = tool_chain_take_notes (chain->chain);
  if (problems != NULL)
    {
      ReportCase *report_case
          = report_add_case (all->report, chain->path, chain->line, "the milter's end");

      report_case_add_problem (report_case, TOOL_EXIT_BROKEN, problems);
      tool_chain_add_output (chain->chain, /* marks= */ NULL, report_case);
      report_case_end (report_case);
    }
  if (notes != NULL)
    tool_error ("%s", notes);
  return true;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void
pass_barriers (RunAll *all)
{
  Unit *unit;
  char *why = NULL;

  while ((unit = milter_conductor_pass_next (all->conductor, &why)) != NULL)
    {
      if (why != NULL)
        session_run_cancel (unit->run, MILTER_OUTCOME_FAILED, why);
      else
        session_run_pass_barrier (unit->run);
      g_clear_pointer (&why, g_free);
    }
}

/* what is over, what waits, and what may begin now */
static gboolean
advance (gpointer user_data)
{
  RunAll *all = user_data;
  Unit *unit;

  tool_clock_set (all->alarm, -1);
  pass_barriers (all);
  for (guint i = 0; i < all->active->len;)
    {
      unit = g_ptr_array_index (all->active, i);
      if (unit->state == UNIT_FINISHED)
        {
          end (unit);
          g_ptr_array_remove_index (all->active, i);
          pass_barriers (all);
          continue;
        }
      i++;
    }
  while ((unit = milter_conductor_start_next (all->conductor)) != NULL)
    begin (unit);
  return G_SOURCE_CONTINUE;
}

static void
on_chain (ToolChain *tool_chain, gpointer user_data)
{
  RunAll *all = user_data;

  for (guint i = 0; i < all->active->len; i++)
    {
      Unit *unit = g_ptr_array_index (all->active, i);

      if (unit->chain->chain != tool_chain)
        continue;
      if (unit->state == UNIT_WAITS)
        try_to_play (unit);
      else if (unit->state == UNIT_PLAYS)
        session_run_chain_changed (unit->run);
    }
}

static void
on_signal (int signal_number, gpointer user_data)
{
  RunAll *all = user_data;

  /* the second one: now. The guard sees to what is left behind */
  if (all->interrupted)
    {
      signal (signal_number, SIG_DFL);
      raise (signal_number);
    }
  all->interrupted = true;
  for (guint i = 0; i < all->active->len; i++)
    {
      Unit *unit = g_ptr_array_index (all->active, i);

      if (unit->state == UNIT_WAITS)
        try_to_play (unit);
      else if (unit->state == UNIT_PLAYS)
        session_run_cancel (unit->run, MILTER_OUTCOME_FAILED, "interrupted");
    }
  wake (all);
}

static bool
is_over (RunAll *all)
{
  for (guint i = 0; i < all->ending->len;)
    {
      if (end_chain (all, g_ptr_array_index (all->ending, i)))
        {
          g_ptr_array_remove_index (all->ending, i);
          all->n_chains_left--;
        }
      else
        i++;
    }
  return all->n_chains_left == 0;
}

RunAll *
run_all_new (const ServerOptions *options, Report *report)
{
  RunAll *all = g_new0 (RunAll, 1);

  all->options = options;
  all->report = report;
  all->conductor = milter_conductor_new (MAX (options->jobs, 1));
  all->chains = g_ptr_array_new_with_free_func (g_free);
  all->units = g_ptr_array_new_with_free_func (unit_free);
  all->active = g_ptr_array_new ();
  all->ending = g_ptr_array_new ();
  all->alarm = tool_clock_new (advance, all);
  all->update = result_update_new ();
  return all;
}

void
run_all_free (RunAll *all)
{
  if (all == NULL)
    return;
  tool_signals_free (all->signals);
  tool_source_free (all->alarm);
  result_update_free (all->update);
  milter_conductor_free (all->conductor);
  g_ptr_array_unref (all->active);
  g_ptr_array_unref (all->ending);
  g_ptr_array_unref (all->units);
  g_ptr_array_unref (all->chains);
  g_free (all);
}

void
run_all_set_probes (RunAll *all, GHashTable *probes)
{
  all->probes = probes;
}

void
run_all_let_answer_quit (RunAll *all)
{
  all->quit_answered = true;
}

void
run_all_keep_milters (RunAll *all)
{
  all->keeps_milters = true;
}

void
run_all_play (RunAll *all)
{
  all->signals = tool_milters_watch_signals (on_signal, all);
  wake (all);
  while (!is_over (all))
    g_main_context_iteration (/* context= */ NULL, /* may_block= */ TRUE);
}

bool
run_all_is_interrupted (const RunAll *all)
{
  return all->interrupted;
}
