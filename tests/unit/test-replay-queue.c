/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-replay-queue.c: events come out as they went in, and what is not needed goes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-replay-queue.h"

static void
push (MilterReplayQueue *queue, guint64 number, gsize size)
{
  g_autofree guint8 *bytes = g_malloc (size + 1);
  MilterReplayEvent event = { .kind = MILTER_REPLAY_RAW,
                              .from = MILTER_SIDE_MILTER,
                              .number = number,
                              .time_ns = -5,
                              .due_us = 7,
                              .bytes = milter_bytes (bytes, size) };

  memset (bytes, (int) number, size);
  milter_replay_queue_push (queue, &event);
}

static void
expect (const MilterReplayQueue *queue, guint64 *position, guint64 number, gsize size)
{
  MilterReplayEvent event;

  cr_assert (milter_replay_queue_next (queue, position, &event));
  cr_expect_eq (event.number, number);
  cr_expect_eq (event.kind, MILTER_REPLAY_RAW);
  cr_expect_eq (event.from, MILTER_SIDE_MILTER);
  cr_expect_eq (event.time_ns, -5);
  cr_expect_eq (event.due_us, 7);
  cr_assert_eq (event.bytes.size, size);
  for (gsize i = 0; i < size; i++)
    cr_assert_eq (event.bytes.data[i], (guint8) number);
}

Test (replay_queue, events_of_any_size_come_out_in_order)
{
  static const gsize sizes[] = { 0, 1, 7, 8, 9, 65541, 3 };
  MilterReplayQueue queue = { 0 };
  guint64 position = 0;
  MilterReplayEvent event;

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    push (&queue, i, sizes[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    expect (&queue, &position, i, sizes[i]);
  cr_expect_not (milter_replay_queue_next (&queue, &position, &event));
  cr_expect_eq (position, milter_replay_queue_end (&queue));
  milter_replay_queue_clear (&queue);
}

Test (replay_queue, positions_hold_when_earlier_events_are_dropped)
{
  MilterReplayQueue queue = { 0 };
  guint64 read = 0, dropped;

  for (guint64 n = 0; n < 1000; n++)
    {
      push (&queue, n, 100);
      if (n < 3)
        continue;
      dropped = read;
      expect (&queue, &read, n - 3, 100);
      milter_replay_queue_drop (&queue, dropped);
    }
  /* it has taken no more memory than a few events need */
  cr_expect_leq (queue.capacity, 8192u);
  milter_replay_queue_clear (&queue);
  cr_expect_eq (queue.capacity, 0u);
}

Test (replay_queue, a_large_piece_of_memory_is_given_back_when_all_is_dropped)
{
  MilterReplayQueue queue = { 0 };
  guint64 position;

  push (&queue, 1, 1000000);
  position = milter_replay_queue_end (&queue);
  milter_replay_queue_drop (&queue, position);
  cr_expect_eq (queue.capacity, 0u);
  push (&queue, 2, 10);
  expect (&queue, &position, 2, 10);
  milter_replay_queue_clear (&queue);
}

Test (replay_queue, an_event_comes_out_with_all_that_it_says)
{
  static const guint8 bytes[] = { 1, 2, 3 };
  static const MilterReplayEvent events[] = {
    { .kind = MILTER_REPLAY_FRAME, .from = MILTER_SIDE_MTA, .behind_hole = true, .number = 1,
      .bytes = { bytes, sizeof bytes } },
    { .kind = MILTER_REPLAY_HOLE, .from = MILTER_SIDE_MILTER, .letter = 'R', .hole = -1 },
    { .kind = MILTER_REPLAY_HOLE, .from = MILTER_SIDE_MTA, .hole = (gint64) 1 << 40 },
    { .kind = MILTER_REPLAY_END, .from = MILTER_SIDE_MTA, .reset = true },
  };
  MilterReplayQueue queue = { 0 };
  guint64 position = 0;
  MilterReplayEvent event;

  for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
    milter_replay_queue_push (&queue, &events[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
    {
      cr_assert (milter_replay_queue_next (&queue, &position, &event));
      cr_expect_eq (event.kind, events[i].kind);
      cr_expect_eq (event.from, events[i].from);
      cr_expect_eq (event.behind_hole, events[i].behind_hole);
      cr_expect_eq (event.reset, events[i].reset);
      cr_expect_eq (event.letter, events[i].letter);
      cr_expect_eq (event.hole, events[i].hole);
      cr_expect_eq (event.bytes.size, events[i].bytes.size);
      cr_expect (milter_bytes_equal (event.bytes, events[i].bytes));
    }
  milter_replay_queue_clear (&queue);
}
