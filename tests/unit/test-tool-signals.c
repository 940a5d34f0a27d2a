/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-tool-signals.c: signals reach the main loop, and nobody once the watch is gone.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "tool-signals.h"

static guint n_first, n_second, n_own;

static void
count (int signal_number, gpointer user_data)
{
  cr_assert_str_eq (user_data, "data");
  n_first += signal_number == SIGUSR1;
  n_second += signal_number == SIGUSR2;
}

static void
own_handler (int signal_number)
{
  n_own++;
}

static void
drain (void)
{
  while (g_main_context_iteration (/* context= */ NULL, /* may_block= */ FALSE))
    ;
}

Test (tool_signals, come_in_the_main_loop_not_in_the_handler)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ToolSignals) watch
      = tool_signals_watch ((const int[]){ SIGUSR1, SIGUSR2, 0 }, count, (gpointer) "data", &error);

  cr_assert_not_null (watch);
  raise (SIGUSR1);
  raise (SIGUSR2);
  raise (SIGUSR2);
  cr_assert_eq (n_first + n_second, 0);
  drain ();
  cr_assert_eq (n_first, 1);
  cr_assert_eq (n_second, 1, "several of one kind are one event");
  raise (SIGUSR1);
  drain ();
  cr_assert_eq (n_first, 2);
}

Test (tool_signals, what_a_signal_did_before_is_done_again)
{
  ToolSignals *watch;

  signal (SIGUSR1, own_handler);
  watch = tool_signals_watch ((const int[]){ SIGUSR1, 0 }, count, (gpointer) "data", NULL);
  raise (SIGUSR1);
  cr_assert_eq (n_own, 0);
  tool_signals_free (watch);
  raise (SIGUSR1);
  cr_assert_eq (n_own, 1);
  drain ();
  cr_assert_eq (n_first, 0, "what had not been told is dropped with the watch");

  watch = tool_signals_watch ((const int[]){ SIGUSR1, 0 }, count, (gpointer) "data", NULL);
  cr_assert_not_null (watch, "one after another is allowed");
  raise (SIGUSR1);
  drain ();
  cr_assert_eq (n_first, 1);
  tool_signals_free (watch);
}
