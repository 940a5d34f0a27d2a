/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-source.c: event sources of our programs.
 */
#include "tool-source.h"

static gboolean
clock_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs clock_funcs = { .dispatch = clock_dispatch };

GSource *
tool_clock_new (GSourceFunc func, gpointer user_data)
{
  GSource *source = g_source_new (&clock_funcs, sizeof (GSource));

  g_source_set_callback (source, func, user_data, /* notify= */ NULL);
  g_source_attach (source, /* context= */ NULL);
  return source;
}

GSource *
tool_reader_new (int fd, GUnixFDSourceFunc func, gpointer user_data)
{
  GSource *source = g_unix_fd_source_new (fd, G_IO_IN | G_IO_HUP | G_IO_ERR);

  g_source_set_callback (source, G_SOURCE_FUNC (func), user_data, /* notify= */ NULL);
  g_source_attach (source, /* context= */ NULL);
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
