/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replayer-diverge.c: whether the milter says what it said then; and what is told once it
 * does not.
 */
#include "milter-replayer-private.h"

#include <string.h>

static bool
is_frame (const MilterReplayEvent *event, MilterSide from)
{
  return event->kind == MILTER_REPLAY_FRAME && event->from == from;
}

/* --- the recorded session, once there is a difference ----------------------------------------- */

static void
trace_recorded_reply (MilterReplayer *replayer, const MilterReplayEvent *event)
{
  MilterTraceSession *recorded = &replayer->recorded;
  MilterMessage message;

  milter_message_parse (
      MILTER_SIDE_MILTER, milter_replay_letter (event), milter_replay_payload (event), &message);
  if (!milter_session_may_reply (&recorded->session, message.letter, /* error= */ NULL))
    replayer->was_odd = true;
  if (recorded->due && milter_trace_is_final (&message))
    milter_trace_session_answer (recorded, &message);
}

void
milter_replayer_trace_recorded (MilterReplayer *replayer, const MilterReplayEvent *event)
{
  if (event->kind == MILTER_REPLAY_HOLE)
    {
      /* nobody knows what the milter did in it */
      replayer->was_odd = true;
      milter_trace_session_lose (&replayer->recorded);
    }
  else if (is_frame (event, MILTER_SIDE_MTA))
    milter_trace_session_ask (
        &replayer->recorded, milter_replay_letter (event), milter_replay_payload (event));
  else if (is_frame (event, MILTER_SIDE_MILTER))
    trace_recorded_reply (replayer, event);
}

void
milter_replayer_tell_recorded (MilterReplayer *replayer, const MilterReplayEvent *event)
{
  replayer->handlers->event (MILTER_REPLAY_RECORDED, event, replayer->data);
}

void
milter_replayer_tell_live (MilterReplayer *replayer, const MilterReplayEvent *event)
{
  replayer->handlers->event (MILTER_REPLAY_LIVE, event, replayer->data);
}

static void
walk_head (MilterReplayer *replayer,
           void (*func) (MilterReplayer *replayer, const MilterReplayEvent *event))
{
  guint64 position = replayer->head.base;
  MilterReplayEvent event;

  while (milter_replay_queue_next (&replayer->head, &position, &event))
    func (replayer, &event);
}

/* Up to here both are the same: what has passed is what was recorded. */
void
milter_replayer_diverge (MilterReplayer *replayer)
{
  guint64 position = replayer->log;
  guint64 at = position;
  MilterReplayEvent event;

  replayer->differs = true;
  if (replayer->told)
    return;
  replayer->told = true;
  replayer->handlers->diverged (replayer->data);

  walk_head (replayer, milter_replayer_tell_recorded);
  while (milter_replay_queue_next (&replayer->queue, &position, &event))
    milter_replayer_tell_recorded (replayer, &event);

  walk_head (replayer, milter_replayer_tell_live);
  walk_head (replayer, milter_replayer_trace_recorded);
  for (position = at; milter_replay_queue_next (&replayer->queue, &position, &event); at = position)
    {
      bool passed = at < (event.from == MILTER_SIDE_MTA ? replayer->play : replayer->match);

      if (passed)
        milter_replayer_tell_live (replayer, &event);
      if (at < replayer->play)
        milter_replayer_trace_recorded (replayer, &event);
    }
  milter_replay_queue_clear (&replayer->head);
}

void
milter_replayer_tell_live_frame (MilterReplayer *replayer,
                                 MilterSide from,
                                 guint8 letter,
                                 MilterBytes payload,
                                 gint64 now_us)
{
  g_autoptr (GByteArray) frame = NULL;
  MilterReplayEvent event = { .kind = MILTER_REPLAY_FRAME, .from = from, .time_ns = now_us * 1000 };

  if (!replayer->told)
    return;
  frame = g_byte_array_new ();
  milter_frame_append (letter, payload, frame);
  event.bytes = milter_bytes (frame->data, frame->len);
  milter_replayer_tell_live (replayer, &event);
}

/* --- what the milter says --------------------------------------------------------------------- */

/* What the milter says next in the recording; false: nothing that is known yet. */
static bool
find_match (MilterReplayer *replayer, MilterReplayEvent *event, guint64 *behind)
{
  guint64 position = replayer->match;

  while (milter_replay_queue_next (&replayer->queue, &position, event))
    {
      if (event->from == MILTER_SIDE_MILTER)
        {
          *behind = position;
          return true;
        }
      replayer->match = position;
    }
  return false;
}

/* the milter said something before this event that it has not said yet */
bool
milter_replayer_owes_something (MilterReplayer *replayer)
{
  MilterReplayEvent event;
  guint64 behind;

  return !replayer->differs && find_match (replayer, &event, &behind)
         && replayer->match < replayer->play;
}

/* It says what it said then, and not before it was asked. */
bool
milter_replayer_take_match (MilterReplayer *replayer, const MilterMessage *message)
{
  MilterReplayEvent event;
  guint64 behind;

  if (replayer->differs || !find_match (replayer, &event, &behind)
      || (!replayer->live.due && replayer->match >= replayer->play)
      || event.kind != MILTER_REPLAY_FRAME || milter_replay_letter (&event) != message->letter
      || !milter_bytes_equal (milter_replay_payload (&event), message->payload))
    return false;
  replayer->match = behind;
  return true;
}

/* whether it had gone then, too, without a word more */
bool
milter_replayer_takes_end (MilterReplayer *replayer)
{
  MilterReplayEvent event;
  guint64 behind;

  return !replayer->differs && find_match (replayer, &event, &behind)
         && event.kind == MILTER_REPLAY_END;
}
