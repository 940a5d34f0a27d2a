/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-recording.h: recordings by name, whatever they are, told to a sink.
 */
#pragma once

#include "milter-capture-sink.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* Reads captures, traces and scenarios in their order, as one recording; `-` is standard input. What they
 * are is told by their content. What goes wrong is said on stderr, with the file's name; what could be
 * read of it has been told. OK: all of it was, or a capture only lacks its end. FAILED: there was no
 * milter connection. USAGE: a file could not be read, or not to its end. */
ToolExit read_recordings (char **paths, const MilterCaptureSink *sink, gpointer data);

G_END_DECLS
