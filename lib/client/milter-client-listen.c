/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-listen.c: the socket that a client listens on, and its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter-client-accounts-private.h"
#include "milter-client-private.h"

/* as the reference milters do: the system's own maximum, unless that is very small */
#define MIN_BACKLOG 20

/* Where. */

/**
 * milter_client_get_default_connection_spec:
 * @client: a client
 *
 * Returns: (transfer full): where a client listens for which nothing was set: the environment's
 *   MILTER_DEFAULT_CONNECTION_SPEC, else port 10025 of this host alone
 */
char *
milter_client_get_default_connection_spec (MilterClient *client)
{
  const char *spec = g_getenv ("MILTER_DEFAULT_CONNECTION_SPEC");

  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return g_strdup (spec != NULL && *spec != '\0' ? spec : "inet:10025@[127.0.0.1]");
}

/**
 * milter_client_get_connection_spec:
 * @client: a client
 *
 * Returns: (nullable): where it listens, as it was set; %NULL if it was not
 */
const char *
milter_client_get_connection_spec (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->spec != NULL ? client->priv->spec->text : NULL;
}

/**
 * milter_client_set_connection_spec:
 * @client: a client that does not listen yet
 * @spec: (nullable): `unix:PATH`, `inet:PORT[@HOST]` or `inet6:PORT[@HOST]`; %NULL for the default
 * @error: return location for an error
 *
 * Sets where the client listens.
 *
 * Returns: %FALSE for a spec that does not parse; what was set before stays then
 */
gboolean
milter_client_set_connection_spec (MilterClient *client, const char *spec, GError **error)
{
  MilterConnectionSpec *parsed = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  if (spec != NULL)
    {
      parsed = milter_connection_spec_parse (spec, error);
      if (parsed == NULL)
        return FALSE;
    }
  g_clear_pointer (&client->priv->spec, milter_connection_spec_free);
  client->priv->spec = parsed;
  g_object_notify (G_OBJECT (client), "connection-spec");
  return TRUE;
}

/**
 * milter_client_get_listen_channel:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): the listening socket
 */
GIOChannel *
milter_client_get_listen_channel (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->listen_channel;
}

static void
read_listen_address (MilterClientPrivate *priv)
{
  socklen_t size = sizeof (MilterGenericSocketAddress);

  g_clear_pointer (&priv->listen_address, g_free);
  if (priv->listen_channel == NULL)
    return;
  priv->listen_address = g_malloc0 (size);
  if (getsockname (g_io_channel_unix_get_fd (priv->listen_channel), priv->listen_address, &size)
      != 0)
    size = 0;
  priv->listen_address_size = size;
}

/**
 * milter_client_set_listen_channel:
 * @client: a client that does not run
 * @channel: (nullable): a socket that listens already, as from a parent process
 *
 * Makes the client accept on @channel, instead of listening by itself. Its file, if it is a unix
 * socket, is left alone.
 */
void
milter_client_set_listen_channel (MilterClient *client, GIOChannel *channel)
{
  MilterClientPrivate *priv;

  g_return_if_fail (MILTER_IS_CLIENT (client));
  priv = client->priv;
  g_return_if_fail (!priv->running);
  if (channel != NULL)
    g_io_channel_ref (channel);
  g_clear_pointer (&priv->listen_channel, g_io_channel_unref);
  g_clear_pointer (&priv->socket_path, g_free);
  priv->listen_channel = channel;
  read_listen_address (priv);
}

/**
 * milter_client_set_listen_backlog:
 * @client: a client
 * @backlog: connections that may wait to be accepted, -1 for as many as the system takes
 */
void
milter_client_set_listen_backlog (MilterClient *client, int backlog)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->listen_backlog = backlog;
}

/* The file of a unix socket. */

/**
 * milter_client_is_remove_unix_socket_on_create:
 * @client: a client
 *
 * Returns: whether a file of a dead unix socket is removed before listening
 */
gboolean
milter_client_is_remove_unix_socket_on_create (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  return client->priv->remove_on_create;
}

/**
 * milter_client_set_remove_unix_socket_on_create:
 * @client: a client
 * @remove: whether a socket that nobody listens on may be removed to make room for ours; anything
 *   else is never removed
 */
void
milter_client_set_remove_unix_socket_on_create (MilterClient *client, gboolean remove)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->remove_on_create = remove != FALSE;
}

/**
 * milter_client_is_remove_unix_socket_on_close:
 * @client: a client
 *
 * Returns: whether the file of a unix socket is removed at the end
 */
gboolean
milter_client_is_remove_unix_socket_on_close (MilterClient *client)
{
  return milter_client_get_default_remove_unix_socket_on_close (client);
}

/**
 * milter_client_get_default_remove_unix_socket_on_close:
 * @client: a client
 *
 * Returns: whether the file of a unix socket is removed at the end where nothing else was set
 */
gboolean
milter_client_get_default_remove_unix_socket_on_close (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  return client->priv->remove_on_close;
}

/**
 * milter_client_set_default_remove_unix_socket_on_close:
 * @client: a client
 * @remove: whether our socket is removed at the end, if it is still ours
 */
void
milter_client_set_default_remove_unix_socket_on_close (MilterClient *client, gboolean remove)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->remove_on_close = remove != FALSE;
}

/**
 * milter_client_get_unix_socket_mode:
 * @client: a client
 *
 * Returns: the mode of a unix socket's file: the one that was set, else the default
 */
guint
milter_client_get_unix_socket_mode (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->unix_socket_mode != 0 ? client->priv->unix_socket_mode
                                             : client->priv->default_unix_socket_mode;
}

/**
 * milter_client_set_unix_socket_mode:
 * @client: a client
 * @mode: the mode of a unix socket's file, as 0660; 0 is the default
 */
void
milter_client_set_unix_socket_mode (MilterClient *client, guint mode)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_return_if_fail (mode <= 0777);
  client->priv->unix_socket_mode = mode;
}

/**
 * milter_client_get_default_unix_socket_mode:
 * @client: a client
 *
 * Returns: the mode of a unix socket's file where none was set; 0660 at first
 */
guint
milter_client_get_default_unix_socket_mode (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->default_unix_socket_mode;
}

/**
 * milter_client_set_default_unix_socket_mode:
 * @client: a client
 * @mode: the mode where none is set, as 0660
 */
void
milter_client_set_default_unix_socket_mode (MilterClient *client, guint mode)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_return_if_fail (mode <= 0777);
  client->priv->default_unix_socket_mode = mode;
}

/**
 * milter_client_get_unix_socket_group:
 * @client: a client
 *
 * Returns: (nullable): the group of a unix socket: the one that was set, else the default
 */
const char *
milter_client_get_unix_socket_group (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->unix_socket_group != NULL ? client->priv->unix_socket_group
                                                 : client->priv->default_unix_socket_group;
}

/**
 * milter_client_set_unix_socket_group:
 * @client: a client
 * @group: (nullable): name or number of a group for the file of a unix socket; %NULL is the default
 */
void
milter_client_set_unix_socket_group (MilterClient *client, const char *group)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  milter_client_replace_text (&client->priv->unix_socket_group, group);
}

/**
 * milter_client_get_default_unix_socket_group:
 * @client: a client
 *
 * Returns: (nullable): the group of a unix socket where none was set; %NULL leaves it as it is
 */
const char *
milter_client_get_default_unix_socket_group (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->default_unix_socket_group;
}

/**
 * milter_client_set_default_unix_socket_group:
 * @client: a client
 * @group: (nullable): the name or number of the group where none is set; %NULL leaves it as it is
 */
void
milter_client_set_default_unix_socket_group (MilterClient *client, const char *group)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  milter_client_replace_text (&client->priv->default_unix_socket_group, group);
}

static gboolean
give_to_group (const char *path, const char *group, GError **error)
{
  gid_t gid;

  if (!milter_client_group_find (group, &gid, error))
    return FALSE;
  if (lchown (path, (uid_t) -1, gid) == 0)
    return TRUE;
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_UNIX_SOCKET,
               "the socket %s cannot be given to the group %s: %s",
               path,
               group,
               g_strerror (errno));
  return FALSE;
}

/* remembers which file it is: at the end only that one is removed */
static void
remember_file (MilterClient *client, const char *path)
{
  MilterClientPrivate *priv = client->priv;
  struct stat file;

  if (lstat (path, &file) != 0)
    return;
  /* the directory may be another one at the end: a daemon's is */
  priv->socket_path = g_canonicalize_filename (path, NULL);
  priv->socket_device = file.st_dev;
  priv->socket_inode = file.st_ino;
}

static gboolean
remove_file (MilterClientPrivate *priv, GError **error)
{
  g_autofree char *path = g_steal_pointer (&priv->socket_path);
  struct stat file;

  if (path == NULL || !priv->remove_on_close || lstat (path, &file) != 0
      || file.st_dev != priv->socket_device || file.st_ino != priv->socket_inode)
    return TRUE;
  if (unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_UNIX_SOCKET,
               "the socket %s cannot be removed: %s%s",
               path,
               g_strerror (errno),
               priv->privilege_dropped ? "; its directory has to be one that the user of the milter "
                                         "may write to"
                                       : "");
  return FALSE;
}

gboolean
milter_client_close_socket (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;

  g_clear_pointer (&priv->listen_channel, g_io_channel_unref);
  g_clear_pointer (&priv->listen_address, g_free);
  return remove_file (priv, error);
}

/* Listening. */

static int
choose_backlog (int backlog)
{
  if (backlog >= 0)
    return backlog;
  return SOMAXCONN > MIN_BACKLOG ? SOMAXCONN : MIN_BACKLOG;
}

static gboolean
open_socket (MilterClient *client, const MilterConnectionSpec *spec, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  const char *group = milter_client_get_unix_socket_group (client);
  int fd = _milter_io_listen (spec,
                              choose_backlog (priv->listen_backlog),
                              milter_client_get_unix_socket_mode (client),
                              priv->remove_on_create,
                              &priv->listen_address,
                              &priv->listen_address_size,
                              error);

  if (fd < 0)
    return FALSE;
  priv->listen_channel = g_io_channel_unix_new (fd);
  g_io_channel_set_close_on_unref (priv->listen_channel, TRUE);
  if (spec->path == NULL)
    return TRUE;
  remember_file (client, spec->path);
  if (group == NULL || give_to_group (spec->path, group, error))
    return TRUE;
  milter_client_close_socket (client, NULL);
  return FALSE;
}

static MilterConnectionSpec *
parse_default_spec (MilterClient *client, GError **error)
{
  g_autofree char *text = milter_client_get_default_connection_spec (client);
  MilterConnectionSpec *spec = milter_connection_spec_parse (text, error);

  if (spec == NULL)
    g_prefix_error (error, "MILTER_DEFAULT_CONNECTION_SPEC: ");
  return spec;
}

/* a daemon has another current directory than the one that the spec was written for */
static MilterConnectionSpec *
make_spec_absolute (MilterClient *client, const MilterConnectionSpec *spec, GError **error)
{
  g_autofree char *path = milter_client_make_path_absolute (client, spec->path);
  g_autofree char *text = g_strconcat ("unix:", path, NULL);

  return milter_connection_spec_parse (text, error);
}

/**
 * milter_client_listen:
 * @client: a client
 * @error: return location for an error
 *
 * Listens, so that MTAs can connect; they are served once the client runs. milter_client_run() does
 * it by itself if need be.
 *
 * Returns: %FALSE if the system refuses
 */
gboolean
milter_client_listen (MilterClient *client, GError **error)
{
  g_autoptr (MilterConnectionSpec) standard = NULL;
  g_autoptr (MilterConnectionSpec) absolute = NULL;
  const MilterConnectionSpec *spec;

  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  if (client->priv->listen_channel != NULL)
    return TRUE;
  spec = client->priv->spec;
  if (spec == NULL)
    spec = standard = parse_default_spec (client, error);
  if (spec != NULL && spec->path != NULL && client->priv->directory != NULL)
    spec = absolute = make_spec_absolute (client, spec, error);
  return spec != NULL && open_socket (client, spec, error);
}
