/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-socket.h: where a proxy listens; a unix socket's file goes with it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "milter-connection-spec.h"

G_BEGIN_DECLS

typedef struct _RecordSocket RecordSocket;

/* @mode, @group: of a unix socket's file: 0 leaves the umask's; (nullable) name or number. A socket that
 * nobody listens on is removed first; a live one, or what is no socket, is an error. */
RecordSocket *record_socket_open (const MilterConnectionSpec *spec,
                                  guint mode,
                                  const char *group,
                                  GError **error);
/* Removes the file if it is still ours. */
void record_socket_free (RecordSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RecordSocket, record_socket_free)

/* (transfer full) the listening descriptor; once */
int record_socket_take_fd (RecordSocket *socket);
/* where it listens really */
const struct sockaddr *record_socket_get_address (const RecordSocket *socket);

G_END_DECLS
