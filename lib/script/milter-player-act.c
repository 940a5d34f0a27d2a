/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-act.c: lines that do something to the connection, or wait: stall, close, reset,
 * half-close, barrier; and `lost`, where a recording has a gap.
 *
 * What they do is done to all milters of a chain; `after N bytes` counts what goes to any of them.
 */
#include "milter-player-private.h"

#include <string.h>

/* (nullable) why nothing can be read behind such a line */
static const char *
reads_nothing (const MilterStep *step)
{
  if (step->kind == MILTER_STEP_KIND_RESET)
    return "nothing can be read after reset";
  if (step->kind == MILTER_STEP_KIND_STALL && step->reading)
    return "nothing is read meanwhile; what comes then stands below the next command";
  return NULL;
}

static bool
has_reply_lines (const MilterStep *step)
{
  for (guint i = 0; i < step->expectations->len; i++)
    if (milter_expectation_is_reply (g_ptr_array_index (step->expectations, i)))
      return true;
  return false;
}

static bool
ends_sending (const MilterStep *step)
{
  return step->kind == MILTER_STEP_KIND_CLOSE || step->kind == MILTER_STEP_KIND_RESET
         || step->kind == MILTER_STEP_KIND_HALF_CLOSE;
}

char *
milter_player_describe_cut (const MilterPlayer *player)
{
  static const struct
  {
    MilterStepKind kind;
    const char *text;
  } words[] = {
    { MILTER_STEP_KIND_CLOSE, "close" },
    { MILTER_STEP_KIND_RESET, "reset" },
    { MILTER_STEP_KIND_HALF_CLOSE, "half-close" },
  };
  const char *text = "";

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (words[i].kind == player->cut->kind)
      text = words[i].text;
  return g_strdup_printf ("nothing is sent after %s, line %u", text, player->cut->where.line);
}

/* --- what such a line does -------------------------------------------------------------------- */

/* what a milter does then, and how late, is not held against it */
static void
excuse_milters (MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    milter_player_provoke (player, i);
}

/* @at_byte: what is not out yet never leaves; else it leaves first */
static void
cut_sending (MilterPlayer *player, const MilterStep *step, bool at_byte)
{
  MilterPlayerActionKind todo = step->kind == MILTER_STEP_KIND_RESET ? MILTER_PLAYER_RESET
                                : step->kind == MILTER_STEP_KIND_CLOSE && !has_reply_lines (step)
                                    ? MILTER_PLAYER_CLOSE
                                    : MILTER_PLAYER_HALF_CLOSE;

  if (player->cut != NULL)
    return;
  player->cut = step;
  excuse_milters (player);
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (at_byte)
        milter_player_drop_output (peer);
      if (peer->opened && !peer->ended && !peer->let_go)
        peer->todo = todo;
    }
}

static void
do_act (MilterPlayer *player, const MilterStep *step)
{
  player->turn.act_us = player->now_us;
  if (step->kind == MILTER_STEP_KIND_STALL)
    excuse_milters (player);
  for (guint i = 0; ends_sending (step) && i < player->config.n_peers; i++)
    player->peers[i].sent_us = player->now_us;
  if (step->kind == MILTER_STEP_KIND_BARRIER)
    {
      gsize size;
      const char *name = g_bytes_get_data (g_ptr_array_index (step->arguments, 0), &size);

      g_free (player->barrier);
      player->barrier = g_strndup (name, size);
      player->barrier_told = false;
    }
  else if (step->kind == MILTER_STEP_KIND_STALL && step->reading)
    player->read_stall_us = step->duration_us;
  else if (ends_sending (step))
    cut_sending (player, step, /* at_byte= */ false);
}

/* --- as a line of its own --------------------------------------------------------------------- */

void
milter_player_plan_act (MilterPlayer *player, const MilterStep *step)
{
  player->turn.act = step->kind == MILTER_STEP_KIND_BARRIER ? MILTER_ACT_DO : MILTER_ACT_OPEN;
  if (!step->has_after || step->number == 0)
    return;
  milter_writes_arm (&player->writes, step);
  player->turn.kept = true;
  player->turn.act = MILTER_ACT_DONE;
}

/* a connection is made if there never was one: it can only be closed then */
static bool
open_peers (MilterPlayer *player)
{
  for (guint i = 0; player->cut == NULL && i < player->config.n_peers; i++)
    {
      const MilterPeer *peer = &player->peers[i];

      if (peer->opened || peer->ended)
        continue;
      milter_player_begin_wait (player, MILTER_WAIT_OPEN, i, 0, /* due= */ false, NULL);
      return true;
    }
  return false;
}

/* the line is asked about all peers that are there */
static void
mark_sent (MilterPlayer *player)
{
  MilterTurn *turn = &player->turn;

  for (guint i = 0; i < player->config.n_peers; i++)
    if (player->peers[i].opened && !player->peers[i].let_go)
      {
        turn->sent = true;
        turn->sent_to[i] = true;
      }
  if (!turn->sent && player->cut != NULL && player->cut != turn->step)
    turn->left_out = milter_player_describe_cut (player);
  if (reads_nothing (turn->step) != NULL)
    {
      turn->sent = false;
      if (turn->left_out == NULL)
        turn->left_out = g_strdup (reads_nothing (turn->step));
    }
}

/* what came before a line that reads nothing any more would never be told; and a milter that has
 * gone by itself has not been left */
static bool
settle (MilterPlayer *player, const MilterStep *step)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      const MilterPeer *peer = &player->peers[i];
      bool over = player->connection_over.set || peer->connection_over.set;

      if (milter_player_settle_ahead (player, i))
        return false;
      if (has_reply_lines (step) || !ends_sending (step))
        continue;
      if (peer->strays->len > 0)
        milter_player_judge_stray (player, i);
      else if (peer->ended && !peer->expected_end && !peer->quit && !peer->unjudged && !over
               && step->kind != MILTER_STEP_KIND_HALF_CLOSE)
        milter_player_judge_end (player, i);
      if (player->phase >= MILTER_PHASE_CLOSING)
        return false;
    }
  return true;
}

static bool
wait_for_others (MilterPlayer *player)
{
  milter_player_begin_wait (player, MILTER_WAIT_BARRIER, 0, 0, /* due= */ false, NULL);
  player->turn.act = MILTER_ACT_DONE;
  return true;
}

/* the rest of the time, whatever came in it */
static bool
stall_on (MilterPlayer *player, const MilterStep *step)
{
  player->turn.act = MILTER_ACT_DONE;
  if (step->reading)
    return false;
  milter_player_begin_wait (player, MILTER_WAIT_STALL, 0, 0, /* due= */ false, NULL);
  player->wait.deadline_us = player->turn.act_us + step->duration_us;
  return true;
}

bool
milter_player_continue_act (MilterPlayer *player)
{
  MilterTurn *turn = &player->turn;
  const MilterStep *step = turn->step;

  if (turn->act == MILTER_ACT_OPEN)
    {
      if (open_peers (player))
        return true;
      turn->act = MILTER_ACT_DO;
    }
  if (turn->act == MILTER_ACT_DO)
    {
      if (!settle (player, step))
        return true;
      mark_sent (player);
      do_act (player, step);
      turn->kept = turn->kept || player->cut == step;
      turn->act = MILTER_ACT_WAIT;
    }
  if (turn->act == MILTER_ACT_DONE)
    return false;
  if (step->kind == MILTER_STEP_KIND_BARRIER)
    return wait_for_others (player);
  if (reads_nothing (step) == NULL && milter_player_continue_turn (player))
    return true;
  if (step->kind == MILTER_STEP_KIND_STALL && player->phase < MILTER_PHASE_CLOSING)
    return stall_on (player, step);
  turn->act = MILTER_ACT_DONE;
  return false;
}

/* --- in the middle of others ------------------------------------------------------------------ */

/* the line whose bytes were cut off comes to nothing */
static void
abandon_turn (MilterPlayer *player)
{
  milter_player_clear_units (&player->units);
  milter_player_clear_units (&player->after);
  player->turn.cut = player->turn.open;
  player->wait.kind = MILTER_WAIT_NOTHING;
}

/* a command that is out as a whole can still be answered if reading goes on */
static bool
is_cut_short (const MilterPlayer *player, const MilterStep *step)
{
  if (step->kind != MILTER_STEP_KIND_HALF_CLOSE)
    return true;
  for (guint i = 0; i < player->config.n_peers; i++)
    if (milter_player_has_output (player, i))
      return true;
  return false;
}

static void
begin_act (MilterPlayer *player, const MilterStep *step)
{
  milter_turn_begin (player, step);
  player->turn.act = MILTER_ACT_WAIT;
  player->turn.act_us = player->now_us;
  player->turn.kept = player->cut == step;
  mark_sent (player);
}

static void
fire_stall (MilterPlayer *player, const MilterStep *step)
{
  excuse_milters (player);
  if (step->reading)
    {
      player->read_stall_us = step->duration_us;
      player->read_stall_due = true;
      milter_player_release_step (player, step);
      return;
    }
  player->hold_until_us = player->now_us + step->duration_us;
  if (step->expectations->len == 0 || player->suspended || !player->turn.open)
    {
      milter_player_release_step (player, step);
      return;
    }
  player->suspended = true;
  player->other_turn = player->turn;
  player->other_wait = player->wait;
  player->wait.kind = MILTER_WAIT_NOTHING;
  memset (&player->turn, 0, sizeof player->turn);
  begin_act (player, step);
}

/* (nullable) a line whose byte has left; several at one byte follow each other, so that one behind a
 * stall waits until that is over, and nothing follows an end */
static GList *
find_due (const MilterPlayer *player)
{
  return player->cut == NULL ? milter_writes_find_due (&player->writes) : NULL;
}

gint64
milter_player_armed_deadline (const MilterPlayer *player)
{
  return player->suspended || find_due (player) == NULL ? G_MAXINT64 : player->hold_until_us;
}

void
milter_player_fire (MilterPlayer *player)
{
  GList *link;

  while (player->phase < MILTER_PHASE_CLOSING && !player->suspended
         && player->now_us >= player->hold_until_us && (link = find_due (player)) != NULL)
    {
      const MilterStep *step = milter_writes_take (&player->writes, link);

      if (ends_sending (step))
        {
          if (is_cut_short (player, step))
            abandon_turn (player);
          cut_sending (player, step, /* at_byte= */ true);
          player->act_next = step;
        }
      else
        fire_stall (player, step);
    }
}

bool
milter_player_begin_act_next (MilterPlayer *player)
{
  const MilterStep *step = player->act_next;

  if (step == NULL)
    return false;
  player->act_next = NULL;
  begin_act (player, step);
  return true;
}

/* what goes on when the stall in the middle of it is over; nothing does if the milter went */
void
milter_player_resume_turn (MilterPlayer *player)
{
  bool gone = false;

  player->suspended = false;
  player->turn = player->other_turn;
  player->wait = player->other_wait;
  memset (&player->other_turn, 0, sizeof player->other_turn);
  for (guint i = 0; i < player->config.n_peers; i++)
    gone = gone || (player->peers[i].ended && player->peers[i].expected_end);
  if (gone)
    abandon_turn (player);
  else
    milter_player_restart_wait (player);
  milter_player_fire (player);
}

/* whether bytes that were not waited for have not even left */
static bool
is_output_left (const MilterPlayer *player)
{
  for (guint i = 0; player->cut == NULL && i < player->config.n_peers; i++)
    if (milter_player_has_output (player, i) && player->peers[i].opened && !player->peers[i].ended)
      return true;
  return false;
}

/* behind the last line there may be one whose byte is still to leave, or that waits for the end of
 * a stall */
bool
milter_player_wait_for_armed (MilterPlayer *player)
{
  bool due = find_due (player) != NULL;

  if (g_queue_is_empty (&player->writes.armed) || (!due && !is_output_left (player)))
    return false;
  if (due && player->now_us >= player->hold_until_us)
    {
      milter_player_fire (player);
      return true;
    }
  milter_player_begin_wait (player, MILTER_WAIT_STALL, 0, 0, /* due= */ false, NULL);
  player->wait.deadline_us = MAX (player->hold_until_us, player->now_us + 1);
  return true;
}

void
milter_player_judge_armed (MilterPlayer *player)
{
  MilterArmed *armed;

  while ((armed = g_queue_pop_head (&player->writes.armed)) != NULL)
    {
      const MilterStep *step = armed->step;

      milter_turn_begin (player, step);
      milter_player_fail (
          player,
          MILTER_OUTCOME_FAILED,
          &step->where,
          g_strdup (milter_player_turn_text (player)),
          g_strdup_printf ("%" G_GUINT64_FORMAT " bytes sent by the lines below it", step->number),
          armed->left == 0
              ? milter_player_describe_cut (player)
              : g_strdup_printf ("not reached: %" G_GUINT64_FORMAT " bytes were sent",
                                 step->number - armed->left));
      milter_turn_end (player);
      g_free (armed);
    }
}

/* --- a gap in a recording --------------------------------------------------------------------- */

void
milter_player_begin_lost (MilterPlayer *player, const MilterStep *step)
{
  player->fills_in = player->lost = true;
  player->lost_line = step->where.line;
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      const MilterPeer *peer = &player->peers[i];

      /* what the milter has seen of the message does not go on */
      if (peer->in_message && !peer->ended)
        milter_player_plan_letters (player, &player->units, "A", (int) i);
    }
}
