/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-connection.c: what a context learns from its connection to an MTA: that it is there,
 * that it is silent, and that it is gone.
 */
#include "milter-client-context-private.h"
#include "milter-client-private.h"

/* Replies that wait for a peer that does not read, before we read no more of it: room for the
 * edits of a message, while a peer that only asks cannot fill our memory. */
#define MAX_PENDING (256 * 1024)

void
milter_client_context_arm (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->connection == NULL)
    return;
  /* while a program thinks, the MTA may be silent */
  _milter_io_connection_set_timeout (
      priv->connection, priv->pending ? 0 : (gint64) priv->timeout * G_USEC_PER_SEC);
}

static void
tell_lost_connection (MilterClientContext *context, gsize leftover, const GError *cause)
{
  g_autoptr (GError) error = NULL;

  if (cause != NULL)
    error = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                         MILTER_CLIENT_CONTEXT_ERROR_IO_ERROR,
                         "the connection to the MTA broke: %s",
                         cause->message);
  else
    error = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                         MILTER_CLIENT_CONTEXT_ERROR_IO_ERROR,
                         "the MTA closed the connection inside a command, after %" G_GSIZE_FORMAT
                         " bytes of it",
                         leftover);
  milter_client_context_emit_error (context, error);
}

void
milter_client_context_lose (MilterClientContext *context, gsize leftover)
{
  g_object_ref (context);
  if (leftover > 0)
    tell_lost_connection (context, leftover, /* cause= */ NULL);
  milter_client_context_close (context, MILTER_IO_CLOSE_FLUSH);
  g_object_unref (context);
}

static void
on_ended (MilterIoConnection *connection,
          MilterIoEnd end,
          gsize leftover,
          const GError *error,
          gpointer user_data)
{
  MilterClientContext *context = user_data;
  MilterIoClose how = end == MILTER_IO_END_EOF ? MILTER_IO_CLOSE_FLUSH : MILTER_IO_CLOSE_NOW;

  if (context->priv->tap != NULL)
    {
      leftover = milter_client_context_tap_count_held (context);
      if (milter_client_context_tap_ended (context, end))
        return;
    }
  g_object_ref (context);
  if (error != NULL || leftover > 0)
    tell_lost_connection (context, leftover, error);
  milter_client_context_close (context, how);
  g_object_unref (context);
}

/* while an answer is pending: nobody will read it */
static void
on_gone (MilterIoConnection *connection, gpointer user_data)
{
  MilterClientContext *context = user_data;
  g_autoptr (GError) error = NULL;

  /* one that stalls on request hears first what was said */
  if (context->priv->tap != NULL)
    return;
  error = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                       MILTER_CLIENT_CONTEXT_ERROR_IO_ERROR,
                       "the MTA has gone without waiting for an answer");
  g_object_ref (context);
  milter_client_context_emit_error (context, error);
  milter_client_context_close (context, MILTER_IO_CLOSE_NOW);
  g_object_unref (context);
}

static void
on_deadline (MilterIoConnection *connection, gpointer user_data)
{
  MilterClientContext *context = user_data;

  g_object_ref (context);
  context->priv->busy++;
  g_signal_emit (context, milter_client_context_signals[SIGNAL_TIMEOUT], 0);
  milter_client_context_close (context, MILTER_IO_CLOSE_NOW);
  milter_client_context_unbusy (context);
  g_object_unref (context);
}

/* the program meets the context here, before its first byte is read, even if a handler iterates the
 * main context */
static void
on_connected (MilterIoConnection *connection, gpointer user_data)
{
  MilterClientContext *context = user_data;
  MilterClientContextPrivate *priv = context->priv;

  g_object_ref (context);
  priv->busy++;
  priv->unmet = false;
  milter_client_worker_meet (priv->worker, context);
  milter_client_context_unbusy (context);
  g_object_unref (context);
}

static const MilterIoHandlers io_handlers = {
  .connected = on_connected,
  .received = milter_client_context_received,
  .ended = on_ended,
  .deadline = on_deadline,
  .gone = on_gone,
};

bool
milter_client_context_connect (MilterClientContext *context,
                               MilterIoLoop *io,
                               int fd,
                               const struct sockaddr *address,
                               socklen_t address_size,
                               GError **error)
{
  MilterClientContextPrivate *priv = context->priv;

  /* of a unix socket without a name there is only the size */
  if (address_size > sizeof (sa_family_t))
    priv->address = g_memdup2 (address, address_size);
  priv->address_size = address_size;
  priv->connection = _milter_io_connection_accept (
      io, fd, /* tcp= */ address->sa_family != AF_UNIX, &io_handlers, context, error);
  if (priv->connection == NULL)
    return false;
  priv->unmet = true;
  _milter_io_connection_set_max_pending (priv->connection, MAX_PENDING);
  return true;
}
