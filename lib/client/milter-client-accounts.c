/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-accounts.c: users and groups by name or number.
 */
#include "milter-client-accounts-private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "milter-client-enums.h"
#include "milter-client.h"

/* an entry of a group with thousands of members still has room */
#define MAX_ENTRY_SIZE (1024 * 1024)

bool
milter_client_read_id (const char *text, guint32 *id)
{
  guint64 number;

  /* (uid_t) -1 leaves things as they are in every call that takes one */
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32 - 1, &number, NULL))
    return false;
  *id = (guint32) number;
  return true;
}

void
milter_client_user_free (MilterClientUser *user)
{
  if (user == NULL)
    return;
  g_free (user->name);
  g_free (user);
}

static MilterClientUser *
user_new (const struct passwd *entry)
{
  MilterClientUser *user = g_new0 (MilterClientUser, 1);

  user->uid = entry->pw_uid;
  user->gid = entry->pw_gid;
  user->name = g_strdup (entry->pw_name);
  user->has_entry = true;
  return user;
}

/* NULL with *code 0: there is no entry. @id counts if @name is NULL. */
static MilterClientUser *
look_user_up (const char *name, guint32 id, int *code)
{
  for (gsize size = 4096; size <= MAX_ENTRY_SIZE; size *= 4)
    {
      g_autofree char *room = g_malloc (size);
      struct passwd entry;
      struct passwd *found = NULL;

      *code = name != NULL ? getpwnam_r (name, &entry, room, size, &found)
                           : getpwuid_r (id, &entry, room, size, &found);
      if (found != NULL)
        return user_new (found);
      if (*code != ERANGE)
        break;
    }
  /* what the manual of getpwnam(3) lists for "not there" */
  if (*code == ENOENT || *code == ESRCH || *code == EBADF || *code == EPERM)
    *code = 0;
  return NULL;
}

MilterClientUser *
milter_client_user_find (const char *text, GError **error)
{
  int code = 0;
  guint32 id = 0;
  MilterClientUser *user = look_user_up (text, 0, &code);

  if (user == NULL && code == 0 && milter_client_read_id (text, &id))
    {
      user = look_user_up (NULL, id, &code);
      if (user == NULL && code == 0)
        {
          user = g_new0 (MilterClientUser, 1);
          user->uid = id;
        }
    }
  if (user == NULL)
    g_set_error (error,
                 MILTER_CLIENT_ERROR,
                 MILTER_CLIENT_ERROR_PASSWORD_ENTRY,
                 "there is no user \"%s\"%s%s",
                 text,
                 code == 0 ? "" : " to be found: ",
                 code == 0 ? "" : g_strerror (code));
  return user;
}

bool
milter_client_group_find (const char *text, gid_t *gid, GError **error)
{
  struct group *found = NULL;
  guint32 id;
  int code = 0;

  for (gsize size = 4096; size <= MAX_ENTRY_SIZE && found == NULL; size *= 4)
    {
      g_autofree char *room = g_malloc (size);
      struct group entry;

      code = getgrnam_r (text, &entry, room, size, &found);
      if (found != NULL)
        *gid = found->gr_gid;
      else if (code != ERANGE)
        break;
    }
  if (found != NULL)
    return true;
  if (milter_client_read_id (text, &id))
    {
      *gid = id;
      return true;
    }
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_GROUP_ENTRY,
               "there is no group \"%s\"",
               text);
  return false;
}
