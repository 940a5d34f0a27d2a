/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-writes.c: how bytes are cut into writes.
 */
#include "milter-writes.h"

#include "milter-generate.h"

/* pieces of `random` have 1 to so many bytes */
#define MAX_RANDOM_PIECE 1024u

void
milter_writes_clear (MilterWrites *writes)
{
  g_queue_clear_full (&writes->armed, g_free);
}

void
milter_writes_set_send_as (MilterWrites *writes, const MilterStep *step)
{
  writes->send_as = step->send_as;
  writes->piece = step->number;
}

void
milter_writes_arm (MilterWrites *writes, const MilterStep *step)
{
  MilterArmed *armed = g_new0 (MilterArmed, 1);

  armed->step = step;
  armed->left = step->number;
  g_queue_push_tail (&writes->armed, armed);
}

/* short pieces are more frequent: they cut a frame where it hurts */
static gsize
random_piece (guint64 *state)
{
  guint64 limit = MAX_RANDOM_PIECE >> (milter_random_next (state) % 10);

  return 1 + milter_random_next (state) % limit;
}

gsize
milter_writes_next_size (MilterWrites *writes, gsize due)
{
  gsize piece = writes->send_as == MILTER_SEND_AS_SPLIT    ? MAX (writes->piece, 1)
                : writes->send_as == MILTER_SEND_AS_RANDOM ? random_piece (&writes->piece)
                                                           : due;
  gsize size = MIN (due, piece);

  for (const GList *i = writes->armed.head; i != NULL; i = i->next)
    size = MIN (size, ((const MilterArmed *) i->data)->left);
  return size;
}

void
milter_writes_count (MilterWrites *writes, gsize size)
{
  for (GList *i = writes->armed.head; i != NULL; i = i->next)
    ((MilterArmed *) i->data)->left -= size;
}

GList *
milter_writes_find_due (const MilterWrites *writes)
{
  GList *link = writes->armed.head;

  while (link != NULL && ((const MilterArmed *) link->data)->left > 0)
    link = link->next;
  return link;
}

const MilterStep *
milter_writes_take (MilterWrites *writes, GList *link)
{
  MilterArmed *armed = link->data;
  const MilterStep *step = armed->step;

  g_queue_delete_link (&writes->armed, link);
  g_free (armed);
  return step;
}
