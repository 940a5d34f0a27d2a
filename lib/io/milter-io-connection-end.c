/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-connection-end.c: closing a connection, at once or when all is written.
 */
#include <errno.h>

#include "milter-io-connection-private.h"

/* what a closed connection has still to write is dropped when the peer takes none for so long */
#define LINGER_US (10 * G_USEC_PER_SEC)
/* bytes that are thrown away on closing at most */
#define DISCARD_ROUNDS 64

static void
discard_input (MilterIoConnection *connection)
{
  guint8 trash[16 * 1024];

  if (connection->deaf || milter_io_connection_get_write_errno (connection) != 0
      || connection->watch.fd < 0)
    return;
  for (guint i = 0; i < DISCARD_ROUNDS; i++)
    if (recv (connection->watch.fd, trash, sizeof trash, MSG_DONTWAIT) <= 0)
      return;
}

void
milter_io_connection_finish (MilterIoConnection *connection)
{
  MilterIoLoop *loop = connection->watch.loop;
  MilterIoAttempt *attempt = milter_io_connection_get_attempt (connection);

  if (attempt != NULL)
    milter_io_watch_set_own_deadline (&connection->watch, milter_io_attempt_get_retry (attempt), 0);
  if (milter_io_watch_is_served (&connection->watch))
    {
      MilterIoTurn *turn = milter_io_watch_get_turn (&connection->watch);

      turn->room = turn->size = 0;
    }
  milter_io_loop_count_connection (loop, -1);
  milter_io_watch_close (&connection->watch);
}

static void
finish_with_fin (MilterIoConnection *connection)
{
  /* closing a socket with unread bytes sends RST, which takes what we wrote away from the peer */
  if (milter_io_connection_get_attempt (connection) == NULL)
    discard_input (connection);
  milter_io_connection_finish (connection);
}

static void
linger (MilterIoConnection *connection)
{
  connection->closing = true;
  connection->watch.lingering = true;
  connection->paused = false;
  connection->max_pending = 0;
  connection->due = 0;
  milter_io_watch_dequeue (&connection->watch);
  milter_io_watch_set_deadline (&connection->watch, g_get_monotonic_time () + LINGER_US);
  milter_io_connection_update_wanted (connection);
}

void
milter_io_connection_linger_on (MilterIoConnection *connection, guint events, guint8 *buffer)
{
  if (events & MILTER_IO_WRITABLE)
    {
      connection->must_wait = false;
      milter_io_connection_send_output (connection);
      milter_io_watch_set_deadline (&connection->watch, g_get_monotonic_time () + LINGER_US);
    }
  /* a peer that waits until we have read would never read itself */
  if (events & MILTER_IO_READABLE)
    {
      ssize_t n = milter_io_connection_receive (connection, buffer, MILTER_IO_BUFFER_SIZE);

      connection->deaf = n == 0;
      if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        milter_io_connection_get_extra (connection)->write_errno = errno;
      milter_io_connection_update_wanted (connection);
    }
  if (milter_io_connection_count_pending (connection) == 0
      || milter_io_connection_get_write_errno (connection) != 0)
    finish_with_fin (connection);
}

void
_milter_io_connection_close (MilterIoConnection *connection, MilterIoClose how)
{
  if (!milter_io_connection_is_live (connection))
    return;

  if (how == MILTER_IO_CLOSE_RESET)
    {
      const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
      if (connection->watch.fd >= 0)
        (void) setsockopt (connection->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      milter_io_connection_finish (connection);
      return;
    }
  if (how != MILTER_IO_CLOSE_NOW && milter_io_connection_get_attempt (connection) == NULL)
    {
      milter_io_connection_send_output (connection);
      if (milter_io_connection_count_pending (connection) > 0
          && milter_io_connection_get_write_errno (connection) == 0)
        {
          linger (connection);
          return;
        }
    }
  if (how == MILTER_IO_CLOSE_LAST)
    milter_io_connection_finish (connection);
  else
    finish_with_fin (connection);
}
