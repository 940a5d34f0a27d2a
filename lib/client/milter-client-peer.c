/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-peer.c: who is at the other end, in the form that GIO and bindings know.
 */
#include <gio/gunixsocketaddress.h>

#include "milter-client-context-private.h"

/**
 * milter_client_context_get_peer_address:
 * @context: a context
 *
 * The other end of the connection: the MTA. It is the same as
 * milter_client_context_get_socket_address(), for those who have GIO.
 *
 * Returns: (transfer full) (nullable): where the MTA connects from; %NULL for a context without a
 *   connection
 */
GSocketAddress *
milter_client_context_get_peer_address (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  priv = context->priv;
  /* of a connection only a peer without a name has none, on a unix socket */
  if (priv->address == NULL)
    return priv->worker != NULL ? g_unix_socket_address_new ("") : NULL;
  /* one that fills the union has lost its size */
  if (priv->address_size == sizeof *priv->address && priv->address->base.sa_family == AF_UNIX)
    return g_unix_socket_address_new (priv->address->un.sun_path);
  return g_socket_address_new_from_native (priv->address, priv->address_size);
}

/**
 * milter_client_context_get_connect_address:
 * @context: a context in a handler of [signal@ClientContext::connect]
 *
 * The SMTP client that the MTA tells of, as a binding can use it: the signal itself has a
 * `struct sockaddr`. "connect-bytes" hands out the same object.
 *
 * Returns: (transfer full) (nullable): the SMTP client's address; %NULL if the MTA does not know it,
 *   and outside of such a handler
 */
GSocketAddress *
milter_client_context_get_connect_address (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  priv = context->priv;
  if (priv->current == NULL || priv->current->event != EVENT_CONNECT || priv->arguments.size == 0)
    return NULL;
  return g_socket_address_new_from_native ((gpointer) priv->arguments.data, priv->arguments.size);
}
