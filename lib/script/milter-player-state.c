/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-state.c: what has been said so far: commands take effect here, on the SMTP session,
 * the message, and the mail as the MTA holds it.
 */
#include "milter-player-private.h"

#include <string.h>

#include "milter-payload.h"

/* what an edit was not applied to is the mail as it was sent */
static void
drop_after (MilterPlayedMessage *message)
{
  if (message->after != message->before)
    milter_mail_free (message->after);
  message->after = NULL;
}

static void
drop_mails (MilterPlayedMessage *message)
{
  drop_after (message);
  g_clear_pointer (&message->before, milter_mail_free);
}

void
milter_played_message_free (gpointer data)
{
  MilterPlayedMessage *message = data;

  drop_mails (message);
  if (message->reply_text != NULL)
    g_string_free (message->reply_text, TRUE);
  g_free (message);
}

MilterPlayedMessage *
milter_player_ensure_message (MilterPlayer *player)
{
  MilterPlayedMessage *message = player->message;

  if (message != NULL)
    return message;
  message = g_new0 (MilterPlayedMessage, 1);
  message->before = milter_mail_new ();
  message->started_us = player->now_us;
  g_ptr_array_add (player->messages, message);
  player->message = message;
  return message;
}

typedef struct
{
  GBytes *name, *value;
} Field;

static void
field_clear (gpointer data)
{
  Field *field = data;

  g_bytes_unref (field->name);
  g_bytes_unref (field->value);
}

/* takes both; the mail has the field when the milter is at work, or somebody looks at the mail */
static void
postpone_field (MilterPlayer *player, GBytes *name, GBytes *value)
{
  Field field = { name, value };

  if (player->fields == NULL)
    {
      player->fields = g_array_new (FALSE, FALSE, sizeof (Field));
      g_array_set_clear_func (player->fields, field_clear);
    }
  g_array_append_val (player->fields, field);
}

static void
write_fields (MilterPlayer *player)
{
  if (player->fields == NULL || player->fields->len == 0)
    return;
  for (guint i = 0; i < player->fields->len; i++)
    {
      const Field *field = &g_array_index (player->fields, Field, i);

      milter_mail_append_header (
          player->message->before, milter_payload_view (field->name), milter_payload_view (field->value), /* hidden= */ FALSE);
    }
  g_array_set_size (player->fields, 0);
}

/* a session of many messages would hold the bodies of all of them */
static void
drop_old_mails (MilterPlayer *player)
{
  guint n = player->messages->len;

  if (n > MILTER_PLAYER_KEPT_MAILS)
    drop_mails (g_ptr_array_index (player->messages, n - 1 - MILTER_PLAYER_KEPT_MAILS));
}

void
milter_player_settle_mails (MilterPlayer *player)
{
  write_fields (player);
  drop_old_mails (player);
}

/* every message has both mails at its end, whatever became of it */
static void
complete_message (MilterPlayer *player)
{
  MilterPlayedMessage *message = player->message;

  if (message == NULL)
    return;
  milter_player_settle_mails (player);
  if (message->after == NULL)
    message->after = message->before;
  if (message->ended_us == 0)
    message->ended_us = player->now_us;
  player->message = NULL;
}

void
milter_player_end_message (MilterPlayer *player)
{
  complete_message (player);
  player->mail = player->rcpt = player->data = player->eoh = false;
  player->n_fields = player->n_recipients = player->n_accepted = 0;
  player->content_begun = false;
  player->eom_answered = false;
  player->has_sender = player->has_recipient = false;
  g_string_truncate (player->sender, 0);
  g_string_truncate (player->recipient, 0);
  g_string_truncate (player->first_recipient, 0);
  g_string_truncate (player->message_id, 0);
  memset (&player->message_over, 0, sizeof player->message_over);
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      peer->in_message = false;
      memset (&peer->message_over, 0, sizeof peer->message_over);
    }
}

static void
set_fact (GString *fact, MilterBytes bytes)
{
  g_string_truncate (fact, 0);
  g_string_append_len (fact, (const char *) bytes.data, (gssize) bytes.size);
}

static void
begin_session (MilterPlayer *player)
{
  milter_player_end_message (player);
  player->connected = player->heloed = false;
  player->n_mails = 0;
  player->id_is_free = false;
  player->dismissal = 0;
  g_string_truncate (player->dismissal_text, 0);
  memset (&player->connection_over, 0, sizeof player->connection_over);
  for (guint i = 0; i < player->config.n_peers; i++)
    memset (&player->peers[i].connection_over, 0, sizeof player->peers[i].connection_over);
}

static void
begin_connect (MilterPlayer *player, const MilterMessage *message)
{
  player->connected = true;
  if (message->fault != MILTER_NO_FAULT)
    return;
  set_fact (player->host, message->fields[0].bytes);
  set_fact (player->address, message->fields[1].address.text);
  player->port = message->fields[1].address.port;
}

static void
begin_helo (MilterPlayer *player, const MilterMessage *message)
{
  milter_player_end_message (player);
  player->heloed = true;
  if (message->fault == MILTER_NO_FAULT)
    set_fact (player->helo, message->fields[0].bytes);
}

/* all have accepted the client, and with it its messages */
static void
take_earlier_verdict (MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    if (!player->peers[i].connection_over.set)
      return;
  player->message->verdict = player->peers[0].connection_over.reply;
  player->message->verdict_command = player->peers[0].connection_over.command;
}

static void
begin_mail (MilterPlayer *player, const MilterMessage *message)
{
  milter_player_end_message (player);
  if (!player->message_named)
    g_clear_pointer (&player->message_name, g_free);
  player->message_named = false;
  player->mail = true;
  player->n_mails += !player->id_is_free;
  player->id_is_free = false;
  for (guint i = 0; i < player->config.n_peers; i++)
    player->peers[i].in_message = !player->peers[i].connection_over.set && !player->peers[i].ended;
  milter_player_ensure_message (player);
  take_earlier_verdict (player);
  if (message->fault != MILTER_NO_FAULT)
    return;
  set_fact (player->sender, message->fields[0].bytes);
  player->has_sender = true;
  milter_mail_set_sender (
      player->message->before, message->fields[0].bytes, message->fields[1].bytes);
}

static void
begin_recipient (MilterPlayer *player, const MilterMessage *message)
{
  milter_player_ensure_message (player);
  player->rcpt = true;
  player->n_recipients++;
  if (message->fault != MILTER_NO_FAULT)
    return;
  set_fact (player->recipient, message->fields[0].bytes);
  player->has_recipient = true;
}

static void
begin_header (MilterPlayer *player, MilterBytes name, MilterBytes value)
{
  player->n_fields++;
  if (!milter_bytes_equal_caseless (name, milter_bytes_from_string ("Message-Id")))
    return;
  while (value.size > 0 && g_ascii_isspace (value.data[0]))
    value = milter_bytes (value.data + 1, value.size - 1);
  set_fact (player->message_id, value);
}

/* the whole content goes to the first milter that still takes part; at the end of the message the
 * others follow (milter-protocol 3.3) */
static void
begin_content (MilterPlayer *player, MilterUnit *unit)
{
  if (!player->content_begun)
    {
      guint first = 0;

      while (first + 1 < player->config.n_peers
             && (player->peers[first].message_over.set || player->peers[first].connection_over.set))
        first++;
      player->content_peer = first;
      player->content_begun = true;
    }
  unit->peer = (int) player->content_peer;
}

static void
begin_end_of_message (MilterPlayer *player)
{
  MilterPlayedMessage *message = milter_player_ensure_message (player);

  write_fields (player);
  drop_after (message);
}

void
milter_player_deliver (MilterPlayer *player)
{
  MilterPlayedMessage *message = player->message;

  if (message != NULL && message->after == NULL)
    message->after = message->before;
}

void
milter_player_ensure_after (MilterPlayer *player)
{
  MilterPlayedMessage *message = player->message;

  if (message == NULL || (message->after != NULL && message->after != message->before))
    return;
  write_fields (player);
  message->after = milter_mail_copy (message->before);
  milter_profile_hide_headers (player->profile, message->after);
}

/* @own: a line says so; what the profile sends by itself goes with what ends the message */
static void
begin_command (MilterPlayer *player, guint8 letter, bool own, const MilterMessage *message)
{
  switch (letter)
    {
    case MILTER_COMMAND_NEGOTIATE:
      player->negotiated = true;
      break;
    case MILTER_COMMAND_CONNECT:
      begin_connect (player, message);
      break;
    case MILTER_COMMAND_HELO:
      begin_helo (player, message);
      break;
    case MILTER_COMMAND_ENVELOPE_FROM:
      begin_mail (player, message);
      break;
    case MILTER_COMMAND_ENVELOPE_RECIPIENT:
      begin_recipient (player, message);
      break;
    case MILTER_COMMAND_DATA:
      player->data = true;
      break;
    case MILTER_COMMAND_HEADER:
      if (message->fault == MILTER_NO_FAULT)
        {
          MilterBytes name = message->fields[0].bytes, value = message->fields[1].bytes;

          milter_player_ensure_message (player);
          postpone_field (
              player, g_bytes_new (name.data, name.size), g_bytes_new (value.data, value.size));
          begin_header (player, name, value);
        }
      break;
    case MILTER_COMMAND_END_OF_HEADER:
      player->eoh = true;
      break;
    case MILTER_COMMAND_BODY:
      milter_mail_append_body (milter_player_ensure_message (player)->before, message->payload);
      break;
    case MILTER_COMMAND_END_OF_MESSAGE:
      milter_mail_append_body (milter_player_ensure_message (player)->before, message->payload);
      begin_end_of_message (player);
      break;
    case MILTER_COMMAND_ABORT:
      if (own)
        milter_player_end_message (player);
      break;
    case MILTER_COMMAND_QUIT_NC:
      begin_session (player);
      break;
    default:
      break;
    }
}

static bool
anyone_wants (const MilterPlayer *player, guint8 letter)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    if (milter_session_is_wanted (&player->peers[i].session, letter))
      return true;
  return false;
}

void
milter_player_begin_unit (MilterPlayer *player, MilterUnit *unit)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, unit->letter);
  MilterMessage message;
  gsize size;
  const guint8 *data;

  unit->begun = true;
  /* for a later milter of a chain: all of it has been taken in before */
  if (spec == NULL || (unit->peer >= 0 && unit->own && !unit->verbatim))
    return;
  if (unit->letter == MILTER_COMMAND_QUIT_NC && !unit->verbatim
      && !anyone_wants (player, unit->letter))
    return;
  if (strchr ("LNBE", unit->letter) != NULL && !unit->verbatim)
    begin_content (player, unit);
  /* nothing is taken in any more for a message that was refused, or a client that was */
  if (!unit->verbatim && strchr ("OAQK", unit->letter) == NULL
      && (player->connection_over.set
          || (player->message_over.set && spec->in_message
              && unit->letter != MILTER_COMMAND_ENVELOPE_FROM)))
    return;
  if (unit->payload == NULL)
    {
      milter_player_ensure_message (player);
      postpone_field (player, g_bytes_ref (unit->name), g_bytes_ref (unit->value));
      begin_header (player, milter_payload_view (unit->name), milter_payload_view (unit->value));
      return;
    }
  data = g_bytes_get_data (unit->payload, &size);
  milter_message_parse (MILTER_SIDE_MTA, unit->letter, milter_bytes (data, size), &message);
  begin_command (player, unit->letter, unit->own, &message);
}
