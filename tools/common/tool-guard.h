/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-guard.h: nothing that we started, and no folder that we made, outlives us.
 *
 * A small process of our own waits for our end, whatever it is, SIGKILL included: it then ends the
 * process groups and removes the folders that are left.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* the first of these starts the guard */
void tool_guard_add_group (pid_t group);
void tool_guard_forget_group (pid_t group);
/* with the folder go processes that were started with TOOL_GUARD_VARIABLE=FOLDER in their
 * environment and have left their group */
void tool_guard_add_folder (const char *path);
void tool_guard_forget_folder (const char *path);

#define TOOL_GUARD_VARIABLE "MILTERLAB_DIR"

/* Sends a signal to all processes, but ourselves, that were started with @variable=@value in their
 * environment; returns how many there were. */
guint tool_guard_signal_marked (const char *variable, const char *value, int signal_number);

G_END_DECLS
