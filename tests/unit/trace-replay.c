/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-replay.c: from what passed to a trace, and back.
 */
#include "trace-replay.h"

#include <stdbool.h>
#include <string.h>

#include "milter-trace-reader.h"

/* how much longer than it took may be played, in answers that are waited for in vain */
#define MAX_STEPS 100000

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

static void
event_free (gpointer data)
{
  TraceEvent *event = data;

  g_clear_pointer (&event->bytes, g_byte_array_unref);
  g_free (event);
}

GPtrArray *
trace_events_new (void)
{
  return g_ptr_array_new_with_free_func (event_free);
}

static TraceEvent *
add (GPtrArray *events, MilterSide from)
{
  TraceEvent *event = g_new0 (TraceEvent, 1);

  event->from = from;
  g_ptr_array_add (events, event);
  return event;
}

void
trace_events_add (GPtrArray *events, MilterSide from, const guint8 *data, gsize size)
{
  TraceEvent *event = add (events, from);

  event->bytes = g_byte_array_new ();
  if (size > 0)
    g_byte_array_append (event->bytes, data, (guint) size);
}

void
trace_events_add_end (GPtrArray *events, MilterSide from, gboolean reset)
{
  TraceEvent *event = add (events, from);

  event->ends = TRUE;
  event->reset = reset;
}

static void
write_trace (TraceReplay *replay, const GPtrArray *events)
{
  g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, replay->text);
  bool over[2] = { false, false };

  milter_trace_writer_opened (writer, 1, "127.0.0.1:1", "unix:/x", 0);
  for (guint i = 0; i < events->len; i++)
    {
      const TraceEvent *event = g_ptr_array_index (events, i);
      gint64 time_ns = (gint64) (i + 1) * 1000;

      if (event->ends)
        {
          milter_trace_writer_closed (writer, 1, event->from, event->reset, time_ns);
          over[event->from] = true;
          over[!event->from] = over[!event->from] || event->reset;
          continue;
        }
      milter_trace_writer_passed (
          writer, 1, event->from, milter_bytes (event->bytes->data, event->bytes->len), time_ns);
      /* nobody can say anything behind his end */
      if (event->from == MILTER_SIDE_MTA && !over[MILTER_SIDE_MTA])
        g_byte_array_append (replay->said, event->bytes->data, event->bytes->len);
      else if (event->from == MILTER_SIDE_MILTER && !over[MILTER_SIDE_MILTER])
        g_byte_array_append (replay->answered, event->bytes->data, event->bytes->len);
    }
  milter_trace_writer_finish (writer);
}

static void
on_read (const MilterTraceEvent *event, gpointer data)
{
  TraceReplay *replay = data;

  if (event->kind == MILTER_TRACE_BYTES)
    g_byte_array_append (replay->read_back[event->from], event->bytes.data, (guint) event->bytes.size);
}

static void
read_back (TraceReplay *replay)
{
  g_autoptr (MilterTraceReader) reader
      = milter_trace_reader_new ("trace", replay->report, on_read, replay);
  const char *line = replay->text->str, *end;

  for (; (end = strchr (line, '\n')) != NULL; line = end + 1)
    milter_trace_reader_line (reader, milter_bytes (line, (gsize) (end - line) + 1));
}

/* the milter as it was */
typedef struct
{
  const GPtrArray *events;
  bool in_order;
  guint next;       /* event */
  gsize heard;      /* bytes of the MTA, in the events before that */
  GByteArray *said; /* by the milter, and no whole frame yet */
  bool over;        /* it closed, or says nothing that could be read */
} Milter;

static void
tell_end (Milter *milter, MilterPlayer *player, bool reset, gint64 now_us)
{
  milter->over = true;
  milter_player_ended (
      player, 0, reset, milter_bytes (milter->said->data, milter->said->len), now_us);
}

static void
tell_bytes (Milter *milter, MilterPlayer *player, const GByteArray *bytes, gint64 now_us)
{
  gsize at = 0, used;
  MilterMessage message;

  g_byte_array_append (milter->said, bytes->data, bytes->len);
  for (;; at += used)
    {
      g_autoptr (GError) error = NULL;
      MilterDecodeStatus status = milter_message_decode (MILTER_SIDE_MILTER,
                                                         milter->said->data + at,
                                                         milter->said->len - at,
                                                         &limits[MILTER_SIDE_MILTER],
                                                         &message,
                                                         &used,
                                                         &error);

      if (status == MILTER_DECODE_COMPLETE)
        milter_player_received (player, 0, &message, now_us);
      else if (status == MILTER_DECODE_NEED_MORE)
        break;
      else
        {
          milter->over = true;
          milter_player_received_garbage (
              player, 0, error, milter_bytes (milter->said->data + at, milter->said->len - at), now_us);
          break;
        }
    }
  g_byte_array_remove_range (milter->said, 0, (guint) at);
}

/* The milter's next event, if its time has come: TRUE. */
static bool
speak (Milter *milter, MilterPlayer *player, gsize heard, gint64 now_us)
{
  while (!milter->over && milter->next < milter->events->len)
    {
      const TraceEvent *event = g_ptr_array_index (milter->events, milter->next);

      if (event->from == MILTER_SIDE_MILTER)
        {
          if (milter->in_order && heard < milter->heard)
            return false;
          milter->next++;
          if (event->ends)
            tell_end (milter, player, event->reset, now_us);
          else
            tell_bytes (milter, player, event->bytes, now_us);
          return true;
        }
      milter->heard += event->ends ? 0 : event->bytes->len;
      milter->next++;
    }
  return false;
}

static void
play (TraceReplay *replay, const MilterScenario *scenario, const GPtrArray *events, bool in_order)
{
  const MilterPlayerConfig config
      = { .profile = milter_profile_get ("exact"), .n_peers = 1, .timeout_us = G_USEC_PER_SEC };
  g_autoptr (MilterPlayer) player = milter_player_new (
      "1",
      milter_step_source_new_for_session (g_ptr_array_index (scenario->sessions, 0), 1, 1),
      &config);
  g_autoptr (GByteArray) said = g_byte_array_new ();
  Milter milter = { .events = events, .in_order = in_order, .said = said };
  MilterPlayerAction action = { .kind = MILTER_PLAYER_WAIT };
  const GPtrArray *failures;

  for (guint n = 0; n < MAX_STEPS && action.kind != MILTER_PLAYER_DONE; n++)
    {
      milter_player_next (player, replay->took_us, &action);
      if (action.kind == MILTER_PLAYER_OPEN)
        milter_player_opened (player, 0, replay->took_us, NULL);
      else if (action.kind == MILTER_PLAYER_SEND)
        g_byte_array_append (replay->sent, action.bytes.data, (guint) action.bytes.size);
      else if (action.kind == MILTER_PLAYER_WAIT
               && !speak (&milter, player, replay->sent->len, replay->took_us))
        {
          g_assert_cmpint (action.deadline_us, !=, G_MAXINT64);
          replay->took_us = MAX (replay->took_us, action.deadline_us);
        }
    }
  g_assert_cmpint (action.kind, ==, MILTER_PLAYER_DONE);
  replay->outcome = milter_player_get_outcome (player);
  failures = milter_player_get_failures (player);
  for (guint i = 0; i < failures->len; i++)
    {
      const MilterFailure *failure = g_ptr_array_index (failures, i);

      g_string_append_printf (replay->report,
                              "%u: %s / %s / %s\n",
                              failure->where.line,
                              failure->what,
                              failure->expected != NULL ? failure->expected : "",
                              failure->got);
    }
}

TraceReplay *
trace_replay_run (const GPtrArray *events, gboolean in_order)
{
  TraceReplay *replay = g_new0 (TraceReplay, 1);
  g_autoptr (MilterScenario) scenario = NULL;

  replay->text = g_string_new (NULL);
  replay->report = g_string_new (NULL);
  replay->said = g_byte_array_new ();
  replay->answered = g_byte_array_new ();
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    replay->read_back[side] = g_byte_array_new ();
  write_trace (replay, events);
  read_back (replay);
  scenario = milter_scenario_parse ("trace",
                                    replay->text->str,
                                    replay->text->len,
                                    /* host= */ NULL,
                                    MILTER_SCENARIO_SESSIONS,
                                    replay->report);
  if (scenario == NULL)
    return replay;
  replay->sent = g_byte_array_new ();
  play (replay, scenario, events, in_order);
  return replay;
}

void
trace_replay_free (TraceReplay *replay)
{
  if (replay == NULL)
    return;
  g_string_free (replay->text, TRUE);
  g_string_free (replay->report, TRUE);
  g_byte_array_unref (replay->said);
  g_byte_array_unref (replay->answered);
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    g_byte_array_unref (replay->read_back[side]);
  g_clear_pointer (&replay->sent, g_byte_array_unref);
  g_free (replay);
}
