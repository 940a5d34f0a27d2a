/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player.c: the engine from outside: actions out, events in.
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
                        &player->sender, &player->recipient, &player->first_recipient,
                        &player->message_id, &player->dismissal_text };

  g_assert (config->n_peers > 0 && config->profile != NULL);
  player->name = g_strdup (name);
  player->source = source;
  player->config = *config;
  if (player->config.grace_us <= 0)
    player->config.grace_us = GRACE_US;
  if (player->config.max_edits == 0)
    player->config.max_edits = MILTER_PLAYER_MAX_EDITS;
  player->profile = config->profile;
  player->fills_in = config->profile->fills_in;
  player->timeout_us = config->timeout_us;
  if (config->send_as != NULL)
    milter_writes_set_send_as (&player->writes, config->send_as);
  player->peers = g_new0 (MilterPeer, config->n_peers);
  for (guint i = 0; i < config->n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      peer->name = config->peer_names != NULL ? config->peer_names[i] : NULL;
      milter_session_init (&peer->session, MILTER_SESSION_OFF);
      peer->strays = g_ptr_array_new_with_free_func (milter_record_free);
      peer->out = g_byte_array_new ();
      peer->todo = MILTER_PLAYER_DONE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (facts); i++)
    *facts[i] = g_string_new (NULL);
  milter_player_init_notes (player);
  player->pairs = g_byte_array_new ();
  player->payload = g_byte_array_new ();
  player->handed_out = g_byte_array_new ();
  player->messages = g_ptr_array_new_with_free_func (milter_played_message_free);
  player->failures = g_ptr_array_new_with_free_func (milter_failure_free);
  player->lint = milter_lint_new (config->n_peers, config->over_tcp);
  g_queue_init (&player->units);
  g_queue_init (&player->after);
  return player;
}

void
milter_player_push_unit (GQueue *units, MilterUnit *unit)
{
  unit->link = (GList){ .data = unit };
  g_queue_push_tail_link (units, &unit->link);
}

MilterUnit *
milter_player_pop_unit (GQueue *units)
{
  GList *link = g_queue_pop_head_link (units);

  return link != NULL ? link->data : NULL;
}

void
milter_player_clear_units (GQueue *units)
{
  MilterUnit *unit;

  while ((unit = milter_player_pop_unit (units)) != NULL)
    milter_unit_free (unit);
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
  milter_player_drop_ahead (peer);
  milter_session_clear (&peer->session);
}

void
milter_player_free (MilterPlayer *player)
{
  GString *facts[7];

  if (player == NULL)
    return;
  memcpy (facts,
          (GString *[]){ player->host,
                         player->address,
                         player->helo,
                         player->sender,
                         player->recipient,
                         player->first_recipient,
                         player->message_id,
                         player->dismissal_text },
          sizeof facts);
  for (gsize i = 0; i < G_N_ELEMENTS (facts); i++)
    g_string_free (facts[i], TRUE);
  milter_player_clear_notes (player);
  for (guint i = 0; i < player->config.n_peers; i++)
    free_peer (&player->peers[i]);
  g_free (player->peers);
  milter_player_clear_units (&player->units);
  milter_player_clear_units (&player->after);
  if (player->turn.open)
    milter_turn_end (player);
  if (player->suspended)
    {
      player->turn = player->other_turn;
      milter_turn_end (player);
    }
  milter_turn_free_lists (&player->spare_turn);
  milter_writes_clear (&player->writes);
  g_queue_clear (&player->steps);
  g_clear_error (&player->source_error);
  milter_lint_free (player->lint);
  g_byte_array_unref (player->handed_out);
  g_byte_array_unref (player->pairs);
  g_byte_array_unref (player->payload);
  g_clear_pointer (&player->pending_macros, g_ptr_array_unref);
  g_clear_pointer (&player->fields, g_array_unref);
  g_ptr_array_unref (player->messages);
  g_ptr_array_unref (player->failures);
  if (player->source.klass->free != NULL)
    player->source.klass->free (player->source.source);
  g_free (player->message_name);
  g_free (player->skip_reason);
  g_free (player->barrier);
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

guint8
milter_player_get_dismissal (const MilterPlayer *player, const GString **text)
{
  *text = player->dismissal_text->len > 0 ? player->dismissal_text : NULL;
  return player->dismissal;
}

const GPtrArray *
milter_player_get_messages (const MilterPlayer *player)
{
  return player->messages;
}

const GPtrArray *
milter_player_get_lint_findings (const MilterPlayer *player)
{
  return milter_lint_get_findings (player->lint);
}

const char *
milter_player_get_name (const MilterPlayer *player)
{
  return player->name;
}

bool
milter_player_has_leading_space (const MilterPlayer *player, guint peer)
{
  return (player->peers[peer].session.agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE)
         != 0;
}

void
milter_player_stop (MilterPlayer *player)
{
  if (player->phase >= MILTER_PHASE_CLOSING)
    return;
  milter_player_clear_units (&player->units);
  milter_player_clear_units (&player->after);
  player->wait.kind = MILTER_WAIT_NOTHING;
  player->phase = MILTER_PHASE_CLOSING;
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
    if (player->peers[i].out->len - player->peers[i].out_at >= MAX_OUT)
      return true;
  return false;
}

static void
finish (MilterPlayer *player, MilterPlayerAction *action)
{
  if (player->phase == MILTER_PHASE_CLOSING)
    {
      milter_player_tell_notes (player);
      milter_lint_finish (player->lint);
      milter_player_end_message (player);
      player->phase = MILTER_PHASE_DONE;
    }
  *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_DONE };
}

/* as far as it goes without anything that has to be handed out, or waited for */
static void
go_on (MilterPlayer *player)
{
  while (player->phase < MILTER_PHASE_CLOSING && !has_much_to_send (player)
         && (!milter_player_is_writing (player) || player->suspended))
    {
      if (player->wait.kind == MILTER_WAIT_NOTHING)
        {
          milter_player_advance (player);
          continue;
        }
      milter_player_check_wait (player);
      if (player->wait.kind != MILTER_WAIT_NOTHING)
        return;
    }
}

static bool
next_wish (MilterPlayer *player, MilterPlayerAction *action)
{
  guint peer = player->wait.peer;

  if (player->wait.kind == MILTER_WAIT_OPEN && !player->peers[peer].asked)
    {
      player->peers[peer].asked = true;
      *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_OPEN, .peer = peer };
      return true;
    }
  if (player->wait.kind == MILTER_WAIT_BARRIER && !player->barrier_told)
    {
      player->barrier_told = true;
      *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_BARRIER,
                                      .barrier = player->barrier };
      return true;
    }
  return false;
}

static gint64
next_deadline (const MilterPlayer *player)
{
  gint64 output = milter_player_output_deadline (player);

  /* nothing is due before the bytes are out, or before it is read again */
  if ((milter_player_is_writing (player) && !player->suspended)
      || (player->wait.kind != MILTER_WAIT_STALL && player->peers[player->wait.peer].paused))
    return output;
  return MIN (output, player->wait.deadline_us);
}

static void
next_action (MilterPlayer *player, MilterPlayerAction *action)
{
  if (milter_player_next_output (player, action))
    return;
  if (player->phase >= MILTER_PHASE_CLOSING)
    {
      if (!next_close (player, action))
        finish (player, action);
    }
  else if (!next_wish (player, action))
    *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_WAIT,
                                    .peer = player->wait.peer,
                                    .deadline_us = next_deadline (player) };
}

/* What decides nothing is done when all that was to be sent has left: a milter works meanwhile. */
static void
catch_up (MilterPlayer *player)
{
  milter_player_tell_notes (player);
  milter_player_settle_mails (player);
}

void
milter_player_next (MilterPlayer *player, gint64 now_us, MilterPlayerAction *action)
{
  player->now_us = now_us;
  milter_player_fire (player);
  go_on (player);
  next_action (player, action);
  if (action->kind != MILTER_PLAYER_SEND)
    catch_up (player);
}

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
        milter_player_end_wait (player);
      return;
    }
  milter_player_fail_to_open (player, peer, error->message);
}

static void
receive_unasked (MilterPlayer *player, MilterRecord *record)
{
  MilterPeer *peer = &player->peers[record->peer];

  if (!peer->unjudged)
    {
      /* the first one decides; a flood must not fill the memory */
      if (peer->strays->len < MILTER_PLAYER_MAX_STRAYS)
        g_ptr_array_add (peer->strays, record);
      else
        milter_record_free (record);
      return;
    }
  /* an answer to a frame that the protocol answers: with the last one, that was it */
  if (peer->unjudged_due > 0 && !milter_record_is_edit (record) && --peer->unjudged_due == 0)
    {
      peer->unjudged = false;
      if (player->wait.kind == MILTER_WAIT_QUIET && player->wait.peer == record->peer)
        milter_player_end_wait (player);
    }
  milter_record_free (record);
}

void
milter_player_received (MilterPlayer *player,
                        guint peer,
                        const MilterMessage *message,
                        gint64 now_us)
{
  MilterRecord *record;
  MilterWaitKind kind = player->wait.kind;
  bool awaited = player->wait.peer == peer && !player->peers[peer].unjudged
                 && (kind == MILTER_WAIT_ANSWER || kind == MILTER_WAIT_MORE);

  player->now_us = now_us;
  if (player->phase >= MILTER_PHASE_CLOSING)
    return;
  milter_player_note (player, peer, MILTER_SIDE_MILTER, message->letter, message->payload);
  milter_session_reply (&player->peers[peer].session, message, NULL);
  record = milter_record_new_message (peer, message, now_us - player->peers[peer].sent_us);
  if (milter_player_is_ahead (&player->peers[peer]))
    milter_player_keep_answer (player, record);
  else if (awaited)
    milter_player_resolve (player, record);
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
  milter_player_drop_output (ended);
  /* what comes of frames and bytes that no line speaks of is not judged */
  if (ended->unjudged)
    {
      ended->expected_end = true;
      ended->end_line = ended->unjudged_line;
    }
  g_clear_pointer (&ended->head, g_bytes_unref);
  if (bytes.size > 0)
    ended->head = g_bytes_new (bytes.data, bytes.size);
}

/* what is no milter greets in words, which make a length of a gigabyte */
static bool
looks_like_text (MilterBytes head)
{
  for (gsize i = 0; i < MIN (head.size, 4); i++)
    if (!g_ascii_isprint ((char) head.data[i]))
      return false;
  return true;
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
  if (player->config.lint)
    {
      milter_player_tell_notes (player);
      milter_lint_garbage (player->lint,
                           peer,
                           error != NULL ? error->message : "garbage",
                           milter_player_get_where (player));
    }
  player->peers[peer].garbage
      = g_strdup (error != NULL ? error->message : "they cannot be read as a frame");
  player->peers[peer].too_long
      = error != NULL && !looks_like_text (head)
        && g_error_matches (error, MILTER_CODEC_ERROR, MILTER_CODEC_ERROR_FRAME_TOO_LONG);
  end_peer (player, peer, head, now_us);
}

void
milter_player_ended (MilterPlayer *player,
                     guint peer,
                     gboolean reset,
                     MilterBytes leftover,
                     gint64 now_us)
{
  if (player->peers[peer].ended)
    return;
  if (player->config.lint)
    {
      milter_player_tell_notes (player);
      milter_lint_ended (player->lint, peer, leftover, milter_player_get_where (player));
    }
  player->peers[peer].reset = reset;
  end_peer (player, peer, leftover, now_us);
}

void
milter_player_pass_barrier (MilterPlayer *player, gint64 now_us)
{
  player->now_us = now_us;
  if (player->wait.kind == MILTER_WAIT_BARRIER)
    milter_player_end_wait (player);
}

const char *
milter_player_get_skip_reason (const MilterPlayer *player)
{
  return player->skip_reason;
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
