/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-connection.c: a socket that speaks through a table of handlers.
 *
 * Reading: one recv() a turn, into the loop's buffer, and the handler sees the bytes where they
 * are. What it leaves is kept for the next time.
 *
 * Writing: all that was written during a turn leaves in one send() at its end. The kernel's refusal
 * alone makes us ask when it has room.
 */
#include "milter-io-connection-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "milter-io-socket.h"
#include "milter-io-system.h"

G_STATIC_ASSERT (G_STRUCT_OFFSET (MilterIoConnection, watch) == 0);

static MilterIoSpare *
get_spare (const MilterIoConnection *connection)
{
  return milter_io_watch_get_spare (&connection->watch);
}

/* Short answers of a turn stand in the turn's own bytes, unless there is an output already;
 * whatever is not plain first has them put into one. */
static void
collect_answers (MilterIoConnection *connection)
{
  MilterIoTurn *turn = milter_io_watch_get_turn (&connection->watch);

  if (turn->served != connection)
    return;
  if (turn->size > 0)
    milter_io_output_append (&milter_io_connection_get_extra (connection)->output,
                             get_spare (connection),
                             turn->bytes,
                             turn->size);
  turn->room = turn->size = 0;
}

static bool
is_full (const MilterIoConnection *connection)
{
  return connection->max_pending > 0
         && milter_io_connection_count_pending (connection) > connection->max_pending;
}

void
milter_io_connection_update_wanted (MilterIoConnection *connection)
{
  guint wanted = 0;

  if (milter_io_connection_get_attempt (connection) != NULL)
    return;
  if (!connection->deaf && !connection->paused && !is_full (connection))
    wanted |= MILTER_IO_READABLE;
  if (connection->must_wait)
    wanted |= MILTER_IO_WRITABLE;
  milter_io_watch_want (&connection->watch, wanted);
}

static void
drop_output (MilterIoConnection *connection)
{
  if (connection->extra != NULL)
    milter_io_output_drop (&connection->extra->output, get_spare (connection));
  connection->must_wait = false;
}

/* What is empty goes at the end of a turn. */
static void
drop_extra (MilterIoConnection *connection)
{
  MilterIoExtra *extra = connection->extra;

  if (extra->output.bytes != NULL && milter_io_output_count (&extra->output) == 0)
    milter_io_output_drop (&extra->output, get_spare (connection));
  if (extra->attempt == NULL && extra->rest.data == NULL && extra->output.bytes == NULL
      && extra->write_errno == 0)
    g_clear_pointer (&connection->extra, g_free);
}

/* telling the handlers */

void
milter_io_connection_tell_end (MilterIoConnection *connection, MilterIoEnd end, const GError *error)
{
  connection->deaf = true;
  if (end != MILTER_IO_END_EOF)
    drop_output (connection);
  milter_io_connection_update_wanted (connection);
  if (connection->told)
    return;
  connection->told = true;
  connection->handlers->ended (
      connection, end, milter_io_connection_count_rest (connection), error, connection->user_data);
}

static void
tell_errno (MilterIoConnection *connection, int errsv)
{
  bool reset = errsv == ECONNRESET || errsv == EPIPE;
  g_autoptr (GError) error
      = g_error_new (G_FILE_ERROR, g_file_error_from_errno (errsv), "%s", g_strerror (errsv));

  if (milter_io_connection_get_write_errno (connection) == 0)
    milter_io_connection_get_extra (connection)->write_errno = errsv;
  milter_io_connection_tell_end (
      connection, reset ? MILTER_IO_END_RESET : MILTER_IO_END_ERROR, error);
}

/* whether there is room for more answers, after a try to make some */
static bool
has_room (MilterIoConnection *connection)
{
  if (is_full (connection))
    milter_io_connection_send_output (connection);
  return !is_full (connection);
}

/* the peer has said something: the time until it must say more begins */
static inline void
begin_timeout (MilterIoConnection *connection)
{
  if (connection->timeout_us != 0)
    milter_io_watch_move_timeout (&connection->watch, connection->timeout_us);
}

/* Data: a kept rest and what came after it, of which so much was consumed. One read may ask for more
 * than the peer takes. */
static void
hand_on (MilterIoConnection *connection, const guint8 *data, gsize size, gsize used)
{
  gsize before = used;

  while (used < size && milter_io_connection_is_live (connection) && !connection->paused
         && has_room (connection))
    {
      gsize n = connection->handlers->received (
          connection, data + used, size - used, connection->user_data);
      g_assert (n <= size - used);
      used += n;
      if (n == 0)
        break;
    }
  if (used > before && milter_io_connection_is_live (connection))
    begin_timeout (connection);
  /* one that is freed is freed with its rest when we are back */
  if ((used < size || connection->extra != NULL) && milter_io_connection_is_live (connection))
    milter_io_rest_keep (
        &milter_io_connection_get_extra (connection)->rest, data + used, size - used);
}

/* reading */

static void
arm_quickack (MilterIoConnection *connection)
{
  /* the kernel forgets it: a delayed ACK costs 40 ms when the peer has Nagle's algorithm on */
  if (connection->tcp && (connection->quickack || connection->delays_ack))
    (void) setsockopt (connection->watch.fd,
                       IPPROTO_TCP,
                       TCP_QUICKACK,
                       &(int){ connection->quickack },
                       sizeof (int));
}

static inline ssize_t
receive (MilterIoConnection *connection, guint8 *data, gsize size)
{
  ssize_t n;

  do
    n = milter_io_recv (connection->watch.fd, data, size);
  while (G_UNLIKELY (n < 0) && errno == EINTR);
  return n;
}

ssize_t
milter_io_connection_receive (MilterIoConnection *connection, guint8 *data, gsize size)
{
  return receive (connection, data, size);
}

/* A RST that came behind the FIN: what we wrote reached a socket that was closed already. recv()
 * tells the FIN alone. */
static int
errno_behind_end (const MilterIoConnection *connection)
{
  int errsv = 0;

  if (milter_io_connection_get_write_errno (connection) != 0)
    return milter_io_connection_get_write_errno (connection);
  if (getsockopt (
          connection->watch.fd, SOL_SOCKET, SO_ERROR, &errsv, &(socklen_t){ sizeof errsv }) < 0)
    return 0;
  return errsv;
}

/* recv() brought nothing */
static void
take_no_bytes (MilterIoConnection *connection, ssize_t n)
{
  int errsv = n < 0 ? errno : errno_behind_end (connection);

  if (n == 0 && errsv == 0)
    milter_io_connection_tell_end (connection, MILTER_IO_END_EOF, NULL);
  else if (n == 0 || (errsv != EAGAIN && errsv != EWOULDBLOCK))
    tell_errno (connection, errsv);
  /* all that the peer had said before it went away has been read */
  else if (milter_io_connection_get_write_errno (connection) != 0)
    tell_errno (connection, milter_io_connection_get_write_errno (connection));
}

static void
read_some (MilterIoConnection *connection, guint8 *buffer)
{
  MilterIoRest *rest = &milter_io_connection_get_extra (connection)->rest;
  gsize kept = rest->size;
  gsize room;
  guint8 *data = milter_io_rest_place (rest, buffer, &room);

  arm_quickack (connection);
  ssize_t n = receive (connection, data + kept, room);
  if (n <= 0)
    {
      take_no_bytes (connection, n);
      return;
    }
  milter_io_rest_join (rest, data);
  hand_on (connection, data, kept + (gsize) n, 0);
}

/* writing */

/* true: nothing is left */
static bool
send_some (MilterIoConnection *connection)
{
  int errsv = milter_io_output_send (
      &connection->extra->output, connection->watch.fd, get_spare (connection));

  if (G_LIKELY (errsv == 0 && milter_io_connection_count_pending (connection) == 0))
    return true;
  connection->extra->write_errno = errsv;
  if (errsv != 0)
    drop_output (connection);
  /* a short write means that the kernel's buffer is full, too */
  connection->must_wait = milter_io_connection_count_pending (connection) > 0;
  if (connection->must_wait)
    {
      milter_io_connection_update_wanted (connection);
      if (!connection->closing && connection->handlers->waits != NULL)
        connection->handlers->waits (connection, connection->user_data);
    }
  return false;
}

void
milter_io_connection_send_output (MilterIoConnection *connection)
{
  collect_answers (connection);
  if (connection->must_wait || milter_io_connection_get_attempt (connection) != NULL
      || milter_io_connection_get_write_errno (connection) != 0)
    return;
  if (milter_io_connection_count_pending (connection) > 0)
    send_some (connection);

  if (connection->shut && !connection->shut_done
      && milter_io_connection_count_pending (connection) == 0)
    {
      (void) shutdown (connection->watch.fd, SHUT_WR);
      connection->shut_done = true;
    }
}

/* the kernel takes bytes again */
static void
go_on_sending (MilterIoConnection *connection)
{
  connection->must_wait = false;
  milter_io_connection_send_output (connection);
  milter_io_connection_update_wanted (connection);
  /* what was left because too much was waiting */
  if (connection->max_pending > 0 && !is_full (connection) && !connection->told
      && milter_io_connection_count_rest (connection) > 0)
    {
      connection->due |= DUE_REST;
      milter_io_watch_enqueue (&connection->watch);
    }
}

static void
tell_drained (MilterIoConnection *connection)
{
  connection->due &= (guint8) ~DUE_DRAINED;
  if (milter_io_connection_get_write_errno (connection) == 0
      && connection->handlers->drained != NULL)
    connection->handlers->drained (connection, connection->user_data);
}

/* Writing has failed, so the peer is gone. What it said before comes first. */
static void
handle_broken (MilterIoConnection *connection, guint8 *buffer)
{
  if (milter_io_connection_get_write_errno (connection) == 0 || connection->told
      || connection->paused)
    return;
  if (connection->deaf)
    tell_errno (connection, milter_io_connection_get_write_errno (connection));
  else
    read_some (connection, buffer);
  /* and there may be more of it */
  if (milter_io_connection_is_live (connection) && !connection->told)
    milter_io_watch_enqueue (&connection->watch);
}

static void
end_turn (MilterIoConnection *connection)
{
  if (!milter_io_connection_is_live (connection))
    return;
  milter_io_connection_send_output (connection);
  if (milter_io_connection_get_write_errno (connection) != 0 && !connection->told)
    milter_io_watch_enqueue (&connection->watch);
  else if (connection->due == 0)
    milter_io_watch_dequeue (&connection->watch);
  if (connection->extra != NULL)
    drop_extra (connection);
}

/* as a watch */

void
milter_io_connection_adopt_socket (MilterIoConnection *connection)
{
  /* fails on a unix socket, which tells us what it is */
  connection->tcp
      = setsockopt (connection->watch.fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int)) == 0;
}

static void
any_ready (MilterIoConnection *connection, guint events, guint8 *buffer)
{
  if (connection->closing)
    {
      milter_io_connection_linger_on (connection, events, buffer);
      return;
    }
  if (milter_io_connection_get_attempt (connection) != NULL)
    {
      milter_io_connection_step (connection);
      end_turn (connection);
      return;
    }

  if (events & MILTER_IO_WRITABLE)
    {
      go_on_sending (connection);
      if (!connection->must_wait)
        tell_drained (connection);
    }
  if (events & MILTER_IO_HANGUP && connection->paused && milter_io_connection_is_live (connection)
      && connection->handlers->gone != NULL)
    connection->handlers->gone (connection, connection->user_data);
  if (events & MILTER_IO_READABLE && milter_io_connection_is_live (connection))
    {
      /* a pause is told to the poller only here: most end before anything comes */
      if (connection->paused)
        milter_io_connection_update_wanted (connection);
      /* what is due comes first: it stands in the queue */
      else if (!connection->deaf && connection->due == 0)
        read_some (connection, buffer);
    }
  end_turn (connection);
}

/* Sends what was answered in a turn in which there was nothing else to do. */
static inline void
send_answers (MilterIoConnection *connection, MilterIoTurn *turn)
{
  guint size = turn->size;

  turn->room = turn->size = 0;
  if (size == 0)
    return;
  ssize_t n = milter_io_send (connection->watch.fd, turn->bytes, size);
  if (G_LIKELY (n == (ssize_t) size))
    return;
  /* the usual way finds out why */
  gsize taken = n < 0 ? 0 : (gsize) n;
  milter_io_output_append (&milter_io_connection_get_extra (connection)->output,
                           get_spare (connection),
                           turn->bytes + taken,
                           size - taken);
  end_turn (connection);
}

/* What is most of the work of a milter, and of an MTA: some commands have come, and are answered. */
static void
plain_ready (MilterIoConnection *connection, guint8 *buffer)
{
  MilterIoTurn *turn = milter_io_watch_get_turn (&connection->watch);

  arm_quickack (connection);
  ssize_t n = receive (connection, buffer, MILTER_IO_BUFFER_SIZE);
  if (G_UNLIKELY (n <= 0))
    {
      take_no_bytes (connection, n);
      end_turn (connection);
      return;
    }

  turn->room = sizeof turn->bytes;
  gsize used
      = connection->handlers->received (connection, buffer, (gsize) n, connection->user_data);
  g_assert (used <= (gsize) n);
  /* there is room still: it is open, and nothing was written in another way */
  if (G_LIKELY (turn->served == connection && turn->room > 0 && used == (gsize) n
                && connection->unusual == 0))
    {
      begin_timeout (connection);
      send_answers (connection, turn);
      return;
    }
  if (!milter_io_watch_is_open (&connection->watch))
    return;
  if (used > 0 && !connection->closing)
    begin_timeout (connection);
  collect_answers (connection);
  if (used < (gsize) n || connection->unusual != 0)
    {
      /* with 0 it has said that it wants more */
      if (used > 0)
        hand_on (connection, buffer, (gsize) n, used);
      else if (milter_io_connection_is_live (connection))
        milter_io_rest_keep (&milter_io_connection_get_extra (connection)->rest, buffer, (gsize) n);
    }
  end_turn (connection);
}

static void
connection_ready (MilterIoWatch *watch, guint events, guint8 *buffer)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  /* a hangup says nothing that reading does not tell, unless it is paused */
  if (G_LIKELY ((events & ~MILTER_IO_HANGUP) == MILTER_IO_READABLE && connection->unusual == 0
                && connection->extra == NULL))
    plain_ready (connection, buffer);
  else
    any_ready (connection, events, buffer);
}

static void
connection_writable_inside (MilterIoWatch *watch)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  go_on_sending (connection);
  if (!connection->must_wait)
    connection->due |= DUE_DRAINED;
  milter_io_watch_enqueue (watch);
}

static void
connection_interrupted (MilterIoWatch *watch)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  collect_answers (connection);
  if (milter_io_connection_count_pending (connection) > 0 && !connection->must_wait)
    milter_io_watch_enqueue (watch);
}

static void
connection_queued (MilterIoWatch *watch, bool inside, guint8 *buffer)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  /* a handler that waits for something else has its words sent */
  if (inside || connection->closing)
    {
      milter_io_connection_send_output (connection);
      return;
    }

  if (connection->due & DUE_CONNECTED)
    milter_io_connection_tell_connected (connection);
  if (milter_io_connection_is_live (connection) && connection->due & DUE_DRAINED)
    tell_drained (connection);
  if (milter_io_connection_is_live (connection) && connection->due & DUE_REST
      && !connection->paused)
    {
      connection->due &= (guint8) ~DUE_REST;
      if (!connection->told && connection->extra != NULL)
        hand_on (connection, connection->extra->rest.data, connection->extra->rest.size, 0);
    }
  if (milter_io_connection_is_live (connection))
    milter_io_connection_send_output (connection);
  if (milter_io_connection_is_live (connection))
    handle_broken (connection, buffer);
  if (milter_io_connection_is_live (connection) && connection->extra != NULL)
    drop_extra (connection);
}

static void
connection_expired (MilterIoWatch *watch, MilterIoDeadline *deadline)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  if (deadline != &watch->deadline)
    milter_io_connection_try_next (connection);
  else if (connection->closing)
    milter_io_connection_finish (connection);
  else if (connection->handlers->deadline != NULL)
    connection->handlers->deadline (connection, connection->user_data);
  end_turn (connection);
}

static void
connection_abandon (MilterIoWatch *watch)
{
  milter_io_connection_finish ((MilterIoConnection *) watch);
}

static void
connection_free (MilterIoWatch *watch)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  if (connection->extra != NULL)
    {
      milter_io_attempt_free (connection->extra->attempt);
      milter_io_rest_clear (&connection->extra->rest);
      milter_io_output_clear (&connection->extra->output);
      g_free (connection->extra);
    }
  g_free (connection);
}

static const MilterIoWatchClass connection_class = {
  .ready = connection_ready,
  .writable_inside = connection_writable_inside,
  .interrupted = connection_interrupted,
  .queued = connection_queued,
  .expired = connection_expired,
  .abandon = connection_abandon,
  .free = connection_free,
};

/* for the rooms above */

MilterIoConnection *
milter_io_connection_make (MilterIoLoop *loop, const MilterIoHandlers *handlers, gpointer user_data)
{
  MilterIoConnection *connection = g_new0 (MilterIoConnection, 1);

  connection->handlers = handlers;
  connection->user_data = user_data;
  milter_io_watch_init (&connection->watch, &connection_class, loop);
  milter_io_loop_count_connection (loop, 1);
  return connection;
}

MilterIoConnection *
_milter_io_connection_new (MilterIoLoop *loop,
                           int fd,
                           bool quickack,
                           const MilterIoHandlers *handlers,
                           gpointer user_data,
                           GError **error)
{
  MilterIoConnection *connection = milter_io_connection_make (loop, handlers, user_data);

  connection->quickack = quickack;
  if (!milter_io_prepare_fd (fd, error)
      || !milter_io_watch_set_fd (&connection->watch, fd, MILTER_IO_READABLE, error))
    {
      close (fd);
      milter_io_connection_finish (connection);
      return NULL;
    }
  milter_io_connection_adopt_socket (connection);
  return connection;
}

void
_milter_io_connection_set_quickack (MilterIoConnection *connection, bool quickack)
{
  connection->quickack = quickack;
  connection->delays_ack = !quickack;
}

GByteArray *
_milter_io_connection_get_output (MilterIoConnection *connection)
{
  collect_answers (connection);
  return milter_io_output_get_bytes (&milter_io_connection_get_extra (connection)->output,
                                     get_spare (connection));
}

void
_milter_io_connection_written (MilterIoConnection *connection)
{
  if (!milter_io_connection_is_live (connection))
    return;
  /* nobody will read it */
  if (milter_io_connection_get_write_errno (connection) != 0 || connection->shut_done)
    drop_output (connection);
  else if (connection->must_wait)
    milter_io_connection_update_wanted (connection);
  else if (milter_io_connection_count_pending (connection) > 0
           && !milter_io_watch_is_served (&connection->watch))
    milter_io_watch_enqueue (&connection->watch);
}

void
_milter_io_connection_write (MilterIoConnection *connection, const guint8 *data, gsize size)
{
  if (!milter_io_connection_is_live (connection) || connection->shut)
    return;
  g_assert (size <= G_MAXUINT);
  collect_answers (connection);
  milter_io_output_append (
      &milter_io_connection_get_extra (connection)->output, get_spare (connection), data, size);
  _milter_io_connection_written (connection);
}

void
_milter_io_connection_flush (MilterIoConnection *connection)
{
  if (!milter_io_connection_is_live (connection))
    return;
  milter_io_connection_send_output (connection);
  /* a failure is told by the loop */
  if (milter_io_connection_get_write_errno (connection) != 0 && !connection->told)
    milter_io_watch_enqueue (&connection->watch);
}

void
_milter_io_connection_pass (MilterIoConnection *connection, const guint8 *data, gsize size)
{
  ssize_t n;

  if (!milter_io_connection_is_live (connection) || connection->shut)
    return;
  collect_answers (connection);
  /* nothing waits, and nothing has failed */
  if (G_LIKELY (connection->extra == NULL))
    {
      n = milter_io_send (connection->watch.fd, data, size);
      if (G_LIKELY (n == (ssize_t) size))
        return;
      /* the usual way finds out why */
      data += MAX (n, 0);
      size -= (gsize) MAX (n, 0);
    }
  _milter_io_connection_write (connection, data, size);
  _milter_io_connection_flush (connection);
}

gsize
_milter_io_connection_get_pending (MilterIoConnection *connection)
{
  if (milter_io_watch_is_open (&connection->watch))
    collect_answers (connection);
  return milter_io_connection_count_pending (connection);
}

bool
_milter_io_connection_is_full (const MilterIoConnection *connection)
{
  return is_full (connection);
}

void
_milter_io_connection_set_max_pending (MilterIoConnection *connection, gsize size)
{
  connection->max_pending = (guint) MIN (size, G_MAXUINT);
  if (milter_io_connection_is_live (connection))
    milter_io_connection_update_wanted (connection);
}

void
_milter_io_connection_pause (MilterIoConnection *connection, bool pause)
{
  if (!milter_io_connection_is_live (connection) || connection->paused == pause)
    return;

  connection->paused = pause;
  if (!pause)
    milter_io_connection_update_wanted (connection);
  /* what was left at the end was told then */
  if (!pause && !connection->told && milter_io_connection_count_rest (connection) > 0)
    connection->due |= DUE_REST;
  if (!pause && (connection->due != 0 || milter_io_connection_get_write_errno (connection) != 0))
    milter_io_watch_enqueue (&connection->watch);
}

void
_milter_io_connection_set_deadline (MilterIoConnection *connection, gint64 time_us)
{
  if (milter_io_connection_is_live (connection))
    milter_io_watch_set_deadline (&connection->watch, time_us);
}

void
_milter_io_connection_set_timeout (MilterIoConnection *connection, gint64 timeout_us)
{
  if (!milter_io_connection_is_live (connection))
    return;
  connection->timeout_us = timeout_us;
  if (timeout_us != 0)
    milter_io_watch_set_timeout (&connection->watch, timeout_us);
  else
    milter_io_watch_set_deadline (&connection->watch, 0);
}

void
_milter_io_connection_shutdown_write (MilterIoConnection *connection)
{
  if (!milter_io_connection_is_live (connection))
    return;
  collect_answers (connection);
  connection->shut = true;
  if (milter_io_connection_count_pending (connection) == 0)
    milter_io_connection_send_output (connection);
}

int
_milter_io_connection_get_fd (MilterIoConnection *connection)
{
  return connection->watch.fd;
}
