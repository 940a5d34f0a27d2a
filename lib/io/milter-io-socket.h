/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-socket.h: from a spec to socket addresses, and what to say when a socket fails.
 */
#pragma once

#include "milter-io-private.h"

typedef struct
{
  socklen_t size;
  union
  {
    struct sockaddr any;
    struct sockaddr_storage room;
  };
} MilterIoAddress;

typedef enum
{
  MILTER_IO_USE_LISTEN, /* no host: any address */
  MILTER_IO_USE_CONNECT /* no host: loopback */
} MilterIoUse;

/* all addresses of @spec, of MilterIoAddress; looks a name up, which may take a while.
 * (transfer full); NULL with @error */
GArray *milter_io_resolve (const MilterConnectionSpec *spec, MilterIoUse use, GError **error);
/* a stream socket, non-blocking and close-on-exec; -1 with errno */
int milter_io_socket_new (int family);
/* makes a socket that others have made the same */
bool milter_io_prepare_fd (int fd, GError **error);
/* why connecting to @spec at @address has failed with @errsv; of a unix socket: whose it is and who
 * we are. (transfer full) */
char *milter_io_connect_problem (const MilterConnectionSpec *spec,
                                 const MilterIoAddress *address,
                                 int errsv);
