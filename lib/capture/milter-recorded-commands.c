/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-recorded-commands.c: what an MTA says, as a part of a message or of its session.
 */
#include "milter-recorded-private.h"

static void
string_replace (GString **string, MilterBytes bytes)
{
  if (*string != NULL)
    g_string_free (*string, TRUE);
  *string = milter_building_string (bytes);
}

static void
take_offer (MilterBuilding *building, MilterRecordedMessage *message, const MilterMessage *command)
{
  building->session->has_offer = milter_session_has_field (command, 2);
  building->session->offer = building->rules.offer;
}

static void
take_client (MilterBuilding *building, MilterRecordedMessage *message, const MilterMessage *command)
{
  MilterRecordedSession *session = building->session;

  string_replace (&session->host, milter_building_field (command, 0));
  if (!milter_session_has_field (command, 1))
    return;
  session->family = command->fields[1].address.family;
  session->port = command->fields[1].address.port;
  string_replace (&session->address, command->fields[1].address.text);
}

static void
take_helo (MilterBuilding *building, MilterRecordedMessage *message, const MilterMessage *command)
{
  string_replace (&building->session->helo, milter_building_field (command, 0));
}

static void
take_sender (MilterBuilding *building, MilterRecordedMessage *message, const MilterMessage *command)
{
  if (message->mail != NULL)
    milter_mail_set_sender (
        message->mail, milter_building_field (command, 0), milter_building_field (command, 1));
}

static void
take_recipient (MilterBuilding *building,
                MilterRecordedMessage *message,
                const MilterMessage *command)
{
  if (message->mail != NULL)
    milter_mail_add_recipient (
        message->mail, milter_building_field (command, 0), milter_building_field (command, 1));
  g_ptr_array_add (message->recipients, building->last.command);
}

static MilterBytes
trim (MilterBytes bytes)
{
  while (bytes.size > 0 && g_ascii_isspace (bytes.data[0]))
    bytes = milter_bytes (bytes.data + 1, bytes.size - 1);
  while (bytes.size > 0 && g_ascii_isspace (bytes.data[bytes.size - 1]))
    bytes.size--;
  return bytes;
}

static void
take_header (MilterBuilding *building, MilterRecordedMessage *message, const MilterMessage *command)
{
  MilterBytes name = milter_building_field (command, 0);
  MilterBytes value = milter_building_field (command, 1);
  g_autoptr (GString) text = g_string_new (message->leading_space ? NULL : " ");

  g_string_append_len (text, (const char *) value.data, (gssize) value.size);
  milter_mail_append_header (
      message->mail, name, milter_bytes (text->str, text->len), /* hidden= */ FALSE);
  if (milter_bytes_equal_caseless (name, milter_bytes_from_string ("Message-ID")))
    string_replace (&message->message_id, trim (value));
}

static void
take_body (MilterBuilding *building, MilterRecordedMessage *message, const MilterMessage *command)
{
  milter_building_append_body (
      building, message, &message->body, milter_building_field (command, 0));
}

/* What a command is. Of those without a row nothing is known but their letter. */
typedef struct
{
  guint8 letter;
  MilterRecordedEnd ends; /* what it means for the message that is open; OPEN: nothing */
  bool in_message;
  bool is_about;  /* its first field is what it is about */
  bool is_kept;   /* its fields take memory beside the body's */
  bool is_silent; /* nothing is told of it but what it ends */
  void (*take) (MilterBuilding *building,
                MilterRecordedMessage *message,
                const MilterMessage *command);
} Kind;

/* clang-format off */
#define KIND(command) [MILTER_COMMAND_##command - 'A'] = { MILTER_COMMAND_##command
static const Kind kinds['Z' - 'A' + 1] = {
  /* letter                     ends                     in message  about  kept   silent take */
  KIND (NEGOTIATE),          MILTER_RECORDED_LEFT,    false,      false, true,  false, take_offer },
  KIND (CONNECT),            MILTER_RECORDED_LEFT,    false,      true,  true,  false, take_client },
  KIND (HELO),               MILTER_RECORDED_LEFT,    false,      true,  true,  false, take_helo },
  KIND (ENVELOPE_FROM),      MILTER_RECORDED_LEFT,    true,       true,  true,  false, take_sender },
  KIND (ENVELOPE_RECIPIENT), MILTER_RECORDED_OPEN,    true,       true,  true,  false, take_recipient },
  KIND (DATA),               MILTER_RECORDED_OPEN,    true,       false, true,  false, NULL },
  KIND (HEADER),             MILTER_RECORDED_OPEN,    true,       true,  true,  false, take_header },
  KIND (END_OF_HEADER),      MILTER_RECORDED_OPEN,    true,       false, true,  false, NULL },
  KIND (BODY),               MILTER_RECORDED_OPEN,    true,       false, false, false, take_body },
  KIND (END_OF_MESSAGE),     MILTER_RECORDED_OPEN,    true,       false, false, false, take_body },
  KIND (ABORT),              MILTER_RECORDED_ABORTED, false,      false, false, true,  NULL },
  KIND (QUIT),               MILTER_RECORDED_LEFT,    false,      false, false, true,  NULL },
  KIND (QUIT_NC),            MILTER_RECORDED_LEFT,    false,      false, false, true,  NULL },
  KIND (UNKNOWN),            MILTER_RECORDED_OPEN,    false,      true,  false, false, NULL },
};
#undef KIND
/* clang-format on */

static const Kind *
kind_of (guint8 letter)
{
  static const Kind other = { 0 };
  guint row = (guint) letter - 'A';

  return row < G_N_ELEMENTS (kinds) && kinds[row].letter == letter ? &kinds[row] : &other;
}

static void
await (MilterBuilding *building, MilterRecordedMessage *message)
{
  if (message != NULL)
    message->n_due++;
  milter_building_due_push (&building->due, &building->last);
  if (building->due.n > 1)
    building->ahead |= !building->doubtful;
  if (building->due.n <= MILTER_RECORDED_MAX_DUE)
    return;
  building->ahead = true;
  milter_building_lose_step (building);
}

/* (nullable) of a bare message: the entry of the field or chunk before, if its answer has come */
static MilterRecordedCommand *
reuse_last (const MilterBuilding *building, const GPtrArray *commands, guint8 letter)
{
  MilterRecordedCommand *last
      = commands->len > 0 ? g_ptr_array_index (commands, commands->len - 1) : NULL;

  if (last == NULL || last->letter != letter
      || (letter != MILTER_COMMAND_HEADER && letter != MILTER_COMMAND_BODY)
      || building->due.n > 0 || last->text != NULL)
    return NULL;
  last->answer = MILTER_RECORDED_WAITING;
  last->reply = 0;
  last->latency_ns = -1;
  return last;
}

/* @waits: the rules say that it is answered */
static void
add_command (MilterBuilding *building,
             MilterRecordedMessage *message,
             const MilterMessage *command,
             const Kind *kind,
             bool waits,
             const MilterCaptureMoment *moment)
{
  GPtrArray *commands = message != NULL ? message->commands : building->session->commands;
  bool bare = building->builder->limits.bare;
  MilterBytes about
      = kind->is_about && !bare ? milter_building_field (command, 0) : milter_bytes (NULL, 0);
  MilterRecordedCommand *added = bare ? reuse_last (building, commands, command->letter) : NULL;

  building->last = (MilterBuildingDue){ NULL, NULL };
  /* the entry and, of what the mail has, a copy */
  if (added == NULL
      && !milter_building_must_keep (
          building, message, about.size + (kind->is_kept && !bare ? command->payload.size : 0)))
    {
      /* its answer comes all the same, and finds nothing that it could belong to */
      if (waits)
        milter_building_lose_step (building);
      return;
    }
  if (added == NULL)
    {
      added = milter_recorded_commands_add (commands,
                                            milter_building_own_commands (building, message),
                                            command->letter,
                                            moment);
    }
  added->sent = *moment;
  if (kind->is_about && !bare)
    added->about = milter_building_string (about);
  building->last = (MilterBuildingDue){ added, message };
  if (kind->take != NULL && (message != NULL || !kind->in_message)
      && !(bare && command->letter == MILTER_COMMAND_HEADER))
    kind->take (building, message, command);
  if (waits)
    {
      await (building, message);
      return;
    }
  added->answer = message != NULL && message->verdict != 0 ? MILTER_RECORDED_DROPPED
                                                           : MILTER_RECORDED_NOT_DUE;
  milter_building_tell_answered (building, &building->last);
  milter_building_join_last (building, &building->last);
}

/* the macros that tell which message, and which MTA, this is */
static void
take_macros (MilterBuilding *building, const MilterMessage *message)
{
  MilterBytes pairs = milter_building_field (message, 1);
  MilterBytes name, value;

  while (milter_strings_next (&pairs, &name) && milter_strings_next (&pairs, &value))
    if (milter_bytes_equal_string (name, "i"))
      string_replace (&building->queue_id, value);
    else if (milter_bytes_equal_string (name, "v"))
      string_replace (&building->session->version, value);
}

/* the queue id that came with the command, if it belongs to this message */
static void
take_queue_id (MilterBuilding *building, MilterRecordedMessage *message)
{
  GString *id = g_steal_pointer (&building->queue_id);

  if (id == NULL)
    return;
  if (message == NULL || id->len == 0)
    {
      g_string_free (id, TRUE);
      return;
    }
  if (message->queue_id != NULL)
    g_string_free (message->queue_id, TRUE);
  message->queue_id = id;
}

static MilterRecordedSession *
next_session (const MilterRecordedSession *session)
{
  MilterRecordedSession *next
      = milter_recorded_session_new (session->connection, session->number + 1);

  next->missing = session->missing & MILTER_RECORDED_NO_START;
  next->mta = g_strdup (session->mta);
  next->milter = g_strdup (session->milter);
  next->has_offer = session->has_offer;
  next->has_answer = session->has_answer;
  next->offer = session->offer;
  next->answer = session->answer;
  next->agreed = session->agreed;
  next->symbols = session->symbols != NULL ? g_byte_array_ref (session->symbols) : NULL;
  next->version = session->version != NULL ? g_string_new (session->version->str) : NULL;
  next->began = next->ended = session->ended;
  return next;
}

/* --- commands of the MTA
 * ------------------------------------------------------------------------------- */

/* Whether a command begins a message: MAIL does, or what comes first of one whose MAIL the milter
 * did not want. One that stands where it cannot does not. */
static bool
begins_message (const MilterBuilding *building, const Kind *kind, guint32 message)
{
  if (kind->letter == MILTER_COMMAND_ENVELOPE_FROM)
    return true;
  return kind->in_message && !building->rules.dropped
         && (building->current == NULL || building->rules.message != message);
}

static void
end_of_session (MilterBuilding *building, guint8 letter)
{
  MilterRecordedSession *next;

  building->session->quit = true;
  if (letter != MILTER_COMMAND_QUIT_NC)
    return;
  next = next_session (building->session);
  if (building->doubtful)
    next->missing |= MILTER_RECORDED_OUT_OF_STEP;
  milter_building_finish_session (building, MILTER_RECORDED_UNANSWERED, MILTER_RECORDED_LEFT);
  building->session = next;
}

void
milter_building_take_command (MilterBuilding *building,
                              const MilterMessage *command,
                              const MilterCaptureMoment *moment)
{
  const Kind *kind = kind_of (command->letter);
  MilterRecordedMessage *message = NULL;
  guint32 number = building->rules.message;
  bool waits;

  if (building->doubtful)
    milter_building_give_up_all (building, MILTER_RECORDED_LOST);
  milter_session_command (&building->rules, command, /* error= */ NULL);
  if (command->letter == MILTER_COMMAND_DEFINE_MACRO)
    {
      if (!building->builder->limits.bare)
        take_macros (building, command);
      return;
    }
  waits
      = !building->rules.dropped && milter_session_is_answered (&building->rules, command->letter);
  if (kind->ends != MILTER_RECORDED_OPEN)
    milter_building_end_message (building, kind->ends);
  if (begins_message (building, kind, number))
    milter_building_begin_message (building, command->letter, moment);
  if (kind->in_message || command->letter == MILTER_COMMAND_UNKNOWN)
    message = building->current;
  take_queue_id (building, message);
  if (message != NULL)
    message->ended = *moment;
  if (kind->is_silent)
    building->last = (MilterBuildingDue){ NULL, NULL };
  else
    add_command (building, message, command, kind, waits, moment);
  if (command->letter == MILTER_COMMAND_END_OF_MESSAGE)
    milter_building_end_message (building, MILTER_RECORDED_OPEN);
  milter_building_settle (building);
  if (command->letter == MILTER_COMMAND_QUIT || command->letter == MILTER_COMMAND_QUIT_NC)
    end_of_session (building, command->letter);
}
