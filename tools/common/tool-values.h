/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-values.h: values of options as text: numbers in a range, durations.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* more than a year is a slip of the pen */
#define TOOL_DURATION_MAX_US (366 * G_TIME_SPAN_DAY)

/* A decimal number from @min to @max. The error (G_OPTION_ERROR) quotes the text. */
bool tool_parse_number (const char *text, guint64 min, guint64 max, guint64 *value, GError **error);
/* `200us`, `200ms`, `1.5s`, `2m`, `1h`; a bare number is seconds, 0 is none. */
bool tool_parse_duration (const char *text, gint64 *duration_us, GError **error);
/* whether TCP lies between us and what listens there, and not a unix socket */
bool tool_spec_is_over_tcp (const char *spec);

G_END_DECLS
