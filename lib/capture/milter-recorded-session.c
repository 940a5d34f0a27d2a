/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-recorded-session.c: sessions and messages that were recorded: their memory, and the mails
 * that they make.
 */
#include "milter-recorded-session.h"

#include <string.h>

static void
string_free (GString *string)
{
  if (string != NULL)
    g_string_free (string, TRUE);
}

MilterRecordedCommand *
milter_recorded_commands_add (GPtrArray *commands,
                              MilterRecordedFew *few,
                              guint8 letter,
                              const MilterCaptureMoment *sent)
{
  MilterRecordedCommand *command = few->n < G_N_ELEMENTS (few->commands)
                                       ? &few->commands[few->n++]
                                       : g_new (MilterRecordedCommand, 1);

  *command = (MilterRecordedCommand){
    .letter = letter, .count = 1, .sent = *sent, .replied = *sent, .latency_ns = -1
  };
  g_ptr_array_add (commands, command);
  return command;
}

/* what comes later is behind the few, in both */
void
milter_recorded_commands_drop_last (GPtrArray *commands, MilterRecordedFew *few)
{
  MilterRecordedCommand *command = g_ptr_array_steal_index (commands, commands->len - 1);

  string_free (command->text);
  string_free (command->about);
  if (commands->len >= G_N_ELEMENTS (few->commands))
    g_free (command);
  else
    few->n--;
}

static void
commands_free (GPtrArray *commands, MilterRecordedFew *few)
{
  while (commands->len > 0)
    milter_recorded_commands_drop_last (commands, few);
  g_ptr_array_unref (commands);
}

bool
milter_recorded_command_is_refused (const MilterRecordedCommand *command)
{
  return command->reply == MILTER_REPLY_REJECT || command->reply == MILTER_REPLY_REPLY_CODE
         || command->reply == MILTER_REPLY_TEMPORARY_FAILURE;
}

static void
body_clear (MilterRecordedBody *body)
{
  g_clear_pointer (&body->bytes, g_byte_array_unref);
  g_free (body->digest);
}

static void
edit_free (gpointer data)
{
  MilterRecordedEdit *edit = data;

  g_byte_array_unref (edit->payload);
  body_clear (&edit->body);
  g_free (edit);
}

MilterRecordedEdit *
milter_recorded_edit_new (const MilterMessage *message, const MilterCaptureMoment *at)
{
  MilterRecordedEdit *edit = g_new0 (MilterRecordedEdit, 1);

  edit->letter = message->letter;
  edit->count = 1;
  edit->at = *at;
  edit->payload = g_byte_array_new ();
  edit->body.bytes = g_byte_array_new ();
  if (message->letter != MILTER_REPLY_REPLACE_BODY)
    g_byte_array_append (edit->payload, message->payload.data, (guint) message->payload.size);
  return edit;
}

void
milter_recorded_edit_get_message (const MilterRecordedEdit *edit, MilterMessage *message)
{
  const GByteArray *bytes
      = edit->letter == MILTER_REPLY_REPLACE_BODY ? edit->body.bytes : edit->payload;

  milter_message_parse (
      MILTER_SIDE_MILTER, edit->letter, milter_bytes (bytes->data, bytes->len), message);
}

MilterRecordedMessage *
milter_recorded_message_new (const MilterRecordedSession *session, bool bare)
{
  MilterRecordedMessage *message = g_new (MilterRecordedMessage, 1);

  /* the commands are set when there are any */
  memset (message, 0, G_STRUCT_OFFSET (MilterRecordedMessage, few.commands));
  message->connection = session->connection;
  message->session = session->number;
  message->missing = session->missing & MILTER_RECORDED_NO_START;
  message->commands = g_ptr_array_sized_new (G_N_ELEMENTS (message->few.commands));
  message->recipients = g_ptr_array_new ();
  message->edits = g_ptr_array_new_with_free_func (edit_free);
  if (!bare)
    {
      message->mail = milter_mail_new ();
      message->body.bytes = g_byte_array_ref (message->mail->body);
    }
  message->leading_space
      = (session->agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE) != 0;
  message->steps = session->agreed.steps;
  message->profile = milter_profile_get ("postfix");
  return message;
}

void
milter_recorded_message_free (MilterRecordedMessage *message)
{
  if (message == NULL)
    return;
  g_ptr_array_unref (message->recipients);
  commands_free (message->commands, &message->few);
  g_ptr_array_unref (message->edits);
  body_clear (&message->body);
  milter_mail_free (message->mail);
  string_free (message->queue_id);
  string_free (message->message_id);
  g_clear_pointer (&message->sum, g_checksum_free);
  g_free (message);
}

MilterRecordedSession *
milter_recorded_session_new (guint connection, guint number)
{
  MilterRecordedSession *session = g_new (MilterRecordedSession, 1);

  memset (session, 0, G_STRUCT_OFFSET (MilterRecordedSession, few.commands));
  session->connection = connection;
  session->number = number;
  session->first_closed = -1;
  session->unasked = g_string_new (NULL);
  session->commands = g_ptr_array_sized_new (G_N_ELEMENTS (session->few.commands));
  return session;
}

void
milter_recorded_session_free (MilterRecordedSession *session)
{
  if (session == NULL)
    return;
  g_free (session->mta);
  g_free (session->milter);
  g_clear_pointer (&session->symbols, g_byte_array_unref);
  string_free (session->host);
  string_free (session->address);
  string_free (session->helo);
  string_free (session->version);
  string_free (session->unasked);
  commands_free (session->commands, &session->few);
  for (guint side = 0; side < G_N_ELEMENTS (session->raw); side++)
    g_clear_pointer (&session->raw[side], g_byte_array_unref);
  g_free (session);
}

char *
milter_recorded_missing_to_string (guint missing)
{
  static const struct
  {
    MilterRecordedMissing bit;
    const char *words;
  } rows[] = {
    { MILTER_RECORDED_HOLE, "bytes of it are missing in the recording" },
    { MILTER_RECORDED_NO_START, "its connection began before the recording" },
    { MILTER_RECORDED_OUT_OF_STEP, "which reply answers which command is not known" },
    { MILTER_RECORDED_TOO_LARGE, "it is larger than what is kept" },
    { MILTER_RECORDED_CUT_OFF, "the recording ends in the middle of it" },
  };
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if ((missing & rows[i].bit) != 0)
      g_string_append_printf (text, "%s%s", text->len > 0 ? "; " : "", rows[i].words);
  return g_string_free (text, /* free_segment= */ text->len == 0);
}

MilterMail *
milter_recorded_message_build_before (const MilterRecordedMessage *message)
{
  MilterMail *mail = milter_mail_copy (message->mail);

  for (guint i = mail->recipients->len; i > 0; i--)
    if (milter_recorded_command_is_refused (g_ptr_array_index (message->recipients, i - 1)))
      g_ptr_array_remove_index (mail->recipients, i - 1);
  return mail;
}

MilterMail *
milter_recorded_message_build_after (const MilterRecordedMessage *message)
{
  const MilterEditRules *rules = message->profile->edit_rules;
  MilterMail *mail = milter_recorded_message_build_before (message);

  milter_profile_hide_headers (message->profile, mail);
  for (guint i = 0; i < message->edits->len; i++)
    {
      MilterMessage edit;

      milter_recorded_edit_get_message (g_ptr_array_index (message->edits, i), &edit);
      /* one that the MTA refuses leaves the mail as it is */
      milter_mail_edit (mail, &edit, rules, message->leading_space, /* error= */ NULL);
    }
  milter_mail_finish_edits (mail, rules);
  return mail;
}

const MilterRecordedBody *
milter_recorded_message_get_final_body (const MilterRecordedMessage *message)
{
  const MilterRecordedBody *body = &message->body;
  guint n_replacements = 0;

  for (guint i = 0; i < message->edits->len; i++)
    {
      const MilterRecordedEdit *edit = g_ptr_array_index (message->edits, i);

      if (edit->letter != MILTER_REPLY_REPLACE_BODY)
        continue;
      body = &edit->body;
      n_replacements++;
    }
  return n_replacements <= 1 ? body : NULL;
}
