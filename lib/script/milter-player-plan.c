/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-plan.c: from a line to what has to be sent: the line itself, what is missing before
 * it, and what the profile's MTA sends by itself where a message or a session ends.
 */
#include "milter-player-private.h"

#include <string.h>

#include "milter-generate.h"

/* what has to have been said before a command, in the order in which it is filled in */
static const struct
{
  guint8 command;
  const char *needs;
} needs[] = {
  { MILTER_COMMAND_NEGOTIATE, "" },
  { MILTER_COMMAND_CONNECT, "O" },
  { MILTER_COMMAND_HELO, "OC" },
  { MILTER_COMMAND_ENVELOPE_FROM, "OCH" },
  { MILTER_COMMAND_ENVELOPE_RECIPIENT, "OCHM" },
  { MILTER_COMMAND_DATA, "OCHMR" },
  { MILTER_COMMAND_HEADER, "OCHMRT" },
  { MILTER_COMMAND_END_OF_HEADER, "OCHMRT" },
  { MILTER_COMMAND_BODY, "OCHMRTN" },
  { MILTER_COMMAND_END_OF_MESSAGE, "OCHMRTN" },
  { MILTER_COMMAND_UNKNOWN, "OC" },
};

MilterUnit *
milter_unit_new (guint8 letter, GBytes *payload)
{
  MilterUnit *unit = g_new0 (MilterUnit, 1);

  unit->letter = letter;
  unit->payload = payload;
  unit->peer = -1;
  return unit;
}

void
milter_unit_free (MilterUnit *unit)
{
  if (unit == NULL)
    return;
  g_clear_pointer (&unit->payload, g_bytes_unref);
  g_clear_pointer (&unit->name, g_bytes_unref);
  g_clear_pointer (&unit->value, g_bytes_unref);
  g_free (unit);
}

static MilterUnit *
add_unit (MilterPlayer *player, guint8 letter, GBytes *payload, bool own)
{
  MilterUnit *unit = milter_unit_new (letter, payload);

  unit->own = own;
  milter_player_push_unit (&player->units, unit);
  return unit;
}

/* takes the name and the value */
static MilterUnit *
add_header (MilterPlayer *player, GBytes *name, GBytes *value, bool own)
{
  MilterUnit *unit = add_unit (player, MILTER_COMMAND_HEADER, NULL, own);

  unit->name = name;
  unit->value = value;
  return unit;
}

/* a field of a mail, which does not live as long as the unit */
static MilterUnit *
add_mail_header (MilterPlayer *player, const MilterMailHeader *header)
{
  return add_header (player,
                     g_bytes_new (header->name->str, header->name->len),
                     g_bytes_new (header->value->str, header->value->len),
                     /* own= */ true);
}

/* a body as an MTA cuts it: both at 65535 bytes, wherever that falls, the last one shorter */
static void
add_body (MilterPlayer *player, GBytes *body, int peer)
{
  gsize size = g_bytes_get_size (body);

  for (gsize at = 0; at < size; at += MILTER_BODY_CHUNK_MAX)
    {
      gsize n = MIN (size - at, MILTER_BODY_CHUNK_MAX);
      GBytes *chunk = n < size ? g_bytes_new_from_bytes (body, at, n) : g_bytes_ref (body);
      MilterUnit *unit = add_unit (player, MILTER_COMMAND_BODY, chunk, /* own= */ true);

      unit->peer = peer;
    }
}

static bool
is_missing (const MilterPlayer *player, guint8 letter)
{
  switch (letter)
    {
    case MILTER_COMMAND_NEGOTIATE:
      return !player->negotiated;
    case MILTER_COMMAND_CONNECT:
      return !player->connected;
    case MILTER_COMMAND_HELO:
      return !player->heloed;
    case MILTER_COMMAND_ENVELOPE_FROM:
      return !player->mail;
    case MILTER_COMMAND_ENVELOPE_RECIPIENT:
      return !player->rcpt;
    case MILTER_COMMAND_DATA:
      return !player->data;
    case MILTER_COMMAND_END_OF_HEADER:
      return !player->eoh;
    default:
      return false;
    }
}

/* a mail without any field would be refused by many a milter for that alone */
static void
fill_in_fields (MilterPlayer *player)
{
  static const struct
  {
    const char *name, *value;
  } fields[] = {
    { "From", " <sender@example.com>" },
    { "To", " <recipient@example.net>" },
    { "Subject", " test" },
  };

  for (gsize i = 0; player->n_fields == 0 && i < G_N_ELEMENTS (fields); i++)
    add_header (player,
                g_bytes_new_static (fields[i].name, strlen (fields[i].name)),
                g_bytes_new_static (fields[i].value, strlen (fields[i].value)),
                /* own= */ false);
}

static void
fill_in (MilterPlayer *player, guint8 letter)
{
  const char *wanted = "";

  for (gsize i = 0; i < G_N_ELEMENTS (needs); i++)
    if (needs[i].command == letter)
      wanted = needs[i].needs;
  for (; player->fills_in && *wanted != '\0'; wanted++)
    {
      if (!is_missing (player, *wanted))
        continue;
      if (*wanted == MILTER_COMMAND_END_OF_HEADER)
        fill_in_fields (player);
      add_unit (player, *wanted, milter_payload_default (player, *wanted), /* own= */ false);
    }
}

void
milter_player_plan_letters (MilterPlayer *player, GQueue *queue, const char *letters, int peer)
{
  for (; *letters != '\0'; letters++)
    {
      MilterUnit *unit = milter_unit_new (*letters, g_bytes_new (NULL, 0));

      unit->always = true;
      unit->peer = peer;
      milter_player_push_unit (queue, unit);
    }
}

static bool
message_is_decided (const MilterPlayer *player)
{
  bool all = true;

  for (guint i = 0; i < player->config.n_peers; i++)
    all = all && player->peers[i].message_over.set;
  return all || player->message_over.set || (player->n_recipients > 0 && player->n_accepted == 0);
}

/* What a peer is told where the message ends: one that has decided was answered, as it were; for
 * others it is cut short, as by RSET. sendmail holds a message open that was refused in its
 * envelope. */
const char *
milter_player_parting_letters (const MilterPlayer *player, guint index)
{
  const MilterProfile *profile = player->profile;
  const MilterPeer *peer = &player->peers[index];
  const MilterDecision *decision = &peer->message_over;

  if (!peer->in_message)
    return "";
  if (!decision->set && player->message_over.set && player->message_over.peer == index)
    decision = &player->message_over;
  if (!decision->set
      || (decision->reply != MILTER_REPLY_ACCEPT
          && strchr (profile->cut_after, decision->command) != NULL))
    return profile->after_cut_message;
  return profile->after_message;
}

/* the message that is open is over */
static void
leave_message (MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    milter_player_plan_letters (
        player, &player->units, milter_player_parting_letters (player, i), (int) i);
}

/* HELO ends a message; Postfix lets it go first, and then tells of each that something is over
 * (milter-protocol 3.4) */
static void
leave_for_helo (MilterPlayer *player)
{
  const MilterProfile *profile = player->profile;

  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      peer->after_helo[0] = player->heloed ? profile->after_helo_again : NULL;
      peer->after_helo[1]
          = profile->helo_goes_first ? milter_player_parting_letters (player, i) : NULL;
    }
  if (!profile->helo_goes_first)
    leave_message (player);
}

/* macros for commands that a decided message has not had wait for none of the next one */
static void
drop_macros_of_decided (MilterPlayer *player)
{
  if (!message_is_decided (player))
    return;
  for (const char *letter = "RTLNBE"; *letter != '\0'; letter++)
    milter_player_drop_macros (player, (guint8) *letter);
}

/* for a later milter of the chain: the message as the earlier ones have left it */
void
milter_player_plan_content (MilterPlayer *player, guint peer)
{
  const MilterMail *mail;
  g_autoptr (GBytes) body = NULL;

  milter_player_ensure_after (player);
  mail = player->message->after;
  body = g_bytes_new (mail->body->data, mail->body->len);
  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      if (header->hidden || header->deleted)
        continue;
      add_mail_header (player, header)->peer = (int) peer;
    }
  add_unit (player, MILTER_COMMAND_END_OF_HEADER, g_bytes_new (NULL, 0), /* own= */ true)->peer
      = (int) peer;
  add_body (player, body, (int) peer);
  add_unit (player, MILTER_COMMAND_END_OF_MESSAGE, g_bytes_new (NULL, 0), /* own= */ true)->peer
      = (int) peer;
}

static MilterBytes
argument (const MilterStep *step, guint index)
{
  gsize size;
  const guint8 *data;

  if (index >= step->arguments->len)
    return milter_bytes (NULL, 0);
  data = g_bytes_get_data (g_ptr_array_index (step->arguments, index), &size);
  return milter_bytes (data, size);
}

/* (transfer full) an argument, empty if there is none */
static GBytes *
ref_argument (const MilterStep *step, guint index)
{
  return index < step->arguments->len ? g_bytes_ref (g_ptr_array_index (step->arguments, index))
                                      : g_bytes_new (NULL, 0);
}

static void
plan_mail (MilterPlayer *player, GBytes *file, gsize max_body)
{
  g_autoptr (MilterMail) mail = milter_mail_new ();
  g_autoptr (GBytes) body = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  milter_profile_parse_mail (player->profile, mail, milter_bytes (data, size));
  for (guint i = 0; i < mail->headers->len; i++)
    add_mail_header (player, g_ptr_array_index (mail->headers, i));
  add_unit (player, MILTER_COMMAND_END_OF_HEADER, g_bytes_new (NULL, 0), /* own= */ true);
  body = g_bytes_new (mail->body->data, MIN (mail->body->len, max_body));
  add_body (player, body, -1);
}

static void
plan_generate (MilterPlayer *player, const MilterStep *step)
{
  g_autoptr (GBytes) mail = milter_generate_mail (step->number, step->seed);

  /* one byte has no line end, which the MTA would add to a file */
  plan_mail (player, mail, step->number);
}

static void
plan_body (MilterPlayer *player, const MilterStep *step)
{
  g_autoptr (GBytes) body = ref_argument (step, 0);

  add_body (player, body, -1);
}

static void
plan_command (MilterPlayer *player, const MilterStep *step)
{
  guint8 letter = step->spec->letter;

  if (letter == MILTER_COMMAND_DEFINE_MACRO)
    {
      /* behind a gap, too, those of a recording stand where they stand */
      if (player->profile->fills_in)
        milter_player_keep_macros (player, step);
      else
        add_unit (player, letter, milter_payload_macro (step), /* own= */ true);
      return;
    }
  if (strchr ("CMHAKQ", letter) != NULL)
    player->lost_line = 0;
  if (strchr ("MHAK", letter) != NULL)
    drop_macros_of_decided (player);
  /* a message that was decided ends where the next one begins */
  if (letter == MILTER_COMMAND_ENVELOPE_FROM && message_is_decided (player))
    leave_message (player);
  if (letter == MILTER_COMMAND_HELO)
    leave_for_helo (player);
  fill_in (player, letter);
  if (letter == MILTER_COMMAND_HEADER)
    add_header (player, ref_argument (step, 0), ref_argument (step, 1), /* own= */ true);
  else if (letter == MILTER_COMMAND_BODY)
    plan_body (player, step);
  else if (letter == MILTER_COMMAND_END_OF_MESSAGE)
    add_unit (player, letter, ref_argument (step, 0), /* own= */ true);
  else
    add_unit (player, letter, milter_payload_for_step (player, step), /* own= */ true);
}

/* what `frame` and `raw` send; no unit has NUL as its letter, so that such a frame goes as bytes */
static GBytes *
bytes_of_line (const MilterStep *step)
{
  GByteArray *frame;
  gsize size = 0;
  const guint8 *data = step->bytes != NULL ? g_bytes_get_data (step->bytes, &size) : NULL;

  if (step->kind != MILTER_STEP_KIND_FRAME || step->letter != 0)
    return step->bytes != NULL ? g_bytes_ref (step->bytes) : g_bytes_new (NULL, 0);
  frame = g_byte_array_new ();
  milter_frame_append (step->letter, milter_bytes (data, size), frame);
  return g_byte_array_free_to_bytes (frame);
}

static void
plan_bytes (MilterPlayer *player, const MilterStep *step)
{
  MilterUnit *unit = add_unit (player,
                               step->kind == MILTER_STEP_KIND_FRAME ? step->letter : 0,
                               bytes_of_line (step),
                               /* own= */ true);

  unit->verbatim = true;
  unit->always = true;
  /* bytes as written are for the first of a chain */
  unit->peer = 0;
  player->turn.verbatim = true;
}

/* The lists of a line are those of the last one: making them takes as long as a frame does.
 * A line that is suspended has its own meanwhile. */
static void
take_lists (MilterPlayer *player)
{
  MilterTurn *turn = &player->turn, *spare = &player->spare_turn;

  if (spare->records == NULL)
    {
      spare->records = g_ptr_array_new_with_free_func (milter_record_free);
      spare->edits = g_ptr_array_new_with_free_func (milter_record_free);
      spare->watched = g_new (bool, player->config.n_peers);
      spare->sent_to = g_new (bool, player->config.n_peers);
    }
  turn->records = g_steal_pointer (&spare->records);
  turn->edits = g_steal_pointer (&spare->edits);
  turn->watched = g_steal_pointer (&spare->watched);
  turn->sent_to = g_steal_pointer (&spare->sent_to);
}

static void
give_lists_back (MilterPlayer *player)
{
  MilterTurn *turn = &player->turn, *spare = &player->spare_turn;

  if (turn->records == NULL)
    return;
  milter_turn_free_lists (spare);
  g_ptr_array_set_size (turn->records, 0);
  g_ptr_array_set_size (turn->edits, 0);
  spare->records = g_steal_pointer (&turn->records);
  spare->edits = g_steal_pointer (&turn->edits);
  spare->watched = g_steal_pointer (&turn->watched);
  spare->sent_to = g_steal_pointer (&turn->sent_to);
}

void
milter_turn_free_lists (MilterTurn *turn)
{
  g_clear_pointer (&turn->records, g_ptr_array_unref);
  g_clear_pointer (&turn->edits, g_ptr_array_unref);
  g_clear_pointer (&turn->watched, g_free);
  g_clear_pointer (&turn->sent_to, g_free);
}

void
milter_turn_begin (MilterPlayer *player, const MilterStep *step)
{
  MilterTurn *turn = &player->turn;

  turn->open = true;
  turn->step = step;
  turn->where = step != NULL ? step->where : player->last_where;
  take_lists (player);
  for (guint i = 0; i < player->config.n_peers; i++)
    turn->watched[i] = turn->sent_to[i] = false;
  if (step != NULL && step->kind == MILTER_STEP_KIND_COMMAND)
    turn->letter = step->spec->letter;
  if (step != NULL && step->kind == MILTER_STEP_KIND_FRAME)
    turn->letter = step->letter;
}

void
milter_turn_end (MilterPlayer *player)
{
  MilterTurn *turn = &player->turn;

  if (!turn->kept)
    milter_player_release_step (player, turn->step);
  g_free (turn->text);
  g_free (turn->left_out);
  give_lists_back (player);
  memset (turn, 0, sizeof *turn);
}

static void
plan_message (MilterPlayer *player, const MilterStep *step)
{
  MilterBytes name = argument (step, 0);

  player->lost_line = 0;
  drop_macros_of_decided (player);
  leave_message (player);
  /* not every MTA says so */
  milter_player_end_message (player);
  player->id_is_free = false;
  g_free (player->message_name);
  player->message_name = name.size > 0 ? g_strndup ((const char *) name.data, name.size) : NULL;
  player->message_named = true;
}

/* what belongs to a message of which bytes are missing */
static bool
is_of_lost_message (const MilterPlayer *player, const MilterStep *step)
{
  if (player->lost_line == 0)
    return false;
  switch (step->kind)
    {
    case MILTER_STEP_KIND_EML:
    case MILTER_STEP_KIND_GENERATE:
    case MILTER_STEP_KIND_FRAME:
    case MILTER_STEP_KIND_RAW:
      return true;
    case MILTER_STEP_KIND_COMMAND:
      return strchr ("RTLNBEU",
                     step->spec->letter == MILTER_COMMAND_DEFINE_MACRO ? step->letter
                                                                       : step->spec->letter)
             != NULL;
    default:
      return false;
    }
}

void
milter_player_plan_step (MilterPlayer *player, const MilterStep *step)
{
  milter_turn_begin (player, step);
  player->last_where = step->where;
  if (is_of_lost_message (player, step))
    {
      player->turn.missing = true;
      return;
    }
  switch (step->kind)
    {
    case MILTER_STEP_KIND_COMMAND:
      plan_command (player, step);
      break;
    case MILTER_STEP_KIND_EML:
      fill_in (player, MILTER_COMMAND_HEADER);
      plan_mail (player, step->bytes, G_MAXSIZE);
      break;
    case MILTER_STEP_KIND_GENERATE:
      fill_in (player, MILTER_COMMAND_HEADER);
      plan_generate (player, step);
      break;
    case MILTER_STEP_KIND_MESSAGE:
      plan_message (player, step);
      break;
    case MILTER_STEP_KIND_FRAME:
    case MILTER_STEP_KIND_RAW:
      plan_bytes (player, step);
      break;
    case MILTER_STEP_KIND_TIMEOUT:
      player->timeout_us = step->duration_us;
      break;
    case MILTER_STEP_KIND_SEND_AS:
      milter_writes_set_send_as (&player->writes, step);
      break;
    case MILTER_STEP_KIND_LOST:
      milter_player_begin_lost (player, step);
      break;
    case MILTER_STEP_KIND_STALL:
    case MILTER_STEP_KIND_CLOSE:
    case MILTER_STEP_KIND_RESET:
    case MILTER_STEP_KIND_HALF_CLOSE:
    case MILTER_STEP_KIND_BARRIER:
      milter_player_plan_act (player, step);
      break;
    case MILTER_STEP_KIND_REPEAT:
      /* the source walks over what it repeats */
      g_assert_not_reached ();
    }
}

/* what an MTA does with a milter that has decided about the client; a 421 that comes later ends
 * SMTP, and the milter is told as ever */
static bool
left_at_greeting (const MilterDecision *decision)
{
  return decision->set && strchr ("CH", decision->command) != NULL;
}

static void
plan_end_of_session (MilterPlayer *player, guint index)
{
  const MilterProfile *profile = player->profile;

  if (player->peers[index].in_message)
    milter_player_plan_letters (player, &player->units, profile->at_end_in_message, (int) index);
  if (player->heloed)
    milter_player_plan_letters (player, &player->units, profile->at_end_greeted, (int) index);
  milter_player_plan_letters (player, &player->units, profile->at_end, (int) index);
}

void
milter_player_plan_end (MilterPlayer *player)
{
  const MilterProfile *profile = player->profile;
  bool ever_opened = false;

  for (guint i = 0; i < player->config.n_peers; i++)
    ever_opened = ever_opened || player->peers[i].asked;
  milter_turn_begin (player, /* step= */ NULL);
  if (player->cut != NULL)
    return;
  /* a session without any line says at least that there is a milter */
  if (!ever_opened)
    fill_in (player, MILTER_COMMAND_CONNECT);
  player->opens_at_end = !ever_opened && g_queue_is_empty (&player->units);
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      const MilterPeer *peer = &player->peers[i];

      if ((ever_opened && !peer->opened) || peer->ended || peer->quit)
        continue;
      if (left_at_greeting (&player->connection_over) || left_at_greeting (&peer->connection_over))
        milter_player_plan_letters (player, &player->units, profile->after_accept, (int) i);
      else
        plan_end_of_session (player, i);
    }
}

static char *
describe_unwanted (const MilterPeer *peer, const char *name, const MilterSpec *spec)
{
  if (spec->since > peer->session.agreed.version)
    return g_strdup_printf ("%s negotiated version %u, which has no %s",
                            name,
                            peer->session.agreed.version,
                            spec->word);
  return g_strdup_printf ("%s asked not to be sent %s", name, spec->word);
}

/* accepted, refused, …: the first decision that ends what the command belongs to */
static const MilterDecision *
find_decision (const MilterPlayer *player, const MilterPeer *peer, guint8 letter, bool in_message)
{
  if (strchr ("OAQK", letter) != NULL)
    return NULL;
  if (player->connection_over.set)
    return &player->connection_over;
  if (peer->connection_over.set)
    return &peer->connection_over;
  if (!in_message)
    return NULL;
  if (player->message_over.set)
    return &player->message_over;
  return peer->message_over.set ? &peer->message_over : NULL;
}

MilterLeaveOut
milter_player_leave_out (const MilterPlayer *player,
                         guint index,
                         const MilterUnit *unit,
                         char **why)
{
  const MilterPeer *peer = &player->peers[index];
  guint8 letter = unit->letter;
  const MilterSpec *spec;
  const MilterDecision *decision;

  if (player->cut != NULL)
    {
      *why = milter_player_describe_cut (player);
      return MILTER_LEAVE_CUT;
    }
  if (peer->quit || peer->expected_end)
    {
      *why = g_strdup_printf (
          "the connection is over since line %u%s", peer->end_line, peer->quit ? " (quit)" : "");
      return MILTER_LEAVE_GONE;
    }
  /* a milter that has said all that it wants to say about a client may be gone before QUIT */
  if (peer->ended && (player->connection_over.set || peer->connection_over.set))
    {
      *why = g_strdup ("the milter closed the connection");
      return MILTER_LEAVE_GONE;
    }
  if (unit->always)
    return MILTER_SEND;
  /* macros go where their command goes */
  if (letter == MILTER_COMMAND_DEFINE_MACRO && g_bytes_get_size (unit->payload) > 0)
    letter = *(const guint8 *) g_bytes_get_data (unit->payload, NULL);
  spec = milter_spec_get (MILTER_SIDE_MTA, letter);
  if (spec == NULL)
    return MILTER_SEND;
  decision = find_decision (
      player, peer, letter, spec->in_message && letter != MILTER_COMMAND_ENVELOPE_FROM);
  if (decision != NULL)
    {
      *why = milter_failure_decision (player, decision);
      return MILTER_LEAVE_DECIDED;
    }
  if (strchr ("TLNBE", letter) != NULL && player->n_recipients > 0 && player->n_accepted == 0)
    {
      *why = g_strdup ("every recipient was refused");
      return MILTER_LEAVE_DECIDED;
    }
  if (peer->skipped.set && peer->skipped.command == letter)
    {
      *why = milter_failure_decision (player, &peer->skipped);
      return MILTER_LEAVE_DECIDED;
    }
  if (unit->letter != MILTER_COMMAND_DEFINE_MACRO
      && !milter_session_is_wanted (&peer->session, letter))
    {
      g_autofree char *name = milter_failure_peer (player, index);

      *why = describe_unwanted (peer, name, spec);
      return MILTER_LEAVE_NEGOTIATED;
    }
  return MILTER_SEND;
}
