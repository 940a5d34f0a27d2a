/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-esmtp-private.h: what is done with any argument of MAIL and RCPT, well-formed or not.
 */
#pragma once

#include "milter-esmtp.h"

G_BEGIN_DECLS

/* Where the address ends and its ESMTP parameters begin: behind the `>` that closes it, without
 * brackets at the first blank; a quoted local part may contain both. */
MILTER_AVAILABLE gsize _milter_esmtp_address_size (const char *argument);

G_END_DECLS
