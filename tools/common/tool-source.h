/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-source.h: event sources of our programs, in the default main context.
 */
#pragma once

#include <glib-unix.h>

G_BEGIN_DECLS

/* A source that only has a time: set it with g_source_set_ready_time(), in microseconds of the
 * monotonic clock, -1 for never. */
GSource *tool_clock_new (GSourceFunc func, gpointer user_data);
/* a descriptor that can be read, or has ended */
GSource *tool_reader_new (int fd, GUnixFDSourceFunc func, gpointer user_data);
/* NULL is fine */
void tool_source_free (GSource *source);

G_END_DECLS
