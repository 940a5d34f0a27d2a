/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-send.c: how a command leaves, whichever it is.
 *
 * A command and the macros that belong to it are appended together, so that they leave in one
 * write. Each command ends in a reply signal: the milter's, or "continue" ("skip" for a body) where
 * it was agreed that nothing is sent or nothing comes back.
 */
#include <string.h>

#include "milter-server-context-private.h"

/* what a command does to the state; a row for each that has one */
static const struct
{
  guint8 letter;
  MilterServerContextState state;
} states[] = {
  { MILTER_COMMAND_NEGOTIATE, MILTER_SERVER_CONTEXT_STATE_NEGOTIATE },
  { MILTER_COMMAND_CONNECT, MILTER_SERVER_CONTEXT_STATE_CONNECT },
  { MILTER_COMMAND_HELO, MILTER_SERVER_CONTEXT_STATE_HELO },
  { MILTER_COMMAND_ENVELOPE_FROM, MILTER_SERVER_CONTEXT_STATE_ENVELOPE_FROM },
  { MILTER_COMMAND_ENVELOPE_RECIPIENT, MILTER_SERVER_CONTEXT_STATE_ENVELOPE_RECIPIENT },
  { MILTER_COMMAND_DATA, MILTER_SERVER_CONTEXT_STATE_DATA },
  { MILTER_COMMAND_UNKNOWN, MILTER_SERVER_CONTEXT_STATE_UNKNOWN },
  { MILTER_COMMAND_HEADER, MILTER_SERVER_CONTEXT_STATE_HEADER },
  { MILTER_COMMAND_END_OF_HEADER, MILTER_SERVER_CONTEXT_STATE_END_OF_HEADER },
  { MILTER_COMMAND_BODY, MILTER_SERVER_CONTEXT_STATE_BODY },
  { MILTER_COMMAND_END_OF_MESSAGE, MILTER_SERVER_CONTEXT_STATE_END_OF_MESSAGE },
  { MILTER_COMMAND_QUIT, MILTER_SERVER_CONTEXT_STATE_QUIT },
  { MILTER_COMMAND_ABORT, MILTER_SERVER_CONTEXT_STATE_ABORT },
};

static MilterServerContextState
state_of (guint8 letter)
{
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    {
      if (states[i].letter == letter)
        return states[i].state;
    }
  return MILTER_SERVER_CONTEXT_STATE_INVALID;
}

static guint8
letter_of (MilterServerContextState state)
{
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    {
      if (states[i].state == state)
        return states[i].letter;
    }
  return 0;
}

/**
 * milter_server_context_need_reply:
 * @context: a context
 * @state: a command that was sent
 *
 * Returns: whether the milter answers it, as negotiated
 */
gboolean
milter_server_context_need_reply (MilterServerContext *context, MilterServerContextState state)
{
  guint8 letter = letter_of (state);

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  return letter != 0
         && milter_session_is_answered (&_milter_server_private (context)->session, letter);
}

/* --- replies that never come ------------------------------------------------------------------ */

/* A handler of "continue" usually sends the next command. When that one is not answered either,
 * the outermost emission goes on with it, so that a thousand header fields need no thousand
 * emissions inside each other. */
void
_milter_server_settle (MilterServerContext *context, bool skip)
{
  g_autoptr (MilterServerContext) self = g_object_ref (context);
  MilterServerContextPrivate *priv = _milter_server_private (self);

  if (skip)
    priv->due_skip = true;
  else
    priv->n_due_continue++;
  if (priv->settling)
    return;

  priv->settling = true;
  while (priv->connection != NULL && (priv->n_due_continue > 0 || priv->due_skip))
    {
      bool is_skip = priv->n_due_continue == 0;

      if (is_skip)
        priv->due_skip = false;
      else
        priv->n_due_continue--;
      g_signal_emit_by_name (self, is_skip ? "skip" : "continue");
    }
  priv->n_due_continue = 0;
  priv->due_skip = false;
  priv->settling = false;
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool
is_requested (GList *symbols, const char *name)
{
  for (GList *node = symbols; node != NULL; node = node->next)
    {
      const char *symbol = node->data;
      gsize size = strlen (symbol);

      if (size > 2 && symbol[0] == '{' && symbol[size - 1] == '}')
        {
          symbol++;
          size -= 2;
        }
      if (strlen (name) == size && memcmp (symbol, name, size) == 0)
        return true;
    }
  return false;
}

/* a name of one character travels bare, any other in braces */
static void
append_macro (GByteArray *pairs, const char *name, const char *value)
{
  g_autofree char *braced = strlen (name) > 1 ? g_strdup_printf ("{%s}", name) : g_strdup (name);

  milter_strings_append (pairs, milter_bytes_from_string (braced));
  milter_strings_append (pairs, milter_bytes_from_string (value));
}

/* The macros of the command's stage. A milter's own list for the stage replaces the set; stages
 * without a list keep theirs (milter-protocol 2.5). */
static bool
append_macros (MilterServerContext *context, guint8 letter, GByteArray *output, GError **error)
{
  MilterProtocolAgent *agent = MILTER_PROTOCOL_AGENT (context);
  MilterMacrosRequests *requests = milter_protocol_agent_get_macros_requests (agent);
  GList *symbols = NULL;
  g_autoptr (GByteArray) pairs = g_byte_array_new ();
  g_autoptr (GList) names = NULL;
  GHashTable *macros;
  MilterMessage message;

  milter_protocol_agent_set_macro_context (agent, (MilterCommand) letter);
  macros = milter_protocol_agent_get_macros (agent);
  if (macros == NULL || g_hash_table_size (macros) == 0)
    return true;
  if (requests != NULL)
    symbols = milter_macros_requests_get_symbols (requests, (MilterCommand) letter);

  /* sorted: the same session gives the same bytes */
  names = g_list_sort (g_hash_table_get_keys (macros), (GCompareFunc) strcmp);
  for (GList *node = names; node != NULL; node = node->next)
    {
      const char *value = g_hash_table_lookup (macros, node->data);

      if (symbols == NULL || is_requested (symbols, node->data))
        append_macro (pairs, node->data, value != NULL ? value : "");
    }
  if (pairs->len == 0)
    return true;

  milter_message_init (&message, MILTER_SIDE_MTA, MILTER_COMMAND_DEFINE_MACRO);
  message.fields[0].number = letter;
  message.fields[1].bytes = milter_bytes (pairs->data, pairs->len);
  return milter_message_append (&message, output, error);
}

bool
_milter_server_append (MilterServerContext *context, const MilterMessage *message, GError **error)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  GByteArray *output = _milter_io_connection_get_output (priv->connection);
  guint before = output->len;

  if (_milter_io_connection_get_pending (priv->connection) == 0)
    priv->writing_deadline_us = 0;
  if ((message->spec->answer == MILTER_ANSWER_NONE || message->letter == MILTER_COMMAND_NEGOTIATE
       || append_macros (context, message->letter, output, error))
      && milter_message_append (message, output, error))
    {
      _milter_io_connection_written (priv->connection);
      return true;
    }
  g_byte_array_set_size (output, before);
  return false;
}

bool
_milter_server_can_send (MilterServerContext *context, guint8 letter)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  const char *word = milter_spec_get (MILTER_SIDE_MTA, letter)->word;

  if (priv->connection == NULL || !priv->connected)
    _milter_server_refuse (context,
                           MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE,
                           "%s: there is no connection to the milter",
                           word);
  else if (milter_server_context_is_processing (context) && letter != MILTER_COMMAND_QUIT)
    _milter_server_refuse (context,
                           MILTER_SERVER_CONTEXT_ERROR_BUSY,
                           "%s: the milter has not answered %s yet",
                           word,
                           _milter_server_stage (context));
  else
    return true;
  return false;
}

bool
_milter_server_send_wanted (MilterServerContext *context, const MilterMessage *message)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  g_autoptr (GError) error = NULL;

  if (!milter_session_may_command (&priv->session, message->letter, &error)
      || !_milter_server_append (context, message, &error)
      || !milter_session_command (&priv->session, message, &error))
    {
      _milter_server_refuse (
          context, MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE, "%s", error->message);
      return false;
    }
  _milter_server_sent (context);
  _milter_server_enter (context, state_of (message->letter));
  return true;
}

bool
_milter_server_is_due (MilterServerContext *context)
{
  return milter_session_due (&_milter_server_private (context)->session) != 0;
}

gboolean
_milter_server_say (MilterServerContext *context, const MilterMessage *message)
{
  g_autoptr (MilterServerContext) self = g_object_ref (context);
  MilterServerContextPrivate *priv = _milter_server_private (self);

  if (!_milter_server_can_send (self, message->letter))
    return FALSE;
  if (priv->negotiated && !milter_session_is_wanted (&priv->session, message->letter))
    _milter_server_enter (self, state_of (message->letter));
  else if (!_milter_server_send_wanted (self, message))
    return FALSE;

  if (priv->connection != NULL && !_milter_server_is_due (self)
      && message->spec->answer != MILTER_ANSWER_NONE)
    _milter_server_settle (self, /* skip= */ false);
  return TRUE;
}
