/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replay-queue.h: what was recorded of a connection, in order, from what is still needed on.
 *
 * One piece of memory for all of it, which is used again as it empties: a connection takes what its
 * longest message does, however long it lasts.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterReplayKind:
 * @MILTER_REPLAY_FRAME: a whole frame, with its length field
 * @MILTER_REPLAY_RAW: bytes that are no whole frame
 * @MILTER_REPLAY_HOLE: bytes are missing in the recording
 * @MILTER_REPLAY_END: the side has closed the connection, or reset it
 */
typedef enum
{
  MILTER_REPLAY_FRAME,
  MILTER_REPLAY_RAW,
  MILTER_REPLAY_HOLE,
  MILTER_REPLAY_END
} MilterReplayKind;

/* something that happened on a connection, as a sink of recordings is told of it */
typedef struct
{
  MilterReplayKind kind;
  MilterSide from;
  bool behind_hole;  /* FRAME */
  bool reset;        /* END */
  guint8 letter;     /* HOLE: of the damaged frame; 0: not known */
  gint64 hole;       /* HOLE: so many bytes, as the sink was told */
  guint64 number;    /* of the packet; 0: of none */
  gint64 time_ns;    /* when it happened */
  gint64 due_us;     /* when it shall happen again, by the player's clock; 0: as soon as it can */
  MilterBytes bytes; /* FRAME, RAW */
} MilterReplayEvent;

/* One as it stands in a queue, in half of the memory: that of many connections is not near the processor.
 * Its bytes, or how large the hole is, follow. */
typedef struct
{
  guint8 kind, from;
  bool behind_hole, reset;
  guint8 letter;
  guint32 size; /* of what follows */
  guint64 number;
  gint64 time_ns, due_us;
} MilterReplayItem;

typedef struct
{
  guint8 *data; /* (nullable) */
  gsize size, capacity;
  guint64 base; /* the position of the first byte: positions only grow */
} MilterReplayQueue;

void milter_replay_queue_clear (MilterReplayQueue *queue);
/* copies the bytes */
void milter_replay_queue_push (MilterReplayQueue *queue, const MilterReplayEvent *event);
/* where the next event will stand */
static inline guint64
milter_replay_queue_end (const MilterReplayQueue *queue)
{
  return queue->base + queue->size;
}
/* events stand at multiples of this */
#define MILTER_REPLAY_ALIGNMENT sizeof (gint64)

/* The event at this position, and where the next one stands; NULL: there is none yet. A view, until
 * the queue is changed. */
static inline const MilterReplayItem *
milter_replay_queue_peek (const MilterReplayQueue *queue, guint64 position, guint64 *behind)
{
  gsize at = (gsize) (position - queue->base);
  const MilterReplayItem *item;

  if (at >= queue->size)
    return NULL;
  item = (const MilterReplayItem *) (gconstpointer) (queue->data + at);
  *behind = position + sizeof *item
            + (item->size + MILTER_REPLAY_ALIGNMENT - 1) / MILTER_REPLAY_ALIGNMENT
                  * MILTER_REPLAY_ALIGNMENT;
  return item;
}
/* of FRAME and RAW */
static inline MilterBytes
milter_replay_item_bytes (const MilterReplayItem *item)
{
  return milter_bytes ((const guint8 *) (item + 1), item->size);
}
/* … as it was told */
MilterReplayEvent milter_replay_item_to_event (const MilterReplayItem *item);
/* The same as milter_replay_queue_peek(): the event at this position, which moves on behind it; false:
 * there is none yet. A view, until the queue is changed. */
bool milter_replay_queue_next (const MilterReplayQueue *queue,
                               guint64 *position,
                               MilterReplayEvent *event);
/* gives back what an empty one has too much of */
void milter_replay_queue_trim (MilterReplayQueue *queue);
/* what stands before this position is not needed any more */
void milter_replay_queue_drop (MilterReplayQueue *queue, guint64 position);

G_END_DECLS
