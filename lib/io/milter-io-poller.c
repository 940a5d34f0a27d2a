/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-poller.c: the poller over epoll.
 */
#include "milter-io-poller.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* what one call brings at most; what is left comes with the next */
#define COLLECT_MAX 256
/* guests have tokens that no watch has: it is in the upper half, and slot 0 is not used */
#define GUEST_TOKEN(number) ((guint64) ((number) + 1) << 32)
#define IS_GUEST(token)     ((guint32) (token) == 0)

struct _MilterIoPoller
{
  int fd;
  guint n_guests;
  guint n_kept;
  MilterIoReady *kept; /* NULL until it was waited for something */
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
  g_free (poller->kept);
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

/* returns how many are watches', or -1 */
static int
ask (MilterIoPoller *poller, MilterIoReady *ready, guint max, int timeout_ms, guint *guests)
{
  struct epoll_event events[COLLECT_MAX];
  int n = epoll_wait (poller->fd, events, (int) MIN (max, COLLECT_MAX), timeout_ms), n_ready = 0;

  for (int i = 0; i < n; i++)
    {
      guint64 token = events[i].data.u64;

      if (G_UNLIKELY (IS_GUEST (token)) && poller->n_guests > 0)
        {
          *guests |= 1u << ((token >> 32) - 1);
          continue;
        }
      ready[n_ready].token = token;
      ready[n_ready++].events
          = events[i].events == EPOLLIN ? MILTER_IO_READABLE : get_possible (events[i].events);
    }
  return n < 0 ? -1 : n_ready;
}

/* what a wait has brought */
static guint
take_kept (MilterIoPoller *poller, MilterIoReady *ready, guint max)
{
  guint n = MIN (poller->n_kept, max);

  for (guint i = 0; i < n; i++)
    ready[i] = poller->kept[i];
  poller->n_kept -= n;
  if (G_UNLIKELY (poller->n_kept > 0))
    memmove (poller->kept, poller->kept + n, poller->n_kept * sizeof *ready);
  return n;
}

guint
milter_io_poller_collect (MilterIoPoller *poller, MilterIoReady *ready, guint max, guint wait_ms)
{
  guint guests = 0;
  int n;

  if (poller->n_kept > 0)
    return take_kept (poller, ready, max);
  n = ask (poller, ready, max, (int) wait_ms, &guests);
  return n > 0 ? (guint) n : 0;
}

bool
milter_io_poller_add_guest (MilterIoPoller *poller, int fd, guint number)
{
  g_assert (number < MILTER_IO_MAX_GUESTS);
  if (!control (poller, EPOLL_CTL_ADD, fd, GUEST_TOKEN (number), MILTER_IO_READABLE))
    return false;
  poller->n_guests++;
  return true;
}

void
milter_io_poller_remove_guest (MilterIoPoller *poller, int fd)
{
  control (poller, EPOLL_CTL_DEL, fd, 0, 0);
  poller->n_guests--;
}

int
milter_io_poller_wait (MilterIoPoller *poller, int timeout_ms, guint *guests)
{
  int n;

  if (G_UNLIKELY (poller->kept == NULL))
    poller->kept = g_new (MilterIoReady, COLLECT_MAX);
  n = ask (poller, poller->kept, COLLECT_MAX, timeout_ms, guests);
  poller->n_kept = (guint) MAX (n, 0);
  return n;
}

bool
milter_io_poller_has_kept (const MilterIoPoller *poller)
{
  return poller->n_kept > 0;
}
