/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-summary.h: what is in recordings, in numbers, on the standard output.
 */
#pragma once

#include "show-options.h"

G_BEGIN_DECLS

/* As read_recordings() (read-recording.h) returns. A table, or with --json one object. With a filter the
 * messages are counted that match. */
ToolExit show_summary (const ShowOptions *options);

G_END_DECLS
