/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-connection-write.c: what a connection writes: when it leaves, in which order, and what waits.
 */
#include "io-connection-test.h"

#include <dlfcn.h>
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

static void
setup (void)
{
  io_connection_setup ();
  n_sends = 0;
  send_limit = 0;
}

TestSuite (io_connection_write, .init = setup, .fini = io_connection_teardown);

Test (io_connection_write, all_of_a_turn_leaves_in_one_write)
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

Test (io_connection_write, answers_to_all_frames_of_one_read_leave_in_one_write)
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

Test (io_connection_write, answers_leave_in_one_write)
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

Test (io_connection_write, answers_stand_in_order_with_all_else_that_is_written)
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

Test (io_connection_write, any_number_of_answers_leaves)
{
  peer.act = answer_much;
  put (far_end, "?");
  iterate_until (context, peer.n_received == 1);
  g_autofree char *got = take (far_end);
  cr_expect (strlen (got) == 1000);
  cr_expect (g_str_has_suffix (got, "0123456789"));
}

Test (io_connection_write, of_answers_that_the_kernel_does_not_take_at_once_none_is_lost)
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

Test (io_connection_write, an_answer_before_closing_leaves_or_not_as_was_asked)
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

Test (io_connection_write, nothing_is_answered_behind_the_end)
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

Test (io_connection_write, answers_leave_while_their_handler_waits_for_something_else)
{
  peer.act = answer_and_iterate;
  put (far_end, "?");
  n_sends = 0;
  iterate_until (context, peer.n_received == 1);
  cr_expect (n_sends == 2);
}

Test (io_connection_write, flush_writes_at_once)
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

Test (io_connection_write, what_is_passed_on_leaves_at_once_behind_what_was_written)
{
  pass_text ("first");
  assert_taken (far_end, "first");
  write_text (peer.connection, "second ");
  pass_text ("third");
  assert_taken (far_end, "second third");
  iterate_ready (context);
  cr_expect (n_sends == 2);
}

Test (io_connection_write, what_is_passed_on_to_a_full_socket_waits)
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

Test (io_connection_write, nothing_is_passed_on_behind_the_end)
{
  pass_text ("word");
  _milter_io_connection_shutdown_write (peer.connection);
  pass_text ("too late");
  assert_taken (far_end, "word");
  assert_taken (far_end, "EOF");
}

Test (io_connection_write, a_full_socket_is_waited_for_and_drained_is_told)
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

Test (io_connection_write, short_writes_lose_nothing)
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

Test (io_connection_write, a_peer_that_does_not_read_is_not_read_from_above_the_limit)
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

Test (io_connection_write, one_read_that_asks_for_more_than_the_peer_takes_is_answered_bit_by_bit)
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
