/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-replies.c: what the milter answers, as signals.
 */
#include <string.h>

#include "milter-server-context-private.h"
#include "milter-smtp-reply.h"

/* strings of a message without fault are followed by their NUL in the frame */
static const char *
text (const MilterField *field)
{
  return field->bytes.data != NULL ? (const char *) field->bytes.data : "";
}

/* the one string of a STRINGS field, or NULL */
static const char *
optional_text (const MilterField *field)
{
  return field->bytes.size > 0 ? (const char *) field->bytes.data : NULL;
}

/* --- one function for each reply that has fields ---------------------------------------------- */

static void
emit_header (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (
      context, "add-header", text (&message->fields[0]), text (&message->fields[1]));
}

static void
emit_insert_header (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (context,
                         "insert-header",
                         message->fields[0].number,
                         text (&message->fields[1]),
                         text (&message->fields[2]));
}

/* on the wire an empty value deletes */
static void
emit_change_header (MilterServerContext *context, const MilterMessage *message)
{
  const char *name = text (&message->fields[1]);
  const char *value = text (&message->fields[2]);

  if (*value == '\0')
    g_signal_emit_by_name (context, "delete-header", name, message->fields[0].number);
  else
    g_signal_emit_by_name (context, "change-header", name, message->fields[0].number, value);
}

static void
emit_change_from (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (
      context, "change-from", text (&message->fields[0]), optional_text (&message->fields[1]));
}

static void
emit_add_recipient (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (context, "add-recipient", text (&message->fields[0]), NULL);
}

static void
emit_add_recipient_with_parameters (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (
      context, "add-recipient", text (&message->fields[0]), optional_text (&message->fields[1]));
}

static void
emit_delete_recipient (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (context, "delete-recipient", text (&message->fields[0]));
}

static void
emit_replace_body (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (
      context, "replace-body", message->fields[0].bytes.data, message->fields[0].bytes.size);
}

static void
emit_quarantine (MilterServerContext *context, const MilterMessage *message)
{
  g_signal_emit_by_name (context, "quarantine", text (&message->fields[0]));
}

/* --- a reply code ----------------------------------------------------------------------------- */

static bool
emit_reply_code (MilterServerContext *context, const MilterMessage *message, bool of_recipient)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterSmtpReply) reply = milter_smtp_reply_parse (message->fields[0].bytes, &error);
  g_autoptr (GString) joined = g_string_new (NULL);

  if (reply == NULL)
    {
      _milter_server_fail (context,
                           g_error_new (MILTER_SERVER_CONTEXT_ERROR,
                                        MILTER_SERVER_CONTEXT_ERROR_PROTOCOL,
                                        "the milter's reply text is malformed: %s",
                                        error->message));
      return false;
    }
  for (guint i = 0; i < reply->lines->len; i++)
    {
      const GString *line = g_ptr_array_index (reply->lines, i);

      if (i > 0)
        g_string_append_c (joined, '\n');
      g_string_append_len (joined, line->str, (gssize) line->len);
    }
  if (!of_recipient)
    priv->status = reply->code >= 500 ? MILTER_STATUS_REJECT : MILTER_STATUS_TEMPORARY_FAILURE;
  g_signal_emit_by_name (context, "reply-code", reply->code, reply->extended, joined->str);
  return true;
}

/* --- the table -------------------------------------------------------------------------------- */

typedef void (*EmitFunc) (MilterServerContext *context, const MilterMessage *message);

/* NOT_CHANGE: the status stays */
/* clang-format off */
static const struct
{
  guint8 letter;
  const char *signal;     /* of replies without fields */
  EmitFunc emit;          /* of the others */
  MilterStatus status;
} rows[] = {
  { MILTER_REPLY_CONTINUE,                      "continue",          NULL,                               MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_ACCEPT,                        "accept",            NULL,                               MILTER_STATUS_ACCEPT },
  { MILTER_REPLY_REJECT,                        "reject",            NULL,                               MILTER_STATUS_REJECT },
  { MILTER_REPLY_TEMPORARY_FAILURE,             "temporary-failure", NULL,                               MILTER_STATUS_TEMPORARY_FAILURE },
  { MILTER_REPLY_DISCARD,                       "discard",           NULL,                               MILTER_STATUS_DISCARD },
  { MILTER_REPLY_SKIP,                          "skip",              NULL,                               MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_PROGRESS,                      "progress",          NULL,                               MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_SHUTDOWN,                      "shutdown",          NULL,                               MILTER_STATUS_ABORT },
  { MILTER_REPLY_ADD_HEADER,                    NULL,                emit_header,                        MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_INSERT_HEADER,                 NULL,                emit_insert_header,                 MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_CHANGE_HEADER,                 NULL,                emit_change_header,                 MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_REPLACE_BODY,                  NULL,                emit_replace_body,                  MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_ADD_RECIPIENT,                 NULL,                emit_add_recipient,                 MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS, NULL,                emit_add_recipient_with_parameters, MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_DELETE_RECIPIENT,              NULL,                emit_delete_recipient,              MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_CHANGE_FROM,                   NULL,                emit_change_from,                   MILTER_STATUS_NOT_CHANGE },
  { MILTER_REPLY_QUARANTINE,                    NULL,                emit_quarantine,                    MILTER_STATUS_QUARANTINE },
};
/* clang-format on */

/* A recipient's own refusal says nothing about the message. */
static bool
is_recipients_own (guint8 command, guint8 reply)
{
  return command == MILTER_COMMAND_ENVELOPE_RECIPIENT
         && (reply == MILTER_REPLY_REJECT || reply == MILTER_REPLY_TEMPORARY_FAILURE
             || reply == MILTER_REPLY_REPLY_CODE);
}

static void
emit (MilterServerContext *context, const MilterMessage *message, guint8 command)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (rows[i].letter != message->letter)
        continue;
      if (rows[i].status != MILTER_STATUS_NOT_CHANGE
          && !is_recipients_own (command, message->letter))
        priv->status = rows[i].status;
      if (rows[i].emit != NULL)
        rows[i].emit (context, message);
      else
        g_signal_emit_by_name (context, rows[i].signal);
      return;
    }
}

/* --- the answer to the offer ------------------------------------------------------------------ */

static void
take_symbols (MilterMacrosRequests *requests, guint32 stage, MilterBytes names)
{
  g_autofree char *list = g_strndup ((const char *) names.data, names.size);
  g_auto (GStrv) words = g_strsplit_set (list, " ,\t", /* max_tokens= */ -1);
  g_autoptr (GPtrArray) symbols = g_ptr_array_new ();

  for (char **word = words; *word != NULL; word++)
    {
      if (**word != '\0')
        g_ptr_array_add (symbols, *word);
    }
  g_ptr_array_add (symbols, NULL);
  milter_macros_requests_set_symbols_string_array (
      requests,
      milter_macro_stage_to_command ((MilterMacroStage) stage),
      (const char **) symbols->pdata);
}

static void
take_negotiation (MilterServerContext *context, const MilterMessage *message)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  const MilterOffer *agreed = &priv->session.agreed;
  g_autoptr (MilterMacrosRequests) requests = NULL;
  MilterBytes lists = message->fields[3].bytes;
  MilterBytes names;
  guint32 stage;

  priv->negotiated = true;
  g_clear_object (&priv->option);
  priv->option = milter_option_new (
      agreed->version, (MilterActionFlags) agreed->actions, (MilterStepFlags) agreed->steps);
  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      if (requests == NULL)
        requests = milter_macros_requests_new ();
      take_symbols (requests, stage, names);
    }
  if (requests != NULL)
    milter_protocol_agent_set_macros_requests (MILTER_PROTOCOL_AGENT (context), requests);
  g_signal_emit_by_name (context, "negotiate-reply", priv->option, requests);
}

/* --- everything else -------------------------------------------------------------------------- */

/* codes of the session's rules as ours */
static int
error_code (const MilterServerContextPrivate *priv,
            const MilterMessage *message,
            const GError *error)
{
  if (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_NEGOTIATION)
      && message->fault == MILTER_NO_FAULT
      && message->fields[0].number > priv->session.offer.version)
    return MILTER_SERVER_CONTEXT_ERROR_NEWER_VERSION_REQUESTED;
  if (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_MALFORMED)
      || g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_UNKNOWN_LETTER)
      || g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_REPLY_TEXT))
    return MILTER_SERVER_CONTEXT_ERROR_PROTOCOL;
  return MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE;
}

/* what a final reply says of its message, or of its recipient */
static MilterStatus
status_of (const MilterServerContextPrivate *priv, const MilterMessage *message)
{
  if (message->letter == MILTER_REPLY_REPLY_CODE)
    return text (&message->fields[0])[0] == '5' ? MILTER_STATUS_REJECT
                                                : MILTER_STATUS_TEMPORARY_FAILURE;
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (rows[i].letter == message->letter && rows[i].status != MILTER_STATUS_NOT_CHANGE)
        return rows[i].status;
    }
  return priv->status == MILTER_STATUS_QUARANTINE ? MILTER_STATUS_QUARANTINE
                                                  : MILTER_STATUS_CONTINUE;
}

/* what a final reply to @command does besides its signal */
static void
follow (MilterServerContext *context, guint8 command, const MilterMessage *message)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  guint8 reply = message->letter;
  bool goes_on = reply == MILTER_REPLY_CONTINUE || reply == MILTER_REPLY_SKIP;

  if (command == MILTER_COMMAND_ENVELOPE_RECIPIENT && goes_on)
    priv->n_accepted_recipients++;
  if (reply == MILTER_REPLY_SKIP)
    priv->skip_body = true;
  if (is_recipients_own (command, reply))
    _milter_server_result_refuse (context, status_of (priv, message));
  else if (command == MILTER_COMMAND_END_OF_MESSAGE
           || (!goes_on && command != MILTER_COMMAND_UNKNOWN))
    {
      priv->processing_message = false;
      _milter_server_result_end (context, status_of (priv, message));
    }
}

/* whether the reply only asks for the next piece of a body */
static bool
goes_on_with_body (MilterServerContext *context, const MilterMessage *message, guint8 command)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (command != MILTER_COMMAND_BODY || priv->rest == NULL)
    return false;
  if (message->letter == MILTER_REPLY_CONTINUE)
    return _milter_server_send_rest (context);
  if (message->letter == MILTER_REPLY_SKIP && priv->rest_ends_message)
    {
      /* the program has said all: its message still ends */
      priv->rest_offset = g_bytes_get_size (priv->rest);
      return _milter_server_send_rest (context);
    }
  _milter_server_drop_rest (context);
  return false;
}

void
_milter_server_reply (MilterServerContext *context, const MilterMessage *message)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  guint8 command = milter_session_due (&priv->session);
  g_autoptr (GError) error = NULL;
  MilterReplyKind kind;

  /* defined by the headers, an error to every MTA */
  if (message->letter == MILTER_REPLY_CONNECTION_FAILURE && message->fault == MILTER_NO_FAULT)
    {
      priv->status = MILTER_STATUS_ERROR;
      g_signal_emit_by_name (context, "connection-failure");
      _milter_server_end (context, MILTER_IO_CLOSE_NOW);
      return;
    }
  if (!milter_session_reply (&priv->session, message, &error))
    {
      _milter_server_fail (context,
                           g_error_new (MILTER_SERVER_CONTEXT_ERROR,
                                        error_code (priv, message, error),
                                        "%s: %s",
                                        _milter_server_stage (context),
                                        error->message));
      return;
    }

  kind = message->spec->kind;
  /* "message-processed" comes before the reply's own signal, whose handler may begin a message */
  if (kind == MILTER_REPLY_KIND_FINAL)
    follow (context, command, message);
  else if (kind == MILTER_REPLY_KIND_EDIT)
    _milter_server_result_edit (context, message);
  if (kind == MILTER_REPLY_KIND_PROGRESS)
    _milter_server_sent (context);
  else
    _milter_server_arm (context);

  if (goes_on_with_body (context, message, command))
    return;
  if (kind == MILTER_REPLY_KIND_OPTIONS)
    take_negotiation (context, message);
  else if (message->letter == MILTER_REPLY_REPLY_CODE)
    emit_reply_code (context, message, is_recipients_own (command, message->letter));
  else
    emit (context, message, command);
  if (message->letter == MILTER_REPLY_SHUTDOWN)
    _milter_server_end (context, MILTER_IO_CLOSE_FLUSH);
}
