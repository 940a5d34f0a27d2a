/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-waiting.c: what a main context calls instead of poll().
 */
#include "milter-io-waiting.h"

#include <string.h>

/* the poller's descriptor and its guests */
#define MAX_KNOWN (MILTER_IO_MAX_GUESTS + 1)

/* GLib's function is given no data; each thread has a context of its own */
static _Thread_local struct
{
  MilterIoPoller *poller; /* unowned; NULL: GLib waits */
  guint n;
  guint own;                /* the poller's place among them */
  GPollFD known[MAX_KNOWN]; /* as GLib asks for them; a guest's number is its place */
} waiting;

/* What was brought has not been served: a source of a higher priority came first. */
static int
poll_beside_kept (GPollFD *fds, guint n)
{
  int fd = milter_io_poller_get_fd (waiting.poller);
  int n_ready = g_poll (fds, n, /* timeout= */ 0);

  for (guint i = 0; i < n; i++)
    if (fds[i].fd == fd && fds[i].revents == 0)
      {
        fds[i].revents = G_IO_IN;
        n_ready = MAX (n_ready, 0) + 1;
      }
  return n_ready;
}

static G_GNUC_NO_INLINE int
tell_guests (GPollFD *fds, guint n, guint guests)
{
  int n_ready = 0;

  for (guint i = 0; i < n; i++)
    if (guests & (1u << i))
      {
        fds[i].revents = G_IO_IN;
        n_ready++;
      }
  return n_ready;
}

static int
wait (GPollFD *fds, guint n, int timeout_ms)
{
  MilterIoPoller *poller = waiting.poller;
  guint guests = 0;
  int n_own, n_ready;

  if (poller != NULL && milter_io_poller_has_kept (poller))
    return poll_beside_kept (fds, n);
  /* what is asked for has no events yet, as what is known */
  if (poller == NULL || n != waiting.n || memcmp (fds, waiting.known, n * sizeof *fds) != 0)
    return g_poll (fds, n, timeout_ms);
  n_own = milter_io_poller_wait (poller, timeout_ms, &guests);
  n_ready = n_own > 0;
  if (n_own > 0)
    fds[waiting.own].revents = G_IO_IN;
  if (G_UNLIKELY (guests != 0))
    n_ready += tell_guests (fds, n, guests);
  /* as poll() does, with errno */
  return n_own < 0 ? -1 : n_ready;
}

/* returns how many there are, which may be more than were filled */
static guint
query (GMainContext *context, GPollFD *fds, guint max)
{
  int priority, timeout;
  guint n;

  if (!g_main_context_acquire (context))
    return 0;
  g_main_context_prepare (context, &priority);
  n = (guint) g_main_context_query (context, G_MAXINT, &timeout, fds, (int) max);
  g_main_context_release (context);
  return n;
}

static void
remove_guests (MilterIoPoller *poller, guint n)
{
  for (guint i = 0; i < n; i++)
    if (waiting.known[i].fd != milter_io_poller_get_fd (poller))
      milter_io_poller_remove_guest (poller, waiting.known[i].fd);
}

static bool
add_guests (MilterIoPoller *poller)
{
  waiting.own = MAX_KNOWN;
  for (guint i = 0; i < waiting.n; i++)
    {
      const GPollFD *known = &waiting.known[i];
      bool is_own = known->fd == milter_io_poller_get_fd (poller);

      if (is_own)
        waiting.own = i;
      if (known->events != G_IO_IN
          || (!is_own
              && (i >= MILTER_IO_MAX_GUESTS || !milter_io_poller_add_guest (poller, known->fd, i))))
        {
          remove_guests (poller, i);
          return false;
        }
    }
  return waiting.own < waiting.n;
}

void
milter_io_waiting_begin (MilterIoPoller *poller, GMainContext *context)
{
  g_return_if_fail (waiting.poller == NULL);

  waiting.n = query (context, waiting.known, MAX_KNOWN);
  if (waiting.n > MAX_KNOWN || !add_guests (poller))
    return;
  waiting.poller = poller;
  g_main_context_set_poll_func (context, wait);
}

void
milter_io_waiting_end (MilterIoPoller *poller, GMainContext *context)
{
  if (waiting.poller != poller)
    return;
  g_main_context_set_poll_func (context, NULL);
  remove_guests (poller, waiting.n);
  waiting.poller = NULL;
}
