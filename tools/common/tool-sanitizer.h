/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-sanitizer.h: reports that sanitizers write to files.
 *
 * A program built with -fsanitize=… reports to its standard error, which may be closed, or a log that
 * nobody reads. So each is told to write into the temporary folder, unless somebody has said where.
 */
#pragma once

#include "tool-output.h"

G_BEGIN_DECLS

typedef struct _ToolSanitizer ToolSanitizer;

/* @number: of several programs that share a temporary folder, from 1 */
ToolSanitizer *tool_sanitizer_new (const char *dir, guint number);
void tool_sanitizer_free (ToolSanitizer *sanitizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolSanitizer, tool_sanitizer_free)

/* the environment with ASAN_OPTIONS and so on (both transfer full) */
char **tool_sanitizer_set_up (const ToolSanitizer *sanitizer, char **environment);
/* of the process that was started with it */
void tool_sanitizer_set_pid (ToolSanitizer *sanitizer, gint64 pid);
/* The first line of a report that nobody took, and where it lies; the report goes to @output, bounded.
 * NULL: none. (transfer full) */
char *tool_sanitizer_take_log (ToolSanitizer *sanitizer, ToolOutput *output);
/* there is a report in the temporary folder */
gboolean tool_sanitizer_has_logs (const ToolSanitizer *sanitizer);

G_END_DECLS
