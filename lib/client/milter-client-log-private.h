/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-log-private.h: where messages of GLib's logging go.
 *
 * All of this is of the process, not of a client.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* critical, error, warning and message */
#define MILTER_CLIENT_LOG_DEFAULT                                                                  \
  (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR | G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE)
#define MILTER_CLIENT_LOG_ALL G_LOG_LEVEL_MASK

/* "info|debug", "+debug", "-warning", "all", "default", "none"; NULL or the word that is wrong
 * (transfer full) */
G_GNUC_INTERNAL char *milter_client_log_read_levels (const char *text, guint *levels);
G_GNUC_INTERNAL void milter_client_log_set_levels (guint levels);
/* appends to a file; "-" is the standard output */
G_GNUC_INTERNAL bool milter_client_log_set_path (const char *path, GError **error);
/* the number of a facility of syslog; false: there is none of that name */
G_GNUC_INTERNAL bool milter_client_log_read_facility (const char *name, int *facility);

G_END_DECLS
