/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-deadlines.c: the heap of points in time.
 */
#include "milter-io-deadlines.h"

#include <criterion/criterion.h>

#define N 500

static MilterIoDeadlines deadlines;
static MilterIoDeadline all[N];

static void
setup (void)
{
  milter_io_deadlines_init (&deadlines);
}

static void
teardown (void)
{
  milter_io_deadlines_clear (&deadlines);
}

TestSuite (io_deadlines, .init = setup, .fini = teardown);

/* the same numbers each time */
static guint
some_number (void)
{
  static guint state = 12345;
  state = state * 1103515245u + 12345u;
  return state >> 8;
}

Test (io_deadlines, they_pass_in_order_of_time)
{
  gint64 last = 0;

  for (guint i = 0; i < N; i++)
    milter_io_deadlines_set (&deadlines, &all[i], 1 + some_number () % 1000);
  for (guint i = 0; i < N; i++)
    {
      MilterIoDeadline *first = milter_io_deadlines_pop (&deadlines, 1000);
      cr_assert (first != NULL);
      cr_assert (first->time >= last);
      cr_assert (first->index == 0);
      last = first->time;
    }
  cr_expect (milter_io_deadlines_pop (&deadlines, 1000) == NULL);
  cr_expect (milter_io_deadlines_next (&deadlines) == 0);
}

Test (io_deadlines, none_passes_early)
{
  milter_io_deadlines_set (&deadlines, &all[0], 100);
  cr_expect (milter_io_deadlines_next (&deadlines) == 100);
  cr_expect (milter_io_deadlines_pop (&deadlines, 99) == NULL);
  cr_expect (milter_io_deadlines_pop (&deadlines, 100) == &all[0]);
}

Test (io_deadlines, moving_one_holds_in_both_directions)
{
  milter_io_deadlines_set (&deadlines, &all[0], 100);
  milter_io_deadlines_set (&deadlines, &all[1], 200);
  milter_io_deadlines_set (&deadlines, &all[0], 300);
  cr_expect (milter_io_deadlines_pop (&deadlines, 250) == &all[1]);
  cr_expect (milter_io_deadlines_next (&deadlines) == 300);
  milter_io_deadlines_set (&deadlines, &all[0], 50);
  cr_expect (milter_io_deadlines_next (&deadlines) == 50);
  cr_expect (milter_io_deadlines_pop (&deadlines, 50) == &all[0]);
}

Test (io_deadlines, one_that_was_unset_never_passes)
{
  milter_io_deadlines_set (&deadlines, &all[0], 100);
  milter_io_deadlines_set (&deadlines, &all[0], 0);
  cr_expect (milter_io_deadlines_pop (&deadlines, 1000) == NULL);
  milter_io_deadlines_set (&deadlines, &all[0], 0);
  cr_expect (milter_io_deadlines_next (&deadlines) == 0);
}

Test (io_deadlines, it_agrees_with_a_list_under_any_changes)
{
  gint64 now = 0;

  for (guint round = 0; round < 20000; round++)
    {
      MilterIoDeadline *one = &all[some_number () % N];
      guint what = some_number () % 8;

      if (what == 0)
        {
          milter_io_deadlines_remove (&deadlines, one);
          one->time = 0;
        }
      else if (what == 1)
        {
          milter_io_deadlines_set (&deadlines, one, 0);
        }
      else
        {
          milter_io_deadlines_set (&deadlines, one, now + 1 + some_number () % 1000);
        }
      if (round % 5 > 0)
        continue;

      now += some_number () % 20;
      MilterIoDeadline *popped;
      while ((popped = milter_io_deadlines_pop (&deadlines, now)) != NULL)
        {
          cr_assert (popped->time != 0 && popped->time <= now);
          popped->time = 0;
        }
      for (guint i = 0; i < N; i++)
        cr_assert (all[i].time == 0 || all[i].time > now, "%u was forgotten", i);
    }
}
