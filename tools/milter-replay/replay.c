/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.c: a run: the milter, the reports, and the recording as often as it is wanted.
 */
#include "replay.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter-sink.h"
#include "read-recording.h"
#include "replay-flow.h"
#include "replay-options.h"
#include "tool-milters.h"

typedef struct
{
  const ReplayOptions *options;
  Report *report;
  FILE *out;        /* where people read: the standard output, unless a report goes there */
  ReplayFlow *flow; /* (nullable) */
  bool interrupted;
  gint64 started_us;
} Replay;

/* --- what people and a CI are told ------------------------------------------------------------ */

static Report *
open_report (const ReplayOptions *options, FILE **out)
{
  g_autoptr (Report) report = report_new ();
  g_autoptr (GError) error = NULL;

  report_set_noun (report, "connection");
  for (guint i = 0; i < options->reports->len; i++)
    {
      if (!report_add_file (report, g_ptr_array_index (options->reports, i), &error))
        {
          tool_usage_error ("--report: %s", error->message);
          return NULL;
        }
    }
  if (options->json && !report_add_frames (report, &error))
    {
      tool_usage_error ("--json: %s", error->message);
      return NULL;
    }
  *out = report_choose_stream (report);
  report_add_text (report,
                   *out,
                   report_choose_detail (options->verbose, options->quiet),
                   options->color,
                   REPORT_PROGRESS);
  return g_steal_pointer (&report);
}

static const char *
plural (guint64 n)
{
  return n == 1 ? "" : "s";
}

/* `200 messages on 12 connections in 1.20 s; 3 differences in 2 messages, 4 ignored` */
static void
tell_totals (const Replay *replay)
{
  const ReplayTotals *totals = replay_flow_get_totals (replay->flow);
  const ReplayJudgeCounts *findings = &totals->findings;
  g_autofree char *took = tool_format_duration (g_get_monotonic_time () - replay->started_us);
  FILE *out = replay->out;

  if (replay->options->quiet)
    return;
  fprintf (out,
           "%" G_GUINT64_FORMAT " message%s on %u connection%s in %s",
           totals->counts.n_messages,
           plural (totals->counts.n_messages),
           totals->n_sessions,
           plural (totals->n_sessions),
           took);
  if (totals->n_sessions == 0)
    fputs ("; nothing was played", out);
  else if (findings->n_differences == 0)
    fputs ("; no difference", out);
  else
    fprintf (out,
             "; %u difference%s, in %u message%s",
             findings->n_differences,
             plural (findings->n_differences),
             findings->n_different,
             plural (findings->n_different));
  if (findings->n_ignored > 0)
    fprintf (out, "; %u ignored", findings->n_ignored);
  if (findings->n_not_compared > 0)
    fprintf (out, "; %u not compared", findings->n_not_compared);
  fputc ('\n', out);
}

/* --- the run ---------------------------------------------------------------------------------- */

static void
on_signal (int signal_number, gpointer user_data)
{
  Replay *replay = user_data;

  /* the second one: now */
  if (replay->interrupted)
    {
      signal (signal_number, SIG_DFL);
      raise (signal_number);
    }
  replay->interrupted = true;
  if (replay->flow != NULL)
    replay_flow_stop (replay->flow, "interrupted");
}

static bool
is_any_pipe (char **paths)
{
  struct stat about;

  for (char **path = paths; *path != NULL; path++)
    if (strcmp (*path, "-") == 0 ? fstat (STDIN_FILENO, &about) == 0 && !S_ISREG (about.st_mode)
                                 : stat (*path, &about) == 0 && !S_ISREG (about.st_mode))
      return true;
  return false;
}

/* once, or what passes the filter of it */
static ToolExit
read_all (Replay *replay)
{
  const ReplayOptions *options = replay->options;
  g_autoptr (FilterSink) between = NULL;
  ToolExit status;

  if (options->filter == NULL)
    return read_recordings (options->paths, &replay_flow_sink, replay->flow);
  between = filter_sink_new (options->filter, &replay_flow_sink, replay->flow);
  status = read_recordings (options->paths, &filter_sink, between);
  filter_sink_finish (between);
  return status;
}

static ToolExit
play_rounds (Replay *replay)
{
  const ReplayOptions *options = replay->options;
  ToolExit status = TOOL_EXIT_OK;

  for (guint round = 1; round <= options->rounds && !replay_flow_is_stopped (replay->flow); round++)
    {
      replay_flow_begin_round (replay->flow, round, options->rounds);
      status = tool_exit_worse (status, read_all (replay));
      replay_flow_end_round (replay->flow);
      if (status == TOOL_EXIT_USAGE)
        break;
    }
  replay_flow_drain (replay->flow);
  return status;
}

static ToolExit
play (Replay *replay, ToolChain *chain)
{
  const ReplayOptions *options = replay->options;
  ReplaySetup setup = {
    .spec = tool_chain_get_spec (chain, 0),
    .file = options->paths[1] == NULL ? options->paths[0] : NULL,
    .timeout_us = options->timeout_us,
    .connection_timeout = (double) options->connection_timeout_us / G_USEC_PER_SEC,
    .writing_timeout = (double) options->writing_timeout_us / G_USEC_PER_SEC,
    .tells_all = options->verbose || options->json || options->heeds_latency,
    .report = replay->report,
    .rules = options->rules,
  };
  const ReplayPace pace = { options->speed, options->connections, is_any_pipe (options->paths) };
  g_autoptr (ReplayFlow) flow = replay_flow_new (&setup, &pace);
  ToolExit status;

  replay->flow = flow;
  replay->started_us = g_get_monotonic_time ();
  status = play_rounds (replay);
  if (replay->interrupted)
    report_interrupt (replay->report);
  report_finish (replay->report);
  tell_totals (replay);
  if (replay_flow_get_failure (flow) != NULL)
    {
      tool_error ("%s", replay_flow_get_failure (flow));
      status = tool_exit_worse (status, TOOL_EXIT_BROKEN);
    }
  /* nothing replayed is no pass; why has been told, or is told here */
  if (replay_flow_get_totals (flow)->counts.n_commands == 0)
    {
      if (status == TOOL_EXIT_OK && !replay->interrupted
          && report_get_status (replay->report) != TOOL_EXIT_BROKEN)
        tool_error ("nothing was played: %s",
                    options->filter != NULL ? "no message matches --filter"
                                            : "the recording has no word of an MTA");
      status = tool_exit_worse (status, TOOL_EXIT_FAILED);
    }
  replay->flow = NULL;
  return status;
}

static ToolChain *
make_chain (const ReplayOptions *options)
{
  const ToolChainOptions limits = {
    .timeout_us = options->spawn_timeout_us,
    .grace_us = options->spawn_grace_us,
    .keep = options->keep_folder,
  };
  g_autoptr (ToolChain) chain = tool_chain_new (&limits);
  g_autoptr (GError) error = NULL;

  if (options->spec != NULL)
    tool_chain_add_spec (chain, options->spec);
  else if (!tool_chain_add_command (chain, options->spawn, &error))
    {
      tool_usage_error ("--spawn: %s", error->message);
      return NULL;
    }
  return g_steal_pointer (&chain);
}

/* how the milter ended: TOOL_EXIT_SKIPPED, if there is nothing to tell */
static ToolExit
stop_chain (ToolChain *chain)
{
  ToolExit status = tool_milters_stop (chain);

  return status == TOOL_EXIT_SKIPPED ? TOOL_EXIT_OK : status;
}

static ToolExit
replay (const ReplayOptions *options)
{
  FILE *out = NULL;
  g_autoptr (Report) report = open_report (options, &out);
  g_autoptr (ToolChain) chain = report != NULL ? make_chain (options) : NULL;
  Replay run = { .options = options, .report = report, .out = out };
  g_autoptr (ToolSignals) signals = NULL;
  ToolExit status = TOOL_EXIT_BROKEN, told;

  if (chain == NULL)
    return TOOL_EXIT_USAGE;
  report_begin (report, g_get_prgname ());
  signals = tool_milters_watch_signals (on_signal, &run);
  if (tool_milters_start (chain, &run.interrupted))
    status = play (&run, chain);
  else
    report_finish (report);
  status = tool_exit_worse (status, stop_chain (chain));
  told = report_get_status (report);
  return told == TOOL_EXIT_SKIPPED ? status : tool_exit_worse (status, told);
}

ToolExit
replay_run (int argc, char **argv)
{
  ReplayOptions options;
  ToolExit status;

  if (replay_options_parse (&options, argc, argv, &status))
    status = replay (&options);
  replay_options_clear (&options);
  return status;
}
