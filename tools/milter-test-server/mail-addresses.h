/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mail-addresses.h: the addresses in a header field, as From and To carry them.
 */
#pragma once

#include <glib.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* All addresses of `Alice <alice@example.com>, bob@example.net (Bob)`, each in angle brackets.
 * (transfer full) of char; empty if there are none. */
GPtrArray *mail_addresses_parse (MilterBytes value);
/* The address in angle brackets, unless it is in them already; ESMTP parameters behind it stay.
 * (transfer full) */
char *mail_address_bracket (const char *address);

G_END_DECLS
