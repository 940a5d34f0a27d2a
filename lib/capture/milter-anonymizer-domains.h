/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-domains.h: the short top-level domains that somebody has.
 */
#pragma once

#include <stdbool.h>

#include <glib.h>

G_BEGIN_DECLS

/* Sets the places of those with @width letters, 2 or 3: `aa` has number 0, `ab` 1. Longer words are so many
 * that one of them becomes a domain of the Internet once in a thousand times, or less. */
void milter_domains_mark_taken (guint width, bool *taken);

G_END_DECLS
