/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-listener.c: accepts connections in a loop.
 *
 * Without descriptors left, accept() fails at once while the socket stays readable: the listener
 * then asks for nothing until its deadline. Nobody sleeps, the other connections are served.
 */
#include <errno.h>
#include <unistd.h>

#include "milter-io-loop-private.h"
#include "milter-io-socket.h"

/* connections that are accepted before others have their turn */
#define BATCH_SIZE 64

struct _MilterIoListener
{
  MilterIoWatch watch;
  const MilterIoListenerHandlers *handlers; /* unowned */
  gpointer user_data;                       /* unowned */
  guint suspend_ms;
  bool paused;    /* by its owner */
  bool suspended; /* by itself */
};

static void
update_wanted (MilterIoListener *listener)
{
  bool wanted = !listener->paused && !listener->suspended;

  milter_io_watch_want (&listener->watch, wanted ? MILTER_IO_READABLE : 0);
}

static void
suspend (MilterIoListener *listener, int errsv)
{
  gint64 pause_us = MAX (listener->suspend_ms, 1) * (gint64) 1000;
  g_autoptr (GError) error = g_error_new (G_FILE_ERROR,
                                          g_file_error_from_errno (errsv),
                                          "cannot accept a connection: %s; trying again in %u ms",
                                          g_strerror (errsv),
                                          MAX (listener->suspend_ms, 1));

  listener->suspended = true;
  milter_io_watch_set_deadline (&listener->watch, g_get_monotonic_time () + pause_us);
  update_wanted (listener);
  if (listener->handlers->error != NULL)
    listener->handlers->error (listener, error, listener->user_data);
}

/* what has happened to one connection alone; the next may be better (accept(2) on Linux) */
static bool
is_of_the_connection (int errsv)
{
  static const int errors[]
      = { EINTR,     ECONNABORTED, EPROTO,       EPERM,      ENETDOWN,   ENOPROTOOPT,
          EHOSTDOWN, ENONET,       EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH };

  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    if (errors[i] == errsv)
      return true;
  return false;
}

static void
listener_ready (MilterIoWatch *watch, guint events, guint8 *buffer)
{
  MilterIoListener *listener = (MilterIoListener *) watch;

  for (guint n = 0; n < BATCH_SIZE; n++)
    {
      /* the handler may have done either */
      if (!milter_io_watch_is_open (watch) || watch->wanted == 0)
        return;

      struct sockaddr_storage address;
      socklen_t size = sizeof address;
      int fd
          = accept4 (watch->fd, (struct sockaddr *) &address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0)
        {
          listener->handlers->accepted (listener,
                                        fd,
                                        (const struct sockaddr *) &address,
                                        MIN (size, sizeof address),
                                        listener->user_data);
          continue;
        }
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        return;
      if (is_of_the_connection (errno))
        continue;
      suspend (listener, errno);
      return;
    }
}

static void
listener_queued (MilterIoWatch *watch, bool inside, guint8 *buffer)
{
}

static void
listener_expired (MilterIoWatch *watch, MilterIoDeadline *deadline)
{
  MilterIoListener *listener = (MilterIoListener *) watch;

  listener->suspended = false;
  update_wanted (listener);
}

static void
listener_free (MilterIoWatch *watch)
{
  g_free (watch);
}

static const MilterIoWatchClass listener_class = {
  .ready = listener_ready,
  .queued = listener_queued,
  .expired = listener_expired,
  .abandon = milter_io_watch_close,
  .free = listener_free,
};

MilterIoListener *
_milter_io_listener_new (MilterIoLoop *loop,
                         int fd,
                         guint suspend_ms,
                         const MilterIoListenerHandlers *handlers,
                         gpointer user_data,
                         GError **error)
{
  MilterIoListener *listener = g_new0 (MilterIoListener, 1);

  listener->handlers = handlers;
  listener->user_data = user_data;
  listener->suspend_ms = suspend_ms;
  milter_io_watch_init (&listener->watch, &listener_class, loop);
  if (!milter_io_prepare_fd (fd, error)
      || !milter_io_watch_set_fd (&listener->watch, fd, MILTER_IO_READABLE, error))
    {
      close (fd);
      milter_io_watch_close (&listener->watch);
      return NULL;
    }
  return listener;
}

void
_milter_io_listener_pause (MilterIoListener *listener, bool pause)
{
  if (!milter_io_watch_is_open (&listener->watch))
    return;
  listener->paused = pause;
  update_wanted (listener);
}

void
_milter_io_listener_free (MilterIoListener *listener)
{
  if (listener != NULL && milter_io_watch_is_open (&listener->watch))
    milter_io_watch_close (&listener->watch);
}
