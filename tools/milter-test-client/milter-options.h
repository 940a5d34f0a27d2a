/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-options.h: options that any milter may have: where it listens, and with how many threads.
 */
#pragma once

#include <milter/client.h>

G_BEGIN_DECLS

/* Each option is checked, and sets its value of the client (which outlives it) when it is parsed.
 * (transfer full) */
GOptionGroup *milter_options_new_group (MilterClient *client);

G_END_DECLS
