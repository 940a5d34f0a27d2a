/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-text.h: recordings as a trace on the standard output.
 */
#pragma once

#include "show-options.h"

G_BEGIN_DECLS

/* As show_read() (show-read.h) returns. What is lost stands in the trace with its frame and
 * its side; other remarks are comments. */
ToolExit show_text (const ShowOptions *options);

G_END_DECLS
