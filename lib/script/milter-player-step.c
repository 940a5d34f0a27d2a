/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-step.c: lines from the source, also those that are looked at before their turn.
 */
#include "milter-player-private.h"

/* NULL: there is none, or the source is damaged: that is told when it is its turn */
static const MilterStep *
pull (MilterPlayer *player)
{
  const MilterStep *step = NULL;

  if (player->source_over
      || player->source.klass->next (player->source.source, &step, &player->source_error))
    return step;
  player->source_over = true;
  return NULL;
}

bool
milter_player_take_step (MilterPlayer *player, const MilterStep **step, GError **error)
{
  MilterPlayer *star = player->star;

  if (star != NULL)
    {
      if (player->cue == NULL && milter_player_peek_step (star) != NULL)
        player->cue = star->steps.tail;
      if (player->cue == NULL)
        return false;
      *step = player->cue->data;
      player->cue = player->cue->next;
      return true;
    }
  *step = g_queue_pop_head (&player->steps);
  if (*step == NULL)
    *step = pull (player);
  if (*step == NULL && player->source_error != NULL)
    g_propagate_error (error, g_steal_pointer (&player->source_error));
  return *step != NULL;
}

const MilterStep *
milter_player_peek_step (MilterPlayer *player)
{
  const MilterStep *step = pull (player);

  if (step != NULL)
    g_queue_push_tail (&player->steps, (gpointer) step);
  return step;
}

void
milter_player_release_step (MilterPlayer *player, const MilterStep *step)
{
  if (step != NULL && player->star == NULL && player->source.klass->release != NULL)
    player->source.klass->release (player->source.source, step);
}
