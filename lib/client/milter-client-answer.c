/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-answer.c: what becomes of a handler's status: replies, now or later.
 */
#include <string.h>

#include "milter-client-context-private.h"
#include "milter-session-private.h"

/* Output. */

static GByteArray *
get_output (MilterClientContextPrivate *priv)
{
  if (priv->connection != NULL)
    return _milter_io_connection_get_output (priv->connection);
  if (priv->seldom->output == NULL)
    milter_client_context_get_seldom (priv)->output = g_byte_array_new ();
  return priv->seldom->output;
}

GByteArray *
milter_client_context_get_output (MilterClientContext *context)
{
  GByteArray *output = get_output (context->priv);

  if (G_UNLIKELY (context->priv->tap != NULL))
    milter_client_context_tap_writes (context, output);
  return output;
}

void
milter_client_context_written (MilterClientContext *context)
{
  if (G_UNLIKELY (context->priv->tap != NULL))
    milter_client_context_tap_wrote (context);
  if (context->priv->connection != NULL)
    _milter_io_connection_written (context->priv->connection);
}

GByteArray *
milter_client_context_take_output (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  GByteArray *output = NULL;

  if (priv->seldom->output != NULL)
    output = g_steal_pointer (&milter_client_context_get_seldom (priv)->output);
  return output != NULL ? output : g_byte_array_new ();
}

/* From statuses to replies. */

/* What each status sends. Those that are no answer to an MTA let it go on; those that say that the
 * program failed ask it to try again later: without any reply it would wait until its time is up.
 */
static const guint8 reply_letters[] = {
  [MILTER_STATUS_DEFAULT] = MILTER_REPLY_CONTINUE,
  [MILTER_STATUS_NOT_CHANGE] = MILTER_REPLY_CONTINUE,
  [MILTER_STATUS_CONTINUE] = MILTER_REPLY_CONTINUE,
  [MILTER_STATUS_REJECT] = MILTER_REPLY_REJECT,
  [MILTER_STATUS_DISCARD] = MILTER_REPLY_DISCARD,
  [MILTER_STATUS_ACCEPT] = MILTER_REPLY_ACCEPT,
  [MILTER_STATUS_TEMPORARY_FAILURE] = MILTER_REPLY_TEMPORARY_FAILURE,
  [MILTER_STATUS_NO_REPLY] = MILTER_REPLY_CONTINUE,
  [MILTER_STATUS_SKIP] = MILTER_REPLY_SKIP,
  [MILTER_STATUS_ALL_OPTIONS] = MILTER_REPLY_CONTINUE,
  [MILTER_STATUS_PROGRESS] = MILTER_REPLY_CONTINUE,
  [MILTER_STATUS_ABORT] = MILTER_REPLY_TEMPORARY_FAILURE,
  [MILTER_STATUS_QUARANTINE] = MILTER_REPLY_CONTINUE,
  [MILTER_STATUS_STOP] = MILTER_REPLY_TEMPORARY_FAILURE,
  [MILTER_STATUS_ERROR] = MILTER_REPLY_TEMPORARY_FAILURE,
};

static void
complain (MilterClientContext *context, const MilterSpec *reply, const MilterSpec *command)
{
  g_autoptr (GError) error
      = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                     MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE,
                     "%s (%s) cannot answer %s (%s): continue was sent instead",
                     reply->word,
                     reply->field_name,
                     command->word,
                     command->field_name);

  milter_client_context_emit_error (context, error);
}

/* UNK-11: Postfix dies of an accept or discard that answers UNKNOWN outside a message */
static bool
may_answer (MilterClientContext *context, const MilterSpec *reply, guint8 command)
{
  bool ends_message = reply->letter == MILTER_REPLY_ACCEPT || reply->letter == MILTER_REPLY_DISCARD;

  if (command == MILTER_COMMAND_UNKNOWN && ends_message && !context->priv->in_message)
    return false;
  return strchr (reply->answers, command) != NULL;
}

/* a text that was set goes with a refusal of its class; of another class, it waits for one */
static bool
has_text_for (MilterClientContext *context, guint8 letter)
{
  MilterClientContextPrivate *priv = context->priv;
  guint class = priv->seldom->reply_code / 100;

  return priv->seldom->reply != NULL
         && ((letter == MILTER_REPLY_REJECT && class == 5)
             || (letter == MILTER_REPLY_TEMPORARY_FAILURE && class == 4));
}

static guint8
choose_reply (MilterClientContext *context, guint8 command, MilterStatus status)
{
  MilterClientContextPrivate *priv = context->priv;
  guint8 letter = MILTER_REPLY_TEMPORARY_FAILURE;
  const MilterSpec *reply;

  if ((gsize) status < G_N_ELEMENTS (reply_letters))
    letter = reply_letters[status];
  /* it can answer anything */
  if (letter == MILTER_REPLY_CONTINUE)
    return letter;
  reply = milter_spec_get (MILTER_SIDE_MILTER, letter);
  if (!may_answer (context, reply, command))
    {
      complain (context, reply, milter_spec_get (MILTER_SIDE_MTA, command));
      return MILTER_REPLY_CONTINUE;
    }
  if (letter == MILTER_REPLY_SKIP && (priv->session.agreed.steps & MILTER_STEP_SKIP) == 0)
    return MILTER_REPLY_CONTINUE;
  return has_text_for (context, letter) ? MILTER_REPLY_REPLY_CODE : letter;
}

static void
send_text (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterClientContextSeldom *seldom = milter_client_context_get_seldom (priv);
  MilterMessage message;
  g_autoptr (GError) error = NULL;

  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_REPLY_CODE);
  message.fields[0].bytes = milter_bytes (seldom->reply->str, seldom->reply->len);
  /* only what was checked before stands in the fields */
  if (!milter_message_append (&message, milter_client_context_get_output (context), &error))
    g_error ("a checked reply cannot be written: %s", error->message);
  milter_session_reply (&priv->session, &message, NULL);
  g_string_free (g_steal_pointer (&seldom->reply), TRUE);
  seldom->reply_code = 0;
}

static void
send_letter (MilterClientContext *context, guint8 letter)
{
  MilterSession *session = &context->priv->session;
  MilterMessage message;

  milter_frame_append (letter, milter_bytes (NULL, 0), milter_client_context_get_output (context));
  if (letter == MILTER_REPLY_CONTINUE && milter_session_may_continue (session))
    {
      milter_session_continue (session);
      return;
    }
  milter_message_init (&message, MILTER_SIDE_MILTER, letter);
  milter_session_reply (session, &message, NULL);
}

static void
send_reply (MilterClientContext *context, guint8 letter)
{
  if (letter == MILTER_REPLY_REPLY_CODE)
    send_text (context);
  else
    send_letter (context, letter);
  milter_client_context_written (context);
}

/* whether this answer ended the message, or left none */
static bool
is_message_over (MilterClientContext *context, guint8 command)
{
  MilterSessionState state = context->priv->session.state;

  return command == MILTER_COMMAND_END_OF_MESSAGE || state == MILTER_SESSION_MESSAGE_OVER
         || state == MILTER_SESSION_CONNECTION_OVER;
}

static void
answer_command (MilterClientContext *context, const MilterClientRow *row, MilterStatus status)
{
  MilterClientContextPrivate *priv = context->priv;

  if (row->letter == MILTER_COMMAND_BODY && status == MILTER_STATUS_SKIP)
    priv->skip_body = true;
  if (!milter_session_is_answered (&priv->session, row->letter))
    return;
  if (row->letter == MILTER_COMMAND_END_OF_MESSAGE)
    milter_client_context_send_quarantine (context);
  send_reply (context, choose_reply (context, row->letter, status));
}

void
milter_client_context_settle (MilterClientContext *context,
                              const MilterClientRow *row,
                              MilterStatus status)
{
  MilterClientContextPrivate *priv = context->priv;

  priv->status = status;
  milter_client_context_enter (context, row->state + 1);
  if (priv->result != NULL)
    milter_client_context_track_answer (context, row->letter, status);
  if (priv->in_message && is_message_over (context, row->letter))
    milter_client_context_end_message (context, status);
  if (priv->leaving && !priv->in_message)
    milter_client_context_close (context, MILTER_IO_CLOSE_FLUSH);
}

void
milter_client_context_answer (MilterClientContext *context, MilterStatus status)
{
  MilterClientContextPrivate *priv = context->priv;
  const MilterClientRow *row = g_steal_pointer (&priv->current);

  priv->pending = false;
  if (row->event == EVENT_NEGOTIATE)
    milter_client_context_answer_offer (context, status);
  else
    answer_command (context, row, status);
  if (!priv->closing)
    milter_client_context_settle (context, row, status);
}

/* Answers that come later. */

void
milter_client_context_wait (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->has_early)
    {
      priv->has_early = false;
      milter_client_context_answer (context, priv->early);
      return;
    }
  priv->pending = true;
  if (priv->connection != NULL)
    _milter_io_connection_pause (priv->connection, true);
  milter_client_context_arm (context);
}

typedef struct
{
  MilterClientEvent event;
  MilterOption *option;
  MilterMacrosRequests *requests;
  MilterStatus status;
} Response;

static void
response_free (gpointer data)
{
  Response *response = data;

  g_clear_object (&response->option);
  g_clear_object (&response->requests);
  g_free (response);
}

static void
refuse_response (MilterClientContext *context, MilterClientEvent event)
{
  g_autoptr (GError) error
      = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                     MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE,
                     "%s was emitted, but no answer to that event is awaited",
                     g_signal_name (milter_client_context_signals[SIGNAL_RESPONSES + event]));

  milter_client_context_emit_error (context, error);
}

static void
take_response (MilterClientContext *context, gpointer data)
{
  MilterClientContextPrivate *priv = context->priv;
  Response *response = data;
  bool is_current = priv->current != NULL && priv->current->event == response->event;

  /* the connection may end before the program knows; an abort is never answered */
  if (priv->closing || response->event == EVENT_ABORT)
    return;
  if (!is_current || (!priv->pending && !priv->in_handler))
    {
      refuse_response (context, response->event);
      return;
    }
  if (response->event == EVENT_NEGOTIATE)
    milter_client_context_replace_offer (context, response->option, response->requests);
  if (priv->in_handler)
    {
      priv->has_early = true;
      priv->early = response->status;
      return;
    }
  priv->busy++;
  milter_client_context_answer (context, response->status);
  milter_client_context_arm (context);
  milter_client_context_unbusy (context);
  milter_client_context_resume (context);
}

void
milter_client_context_respond (MilterClientContext *context,
                               MilterClientEvent event,
                               MilterOption *option,
                               MilterMacrosRequests *requests,
                               MilterStatus status)
{
  Response *response = g_new0 (Response, 1);

  *response = (Response){ .event = event, .status = status };
  g_set_object (&response->option, option);
  g_set_object (&response->requests, requests);
  if (!milter_client_context_is_here (context))
    {
      milter_client_context_post (context, take_response, response, response_free);
      return;
    }
  g_object_ref (context);
  take_response (context, response);
  response_free (response);
  g_object_unref (context);
}

/* The text of a refusal. */

typedef struct
{
  guint code;
  GString *text;
} ReplyText;

static void
reply_text_free (gpointer data)
{
  ReplyText *reply = data;

  if (reply->text != NULL)
    g_string_free (reply->text, TRUE);
  g_free (reply);
}

static void
take_reply_text (MilterClientContext *context, gpointer data)
{
  MilterClientContextSeldom *seldom = milter_client_context_get_seldom (context->priv);
  ReplyText *reply = data;

  if (seldom->reply != NULL)
    g_string_free (seldom->reply, TRUE);
  seldom->reply = g_steal_pointer (&reply->text);
  seldom->reply_code = reply->code;
}

/**
 * milter_client_context_set_reply:
 * @context: a context
 * @code: 400 to 599
 * @extended_code: (nullable): as "5.7.1", of the same class as @code
 * @message: (nullable): what the SMTP client is told; several lines are separated by a line feed.
 *   Percent signs are doubled on the way.
 * @error: return location for an error
 *
 * Sets the SMTP reply for the next %MILTER_STATUS_REJECT (5xx) or %MILTER_STATUS_TEMPORARY_FAILURE
 * (4xx). It is used once, and forgotten at the end of the message.
 *
 * Returns: %FALSE for a code or a text that SMTP does not allow
 */
gboolean
milter_client_context_set_reply (MilterClientContext *context,
                                 guint code,
                                 const char *extended_code,
                                 const char *message,
                                 GError **error)
{
  g_autoptr (GError) reason = NULL;
  ReplyText *reply;
  GString *text;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  text
      = milter_smtp_reply_format (code, extended_code, milter_bytes_from_string (message), &reason);
  if (text == NULL)
    {
      bool is_code
          = g_error_matches (reason, MILTER_SMTP_REPLY_ERROR, MILTER_SMTP_REPLY_ERROR_CODE)
            || g_error_matches (reason, MILTER_SMTP_REPLY_ERROR, MILTER_SMTP_REPLY_ERROR_EXTENDED);

      g_set_error (error,
                   MILTER_CLIENT_CONTEXT_ERROR,
                   is_code ? MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE
                           : MILTER_CLIENT_CONTEXT_ERROR_INVALID_VALUE,
                   "%s",
                   reason->message);
      return FALSE;
    }
  reply = g_new (ReplyText, 1);
  *reply = (ReplyText){ code, text };
  if (!milter_client_context_is_here (context))
    {
      milter_client_context_post (context, take_reply_text, reply, reply_text_free);
      return TRUE;
    }
  take_reply_text (context, reply);
  reply_text_free (reply);
  return TRUE;
}

/**
 * milter_client_context_format_reply:
 * @context: a context
 *
 * Returns: (transfer full) (nullable): the reply that was set, as it will be sent
 */
char *
milter_client_context_format_reply (MilterClientContext *context)
{
  const GString *reply;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  reply = context->priv->seldom->reply;
  return reply != NULL ? g_strdup (reply->str) : NULL;
}
