/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-waiting.c: a main context that waits in the poller of its loop, beside all that else may
 * wake it.
 */
#include "io-test.h"

#include <dlfcn.h>
#include <glib-unix.h>
#include <poll.h>

/* stands before the C library's: how often the context waited in GLib's way, in this thread */
static _Thread_local guint n_polls;

int
poll (struct pollfd *fds, nfds_t n, int timeout)
{
  static int (*real) (struct pollfd *, nfds_t, int);

  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "poll");
  /* criterion waits for one descriptor, a context for its own besides */
  n_polls += n > 1;
  return real (fds, n, timeout);
}

static GMainContext *context;
static MilterIoLoop *loop;
static Peer peer;
static int far;
static guint n_called;

static void
setup (void)
{
  context = g_main_context_new ();
  loop = make_loop (context);
  peer_init (&peer);
  far = peer_open (&peer, loop);
  _milter_io_loop_begin_waiting (loop, context);
  iterate_ready (context);
  n_called = n_polls = 0;
}

static void
teardown (void)
{
  _milter_io_loop_end_waiting (loop, context);
  _milter_io_loop_free (loop);
  peer_clear (&peer);
  close (far);
  g_main_context_unref (context);
}

TestSuite (io_waiting, .init = setup, .fini = teardown);

static gboolean
count_call (gpointer data)
{
  n_called++;
  return G_SOURCE_REMOVE;
}

static gboolean
count_ready (int fd, GIOCondition condition, gpointer data)
{
  char byte;

  cr_assert (recv (fd, &byte, 1, 0) == 1);
  n_called++;
  return G_SOURCE_CONTINUE;
}

static GSource *
attach (GSource *source, GSourceFunc callback)
{
  g_source_set_callback (source, callback, NULL, NULL);
  g_source_attach (source, context);
  return source;
}

Test (io_waiting, what_comes_is_served_without_poll)
{
  put (far, "abc");
  g_main_context_iteration (context, TRUE);
  cr_expect_str_eq (peer.got->str, "abc");
  put (far, "d");
  g_main_context_iteration (context, TRUE);
  cr_expect_str_eq (peer.got->str, "abcd");
  cr_expect (n_polls == 0);
}

Test (io_waiting, nothing_is_reported_where_nothing_came)
{
  cr_expect (!g_main_context_iteration (context, FALSE));
  cr_expect (n_polls == 0);
}

Test (io_waiting, another_thread_can_wake_it)
{
  g_main_context_wakeup (context);
  /* returns, with nothing to do */
  cr_expect (!g_main_context_iteration (context, TRUE));
  cr_expect (n_polls == 0);
}

Test (io_waiting, timeouts_end_the_wait)
{
  G_GNUC_UNUSED g_autoptr (GSource) source = attach (g_timeout_source_new (1), count_call);

  iterate_until (context, n_called == 1);
  cr_expect (n_polls == 0);
}

/* one that is ready behind the wait */

static gboolean
never_prepared (GSource *source, int *timeout)
{
  *timeout = -1;
  return FALSE;
}

static gboolean
always (GSource *source)
{
  return TRUE;
}

static gboolean
count_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  n_called++;
  return G_SOURCE_REMOVE;
}

static GSourceFuncs late_funcs
    = { .prepare = never_prepared, .check = always, .dispatch = count_dispatch };

Test (io_waiting, what_was_brought_stays_when_another_source_comes_first)
{
  for (guint i = 1; i <= 2; i++)
    {
      g_autoptr (GSource) source = g_source_new (&late_funcs, sizeof (GSource));

      g_source_set_priority (source, G_PRIORITY_HIGH);
      g_source_attach (source, context);
      put (far, "abc");
      g_main_context_iteration (context, TRUE);
      cr_expect (n_called == i && peer.got->len == 3 * (i - 1), "it was not first");
      g_main_context_iteration (context, TRUE);
      cr_expect (peer.got->len == 3 * i);
    }
}

Test (io_waiting, what_was_brought_and_is_closed_before_its_turn_is_left)
{
  g_autoptr (GSource) source = g_source_new (&late_funcs, sizeof (GSource));

  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_attach (source, context);
  put (far, "abc");
  g_main_context_iteration (context, TRUE);
  cr_expect (n_called == 1);
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_NOW);
  iterate_ready (context);
  cr_expect (peer.n_received == 0 && peer.n_ended == 0);
}

Test (io_waiting, a_programs_own_descriptor_is_waited_for)
{
  g_autoptr (GSource) source = NULL;
  int fds[2];

  make_pair (fds);
  source = attach (g_unix_fd_source_new (fds[0], G_IO_IN), G_SOURCE_FUNC (count_ready));
  put (fds[1], "x");
  g_main_context_iteration (context, TRUE);
  cr_expect (n_called == 1 && n_polls > 0);
  put (far, "abc");
  iterate_until (context, peer.got->len == 3);
  put (fds[1], "y");
  iterate_until (context, n_called == 2);
  g_source_destroy (source);
  close (fds[0]);
  close (fds[1]);

  n_polls = 0;
  put (far, "d");
  g_main_context_iteration (context, TRUE);
  cr_expect_str_eq (peer.got->str, "abcd");
  cr_expect (n_polls == 0, "it waits as before when the descriptor has gone");
}

/* epoll would go on watching what stood under the number before */
Test (io_waiting, a_descriptor_that_takes_anothers_number_is_waited_for)
{
  g_autoptr (GSource) first = NULL, second = NULL;
  int fds[2], again[2];

  make_pair (fds);
  first = attach (g_unix_fd_source_new (fds[0], G_IO_IN), G_SOURCE_FUNC (count_ready));
  g_main_context_iteration (context, FALSE);
  make_pair (again);
  g_source_destroy (first);
  cr_assert (dup2 (again[0], fds[0]) == fds[0]);
  second = attach (g_unix_fd_source_new (fds[0], G_IO_IN), G_SOURCE_FUNC (count_ready));
  put (again[1], "x");
  g_main_context_iteration (context, TRUE);
  cr_expect (n_called == 1);
  g_source_destroy (second);
  for (guint i = 0; i < 2; i++)
    {
      close (fds[i]);
      close (again[i]);
    }
}

static void
iterate_inside (gpointer data)
{
  Peer *other = data;

  peer.act = NULL;
  iterate_until (context, other->got->len == 1);
}

Test (io_waiting, a_handler_may_iterate_the_context)
{
  Peer other;
  int far_other;

  peer_init (&other);
  far_other = peer_open (&other, loop);
  peer.act = iterate_inside;
  peer.act_data = &other;
  put (far, "a");
  put (far_other, "b");
  iterate_until (context, peer.got->len == 1);
  cr_expect_str_eq (other.got->str, "b");
  put (far, "c");
  iterate_until (context, peer.got->len == 2);
  cr_expect (n_polls == 0);
  _milter_io_connection_close (other.connection, MILTER_IO_CLOSE_NOW);
  peer_clear (&other);
  close (far_other);
}

Test (io_waiting, after_its_end_glib_waits)
{
  _milter_io_loop_end_waiting (loop, context);
  put (far, "abc");
  iterate_until (context, peer.got->len == 3);
  cr_expect (n_polls > 0);
}

Test (io_waiting, a_context_with_too_many_descriptors_waits_as_before)
{
  int fds[20][2];
  GSource *sources[20];

  _milter_io_loop_end_waiting (loop, context);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      make_pair (fds[i]);
      sources[i]
          = attach (g_unix_fd_source_new (fds[i][0], G_IO_IN), G_SOURCE_FUNC (count_ready));
    }
  _milter_io_loop_begin_waiting (loop, context);
  put (fds[19][1], "x");
  iterate_until (context, n_called == 1);
  put (far, "abc");
  iterate_until (context, peer.got->len == 3);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_source_destroy (sources[i]);
      g_source_unref (sources[i]);
      close (fds[i][0]);
      close (fds[i][1]);
    }
}
