/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-loop.c: what handlers may do to their loop, its connections and the context.
 */
#include "io-test.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* stand before the C library's, in either way that a connection reads: who was read from last */
static int read_from = -1;

ssize_t
recv (int fd, void *data, size_t size, int flags)
{
  static ssize_t (*real) (int, void *, size_t, int);

  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "recv");
  read_from = fd;
  return real (fd, data, size, flags);
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
  if (number == SYS_read)
    read_from = (int) a[0];
  return real (number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static GMainContext *context;
static MilterIoLoop *loop;
static Peer a;
static Peer b;
static int far_a;
static int far_b;

static void
setup (void)
{
  context = g_main_context_new ();
  loop = make_loop (context);
  peer_init (&a);
  peer_init (&b);
  far_a = peer_open (&a, loop);
  far_b = peer_open (&b, loop);
}

static void
teardown (void)
{
  _milter_io_loop_free (loop);
  peer_clear (&a);
  peer_clear (&b);
  close (far_a);
  close (far_b);
  g_main_context_unref (context);
}

TestSuite (io_loop, .init = setup, .fini = teardown);

/* closing inside handlers: of two that are ready, the first that is served acts */

static void
close_peer (gpointer data)
{
  Peer *peer = data;

  if (peer->connection != NULL)
    _milter_io_connection_close (peer->connection, MILTER_IO_CLOSE_FLUSH);
  peer->connection = NULL;
}

Test (io_loop, a_handler_may_close_its_own_connection)
{
  a.act = close_peer;
  a.act_data = &a;
  a.frame = 2;
  put (far_a, "abc");
  iterate_until (context, a.n_received == 1);
  iterate_ready (context);
  cr_expect (a.n_received == 1 && a.n_ended == 0);
  cr_expect (_milter_io_loop_get_n_connections (loop) == 1);
  assert_taken (far_a, "EOF");
}

Test (io_loop, a_handler_may_close_a_neighbour_that_is_ready)
{
  a.act = b.act = close_peer;
  a.act_data = &b;
  b.act_data = &a;
  put (far_a, "a");
  put (far_b, "b");
  iterate_until (context, a.n_received + b.n_received == 1);
  iterate_ready (context);
  cr_expect (a.n_received + b.n_received == 1, "a closed connection was served");
  cr_expect (_milter_io_loop_get_n_connections (loop) == 1);
}

static Peer newcomer;
static int far_newcomer;

static void
replace_neighbour (gpointer data)
{
  close_peer (data);
  if (far_newcomer > 0)
    return;
  peer_init (&newcomer);
  far_newcomer = peer_open (&newcomer, loop);
  read_from = -1;
}

Test (io_loop, one_that_takes_the_place_of_a_closed_one_does_not_get_its_events)
{
  a.act = b.act = replace_neighbour;
  a.act_data = &b;
  b.act_data = &a;
  put (far_a, "a");
  put (far_b, "b");
  iterate_until (context, a.n_received + b.n_received == 1);
  cr_expect (read_from != _milter_io_connection_get_fd (newcomer.connection));
  iterate_ready (context);
  cr_expect (newcomer.n_received == 0 && newcomer.n_ended == 0);
  put (far_newcomer, "new");
  iterate_until (context, newcomer.got->len == 3);
  _milter_io_connection_close (newcomer.connection, MILTER_IO_CLOSE_NOW);
  peer_clear (&newcomer);
  close (far_newcomer);
}

static void
free_loop (gpointer data)
{
  _milter_io_loop_free (loop);
  loop = NULL;
}

Test (io_loop, a_handler_may_free_the_loop)
{
  a.act = b.act = free_loop;
  a.frame = b.frame = 2;
  put (far_a, "abc");
  put (far_b, "abc");
  iterate_until (context, loop == NULL);
  iterate_ready (context);
  cr_expect (a.n_received + b.n_received == 1);
  cr_expect (a.n_ended + b.n_ended == 0);
}

static void
iterate_and_free_loop (gpointer data)
{
  a.act = b.act = free_loop;
  while (loop != NULL)
    g_main_context_iteration (context, TRUE);
}

Test (io_loop, a_nested_handler_may_free_the_loop_of_the_outer_one)
{
  a.act = b.act = iterate_and_free_loop;
  put (far_a, "a");
  put (far_b, "b");
  iterate_until (context, loop == NULL);
  cr_expect (a.n_received == 1 && b.n_received == 1);
}

/* recursion */

static guint depth;
static guint deepest;

static gsize
received_nested (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  Peer *peer = user_data;
  g_autofree guint8 *copy = g_memdup2 (data, size);

  depth++;
  deepest = MAX (deepest, depth);
  /* a second one is served inside the first one */
  if (depth == 1)
    {
      put (far_a, "more of a");
      iterate_ready (context);
      cr_expect (!g_main_context_iteration (context, FALSE), "busy with the one inside");
    }
  depth--;
  cr_expect (memcmp (copy, data, size) == 0, "the nested dispatch used the same buffer");
  peer->n_received++;
  g_string_append_len (peer->got, (const char *) data, (gssize) size);
  return size;
}

Test (io_loop, a_handler_may_iterate_the_context)
{
  static const MilterIoHandlers handlers = { .received = received_nested, .ended = peer_ended };
  int fds_a[2];
  int fds_b[2];

  make_pair (fds_a);
  make_pair (fds_b);
  close (far_a);
  close (far_b);
  far_a = fds_a[1];
  far_b = fds_b[1];
  _milter_io_connection_new (loop, fds_a[0], false, &handlers, &a, NULL);
  put (far_a, "a");
  /* while a is inside, b comes */
  _milter_io_connection_new (loop, fds_b[0], false, &handlers, &b, NULL);
  put (far_b, "b");
  iterate_until (context, a.got->len >= 10 && b.got->len == 1);
  cr_expect (deepest == 2);
  cr_expect (g_str_has_prefix (a.got->str, "a"));
  cr_expect (g_str_has_suffix (a.got->str, "more of a"));
}

static void
answer_and_iterate (gpointer data)
{
  _milter_io_connection_write (a.connection, (const guint8 *) "progress", 8);
  iterate_ready (context);
  assert_taken (far_a, "progress");
}

Test (io_loop, what_a_handler_wrote_leaves_when_it_iterates)
{
  a.act = answer_and_iterate;
  put (far_a, "?");
  iterate_until (context, a.n_received == 1);
}

static void
write_much_and_iterate (gpointer data)
{
  static guint8 much[4 * 1024 * 1024];
  char room[65536];

  _milter_io_connection_write (a.connection, much, sizeof much);
  put (far_a, "more");
  iterate_ready (context);
  cr_expect (_milter_io_connection_get_pending (a.connection) > 0);
  while (_milter_io_connection_get_pending (a.connection) > 0)
    {
      (void) !recv (far_a, room, sizeof room, MSG_DONTWAIT);
      g_main_context_iteration (context, FALSE);
    }
  cr_expect (a.n_drained == 0 && a.n_received == 1, "a handler was called inside a handler");
  a.act = NULL;
}

Test (io_loop, a_handler_may_iterate_until_a_full_socket_has_taken_its_words)
{
  a.act = write_much_and_iterate;
  put (far_a, "?");
  iterate_until (context, a.n_drained == 1 && a.n_received == 2);
}

static void
iterate_past_deadline (gpointer data)
{
  gint64 now = g_get_monotonic_time ();

  _milter_io_connection_set_deadline (a.connection, now + 1000);
  _milter_io_connection_set_deadline (b.connection, now + 2000);
  iterate_until (context, b.n_deadlines == 1);
  iterate_ready (context);
  cr_expect (a.n_deadlines == 0, "a handler was called inside a handler");
}

Test (io_loop, a_deadline_that_passes_inside_a_handler_is_told_after_it)
{
  a.act = iterate_past_deadline;
  put (far_a, "?");
  iterate_until (context, a.n_deadlines == 1);
}

/* deadlines */

static GString *order;

static void
note_deadline (MilterIoConnection *connection, gpointer user_data)
{
  g_string_append_c (order, *(const char *) user_data);
}

Test (io_loop, deadlines_come_in_order_and_once)
{
  static const MilterIoHandlers handlers
      = { .received = peer_received, .ended = peer_ended, .deadline = note_deadline };
  static const char names[] = "cadb";
  static const guint after_ms[] = { 6, 2, 8, 4 };
  gint64 now = g_get_monotonic_time ();
  int fds[4][2];

  order = g_string_new (NULL);
  for (guint i = 0; i < 4; i++)
    {
      make_pair (fds[i]);
      MilterIoConnection *connection = _milter_io_connection_new (
          loop, fds[i][0], false, &handlers, (gpointer) &names[i], NULL);
      _milter_io_connection_set_deadline (connection, now + after_ms[i] * 1000);
    }
  iterate_until (context, order->len == 4);
  cr_expect (strcmp (order->str, "abcd") == 0, "%s", order->str);
  cr_expect (g_get_monotonic_time () >= now + 8000);
  iterate_ready (context);
  cr_expect (order->len == 4);
  for (guint i = 0; i < 4; i++)
    close (fds[i][1]);
  g_string_free (order, TRUE);
}

Test (io_loop, a_deadline_may_be_moved_and_unset)
{
  gint64 now = g_get_monotonic_time ();

  _milter_io_connection_set_deadline (a.connection, now + 1000);
  _milter_io_connection_set_deadline (a.connection, 0);
  _milter_io_connection_set_deadline (b.connection, now + 1000);
  _milter_io_connection_set_deadline (b.connection, now + 20000);
  iterate_until (context, b.n_deadlines == 1);
  cr_expect (g_get_monotonic_time () >= now + 20000);
  cr_expect (a.n_deadlines == 0);
}

static gint64 slow_end;

static void
be_slow (gpointer data)
{
  gint64 end = g_get_monotonic_time () + 30000;

  while (g_get_monotonic_time () < end)
    ;
  slow_end = end;
  a.act = NULL;
}

Test (io_loop, a_timeout_counts_from_the_end_of_a_turn_however_slow_its_handlers_are)
{
  _milter_io_connection_set_timeout (a.connection, 15000);
  a.act = be_slow;
  put (far_a, "?");
  iterate_until (context, a.n_deadlines == 1);
  cr_expect (a.n_received == 1);
  cr_expect (g_get_monotonic_time () >= slow_end + 15000);
}

Test (io_loop, a_timeout_counts_anew_from_what_is_consumed)
{
  gint64 begin = g_get_monotonic_time ();
  gint64 later;

  put (far_a, "?");
  _milter_io_connection_set_timeout (a.connection, 20000);
  do
    later = g_get_monotonic_time ();
  while (later < begin + 10000);
  iterate_until (context, a.n_received == 1);
  iterate_until (context, a.n_deadlines == 1);
  cr_expect (g_get_monotonic_time () >= later + 20000);
}

/* what happens while the system gives the processor to others */
static void
speak_and_pass_deadline (gpointer data)
{
  put (far_b, "b");
  _milter_io_connection_set_deadline (b.connection, 1);
}

static void
unset_deadline (gpointer data)
{
  _milter_io_connection_set_deadline (b.connection, 0);
}

Test (io_loop, who_spoke_before_its_deadline_was_looked_at_is_not_late)
{
  a.act = speak_and_pass_deadline;
  b.act = unset_deadline;
  put (far_a, "a");
  iterate_until (context, b.n_received + b.n_deadlines > 0);
  iterate_ready (context);
  cr_expect (b.n_received == 1);
  cr_expect (b.n_deadlines == 0);
}

static void
deadline_again (MilterIoConnection *connection, gpointer user_data)
{
  ((Peer *) user_data)->n_deadlines++;
  _milter_io_connection_set_deadline (connection, 1);
}

Test (io_loop, a_deadline_in_the_past_again_and_again_leaves_others_their_turn)
{
  static const MilterIoHandlers handlers
      = { .received = peer_received, .ended = peer_ended, .deadline = deadline_again };
  int fds[2];

  make_pair (fds);
  MilterIoConnection *connection
      = _milter_io_connection_new (loop, fds[0], false, &handlers, &a, NULL);
  _milter_io_connection_set_deadline (connection, 1);
  put (far_b, "b");
  iterate_until (context, b.n_received == 1);
  cr_expect (a.n_deadlines < 100);
  close (fds[1]);
}

/* many */

Test (io_loop, one_that_floods_does_not_hold_up_the_others)
{
  static char flood[256 * 1024];
  int size = sizeof flood;

  setsockopt (far_a, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  memset (flood, 'x', sizeof flood);
  while (send (far_a, flood, sizeof flood, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
    ;
  put (far_b, "b");
  g_main_context_iteration (context, FALSE);
  cr_expect (a.n_received <= 1);
  cr_expect (b.n_received == 1);
}

#define MANY 1000

Test (io_loop, a_thousand_connections_are_served)
{
  g_autofree Peer *peers = g_new0 (Peer, MANY);
  g_autofree int *fds = g_new0 (int, MANY);
  struct rlimit limit;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = MIN (limit.rlim_max, 2 * MANY + 100);
  setrlimit (RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 2 * MANY + 100)
    cr_skip_test ("not enough descriptors: %lu", (unsigned long) limit.rlim_cur);

  for (guint i = 0; i < MANY; i++)
    {
      peer_init (&peers[i]);
      fds[i] = peer_open (&peers[i], loop);
    }
  cr_expect (_milter_io_loop_get_n_connections (loop) == MANY + 2);

  for (guint round = 1; round <= 3; round++)
    {
      guint n_served = 0;

      for (guint i = 0; i < MANY; i++)
        put (fds[i], "x");
      while (n_served < MANY)
        {
          cr_assert (g_main_context_iteration (context, FALSE));
          n_served = 0;
          for (guint i = 0; i < MANY; i++)
            n_served += peers[i].got->len == round;
        }
    }

  for (guint i = 0; i < MANY; i++)
    {
      if (i % 2)
        _milter_io_connection_close (peers[i].connection, MILTER_IO_CLOSE_NOW);
      close (fds[i]);
      peer_clear (&peers[i]);
    }
  cr_expect (_milter_io_loop_get_n_connections (loop) == MANY / 2 + 2);
  _milter_io_loop_free (loop);
  loop = NULL;
}

/* the default loop */

Test (io_loop, a_thread_shares_its_default_loop)
{
  g_main_context_push_thread_default (context);
  MilterIoLoop *first = _milter_io_loop_ref_default (NULL);
  MilterIoLoop *second = _milter_io_loop_ref_default (NULL);
  g_main_context_pop_thread_default (context);
  MilterIoLoop *elsewhere = _milter_io_loop_ref_default (NULL);

  cr_expect (first == second);
  cr_expect (first != loop, "one that somebody made for himself");
  cr_expect (elsewhere != first);
  _milter_io_loop_unref (first);

  Peer peer;
  peer_init (&peer);
  int fd = peer_open (&peer, second);
  put (fd, "x");
  iterate_until (context, peer.n_received == 1);
  _milter_io_loop_unref (second);
  _milter_io_loop_unref (elsewhere);
  close (fd);
  peer_clear (&peer);
}

Test (io_loop, what_a_closed_connection_has_to_write_outlives_the_last_user_of_the_default_loop)
{
  enum
  {
    SIZE = 4 * 1024 * 1024
  };
  g_autofree guint8 *bytes = g_malloc0 (SIZE);
  gsize total = 0;
  ssize_t n = -1;
  Peer peer;
  Peer other;

  g_main_context_push_thread_default (context);
  MilterIoLoop *shared = _milter_io_loop_ref_default (NULL);
  g_main_context_pop_thread_default (context);
  peer_init (&peer);
  peer_init (&other);
  int fd = peer_open (&peer, shared);
  int other_fd = peer_open (&other, shared);

  _milter_io_connection_write (peer.connection, bytes, SIZE);
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_FLUSH);
  _milter_io_loop_unref (shared);
  assert_taken (other_fd, "EOF");
  for (guint i = 0; i < 100000 && n != 0; i++)
    {
      g_main_context_iteration (context, FALSE);
      n = recv (fd, bytes, SIZE, MSG_DONTWAIT);
      total += n > 0 ? (gsize) n : 0;
    }
  cr_expect (n == 0, "the end comes after all of it");
  cr_expect_eq (total, SIZE);
  iterate_ready (context);
  close (fd);
  close (other_fd);
  peer_clear (&peer);
  peer_clear (&other);
}

/* lingering: the far end "answers" each time at once */

static void
answer_until_five (gpointer data)
{
  if (((Peer *) data)->n_received < 5)
    cr_assert_eq (send (far_a, "x", 1, 0), 1);
}

Test (io_loop, a_loop_that_lingers_serves_peers_that_answer_at_once_in_one_turn)
{
  a.act = answer_until_five;
  a.act_data = &a;
  cr_assert_eq (send (far_a, "x", 1, 0), 1);
  g_main_context_iteration (context, /* may_block= */ FALSE);
  cr_assert_eq (a.n_received, 1, "one that does not has a turn for each");

  _milter_io_loop_set_linger (loop, true);
  g_main_context_iteration (context, /* may_block= */ FALSE);
  cr_assert_eq (a.n_received, 5);
}

static void
answer_for_ever (gpointer data)
{
  cr_assert_eq (send (far_a, "x", 1, 0), 1);
}

Test (io_loop, a_loop_that_lingers_gives_others_their_turn)
{
  _milter_io_loop_set_linger (loop, true);
  a.act = answer_for_ever;
  cr_assert_eq (send (far_a, "x", 1, 0), 1);
  g_main_context_iteration (context, /* may_block= */ FALSE);
  cr_assert_gt (a.n_received, 1);
}

static void
close_loop (gpointer data)
{
  _milter_io_connection_close (a.connection, MILTER_IO_CLOSE_NOW);
  _milter_io_connection_close (b.connection, MILTER_IO_CLOSE_NOW);
  a.connection = b.connection = NULL;
}

Test (io_loop, a_loop_that_lingers_does_not_wait_for_nobody)
{
  _milter_io_loop_set_linger (loop, true);
  a.act = close_loop;
  cr_assert_eq (send (far_a, "x", 1, 0), 1);
  g_main_context_iteration (context, /* may_block= */ FALSE);
  cr_assert_eq (a.n_received, 1);
}
