/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-domains.h: the short top-level domains that somebody has.
 */
#pragma once

#include <stdbool.h>

#include <glib.h>

G_BEGIN_DECLS

/* @number: of a word of @width letters, 2 or 3: `aa` is 0, `ab` 1. Longer words are so many that
 * one of them becomes a domain of the Internet once in a thousand times, or less. */
bool milter_domain_is_taken (guint number, guint width);

G_END_DECLS
