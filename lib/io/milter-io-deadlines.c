/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-deadlines.c: a binary heap that learns of later times late.
 */
#include "milter-io-deadlines.h"

void
milter_io_deadlines_init (MilterIoDeadlines *deadlines)
{
  deadlines->heap = g_ptr_array_new ();
  g_ptr_array_add (deadlines->heap, NULL);
}

void
milter_io_deadlines_clear (MilterIoDeadlines *deadlines)
{
  g_clear_pointer (&deadlines->heap, g_ptr_array_unref);
}

static MilterIoDeadline *
at (const MilterIoDeadlines *deadlines, guint index)
{
  return g_ptr_array_index (deadlines->heap, index);
}

static void
place (MilterIoDeadlines *deadlines, guint index, MilterIoDeadline *deadline)
{
  g_ptr_array_index (deadlines->heap, index) = deadline;
  deadline->index = index;
}

static void
move_up (MilterIoDeadlines *deadlines, MilterIoDeadline *deadline)
{
  guint index = deadline->index;

  for (; index > 1 && deadline->key < at (deadlines, index / 2)->key; index /= 2)
    place (deadlines, index, at (deadlines, index / 2));
  place (deadlines, index, deadline);
}

static void
move_down (MilterIoDeadlines *deadlines, MilterIoDeadline *deadline)
{
  guint size = deadlines->heap->len;
  guint index = deadline->index;

  for (guint child = 2 * index; child < size; child = 2 * index)
    {
      if (child + 1 < size && at (deadlines, child + 1)->key < at (deadlines, child)->key)
        child++;
      if (deadline->key <= at (deadlines, child)->key)
        break;
      place (deadlines, index, at (deadlines, child));
      index = child;
    }
  place (deadlines, index, deadline);
}

void
milter_io_deadlines_set (MilterIoDeadlines *deadlines, MilterIoDeadline *deadline, gint64 time)
{
  deadline->time = time;
  if (time == 0)
    return;

  if (deadline->index == 0)
    {
      g_ptr_array_add (deadlines->heap, deadline);
      deadline->index = deadlines->heap->len - 1;
    }
  else if (time >= deadline->key)
    return;
  deadline->key = time;
  move_up (deadlines, deadline);
}

void
milter_io_deadlines_remove (MilterIoDeadlines *deadlines, MilterIoDeadline *deadline)
{
  guint index = deadline->index;
  if (index == 0)
    return;

  MilterIoDeadline *last = at (deadlines, deadlines->heap->len - 1);
  g_ptr_array_set_size (deadlines->heap, (int) deadlines->heap->len - 1);
  deadline->index = 0;
  if (last == deadline)
    return;
  place (deadlines, index, last);
  move_up (deadlines, last);
  move_down (deadlines, last);
}

gint64
milter_io_deadlines_next (const MilterIoDeadlines *deadlines)
{
  return deadlines->heap->len > 1 ? at (deadlines, 1)->key : 0;
}

MilterIoDeadline *
milter_io_deadlines_pop (MilterIoDeadlines *deadlines, gint64 now)
{
  while (deadlines->heap->len > 1 && at (deadlines, 1)->key <= now)
    {
      MilterIoDeadline *first = at (deadlines, 1);

      /* moved on or unset meanwhile */
      if (first->time > now)
        {
          first->key = first->time;
          move_down (deadlines, first);
          continue;
        }
      milter_io_deadlines_remove (deadlines, first);
      if (first->time != 0)
        return first;
    }
  return NULL;
}
