/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-connection-end.c: how connections end, by us or by the peer, and what differs over TCP.
 */
#include "io-connection-test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

TestSuite (io_connection_end, .init = io_connection_setup, .fini = io_connection_teardown);

Test (io_connection_end, eof_is_told_once_with_what_was_left)
{
  peer.frame = 4;
  put (far_end, "abcdef");
  shutdown (far_end, SHUT_WR);
  iterate_until (context, peer.n_ended == 1);
  cr_expect (peer.end == MILTER_IO_END_EOF);
  cr_expect (peer.leftover == 2);
  cr_expect (peer.error == NULL);
  iterate_ready (context);
  cr_expect (peer.n_ended == 1);

  /* half open: there is still somebody to write to */
  write_text (peer.connection, "bye");
  iterate_ready (context);
  assert_taken (far_end, "bye");
}

Test (io_connection_end, a_half_open_connection_whose_peer_leaves_does_not_keep_the_loop_busy)
{
  shutdown (far_end, SHUT_WR);
  iterate_until (context, peer.n_ended == 1);
  close (far_end);
  far_end = -1;
  iterate_ready (context);
  cr_expect (!g_main_context_iteration (context, FALSE));
  write_text (peer.connection, "anybody?");
  iterate_ready (context);
  cr_expect (!g_main_context_iteration (context, FALSE));
  cr_expect (peer.n_ended == 1);
}

Test (io_connection_end, a_peer_that_closed_with_our_bytes_unread_has_reset_the_connection)
{
  write_text (peer.connection, "unread");
  iterate_ready (context);
  close (far_end);
  far_end = -1;
  iterate_until (context, peer.n_ended == 1);
  cr_expect (peer.end == MILTER_IO_END_RESET);
  cr_expect (peer.error != NULL);
}

Test (io_connection_end, a_failed_write_is_told_after_what_the_peer_had_said)
{
  peer.frame = 2;
  put (far_end, "last words.");
  close (far_end);
  far_end = -1;
  write_text (peer.connection, "who?");
  _milter_io_connection_flush (peer.connection);
  cr_expect (peer.n_ended == 0, "a handler was called inside flush");
  iterate_until (context, peer.n_ended == 1);
  cr_expect (strcmp (peer.got->str, "last words") == 0);
  cr_expect (peer.leftover == 1);
  cr_expect (peer.end == MILTER_IO_END_RESET);
  /* nothing accumulates for nobody */
  write_text (peer.connection, "who?");
  cr_expect (_milter_io_connection_get_pending (peer.connection) == 0);
}

Test (io_connection_end, a_peer_that_only_refuses_to_read_is_gone_all_the_same)
{
  shutdown (far_end, SHUT_RD);
  write_text (peer.connection, "who?");
  iterate_until (context, peer.n_ended == 1);
  cr_expect (peer.end == MILTER_IO_END_RESET);
}

Test (io_connection_end, shutdown_write_follows_what_is_to_be_written)
{
  write_text (peer.connection, "all");
  _milter_io_connection_shutdown_write (peer.connection);
  write_text (peer.connection, "too late");
  iterate_ready (context);
  assert_taken (far_end, "all");
  assert_taken (far_end, "EOF");
  put (far_end, "still read");
  iterate_until (context, peer.got->len == 10);
}

Test (io_connection_end, close_flushes_and_then_ends)
{
  write_text (peer.connection, "last");
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_FLUSH);
  assert_taken (far_end, "last");
  assert_taken (far_end, "EOF");
  cr_expect (_milter_io_loop_get_n_connections (loop) == 0);
}

Test (io_connection_end, after_a_last_word_close_flushes_and_waits_for_no_more)
{
  write_text (peer.connection, "last");
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_LAST);
  assert_taken (far_end, "last");
  assert_taken (far_end, "EOF");
  cr_expect (_milter_io_loop_get_n_connections (loop) == 0);
}

Test (io_connection_end, close_goes_on_writing_to_a_slow_peer)
{
  gsize total = 4 * 1024 * 1024;
  g_autofree guint8 *data = g_malloc (total);
  gsize at = 0;
  char room[65536];

  fill_pattern (data, total);
  _milter_io_connection_write (peer.connection, data, total);
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_FLUSH);
  cr_expect (_milter_io_loop_get_n_connections (loop) == 1);
  put (far_end, "never read");
  for (;;)
    {
      iterate_ready (context);
      ssize_t n = recv (far_end, room, sizeof room, MSG_DONTWAIT);
      if (n == 0)
        break;
      cr_assert (n > 0 && memcmp (room, data + at, (gsize) n) == 0);
      at += (gsize) n;
    }
  cr_expect (at == total);
  cr_expect (peer.n_received == 0 && peer.n_ended == 0 && peer.n_drained == 0);
  cr_expect (_milter_io_loop_get_n_connections (loop) == 0);
}

Test (io_connection_end, close_now_drops_what_was_not_written)
{
  write_text (peer.connection, "dropped");
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_NOW);
  assert_taken (far_end, "EOF");
}

/* over TCP */

typedef struct
{
  Peer here;
  int there;
} Tcp;

static void
tcp_open (Tcp *tcp)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterConnectionSpec) any = milter_connection_spec_parse ("inet:0@127.0.0.1", NULL);
  g_autofree struct sockaddr *address = NULL;
  socklen_t size;
  int fd = _milter_io_listen (any, 1, 0, false, &address, &size, &error);
  cr_assert (fd >= 0, "%s", error ? error->message : "");
  g_autofree char *text = _milter_io_address_to_text (address, size);
  g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (text, NULL);

  peer_init (&tcp->here);
  tcp->here.connection
      = _milter_io_connection_connect (loop, spec, &peer_handlers, &tcp->here, &error);
  cr_assert (tcp->here.connection != NULL, "%s", error ? error->message : "");
  iterate_until (context, tcp->here.n_connected == 1);
  while ((tcp->there = accept4 (fd, NULL, NULL, SOCK_CLOEXEC)) < 0)
    cr_assert (errno == EAGAIN);
  close (fd);
}

static void
tcp_clear (Tcp *tcp)
{
  close (tcp->there);
  peer_clear (&tcp->here);
}

Test (io_connection_end, nodelay_is_on)
{
  Tcp tcp;
  int on = 0;
  socklen_t size = sizeof on;

  tcp_open (&tcp);
  int fd = _milter_io_connection_get_fd (tcp.here.connection);
  cr_expect (getsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && on != 0);
  cr_expect (fcntl (fd, F_GETFL) & O_NONBLOCK);
  cr_expect (fcntl (fd, F_GETFD) & FD_CLOEXEC);
  tcp_clear (&tcp);
}

Test (io_connection_end, reset_and_eof_are_told_apart)
{
  static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
  Tcp reset;
  Tcp eof;

  tcp_open (&reset);
  tcp_open (&eof);
  setsockopt (reset.there, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close (reset.there);
  close (eof.there);
  reset.there = eof.there = -1;
  iterate_until (context, reset.here.n_ended && eof.here.n_ended);
  cr_expect (reset.here.end == MILTER_IO_END_RESET);
  cr_expect (eof.here.end == MILTER_IO_END_EOF);
  tcp_clear (&reset);
  tcp_clear (&eof);
}

/* over TCP the write succeeds, and recv() tells the FIN alone; the RST has come behind it */
Test (io_connection_end, a_tcp_peer_that_closed_before_it_could_read_has_reset_the_connection)
{
  Tcp early;
  Tcp late;

  tcp_open (&early);
  tcp_open (&late);
  close (early.there);
  write_text (early.here.connection, "quit");
  _milter_io_connection_flush (early.here.connection);
  write_text (late.here.connection, "quit");
  _milter_io_connection_flush (late.here.connection);
  assert_taken (late.there, "quit");
  close (late.there);
  early.there = late.there = -1;
  iterate_until (context, early.here.n_ended && late.here.n_ended);
  cr_expect (early.here.end == MILTER_IO_END_RESET);
  cr_expect (late.here.end == MILTER_IO_END_EOF);
  tcp_clear (&early);
  tcp_clear (&late);
}

Test (io_connection_end, close_sends_rst_only_when_told_to)
{
  static const struct
  {
    MilterIoClose how;
    const char *seen;
  } cases[] = {
    { MILTER_IO_CLOSE_FLUSH, "EOF" },
    { MILTER_IO_CLOSE_NOW, "EOF" },
    { MILTER_IO_CLOSE_RESET, "RESET" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Tcp tcp;

      tcp_open (&tcp);
      /* unread bytes alone would make the kernel send RST */
      put (tcp.there, "unread");
      _milter_io_connection_close (tcp.here.connection, cases[i].how);
      assert_taken (tcp.there, cases[i].seen);
      tcp_clear (&tcp);
    }
}
