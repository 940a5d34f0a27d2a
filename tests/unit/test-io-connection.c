/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-connection.c: reading, writing and ending of connections.
 */
#include "io-test.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <sys/syscall.h>

/* stand before the C library's, in either way that a connection writes: how often something was
 * written, and how much of it goes through */
static guint n_sends;
static gsize send_limit;

ssize_t
send (int fd, const void *data, size_t size, int flags)
{
  static ssize_t (*real) (int, const void *, size_t, int);

  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "send");
  n_sends++;
  return real (fd, data, send_limit > 0 ? MIN (size, send_limit) : size, flags);
}

long
syscall (long number, ...)
{
  static long (*real) (long, ...);
  long a[6];
  va_list arguments;

  va_start (arguments, number);
  for (gsize i = 0; i < G_N_ELEMENTS (a); i++)
    a[i] = va_arg (arguments, long);
  va_end (arguments);
  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "syscall");
  if (number == SYS_sendto)
    {
      n_sends++;
      a[2] = send_limit > 0 ? MIN (a[2], (long) send_limit) : a[2];
    }
  return real (number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static GMainContext *context;
static MilterIoLoop *loop;
static Peer peer;
static int far_end;

static void
setup (void)
{
  context = g_main_context_new ();
  loop = make_loop (context);
  peer_init (&peer);
  far_end = peer_open (&peer, loop);
  n_sends = 0;
  send_limit = 0;
}

static void
teardown (void)
{
  _milter_io_loop_free (loop);
  peer_clear (&peer);
  if (far_end >= 0)
    close (far_end);
  g_main_context_unref (context);
}

TestSuite (io_connection, .init = setup, .fini = teardown);

static void
write_text (MilterIoConnection *connection, const char *text)
{
  _milter_io_connection_write (connection, (const guint8 *) text, strlen (text));
}

/* reading */

Test (io_connection, what_was_not_consumed_comes_again_with_what_follows)
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

Test (io_connection, bytes_one_by_one_make_the_same_frames)
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

static void
fill_pattern (guint8 *data, gsize size)
{
  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 7 + i / 251);
}

/* sends what there is room for, in pieces of a changing size */
static gsize
feed (const guint8 *data, gsize size, gsize at)
{
  ssize_t n = send (far_end, data + at, MIN (size - at, 1 + at % 100003), MSG_DONTWAIT);
  return n > 0 ? (gsize) n : 0;
}

Test (io_connection, a_frame_of_1_mib_and_1_comes_in_one_piece)
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

Test (io_connection, a_paused_connection_reads_nothing_until_it_is_resumed)
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

Test (io_connection, what_was_left_when_it_paused_comes_on_resuming)
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

Test (io_connection, a_paused_connection_of_a_peer_that_left_does_not_keep_the_loop_busy)
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

/* writing */

Test (io_connection, a_peer_that_goes_while_it_is_paused_is_told_and_what_it_said_comes_later)
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

Test (io_connection, one_that_is_read_ends_and_is_never_gone)
{
  put (far_end, "words");
  close (far_end);
  far_end = -1;
  iterate_until (context, peer.n_ended == 1);
  iterate_ready (context);
  cr_expect (peer.n_gone == 0);
}

Test (io_connection, all_of_a_turn_leaves_in_one_write)
{
  write_text (peer.connection, "one ");
  write_text (peer.connection, "two ");
  g_byte_array_append (
      _milter_io_connection_get_output (peer.connection), (const guint8 *) "three", 5);
  _milter_io_connection_written (peer.connection);
  cr_expect (_milter_io_connection_get_pending (peer.connection) == 13);
  assert_taken (far_end, "");
  iterate_ready (context);
  cr_expect (n_sends == 1, "%u writes", n_sends);
  cr_expect (_milter_io_connection_get_pending (peer.connection) == 0);
  assert_taken (far_end, "one two three");
}

static gsize
answer_each (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  if (size < 2)
    return 0;
  write_text (connection, "ok ");
  peer.n_received++;
  return 2;
}

Test (io_connection, answers_to_all_frames_of_one_read_leave_in_one_write)
{
  static const MilterIoHandlers handlers = { .received = answer_each, .ended = peer_ended };
  int fds[2];

  make_pair (fds);
  _milter_io_connection_new (loop, fds[0], false, &handlers, &peer, NULL);
  put (fds[1], "aabbccd");
  n_sends = 0;
  iterate_until (context, peer.n_received == 3);
  cr_expect (n_sends == 1);
  assert_taken (fds[1], "ok ok ok ");
  put (fds[1], "d");
  iterate_until (context, peer.n_received == 4);
  close (fds[1]);
}

/* short answers */

static void
answer (const char *text)
{
  _milter_io_connection_answer (peer.connection, (const guint8 *) text, strlen (text));
}

static void
answer_twice (gpointer data)
{
  answer ("one ");
  answer ("two ");
}

Test (io_connection, answers_leave_in_one_write)
{
  peer.act = answer_twice;
  put (far_end, "?");
  n_sends = 0;
  iterate_until (context, peer.n_received == 1);
  cr_expect (n_sends == 1);
  assert_taken (far_end, "one two ");
}

static void
answer_in_all_ways (gpointer data)
{
  answer ("1");
  write_text (peer.connection, "2");
  answer ("3");
  g_byte_array_append (_milter_io_connection_get_output (peer.connection), (const guint8 *) "4", 1);
  _milter_io_connection_written (peer.connection);
  answer ("5");
  cr_expect (_milter_io_connection_get_pending (peer.connection) == 5);
}

Test (io_connection, answers_stand_in_order_with_all_else_that_is_written)
{
  peer.act = answer_in_all_ways;
  put (far_end, "?");
  n_sends = 0;
  iterate_until (context, peer.n_received == 1);
  cr_expect (n_sends == 1);
  assert_taken (far_end, "12345");
  answer ("6");
  iterate_ready (context);
  assert_taken (far_end, "6");
}

static void
answer_much (gpointer data)
{
  for (guint i = 0; i < 100; i++)
    answer ("0123456789");
}

Test (io_connection, any_number_of_answers_leaves)
{
  peer.act = answer_much;
  put (far_end, "?");
  iterate_until (context, peer.n_received == 1);
  g_autofree char *got = take (far_end);
  cr_expect (strlen (got) == 1000);
  cr_expect (g_str_has_suffix (got, "0123456789"));
}

Test (io_connection, of_answers_that_the_kernel_does_not_take_at_once_none_is_lost)
{
  send_limit = 3;
  peer.act = answer_twice;
  put (far_end, "?");
  iterate_until (context, peer.n_received == 1);
  send_limit = 0;
  iterate_until (context, _milter_io_connection_get_pending (peer.connection) == 0);
  assert_taken (far_end, "one two ");
}

static void
answer_and_close (gpointer how)
{
  answer ("bye");
  _milter_io_connection_close (peer.connection, GPOINTER_TO_INT (how));
}

Test (io_connection, an_answer_before_closing_leaves_or_not_as_was_asked)
{
  peer.act = answer_and_close;
  peer.act_data = GINT_TO_POINTER (MILTER_IO_CLOSE_FLUSH);
  put (far_end, "?");
  iterate_until (context, peer.n_received == 1);
  assert_taken (far_end, "bye");
  assert_taken (far_end, "EOF");
  close (far_end);

  far_end = peer_open (&peer, loop);
  peer.act_data = GINT_TO_POINTER (MILTER_IO_CLOSE_NOW);
  put (far_end, "?");
  iterate_until (context, peer.n_received == 2);
  assert_taken (far_end, "EOF");
}

static void
answer_and_shut (gpointer data)
{
  answer ("last");
  _milter_io_connection_shutdown_write (peer.connection);
  answer ("too late");
}

Test (io_connection, nothing_is_answered_behind_the_end)
{
  peer.act = answer_and_shut;
  put (far_end, "?");
  iterate_until (context, peer.n_received == 1);
  assert_taken (far_end, "last");
  assert_taken (far_end, "EOF");
}

static void
answer_and_iterate (gpointer data)
{
  peer.act = NULL;
  answer ("now");
  iterate_ready (context);
  assert_taken (far_end, "now");
  answer ("later");
  iterate_ready (context);
  assert_taken (far_end, "later");
}

Test (io_connection, answers_leave_while_their_handler_waits_for_something_else)
{
  peer.act = answer_and_iterate;
  put (far_end, "?");
  n_sends = 0;
  iterate_until (context, peer.n_received == 1);
  cr_expect (n_sends == 2);
}

Test (io_connection, flush_writes_at_once)
{
  write_text (peer.connection, "now");
  _milter_io_connection_flush (peer.connection);
  assert_taken (far_end, "now");
  iterate_ready (context);
  cr_expect (n_sends == 1);
}

static void
pass_text (const char *text)
{
  _milter_io_connection_pass (peer.connection, (const guint8 *) text, strlen (text));
}

Test (io_connection, what_is_passed_on_leaves_at_once_behind_what_was_written)
{
  pass_text ("first");
  assert_taken (far_end, "first");
  write_text (peer.connection, "second ");
  pass_text ("third");
  assert_taken (far_end, "second third");
  iterate_ready (context);
  cr_expect (n_sends == 2);
}

Test (io_connection, what_is_passed_on_to_a_full_socket_waits)
{
  gsize total = 8 * 1024 * 1024, rest;
  g_autofree guint8 *data = g_malloc (total);
  g_autofree guint8 *got = g_malloc (total + 4);

  fill_pattern (data, total);
  _milter_io_connection_pass (peer.connection, data, total);
  rest = _milter_io_connection_get_pending (peer.connection);
  cr_expect (rest > 0 && rest < total);
  pass_text ("last");
  cr_expect (_milter_io_connection_get_pending (peer.connection) == rest + 4);
  for (gsize n = 0; n < total + 4;)
    {
      ssize_t some = recv (far_end, got + n, total + 4 - n, MSG_DONTWAIT);

      n += (gsize) MAX (some, 0);
      iterate_ready (context);
    }
  cr_expect (memcmp (got, data, total) == 0 && memcmp (got + total, "last", 4) == 0);
}

Test (io_connection, nothing_is_passed_on_behind_the_end)
{
  pass_text ("word");
  _milter_io_connection_shutdown_write (peer.connection);
  pass_text ("too late");
  assert_taken (far_end, "word");
  assert_taken (far_end, "EOF");
}

Test (io_connection, a_full_socket_is_waited_for_and_drained_is_told)
{
  gsize total = 8 * 1024 * 1024;
  g_autofree guint8 *data = g_malloc (total);
  g_autofree guint8 *got = g_malloc (total);

  fill_pattern (data, total);
  _milter_io_connection_write (peer.connection, data, total);
  iterate_ready (context);
  cr_expect (_milter_io_connection_get_pending (peer.connection) > 0);
  cr_expect (n_sends == 1, "%u writes into a full socket", n_sends);
  /* more comes behind it and changes nothing */
  write_text (peer.connection, "x");
  iterate_ready (context);
  cr_expect (n_sends == 1);
  cr_expect (peer.n_drained == 0);

  for (gsize at = 0; at < total;)
    {
      ssize_t n = recv (far_end, got + at, total - at, MSG_DONTWAIT);
      if (n > 0)
        at += (gsize) n;
      iterate_ready (context);
    }
  iterate_until (context, peer.n_drained == 1);
  cr_expect (memcmp (data, got, total) == 0);
  assert_taken (far_end, "x");
  cr_expect (_milter_io_connection_get_pending (peer.connection) == 0);
}

Test (io_connection, short_writes_lose_nothing)
{
  g_autoptr (GString) got = g_string_new (NULL);
  g_autoptr (GString) sent = g_string_new (NULL);

  for (guint i = 0; i < 200000; i++)
    g_string_append_printf (sent, "%u ", i);
  send_limit = 7001;
  _milter_io_connection_write (peer.connection, (const guint8 *) sent->str, sent->len);
  for (guint i = 0; i < 100000 && got->len < sent->len; i++)
    {
      char room[50000];
      g_main_context_iteration (context, FALSE);
      ssize_t n = recv (far_end, room, sizeof room, MSG_DONTWAIT);
      if (n > 0)
        g_string_append_len (got, room, n);
    }
  cr_expect (g_string_equal (got, sent));
}

Test (io_connection, a_peer_that_does_not_read_is_not_read_from_above_the_limit)
{
  _milter_io_connection_set_max_pending (peer.connection, 1000);
  g_autofree guint8 *data = g_malloc0 (4 * 1024 * 1024);
  _milter_io_connection_write (peer.connection, data, 4 * 1024 * 1024);
  iterate_ready (context);
  put (far_end, "more?");
  iterate_ready (context);
  cr_expect (peer.n_received == 0);

  while (_milter_io_connection_get_pending (peer.connection) > 0)
    {
      char room[65536];
      (void) !recv (far_end, room, sizeof room, MSG_DONTWAIT);
      iterate_ready (context);
    }
  iterate_until (context, peer.got->len == 5);
}

/* each byte is a question, and its answer has 64 KiB of that byte */
static gsize
answer_at_length (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  g_autofree guint8 *answer = g_malloc (65536);

  memset (answer, data[0], 65536);
  _milter_io_connection_write (connection, answer, 65536);
  ((Peer *) user_data)->n_received++;
  return 1;
}

Test (io_connection, one_read_that_asks_for_more_than_the_peer_takes_is_answered_bit_by_bit)
{
  static const MilterIoHandlers handlers
      = { .received = answer_at_length, .ended = peer_ended, .drained = peer_drained };
  g_autoptr (GString) questions = g_string_new (NULL);
  Peer asking = { NULL };
  gsize n_read = 0;
  gsize n_wrong = 0;
  int fds[2];

  for (guint i = 0; i < 300; i++)
    g_string_append_c (questions, 'A' + i % 26);
  make_pair (fds);
  MilterIoConnection *connection
      = _milter_io_connection_new (loop, fds[0], false, &handlers, &asking, NULL);
  _milter_io_connection_set_max_pending (connection, 100000);
  put (fds[1], questions->str);
  iterate_ready (context);
  cr_expect (asking.n_received > 1 && asking.n_received < 50, "%u", asking.n_received);

  while (n_read < 65536 * questions->len)
    {
      guint8 room[65536];
      ssize_t n = recv (fds[1], room, sizeof room, MSG_DONTWAIT);

      for (ssize_t i = 0; i < n; i++, n_read++)
        n_wrong += room[i] != 'A' + n_read / 65536 % 26;
      cr_assert (_milter_io_connection_get_pending (connection) <= 100000 + 65536);
      if (n < 0)
        cr_assert (g_main_context_iteration (context, FALSE), "nothing more comes");
    }
  cr_expect (asking.n_received == questions->len);
  cr_expect (n_wrong == 0);
  close (fds[1]);
}

/* ends */

Test (io_connection, eof_is_told_once_with_what_was_left)
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

Test (io_connection, a_half_open_connection_whose_peer_leaves_does_not_keep_the_loop_busy)
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

Test (io_connection, a_peer_that_closed_with_our_bytes_unread_has_reset_the_connection)
{
  write_text (peer.connection, "unread");
  iterate_ready (context);
  close (far_end);
  far_end = -1;
  iterate_until (context, peer.n_ended == 1);
  cr_expect (peer.end == MILTER_IO_END_RESET);
  cr_expect (peer.error != NULL);
}

Test (io_connection, a_failed_write_is_told_after_what_the_peer_had_said)
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

Test (io_connection, a_peer_that_only_refuses_to_read_is_gone_all_the_same)
{
  shutdown (far_end, SHUT_RD);
  write_text (peer.connection, "who?");
  iterate_until (context, peer.n_ended == 1);
  cr_expect (peer.end == MILTER_IO_END_RESET);
}

Test (io_connection, shutdown_write_follows_what_is_to_be_written)
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

Test (io_connection, close_flushes_and_then_ends)
{
  write_text (peer.connection, "last");
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_FLUSH);
  assert_taken (far_end, "last");
  assert_taken (far_end, "EOF");
  cr_expect (_milter_io_loop_get_n_connections (loop) == 0);
}

Test (io_connection, after_a_last_word_close_flushes_and_waits_for_no_more)
{
  write_text (peer.connection, "last");
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_LAST);
  assert_taken (far_end, "last");
  assert_taken (far_end, "EOF");
  cr_expect (_milter_io_loop_get_n_connections (loop) == 0);
}

Test (io_connection, close_goes_on_writing_to_a_slow_peer)
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

Test (io_connection, close_now_drops_what_was_not_written)
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

Test (io_connection, nodelay_is_on)
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

Test (io_connection, reset_and_eof_are_told_apart)
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
Test (io_connection, a_tcp_peer_that_closed_before_it_could_read_has_reset_the_connection)
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

Test (io_connection, close_sends_rst_only_when_told_to)
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
