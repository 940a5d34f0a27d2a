/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-date.h: dates in texts.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* The size of the date and time that @text begins with, as RFC 5322 and ctime write them; 0: there
 * is none. */
gsize milter_date_measure (MilterBytes text);

G_END_DECLS
