/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-milters.c: a run starts its milters, waits for them, and ends them.
 */
#include "tool-milters.h"

#include <signal.h>

/* of what a milter has printed, people are shown so much */
#define N_LAST_LINES 20

ToolSignals *
tool_milters_watch_signals (ToolSignalFunc func, gpointer user_data)
{
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, 0 };
  g_autoptr (GError) error = NULL;
  ToolSignals *signals = tool_signals_watch (numbers, func, user_data, &error);

  if (signals == NULL)
    tool_error ("%s", error->message);
  signal (SIGPIPE, SIG_IGN);
  return signals;
}

/* tells sentences that stand in lines */
static void
tell_lines (char *text)
{
  G_GNUC_UNUSED g_autofree char *owned = text;
  g_auto (GStrv) lines = text != NULL ? g_strsplit (text, "\n", /* max_tokens= */ -1) : NULL;

  for (char **line = lines; line != NULL && *line != NULL; line++)
    tool_error ("%s", *line);
}

void
tool_milters_tell_output (ToolChain *chain, ReportCase *report_case)
{
  g_autofree char *lines = tool_chain_get_last_lines (chain, N_LAST_LINES);

  if (lines != NULL)
    {
      tool_error ("the milter printed last:");
      tell_lines (g_steal_pointer (&lines));
    }
  if (report_case != NULL)
    tool_chain_add_output (chain, /* marks= */ NULL, report_case);
}

bool
tool_milters_start (ToolChain *chain, const bool *interrupted)
{
  ToolChainState state;

  while ((state = tool_chain_ensure_ready (chain)) == TOOL_CHAIN_WAIT && !*interrupted)
    g_main_context_iteration (/* context= */ NULL, /* may_block= */ TRUE);
  if (state == TOOL_CHAIN_FAILED)
    {
      tell_lines (g_strdup (tool_chain_get_failure (chain)));
      tool_milters_tell_output (chain, /* report_case= */ NULL);
    }
  else if (*interrupted)
    tool_error ("interrupted before the milter was ready");
  return state == TOOL_CHAIN_READY && !*interrupted;
}

ToolExit
tool_milters_stop (ToolChain *chain)
{
  char *problems;

  while (tool_chain_ensure_stopped (chain) == TOOL_CHAIN_WAIT)
    g_main_context_iteration (/* context= */ NULL, /* may_block= */ TRUE);
  problems = tool_chain_take_untold (chain);
  tell_lines (tool_chain_take_notes (chain));
  if (problems == NULL)
    return TOOL_EXIT_SKIPPED;
  tell_lines (problems);
  tool_milters_tell_output (chain, /* report_case= */ NULL);
  return TOOL_EXIT_BROKEN;
}
