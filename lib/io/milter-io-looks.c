/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-looks.c: both ways of waiting in turn, and the choice between them.
 */
#include "milter-io-looks.h"

/* a peer that takes longer than this thinks; that says nothing about how it is awaited */
#define MAX_WAIT_US 1000

static void
enter (MilterIoLooks *looks, guint phase)
{
  looks->phase = phase;
  looks->n = 0;
  looks->spent_us = 0;
}

void
milter_io_looks_note (MilterIoLooks *looks, gint64 waited_us)
{
  looks->n++;
  looks->spent_us += MIN (waited_us, MAX_WAIT_US);
  if (looks->n
      < (looks->phase == MILTER_IO_LOOKS_CHOSEN ? MILTER_IO_LOOKS_KEEP : MILTER_IO_LOOKS_TRIAL))
    return;
  switch (looks->phase)
    {
    case MILTER_IO_LOOKS_LOOKING:
      looks->looking_us = looks->spent_us;
      enter (looks, MILTER_IO_LOOKS_SLEEPING);
      break;
    case MILTER_IO_LOOKS_SLEEPING:
      /* it costs a processor: it has to be worth something */
      looks->chosen = looks->looking_us + looks->looking_us / 16 < looks->spent_us;
      enter (looks, MILTER_IO_LOOKS_CHOSEN);
      break;
    case MILTER_IO_LOOKS_CHOSEN:
      enter (looks, MILTER_IO_LOOKS_LOOKING);
      break;
    }
}
