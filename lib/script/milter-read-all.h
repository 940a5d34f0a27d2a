/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-read-all.h: a file that is read whole, whatever it says of its size.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Appends all that comes from @fd. Returns 0, or an errno: EFBIG, if there are more than @max_size
 * bytes. */
int milter_read_all (int fd, gsize max_size, GByteArray *bytes);

G_END_DECLS
