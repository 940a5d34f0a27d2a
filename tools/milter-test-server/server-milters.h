/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-milters.h: the milters of the command line.
 */
#pragma once

#include "server-options.h"
#include "tool-chain.h"
#include "tool-signals.h"

G_BEGIN_DECLS

/* an empty chain, with the limits of the command line */
ToolChain *server_milters_new_chain (const ServerOptions *options);
/* Those of -s and --spawn, in order; NULL, with @error: no place for one of them. */
ToolChain *server_milters_make (const ServerOptions *options, GError **error);

/* signals that end a run, and none for a peer that is gone: the write that fails tells it */
ToolSignals *server_milters_watch_signals (ToolSignalFunc func, gpointer user_data);
/* Starts those that are to be started, and waits until they are ready. FALSE: one is not, or the run
 * was interrupted; it has been told. */
bool server_milters_start (ToolChain *chain, const bool *interrupted);
/* Ends them, and waits for that; what went wrong is told. */
ToolExit server_milters_stop (ToolChain *chain);
/* what the milters have printed goes to the standard error, and to a case */
void server_milters_tell_output (ToolChain *chain, ReportCase *report_case);

G_END_DECLS
