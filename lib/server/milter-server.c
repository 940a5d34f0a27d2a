/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server.c: the beginning and the end of a program that speaks with milters.
 */
#include "milter-server.h"

#include "milter-server-context.h"

/**
 * milter_server_init:
 *
 * Sets the library up; milter_init() comes first. More than once is harmless.
 */
void
milter_server_init (void)
{
  g_type_ensure (MILTER_TYPE_SERVER_CONTEXT);
}

/**
 * milter_server_quit:
 *
 * The counterpart of milter_server_init(), before milter_quit(). Nothing is kept that would have to
 * be released.
 */
void
milter_server_quit (void)
{
}
