/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-json.c: a sink that writes JSON.
 */
#include "show-json.h"

#include <stdio.h>

#include "message-count.h"
#include "message-json.h"
#include "report-lines.h"
#include "show-read.h"

typedef struct
{
  GString *line;
  bool started;
  gint64 start_ns;
  GHashTable *counts; /* of Count, by connection */
} Show;

/* which message of a connection that is open something belongs to */
typedef struct
{
  MessageCount *messages;
  bool ended[2];
} Count;

static void
count_free (gpointer data)
{
  Count *count = data;

  message_count_free (count->messages);
  g_free (count);
}

static void
write_line (Show *show)
{
  g_string_append (show->line, "}\n");
  fwrite (show->line->str, 1, show->line->len, stdout);
  g_string_truncate (show->line, 0);
}

/* the first line: the time of day that all others count from */
static void
start (Show *show, gint64 time_ns)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (time_ns / 1000000000);
  g_autofree char *date = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");

  show->started = true;
  show->start_ns = time_ns;
  g_string_append_printf (
      show->line, "{\"type\":\"start\",\"start\":\"%s.%09dZ\"", date, (int) (time_ns % 1000000000));
  write_line (show);
}

static void
append_from (Show *show, const MilterCapturePlace *place)
{
  report_append_json_member (show->line, "from", message_name_side (place->from));
}

/* in microseconds, as a trace tells it */
static void
on_started (gint64 time_ns, gpointer data)
{
  Show *show = data;

  if (!show->started)
    start (show, MAX (time_ns, 0) / 1000 * 1000);
}

/* Begins a line with the members that all have. */
static void
begin_line (Show *show, const char *type, const MilterCapturePlace *place)
{
  gint64 time_ns;

  on_started (place->moment.time_ns, show);
  time_ns = place->moment.time_ns - show->start_ns;
  g_string_append_printf (show->line, "{\"type\":\"%s\"", type);
  if (place->connection != 0)
    g_string_append_printf (show->line, ",\"connection\":%u", place->connection);
  g_string_append_printf (show->line,
                          ",\"time\":%s%" G_GINT64_FORMAT ".%09d",
                          time_ns < 0 ? "-" : "",
                          ABS (time_ns) / 1000000000,
                          (int) (ABS (time_ns) % 1000000000));
  if (place->moment.frame != 0)
    g_string_append_printf (
        show->line, ",\"frame_number\":%" G_GUINT64_FORMAT, place->moment.frame);
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  Show *show = data;
  Count *count = g_new0 (Count, 1);

  count->messages = message_count_new ();
  g_hash_table_insert (show->counts, GUINT_TO_POINTER (place->connection), count);
  begin_line (show, "opened", place);
  report_append_json_member (show->line, "mta", opening->mta);
  report_append_json_member (show->line, "milter", opening->milter);
  g_string_append_printf (
      show->line, ",\"from_start\":%s", opening->from_start ? "true" : "false");
  write_line (show);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  Show *show = data;
  const Count *count = g_hash_table_lookup (show->counts, GUINT_TO_POINTER (place->connection));
  MilterMessage message;
  guint number;

  milter_message_parse (
      place->from, frame.data[4], milter_bytes (frame.data + 5, frame.size - 5), &message);
  /* behind a reset there may be more, which nobody has read */
  number = count != NULL ? message_count_take (count->messages, &message) : 0;
  begin_line (show, "frame", place);
  if (number > 0)
    g_string_append_printf (show->line, ",\"message\":%u", number);
  if (behind_hole)
    g_string_append (show->line, ",\"behind_hole\":true");
  message_append_json (&message, show->line);
  write_line (show);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  Show *show = data;
  g_autofree char *text = g_base64_encode (bytes.data, bytes.size);

  begin_line (show, "raw", place);
  append_from (show, place);
  report_append_json_member (show->line, "bytes_base64", text);
  write_line (show);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  Show *show = data;
  const MilterSpec *spec = milter_spec_get (place->from, letter);

  begin_line (show, "hole", place);
  append_from (show, place);
  if (size == MILTER_HOLE_UNKNOWN)
    g_string_append (show->line, ",\"hole\":null");
  else
    g_string_append_printf (show->line, ",\"hole\":%" G_GINT64_FORMAT, size);
  report_append_json_member (show->line, "in", spec != NULL ? spec->word : NULL);
  write_line (show);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  Show *show = data;
  gpointer key = GUINT_TO_POINTER (place->connection);
  Count *count = g_hash_table_lookup (show->counts, key);

  if (count != NULL)
    count->ended[place->from] = true;
  if (count != NULL && (reset || count->ended[!place->from]))
    g_hash_table_remove (show->counts, key);
  begin_line (show, "closed", place);
  append_from (show, place);
  g_string_append_printf (show->line, ",\"reset\":%s", reset ? "true" : "false");
  write_line (show);
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  Show *show = data;

  begin_line (show, "note", place);
  report_append_json_member (show->line, "note", text);
  write_line (show);
}

ToolExit
show_json (const ShowOptions *options)
{
  static const MilterCaptureSink sink = {
    .started = on_started,
    .opened = on_opened,
    .message = on_message,
    .raw = on_raw,
    .hole = on_hole,
    .closed = on_closed,
    .note = on_note,
  };
  g_autoptr (GString) line = g_string_new (NULL);
  g_autoptr (GHashTable) counts = g_hash_table_new_full (
      /* hash= */ NULL, /* equal= */ NULL, NULL, count_free);
  Show show = { .line = line, .counts = counts };

  return show_read (options, &sink, &show);
}
