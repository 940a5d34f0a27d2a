/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-writes.h: how bytes are cut into writes: `send-as`, and lines that act when so many bytes
 * have left (`after N bytes`).
 */
#pragma once

#include <stdbool.h>

#include "milter-scenario.h"

G_BEGIN_DECLS

/* a line that acts when so many bytes have left */
typedef struct
{
  const MilterStep *step; /* unowned */
  guint64 left;
} MilterArmed;

/* All zero is `send-as whole` and nothing armed. */
typedef struct
{
  MilterSendAs send_as;
  guint64 piece; /* SPLIT: its size; RANDOM: the state of the generator */
  GQueue armed;  /* of MilterArmed, in the order of their lines */
} MilterWrites;

void milter_writes_clear (MilterWrites *writes);
/* a line `send-as` */
void milter_writes_set_send_as (MilterWrites *writes, const MilterStep *step);
/* a line with `after N bytes`, N not 0 */
void milter_writes_arm (MilterWrites *writes, const MilterStep *step);
/* how many of @due bytes go into the next write; 0: a line has to act first */
gsize milter_writes_next_size (MilterWrites *writes, gsize due);
/* so many have left */
void milter_writes_count (MilterWrites *writes, gsize size);
/* (nullable) of writes->armed: the first line whose byte has left */
GList *milter_writes_find_due (const MilterWrites *writes);
/* the step of a link, which is taken off the list */
const MilterStep *milter_writes_take (MilterWrites *writes, GList *link);

G_END_DECLS
