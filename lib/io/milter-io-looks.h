/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-looks.h: whether it pays to look for an answer again and again before falling asleep.
 *
 * With a peer that answers at once it saves the time to be woken, which is more than half of all. A
 * peer of several threads, as libmilter is, wants the processor that we look from, and answers
 * later for it. Nobody can tell beforehand, so both are tried in turn, and the faster one is kept
 * for a while.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* so many answers are awaited in each of both ways … */
#define MILTER_IO_LOOKS_TRIAL 64
/* … and then so many in the better one */
#define MILTER_IO_LOOKS_KEEP 4096

/* zero-initialised */
typedef struct
{
  enum
  {
    MILTER_IO_LOOKS_LOOKING,
    MILTER_IO_LOOKS_SLEEPING,
    MILTER_IO_LOOKS_CHOSEN
  } phase;
  guint n;           /* answers of this phase */
  gint64 spent_us;   /* on awaiting them */
  gint64 looking_us; /* on those of the trial with looks */
  bool chosen;       /* to look */
} MilterIoLooks;

/* whether to look for the next answer */
static inline bool
milter_io_looks_now (const MilterIoLooks *looks)
{
  return looks->phase == MILTER_IO_LOOKS_LOOKING
         || (looks->phase == MILTER_IO_LOOKS_CHOSEN && looks->chosen);
}
/* it has come, or has not, after so long */
void milter_io_looks_note (MilterIoLooks *looks, gint64 waited_us);
