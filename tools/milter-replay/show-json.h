/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-json.h: recordings as JSON on the standard output, an object a line.
 */
#pragma once

#include "show-options.h"

G_BEGIN_DECLS

/* As show_read() (show-read.h) returns. `type` tells what a line is: `start` with the time of
 * day that `time` counts from, `opened`, `frame` as milter-test-server prints it, `raw`, `hole` with
 * the bytes that are missing or null, `closed`, `note`. `frame_number` is the packet's in its file. */
ToolExit show_json (const ShowOptions *options);

G_END_DECLS
