/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-connection-spec.h: where a milter listens, as text: `unix:PATH`, `inet:PORT@HOST`.
 *
 * Only the text is read here; names are looked up and sockets made in the io room.
 */
#pragma once

#include <glib-object.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

/**
 * MilterConnectionError:
 * @MILTER_CONNECTION_ERROR_INVALID_FORMAT: no colon, nothing behind it, a missing bracket …
 * @MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME: none of unix, local, inet, inet6
 * @MILTER_CONNECTION_ERROR_INVALID_PORT: not digits, or above 65535
 * @MILTER_CONNECTION_ERROR_INVALID_HOST: a bad address, or a name that nobody knows
 * @MILTER_CONNECTION_ERROR_PATH_TOO_LONG: longer than a socket address holds (107 bytes)
 * @MILTER_CONNECTION_ERROR_UNREACHABLE: connecting failed
 * @MILTER_CONNECTION_ERROR_LISTEN: listening failed
 *
 * What can be wrong with a spec, or with the socket that it names, in the domain
 * %MILTER_CONNECTION_ERROR.
 */
typedef enum
{
  MILTER_CONNECTION_ERROR_INVALID_FORMAT,
  MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME,
  MILTER_CONNECTION_ERROR_INVALID_PORT,
  MILTER_CONNECTION_ERROR_INVALID_HOST,
  MILTER_CONNECTION_ERROR_PATH_TOO_LONG,
  MILTER_CONNECTION_ERROR_UNREACHABLE,
  MILTER_CONNECTION_ERROR_LISTEN
} MilterConnectionError;

#define MILTER_CONNECTION_ERROR (milter_connection_error_quark ())
MILTER_AVAILABLE GQuark milter_connection_error_quark (void);

/**
 * MilterConnectionKind:
 * @MILTER_CONNECTION_KIND_UNIX: a unix socket: `unix:PATH` or `local:PATH`
 * @MILTER_CONNECTION_KIND_INET: TCP over IPv4: `inet:PORT@HOST`
 * @MILTER_CONNECTION_KIND_INET6: TCP over IPv6: `inet6:PORT@HOST`
 *
 * The schemes of a spec.
 */
typedef enum
{
  MILTER_CONNECTION_KIND_UNIX,
  MILTER_CONNECTION_KIND_INET,
  MILTER_CONNECTION_KIND_INET6
} MilterConnectionKind;

/**
 * MilterConnectionSpec:
 * @kind: the scheme
 * @path: (nullable): of unix and local
 * @host: (nullable): name or address without brackets; %NULL: any address to listen on, loopback
 *   to connect to
 * @port: 0 to 65535
 * @text: the spec as it was given
 *
 * A spec, taken apart.
 */
typedef struct
{
  MilterConnectionKind kind;
  char *path;
  char *host;
  guint16 port;
  char *text;
} MilterConnectionSpec;
/* Reads `unix:PATH`, `local:PATH`, `inet:PORT[@HOST|@[ADDRESS]]`, `inet6:…`, and a bare absolute
 * path. NULL with @error, whose message quotes the whole spec and says what is wrong with it. */
MILTER_AVAILABLE MilterConnectionSpec *milter_connection_spec_parse (const char *text,
                                                                     GError **error);
MILTER_AVAILABLE void milter_connection_spec_free (MilterConnectionSpec *spec);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterConnectionSpec, milter_connection_spec_free)

G_END_DECLS
