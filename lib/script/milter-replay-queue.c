/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replay-queue.c: events behind each other in one piece of memory.
 */
#include "milter-replay-queue.h"

#include <string.h>

/* the first piece; and one that is empty is given back if it grew beyond the second */
#define MIN_CAPACITY  ((gsize) 8192)
#define KEEP_CAPACITY ((gsize) 64 << 10)

static gsize
size_of (const MilterReplayEvent *event)
{
  gsize padded = (event->bytes.size + MILTER_REPLAY_ALIGNMENT - 1) / MILTER_REPLAY_ALIGNMENT
                 * MILTER_REPLAY_ALIGNMENT;

  return sizeof *event + padded;
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
  gsize size = queue->size + size_of (event);

  if (size > queue->capacity)
    {
      queue->capacity = MAX (MAX (size, queue->capacity * 2), MIN_CAPACITY);
      queue->data = g_realloc (queue->data, queue->capacity);
    }
  memcpy (queue->data + queue->size, event, sizeof *event);
  if (event->bytes.size > 0)
    memcpy (queue->data + queue->size + sizeof *event, event->bytes.data, event->bytes.size);
  queue->size = size;
}

bool
milter_replay_queue_next (const MilterReplayQueue *queue,
                          guint64 *position,
                          MilterReplayEvent *event)
{
  const MilterReplayEvent *next = milter_replay_queue_peek (queue, *position, position);

  if (next != NULL)
    *event = *next;
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
