/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-handover.c: order, waking and closing of the queue between threads. What threads do to it
 * at the same time is the business of tests/tsan.
 */
#include "milter-handover-private.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

static GMainContext *context;
static MilterHandover *handover;
static GString *got;
static guint n_freed;
static guint n_woken;
static bool nested;

static void
count_free (gpointer item)
{
  n_freed++;
}

static void
receive (gpointer item, gpointer user_data)
{
  if (item == NULL)
    {
      n_woken++;
      return;
    }
  g_string_append (got, item);
  if (g_str_equal (item, "close"))
    _milter_handover_close (handover);
  if (g_str_equal (item, "iterate") && !nested)
    {
      nested = true;
      _milter_handover_post (handover, (gpointer) "last");
      while (g_main_context_iteration (context, FALSE))
        ;
      g_string_append (got, "|");
    }
}

static void
setup (void)
{
  context = g_main_context_new ();
  got = g_string_new (NULL);
  handover = _milter_handover_new (context, receive, NULL, count_free, NULL);
  cr_assert (handover != NULL);
}

static void
teardown (void)
{
  _milter_handover_close (handover);
  _milter_handover_unref (handover);
  g_string_free (got, TRUE);
  g_main_context_unref (context);
}

TestSuite (handover, .init = setup, .fini = teardown);

static void
iterate_ready (void)
{
  while (g_main_context_iteration (context, FALSE))
    ;
}

static void
post (const char *item)
{
  _milter_handover_post (handover, (gpointer) item);
}

Test (handover, items_arrive_in_order_and_only_from_the_main_loop)
{
  post ("a");
  post ("b");
  post ("c");
  cr_expect (got->len == 0);
  iterate_ready ();
  cr_expect (g_str_equal (got->str, "abc"), "%s", got->str);
  cr_expect (n_freed == 0, "what was received belongs to the receiver");
  cr_expect (n_woken == 0);
}

Test (handover, more_than_a_batch_arrives_whole)
{
  for (guint i = 0; i < 1000; i++)
    post ("x");
  g_main_context_iteration (context, FALSE);
  cr_expect (got->len < 1000, "others would have no turn");
  iterate_ready ();
  cr_expect (got->len == 1000);
}

Test (handover, order_holds_when_the_receiver_iterates)
{
  post ("a");
  post ("iterate");
  post ("b");
  post ("c");
  iterate_ready ();
  cr_expect (g_str_equal (got->str, "aiteratebclast|"), "%s", got->str);
}

Test (handover, waking_needs_no_item)
{
  errno = 77;
  _milter_handover_wake (handover);
  _milter_handover_wake (handover);
  cr_expect (errno == 77);
  iterate_ready ();
  cr_expect (n_woken == 1);
  _milter_handover_wake (handover);
  iterate_ready ();
  cr_expect (n_woken == 2);
}

static void
on_signal (int number)
{
  _milter_handover_wake (handover);
}

Test (handover, waking_works_in_a_signal_handler)
{
  signal (SIGUSR1, on_signal);
  raise (SIGUSR1);
  iterate_ready ();
  cr_expect (n_woken == 1);
}

Test (handover, closing_frees_what_was_not_received)
{
  post ("a");
  post ("close");
  post ("b");
  post ("c");
  iterate_ready ();
  cr_expect (g_str_equal (got->str, "aclose"));
  cr_expect (n_freed == 2);

  cr_expect (!_milter_handover_post (handover, (gpointer) "d"));
  cr_expect (n_freed == 3);
  iterate_ready ();
  _milter_handover_wake (handover);
  iterate_ready ();
  cr_expect (n_woken == 0);
}

Test (handover, what_was_closed_receives_again_when_it_is_opened)
{
  _milter_handover_close (handover);
  cr_expect_not (_milter_handover_post (handover, (gpointer) "a"));
  _milter_handover_reopen (handover, context);
  cr_expect (_milter_handover_post (handover, (gpointer) "b"));
  _milter_handover_wake (handover);
  iterate_ready ();
  cr_expect_str_eq (got->str, "b");
  cr_expect_eq (n_freed, 1);
  cr_expect_eq (n_woken, 1);
}

Test (handover, the_context_may_go_first)
{
  post ("a");
  g_main_context_unref (context);
  context = NULL;
  _milter_handover_close (handover);
  cr_expect (n_freed == 1);
  context = g_main_context_new ();
}
