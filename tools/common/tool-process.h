/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-process.h: what the system knows about a process that we started.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* It is on its way out, or gone. A process closes its connections when it dies some time before its
 * parent can wait for it; whoever sees the end of a connection can ask this for the reason. */
bool tool_process_is_ending (pid_t pid);
/* Where the processes of a group listen, as `unix:PATH, inet:PORT@ADDRESS`; NULL: nowhere.
 * (transfer full) */
char *tool_process_describe_listeners (pid_t group);
/* Where the core of a process lies that ran in @folder, or what becomes of cores here: a sentence's
 * end, as `its core is /tmp/core.123`. (transfer full) */
char *tool_process_describe_core (pid_t pid, const char *folder);
/* `exited with status 3`, `was killed by signal 11 (Segmentation fault)` (transfer full) */
char *tool_process_describe_status (int status);

/* From now on what our children leave behind when they end becomes ours, instead of init's. */
void tool_process_adopt_orphans (void);
/* Sends a signal (0: none) to those that have become ours so, waits for those that have ended, and
 * returns how many run. @known: pid_t of children that are none of them */
guint tool_process_signal_orphans (const GArray *known, int signal_number);

G_END_DECLS
