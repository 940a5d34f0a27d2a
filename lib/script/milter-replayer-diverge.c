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

static void
trace_live_event (MilterReplayer *replayer, const MilterReplayEvent *event)
{
  MilterMessage message;

  if (event->kind != MILTER_REPLAY_FRAME)
    return;
  if (event->from == MILTER_SIDE_MTA)
    {
      milter_trace_session_ask (
          &replayer->live, milter_replay_letter (event), milter_replay_payload (event));
      return;
    }
  milter_message_parse (
      MILTER_SIDE_MILTER, milter_replay_letter (event), milter_replay_payload (event), &message);
  if (milter_trace_is_final (&message) && replayer->live.due)
    milter_trace_session_answer (&replayer->live, &message);
}

/* it has passed: said by the MTA, or said by the milter as it was then */
static bool
has_passed (const MilterReplayer *replayer, const MilterReplayEvent *event, guint64 at)
{
  return at < (event->from == MILTER_SIDE_MTA ? replayer->play : replayer->match);
}

void
milter_replayer_trace_live (MilterReplayer *replayer)
{
  MilterReplayEvent event;

  if (replayer->traced)
    return;
  replayer->traced = true;
  milter_trace_session_init (&replayer->live);
  walk_head (replayer, trace_live_event);
  for (guint64 at = replayer->log, next = at;
       milter_replay_queue_next (&replayer->queue, &next, &event);
       at = next)
    if (has_passed (replayer, &event, at))
      trace_live_event (replayer, &event);
}

/* Up to here both are the same: what has passed is what was recorded. */
void
milter_replayer_diverge (MilterReplayer *replayer)
{
  guint64 position = replayer->log;
  guint64 at = position;
  MilterReplayEvent event;

  milter_replayer_trace_live (replayer);
  replayer->differs = true;
  if (replayer->told)
    return;
  replayer->told = true;
  milter_trace_session_init (&replayer->recorded);
  replayer->handlers->diverged (replayer->data);

  walk_head (replayer, milter_replayer_tell_recorded);
  while (milter_replay_queue_next (&replayer->queue, &position, &event))
    milter_replayer_tell_recorded (replayer, &event);

  walk_head (replayer, milter_replayer_tell_live);
  walk_head (replayer, milter_replayer_trace_recorded);
  for (position = at; milter_replay_queue_next (&replayer->queue, &position, &event); at = position)
    {
      if (has_passed (replayer, &event, at))
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

/* (nullable) What the milter says next in the recording, if that is known yet. */
static const MilterReplayItem *
find_match (MilterReplayer *replayer, guint64 *behind)
{
  const MilterReplayItem *item;

  while ((item = milter_replay_queue_peek (&replayer->queue, replayer->match, behind)) != NULL
         && item->from != MILTER_SIDE_MILTER)
    replayer->match = *behind;
  return item;
}

/* the milter said something before this event that it has not said yet */
bool
milter_replayer_owes_something (MilterReplayer *replayer)
{
  guint64 behind;

  /* what it said is looked for behind what has been played only when it says something */
  if (replayer->differs || replayer->match >= replayer->play)
    return false;
  return find_match (replayer, &behind) != NULL && replayer->match < replayer->play;
}

/* it is its turn: the MTA says nothing more before it */
static bool
is_expected (const MilterReplayer *replayer)
{
  guint64 next = replayer->play;
  const MilterReplayItem *item;

  if (replayer->match < replayer->play)
    return true;
  while (next < replayer->match
         && (item = milter_replay_queue_peek (&replayer->queue, next, &next)) != NULL)
    if (item->from == MILTER_SIDE_MTA)
      return false;
  return true;
}

gsize
milter_replayer_take_same (MilterReplayer *replayer, MilterBytes bytes, gint64 now_us)
{
  const MilterReplayItem *item;
  const MilterSpec *spec;
  MilterBytes frame;
  guint64 behind;

  if (replayer->traced)
    return 0;
  item = find_match (replayer, &behind);
  if (item == NULL || item->kind != MILTER_REPLAY_FRAME)
    return 0;
  frame = milter_replay_item_bytes (item);
  if (frame.size > bytes.size || memcmp (frame.data, bytes.data, frame.size) != 0
      || !is_expected (replayer))
    return 0;
  spec = milter_spec_get (MILTER_SIDE_MILTER, frame.data[4]);
  replayer->waits_from_us = now_us;
  replayer->counts.n_answers += milter_trace_is_final_kind (spec);
  replayer->match = behind;
  return frame.size;
}

/* It says what it said then, and not before it was asked. */
bool
milter_replayer_take_match (MilterReplayer *replayer, const MilterMessage *message)
{
  const MilterReplayItem *item;
  MilterReplayEvent event;
  guint64 behind;

  if (replayer->differs)
    return false;
  item = find_match (replayer, &behind);
  if (item == NULL || item->kind != MILTER_REPLAY_FRAME
      || (!(replayer->traced && replayer->live.due) && !is_expected (replayer)))
    return false;
  event = milter_replay_item_to_event (item);
  if (milter_replay_letter (&event) != message->letter
      || !milter_bytes_equal (milter_replay_payload (&event), message->payload))
    return false;
  replayer->match = behind;
  return true;
}

/* whether it had gone then, too, without a word more */
bool
milter_replayer_takes_end (MilterReplayer *replayer)
{
  const MilterReplayItem *item;
  guint64 behind;

  if (replayer->differs)
    return false;
  item = find_match (replayer, &behind);
  return item != NULL && item->kind == MILTER_REPLAY_END;
}
