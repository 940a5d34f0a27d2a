/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replay-queue.c: events behind each other in one piece of memory.
 */
#include "milter-replay-queue.h"

#include <string.h>

/* the first piece; and one that is empty is given back if it grew beyond the second */
#define MIN_CAPACITY  ((gsize) 8192)
#define KEEP_CAPACITY ((gsize) 64 << 10)

G_STATIC_ASSERT (sizeof (MilterReplayItem) % MILTER_REPLAY_ALIGNMENT == 0);

/* what follows an item: as a rule bytes */
static MilterBytes
tail_of (const MilterReplayEvent *event)
{
  return event->kind == MILTER_REPLAY_HOLE
             ? milter_bytes ((const guint8 *) &event->hole, sizeof event->hole)
             : event->bytes;
}

void
milter_replay_queue_clear (MilterReplayQueue *queue)
{
  g_free (queue->data);
  *queue = (MilterReplayQueue){ .base = queue->base + queue->size };
}

void
milter_replay_queue_push (MilterReplayQueue *queue, const MilterReplayEvent *event)
{
  MilterBytes tail = tail_of (event);
  gsize padded = (tail.size + MILTER_REPLAY_ALIGNMENT - 1) / MILTER_REPLAY_ALIGNMENT
                 * MILTER_REPLAY_ALIGNMENT;
  gsize size = queue->size + sizeof (MilterReplayItem) + padded;
  MilterReplayItem *item;

  g_assert (tail.size <= G_MAXUINT32);
  if (size > queue->capacity)
    {
      queue->capacity = MAX (MAX (size, queue->capacity * 2), MIN_CAPACITY);
      queue->data = g_realloc (queue->data, queue->capacity);
    }
  item = (MilterReplayItem *) (gpointer) (queue->data + queue->size);
  *item = (MilterReplayItem){
    .kind = (guint8) event->kind,
    .from = (guint8) event->from,
    .behind_hole = event->behind_hole,
    .reset = event->reset,
    .letter = event->letter,
    .size = (guint32) tail.size,
    .number = event->number,
    .time_ns = event->time_ns,
    .due_us = event->due_us,
  };
  if (tail.size > 0)
    memcpy (item + 1, tail.data, tail.size);
  queue->size = size;
}

MilterReplayEvent
milter_replay_item_to_event (const MilterReplayItem *item)
{
  MilterReplayEvent event = {
    .kind = (MilterReplayKind) item->kind,
    .from = (MilterSide) item->from,
    .behind_hole = item->behind_hole,
    .reset = item->reset,
    .letter = item->letter,
    .number = item->number,
    .time_ns = item->time_ns,
    .due_us = item->due_us,
  };

  if (item->kind == MILTER_REPLAY_HOLE)
    memcpy (&event.hole, item + 1, sizeof event.hole);
  else
    event.bytes = milter_replay_item_bytes (item);
  return event;
}

bool
milter_replay_queue_next (const MilterReplayQueue *queue,
                          guint64 *position,
                          MilterReplayEvent *event)
{
  const MilterReplayItem *next = milter_replay_queue_peek (queue, *position, position);

  if (next != NULL)
    *event = milter_replay_item_to_event (next);
  return next != NULL;
}

void
milter_replay_queue_trim (MilterReplayQueue *queue)
{
  if (queue->size == 0 && queue->capacity > KEEP_CAPACITY)
    milter_replay_queue_clear (queue);
}

void
milter_replay_queue_drop (MilterReplayQueue *queue, guint64 position)
{
  gsize n = (gsize) (position - queue->base);

  if (n == 0 || (n < queue->size / 2 && n < queue->capacity / 2))
    return;
  memmove (queue->data, queue->data + n, queue->size - n);
  queue->size -= n;
  queue->base = position;
  milter_replay_queue_trim (queue);
}
