/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-message.c: what belongs to one message, and goes with it.
 */
#include <string.h>

#include "milter-client-context-private.h"

/* The end of a message. */

/**
 * milter_client_context_reset_message_related_data:
 * @context: a context
 *
 * Forgets what belongs to the message: the shelf, the quarantine reason, the reply text. The
 * context does so by itself at the end of each message.
 */
void
milter_client_context_reset_message_related_data (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  priv = context->priv;
  if (priv->seldom != &milter_client_context_nothing)
    {
      MilterClientContextSeldom *seldom = milter_client_context_get_seldom (priv);

      g_clear_pointer (&seldom->shelf, g_hash_table_unref);
      g_clear_pointer (&seldom->quarantine_reason, g_free);
      if (seldom->reply != NULL)
        g_string_free (g_steal_pointer (&seldom->reply), TRUE);
      seldom->reply_code = 0;
      milter_client_context_drop_seldom (priv);
    }
  priv->held = false;
  priv->skip_body = false;
  priv->body_replaced = false;
  priv->body_closed = false;
}

void
milter_client_context_end_message (MilterClientContext *context, MilterStatus status)
{
  context->priv->in_message = false;
  milter_client_context_tell_result (context, status);
  milter_client_context_reset_message_related_data (context);
}

/* Arguments. */

/**
 * milter_client_context_get_envelope_arguments:
 * @context: a context in a handler of "envelope-from" or "envelope-recipient"
 *
 * Returns: (transfer full) (nullable): the ESMTP arguments of the MAIL or RCPT that is being
 * handled, as `SIZE=1000`; free with g_strfreev(). %NULL outside of such a handler.
 */
char **
milter_client_context_get_envelope_arguments (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;
  MilterBytes rest;
  MilterBytes argument;
  GPtrArray *arguments;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  priv = context->priv;
  if (priv->current == NULL || !priv->in_handler
      || (priv->current->event != EVENT_ENVELOPE_FROM
          && priv->current->event != EVENT_ENVELOPE_RECIPIENT))
    return NULL;
  arguments = g_ptr_array_new ();
  rest = priv->arguments;
  while (milter_strings_next (&rest, &argument))
    g_ptr_array_add (arguments, g_strndup ((const char *) argument.data, argument.size));
  g_ptr_array_add (arguments, NULL);
  return (char **) g_ptr_array_free (arguments, FALSE);
}

/* Quarantine. */

/**
 * milter_client_context_set_quarantine_reason:
 * @context: a context
 * @reason: (nullable): why the message is held; line ends become blanks
 *
 * Sets what is sent at the end of the message, without a look at whether the MTA takes it.
 */
void
milter_client_context_set_quarantine_reason (MilterClientContext *context, const char *reason)
{
  MilterClientContextSeldom *seldom;
  char *old;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  seldom = milter_client_context_get_seldom (context->priv);
  old = seldom->quarantine_reason;
  /* one frame has room for so much, and the NUL */
  seldom->quarantine_reason = g_strndup (reason, MILTER_LIMIT_FROM_MTA - 1);
  context->priv->held = reason != NULL;
  if (reason != NULL)
    g_strdelimit (seldom->quarantine_reason, "\r\n", ' ');
  g_free (old);
  g_object_notify (G_OBJECT (context), "quarantine-reason");
}

/**
 * milter_client_context_get_quarantine_reason:
 * @context: a context
 *
 * Returns: (nullable): why the message is held; %NULL if it is not
 */
const char *
milter_client_context_get_quarantine_reason (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  return context->priv->seldom->quarantine_reason;
}

static gboolean
keep_quarantine (MilterClientContext *context, const char *reason)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->closing || !priv->in_message
      || (priv->session.agreed.actions & MILTER_ACTION_QUARANTINE) == 0)
    return FALSE;
  milter_client_context_set_quarantine_reason (context, reason);
  return TRUE;
}

static void
take_quarantine (MilterClientContext *context, gpointer reason)
{
  g_autoptr (GError) error = NULL;

  /* as an edit that comes too late */
  if (context->priv->closing || keep_quarantine (context, reason))
    return;
  error = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                       MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE,
                       "quarantine (SMFIR_QUARANTINE): needs a message, and the action QUARANTINE "
                       "agreed with the MTA");
  milter_client_context_emit_error (context, error);
}

/**
 * milter_client_context_quarantine:
 * @context: a context in a message
 * @reason: why the message is held; one line
 *
 * Asks the MTA to hold the message. It is sent at the end of the message, right before the answer,
 * so that it may be called earlier too.
 *
 * Returns: %FALSE if @reason is empty or has a line end in it, there is no message, or the action
 * was not agreed; from another thread the last two are told by the signal "error" instead
 */
gboolean
milter_client_context_quarantine (MilterClientContext *context, const char *reason)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  if (reason == NULL || *reason == '\0' || strpbrk (reason, "\r\n") != NULL
      || strlen (reason) >= MILTER_LIMIT_FROM_MTA)
    return FALSE;
  if (milter_client_context_is_here (context))
    return keep_quarantine (context, reason);
  milter_client_context_post (context, take_quarantine, g_strdup (reason), g_free);
  return TRUE;
}

void
milter_client_context_send_quarantine (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterMessage message;

  if (priv->seldom->quarantine_reason == NULL
      || (priv->session.agreed.actions & MILTER_ACTION_QUARANTINE) == 0)
    return;
  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_QUARANTINE);
  message.fields[0].bytes = milter_bytes_from_string (priv->seldom->quarantine_reason);
  if (!milter_message_append (&message, milter_client_context_get_output (context), NULL))
    g_error ("a checked quarantine reason cannot be written");
  milter_client_context_written (context);
}

/* The shelf: a program's own values, for as long as the message lasts. */

/**
 * milter_client_context_get_mail_transaction_shelf:
 * @context: a context
 *
 * Returns: (transfer none) (element-type utf8 utf8): the values, by key
 */
GHashTable *
milter_client_context_get_mail_transaction_shelf (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  priv = context->priv;
  if (priv->seldom->shelf == NULL)
    milter_client_context_get_seldom (priv)->shelf
        = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return priv->seldom->shelf;
}

/**
 * milter_client_context_set_mail_transaction_shelf_value:
 * @context: a context
 * @key: a key
 * @value: (nullable): its value; %NULL takes the key off
 */
void
milter_client_context_set_mail_transaction_shelf_value (MilterClientContext *context,
                                                        const char *key,
                                                        const char *value)
{
  GHashTable *shelf;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  g_return_if_fail (key != NULL);
  shelf = milter_client_context_get_mail_transaction_shelf (context);
  if (value != NULL)
    g_hash_table_replace (shelf, g_strdup (key), g_strdup (value));
  else
    g_hash_table_remove (shelf, key);
}

/**
 * milter_client_context_get_mail_transaction_shelf_value:
 * @context: a context
 * @key: a key
 *
 * Returns: (nullable): its value; valid until the shelf changes
 */
const char *
milter_client_context_get_mail_transaction_shelf_value (MilterClientContext *context,
                                                        const char *key)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  g_return_val_if_fail (key != NULL, NULL);
  if (context->priv->seldom->shelf == NULL)
    return NULL;
  return g_hash_table_lookup (context->priv->seldom->shelf, key);
}

/**
 * milter_client_context_clear_mail_transaction_shelf:
 * @context: a context
 *
 * Takes all values off the shelf.
 */
void
milter_client_context_clear_mail_transaction_shelf (MilterClientContext *context)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  if (context->priv->seldom->shelf != NULL)
    g_clear_pointer (&milter_client_context_get_seldom (context->priv)->shelf, g_hash_table_unref);
}

/**
 * milter_client_context_mail_transaction_shelf_foreach:
 * @context: a context
 * @func: (scope call): called for each value; must not change the shelf
 * @user_data: what it is given
 */
void
milter_client_context_mail_transaction_shelf_foreach (MilterClientContext *context,
                                                      MilterClientMailTransactionShelfFunc func,
                                                      gpointer user_data)
{
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  if (context->priv->seldom->shelf == NULL)
    return;
  g_hash_table_iter_init (&iter, context->priv->seldom->shelf);
  while (g_hash_table_iter_next (&iter, &key, &value))
    func (key, value, user_data);
}
