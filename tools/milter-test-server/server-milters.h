/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-milters.h: the milters of the command line.
 */
#pragma once

#include "server-options.h"
#include "tool-chain.h"

G_BEGIN_DECLS

/* an empty chain, with the limits of the command line */
ToolChain *server_milters_new_chain (const ServerOptions *options);
/* Those of -s and --spawn, in order; NULL, with @error: no place for one of them. */
ToolChain *server_milters_make (const ServerOptions *options, GError **error);

G_END_DECLS
