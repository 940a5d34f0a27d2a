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
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "milter-io-attempt.h"
#include "milter-io-loop-private.h"
#include "milter-io-output.h"
#include "milter-io-rest.h"
#include "milter-io-socket.h"

/* what a closed connection has still to write is dropped when the peer takes none for so long */
#define LINGER_US (10 * G_USEC_PER_SEC)
/* bytes that are thrown away on closing at most */
#define DISCARD_ROUNDS 64

/* what is to be done when the loop has its turn */
enum
{
  DUE_CONNECTED = 1 << 0, /* tell that the connection is there */
  DUE_REST = 1 << 1,      /* hand on what was left */
  DUE_DRAINED = 1 << 2    /* tell that all was written */
};

struct _MilterIoConnection
{
  MilterIoWatch watch;
  const MilterIoHandlers *handlers; /* unowned */
  gpointer user_data;               /* unowned */

  MilterIoAttempt *attempt; /* while connecting */

  MilterIoRest rest;
  MilterIoOutput output;
  gsize max_pending; /* of the output, before reading stops; 0: any */

  gint64 timeout_us; /* (0: none): without anything that `received` consumes */

  guint due;
  int write_errno; /* writing has failed: nothing is written any more */
  bool quickack;
  bool delays_ack; /* on request; the first packets of a connection would not be delayed by itself */
  bool tcp;

  /* what a connection mostly is not: nearly all commands come and are answered without a look at
   * each of these */
  union
  {
    struct
    {
      bool closing; /* closed, but still writing */
      bool paused;
      bool deaf;      /* there is nothing more to read */
      bool told;      /* `ended` was called */
      bool must_wait; /* the kernel's buffer is full */
      bool shut;      /* no more to write but what is in the output; then FIN */
      bool shut_done;
    };
    guint64 unusual;
  };
};

/* handlers may be called, memory may be looked at */
static bool
is_live (const MilterIoConnection *connection)
{
  return milter_io_watch_is_open (&connection->watch) && !connection->closing;
}

static MilterIoSpare *
get_spare (const MilterIoConnection *connection)
{
  return &milter_io_watch_get_turn (&connection->watch)->spare;
}

static gsize
count_pending (const MilterIoConnection *connection)
{
  return milter_io_output_count (&connection->output);
}

static bool
is_full (const MilterIoConnection *connection)
{
  return connection->max_pending > 0 && count_pending (connection) > connection->max_pending;
}

static void
update_wanted (MilterIoConnection *connection)
{
  guint wanted = 0;

  if (connection->attempt != NULL)
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
  milter_io_output_drop (&connection->output, get_spare (connection));
  connection->must_wait = false;
}

/* telling the handlers */

static void
tell_end (MilterIoConnection *connection, MilterIoEnd end, const GError *error)
{
  connection->deaf = true;
  if (end != MILTER_IO_END_EOF)
    drop_output (connection);
  update_wanted (connection);
  if (connection->told)
    return;
  connection->told = true;
  connection->handlers->ended (
      connection, end, connection->rest.size, error, connection->user_data);
}

static void
tell_errno (MilterIoConnection *connection, int errsv)
{
  bool reset = errsv == ECONNRESET || errsv == EPIPE;
  g_autoptr (GError) error
      = g_error_new (G_FILE_ERROR, g_file_error_from_errno (errsv), "%s", g_strerror (errsv));

  if (connection->write_errno == 0)
    connection->write_errno = errsv;
  tell_end (connection, reset ? MILTER_IO_END_RESET : MILTER_IO_END_ERROR, error);
}

static void send_output (MilterIoConnection *connection);

/* whether there is room for more answers, after a try to make some */
static bool
has_room (MilterIoConnection *connection)
{
  if (is_full (connection))
    send_output (connection);
  return !is_full (connection);
}

/* the peer has said something: the time until it must say more begins */
static void
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

  while (used < size && is_live (connection) && !connection->paused && has_room (connection))
    {
      gsize n = connection->handlers->received (
          connection, data + used, size - used, connection->user_data);
      g_assert (n <= size - used);
      used += n;
      if (n == 0)
        break;
    }
  if (used > before && is_live (connection))
    begin_timeout (connection);
  /* one that is freed is freed with its rest when we are back */
  if ((used < size || connection->rest.data != NULL) && is_live (connection))
    milter_io_rest_keep (&connection->rest, data + used, size - used);
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

static ssize_t
receive (MilterIoConnection *connection, guint8 *data, gsize size)
{
  ssize_t n;

  do
    n = recv (connection->watch.fd, data, size, 0);
  while (n < 0 && errno == EINTR);
  return n;
}

/* A RST that came behind the FIN: what we wrote reached a socket that was closed already. recv()
 * tells the FIN alone. */
static int
errno_behind_end (const MilterIoConnection *connection)
{
  int errsv = 0;

  if (connection->write_errno != 0)
    return connection->write_errno;
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
    tell_end (connection, MILTER_IO_END_EOF, NULL);
  else if (n == 0 || (errsv != EAGAIN && errsv != EWOULDBLOCK))
    tell_errno (connection, errsv);
  /* all that the peer had said before it went away has been read */
  else if (connection->write_errno != 0)
    tell_errno (connection, connection->write_errno);
}

static void
read_some (MilterIoConnection *connection, guint8 *buffer)
{
  gsize kept = connection->rest.size;
  gsize room;
  guint8 *data = milter_io_rest_place (&connection->rest, buffer, &room);

  arm_quickack (connection);
  ssize_t n = receive (connection, data + kept, room);
  if (n <= 0)
    {
      take_no_bytes (connection, n);
      return;
    }
  milter_io_rest_join (&connection->rest, data);
  hand_on (connection, data, kept + (gsize) n, 0);
}

/* writing */

/* true: nothing is left */
static bool
send_some (MilterIoConnection *connection)
{
  int errsv = milter_io_output_send (
      &connection->output, connection->watch.fd, get_spare (connection));

  if (G_LIKELY (errsv == 0 && count_pending (connection) == 0))
    return true;
  connection->write_errno = errsv;
  if (errsv != 0)
    drop_output (connection);
  /* a short write means that the kernel's buffer is full, too */
  connection->must_wait = count_pending (connection) > 0;
  if (connection->must_wait)
    update_wanted (connection);
  return false;
}

/* Calls no handler: it may be called from anywhere. */
static void
send_output (MilterIoConnection *connection)
{
  if (connection->attempt != NULL || connection->must_wait || connection->write_errno != 0)
    return;
  if (count_pending (connection) > 0)
    send_some (connection);

  if (connection->shut && !connection->shut_done && count_pending (connection) == 0)
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
  send_output (connection);
  update_wanted (connection);
  /* what was left because too much was waiting */
  if (connection->max_pending > 0 && !is_full (connection) && !connection->told
      && connection->rest.size > 0)
    {
      connection->due |= DUE_REST;
      milter_io_watch_enqueue (&connection->watch);
    }
}

static void
tell_drained (MilterIoConnection *connection)
{
  connection->due &= ~(guint) DUE_DRAINED;
  if (connection->write_errno == 0 && connection->handlers->drained != NULL)
    connection->handlers->drained (connection, connection->user_data);
}

/* Writing has failed, so the peer is gone. What it said before comes first. */
static void
handle_broken (MilterIoConnection *connection, guint8 *buffer)
{
  if (connection->write_errno == 0 || connection->told || connection->paused)
    return;
  if (connection->deaf)
    tell_errno (connection, connection->write_errno);
  else
    read_some (connection, buffer);
  /* and there may be more of it */
  if (is_live (connection) && !connection->told)
    milter_io_watch_enqueue (&connection->watch);
}

static void
end_turn (MilterIoConnection *connection)
{
  if (!is_live (connection))
    return;
  send_output (connection);
  if (connection->write_errno != 0 && !connection->told)
    milter_io_watch_enqueue (&connection->watch);
  else if (connection->due == 0)
    milter_io_watch_owes_nothing (&connection->watch);
}

/* closing */

static void
discard_input (MilterIoConnection *connection)
{
  guint8 trash[16 * 1024];

  if (connection->deaf || connection->write_errno != 0 || connection->watch.fd < 0)
    return;
  for (guint i = 0; i < DISCARD_ROUNDS; i++)
    if (recv (connection->watch.fd, trash, sizeof trash, MSG_DONTWAIT) <= 0)
      return;
}

static void
finish (MilterIoConnection *connection)
{
  MilterIoLoop *loop = connection->watch.loop;

  if (connection->attempt != NULL)
    milter_io_watch_set_own_deadline (
        &connection->watch, milter_io_attempt_get_retry (connection->attempt), 0);
  milter_io_loop_count_connection (loop, -1);
  milter_io_watch_close (&connection->watch);
}

static void
finish_with_fin (MilterIoConnection *connection)
{
  /* closing a socket with unread bytes sends RST, which takes what we wrote away from the peer */
  if (connection->attempt == NULL)
    discard_input (connection);
  finish (connection);
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
  update_wanted (connection);
}

static void
linger_on (MilterIoConnection *connection, guint events, guint8 *buffer)
{
  if (events & MILTER_IO_WRITABLE)
    {
      connection->must_wait = false;
      send_output (connection);
      milter_io_watch_set_deadline (&connection->watch, g_get_monotonic_time () + LINGER_US);
    }
  /* a peer that waits until we have read would never read itself */
  if (events & MILTER_IO_READABLE)
    {
      ssize_t n = receive (connection, buffer, MILTER_IO_BUFFER_SIZE);

      connection->deaf = n == 0;
      if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        connection->write_errno = errno;
      update_wanted (connection);
    }
  if (count_pending (connection) == 0 || connection->write_errno != 0)
    finish_with_fin (connection);
}

/* connecting */

static void
adopt_socket (MilterIoConnection *connection)
{
  /* fails on a unix socket, which tells us what it is */
  connection->tcp
      = setsockopt (connection->watch.fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int)) == 0;
}

static void
tell_connected (MilterIoConnection *connection)
{
  connection->due &= ~(guint) DUE_CONNECTED;
  if (connection->handlers->connected != NULL)
    connection->handlers->connected (connection, connection->user_data);
}

static void
end_attempt (MilterIoConnection *connection)
{
  g_clear_pointer (&connection->attempt, milter_io_attempt_free);
  adopt_socket (connection);
  update_wanted (connection);
}

/* the next address. On failure the attempt is over and @error set. */
static void
begin_step (MilterIoConnection *connection, GError **error)
{
  int fd = -1;
  MilterIoAttemptResult result = milter_io_attempt_step (connection->attempt, &fd, error);

  if (result == MILTER_IO_ATTEMPT_BUSY)
    {
      gint64 pause_us = milter_io_attempt_get_pause_ms (connection->attempt) * (gint64) 1000;
      milter_io_watch_set_own_deadline (
          &connection->watch,
          milter_io_attempt_get_retry (connection->attempt),
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
static void
go_on_connecting (MilterIoConnection *connection)
{
  g_autoptr (GError) error = NULL;

  begin_step (connection, &error);
  if (error == NULL)
    return;
  g_clear_pointer (&connection->attempt, milter_io_attempt_free);
  connection->write_errno = ENOTCONN;
  tell_end (connection, MILTER_IO_END_ERROR, error);
}

static void
connecting_ready (MilterIoConnection *connection)
{
  if (milter_io_attempt_decide (connection->attempt, connection->watch.fd))
    {
      end_attempt (connection);
      tell_connected (connection);
      return;
    }
  milter_io_watch_clear_fd (&connection->watch);
  go_on_connecting (connection);
}

/* as a watch */

static void
any_ready (MilterIoConnection *connection, guint events, guint8 *buffer)
{
  if (connection->closing)
    {
      linger_on (connection, events, buffer);
      return;
    }
  if (connection->attempt != NULL)
    {
      connecting_ready (connection);
      end_turn (connection);
      return;
    }

  if (events & MILTER_IO_WRITABLE)
    {
      go_on_sending (connection);
      if (!connection->must_wait)
        tell_drained (connection);
    }
  if (events & MILTER_IO_HANGUP && connection->paused && is_live (connection)
      && connection->handlers->gone != NULL)
    connection->handlers->gone (connection, connection->user_data);
  if (events & MILTER_IO_READABLE && is_live (connection))
    {
      /* a pause is told to the poller only here: most end before anything comes */
      if (connection->paused)
        update_wanted (connection);
      /* what is due comes first: it stands in the queue */
      else if (!connection->deaf && connection->due == 0)
        read_some (connection, buffer);
    }
  end_turn (connection);
}

/* What is most of the work of a milter, and of an MTA: some commands have come, and are answered. */
static void
plain_ready (MilterIoConnection *connection, guint8 *buffer)
{
  arm_quickack (connection);
  ssize_t n = receive (connection, buffer, MILTER_IO_BUFFER_SIZE);
  if (G_UNLIKELY (n <= 0))
    {
      take_no_bytes (connection, n);
      end_turn (connection);
      return;
    }

  gsize used
      = connection->handlers->received (connection, buffer, (gsize) n, connection->user_data);
  g_assert (used <= (gsize) n);
  if (!milter_io_watch_is_open (&connection->watch))
    return;
  if (used > 0 && !connection->closing)
    begin_timeout (connection);
  if (G_LIKELY (used == (gsize) n && connection->unusual == 0 && connection->due == 0
                && connection->write_errno == 0 && connection->output.bytes != NULL
                && connection->output.bytes->len > 0)
      && send_some (connection))
    {
      milter_io_watch_owes_nothing (&connection->watch);
      return;
    }
  if (used < (gsize) n || connection->unusual != 0)
    {
      /* with 0 it has said that it wants more */
      if (used > 0)
        hand_on (connection, buffer, (gsize) n, used);
      else if (is_live (connection))
        milter_io_rest_keep (&connection->rest, buffer, (gsize) n);
    }
  end_turn (connection);
}

static void
connection_ready (MilterIoWatch *watch, guint events, guint8 *buffer)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  if (events == MILTER_IO_READABLE && connection->unusual == 0 && connection->due == 0
      && connection->rest.data == NULL && connection->attempt == NULL)
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
connection_queued (MilterIoWatch *watch, bool inside, guint8 *buffer)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  /* a handler that waits for something else has its words sent */
  if (inside || connection->closing)
    {
      send_output (connection);
      return;
    }

  if (connection->due & DUE_CONNECTED)
    tell_connected (connection);
  if (is_live (connection) && connection->due & DUE_DRAINED)
    tell_drained (connection);
  if (is_live (connection) && connection->due & DUE_REST && !connection->paused)
    {
      connection->due &= ~(guint) DUE_REST;
      if (!connection->told)
        hand_on (connection, connection->rest.data, connection->rest.size, 0);
    }
  if (is_live (connection))
    send_output (connection);
  if (is_live (connection))
    handle_broken (connection, buffer);
}

static void
connection_expired (MilterIoWatch *watch, MilterIoDeadline *deadline)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  if (deadline != &watch->deadline)
    go_on_connecting (connection);
  else if (connection->closing)
    finish (connection);
  else if (connection->handlers->deadline != NULL)
    connection->handlers->deadline (connection, connection->user_data);
  end_turn (connection);
}

static void
connection_abandon (MilterIoWatch *watch)
{
  finish ((MilterIoConnection *) watch);
}

static void
connection_free (MilterIoWatch *watch)
{
  MilterIoConnection *connection = (MilterIoConnection *) watch;

  milter_io_attempt_free (connection->attempt);
  milter_io_rest_clear (&connection->rest);
  milter_io_output_clear (&connection->output);
  g_free (connection);
}

static const MilterIoWatchClass connection_class = {
  .ready = connection_ready,
  .writable_inside = connection_writable_inside,
  .queued = connection_queued,
  .expired = connection_expired,
  .abandon = connection_abandon,
  .free = connection_free,
};

/* for the rooms above */

static MilterIoConnection *
make (MilterIoLoop *loop, const MilterIoHandlers *handlers, gpointer user_data)
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
  MilterIoConnection *connection = make (loop, handlers, user_data);

  connection->quickack = quickack;
  if (!milter_io_prepare_fd (fd, error)
      || !milter_io_watch_set_fd (&connection->watch, fd, MILTER_IO_READABLE, error))
    {
      close (fd);
      finish (connection);
      return NULL;
    }
  adopt_socket (connection);
  return connection;
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

  MilterIoConnection *connection = make (loop, handlers, user_data);
  g_autoptr (GError) failure = NULL;

  connection->attempt = attempt;
  connection->quickack = true;
  begin_step (connection, &failure);
  if (failure != NULL)
    {
      finish (connection);
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
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
  return milter_io_output_get_bytes (&connection->output,
                                     get_spare (connection));
}

void
_milter_io_connection_written (MilterIoConnection *connection)
{
  if (!is_live (connection))
    return;
  /* nobody will read it */
  if (connection->write_errno != 0 || connection->shut_done)
    drop_output (connection);
  else if (connection->must_wait)
    update_wanted (connection);
  else if (count_pending (connection) > 0)
    milter_io_watch_owe (&connection->watch);
}

void
_milter_io_connection_write (MilterIoConnection *connection, const guint8 *data, gsize size)
{
  if (!is_live (connection) || connection->shut)
    return;
  g_assert (size <= G_MAXUINT);
  milter_io_output_append (&connection->output, get_spare (connection), data, size);
  _milter_io_connection_written (connection);
}

void
_milter_io_connection_flush (MilterIoConnection *connection)
{
  if (!is_live (connection))
    return;
  send_output (connection);
  /* a failure is told by the loop */
  if (connection->write_errno != 0 && !connection->told)
    milter_io_watch_enqueue (&connection->watch);
}

gsize
_milter_io_connection_get_pending (MilterIoConnection *connection)
{
  return count_pending (connection);
}

bool
_milter_io_connection_is_full (const MilterIoConnection *connection)
{
  return is_full (connection);
}

void
_milter_io_connection_set_max_pending (MilterIoConnection *connection, gsize size)
{
  connection->max_pending = size;
  if (is_live (connection))
    update_wanted (connection);
}

void
_milter_io_connection_pause (MilterIoConnection *connection, bool pause)
{
  if (!is_live (connection) || connection->paused == pause)
    return;

  connection->paused = pause;
  if (!pause)
    update_wanted (connection);
  /* what was left at the end was told then */
  if (!pause && !connection->told && connection->rest.size > 0)
    connection->due |= DUE_REST;
  if (!pause && (connection->due != 0 || connection->write_errno != 0))
    milter_io_watch_enqueue (&connection->watch);
}

void
_milter_io_connection_set_deadline (MilterIoConnection *connection, gint64 time_us)
{
  if (is_live (connection))
    milter_io_watch_set_deadline (&connection->watch, time_us);
}

void
_milter_io_connection_set_timeout (MilterIoConnection *connection, gint64 timeout_us)
{
  if (!is_live (connection))
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
  if (!is_live (connection))
    return;
  connection->shut = true;
  if (count_pending (connection) == 0)
    send_output (connection);
}

int
_milter_io_connection_get_fd (MilterIoConnection *connection)
{
  return connection->watch.fd;
}

void
_milter_io_connection_close (MilterIoConnection *connection, MilterIoClose how)
{
  if (!is_live (connection))
    return;

  if (how == MILTER_IO_CLOSE_RESET)
    {
      const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
      if (connection->watch.fd >= 0)
        (void) setsockopt (connection->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      finish (connection);
      return;
    }
  if (how == MILTER_IO_CLOSE_FLUSH && connection->attempt == NULL)
    {
      send_output (connection);
      if (count_pending (connection) > 0 && connection->write_errno == 0)
        {
          linger (connection);
          return;
        }
    }
  finish_with_fin (connection);
}
