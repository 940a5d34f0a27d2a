/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-trace-writer.h: writes what passed between MTAs and milters as a scenario that plays it back.
 *
 * The text is that of section 8 of the scenario language: `start`, `mta exact`, then one line a frame
 * with its time and connection; a frame that its word would not give back byte for byte is written as
 * `frame`, bytes that are no whole frame as `raw`. Replies stand under the command they answer. The
 * writer has no file and no clock: it appends whole lines to a string, which the caller takes away.
 *
 * What it writes is a scenario in its canonical form. The latest command of a connection is held back
 * until something else passes there, since what follows decides how it is written; an MTA that sends
 * ahead has its commands held back until those before them are answered, up to a limit. Who wants a whole
 * trace at any time writes milter_trace_writer_append_held() behind it, and over that what comes next.
 */
#pragma once

#include <glib.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* what is held back of a connection whose MTA sends ahead; then nobody is waited for any more */
#define MILTER_TRACE_MAX_HELD ((gsize) 1 << 20)

typedef struct _MilterTraceWriter MilterTraceWriter;

/* @start_us: the time of day that +0 is, in microseconds since 1970; @text: where lines are appended;
 * the caller empties it whenever it likes. The heading is written at once. */
MilterTraceWriter *milter_trace_writer_new (gint64 start_us, GString *text);
/* What is still held back is lost, unless milter_trace_writer_finish() was called. */
void milter_trace_writer_free (MilterTraceWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterTraceWriter, milter_trace_writer_free)

/* @time_ns: nanoseconds since start. @connection: from 1, never used again. @from, @to: (nullable) the
 * addresses of the MTA and of the milter */
void milter_trace_writer_opened (MilterTraceWriter *writer,
                                 guint connection,
                                 const char *from,
                                 const char *to,
                                 gint64 time_ns);
/* bytes of one side, cut anywhere; whole frames are written as they are complete */
void milter_trace_writer_passed (MilterTraceWriter *writer,
                                 guint connection,
                                 MilterSide from,
                                 MilterBytes bytes,
                                 gint64 time_ns);
/* bytes are missing in the recording: so many, or 0 if nobody knows. What follows is not what a player
 * sends: it fills in what an MTA would say (`lost`). @comment: (nullable) behind the line, for people */
void milter_trace_writer_lost (MilterTraceWriter *writer,
                               guint connection,
                               guint64 size,
                               const char *comment,
                               gint64 time_ns);
/* Appends what milter_trace_writer_finish() would write now, but for the beginnings of frames, to @text,
 * and goes on holding it back: a file that ends in it is a whole trace. */
void milter_trace_writer_append_held (MilterTraceWriter *writer, GString *text);
/* this side has closed, or reset; what it left unfinished is written as `raw`. The other side may
 * still send: the connection is over when both have closed, or one has reset it. */
void milter_trace_writer_closed (MilterTraceWriter *writer,
                                 guint connection,
                                 MilterSide by,
                                 gboolean reset,
                                 gint64 time_ns);
/* The recording ends here: what is held back of connections that are still open is written. */
void milter_trace_writer_finish (MilterTraceWriter *writer);

G_END_DECLS
