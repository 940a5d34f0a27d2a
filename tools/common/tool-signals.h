/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-signals.h: signals that end a run, as events of the main loop.
 *
 * GLib's own signal sources start a thread with the first of them, which costs a run of one message
 * a tenth of its time.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* a signal has come; in the thread of the main context. The watch must not be freed here. */
typedef void (*ToolSignalFunc) (int signal_number, gpointer user_data);

typedef struct _ToolSignals ToolSignals;

/* Watches @signals, ended by 0, in the default main context, instead of what they do by default. One
 * at a time for a program. NULL, with @error: the system gives no descriptor. */
ToolSignals *
tool_signals_watch (const int *signals, ToolSignalFunc func, gpointer user_data, GError **error);
/* what the signals did before is done again */
void tool_signals_free (ToolSignals *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolSignals, tool_signals_free)

G_END_DECLS
