/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-trace.h: a trace told to a sink, as the capture of the same traffic would be.
 *
 * The bytes of each side are put together and cut into frames as those of a capture are, so that what
 * comes out is what a milter would have received. Lines come in the order of their times, as far as
 * READ_TRACE_MAX_HELD bytes of them hold it; those of one side of a connection always in their own.
 */
#pragma once

#include "milter-capture-input.h"
#include "told-connection.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* what is held back until it is clear that nothing earlier follows: a writer of traces holds back
 * 1 MiB of a connection (milter-trace-writer.h) */
#define READ_TRACE_MAX_HELD ((gsize) 4 << 20)

/* @input: stands at the beginning of a trace. @name: for errors, which are said. USAGE: there were some. */
ToolExit read_trace (MilterCaptureInput *input, const char *name, TellingTo *to);

G_END_DECLS
