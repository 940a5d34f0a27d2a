/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-values.h: numbers, sizes, ranges and durations as scenarios write them.
 *
 * All take the whole of @text or nothing: FALSE leaves the result as it was.
 */
#pragma once

#include "milter-message.h"

#include <stdbool.h>

G_BEGIN_DECLS

/* the longest wait that can be written: longer ones are a slip of the pen */
#define MILTER_VALUE_MAX_DURATION_US (G_GINT64_CONSTANT (30) * 24 * 3600 * G_USEC_PER_SEC)

/* decimal digits, one at least, and nothing else */
bool milter_value_is_number (MilterBytes text);
/* decimal digits, or 0x… */
bool milter_value_parse_u32 (MilterBytes text, guint32 *number);
/* `200`, `64k`, `1M`: powers of 1024 */
bool milter_value_parse_size (MilterBytes text, guint64 *size);
/* `2`, `2..` (up to the highest number), `2..5`; the first must not be above the last */
bool milter_value_parse_range (MilterBytes text, guint32 *first, guint32 *last);
/* `200ms`, `1.5s`, `2m`: a number with a unit, more than nothing */
bool milter_value_parse_duration (MilterBytes text, gint64 *duration_us);
/* in the unit that people would take: `2m`, `90s`, `1.5s`, `200ms` */
void milter_value_append_duration (gint64 duration_us, GString *text);

G_END_DECLS
