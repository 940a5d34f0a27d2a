/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-folder.h: a temporary folder, and places in it where a program can listen.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct _ToolFolder ToolFolder;

/* Makes a folder (0700) below TMPDIR, or below /tmp where a socket's path in it would be too long. */
ToolFolder *tool_folder_new (GError **error);
/* Removes it with all that is in it, unless it is to be kept. */
void tool_folder_free (ToolFolder *folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolFolder, tool_folder_free)

const char *tool_folder_get_path (const ToolFolder *folder);
/* it stays when this program ends, and whatever the reason of its end */
void tool_folder_keep (ToolFolder *folder);
bool tool_folder_is_kept (const ToolFolder *folder);

/* removes a folder with all that is in it; links are not followed */
void tool_folder_remove (const char *path);

/* A TCP port on 127.0.0.1 that nobody listens on, and a socket that keeps it from being given to
 * others; close it before the port is used. -1 with @error. */
int tool_reserve_port (guint16 *port, GError **error);

G_END_DECLS
