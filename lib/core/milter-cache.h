/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-cache.h: memory that is fetched ahead. Among many connections none of the next one's is in the
 * processor's cache, and to wait for it costs more than all that is done with a packet.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MILTER_CACHE_LINE ((gsize) 64)

/* It will be written soon. Nothing comes of it if there is no memory at this place. */
static inline void
milter_cache_fetch (const void *start, gsize size)
{
  for (gsize at = 0; at < size; at += MILTER_CACHE_LINE)
    __builtin_prefetch ((const guint8 *) start + at, /* to write: */ 1);
}

G_END_DECLS
