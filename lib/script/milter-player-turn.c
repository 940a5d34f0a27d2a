/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-turn.c: a line, unit by unit and peer by peer, to its end; then the next one.
 */
#include "milter-player-private.h"

#include <string.h>

void
milter_player_finish_unit (MilterPlayer *player, bool refused)
{
  MilterUnit *unit = milter_player_pop_unit (&player->units);

  milter_player_end_unit (player, unit, refused);
  milter_unit_free (unit);
}

/* on to the next of the chain */
void
milter_player_next_peer (MilterPlayer *player, MilterUnit *unit)
{
  unit->cursor++;
  if (unit->peer >= 0 || unit->cursor >= player->config.n_peers)
    milter_player_finish_unit (player, /* refused= */ false);
}

static guint
unit_peer (const MilterUnit *unit)
{
  return unit->peer >= 0 ? (guint) unit->peer : unit->cursor;
}

static void
send_macros_alone (MilterPlayer *player, const MilterUnit *unit)
{
  guint peer = unit_peer (unit);
  g_autofree MilterAhead *ahead
      = player->star == NULL ? milter_player_take_ahead (player, peer, unit) : NULL;

  if (ahead != NULL)
    return;
  milter_player_send_macros (player, peer, unit->letter);
  if (player->star != NULL)
    milter_player_note_ahead (player, peer, unit);
}

/* macros travel also in front of a command that the milter does not want, outside the content
 * (milter-protocol 2.1), though not if its version does not know the command */
static void
leave_out (MilterPlayer *player, MilterUnit *unit, MilterLeaveOut kind, char *why)
{
  MilterTurn *turn = &player->turn;

  if (kind == MILTER_LEAVE_NEGOTIATED && strchr ("CHMRTU", unit->letter) != NULL
      && milter_spec_get (MILTER_SIDE_MTA, unit->letter)->since
             <= player->peers[unit_peer (unit)].session.agreed.version)
    send_macros_alone (player, unit);
  if (kind == MILTER_LEAVE_CUT && turn->sent)
    turn->cut = true;
  if (unit->own && turn->left_out == NULL)
    {
      turn->left_out = why;
      turn->gone = kind == MILTER_LEAVE_GONE;
    }
  else
    g_free (why);
  milter_player_next_peer (player, unit);
}

/* frames that the protocol would answer are waited for before the next judged command, so that
 * their answers are not taken for its own */
static void
expect_verbatim (MilterPlayer *player, const MilterUnit *unit)
{
  MilterPeer *peer = &player->peers[unit_peer (unit)];
  MilterMessage message;
  gsize size;
  const guint8 *data = g_bytes_get_data (unit->payload, &size);
  bool due = false;

  if (unit->letter != 0)
    {
      milter_message_parse (MILTER_SIDE_MTA, unit->letter, milter_bytes (data, size), &message);
      due = message.fault == MILTER_NO_FAULT
            && milter_session_may_command (&peer->session, unit->letter, NULL)
            && milter_session_is_answered (&peer->session, unit->letter);
    }
  player->turn.due = due;
  peer->unjudged = milter_player_n_reply_lines (player, unit_peer (unit)) == 0;
  peer->unjudged_due = due ? peer->unjudged_due + 1 : 0;
  peer->unjudged_line = player->turn.where.line;
}

static void
send_verbatim (MilterPlayer *player, MilterUnit *unit)
{
  expect_verbatim (player, unit);
  milter_player_send (player, unit_peer (unit), unit);
}

/* what a unit is to the line and the connection once it has left */
static void
mark_sent (MilterPlayer *player, const MilterUnit *unit)
{
  guint index = unit_peer (unit);
  MilterPeer *peer = &player->peers[index];

  if (unit->own)
    {
      player->turn.sent = true;
      player->turn.sent_to[index] = true;
    }
  if (unit->letter != 0 && unit->letter != MILTER_COMMAND_DEFINE_MACRO)
    {
      peer->last_command = unit->letter;
      peer->renewed |= unit->letter == MILTER_COMMAND_QUIT_NC;
      /* Postfix skips a command until there was another one; ABORT is none */
      if (unit->letter != peer->skipped.command && strchr ("AQ", unit->letter) == NULL)
        memset (&peer->skipped, 0, sizeof peer->skipped);
    }
  if (unit->letter == MILTER_COMMAND_QUIT && !unit->verbatim)
    {
      peer->quit = true;
      peer->end_line = player->turn.where.line;
    }
}

static void
wait_for_answer (MilterPlayer *player, MilterUnit *unit, bool answered)
{
  guint index = unit_peer (unit);
  const MilterExpectation *line = NULL;

  if (!answered)
    {
      milter_player_next_peer (player, unit);
      return;
    }
  if (unit->own && (player->turn.letter == unit->letter || player->turn.letter == 0))
    line = milter_player_reply_line (player, index, 0);
  milter_player_begin_wait (player, MILTER_WAIT_ANSWER, index, unit->letter, /* due= */ true, line);
}

/* an understudy: it leaves, for whom it is found out, and all answers are `continue` */
static void
rehearse_unit (MilterPlayer *player, MilterUnit *unit)
{
  guint index = unit_peer (unit);

  if (milter_player_ahead_ends_at_unit (player, index, unit))
    {
      player->cue_over = true;
      return;
    }
  mark_sent (player, unit);
  milter_player_send (player, index, unit);
  milter_player_note_ahead (player, index, unit);
  milter_player_next_peer (player, unit);
}

static void
send_unit (MilterPlayer *player, MilterUnit *unit)
{
  guint index = unit_peer (unit);

  if (unit->own && player->read_stall_us > 0)
    player->read_stall_due = true;
  if (unit->verbatim)
    {
      mark_sent (player, unit);
      send_verbatim (player, unit);
      milter_player_next_peer (player, unit);
      return;
    }
  milter_player_send (player, index, unit);
  mark_sent (player, unit);
  wait_for_answer (
      player, unit, milter_session_is_answered (&player->peers[index].session, unit->letter));
}

/* it has left already; TRUE */
static bool
play_ahead (MilterPlayer *player, MilterUnit *unit)
{
  g_autofree MilterAhead *ahead = milter_player_take_ahead (player, unit_peer (unit), unit);

  if (ahead == NULL)
    return false;
  mark_sent (player, unit);
  if (unit->verbatim)
    {
      expect_verbatim (player, unit);
      milter_player_next_peer (player, unit);
    }
  else
    wait_for_answer (player, unit, ahead->answered);
  return true;
}

/* whether what comes next is judged, so that what came before has to be told apart from it */
static bool
settle_peer (MilterPlayer *player, guint index, const MilterUnit *unit)
{
  MilterPeer *peer = &player->peers[index];

  if (milter_player_settle_ahead (player, index))
    return false;
  if (peer->unjudged && !unit->verbatim && !unit->always && !peer->ended)
    {
      milter_player_begin_wait (player, MILTER_WAIT_QUIET, index, 0, /* due= */ false, NULL);
      return false;
    }
  if (peer->strays->len > 0)
    {
      milter_player_judge_stray (player, index);
      return false;
    }
  if (peer->ended && !peer->expected_end && !peer->quit)
    {
      milter_player_judge_end (player, index);
      return false;
    }
  return true;
}

static void
play_unit (MilterPlayer *player, MilterUnit *unit)
{
  guint index;
  MilterPeer *peer;
  MilterLeaveOut kind;
  char *why = NULL;

  if (!unit->begun)
    milter_player_begin_unit (player, unit);
  index = unit_peer (unit);
  peer = &player->peers[index];
  kind = milter_player_leave_out (player, index, unit, &why);
  if (kind == MILTER_LEAVE_DECIDED || kind == MILTER_LEAVE_GONE || kind == MILTER_LEAVE_CUT)
    {
      leave_out (player, unit, kind, why);
      return;
    }
  if (!peer->opened)
    {
      g_free (why);
      milter_player_begin_wait (player, MILTER_WAIT_OPEN, index, 0, /* due= */ false, NULL);
      return;
    }
  if (player->star != NULL && kind == MILTER_SEND)
    rehearse_unit (player, unit);
  else if (player->star != NULL)
    leave_out (player, unit, kind, why);
  else if (kind == MILTER_SEND && play_ahead (player, unit))
    return;
  else if (kind != MILTER_SEND && milter_player_is_ahead (peer))
    leave_out (player, unit, kind, why);
  else if (!settle_peer (player, index, unit))
    g_free (why);
  else if (kind != MILTER_SEND)
    leave_out (player, unit, kind, why);
  else
    {
      milter_player_send_ahead (player, unit);
      if (!play_ahead (player, unit))
        send_unit (player, unit);
    }
}

/* answers that were waited for behind the units */
static guint
count_records (const MilterPlayer *player, guint peer)
{
  guint n_units = 0, n_extra = 0;

  for (guint i = 0; i < player->turn.records->len; i++)
    {
      const MilterRecord *record = g_ptr_array_index (player->turn.records, i);

      if (record->peer != peer)
        continue;
      n_extra += record->extra;
      n_units += !record->extra;
    }
  /* several frames of one line have one answer that counts */
  return n_extra + (n_units > 0);
}

/* in a chain a line without a name speaks of the milter that decided, which was asked last; if none
 * answered, of the first that was asked */
static guint
deciding_peer (const MilterPlayer *player)
{
  const GPtrArray *records = player->turn.records;
  guint first = 0;

  if (records->len > 0)
    return ((const MilterRecord *) g_ptr_array_index (records, records->len - 1))->peer;
  while (first + 1 < player->config.n_peers && !player->turn.sent_to[first])
    first++;
  return first;
}

bool
milter_turn_is_for_each (const MilterTurn *turn)
{
  return turn->step == NULL || turn->act != MILTER_ACT_NONE
         || (turn->letter != 0 && strchr ("OAQKD", turn->letter) != NULL);
}

/* a milter that is told nothing more hangs up, as after QUIT */
static bool
asks_for_end (const MilterTurn *turn)
{
  return (turn->letter == MILTER_COMMAND_QUIT && !turn->verbatim)
         || (turn->act != MILTER_ACT_NONE && turn->step->kind == MILTER_STEP_KIND_HALF_CLOSE);
}

/* Postfix closes behind QUIT without a look at what comes: what the milter says stands below that line */
static bool
leaves_at_once (MilterPlayer *player)
{
  const MilterStep *next;

  if (player->turn.letter != MILTER_COMMAND_QUIT || player->star != NULL)
    return false;
  next = g_queue_is_empty (&player->steps) ? milter_player_peek_step (player)
                                           : g_queue_peek_head (&player->steps);
  return next != NULL && next->kind == MILTER_STEP_KIND_HALF_CLOSE && !next->has_after;
}

static bool
wants_more (MilterPlayer *player, guint peer)
{
  const MilterTurn *turn = &player->turn;
  const MilterExpectation *line = milter_player_reply_line (player, peer, 0);
  bool each = milter_turn_is_for_each (turn);

  if (!turn->sent_to[peer] || turn->watched[peer])
    return false;
  /* something ended it already */
  for (guint i = 0; i < turn->records->len; i++)
    if (((const MilterRecord *) g_ptr_array_index (turn->records, i))->kind
        != MILTER_RECORD_MESSAGE)
      if (((const MilterRecord *) g_ptr_array_index (turn->records, i))->peer == peer)
        return false;
  if (line == NULL)
    return asks_for_end (turn) && !leaves_at_once (player);
  if (line->from == NULL && !each && peer != deciding_peer (player))
    return false;
  return milter_player_n_reply_lines (player, peer) > count_records (player, peer);
}

static void
wait_for_more (MilterPlayer *player, guint peer)
{
  MilterPeer *from = &player->peers[peer];
  MilterTurn *turn = &player->turn;
  guint8 command = turn->letter != 0 ? turn->letter : from->last_command;
  guint n = count_records (player, peer);

  /* the end of the connection answers no command */
  if (asks_for_end (turn) && turn->letter == 0)
    command = 0;
  milter_player_begin_wait (player,
                            MILTER_WAIT_MORE,
                            peer,
                            command,
                            turn->verbatim && turn->due && n == 0,
                            milter_player_reply_line (player, peer, n));
}

/* a line that sends nothing, and says that nothing comes */
static bool
expects_quiet (const MilterPlayer *player)
{
  const MilterTurn *turn = &player->turn;
  const GPtrArray *lines = milter_player_turn_lines (player);
  bool any = false;

  if (turn->sent || turn->left_out != NULL || turn->missing || turn->act != MILTER_ACT_NONE)
    return false;
  for (guint i = 0; lines != NULL && i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);

      if (!milter_expectation_is_reply (line) || line->answers->len != 1
          || !milter_expectation_has (line, MILTER_ANSWER_KIND_NONE))
        return false;
      any = true;
    }
  return any;
}

bool
milter_player_continue_turn (MilterPlayer *player)
{
  if (expects_quiet (player))
    for (guint i = 0; i < player->config.n_peers; i++)
      if (player->peers[i].opened)
        player->turn.sent = player->turn.sent_to[i] = true;
  for (guint i = 0; player->turn.step != NULL && !player->turn.cut && i < player->config.n_peers; i++)
    if (wants_more (player, i))
      {
        wait_for_more (player, i);
        return true;
      }
  return false;
}

/* the end of the session: the milter closes after QUIT; where nothing was said, nothing may come */
static bool
continue_leaving (MilterPlayer *player)
{
  if (player->cut != NULL)
    return false;
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (milter_player_settle_ahead (player, i))
        return true;
      if (player->opens_at_end && !peer->asked)
        {
          milter_player_begin_wait (player, MILTER_WAIT_OPEN, i, 0, /* due= */ false, NULL);
          return true;
        }
      if (!peer->opened || player->turn.watched[i])
        continue;
      if (peer->quit && !peer->expected_end)
        {
          milter_player_begin_wait (
              player, MILTER_WAIT_MORE, i, MILTER_COMMAND_QUIT, /* due= */ false, NULL);
          return true;
        }
      if (!peer->ended)
        {
          peer->unjudged_due = 0;
          player->turn.watched[i] = true;
          milter_player_begin_wait (player, MILTER_WAIT_QUIET, i, 0, /* due= */ false, NULL);
          return true;
        }
    }
  return false;
}

/* what came after the last line that read something */
static void
judge_leftovers (MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers && player->phase < MILTER_PHASE_CLOSING; i++)
    {
      MilterPeer *peer = &player->peers[i];
      bool over = player->connection_over.set || peer->connection_over.set;

      if (peer->strays->len > 0)
        milter_player_judge_stray (player, i);
      else if (peer->garbage != NULL && !peer->expected_end)
        milter_player_judge_end (player, i);
      /* what comes of an end of our own is not the milter's fault */
      else if (player->cut != NULL)
        continue;
      else if (peer->ended && !peer->quit && !peer->expected_end && !over && !peer->unjudged)
        milter_player_judge_end (player, i);
    }
}

static void
end_turn (MilterPlayer *player)
{
  if (player->star == NULL)
    milter_player_judge_turn (player);
  if (player->suspended)
    {
      milter_turn_end (player);
      milter_player_resume_turn (player);
      return;
    }
  if (player->phase == MILTER_PHASE_LEAVING)
    judge_leftovers (player);
  if (player->phase < MILTER_PHASE_CLOSING)
    while (!g_queue_is_empty (&player->after))
      milter_player_push_unit (&player->units, milter_player_pop_unit (&player->after));
  if (player->message_done)
    {
      player->message_done = false;
      milter_player_end_message (player);
    }
  milter_turn_end (player);
  if (player->phase == MILTER_PHASE_LEAVING)
    milter_player_stop (player);
}

void
milter_player_leave (MilterPlayer *player)
{
  milter_player_clear_units (&player->units);
  milter_player_clear_units (&player->after);
  player->wait.kind = MILTER_WAIT_NOTHING;
  milter_turn_end (player);
  player->phase = MILTER_PHASE_LEAVING;
  milter_player_plan_end (player);
}

static void
next_step (MilterPlayer *player)
{
  const MilterStep *step = NULL;
  g_autoptr (GError) error = NULL;

  if (milter_player_begin_act_next (player))
    return;
  if (milter_player_take_step (player, &step, &error))
    {
      if (player->star != NULL && milter_player_ahead_ends_at_step (player, step))
        player->cue_over = true;
      else
        milter_player_plan_step (player, step);
      return;
    }
  if (player->star != NULL)
    {
      player->cue_over = true;
      return;
    }
  if (error != NULL)
    {
      milter_player_fail (player,
                          MILTER_OUTCOME_BROKEN,
                          &player->last_where,
                          g_strdup ("the lines to be played"),
                          NULL,
                          g_strdup (error->message));
      milter_player_stop (player);
      return;
    }
  if (milter_player_wait_for_armed (player))
    return;
  milter_player_judge_armed (player);
  milter_player_judge_requirements (player);
  player->phase = MILTER_PHASE_LEAVING;
  milter_player_plan_end (player);
}

static bool
continue_line (MilterPlayer *player)
{
  if (player->star != NULL)
    return false;
  if (player->phase == MILTER_PHASE_LEAVING)
    return continue_leaving (player);
  return player->turn.act != MILTER_ACT_NONE ? milter_player_continue_act (player)
                                             : milter_player_continue_turn (player);
}

/* one thing, after which there may be something to send or to wait for */
void
milter_player_advance (MilterPlayer *player)
{
  MilterUnit *unit = g_queue_peek_head (&player->units);

  if (unit != NULL && !player->suspended)
    play_unit (player, unit);
  else if (!player->turn.open)
    next_step (player);
  else if (!continue_line (player))
    end_turn (player);
}
