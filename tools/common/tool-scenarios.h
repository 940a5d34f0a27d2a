/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-scenarios.h: the scenario files that an argument of the command line means.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* a folder cannot be read, or there is nothing in it */
typedef void (*ToolScenariosUnread) (const char *path, const char *sentence, gpointer user_data);

/* Appends to @files (of char *): a file as it is, of a folder and of those in it all that are called
 * *.scenario, sorted. */
void tool_scenarios_find (const char *path,
                          GPtrArray *files,
                          ToolScenariosUnread unread,
                          gpointer user_data);

G_END_DECLS
