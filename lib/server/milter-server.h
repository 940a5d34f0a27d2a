/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server.h: the beginning and the end of a program that speaks with milters.
 */
#pragma once

#include <glib.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

MILTER_AVAILABLE void milter_server_init (void);
MILTER_AVAILABLE void milter_server_quit (void);

G_END_DECLS
