/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-ahead.c: `send-as together`: commands leave in one write, ahead of the answers to
 * those before them.
 *
 * Verdicts do not change: the lines are played as ever, one by one, only that a command which has
 * left already is not sent again. What leaves is found out by an understudy, a second player that
 * takes every answer for `continue`. When an answer is another one, commands are out that would not
 * have been sent: libmilter drops those of a message that it decided (milter-protocol 3.1), others
 * answer them all the same, so that such answers may come, and are not judged. A write ends where a
 * message is left behind, and behind `frame` and `raw`: answers to what follows could not be told
 * from others. In a chain a milter is asked what those before it let pass; there only the content of
 * a message, which goes to one of them as a whole, leaves together.
 */
#include "milter-player-private.h"

#include <string.h>

/* what is held in memory to leave at once */
#define MAX_TOGETHER ((gsize) 64 << 20)

void
milter_player_drop_ahead (MilterPeer *peer)
{
  g_queue_clear_full (&peer->ahead, g_free);
  g_queue_clear_full (&peer->answers, milter_record_free);
  g_clear_pointer (&peer->last_surplus, milter_record_free);
  peer->answers_size = 0;
  peer->surplus = 0;
}

/* --- the understudy --------------------------------------------------------------------------- */

static void
copy_fact (GString *to, const GString *from)
{
  g_string_truncate (to, 0);
  g_string_append_len (to, from->str, (gssize) from->len);
}

static void
copy_peer (MilterPeer *to, const MilterPeer *from)
{
  to->asked = from->asked;
  to->opened = from->opened;
  to->session.offer = from->session.offer;
  to->session.agreed = from->session.agreed;
  to->in_message = from->in_message;
  to->message_over = from->message_over;
  to->connection_over = from->connection_over;
  to->skipped = from->skipped;
  to->last_command = from->last_command;
  memcpy (to->after_helo, from->after_helo, sizeof to->after_helo);
  for (guint i = 0; i < MILTER_N_MACRO_STAGES; i++)
    to->symbols[i] = from->symbols[i] != NULL ? g_bytes_ref (from->symbols[i]) : NULL;
}

static void
copy_said (MilterPlayer *to, const MilterPlayer *from)
{
  to->negotiated = from->negotiated;
  to->connected = from->connected;
  to->heloed = from->heloed;
  to->mail = from->mail;
  to->rcpt = from->rcpt;
  to->data = from->data;
  to->eoh = from->eoh;
  to->n_fields = from->n_fields;
  to->n_recipients = from->n_recipients;
  to->n_accepted = from->n_accepted;
  to->content_peer = from->content_peer;
  to->content_begun = from->content_begun;
  to->port = from->port;
  to->has_sender = from->has_sender;
  to->has_recipient = from->has_recipient;
  to->fills_in = from->fills_in;
  to->lost = from->lost;
  to->lost_line = from->lost_line;
  copy_fact (to->host, from->host);
  copy_fact (to->address, from->address);
  copy_fact (to->helo, from->helo);
  copy_fact (to->sender, from->sender);
  copy_fact (to->recipient, from->recipient);
  copy_fact (to->first_recipient, from->first_recipient);
  copy_fact (to->message_id, from->message_id);
  to->n_mails = from->n_mails;
  to->id_is_free = from->id_is_free;
  milter_player_copy_macros (to, from);
}

static void
copy_units (MilterPlayer *to, const MilterPlayer *from)
{
  for (const GList *i = from->units.head; i != NULL; i = i->next)
    {
      const MilterUnit *unit = i->data;
      MilterUnit *copy = g_memdup2 (unit, sizeof *unit);

      copy->payload = unit->payload != NULL ? g_bytes_ref (unit->payload) : NULL;
      copy->name = unit->name != NULL ? g_bytes_ref (unit->name) : NULL;
      copy->value = unit->value != NULL ? g_bytes_ref (unit->value) : NULL;
      milter_player_push_unit (&to->units, copy);
    }
}

static MilterPlayer *
make_understudy (MilterPlayer *star, const MilterUnit *unit)
{
  static const MilterStepSourceClass none = { 0 };
  MilterPlayer *player
      = milter_player_new (star->name, (MilterStepSource){ &none, NULL }, &star->config);

  player->star = star;
  player->cue = star->steps.head;
  player->cue_peer = unit->peer >= 0 ? (guint) unit->peer : 0;
  player->now_us = star->now_us;
  player->last_where = star->last_where;
  copy_said (player, star);
  for (guint i = 0; i < star->config.n_peers; i++)
    copy_peer (&player->peers[i], &star->peers[i]);
  copy_units (player, star);
  if (star->message != NULL)
    milter_player_ensure_message (player);
  milter_turn_begin (player, star->turn.step);
  return player;
}

void
milter_player_send_ahead (MilterPlayer *player, const MilterUnit *unit)
{
  g_autoptr (MilterPlayer) understudy = NULL;

  if (player->writes.send_as != MILTER_SEND_AS_TOGETHER || player->star != NULL || !player->negotiated
      || unit->verbatim || unit->letter == MILTER_COMMAND_NEGOTIATE
      || (player->config.n_peers > 1 && unit->peer < 0)
      /* where a line cuts the bytes off, what was answered before is told as ever */
      || !g_queue_is_empty (&player->writes.armed))
    return;
  /* which answers are due is known here only, where some may come or not */
  milter_player_provoke (player, unit->peer >= 0 ? (guint) unit->peer : 0);
  understudy = make_understudy (player, unit);
  while (!understudy->cue_over && understudy->phase < MILTER_PHASE_LEAVING)
    milter_player_advance (understudy);
}

bool
milter_player_ahead_ends_at_step (MilterPlayer *player, const MilterStep *step)
{
  switch (step->kind)
    {
    case MILTER_STEP_KIND_COMMAND:
    case MILTER_STEP_KIND_EML:
    case MILTER_STEP_KIND_MESSAGE:
    case MILTER_STEP_KIND_FRAME:
    case MILTER_STEP_KIND_RAW:
    case MILTER_STEP_KIND_TIMEOUT:
    case MILTER_STEP_KIND_GENERATE:
      return false;
    case MILTER_STEP_KIND_REPEAT:
    case MILTER_STEP_KIND_BARRIER:
    case MILTER_STEP_KIND_SEND_AS:
    case MILTER_STEP_KIND_STALL:
    case MILTER_STEP_KIND_CLOSE:
    case MILTER_STEP_KIND_RESET:
    case MILTER_STEP_KIND_HALF_CLOSE:
    case MILTER_STEP_KIND_LOST:
      return true;
    }
  g_assert_not_reached ();
}

/* a line that wants more than the one answer, or none, would be given those to what follows */
static bool
wants_unusual (const MilterPlayer *player)
{
  const MilterTurn *turn = &player->turn;
  guint n = milter_player_n_reply_lines (player, 0);
  const MilterExpectation *line = milter_player_reply_line (player, 0, 0);

  return n > 1
         || (n == 1
             && ((turn->letter != 0 && strchr ("AKD", turn->letter) != NULL)
                 || milter_expectation_has (line, MILTER_ANSWER_KIND_NONE)
                 || milter_expectation_has (line, MILTER_ANSWER_KIND_CLOSED)
                 || milter_expectation_has (line, MILTER_ANSWER_KIND_RESET)));
}

bool
milter_player_ahead_ends_at_unit (MilterPlayer *player, guint peer, const MilterUnit *unit)
{
  const GQueue *ahead = &player->star->peers[peer].ahead;

  if (ahead->length == 0)
    return false;
  if (unit->letter == MILTER_COMMAND_NEGOTIATE
      || player->star->peers[peer].out->len > MAX_TOGETHER
      || (player->config.n_peers > 1 && (unit->peer < 0 || player->cue_peer != peer)))
    return true;
  if (unit->verbatim || strchr ("CHM", unit->letter) == NULL)
    return false;
  for (const GList *i = ahead->head; i != NULL; i = i->next)
    if (strchr ("MRTLNBEAK", ((const MilterAhead *) i->data)->letter) != NULL)
      return true;
  return false;
}

/* the last of a write: the end of a message or of the connection, and what is not judged by itself */
static bool
is_last (const MilterPlayer *player, const MilterUnit *unit)
{
  return unit->verbatim || strchr ("EQ", unit->letter) != NULL
         || (unit->own && wants_unusual (player));
}

void
milter_player_note_ahead (MilterPlayer *player, guint peer, const MilterUnit *unit)
{
  MilterAhead *ahead = g_new0 (MilterAhead, 1);

  ahead->step = player->turn.step;
  ahead->letter = unit->letter;
  ahead->own = unit->own;
  ahead->answered = !unit->verbatim
                    && milter_session_is_answered (&player->peers[peer].session, unit->letter)
                    && milter_session_is_wanted (&player->peers[peer].session, unit->letter);
  g_queue_push_tail (&player->star->peers[peer].ahead, ahead);
  if (is_last (player, unit))
    player->cue_over = true;
}

/* --- the answers ------------------------------------------------------------------------------ */

/* those that are passed over would not have been sent: there is nothing left to decide */
static void
pass_over (MilterPeer *peer)
{
  MilterAhead *ahead = g_queue_pop_head (&peer->ahead);

  peer->surplus += ahead->answered;
  g_free (ahead);
}

MilterAhead *
milter_player_take_ahead (MilterPlayer *player, guint index, const MilterUnit *unit)
{
  MilterPeer *peer = &player->peers[index];
  GList *link = peer->ahead.head;

  for (; link != NULL; link = link->next)
    {
      const MilterAhead *ahead = link->data;

      if (ahead->step == player->turn.step && ahead->letter == unit->letter
          && ahead->own == unit->own)
        break;
    }
  if (link == NULL)
    return NULL;
  while (peer->ahead.head != link)
    pass_over (peer);
  return g_queue_pop_head (&peer->ahead);
}

bool
milter_player_is_ahead (const MilterPeer *peer)
{
  return peer->surplus > 0 || peer->ahead.length > 0
         || peer->answers.length > 0;
}

void
milter_player_keep_answer (MilterPlayer *player, MilterRecord *record)
{
  MilterPeer *peer = &player->peers[record->peer];

  /* the milter worked on one after the other */
  record->after_us = player->now_us - MAX (peer->sent_us, peer->answered_us);
  if (!milter_record_is_edit (record))
    peer->answered_us = player->now_us;
  peer->answers_size += MILTER_PLAYER_EDIT_COST + record->message.payload.size;
  g_queue_push_tail (&peer->answers, record);
  if (peer->answers_size > player->config.max_edits)
    milter_player_judge_flood (player, record);
}

static MilterRecord *
next_answer (MilterPeer *peer)
{
  MilterRecord *record = g_queue_pop_head (&peer->answers);

  if (record != NULL)
    peer->answers_size -= MILTER_PLAYER_EDIT_COST + record->message.payload.size;
  return record;
}

/* An answer to a command that would not have been sent; the last one is remembered: a milter that
 * answers nothing behind its SKIP has not answered those, but what is waited for. */
static void
take_surplus (MilterPeer *peer, MilterRecord *record)
{
  if (!milter_record_is_edit (record))
    peer->surplus--;
  g_clear_pointer (&peer->last_surplus, milter_record_free);
  peer->last_surplus = record;
}

bool
milter_player_play_answer (MilterPlayer *player)
{
  MilterPeer *peer = &player->peers[player->wait.peer];
  MilterRecord *record;

  while ((record = next_answer (peer)) != NULL)
    {
      bool is_edit = milter_record_is_edit (record);

      if (peer->surplus > 0 && !is_edit)
        {
          take_surplus (peer, record);
          continue;
        }
      /* an edit is the beginning of the answer to the end of the message, which follows */
      peer->surplus = 0;
      g_clear_pointer (&peer->last_surplus, milter_record_free);
      milter_player_resolve (player, record);
      if (!is_edit || player->phase >= MILTER_PHASE_CLOSING)
        return true;
    }
  return false;
}

bool
milter_player_settle_ahead (MilterPlayer *player, guint index)
{
  MilterPeer *peer = &player->peers[index];
  MilterRecord *record;

  while (!g_queue_is_empty (&peer->ahead))
    pass_over (peer);
  while (peer->surplus > 0 && (record = next_answer (peer)) != NULL)
    take_surplus (peer, record);
  if (peer->surplus > 0 && !peer->ended)
    {
      milter_player_begin_wait (player, MILTER_WAIT_QUIET, index, 0, /* due= */ false, NULL);
      return true;
    }
  peer->surplus = 0;
  while ((record = next_answer (peer)) != NULL)
    g_ptr_array_add (peer->strays, record);
  g_clear_pointer (&peer->last_surplus, milter_record_free);
  return false;
}
