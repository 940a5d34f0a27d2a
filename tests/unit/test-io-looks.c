/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-looks.c: whether it pays to look for answers.
 */
#include "milter-io-looks.h"

#include <criterion/criterion.h>

/* @n answers of a peer that takes so long for each; returns for how many we looked */
static guint
await (MilterIoLooks *looks, guint n, gint64 looking_us, gint64 sleeping_us)
{
  guint n_looks = 0;

  for (guint i = 0; i < n; i++)
    {
      bool now = milter_io_looks_now (looks);

      n_looks += now;
      milter_io_looks_note (looks, now ? looking_us : sleeping_us);
    }
  return n_looks;
}

#define TRIAL MILTER_IO_LOOKS_TRIAL
#define KEEP  MILTER_IO_LOOKS_KEEP

Test (io_looks, both_ways_are_tried_first)
{
  MilterIoLooks looks = { 0 };

  cr_expect (await (&looks, TRIAL, 10, 20) == TRIAL);
  cr_expect (await (&looks, TRIAL, 10, 20) == 0);
}

Test (io_looks, the_faster_way_is_kept_for_a_while)
{
  static const struct
  {
    gint64 looking_us;
    gint64 sleeping_us;
    bool expected;
  } peers[] = {
    { 8, 20, true },                            /* answers at once */
    { 60, 40, false },                          /* wants our processor */
    { 30, 30, false },                          /* looking that does not pay costs a processor */
    { 30, 31, false }, { 40000, 90000, false }, /* thinks */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      MilterIoLooks looks = { 0 };

      await (&looks, 2 * TRIAL, peers[i].looking_us, peers[i].sleeping_us);
      cr_expect (await (&looks, KEEP, peers[i].looking_us, peers[i].sleeping_us)
                     == (peers[i].expected ? KEEP : 0),
                 "peer %zu",
                 i);
    }
}

Test (io_looks, a_peer_that_changes_is_noticed)
{
  MilterIoLooks looks = { 0 };

  await (&looks, 2 * TRIAL + KEEP, 8, 20);
  cr_expect (await (&looks, 2 * TRIAL, 60, 40) == TRIAL);
  cr_expect (await (&looks, KEEP, 60, 40) == 0);
}

Test (io_looks, a_pause_of_the_peer_does_not_decide)
{
  MilterIoLooks looks = { 0 };

  await (&looks, TRIAL - 1, 8, 20);
  /* a second in one answer of each way, or of one */
  await (&looks, 1, 1000000, 20);
  await (&looks, TRIAL, 8, 40);
  cr_expect (milter_io_looks_now (&looks));
}
