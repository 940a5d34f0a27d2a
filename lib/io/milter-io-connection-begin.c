/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-connection-begin.c: connections of ours: one address after the other is tried; and the
 * beginning of those that were accepted.
 */
#include <errno.h>
#include <unistd.h>

#include "milter-io-connection-private.h"

void
milter_io_connection_tell_connected (MilterIoConnection *connection)
{
  connection->due &= (guint8) ~DUE_CONNECTED;
  if (connection->handlers->connected != NULL)
    connection->handlers->connected (connection, connection->user_data);
}

static void
end_attempt (MilterIoConnection *connection)
{
  bool may_be_tcp = !milter_io_attempt_is_unix (connection->extra->attempt);

  g_clear_pointer (&connection->extra->attempt, milter_io_attempt_free);
  if (may_be_tcp)
    milter_io_connection_adopt_socket (connection);
  milter_io_connection_update_wanted (connection);
}

/* the next address. On failure the attempt is over and @error set. */
static void
begin_step (MilterIoConnection *connection, GError **error)
{
  int fd = -1;
  MilterIoAttemptResult result = milter_io_attempt_step (connection->extra->attempt, &fd, error);

  if (result == MILTER_IO_ATTEMPT_BUSY)
    {
      gint64 pause_us = milter_io_attempt_get_pause_ms (connection->extra->attempt) * (gint64) 1000;
      milter_io_watch_set_own_deadline (&connection->watch,
                                        milter_io_attempt_get_retry (connection->extra->attempt),
                                        g_get_monotonic_time () + pause_us);
      return;
    }
  if (result == MILTER_IO_ATTEMPT_FAILED)
    return;

  if (!milter_io_watch_set_fd (&connection->watch,
                               fd,
                               result == MILTER_IO_ATTEMPT_PENDING ? MILTER_IO_WRITABLE
                                                                   : MILTER_IO_READABLE,
                               error))
    {
      close (fd);
      return;
    }
  if (result == MILTER_IO_ATTEMPT_CONNECTED)
    {
      end_attempt (connection);
      connection->due |= DUE_CONNECTED;
      milter_io_watch_enqueue (&connection->watch);
    }
}

/* from the loop, where a failure is told */
void
milter_io_connection_try_next (MilterIoConnection *connection)
{
  g_autoptr (GError) error = NULL;

  begin_step (connection, &error);
  if (error == NULL)
    return;
  g_clear_pointer (&connection->extra->attempt, milter_io_attempt_free);
  connection->extra->write_errno = ENOTCONN;
  milter_io_connection_tell_end (connection, MILTER_IO_END_ERROR, error);
}

void
milter_io_connection_step (MilterIoConnection *connection)
{
  if (milter_io_attempt_decide (connection->extra->attempt, connection->watch.fd))
    {
      end_attempt (connection);
      milter_io_connection_tell_connected (connection);
      return;
    }
  milter_io_watch_clear_fd (&connection->watch);
  milter_io_connection_try_next (connection);
}

MilterIoConnection *
_milter_io_connection_connect (MilterIoLoop *loop,
                               const MilterConnectionSpec *spec,
                               const MilterIoHandlers *handlers,
                               gpointer user_data,
                               GError **error)
{
  MilterIoAttempt *attempt = milter_io_attempt_new (spec, error);
  if (attempt == NULL)
    return NULL;

  MilterIoConnection *connection = milter_io_connection_make (loop, handlers, user_data);
  g_autoptr (GError) failure = NULL;

  milter_io_connection_get_extra (connection)->attempt = attempt;
  connection->quickack = true;
  begin_step (connection, &failure);
  if (failure != NULL)
    {
      milter_io_connection_finish (connection);
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  if (connection->extra != NULL && connection->extra->attempt != NULL)
    milter_io_attempt_keep_spec (connection->extra->attempt);
  return connection;
}

MilterIoConnection *
_milter_io_connection_accept (MilterIoLoop *loop,
                              int fd,
                              bool tcp,
                              const MilterIoHandlers *handlers,
                              gpointer user_data,
                              GError **error)
{
  MilterIoConnection *connection = milter_io_connection_make (loop, handlers, user_data);

  if (!milter_io_watch_set_fd (&connection->watch, fd, MILTER_IO_READABLE, error))
    {
      close (fd);
      milter_io_connection_finish (connection);
      return NULL;
    }
  if (tcp)
    milter_io_connection_adopt_socket (connection);
  connection->due |= DUE_CONNECTED;
  milter_io_watch_enqueue (&connection->watch);
  return connection;
}
