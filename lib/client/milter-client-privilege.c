/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-privilege.c: a client that was started by root becomes somebody else.
 *
 * User, group and supplementary groups all change, and each is looked at afterwards: a process that
 * kept one of root's is what nobody notices until it matters.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter-client-accounts-private.h"
#include "milter-client-private.h"

/* who it becomes if nobody was named */
#define DEFAULT_USER "nobody"
/* of one user; Linux itself ends at 65536 */
#define MAX_GROUPS 65536

/**
 * milter_client_get_effective_user:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): the user, by name or number, that
 *   milter_client_drop_privilege() changes to
 *
 * Since: 0.1
 */
const char *
milter_client_get_effective_user (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->effective_user;
}

/**
 * milter_client_set_effective_user:
 * @client: a client that does not run
 * @effective_user: (nullable): a user's name or number; %NULL: nobody in particular
 *
 * Sets who the process becomes; see milter_client_drop_privilege().
 *
 * Since: 0.1
 */
void
milter_client_set_effective_user (MilterClient *client, const char *effective_user)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  milter_client_replace_text (&client->priv->effective_user, effective_user);
}

/**
 * milter_client_get_effective_group:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): the group, by name or number, that
 *   milter_client_drop_privilege() changes to
 *
 * Since: 0.1
 */
const char *
milter_client_get_effective_group (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->effective_group;
}

/**
 * milter_client_set_effective_group:
 * @client: a client that does not run
 * @effective_group: (nullable): a group's name or number; %NULL: the user's own group
 *
 * Sets the group that the process gets; see milter_client_drop_privilege().
 *
 * Since: 0.1
 */
void
milter_client_set_effective_group (MilterClient *client, const char *effective_group)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  milter_client_replace_text (&client->priv->effective_group, effective_group);
}

static gboolean
fail (const char *what, int errsv, GError **error)
{
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_DROP_PRIVILEGE,
               "the privileges of root cannot be dropped: %s: %s",
               what,
               g_strerror (errsv));
  return FALSE;
}

/* the group: the one that was named, else the user's own, but never root's because nobody thought
 * of it */
static gboolean
choose_group (MilterClient *client, const MilterClientUser *user, gid_t *gid, GError **error)
{
  const char *group = client->priv->effective_group;

  if (group != NULL)
    return milter_client_group_find (group, gid, error);
  if (user->has_entry && (user->gid != 0 || user->uid == 0))
    {
      *gid = user->gid;
      return TRUE;
    }
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_GROUP_ENTRY,
               "the user %u %s: name a group as well",
               (guint) user->uid,
               user->has_entry ? "has the group of root" : "has no entry, and so no group");
  return FALSE;
}

/* those of the user's entry, without root's, and @gid; for a number without an entry @gid alone */
static gboolean
set_supplementary_groups (const MilterClientUser *user, gid_t gid, GError **error)
{
  g_autofree gid_t *groups = NULL;
  int n = 1;

  if (user->has_entry)
    {
      int room = MAX_GROUPS;

      groups = g_new (gid_t, MAX_GROUPS);
      if (getgrouplist (user->name, gid, groups, &room) < 0)
        return fail ("too many groups", E2BIG, error);
      n = 0;
      for (int i = 0; i < room; i++)
        if (groups[i] != 0 || gid == 0)
          groups[n++] = groups[i];
    }
  else
    groups = g_memdup2 (&gid, sizeof gid);
  return setgroups ((size_t) n, groups) == 0 || fail ("setgroups", errno, error);
}

static gboolean
check_identity (uid_t uid, gid_t gid, GError **error)
{
  uid_t uids[3];
  gid_t gids[3];

  if (getresuid (&uids[0], &uids[1], &uids[2]) != 0
      || getresgid (&gids[0], &gids[1], &gids[2]) != 0)
    return fail ("getresuid", errno, error);
  for (gsize i = 0; i < 3; i++)
    if (uids[i] != uid || gids[i] != gid)
      return fail ("the system says that they were, but some are left", EPERM, error);
  if (uid != 0 && setuid (0) == 0)
    return fail ("they can be had back", EPERM, error);
  return TRUE;
}

/* The socket that was made while we were root goes with us. Its group stays if one was set. */
static gboolean
give_socket_away (MilterClient *client, uid_t uid, gid_t gid, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  bool has_group = milter_client_get_unix_socket_group (client) != NULL;
  struct stat file;

  if (priv->socket_path == NULL || lstat (priv->socket_path, &file) != 0
      || file.st_dev != priv->socket_device || file.st_ino != priv->socket_inode)
    return TRUE;
  if (lchown (priv->socket_path, uid, has_group ? (gid_t) -1 : gid) == 0)
    return TRUE;
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_DROP_PRIVILEGE,
               "the socket %s cannot be given to the user %u: %s",
               priv->socket_path,
               (guint) uid,
               g_strerror (errno));
  return FALSE;
}

static gboolean
become (MilterClient *client, const MilterClientUser *user, gid_t gid, GError **error)
{
  if (!give_socket_away (client, user->uid, gid, error)
      || !set_supplementary_groups (user, gid, error))
    return FALSE;
  if (setresgid (gid, gid, gid) != 0)
    return fail ("setresgid", errno, error);
  if (setresuid (user->uid, user->uid, user->uid) != 0)
    return fail ("setresuid", errno, error);
  return check_identity (user->uid, gid, error);
}

/* (transfer full) `become the user smith with the group mail`; one of them may be NULL */
static char *
describe_wanted (const char *user, const char *group)
{
  if (user == NULL)
    return g_strconcat ("take the group ", group, NULL);
  return g_strconcat (
      "become the user ", user, group != NULL ? " with the group " : NULL, group, NULL);
}

/* somebody who is not root can only stay who it is */
static gboolean
check_that_we_are (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  g_autoptr (MilterClientUser) user = NULL;
  g_autofree char *wanted = NULL;
  gid_t gid = getegid ();

  if (priv->effective_user != NULL)
    {
      user = milter_client_user_find (priv->effective_user, error);
      if (user == NULL)
        return FALSE;
    }
  if (priv->effective_group != NULL
      && !milter_client_group_find (priv->effective_group, &gid, error))
    return FALSE;
  if ((user == NULL || user->uid == geteuid ()) && gid == getegid ())
    return TRUE;
  wanted = describe_wanted (user != NULL ? priv->effective_user : NULL, priv->effective_group);
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_DROP_PRIVILEGE,
               "the user %u, group %u, cannot %s: only root can",
               (guint) geteuid (),
               (guint) getegid (),
               wanted);
  return FALSE;
}

/**
 * milter_client_drop_privilege:
 * @client: a client
 * @error: return location for an error
 *
 * Changes from root to the user of milter_client_set_effective_user(), or else to `nobody`; to the
 * group of milter_client_set_effective_group(), or else that of the user; and to the user's
 * supplementary groups. The real, effective and saved ids all change, for every thread. A unix
 * socket that the client listens on already is given to them.
 *
 * Call it after milter_client_listen() if only root may listen there. milter_client_run() calls it
 * by itself if a user or a group was set and it was not called before. In a process that is not
 * root's it changes nothing, and fails if somebody else was asked for.
 *
 * After it failed, some of the ids may have changed: end the program.
 *
 * A socket or pid file in a directory that the new user may not write to cannot be removed at the
 * end; milter_client_run() then fails and says so.
 *
 * Returns: %FALSE with an error of the domain %MILTER_CLIENT_ERROR
 *
 * Since: 0.1
 */
gboolean
milter_client_drop_privilege (MilterClient *client, GError **error)
{
  g_autoptr (MilterClientUser) user = NULL;
  const char *name;
  gid_t gid = 0;

  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  if (geteuid () != 0)
    return check_that_we_are (client, error);
  name = client->priv->effective_user;
  user = milter_client_user_find (name != NULL ? name : DEFAULT_USER, error);
  if (user == NULL || !choose_group (client, user, &gid, error)
      || !become (client, user, gid, error))
    return FALSE;
  client->priv->privilege_dropped = true;
  g_debug ("running as user %u, group %u", (guint) user->uid, (guint) gid);
  return TRUE;
}

gboolean
milter_client_drop_privilege_if_asked (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;

  if (priv->privilege_dropped || (priv->effective_user == NULL && priv->effective_group == NULL))
    return TRUE;
  return milter_client_drop_privilege (client, error);
}
