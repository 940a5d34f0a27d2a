/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-poller.c: the poller over epoll.
 */
#include "milter-io-poller.h"

#include <errno.h>
#include <glib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* what one call brings at most; what is left comes with the next */
#define COLLECT_MAX 256

struct _MilterIoPoller
{
  int fd;
};

static bool
fail (const char *what, GError **error)
{
  int errsv = errno;

  g_set_error (
      error, G_FILE_ERROR, g_file_error_from_errno (errsv), "cannot %s: %s", what, g_strerror (errsv));
  return false;
}

MilterIoPoller *
milter_io_poller_new (GError **error)
{
  int fd = epoll_create1 (EPOLL_CLOEXEC);
  if (fd < 0)
    {
      fail ("make an epoll descriptor", error);
      return NULL;
    }

  MilterIoPoller *poller = g_new0 (MilterIoPoller, 1);
  poller->fd = fd;
  return poller;
}

void
milter_io_poller_free (MilterIoPoller *poller)
{
  if (poller == NULL)
    return;
  close (poller->fd);
  g_free (poller);
}

int
milter_io_poller_get_fd (MilterIoPoller *poller)
{
  return poller->fd;
}

static bool
control (MilterIoPoller *poller, int operation, int fd, guint64 token, guint events)
{
  /* hangups and errors are told whatever is asked for; with the edge alone, once */
  struct epoll_event event = { .events = events == 0 ? (guint32) EPOLLET : 0 };

  if (events & MILTER_IO_READABLE)
    event.events |= EPOLLIN;
  if (events & MILTER_IO_WRITABLE)
    event.events |= EPOLLOUT;
  event.data.u64 = token;
  return epoll_ctl (poller->fd, operation, fd, &event) == 0;
}

bool
milter_io_poller_add (MilterIoPoller *poller, int fd, guint64 token, guint events, GError **error)
{
  return control (poller, EPOLL_CTL_ADD, fd, token, events) || fail ("watch a socket", error);
}

void
milter_io_poller_set (MilterIoPoller *poller, int fd, guint64 token, guint events)
{
  /* of a known descriptor it cannot fail */
  bool done = control (poller, EPOLL_CTL_MOD, fd, token, events);
  g_assert (done);
}

void
milter_io_poller_remove (MilterIoPoller *poller, int fd)
{
  control (poller, EPOLL_CTL_DEL, fd, 0, 0);
}

/* what epoll's events make possible */
static guint
get_possible (guint32 events)
{
  guint possible = 0;

  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    possible |= MILTER_IO_READABLE;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
    possible |= MILTER_IO_WRITABLE;
  if (events & (EPOLLHUP | EPOLLERR))
    possible |= MILTER_IO_HANGUP;
  return possible;
}

guint
milter_io_poller_collect (MilterIoPoller *poller, MilterIoReady *ready, guint max, guint wait_ms)
{
  struct epoll_event events[COLLECT_MAX];
  int n = epoll_wait (poller->fd, events, (int) MIN (max, COLLECT_MAX), (int) wait_ms);

  for (int i = 0; i < n; i++)
    {
      ready[i].token = events[i].data.u64;
      ready[i].events
          = events[i].events == EPOLLIN ? MILTER_IO_READABLE : get_possible (events[i].events);
    }
  return n < 0 ? 0 : (guint) n;
}
