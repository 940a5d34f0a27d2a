/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-result.c: what became of a message, for who wants to know.
 *
 * A result copies every address and header field, so it is kept only where somebody listens to
 * "message-processed" when the message begins, or a program gave the context one.
 */
#include "milter-message-result-private.h"
#include "milter-server-context-private.h"

/* the states in which a message may end, as the results of both sides name them */
/* clang-format off */
static const MilterState states[] = {
  [MILTER_SERVER_CONTEXT_STATE_START]              = MILTER_STATE_START,
  [MILTER_SERVER_CONTEXT_STATE_NEGOTIATE]          = MILTER_STATE_NEGOTIATE,
  [MILTER_SERVER_CONTEXT_STATE_CONNECT]            = MILTER_STATE_CONNECT,
  [MILTER_SERVER_CONTEXT_STATE_HELO]               = MILTER_STATE_HELO,
  [MILTER_SERVER_CONTEXT_STATE_ENVELOPE_FROM]      = MILTER_STATE_ENVELOPE_FROM,
  [MILTER_SERVER_CONTEXT_STATE_ENVELOPE_RECIPIENT] = MILTER_STATE_ENVELOPE_RECIPIENT,
  [MILTER_SERVER_CONTEXT_STATE_DATA]               = MILTER_STATE_DATA,
  [MILTER_SERVER_CONTEXT_STATE_UNKNOWN]            = MILTER_STATE_UNKNOWN,
  [MILTER_SERVER_CONTEXT_STATE_HEADER]             = MILTER_STATE_HEADER,
  [MILTER_SERVER_CONTEXT_STATE_END_OF_HEADER]      = MILTER_STATE_END_OF_HEADER,
  [MILTER_SERVER_CONTEXT_STATE_BODY]               = MILTER_STATE_BODY,
  [MILTER_SERVER_CONTEXT_STATE_END_OF_MESSAGE]     = MILTER_STATE_END_OF_MESSAGE,
  [MILTER_SERVER_CONTEXT_STATE_QUIT]               = MILTER_STATE_QUIT,
  [MILTER_SERVER_CONTEXT_STATE_ABORT]              = MILTER_STATE_ABORT,
};
/* clang-format on */

static bool
is_wanted (MilterServerContext *context)
{
  guint id = g_signal_lookup ("message-processed", MILTER_TYPE_SERVER_CONTEXT);

  return MILTER_SERVER_CONTEXT_GET_CLASS (context)->message_processed != NULL
         || g_signal_has_handler_pending (
             context, id, /* detail= */ 0, /* may_be_blocked= */ FALSE);
}

void
_milter_server_result_begin (MilterServerContext *context, const char *from)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->result == NULL && is_wanted (context))
    priv->result = _milter_message_result_new ();
  if (priv->result == NULL)
    return;
  _milter_message_result_start (priv->result, g_get_monotonic_time ());
  _milter_message_result_set_from (priv->result, from);
}

void
_milter_server_result_recipient (MilterServerContext *context, const char *recipient)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->result != NULL)
    _milter_message_result_add_recipient (priv->result, recipient);
}

void
_milter_server_result_header (MilterServerContext *context, const char *name, const char *value)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->result != NULL)
    milter_headers_append_header (milter_message_result_get_headers (priv->result), name, value);
}

void
_milter_server_result_body (MilterServerContext *context, gsize size)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->result != NULL)
    _milter_message_result_add_body_size (priv->result, size);
}

static void
add (MilterHeaders *headers, const MilterField *name, const MilterField *value)
{
  milter_headers_append_header (headers,
                                (const char *) name->bytes.data,
                                value != NULL ? (const char *) value->bytes.data : "");
}

void
_milter_server_result_edit (MilterServerContext *context, const MilterMessage *message)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  const MilterField *fields = message->fields;
  MilterHeaders *added;

  if (priv->result == NULL)
    return;
  added = milter_message_result_get_added_headers (priv->result);
  if (message->letter == MILTER_REPLY_ADD_HEADER)
    add (added, &fields[0], &fields[1]);
  else if (message->letter == MILTER_REPLY_INSERT_HEADER)
    add (added, &fields[1], &fields[2]);
  else if (message->letter == MILTER_REPLY_CHANGE_HEADER)
    {
      /* one with an empty value takes the field out; another puts a field in its place */
      add (milter_message_result_get_removed_headers (priv->result), &fields[1], NULL);
      if (fields[2].bytes.size > 0)
        add (added, &fields[1], &fields[2]);
    }
  else if (message->letter == MILTER_REPLY_QUARANTINE)
    _milter_message_result_set_quarantine (priv->result, TRUE);
}

void
_milter_server_result_refuse (MilterServerContext *context, MilterStatus status)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  g_autofree char *recipient = NULL;
  GList *last;

  if (priv->result == NULL)
    return;
  last = g_list_last (milter_message_result_get_recipients (priv->result));
  if (last == NULL)
    return;
  /* a copy: moving it to its own list may free this one */
  recipient = g_strdup (last->data);
  _milter_message_result_refuse_recipient (priv->result, recipient, status);
}

void
_milter_server_result_end (MilterServerContext *context, MilterStatus status)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  g_autoptr (MilterMessageResult) result = g_steal_pointer (&priv->result);

  if (result == NULL)
    return;
  _milter_message_result_set_state (result, states[priv->state]);
  _milter_message_result_set_status (result, status);
  _milter_message_result_stop (result, g_get_monotonic_time ());
  g_signal_emit_by_name (context, "message-processed", result);
}

/**
 * milter_server_context_get_message_result:
 * @context: a context
 *
 * Returns: (transfer none) (nullable): what is known of the present message; %NULL between
 *   messages, and where nobody listened to "message-processed" when the message began
 *
 * Since: 0.1
 */
MilterMessageResult *
milter_server_context_get_message_result (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), NULL);
  return _milter_server_private (context)->result;
}

/**
 * milter_server_context_set_message_result:
 * @context: a context
 * @result: (nullable): what is filled in from now on, until the message ends
 *
 * Since: 0.1
 */
void
milter_server_context_set_message_result (MilterServerContext *context, MilterMessageResult *result)
{
  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  g_return_if_fail (result == NULL || MILTER_IS_MESSAGE_RESULT (result));
  if (g_set_object (&_milter_server_private (context)->result, result))
    g_object_notify (G_OBJECT (context), "message-result");
}
