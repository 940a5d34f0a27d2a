/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-reply.c: answers are examined, and take effect on the session, the message and the
 * mail.
 */
#include "milter-player-private.h"

#include <string.h>

#include "milter-smtp-reply.h"

static void
set_fault (MilterRecord *record, char *fault)
{
  g_free (record->fault);
  record->fault = fault;
}

static void
examine_negotiation (const MilterPlayer *player, MilterRecord *record)
{
  const MilterMessage *message = &record->message;
  MilterOffer answer
      = { message->fields[0].number, message->fields[1].number, message->fields[2].number };
  g_autoptr (GError) error = NULL;

  if (milter_offer_check_answer (&player->peers[record->peer].session.offer, &answer, &error))
    return;
  record->wrong = true;
  set_fault (record, g_strdup (error->message));
}

/* An answer too many is taken for that to the next command (milter-protocol 7), so that it may be
 * seen only behind the last one; most come from a milter that forgot what it negotiated. */
static char *
tell_unasked (const MilterPlayer *player, const MilterRecord *record)
{
  guint32 silent = player->peers[record->peer].session.agreed.steps & MILTER_STEP_NO_REPLY_MASK;
  GString *text = g_string_new ("nobody asked for an answer after ");

  g_string_append (text, milter_failure_stage (record->command));
  if (record->command == MILTER_COMMAND_QUIT)
    g_string_append (text, "; an earlier one may be the one too many");
  if (silent != 0)
    {
      g_autofree char *names = milter_steps_to_string (silent);

      g_string_append_printf (text, "; the milter negotiated %s and owes no answer there", names);
    }
  return g_string_free (text, FALSE);
}

void
milter_player_examine (const MilterPlayer *player, MilterRecord *record)
{
  const MilterMessage *message = &record->message;
  const MilterSpec *spec = message->spec;
  const char *stage = milter_failure_stage (record->command);

  if (record->kind != MILTER_RECORD_MESSAGE)
    return;
  if (message->fault != MILTER_NO_FAULT || spec == NULL)
    {
      g_autoptr (GError) error = milter_message_get_fault (message);

      record->malformed = true;
      set_fault (record, g_strdup (error != NULL ? error->message : "an unknown letter"));
      return;
    }
  if (milter_record_is_edit (record))
    {
      bool at_end = record->command == MILTER_COMMAND_END_OF_MESSAGE;

      record->wrong = !at_end || !record->due;
      if (record->wrong)
        set_fault (
            record,
            at_end ? g_strdup_printf ("%s may only come before the answer to %s", spec->word, stage)
                   : g_strdup_printf ("%s may only come at the end of the message, not after %s",
                                      spec->word,
                                      stage));
      return;
    }
  record->unasked = !record->due;
  if (record->unasked)
    {
      set_fault (record, tell_unasked (player, record));
      return;
    }
  /* Postfix takes a SKIP anywhere (milter-protocol 3.5) */
  if (message->letter == MILTER_REPLY_SKIP && player->profile->skip_everywhere
      && record->command != MILTER_COMMAND_NEGOTIATE)
    return;
  if (spec->answers == NULL || strchr (spec->answers, record->command) == NULL)
    {
      record->wrong = true;
      set_fault (record, g_strdup_printf ("%s cannot answer %s", spec->word, stage));
      return;
    }
  if (record->command == MILTER_COMMAND_NEGOTIATE)
    examine_negotiation (player, record);
}

static void
decide (MilterPlayer *player,
        MilterDecision *decision,
        const MilterUnit *unit,
        const MilterRecord *record)
{
  if (decision->set)
    return;
  decision->set = true;
  decision->reply = record->message.letter;
  decision->command = unit->letter;
  decision->line = player->turn.where.line;
  decision->filled_in = !unit->own;
  decision->deferred = record->message.letter == MILTER_REPLY_REPLY_CODE
                       && record->message.payload.size > 0
                       && record->message.payload.data[0] == '4';
  decision->peer = record->peer;
}

static void
clear_verdict (MilterPlayedMessage *message)
{
  message->verdict = 0;
  message->verdict_command = 0;
  if (message->reply_text != NULL)
    g_string_free (message->reply_text, TRUE);
  message->reply_text = NULL;
}

/* there is no message that it could decide about */
static void
set_dismissal (MilterPlayer *player, const MilterRecord *record)
{
  player->dismissal = record->message.letter;
  g_string_truncate (player->dismissal_text, 0);
  if (record->message.letter == MILTER_REPLY_REPLY_CODE && record->message.fault == MILTER_NO_FAULT)
    g_string_append_len (player->dismissal_text,
                         (const char *) record->message.fields[0].bytes.data,
                         (gssize) record->message.fields[0].bytes.size);
}

static void
set_verdict (MilterPlayer *player, const MilterRecord *record)
{
  MilterPlayedMessage *message = player->message;

  if (message == NULL)
    return;
  clear_verdict (message);
  message->verdict = record->message.letter;
  message->verdict_command = record->command;
  message->ended_us = player->now_us;
  if (record->message.letter == MILTER_REPLY_REPLY_CODE && record->message.fault == MILTER_NO_FAULT)
    message->reply_text = g_string_new_len ((const char *) record->message.fields[0].bytes.data,
                                            (gssize) record->message.fields[0].bytes.size);
}

static void
take_options (MilterPeer *peer, const MilterMessage *message)
{
  MilterBytes lists;
  guint32 stage;
  MilterBytes names;

  if (message->letter != MILTER_REPLY_NEGOTIATE || message->fault != MILTER_NO_FAULT)
    return;
  lists = message->fields[3].bytes;
  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      if (stage >= MILTER_N_MACRO_STAGES)
        continue;
      g_clear_pointer (&peer->symbols[stage], g_bytes_unref);
      peer->symbols[stage] = g_bytes_new (names.data, names.size);
    }
}

/* 421, in either form, hangs up on the client at any stage (milter-protocol 3.7) */
static bool
hangs_up (const MilterMessage *message)
{
  return message->letter == MILTER_REPLY_SHUTDOWN
         || message->letter == MILTER_REPLY_CONNECTION_FAILURE
         || (message->letter == MILTER_REPLY_REPLY_CODE && message->payload.size >= 3
             && memcmp (message->payload.data, "421", 3) == 0);
}

static bool
is_refusal (guint8 reply)
{
  return reply == MILTER_REPLY_REJECT || reply == MILTER_REPLY_TEMPORARY_FAILURE
         || reply == MILTER_REPLY_REPLY_CODE;
}

static void
take_accept (MilterPlayer *player, const MilterUnit *unit, const MilterRecord *record)
{
  MilterPeer *peer = &player->peers[record->peer];

  if (strchr ("CH", unit->letter) != NULL)
    decide (player, &peer->connection_over, unit, record);
  else if (unit->letter != MILTER_COMMAND_UNKNOWN && unit->letter != MILTER_COMMAND_END_OF_MESSAGE)
    decide (player, &peer->message_over, unit, record);
  if (unit->letter != MILTER_COMMAND_UNKNOWN)
    set_verdict (player, record);
}

/* with Postfix no more of that command for a while, with sendmail of the body only (3.5) */
static void
take_skip (MilterPlayer *player, const MilterUnit *unit, const MilterRecord *record)
{
  MilterPeer *peer = &player->peers[record->peer];

  if (unit->letter == MILTER_COMMAND_BODY
      || (player->profile->skip_everywhere && strchr ("HMRLU", unit->letter) != NULL))
    decide (player, &peer->skipped, unit, record);
}

bool
milter_player_take_effect (MilterPlayer *player, const MilterUnit *unit, const MilterRecord *record)
{
  const MilterMessage *message = &record->message;
  guint8 reply = message->letter;
  guint8 command = unit->letter;

  if (command == MILTER_COMMAND_NEGOTIATE)
    {
      take_options (&player->peers[record->peer], message);
      return true;
    }
  if (hangs_up (message))
    {
      decide (player, &player->connection_over, unit, record);
      decide (player, &player->message_over, unit, record);
      set_verdict (player, record);
      if (player->message == NULL)
        set_dismissal (player, record);
      return false;
    }
  if (reply == MILTER_REPLY_ACCEPT)
    take_accept (player, unit, record);
  else if (reply == MILTER_REPLY_SKIP)
    take_skip (player, unit, record);
  else if (reply == MILTER_REPLY_CONTINUE && command == MILTER_COMMAND_END_OF_MESSAGE)
    set_verdict (player, record);
  if (!is_refusal (reply) && reply != MILTER_REPLY_DISCARD)
    return true;

  /* neither MTA discards a client, or an unknown command */
  if (reply == MILTER_REPLY_DISCARD && strchr ("CHU", command) != NULL)
    return true;
  if (strchr ("CH", command) != NULL)
    {
      decide (player, &player->connection_over, unit, record);
      set_dismissal (player, record);
    }
  else if (command != MILTER_COMMAND_UNKNOWN
           && !(is_refusal (reply) && command == MILTER_COMMAND_ENVELOPE_RECIPIENT))
    {
      if (command != MILTER_COMMAND_END_OF_MESSAGE)
        decide (player, &player->message_over, unit, record);
      set_verdict (player, record);
    }
  /* the last recipient that is refused decides about the message, if all are */
  if (is_refusal (reply) && command == MILTER_COMMAND_ENVELOPE_RECIPIENT && player->n_accepted == 0)
    set_verdict (player, record);
  return false;
}

static bool
has_edits (const MilterPlayer *player, guint peer)
{
  for (guint i = 0; i < player->turn.edits->len; i++)
    if (((const MilterRecord *) g_ptr_array_index (player->turn.edits, i))->peer == peer)
      return true;
  return false;
}

/* the edits of one milter, as the profile's MTA takes them */
void
milter_player_apply_edits (MilterPlayer *player, guint peer)
{
  MilterMail *mail;
  const MilterEditRules *rules = player->profile->edit_rules;

  if (player->message == NULL || !has_edits (player, peer))
    return;
  milter_player_ensure_after (player);
  mail = player->message->after;

  for (guint i = 0; i < player->turn.edits->len; i++)
    {
      MilterRecord *edit = g_ptr_array_index (player->turn.edits, i);
      g_autoptr (GError) error = NULL;

      if (edit->peer != peer || edit->malformed || edit->wrong)
        continue;
      if (milter_mail_edit (mail, &edit->message, rules, edit->leading_space, &error))
        continue;
      edit->wrong = true;
      set_fault (edit,
                 g_strdup_printf ("%s would refuse it: %s", player->profile->name, error->message));
    }
  milter_mail_finish_edits (mail, rules);
}

/* the next milter of the chain that is still interested in the message */
static bool
pass_on (MilterPlayer *player, int last)
{
  for (guint i = (guint) (last + 1); i < player->config.n_peers; i++)
    {
      const MilterPeer *peer = &player->peers[i];

      if (peer->message_over.set || peer->connection_over.set || peer->ended || peer->quit)
        continue;
      milter_player_plan_content (player, i);
      return true;
    }
  return false;
}

/* The end of the message has been answered by all of the chain. Those who were not asked, since an
 * earlier one refused, are told that there is nothing to come. */
static void
leave_answered_message (MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      const MilterPeer *peer = &player->peers[i];
      const char *letters = milter_player_parting_letters (player, i);

      if (peer->last_command == MILTER_COMMAND_END_OF_MESSAGE)
        letters = player->profile->after_message;
      if (peer->in_message && !peer->ended)
        milter_player_plan_letters (player, &player->after, letters, (int) i);
    }
  player->message_done = true;
}

static void
end_recipient (MilterPlayer *player, const MilterUnit *unit)
{
  MilterMessage message;
  gsize size;
  const guint8 *data = g_bytes_get_data (unit->payload, &size);

  if (player->n_accepted++ == 0)
    g_string_assign (player->first_recipient, player->recipient->str);
  /* an earlier refusal was that recipient's alone */
  if (player->message != NULL
      && player->message->verdict_command == MILTER_COMMAND_ENVELOPE_RECIPIENT
      && is_refusal (player->message->verdict))
    clear_verdict (player->message);
  milter_message_parse (MILTER_SIDE_MTA, unit->letter, milter_bytes (data, size), &message);
  if (player->message != NULL && message.fault == MILTER_NO_FAULT)
    milter_mail_add_recipient (
        player->message->before, message.fields[0].bytes, message.fields[1].bytes);
}

/* Postfix tells at once that there is no message (milter-protocol 3.4) */
static void
leave_refused_mail (MilterPlayer *player)
{
  const char *letters = player->profile->after_refused_mail;

  if (!player->message_over.set || !is_refusal (player->message_over.reply)
      || player->connection_over.set)
    return;
  player->id_is_free = true;
  if (*letters == '\0')
    return;
  for (guint i = 0; i < player->config.n_peers; i++)
    if (player->peers[i].in_message && !player->peers[i].ended)
      {
        milter_player_plan_letters (player, &player->after, letters, (int) i);
        player->peers[i].in_message = false;
      }
}

static void
end_helo (MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      for (gsize k = 0; k < G_N_ELEMENTS (peer->after_helo); k++)
        if (peer->after_helo[k] != NULL && !peer->ended && !peer->connection_over.set
            && !player->connection_over.set)
          milter_player_plan_letters (player, &player->after, peer->after_helo[k], (int) i);
      memset (peer->after_helo, 0, sizeof peer->after_helo);
    }
}

void
milter_player_end_unit (MilterPlayer *player, const MilterUnit *unit, bool refused)
{
  milter_player_drop_macros (player, unit->letter);
  if (unit->letter == MILTER_COMMAND_HELO && !unit->verbatim)
    end_helo (player);
  if (unit->letter == MILTER_COMMAND_ENVELOPE_FROM && refused && !unit->verbatim)
    leave_refused_mail (player);
  if (unit->letter == MILTER_COMMAND_ENVELOPE_RECIPIENT && !refused && player->has_recipient
      && !player->message_over.set && !player->connection_over.set)
    end_recipient (player, unit);
  if (unit->letter != MILTER_COMMAND_END_OF_MESSAGE || !unit->own || unit->verbatim)
    return;
  if (!refused && !player->message_over.set && !player->connection_over.set
      && !(player->n_recipients > 0 && player->n_accepted == 0) && pass_on (player, unit->peer))
    return;
  if (player->eom_answered)
    leave_answered_message (player);
}
