/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame-log-json.c: --json: each frame as an object on a line of its own; so are the beginning and the
 * end of a connection, and bytes that make no frame.
 */
#include "frame-log-private.h"
#include "message-json.h"
#include "report-lines.h"

static gpointer
json_new (gint64 start_us, GString *text)
{
  return text;
}

static void
json_free (gpointer self)
{
}

static void
begin_object (GString *text, const char *type, const FrameLogPlace *place)
{
  g_string_append_printf (text, "{\"type\":\"%s\",\"connection\":%u", type, place->connection);
  if (place->message > 0)
    g_string_append_printf (text, ",\"message\":%u", place->message);
  g_string_append_printf (text, ",\"time\":%.6f", (double) place->time_us / G_USEC_PER_SEC);
}

static void
end_object (GString *text)
{
  g_string_append (text, "}\n");
}

static void
append_text (GString *text, const char *name, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_c (text, ',');
  report_append_json (text, name, milter_bytes_from_string (value));
}

static void
json_opened (gpointer self, const FrameLogPlace *place, const char *from, const char *to)
{
  begin_object (self, "opened", place);
  append_text (self, "mta", from);
  append_text (self, "milter", to);
  end_object (self);
}

static void
json_message (gpointer self,
              const FrameLogPlace *place,
              const MilterMessage *message,
              MilterTextFlags flags)
{
  begin_object (self, "frame", place);
  message_append_json (message, self);
  end_object (self);
}

static void
json_rest (gpointer self, const FrameLogPlace *place, MilterSide from, MilterBytes bytes)
{
  begin_object (self, "bytes", place);
  append_text (self, "from", message_name_side (from));
  g_string_append_c (self, ',');
  report_append_json (self, "bytes", bytes);
  end_object (self);
}

static void
json_closed (gpointer self, const FrameLogPlace *place, MilterSide by, bool reset)
{
  begin_object (self, "closed", place);
  append_text (self, "by", message_name_side (by));
  g_string_append_printf (self, ",\"reset\":%s", reset ? "true" : "false");
  end_object (self);
}

const FrameLogKind frame_log_json = {
  .new = json_new,
  .free = json_free,
  .opened = json_opened,
  .message = json_message,
  .rest = json_rest,
  .closed = json_closed,
};
