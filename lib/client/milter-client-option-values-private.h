/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-option-values-private.h: the values of the options of milter programs.
 *
 * Errors are of the domain G_OPTION_ERROR and read "OPTION: what is wrong".
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

G_GNUC_INTERNAL bool
milter_client_value_fail (const char *option, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* a whole number from 0 to @max */
G_GNUC_INTERNAL bool milter_client_read_number (const char *option,
                                                const char *text,
                                                guint max,
                                                guint *number,
                                                GError **error);
/* up to four octal digits, or letters as in chmod(1): "ug=rw,o=r" */
G_GNUC_INTERNAL bool
milter_client_read_mode (const char *option, const char *text, guint *mode, GError **error);

G_END_DECLS
