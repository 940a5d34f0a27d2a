/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-connection.h: connection specs as sockets, for programs.
 */
#pragma once

#include <glib.h>
#include <sys/socket.h>

#include "milter-connection-spec.h"
#include "milter-version-macros.h"

G_BEGIN_DECLS

MILTER_AVAILABLE gboolean milter_connection_parse_spec (const char *spec,
                                                        int *domain,
                                                        struct sockaddr **address,
                                                        socklen_t *address_size,
                                                        GError **error);
MILTER_AVAILABLE GIOChannel *milter_connection_listen (const char *spec,
                                                       int backlog,
                                                       struct sockaddr **address,
                                                       socklen_t *address_size,
                                                       gboolean remove_unix_socket,
                                                       GError **error);
MILTER_AVAILABLE char *milter_connection_address_to_spec (const struct sockaddr *address);

G_END_DECLS
