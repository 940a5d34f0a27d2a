/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-milters.h: the milters of a run, from its beginning to its end, and the signals that end it.
 */
#pragma once

#include "tool-chain.h"
#include "tool-signals.h"

G_BEGIN_DECLS

/* signals that end a run, and none for a peer that is gone: the write that fails tells it */
ToolSignals *tool_milters_watch_signals (ToolSignalFunc func, gpointer user_data);
/* Starts those that are to be started, and waits until they are ready. FALSE: one is not, or the run
 * was interrupted; it has been told. */
bool tool_milters_start (ToolChain *chain, const bool *interrupted);
/* Ends them, and waits for that; what went wrong is told. */
ToolExit tool_milters_stop (ToolChain *chain);
/* what the milters have printed goes to the standard error, and to a case */
void tool_milters_tell_output (ToolChain *chain, ReportCase *report_case);

G_END_DECLS
