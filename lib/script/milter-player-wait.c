/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-wait.c: what is waited for, for how long, and what becomes of it when it comes.
 */
#include "milter-player-private.h"

static bool
line_is_for (const MilterPlayer *player, const MilterExpectation *line, guint peer, bool named)
{
  if (!milter_expectation_is_reply (line) || (line->from != NULL) != named)
    return false;
  return !named || g_strcmp0 (player->peers[peer].name, line->from) == 0;
}

/* the reply lines of a peer: those with its name, or if there are none, those without a name */
static guint
count_lines (const MilterPlayer *player,
             guint peer,
             bool named,
             guint wanted,
             const MilterExpectation **found)
{
  const GPtrArray *lines = player->turn.step != NULL ? player->turn.step->expectations : NULL;
  guint n = 0;

  for (guint i = 0; lines != NULL && i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);

      if (line_is_for (player, line, peer, named) && n++ == wanted)
        *found = line;
    }
  return n;
}

const MilterExpectation *
milter_player_reply_line (const MilterPlayer *player, guint peer, guint index)
{
  const MilterExpectation *line = NULL;

  if (count_lines (player, peer, /* named= */ true, index, &line) == 0)
    count_lines (player, peer, /* named= */ false, index, &line);
  return line;
}

guint
milter_player_n_reply_lines (const MilterPlayer *player, guint peer)
{
  const MilterExpectation *line = NULL;
  guint n = count_lines (player, peer, /* named= */ true, 0, &line);

  return n > 0 ? n : count_lines (player, peer, /* named= */ false, 0, &line);
}

/* nothing but an end of the connection is expected */
static bool
expects_end (const MilterExpectation *line)
{
  for (guint i = 0; i < line->answers->len; i++)
    {
      const MilterAnswerPattern *answer = g_ptr_array_index (line->answers, i);

      if (answer->kind != MILTER_ANSWER_KIND_CLOSED && answer->kind != MILTER_ANSWER_KIND_RESET)
        return false;
    }
  return true;
}

/* whether the milter asked not to answer this command */
bool
milter_player_gave_up_answering (const MilterPlayer *player, guint peer, guint8 command)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command);

  return spec != NULL && spec->answer == MILTER_ANSWER_REPLY
         && !milter_session_is_answered (&player->peers[peer].session, command);
}

/* 0: for ever */
static gint64
wait_time (const MilterPlayer *player)
{
  const MilterWait *wait = &player->wait;
  const MilterExpectation *line = wait->line;
  gint64 timeout = player->timeout_us;

  if (wait->kind == MILTER_WAIT_QUIET)
    return player->peers[wait->peer].unjudged_due > 0 ? timeout : player->config.grace_us;
  /* what stands below a stall speaks of the time that it lasts; it may be over for the second
   * milter of a chain, which is no reason to wait for ever */
  if (wait->kind != MILTER_WAIT_OPEN && player->turn.act != MILTER_ACT_NONE
      && player->turn.step->kind == MILTER_STEP_KIND_STALL)
    {
      gint64 time = MAX (player->turn.step->duration_us, line != NULL ? line->within_us : 0);

      return MAX (player->turn.act_us + time - player->now_us, 1);
    }
  if (line == NULL)
    return timeout;
  if (milter_expectation_has (line, MILTER_ANSWER_KIND_NONE))
    return line->within_us > 0 ? line->within_us : player->config.grace_us;
  if (expects_end (line) && line->within_us > 0)
    return line->within_us;
  if (!wait->due && !expects_end (line)
      && milter_player_gave_up_answering (player, wait->peer, wait->command))
    return MAX (player->config.grace_us, line->within_us);
  return timeout == 0 ? 0 : MAX (timeout, line->within_us);
}

static void
set_deadline (MilterPlayer *player)
{
  MilterWait *wait = &player->wait;
  gint64 time = wait->kind == MILTER_WAIT_BARRIER ? 0 : wait_time (player);

  wait->deadline_us = time == 0 ? G_MAXINT64 : wait->base_us + time;
  /* signs of life do not help for ever */
  if (time != 0 && player->timeout_us != 0 && wait->base_us != wait->started_us)
    wait->deadline_us
        = MIN (wait->deadline_us,
               wait->started_us + MAX (time, MILTER_PLAYER_MAX_WAITS * player->timeout_us));
}

static MilterRecord *
record_end (MilterPlayer *player, guint peer)
{
  MilterPeer *ended = &player->peers[peer];
  MilterRecordKind kind = ended->garbage != NULL ? MILTER_RECORD_GARBAGE
                          : ended->reset         ? MILTER_RECORD_RESET
                                                 : MILTER_RECORD_CLOSED;
  MilterRecord *record = milter_record_new (kind, peer, player->now_us - ended->sent_us);

  record->bytes = ended->head != NULL ? g_bytes_ref (ended->head) : NULL;
  record->fault = g_strdup (ended->garbage);
  record->too_long = ended->too_long;
  return record;
}

/* edits and progress are signs of life, and no answer */
static MilterRecord *
record_silence (const MilterPlayer *player, guint peer)
{
  const MilterWait *wait = &player->wait;
  MilterRecord *record = milter_record_new (
      MILTER_RECORD_NOTHING, peer, player->now_us - player->peers[peer].sent_us);

  if (wait->base_us != wait->started_us)
    record->fault = g_strdup ("no reply but edits or progress");
  return record;
}

void
milter_player_begin_wait (MilterPlayer *player,
                          MilterWaitKind kind,
                          guint peer,
                          guint8 command,
                          bool due,
                          const MilterExpectation *line)
{
  MilterWait *wait = &player->wait;

  *wait = (MilterWait){
    .kind = kind,
    .peer = peer,
    .started_us = player->now_us,
    .base_us = player->now_us,
    .due = due,
    .command = command,
    .line = line,
  };
  set_deadline (player);
}

void
milter_player_end_wait (MilterPlayer *player)
{
  player->wait.kind = MILTER_WAIT_NOTHING;
}

void
milter_player_restart_wait (MilterPlayer *player)
{
  MilterWait *wait = &player->wait;

  if (wait->kind != MILTER_WAIT_ANSWER && wait->kind != MILTER_WAIT_MORE)
    return;
  wait->started_us = wait->base_us = player->now_us;
  set_deadline (player);
}

/* the answer to a unit, or what came instead */
static void
resolve_answer (MilterPlayer *player, MilterRecord *record)
{
  MilterUnit *unit = g_queue_peek_head (&player->units);
  bool sound = record->kind == MILTER_RECORD_MESSAGE && !record->malformed;
  const MilterExpectation *line = player->wait.line;
  bool go_on = false;

  milter_player_end_wait (player);
  if (unit->letter == MILTER_COMMAND_NEGOTIATE
      && !(sound ? milter_player_check_requirements (player, record)
                 : milter_player_check_refusal (player, record, line)))
    {
      milter_record_free (record);
      milter_player_leave (player);
      return;
    }
  if (sound)
    go_on = milter_player_take_effect (player, unit, record);
  if (sound && unit->letter == MILTER_COMMAND_END_OF_MESSAGE)
    {
      player->eom_answered = true;
      milter_player_deliver (player);
      if (record->message.letter == MILTER_REPLY_CONTINUE
          || record->message.letter == MILTER_REPLY_ACCEPT)
        milter_player_apply_edits (player, record->peer);
    }
  if (unit->own)
    g_ptr_array_add (player->turn.records, record);
  else
    {
      milter_player_judge_filled_in (player, record);
      milter_record_free (record);
    }
  if (player->phase >= MILTER_PHASE_CLOSING)
    return;
  if (!sound)
    milter_player_clear_units (&player->units);
  else if (go_on)
    milter_player_next_peer (player, unit);
  else
    milter_player_finish_unit (player, /* refused= */ true);
}

static void
resolve_more (MilterPlayer *player, MilterRecord *record)
{
  guint peer = record->peer;

  milter_player_end_wait (player);
  record->extra = true;
  g_ptr_array_add (player->turn.records, record);
  if (record->kind != MILTER_RECORD_MESSAGE || player->wait.line == NULL)
    player->turn.watched[peer] = true;
}

/* One continue, as Sendmail::PMilter says it, where the config lets it pass and no line speaks of the
 * end: a second one is an answer too many to something before. */
static bool
answers_quit (const MilterPlayer *player, const MilterRecord *record)
{
  return player->config.quit_answered && record->command == MILTER_COMMAND_QUIT
         && record->kind == MILTER_RECORD_MESSAGE
         && milter_player_reply_line (player, record->peer, 0) == NULL
         && record->message.letter == MILTER_REPLY_CONTINUE && !record->malformed
         && !player->peers[record->peer].quit_answered;
}

/* what was waited for has come, or what came instead, or nothing */
void
milter_player_resolve (MilterPlayer *player, MilterRecord *record)
{
  MilterWaitKind kind = player->wait.kind;

  record->command = player->wait.command;
  record->due = player->wait.due;
  record->leading_space = milter_player_has_leading_space (player, record->peer);
  if (answers_quit (player, record))
    {
      /* and the end of the connection is waited for again */
      player->peers[record->peer].quit_answered = true;
      milter_record_free (record);
      milter_player_end_wait (player);
      return;
    }
  milter_player_examine (player, record);
  if (milter_record_is_edit (record))
    {
      g_ptr_array_add (player->turn.edits, record);
      player->turn.edits_size += MILTER_PLAYER_EDIT_COST + record->message.payload.size;
      player->wait.base_us = player->now_us;
      set_deadline (player);
      if (player->turn.edits_size > player->config.max_edits)
        milter_player_judge_flood (player, record);
      else if (record->wrong || record->malformed)
        milter_player_judge_edit (player, record);
      return;
    }
  if (kind == MILTER_WAIT_ANSWER)
    resolve_answer (player, record);
  else
    resolve_more (player, record);
}

void
milter_player_fail_to_open (MilterPlayer *player, guint peer, const char *why)
{
  g_autofree char *name = milter_failure_peer (player, peer);

  milter_player_fail (player,
                      MILTER_OUTCOME_BROKEN,
                      /* where= */ NULL,
                      g_strdup_printf ("connection to %s", name),
                      /* expected= */ NULL,
                      g_strdup (why));
  player->peers[peer].ended = true;
  milter_player_stop (player);
}

static void
stop_unjudged (MilterPeer *peer)
{
  peer->unjudged = false;
  peer->unjudged_due = 0;
  peer->surplus = 0;
}

/* answers to what left before its turn */
static bool
check_answers (MilterPlayer *player)
{
  MilterWait *wait = &player->wait;
  MilterPeer *peer = &player->peers[wait->peer];

  if (g_queue_is_empty (&peer->answers))
    return false;
  if (wait->kind == MILTER_WAIT_ANSWER || wait->kind == MILTER_WAIT_MORE)
    return milter_player_play_answer (player);
  if (wait->kind != MILTER_WAIT_QUIET || peer->surplus == 0)
    return false;
  milter_player_end_wait (player);
  /* and waits again for the rest */
  milter_player_settle_ahead (player, wait->peer);
  return true;
}

/* A milter that answers nothing behind its SKIP: the answer that was taken for one to a command
 * that would not have been sent was that to the end of the message. */
static bool
take_last_surplus (MilterPlayer *player)
{
  MilterPeer *peer = &player->peers[player->wait.peer];
  MilterRecord *record = g_steal_pointer (&peer->last_surplus);

  if (player->wait.kind != MILTER_WAIT_ANSWER || peer->surplus == 0 || record == NULL)
    {
      milter_record_free (record);
      return false;
    }
  peer->surplus = 0;
  milter_player_resolve (player, record);
  return true;
}

/* something has come already that the wait is for; or the deadline has passed */
void
milter_player_check_wait (MilterPlayer *player)
{
  MilterWait *wait = &player->wait;
  MilterPeer *peer = &player->peers[wait->peer];

  if (wait->kind == MILTER_WAIT_BARRIER || check_answers (player))
    return;
  if (wait->kind == MILTER_WAIT_MORE && peer->strays->len > 0)
    {
      MilterRecord *record = g_ptr_array_steal_index (peer->strays, 0);

      milter_player_resolve (player, record);
      return;
    }
  if ((wait->kind == MILTER_WAIT_ANSWER || wait->kind == MILTER_WAIT_MORE) && peer->ended)
    {
      milter_player_resolve (player, record_end (player, wait->peer));
      return;
    }
  /* nothing is gained by waiting on */
  if (wait->kind == MILTER_WAIT_QUIET && (peer->ended || peer->strays->len > 0))
    {
      stop_unjudged (peer);
      milter_player_end_wait (player);
      return;
    }
  if (player->now_us < wait->deadline_us || (peer->paused && wait->kind != MILTER_WAIT_STALL))
    return;
  if (wait->kind == MILTER_WAIT_STALL)
    milter_player_end_wait (player);
  else if (wait->kind == MILTER_WAIT_QUIET)
    {
      stop_unjudged (peer);
      milter_player_end_wait (player);
    }
  else if (wait->kind == MILTER_WAIT_OPEN)
    {
      g_autofree char *time = milter_failure_duration (player->now_us - wait->started_us);
      g_autofree char *why = g_strdup_printf ("no connection in %s", time);

      milter_player_fail_to_open (player, wait->peer, why);
    }
  else if (!take_last_surplus (player))
    milter_player_resolve (player, record_silence (player, wait->peer));
}
