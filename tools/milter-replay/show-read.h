/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-read.h: the recordings of a command line, through its filter.
 */
#pragma once

#include "milter-capture-sink.h"
#include "show-options.h"

G_BEGIN_DECLS

/* As read_recordings() (read-recording.h) returns; FAILED as well: nothing matches, which is said. */
ToolExit show_read (const ShowOptions *options, const MilterCaptureSink *sink, gpointer data);

/* says that nothing matches */
ToolExit show_nothing_matches (void);

G_END_DECLS
