/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-text.h: recordings as a trace on the standard output.
 */
#pragma once

#include "tool-exit.h"

G_BEGIN_DECLS

/* As read_recordings() (read-recording.h) returns. What is lost stands in the trace with its frame and
 * its side; other remarks are comments. */
ToolExit show_text (char **paths);

G_END_DECLS
