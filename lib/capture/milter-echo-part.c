/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo-part.c: a message or a session, step by step.
 */
#include "milter-echo-private.h"

#include <string.h>

#include "milter-text.h"

MilterBytes
milter_echo_view (const GByteArray *bytes)
{
  return bytes != NULL ? milter_bytes (bytes->data, bytes->len) : milter_bytes (NULL, 0);
}

static void
append (GByteArray *to, MilterBytes bytes)
{
  if (bytes.size > 0)
    g_byte_array_append (to, bytes.data, (guint) bytes.size);
}

/* --- steps --------------------------------------------------------------------------------------- */

MilterEchoStep *
milter_echo_step_new (guint8 letter, MilterBytes payload)
{
  MilterEchoStep *step = g_new0 (MilterEchoStep, 1);

  step->letter = letter;
  step->payload = g_byte_array_new ();
  step->replies = g_byte_array_new ();
  append (step->payload, payload);
  return step;
}

static void
step_free (gpointer data)
{
  MilterEchoStep *step = data;

  g_byte_array_unref (step->payload);
  g_byte_array_unref (step->replies);
  g_clear_pointer (&step->macros, g_byte_array_unref);
  g_free (step);
}

char *
milter_echo_step_to_text (const MilterEchoStep *step)
{
  MilterMessage message;

  milter_message_parse (
      MILTER_SIDE_MTA, step->letter, milter_echo_view (step->payload), &message);
  return milter_message_to_text (&message, MILTER_TEXT_SHORT);
}

/* its first byte is the stage, which it shares with the command */
void
milter_echo_take_macros (GByteArray **macros, MilterBytes payload)
{
  if (*macros == NULL)
    *macros = g_byte_array_new ();
  /* those of another stage are of a command that did not come */
  else if (payload.size == 0 || (*macros)->len == 0 || (*macros)->data[0] != payload.data[0])
    g_byte_array_set_size (*macros, 0);
  else
    payload = milter_bytes (payload.data + 1, payload.size - 1);
  append (*macros, payload);
}

/* --- parts --------------------------------------------------------------------------------------- */

MilterEchoPart *
milter_echo_part_new (guint connection, guint number)
{
  MilterEchoPart *part = g_new0 (MilterEchoPart, 1);

  part->connection = connection;
  part->number = number;
  part->steps = g_ptr_array_new_with_free_func (step_free);
  part->differences = g_string_new (NULL);
  if (number == 0)
    part->messages = g_ptr_array_new ();
  return part;
}

void
milter_echo_part_free (gpointer data)
{
  MilterEchoPart *part = data;

  if (part == NULL)
    return;
  g_ptr_array_unref (part->steps);
  g_clear_pointer (&part->messages, g_ptr_array_unref);
  g_clear_pointer (&part->agreed, g_byte_array_unref);
  g_clear_pointer (&part->sum, g_checksum_free);
  if (part->message_id != NULL)
    g_string_free (part->message_id, TRUE);
  g_string_free (part->differences, TRUE);
  g_free (part->body_digest);
  g_free (part);
}

/* a chunk of the body, or what an end of message brings */
static void
add_body (MilterEchoPart *part, MilterBytes bytes)
{
  part->body_size += bytes.size;
  if (part->sum == NULL)
    part->sum = g_checksum_new (G_CHECKSUM_SHA256);
  if (bytes.size > 0)
    g_checksum_update (part->sum, bytes.data, (gssize) bytes.size);
}

void
milter_echo_part_end_body (MilterEchoPart *part)
{
  if (part->sum == NULL)
    return;
  g_free (part->body_digest);
  part->body_digest = g_strdup (g_checksum_get_string (part->sum));
  g_clear_pointer (&part->sum, g_checksum_free);
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
take_header (MilterEchoPart *part, const MilterMessage *command)
{
  MilterBytes value;

  if (command->fault != MILTER_NO_FAULT
      || !milter_bytes_equal_caseless (command->fields[0].bytes,
                                       milter_bytes_from_string ("Message-ID")))
    return;
  value = trim (command->fields[1].bytes);
  if (part->message_id != NULL)
    g_string_free (part->message_id, TRUE);
  part->message_id = g_string_new_len ((const char *) value.data, (gssize) value.size);
}

MilterEchoStep *
milter_echo_part_add (MilterEchoPart *part, const MilterMessage *command, GByteArray **macros)
{
  bool is_body = command->letter == MILTER_COMMAND_BODY
                 || command->letter == MILTER_COMMAND_END_OF_MESSAGE;
  MilterEchoStep *step = milter_echo_step_new (
      command->letter, is_body ? milter_bytes (NULL, 0) : command->payload);

  if (*macros != NULL && (*macros)->len > 0 && (*macros)->data[0] == command->letter)
    step->macros = g_steal_pointer (macros);
  g_clear_pointer (macros, g_byte_array_unref);
  if (is_body)
    add_body (part, command->payload);
  if (command->letter == MILTER_COMMAND_HEADER)
    take_header (part, command);
  g_ptr_array_add (part->steps, step);
  return step;
}

void
milter_echo_part_differ (MilterEchoPart *part, const char *format, ...)
{
  va_list arguments;

  if (++part->n_differences > MILTER_ECHO_MAX_DIFFERENCES)
    return;
  va_start (arguments, format);
  g_string_append_vprintf (part->differences, format, arguments);
  va_end (arguments);
  g_string_append_c (part->differences, '\n');
}

/* --- what a command means for the message ----------------------------------------------------------- */

bool
milter_echo_is_in_message (guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  return spec != NULL && spec->in_message;
}

/* where the milter wants no MAIL, any other command of it */
bool
milter_echo_begins_message (const MilterSession *rules, guint8 letter, bool is_open)
{
  return letter == MILTER_COMMAND_ENVELOPE_FROM
         || (!is_open && milter_echo_is_in_message (letter)
             && !milter_session_is_wanted (rules, MILTER_COMMAND_ENVELOPE_FROM));
}

bool
milter_echo_ends_message (guint8 letter)
{
  static const guint8 letters[]
      = { MILTER_COMMAND_NEGOTIATE, MILTER_COMMAND_CONNECT, MILTER_COMMAND_HELO,
          MILTER_COMMAND_ABORT,     MILTER_COMMAND_QUIT,    MILTER_COMMAND_QUIT_NC,
          MILTER_COMMAND_ENVELOPE_FROM };

  return memchr (letters, letter, sizeof letters) != NULL;
}

bool
milter_echo_says_nothing (guint8 letter)
{
  static const guint8 letters[]
      = { MILTER_COMMAND_ABORT, MILTER_COMMAND_QUIT, MILTER_COMMAND_QUIT_NC };

  return memchr (letters, letter, sizeof letters) != NULL;
}
