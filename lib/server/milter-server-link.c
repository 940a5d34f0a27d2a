/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-link.c: the connection of a context: made, read, timed and ended.
 */
#include <string.h>

#include "milter-server-context-private.h"

/* more is as good as for ever, and fits an int64 of microseconds */
#define MAX_TIMEOUT 1e9

#define EMIT(context, ...) g_signal_emit_by_name (context, __VA_ARGS__)

/* --- the end ---------------------------------------------------------------------------------- */

void
_milter_server_release (MilterServerContextPrivate *priv, MilterIoClose how)
{
  if (priv->connection != NULL)
    {
      MilterIoConnection *connection = g_steal_pointer (&priv->connection);

      if (how == MILTER_IO_CLOSE_FLUSH)
        _milter_io_connection_flush (connection);
      _milter_io_connection_close (connection, how);
      priv->ended_us = g_get_monotonic_time ();
    }
  g_clear_pointer (&priv->loop, _milter_io_loop_unref);
  priv->writing_deadline_us = priv->reading_deadline_us = 0;
}

void
_milter_server_end (MilterServerContext *context, MilterIoClose how)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  _milter_server_drop_rest (context);
  _milter_server_release (priv, how);
  if (priv->finished)
    return;
  /* a message that was open ends here, with what is known of it */
  _milter_server_result_end (context, priv->status);
  priv->finished = true;
  EMIT (context, "finished");
}

void
_milter_server_fail (MilterServerContext *context, GError *error)
{
  g_autoptr (GError) owned = error;
  g_autoptr (MilterServerContext) self = g_object_ref (context);
  MilterServerContextPrivate *priv = _milter_server_private (self);

  priv->status = MILTER_STATUS_ERROR;
  /* nothing of this peer is heard any more, whatever the handlers of "error" do */
  _milter_server_drop_rest (self);
  _milter_server_release (priv, MILTER_IO_CLOSE_NOW);
  EMIT (self, "error", owned);
  _milter_server_end (self, MILTER_IO_CLOSE_NOW);
}

void
_milter_server_refuse (MilterServerContext *context,
                       MilterServerContextError code,
                       const char *format,
                       ...)
{
  g_autoptr (GError) error = NULL;
  va_list arguments;

  va_start (arguments, format);
  error = g_error_new_valist (MILTER_SERVER_CONTEXT_ERROR, (int) code, format, arguments);
  va_end (arguments);
  EMIT (context, "error", error);
}

const char *
_milter_server_stage (MilterServerContext *context)
{
  static const guint8 letters[] = {
    [MILTER_SERVER_CONTEXT_STATE_DEFINE_MACRO] = MILTER_COMMAND_DEFINE_MACRO,
    [MILTER_SERVER_CONTEXT_STATE_NEGOTIATE] = MILTER_COMMAND_NEGOTIATE,
    [MILTER_SERVER_CONTEXT_STATE_CONNECT] = MILTER_COMMAND_CONNECT,
    [MILTER_SERVER_CONTEXT_STATE_HELO] = MILTER_COMMAND_HELO,
    [MILTER_SERVER_CONTEXT_STATE_ENVELOPE_FROM] = MILTER_COMMAND_ENVELOPE_FROM,
    [MILTER_SERVER_CONTEXT_STATE_ENVELOPE_RECIPIENT] = MILTER_COMMAND_ENVELOPE_RECIPIENT,
    [MILTER_SERVER_CONTEXT_STATE_DATA] = MILTER_COMMAND_DATA,
    [MILTER_SERVER_CONTEXT_STATE_UNKNOWN] = MILTER_COMMAND_UNKNOWN,
    [MILTER_SERVER_CONTEXT_STATE_HEADER] = MILTER_COMMAND_HEADER,
    [MILTER_SERVER_CONTEXT_STATE_END_OF_HEADER] = MILTER_COMMAND_END_OF_HEADER,
    [MILTER_SERVER_CONTEXT_STATE_BODY] = MILTER_COMMAND_BODY,
    [MILTER_SERVER_CONTEXT_STATE_END_OF_MESSAGE] = MILTER_COMMAND_END_OF_MESSAGE,
    [MILTER_SERVER_CONTEXT_STATE_QUIT] = MILTER_COMMAND_QUIT,
    [MILTER_SERVER_CONTEXT_STATE_ABORT] = MILTER_COMMAND_ABORT,
  };
  MilterServerContextPrivate *priv = _milter_server_private (context);
  guint8 letter = milter_session_due (&priv->session);
  const MilterSpec *spec;

  if (letter == 0 && (gsize) priv->state < G_N_ELEMENTS (letters))
    letter = letters[priv->state];
  spec = milter_spec_get (MILTER_SIDE_MTA, letter);
  return spec != NULL ? spec->word : "the connection was made";
}

/* --- time limits ------------------------------------------------------------------------------ */

gint64
_milter_server_deadline (const MilterServerContextPrivate *priv, MilterServerLimit limit)
{
  double seconds = MIN (priv->timeouts[limit], MAX_TIMEOUT);

  return seconds > 0 ? g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC) : 0;
}

static MilterServerLimit
reply_limit (const MilterServerContextPrivate *priv)
{
  return milter_session_due (&priv->session) == MILTER_COMMAND_END_OF_MESSAGE
             ? MILTER_SERVER_LIMIT_END_OF_MESSAGE
             : MILTER_SERVER_LIMIT_READING;
}

void
_milter_server_arm (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  gint64 deadline = priv->writing_deadline_us;

  if (priv->connection == NULL)
    return;
  if (milter_session_due (&priv->session) == 0)
    priv->reading_deadline_us = 0;
  if (priv->reading_deadline_us != 0 && (deadline == 0 || priv->reading_deadline_us < deadline))
    deadline = priv->reading_deadline_us;
  _milter_io_connection_set_deadline (priv->connection, deadline);
}

void
_milter_server_sent (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  /* the first bytes that the milter does not take are those that wait longest */
  if (priv->writing_deadline_us == 0)
    priv->writing_deadline_us = _milter_server_deadline (priv, MILTER_SERVER_LIMIT_WRITING);
  priv->reading_deadline_us = _milter_server_deadline (priv, reply_limit (priv));
  _milter_server_arm (context);
}

static void
time_is_up (MilterServerContext *context, MilterServerLimit limit)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  priv->status = MILTER_STATUS_ERROR;
  EMIT (context, _milter_server_limit_names[limit]);
  _milter_server_end (context, MILTER_IO_CLOSE_NOW);
}

static void
deadline_passed (MilterIoConnection *connection, gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);
  MilterServerContextPrivate *priv = _milter_server_private (self);
  gint64 now_us = g_get_monotonic_time ();

  if (!priv->connected)
    {
      time_is_up (self, MILTER_SERVER_LIMIT_CONNECTION);
      return;
    }

  /* a reply is waited for only when all of its command is out */
  if (_milter_io_connection_get_pending (connection) > 0)
    {
      if (priv->writing_deadline_us != 0 && now_us >= priv->writing_deadline_us)
        {
          time_is_up (self, MILTER_SERVER_LIMIT_WRITING);
          return;
        }
      priv->reading_deadline_us = 0;
    }
  else
    {
      priv->writing_deadline_us = 0;
      if (priv->reading_deadline_us != 0 && now_us >= priv->reading_deadline_us)
        {
          time_is_up (self, reply_limit (priv));
          return;
        }
    }
  _milter_server_arm (self);
}

static void
drained (MilterIoConnection *connection, gpointer user_data)
{
  MilterServerContext *context = user_data;
  MilterServerContextPrivate *priv = _milter_server_private (context);

  priv->writing_deadline_us = 0;
  priv->reading_deadline_us = _milter_server_deadline (priv, reply_limit (priv));
  _milter_server_arm (context);
}

/* --- the connection --------------------------------------------------------------------------- */

static void
connected (MilterIoConnection *connection, gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);
  MilterServerContextPrivate *priv = _milter_server_private (self);

  priv->connected = true;
  priv->established_us = g_get_monotonic_time ();
  _milter_io_connection_set_deadline (connection, 0);
  EMIT (self, "ready");
}

static gsize
received (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);
  MilterServerContextPrivate *priv = _milter_server_private (self);
  gsize used = 0;

  /* a handler may end the connection */
  while (used < size && priv->connection == connection)
    {
      g_autoptr (GError) error = NULL;
      MilterMessage message;
      gsize consumed = 0;

      switch (milter_message_decode (
          MILTER_SIDE_MILTER, data + used, size - used, &priv->limits, &message, &consumed, &error))
        {
        case MILTER_DECODE_NEED_MORE:
          return used;
        case MILTER_DECODE_ERROR:
          _milter_server_fail (self,
                               g_error_new (MILTER_SERVER_CONTEXT_ERROR,
                                            MILTER_SERVER_CONTEXT_ERROR_PROTOCOL,
                                            "the peer does not speak the milter protocol (after "
                                            "%s): %s",
                                            _milter_server_stage (self),
                                            error->message));
          return size;
        case MILTER_DECODE_COMPLETE:
          break;
        }
      used += consumed;
      _milter_server_reply (self, &message);
    }
  return used;
}

static GError *
describe_end (MilterServerContext *context, MilterIoEnd end, gsize leftover, const GError *error)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  bool due = milter_session_due (&priv->session) != 0;

  if (!priv->connected)
    return g_error_new (MILTER_SERVER_CONTEXT_ERROR,
                        MILTER_SERVER_CONTEXT_ERROR_CONNECTION_FAILURE,
                        "%s",
                        error != NULL ? error->message : "the connection could not be made");
  return g_error_new (MILTER_SERVER_CONTEXT_ERROR,
                      MILTER_SERVER_CONTEXT_ERROR_IO_ERROR,
                      "the milter %s the connection %s %s%s%s%s",
                      end == MILTER_IO_END_EOF     ? "closed"
                      : end == MILTER_IO_END_RESET ? "reset"
                                                   : "lost",
                      due ? "before it answered" : "after",
                      _milter_server_stage (context),
                      leftover > 0 ? ", in the middle of a frame" : "",
                      end == MILTER_IO_END_ERROR && error != NULL ? ": " : "",
                      end == MILTER_IO_END_ERROR && error != NULL ? error->message : "");
}

static void
ended (MilterIoConnection *connection,
       MilterIoEnd end,
       gsize leftover,
       const GError *error,
       gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);

  _milter_server_fail (self, describe_end (self, end, leftover, error));
}

static const MilterIoHandlers handlers = {
  .connected = connected,
  .received = received,
  .ended = ended,
  .deadline = deadline_passed,
  .drained = drained,
};

/**
 * milter_server_context_set_connection_spec:
 * @context: a context that is not connected
 * @spec: where the milter listens, as `unix:PATH`, `inet:PORT@HOST`, `inet6:PORT@HOST`
 * @error: return location for an error
 *
 * Says which milter to speak with.
 *
 * Returns: %TRUE; %FALSE with a #MilterConnectionError if @spec cannot be read
 *
 * Since: 0.1
 */
gboolean
milter_server_context_set_connection_spec (MilterServerContext *context,
                                           const char *spec,
                                           GError **error)
{
  MilterServerContextPrivate *priv;
  MilterConnectionSpec *parsed;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);

  parsed = milter_connection_spec_parse (spec, error);
  if (parsed == NULL)
    return FALSE;
  priv = _milter_server_private (context);
  g_clear_pointer (&priv->spec, milter_connection_spec_free);
  priv->spec = parsed;
  return TRUE;
}

/**
 * milter_server_context_establish_connection:
 * @context: a context with a spec
 * @error: return location for an error
 *
 * Begins to connect. "ready" or "error" follows from the thread-default main context of this
 * thread, in which the context lives from now on.
 *
 * Returns: %TRUE; %FALSE with a #MilterServerContextError or a #MilterConnectionError if it is
 *   known at once that it cannot be done
 *
 * Since: 0.1
 */
gboolean
milter_server_context_establish_connection (MilterServerContext *context, GError **error)
{
  MilterServerContextPrivate *priv;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);

  priv = _milter_server_private (context);
  if (priv->spec == NULL)
    {
      g_set_error_literal (error,
                           MILTER_SERVER_CONTEXT_ERROR,
                           MILTER_SERVER_CONTEXT_ERROR_NO_SPEC,
                           "no connection spec was set");
      return FALSE;
    }
  if (priv->connection != NULL || priv->finished)
    {
      g_set_error_literal (error,
                           MILTER_SERVER_CONTEXT_ERROR,
                           MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE,
                           "a context connects once");
      return FALSE;
    }

  priv->loop = _milter_io_loop_ref_default (error);
  if (priv->loop == NULL)
    return FALSE;
  priv->established_us = g_get_monotonic_time ();
  priv->connection
      = _milter_io_connection_connect (priv->loop, priv->spec, &handlers, context, error);
  if (priv->connection == NULL)
    {
      g_clear_pointer (&priv->loop, _milter_io_loop_unref);
      return FALSE;
    }
  priv->state = MILTER_SERVER_CONTEXT_STATE_START;
  _milter_io_connection_set_deadline (
      priv->connection, _milter_server_deadline (priv, MILTER_SERVER_LIMIT_CONNECTION));
  return TRUE;
}
