/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-connection-read.c: what a connection reads, and when it does not.
 */
#include "io-connection-test.h"

TestSuite (io_connection_read, .init = io_connection_setup, .fini = io_connection_teardown);

Test (io_connection_read, what_was_not_consumed_comes_again_with_what_follows)
{
  peer.frame = 4;
  put (far_end, "abcdef");
  iterate_until (context, peer.got->len == 4);
  cr_expect (strcmp (peer.got->str, "abcd") == 0);
  put (far_end, "g");
  iterate_ready (context);
  cr_expect (peer.got->len == 4);
  put (far_end, "hijkl");
  iterate_until (context, peer.got->len == 12);
  cr_expect (strcmp (peer.got->str, "abcdefghijkl") == 0, "%s", peer.got->str);
}

Test (io_connection_read, bytes_one_by_one_make_the_same_frames)
{
  peer.frame = 5;
  for (guint i = 0; i < 25; i++)
    {
      char byte[2] = { (char) ('a' + i), '\0' };
      put (far_end, byte);
      iterate_ready (context);
      cr_assert (peer.got->len == (i + 1) / 5 * 5);
    }
  cr_expect (strcmp (peer.got->str, "abcdefghijklmnopqrstuvwxy") == 0);
}

/* sends what there is room for, in pieces of a changing size */
static gsize
feed (const guint8 *data, gsize size, gsize at)
{
  ssize_t n = send (far_end, data + at, MIN (size - at, 1 + at % 100003), MSG_DONTWAIT);
  return n > 0 ? (gsize) n : 0;
}

Test (io_connection_read, a_frame_of_1_mib_and_1_comes_in_one_piece)
{
  static const guint sizes[] = { 16 * 1024, 16 * 1024 + 1, 65541, 256 * 1024, 1024 * 1024 + 1 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      gsize total = 3 * (gsize) sizes[i];
      g_autofree guint8 *data = g_malloc (total);

      fill_pattern (data, total);
      g_string_truncate (peer.got, 0);
      peer.frame = sizes[i];
      peer.largest = 0;
      for (gsize at = 0; at < total;)
        {
          at += feed (data, total, at);
          iterate_ready (context);
          cr_assert (peer.got->len == at / sizes[i] * sizes[i]);
        }
      iterate_until (context, peer.got->len == total);
      cr_expect (memcmp (peer.got->str, data, total) == 0, "frames of %u bytes", sizes[i]);
      cr_expect (peer.largest >= sizes[i]);
    }
}

static void
pause_peer (gpointer data)
{
  _milter_io_connection_pause (peer.connection, true);
}

Test (io_connection_read, a_paused_connection_reads_nothing_until_it_is_resumed)
{
  _milter_io_connection_pause (peer.connection, true);
  put (far_end, "abc");
  iterate_ready (context);
  cr_expect (peer.n_received == 0);
  _milter_io_connection_pause (peer.connection, false);
  iterate_until (context, peer.got->len == 3);
}

static gsize
take_one_and_pause (MilterIoConnection *connection,
                    const guint8 *data,
                    gsize size,
                    gpointer user_data)
{
  g_string_append_c (peer.got, (char) data[0]);
  _milter_io_connection_pause (connection, true);
  return 1;
}

Test (io_connection_read, what_was_left_when_it_paused_comes_on_resuming)
{
  static const MilterIoHandlers handlers = { .received = take_one_and_pause, .ended = peer_ended };
  int fds[2];

  make_pair (fds);
  MilterIoConnection *connection
      = _milter_io_connection_new (loop, fds[0], false, &handlers, &peer, NULL);
  put (fds[1], "abc");
  close (fds[1]);
  iterate_until (context, peer.got->len == 1);
  iterate_ready (context);
  cr_expect (strcmp (peer.got->str, "a") == 0);
  _milter_io_connection_pause (connection, false);
  cr_expect (strcmp (peer.got->str, "a") == 0, "a handler was called at once");
  iterate_until (context, peer.got->len == 2);
  _milter_io_connection_pause (connection, false);
  iterate_until (context, peer.got->len == 3);
  cr_expect (peer.n_ended == 0);
  _milter_io_connection_pause (connection, false);
  iterate_until (context, peer.n_ended == 1);
  cr_expect (peer.leftover == 0);
  cr_expect (strcmp (peer.got->str, "abc") == 0);
}

Test (io_connection_read, a_paused_connection_of_a_peer_that_left_does_not_keep_the_loop_busy)
{
  peer.act = pause_peer;
  put (far_end, "a");
  iterate_until (context, peer.n_received == 1);
  close (far_end);
  far_end = -1;
  iterate_ready (context);
  cr_expect (!g_main_context_iteration (context, FALSE), "still ready");
  cr_expect (peer.n_ended == 0);
}

Test (io_connection_read, a_peer_that_goes_while_it_is_paused_is_told_and_what_it_said_comes_later)
{
  put (far_end, "words");
  _milter_io_connection_pause (peer.connection, true);
  iterate_ready (context);
  cr_expect (peer.n_gone == 0);
  /* one that has said all may still read */
  shutdown (far_end, SHUT_WR);
  iterate_ready (context);
  cr_expect (peer.n_gone == 0);
  close (far_end);
  far_end = -1;
  iterate_ready (context);
  cr_expect (peer.n_gone > 0);
  cr_expect (peer.n_ended == 0);
  cr_expect (peer.n_received == 0);

  _milter_io_connection_pause (peer.connection, false);
  iterate_until (context, peer.n_ended == 1);
  cr_expect_str_eq (peer.got->str, "words");
}

Test (io_connection_read, one_that_is_read_ends_and_is_never_gone)
{
  put (far_end, "words");
  close (far_end);
  far_end = -1;
  iterate_until (context, peer.n_ended == 1);
  iterate_ready (context);
  cr_expect (peer.n_gone == 0);
}
