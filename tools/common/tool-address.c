/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-address.c: addresses as people and recordings write them.
 */
#include "tool-address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

static char *
describe_inet (const struct sockaddr *address)
{
  const struct sockaddr_in *inet = (const struct sockaddr_in *) address;
  char host[INET_ADDRSTRLEN] = "";

  inet_ntop (AF_INET, &inet->sin_addr, host, sizeof host);
  return g_strdup_printf ("%s:%u", host, g_ntohs (inet->sin_port));
}

static char *
describe_inet6 (const struct sockaddr *address)
{
  const struct sockaddr_in6 *inet6 = (const struct sockaddr_in6 *) address;
  char host[INET6_ADDRSTRLEN] = "";

  inet_ntop (AF_INET6, &inet6->sin6_addr, host, sizeof host);
  return g_strdup_printf ("[%s]:%u", host, g_ntohs (inet6->sin6_port));
}

/* a path that fills its field has no NUL; a name without a file begins with one */
static char *
describe_unix (const struct sockaddr *address, socklen_t size)
{
  const struct sockaddr_un *un = (const struct sockaddr_un *) address;
  gsize room = size > offsetof (struct sockaddr_un, sun_path)
                   ? size - offsetof (struct sockaddr_un, sun_path)
                   : 0;
  g_autofree char *path = g_strndup (un->sun_path, MIN (room, sizeof un->sun_path));

  return *path != '\0' ? g_strdup_printf ("unix:%s", path) : NULL;
}

char *
tool_address_describe (const struct sockaddr *address, socklen_t size)
{
  if (size < sizeof address->sa_family)
    return NULL;
  if (address->sa_family == AF_INET && size >= sizeof (struct sockaddr_in))
    return describe_inet (address);
  if (address->sa_family == AF_INET6 && size >= sizeof (struct sockaddr_in6))
    return describe_inet6 (address);
  return address->sa_family == AF_UNIX ? describe_unix (address, size) : NULL;
}

char *
tool_address_describe_spec (const MilterConnectionSpec *spec)
{
  static const char *const loopbacks[] = {
    [MILTER_CONNECTION_KIND_INET] = "127.0.0.1",
    [MILTER_CONNECTION_KIND_INET6] = "::1",
  };
  const char *host;

  if (spec->kind == MILTER_CONNECTION_KIND_UNIX)
    return g_strdup_printf ("unix:%s", spec->path);
  host = spec->host != NULL ? spec->host : loopbacks[spec->kind];
  return g_strdup_printf (strchr (host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, spec->port);
}
