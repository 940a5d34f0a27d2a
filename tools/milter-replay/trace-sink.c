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

static void
on_started (gint64 time_ns, gpointer data)
{
  TraceSink *sink = data;

  if (sink->writer != NULL)
    return;
  sink->writer = milter_trace_writer_new (time_ns / 1000, sink->text);
  sink->start_ns = time_ns / 1000 * 1000;
}

/* nanoseconds since the start; if nobody tells it, the first event is */
static gint64
since_start (TraceSink *sink, const MilterCapturePlace *place)
{
  on_started (place->moment.time_ns, sink);
  if (sink->text->len > MAX_TEXT)
    flush (sink);
  return place->moment.time_ns - sink->start_ns;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  TraceSink *sink = data;
  gint64 time_ns = since_start (sink, place);

  sink->beginning = opening->from_start ? 0 : place->connection;
  milter_trace_writer_opened (sink->writer, place->connection, opening->mta, opening->milter, time_ns);
}

static void
on_bytes (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  TraceSink *sink = data;

  milter_trace_writer_passed (
      sink->writer, place->connection, place->from, bytes, since_start (sink, place));
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  on_bytes (place, frame, data);
}

/* as read-trace.c reads it again */
static char *
describe_hole (const MilterCapturePlace *place, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (place->from, letter);
  g_autoptr (GString) comment = g_string_new (NULL);

  if (place->moment.frame != 0)
    g_string_append_printf (comment, "frame %" G_GUINT64_FORMAT ", ", place->moment.frame);
  g_string_append_printf (comment, "from the %s", place->from == MILTER_SIDE_MTA ? "MTA" : "milter");
  if (spec != NULL)
    g_string_append_printf (comment, ", in %s", spec->word);
  return g_string_free (g_steal_pointer (&comment), FALSE);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  TraceSink *sink = data;
  g_autofree char *comment = describe_hole (place, letter);

  /* where the beginning is missing, it is on both sides, the MTA's first: one line tells it */
  if (sink->beginning == place->connection && place->from == MILTER_SIDE_MILTER)
    {
      sink->beginning = 0;
      return;
    }
  milter_trace_writer_lost (sink->writer,
                            place->connection,
                            size == MILTER_HOLE_UNKNOWN ? 0 : (guint64) size,
                            comment,
                            since_start (sink, place));
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
  .started = on_started,
  .opened = on_opened,
  .message = on_message,
  .raw = on_bytes,
  .hole = on_hole,
  .closed = on_closed,
  .note = on_note,
};
