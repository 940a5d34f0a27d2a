/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-result.c: what became of a message, for who wants to know.
 *
 * A result copies every address and header field, so it is kept only where somebody listens to
 * "message-processed" when the message begins, or a program gave the context one.
 */
#include "milter-client-context-private.h"
#include "milter-message-result-private.h"

/* the two enums are one list */
G_STATIC_ASSERT ((int) MILTER_CLIENT_CONTEXT_STATE_FINISHED == (int) MILTER_STATE_FINISHED);

static bool
is_wanted (MilterClientContext *context)
{
  guint id = milter_client_context_signals[SIGNAL_MESSAGE_PROCESSED];

  return MILTER_CLIENT_CONTEXT_GET_CLASS (context)->message_processed != NULL
         || g_signal_has_handler_pending (context, id, 0, FALSE);
}

/* Commands. */

static void
track_from (MilterMessageResult *result, const MilterField *fields)
{
  _milter_message_result_set_from (result, (const char *) fields[0].bytes.data);
}

static void
track_recipient (MilterMessageResult *result, const MilterField *fields)
{
  _milter_message_result_add_recipient (result, (const char *) fields[0].bytes.data);
}

static void
track_header (MilterMessageResult *result, const MilterField *fields)
{
  milter_headers_append_header (milter_message_result_get_headers (result),
                                (const char *) fields[0].bytes.data,
                                (const char *) fields[1].bytes.data);
}

static void
track_body (MilterMessageResult *result, const MilterField *fields)
{
  _milter_message_result_add_body_size (result, fields[0].bytes.size);
}

static const struct
{
  guint8 letter;
  void (*track) (MilterMessageResult *result, const MilterField *fields);
} tracked_commands[] = {
  { MILTER_COMMAND_ENVELOPE_FROM, track_from },
  { MILTER_COMMAND_ENVELOPE_RECIPIENT, track_recipient },
  { MILTER_COMMAND_HEADER, track_header },
  { MILTER_COMMAND_BODY, track_body },
  { MILTER_COMMAND_END_OF_MESSAGE, track_body },
};

void
milter_client_context_begin_result (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->result == NULL && is_wanted (context))
    priv->result = _milter_message_result_new ();
  priv->tracked = priv->result != NULL;
  if (priv->result != NULL)
    _milter_message_result_start (priv->result, g_get_monotonic_time ());
}

void
milter_client_context_track (MilterClientContext *context, guint8 letter, const MilterField *fields)
{
  MilterClientContextPrivate *priv = context->priv;

  for (gsize i = 0; i < G_N_ELEMENTS (tracked_commands); i++)
    if (tracked_commands[i].letter == letter)
      tracked_commands[i].track (priv->result, fields);
}

/* Edits, as they are sent. */

void
milter_client_context_track_edit (MilterClientContext *context, MilterBytes frame)
{
  MilterMessageResult *result = context->priv->result;
  const MilterLimits limits = { MILTER_LIMIT_FROM_MTA };
  MilterMessage edit;
  gsize consumed = 0;
  const char *name;

  if (result == NULL
      || milter_message_decode (
             MILTER_SIDE_MILTER, frame.data, frame.size, &limits, &edit, &consumed, NULL)
             != MILTER_DECODE_COMPLETE)
    return;
  if (edit.letter == MILTER_REPLY_ADD_HEADER)
    milter_headers_append_header (milter_message_result_get_added_headers (result),
                                  (const char *) edit.fields[0].bytes.data,
                                  (const char *) edit.fields[1].bytes.data);
  if (edit.letter != MILTER_REPLY_INSERT_HEADER && edit.letter != MILTER_REPLY_CHANGE_HEADER)
    return;
  /* a change with an empty value takes the field out; another one puts a field in its place */
  name = (const char *) edit.fields[1].bytes.data;
  if (edit.letter == MILTER_REPLY_CHANGE_HEADER)
    milter_headers_append_header (milter_message_result_get_removed_headers (result), name, "");
  if (edit.letter == MILTER_REPLY_INSERT_HEADER || edit.fields[2].bytes.size > 0)
    milter_headers_append_header (milter_message_result_get_added_headers (result),
                                  name,
                                  (const char *) edit.fields[2].bytes.data);
}

/* Answers. */

void
milter_client_context_track_answer (MilterClientContext *context,
                                    guint8 command,
                                    MilterStatus status)
{
  MilterMessageResult *result = context->priv->result;
  bool refuses = status == MILTER_STATUS_REJECT || status == MILTER_STATUS_TEMPORARY_FAILURE;
  GList *last;

  if (command != MILTER_COMMAND_ENVELOPE_RECIPIENT || !refuses)
    return;
  /* moving it frees nothing but the list's own cell */
  last = g_list_last (milter_message_result_get_recipients (result));
  if (last != NULL)
    {
      g_autofree char *recipient = g_strdup (last->data);

      _milter_message_result_refuse_recipient (result, recipient, status);
    }
}

void
milter_client_context_tell_result (MilterClientContext *context, MilterStatus status)
{
  MilterClientContextPrivate *priv = context->priv;
  g_autoptr (MilterMessageResult) result = g_steal_pointer (&priv->result);

  priv->tracked = false;
  if (result == NULL)
    return;
  _milter_message_result_set_state (result, (MilterState) priv->state);
  _milter_message_result_set_status (result, status);
  _milter_message_result_set_quarantine (result, priv->seldom->quarantine_reason != NULL);
  _milter_message_result_stop (result, g_get_monotonic_time ());
  g_signal_emit (context, milter_client_context_signals[SIGNAL_MESSAGE_PROCESSED], 0, result);
}

/**
 * milter_client_context_get_message_result:
 * @context: a context
 *
 * Returns: (transfer none) (nullable): what is known of the present message; %NULL between
 * messages, and where nobody listened to "message-processed" when the message began
 */
MilterMessageResult *
milter_client_context_get_message_result (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  return context->priv->result;
}

/**
 * milter_client_context_set_message_result:
 * @context: a context
 * @result: (nullable): what is filled in from now on, until the message ends
 */
void
milter_client_context_set_message_result (MilterClientContext *context, MilterMessageResult *result)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  g_return_if_fail (result == NULL || MILTER_IS_MESSAGE_RESULT (result));
  context->priv->tracked = result != NULL;
  if (g_set_object (&context->priv->result, result))
    g_object_notify (G_OBJECT (context), "message-result");
}
