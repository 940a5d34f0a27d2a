/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-connection-begin.c: the first turn of connections that were accepted. (Those of ours:
 * test-io-socket.c.)
 */
#include "io-test.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static guint n_options; /* of TCP */

/* stands before the C library's */
int
setsockopt (int fd, int level, int name, const void *value, socklen_t size)
{
  static int (*real) (int, int, int, const void *, socklen_t);

  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "setsockopt");
  n_options += level == IPPROTO_TCP;
  return real (fd, level, name, value, size);
}

static GMainContext *context;
static MilterIoLoop *loop;

static void
setup (void)
{
  context = g_main_context_new ();
  loop = make_loop (context);
}

static void
teardown (void)
{
  _milter_io_loop_free (loop);
  g_main_context_unref (context);
}

TestSuite (io_connection_begin, .init = setup, .fini = teardown);

/* one that has been accepted; returns the peer's end */
static int
peer_accept (Peer *peer, const MilterIoHandlers *handlers)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  cr_assert (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
  peer_init (peer);
  peer->connection
      = _milter_io_connection_accept (loop, fds[0], /* tcp= */ false, handlers, peer, &error);
  cr_assert (peer->connection != NULL, "%s", error ? error->message : "");
  return fds[1];
}

static gsize
expect_to_be_known (MilterIoConnection *connection,
                    const guint8 *data,
                    gsize size,
                    gpointer user_data)
{
  cr_expect (((Peer *) user_data)->n_connected == 1, "it is read first");
  return peer_received (connection, data, size, user_data);
}

Test (io_connection_begin, an_accepted_one_is_told_once_before_it_is_read)
{
  static const MilterIoHandlers handlers
      = { .connected = peer_connected, .received = expect_to_be_known, .ended = peer_ended };
  Peer peers[20];
  int fds[G_N_ELEMENTS (peers)];

  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      fds[i] = peer_accept (&peers[i], &handlers);
      put (fds[i], "words");
      cr_expect (peers[i].n_connected == 0, "a handler was called at once");
    }
  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      iterate_until (context, peers[i].got->len == 5);
      close (fds[i]);
      iterate_until (context, peers[i].n_ended == 1);
      cr_expect (peers[i].n_connected == 1);
      peer_clear (&peers[i]);
    }
}

Test (io_connection_begin, the_system_is_told_nothing_about_a_unix_socket)
{
  Peer peer;
  int fd = peer_accept (&peer, &peer_handlers);

  put (fd, "words");
  iterate_until (context, peer.got->len == 5);
  cr_expect (n_options == 0);
  close (fd);
  iterate_until (context, peer.n_ended == 1);
  peer_clear (&peer);
}

/* A handler that iterates the main context: its own connection waits, others do not. */

static Peer neighbour;
static int neighbour_fd;

static void
wait_for_neighbour (MilterIoConnection *connection, gpointer user_data)
{
  peer_connected (connection, user_data);
  neighbour_fd = peer_accept (&neighbour, &peer_handlers);
  put (neighbour_fd, "next");
  iterate_until (context, neighbour.got->len == 4);
  cr_expect (((Peer *) user_data)->n_received == 0);
}

Test (io_connection_begin, others_begin_while_one_is_being_told)
{
  static const MilterIoHandlers handlers
      = { .connected = wait_for_neighbour, .received = peer_received, .ended = peer_ended };
  Peer peer;
  int fd = peer_accept (&peer, &handlers);

  put (fd, "words");
  iterate_until (context, peer.got->len == 5);
  cr_expect (peer.n_connected == 1 && neighbour.n_connected == 1);
  close (fd);
  close (neighbour_fd);
  iterate_until (context, peer.n_ended == 1 && neighbour.n_ended == 1);
  peer_clear (&peer);
  peer_clear (&neighbour);
}

static void
close_at_once (MilterIoConnection *connection, gpointer user_data)
{
  peer_connected (connection, user_data);
  _milter_io_connection_write (connection, (const guint8 *) "no", 2);
  _milter_io_connection_close (connection, MILTER_IO_CLOSE_FLUSH);
}

Test (io_connection_begin, it_may_be_closed_as_soon_as_it_is_told_and_before)
{
  static const MilterIoHandlers handlers
      = { .connected = close_at_once, .received = peer_received, .ended = peer_ended };
  Peer told, untold;
  int fd = peer_accept (&told, &handlers);
  int untold_fd = peer_accept (&untold, &handlers);

  _milter_io_connection_close (untold.connection, MILTER_IO_CLOSE_NOW);
  iterate_ready (context);
  cr_expect (told.n_connected == 1 && untold.n_connected == 0);
  cr_expect (told.n_ended == 0 && untold.n_ended == 0);
  cr_expect (_milter_io_loop_get_n_connections (loop) == 0);
  assert_taken (fd, "no");
  assert_taken (fd, "EOF");
  assert_taken (untold_fd, "EOF");
  close (fd);
  close (untold_fd);
  peer_clear (&told);
  peer_clear (&untold);
}
