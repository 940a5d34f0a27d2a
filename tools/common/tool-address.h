/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-address.h: addresses as people and recordings write them: `192.0.2.7:34290`, `unix:/run/m.sock`.
 */
#pragma once

#include <glib.h>
#include <sys/socket.h>

#include "milter-connection-spec.h"

G_BEGIN_DECLS

/* (transfer full) (nullable): a unix socket that connects has none */
char *tool_address_describe (const struct sockaddr *address, socklen_t size);
/* (transfer full) where a spec leads to, as far as it tells: names stay names */
char *tool_address_describe_spec (const MilterConnectionSpec *spec);

G_END_DECLS
