/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * suppressions.h: what ThreadSanitizer must pass over; for one file of each program.
 */
#pragma once

/* Functions of GLib alone, which is not built for the sanitizer, so that it does not see what orders
 * their accesses:
 *
 * g_rw_lock_*, g_rec_mutex_lock  locks that are made when they are first taken
 * g_realloc                      arrays of signals and handlers that grow under such a lock
 * g_object_unref                 the last reference may be dropped by a thread that answers, and the
 *                                counter orders that
 *
 * A program that uses more of GLib's own threads says so in MORE_SUPPRESSIONS.
 */
#ifndef MORE_SUPPRESSIONS
#define MORE_SUPPRESSIONS ""
#endif

const char *__tsan_default_suppressions (void);

const char *
__tsan_default_suppressions (void)
{
  return "race:g_rw_lock_reader_lock\n"
         "race:g_rw_lock_writer_lock\n"
         "race:g_rec_mutex_lock\n"
         "race:g_realloc\n"
         "race:g_object_unref\n" MORE_SUPPRESSIONS;
}
