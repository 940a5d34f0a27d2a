/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-port.c: a context whose frames go to a port, unjudged.
 */
#include "milter-server-port-private.h"

#include <string.h>

#include "milter-server-context-private.h"

/* enough to tell a greeting of another protocol, or which frame was cut */
#define MAX_HEAD 64

/* the earlier of the port's own deadline and the time limit on writing */
static void
arm (MilterServerContextPrivate *priv)
{
  gint64 deadline = priv->port_deadline_us;

  if (priv->connection == NULL || !priv->connected)
    return;
  if (priv->writing_deadline_us != 0 && (deadline == 0 || priv->writing_deadline_us < deadline))
    deadline = priv->writing_deadline_us;
  _milter_io_connection_set_deadline (priv->connection, deadline);
}

static void
port_connected (MilterIoConnection *connection, gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);
  MilterServerContextPrivate *priv = _milter_server_private (self);

  priv->connected = true;
  priv->established_us = g_get_monotonic_time ();
  arm (priv);
  priv->port->ready (self, /* error= */ NULL, priv->port_data);
}

/* keeps the head of a frame that is not whole: the peer may end here */
static void
remember (MilterServerContextPrivate *priv, const guint8 *data, gsize size)
{
  priv->leftover_size = MIN (size, sizeof priv->leftover);
  if (priv->leftover_size > 0)
    memcpy (priv->leftover, data, priv->leftover_size);
}

/* the frames of one read have been told */
static void
settle (MilterServerContext *context, MilterIoConnection *connection)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->connection == connection)
    priv->port->settled (context, priv->port_data);
}

static gsize
port_received (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);
  MilterServerContextPrivate *priv = _milter_server_private (self);
  gsize used = 0;

  while (used < size && priv->connection == connection)
    {
      g_autoptr (GError) error = NULL;
      MilterMessage message;
      gsize consumed = 0;

      switch (milter_message_decode (
          MILTER_SIDE_MILTER, data + used, size - used, &priv->limits, &message, &consumed, &error))
        {
        case MILTER_DECODE_NEED_MORE:
          remember (priv, data + used, size - used);
          settle (self, connection);
          return used;
        case MILTER_DECODE_ERROR:
          remember (priv, NULL, 0);
          _milter_io_connection_pause (connection, true);
          priv->port->garbage (self,
                               error,
                               milter_bytes (data + used, MIN (size - used, MAX_HEAD)),
                               priv->port_data);
          settle (self, connection);
          return size;
        case MILTER_DECODE_COMPLETE:
          break;
        }
      used += consumed;
      priv->port->message (self, &message, priv->port_data);
    }
  remember (priv, NULL, 0);
  settle (self, connection);
  return used;
}

static void
port_ended (MilterIoConnection *connection,
            MilterIoEnd end,
            gsize leftover,
            const GError *error,
            gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);
  MilterServerContextPrivate *priv = _milter_server_private (self);
  g_autoptr (GError) unreachable = NULL;

  if (priv->connected)
    {
      priv->port->ended (self,
                         end != MILTER_IO_END_EOF,
                         milter_bytes (priv->leftover, MIN (leftover, priv->leftover_size)),
                         priv->port_data);
      return;
    }
  unreachable = error != NULL ? g_error_copy (error)
                              : g_error_new_literal (MILTER_SERVER_CONTEXT_ERROR,
                                                     MILTER_SERVER_CONTEXT_ERROR_CONNECTION_FAILURE,
                                                     "the connection could not be made");
  _milter_server_release (priv, MILTER_IO_CLOSE_NOW);
  priv->port->ready (self, unreachable, priv->port_data);
}

static void
tell_unreachable (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);
  g_autoptr (GError) error = NULL;

  error = g_error_new (MILTER_SERVER_CONTEXT_ERROR,
                       MILTER_SERVER_CONTEXT_ERROR_CONNECTION_FAILURE,
                       "no connection to %s within %g seconds",
                       priv->spec->text,
                       priv->timeouts[MILTER_SERVER_LIMIT_CONNECTION]);
  _milter_server_release (priv, MILTER_IO_CLOSE_NOW);
  priv->port->ready (context, error, priv->port_data);
}

static void
port_deadline (MilterIoConnection *connection, gpointer user_data)
{
  g_autoptr (MilterServerContext) self = g_object_ref (user_data);
  MilterServerContextPrivate *priv = _milter_server_private (self);
  gint64 now_us = g_get_monotonic_time ();

  if (!priv->connected)
    {
      tell_unreachable (self);
      return;
    }
  if (_milter_io_connection_get_pending (connection) == 0)
    priv->writing_deadline_us = 0;
  if (priv->writing_deadline_us != 0 && now_us >= priv->writing_deadline_us)
    {
      priv->writing_deadline_us = 0;
      priv->port->stalled (self, priv->port_data);
    }
  else if (priv->port_deadline_us != 0 && now_us >= priv->port_deadline_us)
    {
      priv->port_deadline_us = 0;
      priv->port->deadline (self, priv->port_data);
    }
  arm (priv);
}

static void
port_drained (MilterIoConnection *connection, gpointer user_data)
{
  MilterServerContextPrivate *priv = _milter_server_private (user_data);

  priv->writing_deadline_us = 0;
  arm (priv);
}

const MilterIoHandlers _milter_server_port_handlers = {
  .connected = port_connected,
  .received = port_received,
  .ended = port_ended,
  .deadline = port_deadline,
  .drained = port_drained,
};

void
_milter_server_context_set_port (MilterServerContext *context,
                                 const MilterServerPort *port,
                                 gpointer user_data)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  g_assert (priv->connection == NULL);
  priv->port = port;
  priv->port_data = user_data;
}

void
_milter_server_context_send_raw (MilterServerContext *context, MilterBytes bytes)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->connection == NULL || bytes.size == 0)
    return;
  /* the first bytes that the peer does not take are those that wait longest */
  if (_milter_io_connection_get_pending (priv->connection) == 0)
    {
      priv->writing_deadline_us = _milter_server_deadline (priv, MILTER_SERVER_LIMIT_WRITING);
      arm (priv);
    }
  _milter_io_connection_write (priv->connection, bytes.data, bytes.size);
}

void
_milter_server_context_flush (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->connection != NULL)
    _milter_io_connection_flush (priv->connection);
}

void
_milter_server_context_half_close (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->connection != NULL)
    _milter_io_connection_shutdown_write (priv->connection);
}

void
_milter_server_context_set_reading (MilterServerContext *context, gboolean reading)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (priv->connection != NULL)
    _milter_io_connection_pause (priv->connection, !reading);
}

void
_milter_server_context_set_deadline (MilterServerContext *context, gint64 time_us)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  /* before the connection is there, the deadline is that of connecting */
  priv->port_deadline_us = time_us;
  arm (priv);
}

void
_milter_server_context_close (MilterServerContext *context, gboolean reset)
{
  _milter_server_release (_milter_server_private (context),
                          reset ? MILTER_IO_CLOSE_RESET : MILTER_IO_CLOSE_FLUSH);
}

void
_milter_server_context_set_limits (MilterServerContext *context, const MilterLimits *limits)
{
  _milter_server_private (context)->limits = *limits;
}
