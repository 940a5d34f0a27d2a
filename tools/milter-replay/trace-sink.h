/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-sink.h: recordings as a trace, in pieces.
 */
#pragma once

#include "milter-capture-sink.h"
#include "milter-trace-writer.h"

G_BEGIN_DECLS

/* takes text away, whole lines */
typedef void (*TraceSinkFlush) (const GString *text, gpointer data);

typedef struct
{
  GString *text;
  MilterTraceWriter *writer; /* (nullable) until something happens */
  gint64 start_ns;
  guint beginning;           /* the connection whose beginning is missing, and is told now; 0: none */
  TraceSinkFlush flush;
  gpointer data;             /* … for it */
} TraceSink;

/* the sink to tell; its data is a TraceSink */
extern const MilterCaptureSink trace_sink;

void trace_sink_init (TraceSink *sink, TraceSinkFlush flush, gpointer data);
/* The recording has ended: what was held back is written. */
void trace_sink_finish (TraceSink *sink);
void trace_sink_clear (TraceSink *sink);

G_END_DECLS
