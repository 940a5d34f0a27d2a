/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-text.c: a sink that writes a trace.
 */
#include "show-text.h"

#include <stdio.h>

#include "milter-trace-writer.h"
#include "read-recording.h"

/* written out when there is so much */
#define MAX_TEXT ((gsize) 64 << 10)

typedef struct
{
  GString *text;
  MilterTraceWriter *writer; /* (nullable) until something happens */
  gint64 start_ns;
  guint lost;                /* the connection whose latest line is a hole of unknown size; 0: none */
} Show;

static void
print (Show *show)
{
  fwrite (show->text->str, 1, show->text->len, stdout);
  g_string_truncate (show->text, 0);
}

/* nanoseconds since the start; the first event is the start */
static gint64
since_start (Show *show, const MilterCapturePlace *place)
{
  gint64 time_us = place->moment.time_ns / 1000;

  if (show->writer == NULL)
    {
      show->writer = milter_trace_writer_new (time_us, show->text);
      show->start_ns = time_us * 1000;
    }
  if (show->text->len > MAX_TEXT)
    print (show);
  return place->moment.time_ns - show->start_ns;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  Show *show = data;
  gint64 time_ns = since_start (show, place);

  milter_trace_writer_opened (show->writer, place->connection, opening->mta, opening->milter, time_ns);
}

static void
on_bytes (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  Show *show = data;

  show->lost = 0;
  milter_trace_writer_passed (
      show->writer, place->connection, place->from, bytes, since_start (show, place));
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  on_bytes (place, frame, data);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  Show *show = data;
  const MilterSpec *spec = milter_spec_get (place->from, letter);
  g_autoptr (GString) comment = g_string_new (NULL);

  /* on both sides, as where a capture begins: one line tells it */
  if (size == MILTER_HOLE_UNKNOWN && show->lost == place->connection)
    return;
  g_string_append_printf (comment,
                          "frame %" G_GUINT64_FORMAT ", from the %s",
                          place->moment.frame,
                          place->from == MILTER_SIDE_MTA ? "MTA" : "milter");
  if (spec != NULL)
    g_string_append_printf (comment, ", in %s", spec->word);
  milter_trace_writer_lost (show->writer,
                            place->connection,
                            size == MILTER_HOLE_UNKNOWN ? 0 : (guint64) size,
                            comment->str,
                            since_start (show, place));
  show->lost = size == MILTER_HOLE_UNKNOWN ? place->connection : 0;
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  Show *show = data;

  milter_trace_writer_closed (
      show->writer, place->connection, place->from, reset, since_start (show, place));
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  Show *show = data;

  since_start (show, place);
  g_string_append (show->text, "# ");
  if (place->moment.frame != 0)
    g_string_append_printf (show->text, "frame %" G_GUINT64_FORMAT ": ", place->moment.frame);
  if (place->connection != 0)
    g_string_append_printf (show->text, "@%u: ", place->connection);
  g_string_append_printf (show->text, "%s\n", text);
}

ToolExit
show_text (char **paths)
{
  static const MilterCaptureSink sink = {
    .opened = on_opened,
    .message = on_message,
    .raw = on_bytes,
    .hole = on_hole,
    .closed = on_closed,
    .note = on_note,
  };
  g_autoptr (GString) text = g_string_new (NULL);
  Show show = { .text = text };
  ToolExit status = read_recordings (paths, &sink, &show);

  if (show.writer != NULL)
    milter_trace_writer_finish (show.writer);
  print (&show);
  milter_trace_writer_free (show.writer);
  return status;
}
