/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-send.c: from lines and units to frames, macros in front of them.
 *
 * Payloads are put together here byte by byte and not by the encoder, as milter-payload.h tells.
 */
#include "milter-player-private.h"

#include <string.h>

#include "milter-payload.h"

#define DEFAULT_HOST      "client.example.com"
#define DEFAULT_ADDRESS   "192.0.2.1"
#define DEFAULT_PORT      50443
#define DEFAULT_SENDER    "<sender@example.com>"
#define DEFAULT_RECIPIENT "<recipient@example.net>"

/* an item of a `macro` line that waits for the next command of its stage */
typedef struct
{
  guint8 letter;
  GBytes *name;
  GBytes *value; /* NULL: to be taken out */
} PendingMacro;

static void
pending_macro_free (gpointer data)
{
  PendingMacro *macro = data;

  g_bytes_unref (macro->name);
  g_clear_pointer (&macro->value, g_bytes_unref);
  g_free (macro);
}

/* connect [HOST [ADDRESS]] [port=N] */
static GBytes *
connect_payload (const MilterProfile *profile, const MilterStep *step)
{
  GByteArray *payload = g_byte_array_new ();
  guint n = step != NULL ? step->arguments->len : 0;
  MilterBytes host = n > 0 ? milter_payload_view (g_ptr_array_index (step->arguments, 0))
                           : milter_bytes_from_string (DEFAULT_HOST);
  MilterBytes address = n > 1 ? milter_payload_view (g_ptr_array_index (step->arguments, 1))
                              : milter_bytes_from_string (DEFAULT_ADDRESS);
  guint16 port = step != NULL && step->has_port ? step->port : DEFAULT_PORT;
  bool is_unix = address.size >= 5 && memcmp (address.data, "unix:", 5) == 0;
  bool is_ipv6 = !is_unix && address.size > 0 && memchr (address.data, ':', address.size) != NULL;
  guint16 wire_port;

  milter_payload_append_string (payload, host);
  if (milter_bytes_equal_string (address, "unknown"))
    {
      milter_payload_append (payload, milter_bytes ("U", 1));
      return g_byte_array_free_to_bytes (payload);
    }
  if (is_unix)
    address = milter_bytes (address.data + 5, address.size - 5);
  if (is_unix && (step == NULL || !step->has_port))
    port = 0;
  wire_port = GUINT16_TO_BE (port);
  milter_payload_append (payload, milter_bytes (is_unix ? "L" : is_ipv6 ? "6" : "4", 1));
  milter_payload_append (payload, milter_bytes (&wire_port, 2));
  /* sendmail writes IPv6:::1, unless the line already does (milter-protocol 4) */
  if (is_ipv6
      && !(address.size >= 5 && g_ascii_strncasecmp ((const char *) address.data, "IPv6:", 5) == 0))
    milter_payload_append (payload, milter_bytes_from_string (profile->ipv6_prefix));
  milter_payload_append_string (payload, address);
  return g_byte_array_free_to_bytes (payload);
}

GBytes *
milter_payload_macro (const MilterStep *step)
{
  GByteArray *payload = g_byte_array_new ();

  milter_payload_append (payload, milter_bytes (&step->letter, 1));
  for (guint i = 0; i < step->macros->len; i++)
    {
      const MilterMacroItem *item = g_ptr_array_index (step->macros, i);

      if (item->value == NULL)
        continue;
      milter_payload_append_string (payload, milter_payload_view (item->name));
      milter_payload_append_string (payload, milter_payload_view (item->value));
    }
  return g_byte_array_free_to_bytes (payload);
}

static GBytes *
negotiate_payload (const MilterProfile *profile, const MilterStep *step)
{
  MilterOffer offer = profile->offer;

  if (step != NULL)
    offer = milter_offer_from_args (&profile->offer, &step->negotiate);
  return milter_payload_negotiate (&offer, step != NULL ? &step->negotiate : NULL);
}

/* what a command carries if its line does not say; those that are not here carry nothing */
static const struct
{
  guint8 letter;
  const char *text;
} defaults[] = {
  { MILTER_COMMAND_HELO, DEFAULT_HOST },
  { MILTER_COMMAND_ENVELOPE_FROM, DEFAULT_SENDER },
  { MILTER_COMMAND_ENVELOPE_RECIPIENT, DEFAULT_RECIPIENT },
  { MILTER_COMMAND_UNKNOWN, "" },
};

GBytes *
milter_payload_for_profile (const MilterProfile *profile, guint8 letter, const MilterStep *step)
{
  if (letter == MILTER_COMMAND_NEGOTIATE)
    return negotiate_payload (profile, step);
  if (letter == MILTER_COMMAND_CONNECT)
    return connect_payload (profile, step);
  for (gsize i = 0; i < G_N_ELEMENTS (defaults); i++)
    if (defaults[i].letter == letter)
      return milter_payload_strings (step != NULL ? step->arguments : NULL, defaults[i].text);
  return g_bytes_new (NULL, 0);
}

GBytes *
milter_payload_for_step (const MilterPlayer *player, const MilterStep *step)
{
  return milter_payload_for_profile (player->profile, step->spec->letter, step);
}

GBytes *
milter_payload_default (const MilterPlayer *player, guint8 letter)
{
  return milter_payload_for_profile (player->profile, letter, /* step= */ NULL);
}

static void
keep_macro (MilterPlayer *player, guint8 letter, GBytes *name, GBytes *value)
{
  PendingMacro *macro = g_new0 (PendingMacro, 1);

  macro->letter = letter;
  macro->name = g_bytes_ref (name);
  macro->value = value != NULL ? g_bytes_ref (value) : NULL;
  if (player->pending_macros == NULL)
    player->pending_macros = g_ptr_array_new_with_free_func (pending_macro_free);
  g_ptr_array_add (player->pending_macros, macro);
}

void
milter_player_keep_macros (MilterPlayer *player, const MilterStep *step)
{
  for (guint i = 0; i < step->macros->len; i++)
    {
      const MilterMacroItem *item = g_ptr_array_index (step->macros, i);

      keep_macro (player, step->letter, item->name, item->value);
    }
}

void
milter_player_drop_macros (MilterPlayer *player, guint8 letter)
{
  for (guint i = player->pending_macros != NULL ? player->pending_macros->len : 0; i > 0; i--)
    if (((const PendingMacro *) g_ptr_array_index (player->pending_macros, i - 1))->letter
        == letter)
      g_ptr_array_remove_index (player->pending_macros, i - 1);
}

/* for an understudy */
void
milter_player_copy_macros (MilterPlayer *to, const MilterPlayer *from)
{
  for (guint i = 0; from->pending_macros != NULL && i < from->pending_macros->len; i++)
    {
      const PendingMacro *macro = g_ptr_array_index (from->pending_macros, i);

      keep_macro (to, macro->letter, macro->name, macro->value);
    }
}

/* sets one macro where it stands, or at the end; NULL takes it out */
static void
set_pair (GByteArray *pairs, GBytes *name, GBytes *value)
{
  g_autoptr (GByteArray) old = g_byte_array_new ();
  MilterBytes rest, old_name, old_value;
  bool found = false;

  milter_payload_append (old, milter_bytes (pairs->data, pairs->len));
  g_byte_array_set_size (pairs, 0);
  rest = milter_bytes (old->data, old->len);
  while (milter_strings_next (&rest, &old_name))
    {
      bool same = milter_bytes_equal (old_name, milter_payload_view (name));

      if (!milter_strings_next (&rest, &old_value))
        old_value = milter_bytes (NULL, 0);
      if (same && (value == NULL || found))
        continue;
      milter_payload_append_string (pairs, old_name);
      milter_payload_append_string (pairs, same ? milter_payload_view (value) : old_value);
      found = found || same;
    }
  if (!found && value != NULL)
    {
      milter_payload_append_string (pairs, milter_payload_view (name));
      milter_payload_append_string (pairs, milter_payload_view (value));
    }
}

static bool
apply_macro_lines (const MilterPlayer *player, guint8 letter, GByteArray *pairs)
{
  const GPtrArray *lines = player->config.macros;
  bool any = false;

  for (guint i = 0; lines != NULL && i < lines->len; i++)
    {
      const MilterStep *step = g_ptr_array_index (lines, i);

      for (guint m = 0; step->letter == letter && m < step->macros->len; m++)
        {
          const MilterMacroItem *item = g_ptr_array_index (step->macros, m);

          set_pair (pairs, item->name, item->value);
          any = true;
        }
    }
  for (guint i = 0; player->pending_macros != NULL && i < player->pending_macros->len; i++)
    {
      const PendingMacro *macro = g_ptr_array_index (player->pending_macros, i);

      if (macro->letter != letter)
        continue;
      set_pair (pairs, macro->name, macro->value);
      any = true;
    }
  return any;
}

static MilterBytes
text_of (const GString *string)
{
  /* a macro's value ends at a NUL, wherever an address goes on */
  return milter_bytes (string->str, strlen (string->str));
}

static bool
append_profile_macros (const MilterPlayer *player,
                       const MilterProfile *profile,
                       const MilterPeer *peer,
                       guint8 letter,
                       GByteArray *pairs)
{
  bool is_recipient = letter == MILTER_COMMAND_ENVELOPE_RECIPIENT;
  MilterProfileFacts facts = {
    .host = text_of (player->host),
    .address = text_of (player->address),
    .helo = text_of (player->helo),
    .sender = text_of (player->sender),
    .has_sender = player->has_sender,
    .recipient = text_of (player->recipient),
    .has_recipient = player->has_recipient,
    .first_recipient = text_of (player->first_recipient),
    .n_recipients = player->n_accepted + (is_recipient ? 1 : 0),
    .n_message = player->n_mails > 0 ? player->n_mails - 1 : 0,
    .queue_id = player->config.queue_id,
    .port = player->port,
    .message_id = text_of (player->message_id),
  };

  return milter_profile_append_macros (profile, letter, &facts, peer->symbols, pairs);
}

/* every frame passes here: into the bytes that leave next, the session, the trace */
static void
append_frame (MilterPlayer *player, guint peer, guint8 letter, MilterBytes payload)
{
  MilterPeer *to = &player->peers[peer];
  MilterMessage message;

  if (player->star != NULL)
    {
      append_frame (player->star, peer, letter, payload);
      return;
    }
  milter_frame_append (letter, payload, to->out);
  /* of other commands the session asks for the letter alone */
  milter_message_init (&message, MILTER_SIDE_MTA, letter);
  if (letter == MILTER_COMMAND_NEGOTIATE)
    milter_message_parse (MILTER_SIDE_MTA, letter, payload, &message);
  milter_session_command (&to->session, &message, NULL);
  milter_player_note (player, peer, MILTER_SIDE_MTA, letter, payload);
  to->sent_us = player->now_us;
  to->sent_size = payload.size;
}

static GByteArray *
begin_scratch (GByteArray *scratch)
{
  return g_byte_array_set_size (scratch, 0);
}

static void
send_macros (MilterPlayer *player, const MilterProfile *profile, guint peer, guint8 letter)
{
  GByteArray *pairs = begin_scratch (player->pairs);
  bool wanted = append_profile_macros (player, profile, &player->peers[peer], letter, pairs);
  guint own = pairs->len;
  bool changed = apply_macro_lines (player, letter, pairs);
  GByteArray *payload;

  /* lines that took everything out leave what the profile sends without any value */
  if (changed)
    wanted
        = pairs->len > 0
          || (wanted && (own == 0 || strchr (profile->empty_macro_frames, letter) != NULL));
  if (!wanted)
    return;
  payload = begin_scratch (player->payload);
  milter_payload_append (payload, milter_bytes (&letter, 1));
  milter_payload_append (payload, milter_bytes (pairs->data, pairs->len));
  append_frame (
      player, peer, MILTER_COMMAND_DEFINE_MACRO, milter_bytes (payload->data, payload->len));
}

void
milter_player_send_macros (MilterPlayer *player, guint peer, guint8 letter)
{
  send_macros (player, player->profile, peer, letter);
}

/* behind a gap in a recording what is filled in is filled in as Postfix would send it */
static const MilterProfile *
profile_for (const MilterPlayer *player, const MilterUnit *unit)
{
  return player->lost && !unit->own && !player->profile->fills_in ? milter_profile_get ("postfix")
                                                                   : player->profile;
}

/* the value of a field as it travels to this peer */
static void
send_header (MilterPlayer *player, guint peer, const MilterUnit *unit)
{
  bool leading_space = milter_player_has_leading_space (player, peer);
  GByteArray *payload = begin_scratch (player->payload);

  milter_payload_append_string (payload, milter_payload_view (unit->name));
  milter_payload_append_string (
      payload, milter_mail_wire_value (milter_payload_view (unit->value), leading_space));
  append_frame (player, peer, unit->letter, milter_bytes (payload->data, payload->len));
}

void
milter_player_send (MilterPlayer *player, guint peer, const MilterUnit *unit)
{
  /* what an understudy sends, it sends for another one */
  MilterPlayer *sender = player->star != NULL ? player->star : player;
  MilterPeer *to = &sender->peers[peer];

  if (unit->letter == 0)
    {
      milter_payload_append (to->out, milter_payload_view (unit->payload));
      milter_player_provoke (sender, peer);
      to->sent_us = player->now_us;
      return;
    }
  if (!unit->verbatim && unit->letter != MILTER_COMMAND_DEFINE_MACRO)
    send_macros (player, profile_for (player, unit), peer, unit->letter);
  if (unit->payload == NULL)
    send_header (player, peer, unit);
  else
    append_frame (player, peer, unit->letter, milter_payload_view (unit->payload));
}
