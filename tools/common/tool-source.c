/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-source.c: event sources of our programs.
 */
#include "tool-source.h"

#include <stdbool.h>

typedef struct
{
  GSource source; /* its ready time is at or before `due_us` */
  gint64 due_us;  /* -1: never */
  bool looked;    /* … and since then all that was there was served */
} Clock;

static gboolean
clock_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  Clock *clock = (Clock *) source;

  if (clock->due_us > g_source_get_time (source))
    {
      clock->looked = false;
      g_source_set_ready_time (source, clock->due_us);
      return G_SOURCE_CONTINUE;
    }
  /* On a busy machine much time may have passed since we looked for it last: what came meanwhile,
   * and may stop the clock, is served first. */
  if (clock->due_us >= 0 && !clock->looked)
    {
      clock->looked = true;
      g_source_set_ready_time (source, 0);
      return G_SOURCE_CONTINUE;
    }
  clock->looked = false;
  g_source_set_ready_time (source, -1);
  if (clock->due_us < 0)
    return G_SOURCE_CONTINUE;
  clock->due_us = -1;
  return callback (user_data);
}

static GSourceFuncs clock_funcs = { .dispatch = clock_dispatch };

GSource *
tool_clock_new (GSourceFunc func, gpointer user_data)
{
  GSource *source = g_source_new (&clock_funcs, sizeof (Clock));

  ((Clock *) source)->due_us = -1;
  g_source_set_callback (source, func, user_data, /* notify= */ NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

void
tool_clock_set (GSource *clock, gint64 due_us)
{
  gint64 ready_us = g_source_get_ready_time (clock);

  ((Clock *) clock)->due_us = due_us;
  if (due_us >= 0 && (ready_us < 0 || due_us < ready_us))
    g_source_set_ready_time (clock, due_us);
}

GSource *
tool_reader_new (int fd, GUnixFDSourceFunc func, gpointer user_data)
{
  GSource *source = g_unix_fd_source_new (fd, G_IO_IN | G_IO_HUP | G_IO_ERR);

  g_source_set_callback (source, G_SOURCE_FUNC (func), user_data, /* notify= */ NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

void
tool_source_free (GSource *source)
{
  if (source == NULL)
    return;
  g_source_destroy (source);
  g_source_unref (source);
}
