/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-init.h: the beginning and the end of a program that uses the library.
 */
#pragma once

#include <glib.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

MILTER_AVAILABLE void milter_init (void);
MILTER_AVAILABLE void milter_quit (void);

G_END_DECLS
