/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-writes.c: how many bytes go into a write, and which lines act behind which byte.
 */
#include <criterion/criterion.h>

#include "milter-writes.h"

static MilterStep *
send_as (MilterSendAs way, guint64 number)
{
  MilterStep *step = milter_step_new (MILTER_STEP_KIND_SEND_AS);

  step->send_as = way;
  step->number = number;
  return step;
}

static MilterStep *
close_after (guint64 number)
{
  MilterStep *step = milter_step_new (MILTER_STEP_KIND_CLOSE);

  step->has_after = TRUE;
  step->number = number;
  return step;
}

Test (writes, pieces_are_as_large_as_the_line_says)
{
  static const struct
  {
    MilterSendAs way;
    guint64 number;
    gsize due, size;
  } rows[] = {
    { MILTER_SEND_AS_WHOLE, 0, 100, 100 },    { MILTER_SEND_AS_SPLIT, 7, 100, 7 },
    { MILTER_SEND_AS_SPLIT, 7, 5, 5 },        { MILTER_SEND_AS_SPLIT, 0, 5, 1 },
    { MILTER_SEND_AS_TOGETHER, 0, 100, 100 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterStep) step = send_as (rows[i].way, rows[i].number);
      MilterWrites writes = { 0 };

      milter_writes_set_send_as (&writes, step);
      cr_assert_eq (milter_writes_next_size (&writes, rows[i].due), rows[i].size, "row %zu", i);
    }
}

Test (writes, random_pieces_are_the_same_for_the_same_seed)
{
  g_autoptr (MilterStep) step = send_as (MILTER_SEND_AS_RANDOM, 7);
  MilterWrites one = { 0 }, other = { 0 };
  bool differ = false;
  gsize first = 0;

  milter_writes_set_send_as (&one, step);
  milter_writes_set_send_as (&other, step);
  for (guint i = 0; i < 50; i++)
    {
      gsize size = milter_writes_next_size (&one, 5000);

      cr_assert (size >= 1 && size <= 1024);
      cr_assert_eq (size, milter_writes_next_size (&other, 5000));
      first = i == 0 ? size : first;
      differ = differ || size != first;
    }
  cr_assert (differ);
}

Test (writes, a_line_acts_behind_its_byte)
{
  g_autoptr (MilterStep) late = close_after (6);
  g_autoptr (MilterStep) early = close_after (4);
  MilterWrites writes = { 0 };

  milter_writes_arm (&writes, late);
  milter_writes_arm (&writes, early);
  cr_assert_null (milter_writes_find_due (&writes));
  cr_assert_eq (milter_writes_next_size (&writes, 10), 4);
  milter_writes_count (&writes, 4);
  cr_assert_eq (milter_writes_next_size (&writes, 6), 0);
  cr_assert_eq (milter_writes_take (&writes, milter_writes_find_due (&writes)), early);
  cr_assert_null (milter_writes_find_due (&writes));
  cr_assert_eq (milter_writes_next_size (&writes, 6), 2);
  milter_writes_clear (&writes);
}
