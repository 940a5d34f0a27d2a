/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-connection.c: connection specs as sockets, for programs.
 */
#include "milter-connection.h"

#include <netinet/in.h>
#include <sys/un.h>

#include "milter-io-socket.h"

/**
 * milter_connection_parse_spec: (skip)
 * @spec: `unix:PATH`, `local:PATH`, `inet:PORT[@HOST|@[ADDRESS]]`, `inet6:…`, or an absolute path
 * @domain: (out) (optional): the address family, as `AF_INET`
 * @address: (out) (optional) (transfer full): the first address of the host, free with g_free();
 *   without a host the address that means any
 * @address_size: (out) (optional): bytes of @address that are used
 * @error: return location for an error in the domain %MILTER_CONNECTION_ERROR
 *
 * Reads a spec and looks its host up, which may take a while.
 *
 * Returns: %TRUE, or %FALSE with @error and nothing else set
 *
 * Since: 0.1
 */
gboolean
milter_connection_parse_spec (const char *spec,
                              int *domain,
                              struct sockaddr **address,
                              socklen_t *address_size,
                              GError **error)
{
  g_autoptr (MilterConnectionSpec) parsed = milter_connection_spec_parse (spec, error);
  if (parsed == NULL)
    return FALSE;
  g_autoptr (GArray) addresses = milter_io_resolve (parsed, MILTER_IO_USE_LISTEN, error);
  if (addresses == NULL)
    return FALSE;

  const MilterIoAddress *first = &g_array_index (addresses, MilterIoAddress, 0);
  if (domain != NULL)
    *domain = first->any.sa_family;
  if (address != NULL)
    *address = g_memdup2 (&first->room, sizeof first->room);
  if (address_size != NULL)
    *address_size = first->size;
  return TRUE;
}

/**
 * milter_connection_listen: (skip)
 * @spec: where to listen, as in milter_connection_parse_spec(); port 0 lets the system choose
 * @backlog: connections that may wait, or negative for as many as the system allows
 * @address: (out) (optional) (transfer full): where it listens, free with g_free()
 * @address_size: (out) (optional): bytes of @address that are used
 * @remove_unix_socket: whether a unix socket on which nobody listens any more is removed first; one
 *   with a listener, and what is not a socket, never is
 * @error: return location for an error in the domain %MILTER_CONNECTION_ERROR
 *
 * Makes a listening socket, non-blocking and closed on exec.
 *
 * Returns: (transfer full): a channel that closes the socket with its last reference, or %NULL
 *   with @error and nothing else set
 *
 * Since: 0.1
 */
GIOChannel *
milter_connection_listen (const char *spec,
                          int backlog,
                          struct sockaddr **address,
                          socklen_t *address_size,
                          gboolean remove_unix_socket,
                          GError **error)
{
  g_autoptr (MilterConnectionSpec) parsed = milter_connection_spec_parse (spec, error);
  if (parsed == NULL)
    return NULL;

  socklen_t size = 0;
  g_autofree struct sockaddr *listening = NULL;
  int fd = _milter_io_listen (parsed,
                              backlog,
                              /* mode= */ 0,
                              remove_unix_socket,
                              &listening,
                              &size,
                              error);
  if (fd < 0)
    return NULL;

  if (address != NULL)
    *address = g_steal_pointer (&listening);
  if (address_size != NULL)
    *address_size = size;
  GIOChannel *channel = g_io_channel_unix_new (fd);
  g_io_channel_set_close_on_unref (channel, TRUE);
  /* bytes as they are; neither can fail on a socket that is non-blocking already */
  g_io_channel_set_encoding (channel, NULL, NULL);
  g_io_channel_set_buffered (channel, FALSE);
  return channel;
}

static socklen_t
size_of_family (int family)
{
  static const struct
  {
    int family;
    socklen_t size;
  } sizes[] = {
    { AF_UNIX, sizeof (struct sockaddr_un) },
    { AF_INET, sizeof (struct sockaddr_in) },
    { AF_INET6, sizeof (struct sockaddr_in6) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    if (sizes[i].family == family)
      return sizes[i].size;
  return sizeof (sa_family_t);
}

/**
 * milter_connection_address_to_spec: (skip)
 * @address: (nullable): a socket address, whole for its family
 *
 * Tells an address as a spec: `inet:PORT@[IP]`, `inet6:PORT@[IP]`, `unix:PATH`; `unknown` for none
 * or one of no family, `unexpected:FAMILY` for any other.
 *
 * Returns: (transfer full): the text, free with g_free()
 *
 * Since: 0.1
 */
char *
milter_connection_address_to_spec (const struct sockaddr *address)
{
  if (address == NULL)
    return g_strdup ("unknown");
  return _milter_io_address_to_text (address, size_of_family (address->sa_family));
}
