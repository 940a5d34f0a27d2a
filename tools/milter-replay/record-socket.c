/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-socket.c: where a proxy listens.
 */
#include "record-socket.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter-io-private.h"
#include "tool-values.h"

struct _RecordSocket
{
  int fd; /* -1: taken */
  struct sockaddr *address;
  char *path; /* (nullable) of a unix socket; which file it is: */
  dev_t device;
  ino_t inode;
};

static bool
find_group (const char *name, gid_t *gid)
{
  const struct group *group = getgrnam (name);
  guint64 number;

  if (group != NULL)
    *gid = group->gr_gid;
  else if (tool_parse_number (name, 0, G_MAXUINT32 - 1, &number, /* error= */ NULL))
    *gid = (gid_t) number;
  else
    return false;
  return true;
}

static bool
give_to_group (const char *path, const char *name, GError **error)
{
  gid_t gid;

  if (!find_group (name, &gid))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "there is no group \"%s\"", name);
      return false;
    }
  if (lchown (path, (uid_t) -1, gid) == 0)
    return true;
  g_set_error (error,
               G_FILE_ERROR,
               g_file_error_from_errno (errno),
               "the socket %s cannot be given to the group %s: %s",
               path,
               name,
               g_strerror (errno));
  return false;
}

static void
remember_file (RecordSocket *socket, const char *path)
{
  struct stat file;

  if (lstat (path, &file) != 0)
    return;
  socket->path = g_strdup (path);
  socket->device = file.st_dev;
  socket->inode = file.st_ino;
}

RecordSocket *
record_socket_open (const MilterConnectionSpec *spec, guint mode, const char *group, GError **error)
{
  g_autoptr (RecordSocket) opened = g_new0 (RecordSocket, 1);
  socklen_t size;

  opened->fd = _milter_io_listen (spec,
                                  /* backlog= */ -1,
                                  mode,
                                  /* remove_stale= */ true,
                                  &opened->address,
                                  &size,
                                  error);
  if (opened->fd < 0)
    return NULL;
  if (spec->path != NULL)
    remember_file (opened, spec->path);
  if (spec->path != NULL && group != NULL && !give_to_group (spec->path, group, error))
    return NULL;
  return g_steal_pointer (&opened);
}

void
record_socket_free (RecordSocket *socket)
{
  struct stat file;

  if (socket == NULL)
    return;
  if (socket->fd >= 0)
    close (socket->fd);
  if (socket->path != NULL && lstat (socket->path, &file) == 0 && file.st_dev == socket->device
      && file.st_ino == socket->inode)
    unlink (socket->path);
  g_free (socket->path);
  g_free (socket->address);
  g_free (socket);
}

int
record_socket_take_fd (RecordSocket *socket)
{
  int fd = socket->fd;

  socket->fd = -1;
  return fd;
}

const struct sockaddr *
record_socket_get_address (const RecordSocket *socket)
{
  return socket->address;
}
