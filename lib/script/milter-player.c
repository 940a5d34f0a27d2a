/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player.c: the engine: one thing at a time, until something has to come from a peer.
 *
 * Lines are played one by one. A line becomes units (milter-player-plan.c); a unit goes to the
 * peers in turn, and the engine waits for an answer where one is due. When all units of a line are
 * done, and nothing more is waited for, the line is judged (milter-player-judge.c).
 */
#include "milter-player-private.h"

#include <string.h>

#include "milter-text.h"

/* bytes that may wait for the end of a turn; content without replies would pile up otherwise */
#define MAX_OUT (256 * 1024)
/* the grace time, if the caller does not say */
#define GRACE_US (200 * 1000)

MilterPlayer *
milter_player_new (const char *name, MilterStepSource source, const MilterPlayerConfig *config)
{
  MilterPlayer *player = g_new0 (MilterPlayer, 1);
  GString **facts[] = { &player->host,   &player->address,   &player->helo,
                        &player->sender, &player->recipient, &player->message_id };

  g_assert (config->n_peers > 0 && config->profile != NULL);
  player->name = g_strdup (name);
  player->source = source;
  player->config = *config;
  if (player->config.grace_us <= 0)
    player->config.grace_us = GRACE_US;
  player->profile = config->profile;
  player->timeout_us = config->timeout_us;
  player->peers = g_new0 (MilterPeer, config->n_peers);
  for (guint i = 0; i < config->n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      peer->name = config->peer_names != NULL ? config->peer_names[i] : NULL;
      milter_session_init (&peer->session, MILTER_SESSION_OFF);
      peer->strays = g_ptr_array_new_with_free_func (milter_record_free);
      peer->out = g_byte_array_new ();
    }
  for (gsize i = 0; i < G_N_ELEMENTS (facts); i++)
    *facts[i] = g_string_new (NULL);
  for (guint i = 0; i < MILTER_PLAYER_N_LAST; i++)
    player->last[i] = g_string_new (NULL);
  player->handed_out = g_byte_array_new ();
  player->messages = g_ptr_array_new_with_free_func (milter_played_message_free);
  player->failures = g_ptr_array_new_with_free_func (milter_failure_free);
  g_queue_init (&player->units);
  g_queue_init (&player->after);
  return player;
}

static void
clear_units (GQueue *units)
{
  g_queue_clear_full (units, (GDestroyNotify) milter_unit_free);
}

static void
free_peer (MilterPeer *peer)
{
  g_clear_pointer (&peer->head, g_bytes_unref);
  g_free (peer->garbage);
  for (guint i = 0; i < MILTER_N_MACRO_STAGES; i++)
    g_clear_pointer (&peer->symbols[i], g_bytes_unref);
  g_ptr_array_unref (peer->strays);
  g_byte_array_unref (peer->out);
  milter_session_clear (&peer->session);
}

void
milter_player_free (MilterPlayer *player)
{
  GString *facts[6];

  if (player == NULL)
    return;
  memcpy (facts,
          (GString *[]){ player->host, player->address, player->helo, player->sender,
                         player->recipient, player->message_id },
          sizeof facts);
  for (gsize i = 0; i < G_N_ELEMENTS (facts); i++)
    g_string_free (facts[i], TRUE);
  for (guint i = 0; i < MILTER_PLAYER_N_LAST; i++)
    g_string_free (player->last[i], TRUE);
  for (guint i = 0; i < player->config.n_peers; i++)
    free_peer (&player->peers[i]);
  g_free (player->peers);
  clear_units (&player->units);
  clear_units (&player->after);
  if (player->turn.open)
    milter_turn_end (&player->turn);
  g_byte_array_unref (player->handed_out);
  g_clear_pointer (&player->pending_macros, g_ptr_array_unref);
  g_ptr_array_unref (player->messages);
  g_ptr_array_unref (player->failures);
  if (player->source.klass != NULL)
    player->source.klass->free (player->source.source);
  g_free (player->message_name);
  g_free (player->name);
  g_free (player);
}

MilterOutcome
milter_player_get_outcome (const MilterPlayer *player)
{
  return player->outcome;
}

const GPtrArray *
milter_player_get_failures (const MilterPlayer *player)
{
  return player->failures;
}

const GPtrArray *
milter_player_get_messages (const MilterPlayer *player)
{
  return player->messages;
}

const char *
milter_player_get_name (const MilterPlayer *player)
{
  return player->name;
}

void
milter_player_set_trace (MilterPlayer *player, MilterPlayerTrace trace, gpointer user_data)
{
  player->trace = trace;
  player->trace_data = user_data;
}

void
milter_player_note (MilterPlayer *player, guint peer, const MilterMessage *message)
{
  GString *text = player->last[player->n_last++ % MILTER_PLAYER_N_LAST];

  g_string_assign (text, message->sender == MILTER_SIDE_MTA ? ">" : "<");
  if (player->config.n_peers > 1 && player->peers[peer].name != NULL)
    g_string_append (text, player->peers[peer].name);
  g_string_append_c (text, ' ');
  milter_message_append_text (message, MILTER_TEXT_SHORT, text);
  if (player->trace != NULL)
    player->trace (peer, message->sender, message, player->now_us, player->trace_data);
}

void
milter_player_stop (MilterPlayer *player)
{
  if (player->phase >= MILTER_PHASE_CLOSING)
    return;
  clear_units (&player->units);
  clear_units (&player->after);
  player->wait.kind = MILTER_WAIT_NOTHING;
  player->phase = MILTER_PHASE_CLOSING;
}

/* --- lines about replies --- */

static bool
line_is_for (const MilterPlayer *player, const MilterExpectation *line, guint peer, bool named)
{
  if (!milter_expectation_is_reply (line) || (line->from != NULL) != named)
    return false;
  return !named || g_strcmp0 (player->peers[peer].name, line->from) == 0;
}

/* the reply lines of a peer: those with its name, or if there are none, those without a name */
static guint
count_lines (const MilterPlayer *player, guint peer, bool named, guint wanted, const MilterExpectation **found)
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

/* --- waiting --- */

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
static bool
gave_up_answering (const MilterPlayer *player, guint peer, guint8 command)
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
    return player->peers[wait->peer].unjudged_due ? timeout : player->config.grace_us;
  if (line == NULL)
    return timeout;
  if (milter_expectation_has (line, MILTER_ANSWER_KIND_NONE))
    return line->within_us > 0 ? line->within_us : player->config.grace_us;
  if (expects_end (line) && line->within_us > 0)
    return line->within_us;
  if (!wait->due && gave_up_answering (player, wait->peer, wait->command))
    return MAX (player->config.grace_us, line->within_us);
  return timeout == 0 ? 0 : MAX (timeout, line->within_us);
}

static void
set_deadline (MilterPlayer *player)
{
  MilterWait *wait = &player->wait;
  gint64 time = wait_time (player);

  wait->deadline_us = time == 0 ? G_MAXINT64 : wait->base_us + time;
  /* signs of life do not help for ever */
  if (time != 0 && player->timeout_us != 0 && wait->base_us != wait->started_us)
    wait->deadline_us
        = MIN (wait->deadline_us,
               wait->started_us + MAX (time, MILTER_PLAYER_MAX_WAITS * player->timeout_us));
}

static void resolve (MilterPlayer *player, MilterRecord *record);

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
  return record;
}

void
milter_player_begin_wait (MilterPlayer *player,
                          MilterWaitKind kind,
                          guint peer,
                          guint8 command,
                          bool due)
{
  MilterWait *wait = &player->wait;

  *wait = (MilterWait){
    .kind = kind,
    .peer = peer,
    .started_us = player->now_us,
    .base_us = player->now_us,
    .due = due,
    .command = command,
  };
}

static void
end_wait (MilterPlayer *player)
{
  player->wait.kind = MILTER_WAIT_NOTHING;
}

/* --- units --- */

static void
finish_unit (MilterPlayer *player, bool refused)
{
  MilterUnit *unit = g_queue_pop_head (&player->units);

  milter_player_end_unit (player, unit, refused);
  milter_unit_free (unit);
}

/* on to the next of the chain */
static void
next_peer (MilterPlayer *player, MilterUnit *unit)
{
  unit->cursor++;
  if (unit->peer >= 0 || unit->cursor >= player->config.n_peers)
    finish_unit (player, /* refused= */ false);
}

static guint
unit_peer (const MilterUnit *unit)
{
  return unit->peer >= 0 ? (guint) unit->peer : unit->cursor;
}

/* macros travel also in front of a command that the milter does not want, outside the content
 * (milter-protocol 2.1) */
static void
leave_out (MilterPlayer *player, MilterUnit *unit, MilterLeaveOut kind, char *why)
{
  MilterTurn *turn = &player->turn;

  if (kind == MILTER_LEAVE_NEGOTIATED && strchr ("CHMRTU", unit->letter) != NULL)
    milter_player_send_macros (player, unit_peer (unit), unit->letter);
  if (unit->own && turn->left_out == NULL)
    {
      turn->left_out = why;
      turn->gone = kind == MILTER_LEAVE_GONE;
    }
  else
    g_free (why);
  next_peer (player, unit);
}

static void
open_peer (MilterPlayer *player, guint peer)
{
  milter_player_begin_wait (player, MILTER_WAIT_OPEN, peer, 0, /* due= */ false);
  set_deadline (player);
}

/* frames that the protocol would answer are waited for before the next judged command, so that
 * their answers are not taken for its own */
static void
send_verbatim (MilterPlayer *player, MilterUnit *unit, MilterPeer *peer)
{
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
  milter_player_send (player, unit_peer (unit), unit);
  player->turn.due = due;
  if (milter_player_n_reply_lines (player, unit_peer (unit)) > 0)
    return;
  peer->unjudged = true;
  peer->unjudged_due = due;
}

static void
send_unit (MilterPlayer *player, MilterUnit *unit)
{
  guint index = unit_peer (unit);
  MilterPeer *peer = &player->peers[index];
  bool answered = !unit->verbatim && unit->letter != 0
                  && milter_session_is_answered (&peer->session, unit->letter);

  player->turn.sent = player->turn.sent || unit->own;
  if (unit->verbatim)
    {
      send_verbatim (player, unit, peer);
      next_peer (player, unit);
      return;
    }
  milter_player_send (player, index, unit);
  if (unit->letter == MILTER_COMMAND_QUIT)
    {
      peer->quit = true;
      peer->end_line = player->turn.where.line;
    }
  if (!answered)
    {
      next_peer (player, unit);
      return;
    }
  milter_player_begin_wait (player, MILTER_WAIT_ANSWER, index, unit->letter, /* due= */ true);
  if (unit->own && (player->turn.letter == unit->letter || player->turn.letter == 0))
    player->wait.line = milter_player_reply_line (player, index, 0);
  set_deadline (player);
}

/* whether what comes next is judged, so that what came before has to be told apart from it */
static bool
settle_peer (MilterPlayer *player, guint index, const MilterUnit *unit)
{
  MilterPeer *peer = &player->peers[index];

  if (peer->unjudged && !unit->verbatim && !unit->always && !peer->ended)
    {
      milter_player_begin_wait (player, MILTER_WAIT_QUIET, index, 0, /* due= */ false);
      set_deadline (player);
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
  if (kind == MILTER_LEAVE_DECIDED || kind == MILTER_LEAVE_GONE)
    {
      leave_out (player, unit, kind, why);
      return;
    }
  if (!peer->opened)
    {
      g_free (why);
      open_peer (player, index);
      return;
    }
  if (!settle_peer (player, index, unit))
    g_free (why);
  else if (kind != MILTER_SEND)
    leave_out (player, unit, kind, why);
  else
    send_unit (player, unit);
}

/* the answer to a unit, or what came instead */
static void
resolve_answer (MilterPlayer *player, MilterRecord *record)
{
  MilterUnit *unit = g_queue_peek_head (&player->units);
  bool sound = record->kind == MILTER_RECORD_MESSAGE && !record->malformed;
  bool go_on = false;

  end_wait (player);
  if (sound)
    go_on = milter_player_take_effect (player, unit, record);
  if (sound && unit->letter == MILTER_COMMAND_END_OF_MESSAGE)
    {
      player->eom_answered = true;
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
    clear_units (&player->units);
  else if (go_on)
    next_peer (player, unit);
  else
    finish_unit (player, /* refused= */ true);
}

static void
resolve_more (MilterPlayer *player, MilterRecord *record)
{
  guint peer = record->peer;

  end_wait (player);
  record->extra = true;
  g_ptr_array_add (player->turn.records, record);
  if (record->kind != MILTER_RECORD_MESSAGE)
    g_array_index (player->turn.watched, bool, peer) = true;
}

/* what was waited for has come, or what came instead, or nothing */
static void
resolve (MilterPlayer *player, MilterRecord *record)
{
  MilterWaitKind kind = player->wait.kind;

  record->command = player->wait.command;
  record->due = player->wait.due;
  record->leading_space = (player->peers[record->peer].session.agreed.steps
                           & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE)
                          != 0;
  milter_player_examine (player, record);
  if (milter_record_is_edit (record))
    {
      g_ptr_array_add (player->turn.edits, record);
      player->wait.base_us = player->now_us;
      set_deadline (player);
      return;
    }
  if (kind == MILTER_WAIT_ANSWER)
    resolve_answer (player, record);
  else
    resolve_more (player, record);
}

/* --- the end of a line --- */

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

/* in a chain a line without a name speaks of the milter that decided */
static guint
deciding_peer (const MilterPlayer *player)
{
  const GPtrArray *records = player->turn.records;
  const MilterRecord *last = records->len > 0 ? g_ptr_array_index (records, records->len - 1) : NULL;

  return last != NULL ? last->peer : 0;
}

static bool
wants_more (const MilterPlayer *player, guint peer)
{
  const MilterTurn *turn = &player->turn;
  const MilterExpectation *line = milter_player_reply_line (player, peer, 0);
  bool each = turn->letter != 0 && strchr ("OAQKD", turn->letter) != NULL;

  if (!turn->sent || g_array_index (turn->watched, bool, peer))
    return false;
  /* something ended it already */
  for (guint i = 0; i < turn->records->len; i++)
    if (((const MilterRecord *) g_ptr_array_index (turn->records, i))->kind
        != MILTER_RECORD_MESSAGE)
      if (((const MilterRecord *) g_ptr_array_index (turn->records, i))->peer == peer)
        return false;
  if (line == NULL)
    return turn->letter == MILTER_COMMAND_QUIT && !turn->verbatim;
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

  milter_player_begin_wait (
      player, MILTER_WAIT_MORE, peer, command, turn->verbatim && turn->due && n == 0);
  player->wait.line = milter_player_reply_line (player, peer, n);
  set_deadline (player);
}

/* TRUE: something is waited for behind the last unit */
static bool
continue_turn (MilterPlayer *player)
{
  for (guint i = 0; player->turn.step != NULL && i < player->config.n_peers; i++)
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
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (!peer->opened || g_array_index (player->turn.watched, bool, i))
        continue;
      if (peer->quit && !peer->expected_end)
        {
          milter_player_begin_wait (
              player, MILTER_WAIT_MORE, i, MILTER_COMMAND_QUIT, /* due= */ false);
          set_deadline (player);
          return true;
        }
      if (!peer->ended)
        {
          peer->unjudged_due = false;
          g_array_index (player->turn.watched, bool, i) = true;
          milter_player_begin_wait (player, MILTER_WAIT_QUIET, i, 0, /* due= */ false);
          set_deadline (player);
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
      else if (peer->ended && !peer->quit && !peer->expected_end && !over && !peer->unjudged)
        milter_player_judge_end (player, i);
    }
}

static void
end_turn (MilterPlayer *player)
{
  milter_player_judge_turn (player);
  if (player->phase == MILTER_PHASE_LEAVING)
    judge_leftovers (player);
  if (player->phase < MILTER_PHASE_CLOSING)
    while (!g_queue_is_empty (&player->after))
      g_queue_push_tail (&player->units, g_queue_pop_head (&player->after));
  if (player->message_done)
    {
      player->message_done = false;
      milter_player_end_message (player);
    }
  milter_turn_end (&player->turn);
  if (player->phase == MILTER_PHASE_LEAVING)
    milter_player_stop (player);
}

static void
next_step (MilterPlayer *player)
{
  const MilterStep *step = NULL;
  g_autoptr (GError) error = NULL;

  if (player->source.klass->next (player->source.source, &step, &error))
    {
      milter_player_plan_step (player, step);
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
  player->phase = MILTER_PHASE_LEAVING;
  milter_player_plan_end (player);
}

/* one thing, after which there may be something to send or to wait for */
static void
advance (MilterPlayer *player)
{
  MilterUnit *unit = g_queue_peek_head (&player->units);

  if (unit != NULL)
    play_unit (player, unit);
  else if (!player->turn.open)
    next_step (player);
  else if (player->phase == MILTER_PHASE_LEAVING ? !continue_leaving (player)
                                                 : !continue_turn (player))
    end_turn (player);
}

/* --- actions --- */

static void
fail_to_open (MilterPlayer *player, guint peer, const char *why)
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

/* something has come already that the wait is for; or the deadline has passed */
static void
check_wait (MilterPlayer *player)
{
  MilterWait *wait = &player->wait;
  MilterPeer *peer = &player->peers[wait->peer];

  if (wait->kind == MILTER_WAIT_MORE && peer->strays->len > 0)
    {
      MilterRecord *record = g_ptr_array_steal_index (peer->strays, 0);

      resolve (player, record);
      return;
    }
  if ((wait->kind == MILTER_WAIT_ANSWER || wait->kind == MILTER_WAIT_MORE) && peer->ended)
    {
      resolve (player, record_end (player, wait->peer));
      return;
    }
  if (wait->kind == MILTER_WAIT_QUIET && peer->ended)
    {
      peer->unjudged = false;
      end_wait (player);
      return;
    }
  if (player->now_us < wait->deadline_us)
    return;
  if (wait->kind == MILTER_WAIT_QUIET)
    {
      peer->unjudged = false;
      end_wait (player);
    }
  else if (wait->kind == MILTER_WAIT_OPEN)
    {
      g_autofree char *time = milter_failure_duration (player->now_us - wait->started_us);
      g_autofree char *why = g_strdup_printf ("no connection in %s", time);

      fail_to_open (player, wait->peer, why);
    }
  else
    resolve (player,
             milter_record_new (MILTER_RECORD_NOTHING, wait->peer, player->now_us - peer->sent_us));
}

static bool
next_write (MilterPlayer *player, MilterPlayerAction *action)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];
      GByteArray *bytes = peer->out;

      if (bytes->len == 0 || peer->ended || !peer->opened)
        continue;
      peer->out = player->handed_out;
      g_byte_array_set_size (peer->out, 0);
      player->handed_out = bytes;
      *action = (MilterPlayerAction){
        .kind = MILTER_PLAYER_SEND, .peer = i, .bytes = milter_bytes (bytes->data, bytes->len)
      };
      return true;
    }
  return false;
}

static bool
next_close (MilterPlayer *player, MilterPlayerAction *action)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (!peer->asked || peer->let_go || (peer->ended && peer->garbage == NULL))
        continue;
      peer->let_go = true;
      *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_CLOSE, .peer = i };
      return true;
    }
  return false;
}

static bool
has_much_to_send (const MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    if (player->peers[i].out->len >= MAX_OUT)
      return true;
  return false;
}

static void
finish (MilterPlayer *player, MilterPlayerAction *action)
{
  if (player->phase == MILTER_PHASE_CLOSING)
    {
      milter_player_end_message (player);
      player->phase = MILTER_PHASE_DONE;
    }
  *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_DONE };
}

void
milter_player_next (MilterPlayer *player, gint64 now_us, MilterPlayerAction *action)
{
  player->now_us = now_us;
  while (player->phase < MILTER_PHASE_CLOSING && !has_much_to_send (player))
    {
      if (player->wait.kind == MILTER_WAIT_NOTHING)
        {
          advance (player);
          continue;
        }
      check_wait (player);
      if (player->wait.kind != MILTER_WAIT_NOTHING)
        break;
    }
  if (next_write (player, action))
    return;
  if (player->phase >= MILTER_PHASE_CLOSING)
    {
      if (!next_close (player, action))
        finish (player, action);
      return;
    }
  if (player->wait.kind == MILTER_WAIT_OPEN && !player->peers[player->wait.peer].asked)
    {
      player->peers[player->wait.peer].asked = true;
      *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_OPEN, .peer = player->wait.peer };
      return;
    }
  *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_WAIT,
                                  .peer = player->wait.peer,
                                  .deadline_us = player->wait.deadline_us };
}

/* --- events --- */

void
milter_player_opened (MilterPlayer *player, guint peer, gint64 now_us, const GError *error)
{
  player->now_us = now_us;
  if (player->phase >= MILTER_PHASE_CLOSING)
    return;
  if (error == NULL)
    {
      player->peers[peer].opened = true;
      player->peers[peer].sent_us = now_us;
      if (player->wait.kind == MILTER_WAIT_OPEN && player->wait.peer == peer)
        end_wait (player);
      return;
    }
  fail_to_open (player, peer, error->message);
}

static void
receive_unasked (MilterPlayer *player, MilterRecord *record)
{
  MilterPeer *peer = &player->peers[record->peer];

  if (!peer->unjudged)
    {
      g_ptr_array_add (peer->strays, record);
      return;
    }
  /* an answer to a frame that the protocol answers: that was it */
  if (peer->unjudged_due && !milter_record_is_edit (record))
    {
      peer->unjudged = false;
      if (player->wait.kind == MILTER_WAIT_QUIET && player->wait.peer == record->peer)
        end_wait (player);
    }
  milter_record_free (record);
}

void
milter_player_received (MilterPlayer *player, guint peer, const MilterMessage *message, gint64 now_us)
{
  MilterRecord *record;
  bool awaited = player->wait.peer == peer
                 && (player->wait.kind == MILTER_WAIT_ANSWER || player->wait.kind == MILTER_WAIT_MORE);

  player->now_us = now_us;
  if (player->phase >= MILTER_PHASE_CLOSING)
    return;
  milter_player_note (player, peer, message);
  milter_session_reply (&player->peers[peer].session, message, NULL);
  record = milter_record_new_message (peer, message, now_us - player->peers[peer].sent_us);
  if (awaited)
    resolve (player, record);
  else
    receive_unasked (player, record);
}

/* The ends are taken up by the next call of milter_player_next(): by the wait they answer, or by
 * the next unit. */
static void
end_peer (MilterPlayer *player, guint peer, MilterBytes bytes, gint64 now_us)
{
  MilterPeer *ended = &player->peers[peer];

  player->now_us = now_us;
  ended->ended = true;
  g_clear_pointer (&ended->head, g_bytes_unref);
  if (bytes.size > 0)
    ended->head = g_bytes_new (bytes.data, bytes.size);
}

void
milter_player_received_garbage (MilterPlayer *player,
                                guint peer,
                                const GError *error,
                                MilterBytes head,
                                gint64 now_us)
{
  if (player->peers[peer].ended)
    return;
  player->peers[peer].garbage
      = g_strdup (error != NULL ? error->message : "they cannot be read as a frame");
  end_peer (player, peer, head, now_us);
}

void
milter_player_ended (MilterPlayer *player, guint peer, gboolean reset, MilterBytes leftover, gint64 now_us)
{
  if (player->peers[peer].ended)
    return;
  player->peers[peer].reset = reset;
  end_peer (player, peer, leftover, now_us);
}

void
milter_player_cancel (MilterPlayer *player, MilterOutcome outcome, const char *why, gint64 now_us)
{
  player->now_us = now_us;
  if (player->phase >= MILTER_PHASE_CLOSING)
    return;
  milter_player_fail (player,
                      outcome,
                      player->turn.open ? NULL : &player->last_where,
                      g_strdup ("session"),
                      NULL,
                      g_strdup (why));
  milter_player_stop (player);
}
