/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-deadlines.h: the points in time that a loop's connections wait for, in one heap.
 *
 * A connection moves its deadline on with every command and hardly ever reaches it. So moving it
 * on costs nothing: the heap keeps the older time, and learns the newer one when the older has
 * come. Unsetting is the same.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* part of what waits; zero-initialised */
typedef struct
{
  gpointer owner; /* unowned; who to tell */
  gint64 time;    /* monotonic microseconds; 0: none */
  gint64 key;     /* the time by which it stands in the heap: never later than @time */
  guint index;    /* its place in the heap, from 1 on; 0: not there */
  bool from_turn; /* it was set in this turn of the loop, counted from its beginning */
} MilterIoDeadline;

typedef struct
{
  GPtrArray *heap; /* MilterIoDeadline, unowned; the first place is not used */
} MilterIoDeadlines;

void milter_io_deadlines_init (MilterIoDeadlines *deadlines);
void milter_io_deadlines_clear (MilterIoDeadlines *deadlines);
void milter_io_deadlines_set (MilterIoDeadlines *deadlines,
                              MilterIoDeadline *deadline,
                              gint64 time);
/* The same for one that moves on, which nearly all do. FALSE: it is none. */
static inline bool
milter_io_deadline_move_on (MilterIoDeadline *deadline, gint64 time)
{
  if (deadline->index == 0 || time < deadline->key)
    return false;
  deadline->time = time;
  return true;
}
/* takes it out of the heap: it is about to be freed, or is kept aside */
void milter_io_deadlines_remove (MilterIoDeadlines *deadlines, MilterIoDeadline *deadline);
/* the time at which to ask next, not later than the earliest deadline; 0: there is none */
gint64 milter_io_deadlines_next (const MilterIoDeadlines *deadlines);
/* takes the earliest one that has passed out of the heap; its time stays. NULL: there is none */
MilterIoDeadline *milter_io_deadlines_pop (MilterIoDeadlines *deadlines, gint64 now);
