/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-sink.c: what a sink is told, to the writer of traces.
 */
#include "trace-sink.h"

/* written out when there is so much */
#define MAX_TEXT ((gsize) 64 << 10)

void
trace_sink_init (TraceSink *sink, TraceSinkFlush flush, gpointer data)
{
  *sink = (TraceSink){ .text = g_string_new (NULL), .flush = flush, .data = data };
}

static void
flush (TraceSink *sink)
{
  if (sink->text->len > 0)
    sink->flush (sink->text, sink->data);
  g_string_truncate (sink->text, 0);
}

void
trace_sink_finish (TraceSink *sink)
{
  if (sink->writer != NULL)
    milter_trace_writer_finish (sink->writer);
  flush (sink);
}

void
trace_sink_clear (TraceSink *sink)
{
  g_clear_pointer (&sink->writer, milter_trace_writer_free);
  g_string_free (sink->text, TRUE);
}

/* nanoseconds since the start; the first event is the start */
static gint64
since_start (TraceSink *sink, const MilterCapturePlace *place)
{
  gint64 time_us = place->moment.time_ns / 1000;

  if (sink->writer == NULL)
    {
      sink->writer = milter_trace_writer_new (time_us, sink->text);
      sink->start_ns = time_us * 1000;
    }
  if (sink->text->len > MAX_TEXT)
    flush (sink);
  return place->moment.time_ns - sink->start_ns;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  TraceSink *sink = data;
  gint64 time_ns = since_start (sink, place);

  milter_trace_writer_opened (sink->writer, place->connection, opening->mta, opening->milter, time_ns);
}

static void
on_bytes (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  TraceSink *sink = data;

  sink->lost = 0;
  milter_trace_writer_passed (
      sink->writer, place->connection, place->from, bytes, since_start (sink, place));
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  on_bytes (place, frame, data);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  TraceSink *sink = data;
  const MilterSpec *spec = milter_spec_get (place->from, letter);
  g_autoptr (GString) comment = g_string_new (NULL);

  /* on both sides, as where a capture begins: one line tells it */
  if (size == MILTER_HOLE_UNKNOWN && sink->lost == place->connection)
    return;
  g_string_append_printf (comment,
                          "frame %" G_GUINT64_FORMAT ", from the %s",
                          place->moment.frame,
                          place->from == MILTER_SIDE_MTA ? "MTA" : "milter");
  if (spec != NULL)
    g_string_append_printf (comment, ", in %s", spec->word);
  milter_trace_writer_lost (sink->writer,
                            place->connection,
                            size == MILTER_HOLE_UNKNOWN ? 0 : (guint64) size,
                            comment->str,
                            since_start (sink, place));
  sink->lost = size == MILTER_HOLE_UNKNOWN ? place->connection : 0;
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  TraceSink *sink = data;

  milter_trace_writer_closed (
      sink->writer, place->connection, place->from, reset, since_start (sink, place));
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  TraceSink *sink = data;

  since_start (sink, place);
  g_string_append (sink->text, "# ");
  if (place->moment.frame != 0)
    g_string_append_printf (sink->text, "frame %" G_GUINT64_FORMAT ": ", place->moment.frame);
  if (place->connection != 0)
    g_string_append_printf (sink->text, "@%u: ", place->connection);
  g_string_append_printf (sink->text, "%s\n", text);
}

const MilterCaptureSink trace_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_bytes,
  .hole = on_hole,
  .closed = on_closed,
  .note = on_note,
};
