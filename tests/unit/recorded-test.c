/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recorded-test.c: see recorded-test.h.
 */
#include "recorded-test.h"

#include <stdlib.h>
#include <string.h>

#define MILLISECOND G_GINT64_CONSTANT (1000000)

static void
tell_frame (const MilterCaptureSink *sink,
            gpointer data,
            const MilterCapturePlace *place,
            const RecordedStep *step)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  milter_frame_append (
      (guint8) step->bytes[1], milter_bytes (step->bytes + 2, step->size - 2), frame);
  sink->message (place, milter_bytes (frame->data, frame->len), /* behind_hole= */ false, data);
}

static void
tell_step (const MilterCaptureSink *sink,
           gpointer data,
           const MilterCapturePlace *place,
           const RecordedStep *step)
{
  static const MilterCaptureOpening openings[] = {
    { "192.0.2.1:40000", "192.0.2.2:8891", .from_start = true },
    { "192.0.2.1:40000", "192.0.2.2:8891", .from_start = false },
  };

  if (step->bytes[0] == '+' || step->bytes[0] == '-')
    sink->opened (place, &openings[step->bytes[0] == '-'], data);
  else if (step->bytes[1] == '!')
    sink->hole (place,
                step->size > 2 ? atoi (step->bytes + 2) : MILTER_HOLE_UNKNOWN,
                /* letter= */ 0,
                data);
  else if (step->bytes[1] == '*')
    sink->raw (place, milter_bytes (step->bytes + 2, step->size - 2), data);
  else if (step->bytes[1] == '.' || step->bytes[1] == 'x')
    sink->closed (place, step->bytes[1] == 'x', data);
  else
    tell_frame (sink, data, place, step);
}

void
recorded_tell (MilterRecordedBuilder *builder, const RecordedStep *steps, gsize n)
{
  recorded_tell_sink (&milter_recorded_sink, builder, steps, n);
}

void
recorded_tell_sink (const MilterCaptureSink *sink,
                    gpointer data,
                    const RecordedStep *steps,
                    gsize n)
{
  guint connection = 1;

  for (gsize i = 0; i < n; i++)
    {
      MilterCapturePlace place = {
        .connection = connection,
        .from = steps[i].bytes[0] == '<' ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA,
        .moment = { .frame = i + 1, .time_ns = (gint64) (i + 1) * MILLISECOND },
      };

      if (steps[i].bytes[0] == '@')
        connection = (guint) atoi (steps[i].bytes + 1);
      else
        tell_step (sink, data, &place, &steps[i]);
    }
}

/* `M:c R:c*2 L-` */
static void
append_commands (GString *log, const GPtrArray *commands)
{
  /* by MilterRecordedAnswer; ANSWERED and UNASKED have the reply's letter, too */
  static const char marks[] = "w:?-~u!";

  for (guint i = 0; i < commands->len; i++)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (commands, i);

      g_string_append_printf (log, " %c%c", command->letter, marks[command->answer]);
      if (command->reply != 0)
        g_string_append_c (log, (char) command->reply);
      if (command->count > 1)
        g_string_append_printf (log, "*%u", command->count);
    }
}

static void
on_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  static const char *const ends[]
      = { "open", "complete", "decided", "aborted", "left", "broken-off" };
  GString *log = data;

  g_string_append_printf (log,
                          "%u.%u.%u %s",
                          message->connection,
                          message->session,
                          message->number,
                          ends[message->end]);
  append_commands (log, message->commands);
  for (guint i = 0; i < message->edits->len; i++)
    {
      const MilterRecordedEdit *edit = g_ptr_array_index (message->edits, i);

      g_string_append_printf (log, " %c", edit->letter);
      if (edit->count > 1)
        g_string_append_printf (log, "*%u", edit->count);
    }
  if (message->verdict != 0)
    g_string_append_printf (log, " = %c at %c", message->verdict, message->verdict_command);
  if (message->missing != 0)
    g_string_append_printf (log, " missing %x", message->missing);
  g_string_append_c (log, '\n');
  milter_recorded_message_free (message);
}

static void
on_session (MilterRecordedSession *session, gpointer data)
{
  GString *log = data;

  g_string_append_printf (log, "%u.%u", session->connection, session->number);
  append_commands (log, session->commands);
  if (session->verdict != 0)
    g_string_append_printf (log, " = %c at %c", session->verdict, session->verdict_command);
  if (session->unasked->len > 0)
    g_string_append_printf (log, " unasked %s", session->unasked->str);
  if (session->quit)
    g_string_append (log, " quit");
  if (session->first_closed >= 0)
    g_string_append_printf (log,
                            " %s by the %s",
                            session->reset[session->first_closed] ? "reset" : "closed",
                            session->first_closed == MILTER_SIDE_MTA ? "MTA" : "milter");
  if (session->missing != 0)
    g_string_append_printf (log, " missing %x", session->missing);
  g_string_append_c (log, '\n');
  milter_recorded_session_free (session);
}

const MilterRecordedEvents recorded_log = { .message = on_message, .session = on_session };
