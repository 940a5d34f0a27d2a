/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-source.h: event sources of our programs, in the main context of the thread.
 */
#pragma once

#include <glib-unix.h>

G_BEGIN_DECLS

/* A source that only has a time; at first never. */
GSource *tool_clock_new (GSourceFunc func, gpointer user_data);
/* Calls the function at that time of the monotonic clock, in microseconds, once: 0 as soon as can be,
 * -1 never. Moving the time back, as each answer that was waited for does, costs no system call:
 * g_source_set_ready_time() costs two. */
void tool_clock_set (GSource *clock, gint64 due_us);
/* a descriptor that can be read, or has ended */
GSource *tool_reader_new (int fd, GUnixFDSourceFunc func, gpointer user_data);
/* NULL is fine */
void tool_source_free (GSource *source);

G_END_DECLS
