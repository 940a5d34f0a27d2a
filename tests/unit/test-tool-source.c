/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-tool-source.c: a clock calls once, at the last time that it was set to.
 */
#include <criterion/criterion.h>

#include "tool-source.h"

static guint n_calls;

static gboolean
count (gpointer user_data)
{
  n_calls++;
  return G_SOURCE_CONTINUE;
}

static gint64
in_ms (gint64 ms)
{
  return g_get_monotonic_time () + ms * 1000;
}

static void
drain (void)
{
  while (g_main_context_iteration (/* context= */ NULL, /* may_block= */ FALSE))
    ;
}

Test (tool_source, a_clock_calls_once_and_only_when_it_was_set)
{
  GSource *clock = tool_clock_new (count, NULL);

  drain ();
  cr_assert_eq (n_calls, 0);
  tool_clock_set (clock, 0);
  drain ();
  drain ();
  cr_assert_eq (n_calls, 1);
  tool_source_free (clock);
}

Test (tool_source, a_clock_that_is_moved_back_does_not_call_at_the_earlier_time)
{
  GSource *clock = tool_clock_new (count, NULL);

  tool_clock_set (clock, 1);
  tool_clock_set (clock, in_ms (3600 * 1000));
  drain ();
  cr_assert_eq (n_calls, 0);
  tool_clock_set (clock, -1);
  drain ();
  cr_assert_eq (n_calls, 0);
  tool_clock_set (clock, 1);
  drain ();
  cr_assert_eq (n_calls, 1, "and one that is moved forward does");
  tool_source_free (clock);
}

Test (tool_source, a_clock_that_was_stopped_is_silent_at_its_time)
{
  GSource *clock = tool_clock_new (count, NULL);

  tool_clock_set (clock, 1);
  tool_clock_set (clock, -1);
  drain ();
  cr_assert_eq (n_calls, 0);
  tool_source_free (clock);
}

/* an answer that is there */
static gboolean
stop_clock (gpointer clock)
{
  tool_clock_set (clock, -1);
  return G_SOURCE_REMOVE;
}

Test (tool_source, what_is_there_when_a_time_has_come_is_served_first)
{
  GSource *clock = tool_clock_new (count, NULL);
  g_autoptr (GSource) answer = g_timeout_source_new (0);

  g_source_set_callback (answer, stop_clock, clock, NULL);
  g_source_attach (answer, NULL);
  tool_clock_set (clock, 1);
  drain ();
  cr_assert_eq (n_calls, 0);
  tool_clock_set (clock, 1);
  drain ();
  cr_assert_eq (n_calls, 1, "and when nothing is there it calls");
  tool_source_free (clock);
}
