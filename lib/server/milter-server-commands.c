/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-commands.c: what the MTA says, a function for each command.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "milter-esmtp-private.h"
#include "milter-server-context-private.h"

/* A handler of stop-on-… said that it knows enough. */
static gboolean
stopped (MilterServerContext *context)
{
  _milter_server_private (context)->status = MILTER_STATUS_STOP;
  g_signal_emit_by_name (context, "stopped");
  return TRUE;
}

static void
init_command (MilterMessage *message, guint8 letter)
{
  milter_message_init (message, MILTER_SIDE_MTA, letter);
}

/* --- the commands ----------------------------------------------------------------------------- */

/**
 * milter_server_context_negotiate:
 * @context: a context that is connected
 * @option: (nullable): what the MTA offers; %NULL: all that there is
 *
 * Sends the offer; "negotiate-reply" follows.
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_negotiate (MilterServerContext *context, MilterOption *option)
{
  MilterServerContextPrivate *priv;
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);

  priv = _milter_server_private (context);
  g_clear_object (&priv->option);
  priv->option = option != NULL ? milter_option_copy (option)
                                : milter_option_new (MILTER_PROTOCOL_VERSION_MAX,
                                                     (MilterActionFlags) MILTER_ACTIONS_ALL,
                                                     (MilterStepFlags) MILTER_STEPS_ALL);
  init_command (&message, MILTER_COMMAND_NEGOTIATE);
  message.fields[0].number = milter_option_get_version (priv->option);
  message.fields[1].number = milter_option_get_action (priv->option);
  message.fields[2].number = milter_option_get_step (priv->option);
  return _milter_server_say (context, &message);
}

/* the address as it travels; @text holds what it points to */
static MilterAddress
wire_address (const struct sockaddr *address, socklen_t size, char text[INET6_ADDRSTRLEN])
{
  MilterAddress result = { .family = 'U' };

  if (address == NULL)
    return result;
  if (address->sa_family == AF_INET && size >= sizeof (struct sockaddr_in))
    {
      const struct sockaddr_in *in = (const struct sockaddr_in *) (const void *) address;

      inet_ntop (AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
      result = (MilterAddress){ '4', ntohs (in->sin_port), milter_bytes_from_string (text) };
    }
  else if (address->sa_family == AF_INET6 && size >= sizeof (struct sockaddr_in6))
    {
      const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) (const void *) address;

      inet_ntop (AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
      result = (MilterAddress){ '6', ntohs (in6->sin6_port), milter_bytes_from_string (text) };
    }
  else if (address->sa_family == AF_UNIX)
    {
      const struct sockaddr_un *un = (const struct sockaddr_un *) (const void *) address;
      gsize start = offsetof (struct sockaddr_un, sun_path);
      gsize room = size > start ? MIN (size - start, sizeof un->sun_path) : 0;

      result.family = 'L';
      result.text = milter_bytes (un->sun_path, strnlen (un->sun_path, room));
    }
  return result;
}

/**
 * milter_server_context_connect: (skip)
 * @context: a context that has negotiated
 * @host_name: the name of the SMTP client
 * @address: (nullable): its address; %NULL or a family other than inet, inet6 and unix is sent as
 *   unknown
 * @address_length: the size of @address
 *
 * Tells that an SMTP client has connected.
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_connect (MilterServerContext *context,
                               const char *host_name,
                               struct sockaddr *address,
                               socklen_t address_length)
{
  gboolean stop = FALSE;
  char text[INET6_ADDRSTRLEN];
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (host_name != NULL, FALSE);

  g_signal_emit_by_name (
      context, "stop-on-connect", host_name, address, (guint) address_length, &stop);
  if (stop)
    return stopped (context);
  init_command (&message, MILTER_COMMAND_CONNECT);
  message.fields[0].bytes = milter_bytes_from_string (host_name);
  message.fields[1].address = wire_address (address, address_length, text);
  return _milter_server_say (context, &message);
}

/**
 * milter_server_context_connect_address:
 * @context: a context
 * @host_name: the client's name, or its address in brackets
 * @address: (nullable): the client's address; %NULL if it is not known
 *
 * Tells that an SMTP client has connected: milter_server_context_connect() for those who have GIO,
 * and for bindings, where `connect` is what connects a handler to a signal.
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_connect_address (MilterServerContext *context,
                                       const char *host_name,
                                       GSocketAddress *address)
{
  struct sockaddr_storage native = { 0 };
  gssize size = 0;

  g_return_val_if_fail (address == NULL || G_IS_SOCKET_ADDRESS (address), FALSE);
  if (address == NULL)
    return milter_server_context_connect (context, host_name, NULL, 0);
  size = g_socket_address_get_native_size (address);
  g_return_val_if_fail (size > 0 && (gsize) size <= sizeof native, FALSE);
  if (!g_socket_address_to_native (address, &native, sizeof native, NULL))
    g_return_val_if_reached (FALSE);
  return milter_server_context_connect (context, host_name, (struct sockaddr *) &native, size);
}

/**
 * milter_server_context_helo:
 * @context: a context
 * @fqdn: the name that the client gave
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_helo (MilterServerContext *context, const char *fqdn)
{
  gboolean stop = FALSE;
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (fqdn != NULL, FALSE);

  g_signal_emit_by_name (context, "stop-on-helo", fqdn, &stop);
  if (stop)
    return stopped (context);
  init_command (&message, MILTER_COMMAND_HELO);
  message.fields[0].bytes = milter_bytes_from_string (fqdn);
  return _milter_server_say (context, &message);
}

/* `<address> PARAMETER…` as the fields of MAIL and RCPT: one string for each parameter */
static gboolean
send_address (MilterServerContext *context, guint8 letter, const char *text)
{
  g_autoptr (GByteArray) parameters = g_byte_array_new ();
  gsize size = _milter_esmtp_address_size (text);
  g_auto (GStrv) words = g_strsplit (text + size, " ", /* max_tokens= */ -1);
  MilterMessage message;

  for (char **word = words; *word != NULL; word++)
    {
      if (**word != '\0')
        milter_strings_append (parameters, milter_bytes_from_string (*word));
    }
  init_command (&message, letter);
  message.fields[0].bytes = milter_bytes (text, size);
  message.fields[1].bytes = milter_bytes (parameters->data, parameters->len);
  return _milter_server_say (context, &message);
}

/**
 * milter_server_context_envelope_from:
 * @context: a context
 * @from: the sender, as `<alice@example.com>`, and behind it, between blanks, ESMTP parameters
 *
 * Begins a message.
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_envelope_from (MilterServerContext *context, const char *from)
{
  MilterServerContextPrivate *priv;
  gboolean stop = FALSE;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (from != NULL, FALSE);

  g_signal_emit_by_name (context, "stop-on-envelope-from", from, &stop);
  if (stop)
    return stopped (context);
  if (!_milter_server_can_send (context, MILTER_COMMAND_ENVELOPE_FROM))
    return FALSE;
  priv = _milter_server_private (context);
  priv->status = MILTER_STATUS_DEFAULT;
  priv->skip_body = false;
  priv->n_accepted_recipients = 0;
  priv->processing_message = true;
  _milter_server_result_begin (context, from);
  return send_address (context, MILTER_COMMAND_ENVELOPE_FROM, from);
}

/**
 * milter_server_context_envelope_recipient:
 * @context: a context
 * @recipient: one recipient, and behind it, between blanks, ESMTP parameters
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_envelope_recipient (MilterServerContext *context, const char *recipient)
{
  gboolean stop = FALSE;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (recipient != NULL, FALSE);

  g_signal_emit_by_name (context, "stop-on-envelope-recipient", recipient, &stop);
  if (stop)
    return stopped (context);
  if (!_milter_server_can_send (context, MILTER_COMMAND_ENVELOPE_RECIPIENT))
    return FALSE;
  _milter_server_result_recipient (context, recipient);
  return send_address (context, MILTER_COMMAND_ENVELOPE_RECIPIENT, recipient);
}

/**
 * milter_server_context_data:
 * @context: a context
 *
 * Tells that the envelope is complete. Milters of a version below 4 are not sent this.
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_data (MilterServerContext *context)
{
  gboolean stop = FALSE;
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);

  g_signal_emit_by_name (context, "stop-on-data", &stop);
  if (stop)
    return stopped (context);
  init_command (&message, MILTER_COMMAND_DATA);
  return _milter_server_say (context, &message);
}

/**
 * milter_server_context_unknown:
 * @context: a context
 * @command: a command line that the MTA does not know
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_unknown (MilterServerContext *context, const char *command)
{
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (command != NULL, FALSE);

  init_command (&message, MILTER_COMMAND_UNKNOWN);
  message.fields[0].bytes = milter_bytes_from_string (command);
  return _milter_server_say (context, &message);
}

/**
 * milter_server_context_header:
 * @context: a context
 * @name: a field's name
 * @value: its value, folds as `\n` and white space
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_header (MilterServerContext *context, const char *name, const char *value)
{
  gboolean stop = FALSE;
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (name != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  g_signal_emit_by_name (context, "stop-on-header", name, value, &stop);
  if (stop)
    return stopped (context);
  if (!_milter_server_can_send (context, MILTER_COMMAND_HEADER))
    return FALSE;
  _milter_server_result_header (context, name, value);
  init_command (&message, MILTER_COMMAND_HEADER);
  message.fields[0].bytes = milter_bytes_from_string (name);
  message.fields[1].bytes = milter_bytes_from_string (value);
  return _milter_server_say (context, &message);
}

/**
 * milter_server_context_header_bytes:
 * @context: a context
 * @name: a field's name
 * @value: its value, which need not be UTF-8, without a NUL; folds as `\n` and white space
 *
 * milter_server_context_header() for bindings, whose strings are UTF-8.
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_header_bytes (MilterServerContext *context, const char *name, GBytes *value)
{
  g_autofree char *string = NULL;
  gsize size;
  const char *data;

  g_return_val_if_fail (value != NULL, FALSE);
  data = g_bytes_get_data (value, &size);
  g_return_val_if_fail (size == 0 || memchr (data, '\0', size) == NULL, FALSE);
  string = g_strndup (data != NULL ? data : "", size);
  return milter_server_context_header (context, name, string);
}

/**
 * milter_server_context_end_of_header:
 * @context: a context
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_end_of_header (MilterServerContext *context)
{
  gboolean stop = FALSE;
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);

  g_signal_emit_by_name (context, "stop-on-end-of-header", &stop);
  if (stop)
    return stopped (context);
  init_command (&message, MILTER_COMMAND_END_OF_HEADER);
  return _milter_server_say (context, &message);
}

/* --- bodies that are longer than a frame may be ----------------------------------------------- */

void
_milter_server_drop_rest (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  g_clear_pointer (&priv->rest, g_bytes_unref);
  priv->rest_offset = 0;
  priv->rest_ends_message = false;
}

bool
_milter_server_send_rest (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  bool sent = false;

  /* pieces that nobody answers go out together */
  while (priv->rest != NULL && priv->connection != NULL && !_milter_server_is_due (context))
    {
      gsize size = g_bytes_get_size (priv->rest) - priv->rest_offset;
      const guint8 *data = g_bytes_get_data (priv->rest, NULL);
      bool is_last = size <= MILTER_BODY_CHUNK_MAX;
      G_GNUC_UNUSED g_autoptr (GBytes) keep = g_bytes_ref (priv->rest);
      MilterMessage message;

      size = MIN (size, MILTER_BODY_CHUNK_MAX);
      init_command (&message,
                    is_last && priv->rest_ends_message ? MILTER_COMMAND_END_OF_MESSAGE
                                                       : MILTER_COMMAND_BODY);
      message.fields[0].bytes = milter_bytes (data + priv->rest_offset, size);
      priv->rest_offset += size;
      if (is_last)
        _milter_server_drop_rest (context);
      if (!_milter_server_send_wanted (context, &message))
        {
          _milter_server_drop_rest (context);
          return false;
        }
      sent = true;
    }
  return sent;
}

static gboolean
send_body (MilterServerContext *context, guint8 letter, const char *chunk, gsize size)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  MilterMessage message;

  if (size <= MILTER_BODY_CHUNK_MAX)
    {
      init_command (&message, letter);
      message.fields[0].bytes = milter_bytes (chunk, size);
      return _milter_server_say (context, &message);
    }

  priv->rest = g_bytes_new (chunk, size);
  priv->rest_offset = 0;
  priv->rest_ends_message = letter == MILTER_COMMAND_END_OF_MESSAGE;
  if (!_milter_server_send_rest (context))
    return FALSE;
  if (priv->connection != NULL && !_milter_server_is_due (context))
    _milter_server_settle (context, /* skip= */ false);
  return TRUE;
}

/* whether this message's body does not interest the milter */
static bool
skips_body (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  return priv->skip_body
         || (priv->negotiated && !milter_session_is_wanted (&priv->session, MILTER_COMMAND_BODY));
}

/**
 * milter_server_context_body:
 * @context: a context
 * @chunk: (array length=size) (element-type guint8): a piece of the body, any bytes
 * @size: its size; what is longer than a frame may be is sent as several
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_body (MilterServerContext *context, const char *chunk, gsize size)
{
  gboolean stop = FALSE;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (chunk != NULL || size == 0, FALSE);

  g_signal_emit_by_name (context, "stop-on-body", chunk, size, &stop);
  if (stop)
    return stopped (context);
  if (!_milter_server_can_send (context, MILTER_COMMAND_BODY))
    return FALSE;
  _milter_server_result_body (context, size);
  if (!skips_body (context))
    return send_body (context, MILTER_COMMAND_BODY, chunk, size);
  _milter_server_enter (context, MILTER_SERVER_CONTEXT_STATE_BODY);
  _milter_server_settle (context, /* skip= */ true);
  return TRUE;
}

/**
 * milter_server_context_end_of_message:
 * @context: a context
 * @chunk: (nullable) (array length=size) (element-type guint8): the last piece of the body; left
 *   out if the milter wants
 *   no body
 * @size: its size
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_end_of_message (MilterServerContext *context, const char *chunk, gsize size)
{
  gboolean stop = FALSE;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  g_return_val_if_fail (chunk != NULL || size == 0, FALSE);

  g_signal_emit_by_name (context, "stop-on-end-of-message", chunk, size, &stop);
  if (stop)
    return stopped (context);
  if (!_milter_server_can_send (context, MILTER_COMMAND_END_OF_MESSAGE))
    return FALSE;
  _milter_server_result_body (context, size);
  return send_body (context, MILTER_COMMAND_END_OF_MESSAGE, chunk, skips_body (context) ? 0 : size);
}

/**
 * milter_server_context_abort:
 * @context: a context
 *
 * Cancels the message; the connection stays. Nothing is answered.
 *
 * Returns: %TRUE; %FALSE if it could not be sent ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_abort (MilterServerContext *context)
{
  MilterServerContextPrivate *priv;
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);

  priv = _milter_server_private (context);
  init_command (&message, MILTER_COMMAND_ABORT);
  if (!_milter_server_say (context, &message))
    return FALSE;
  priv->processing_message = false;
  priv->skip_body = false;
  _milter_server_result_end (context, MILTER_STATUS_ABORT);
  return TRUE;
}

/**
 * milter_server_context_quit:
 * @context: a context
 *
 * Says goodbye and closes the connection, whatever is due; "finished" was emitted when this
 * returns.
 *
 * Returns: %TRUE; %FALSE if there is no connection ("error" was emitted)
 *
 * Since: 0.1
 */
gboolean
milter_server_context_quit (MilterServerContext *context)
{
  g_autoptr (MilterServerContext) self = NULL;
  g_autoptr (GError) error = NULL;
  MilterServerContextPrivate *priv;
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);

  self = g_object_ref (context);
  priv = _milter_server_private (self);
  if (!_milter_server_can_send (self, MILTER_COMMAND_QUIT))
    return FALSE;
  init_command (&message, MILTER_COMMAND_QUIT);
  if (!_milter_server_append (self, &message, &error))
    return FALSE;
  priv->quitted = true;
  _milter_server_enter (self, MILTER_SERVER_CONTEXT_STATE_QUIT);
  _milter_server_end (self, MILTER_IO_CLOSE_FLUSH);
  return TRUE;
}
