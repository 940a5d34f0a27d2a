/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-folder.c: a temporary folder, and places in it where a program can listen.
 */
#include "tool-folder.h"

#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tool-guard.h"

/* what else stands in the path of a socket: `/`, a name of ours, the number of a link of a chain */
#define ROOM_FOR_NAME 32

#define TEMPLATE "milterlab-XXXXXX"

struct _ToolFolder
{
  char *path;
  bool kept;
};

/* a long path is shortened on the way to a socket's address by nobody: connecting fails */
static bool
is_short (const char *parent)
{
  return strlen (parent) + strlen ("/" TEMPLATE) + ROOM_FOR_NAME
         < sizeof ((struct sockaddr_un *) NULL)->sun_path;
}

ToolFolder *
tool_folder_new (GError **error)
{
  const char *parent = g_get_tmp_dir ();
  g_autofree char *absolute = NULL;
  ToolFolder *folder;
  char *path;

  absolute = g_canonicalize_filename (is_short (parent) ? parent : "/tmp", /* relative_to= */ NULL);
  if (!is_short (absolute))
    {
      g_free (absolute);
      absolute = g_strdup ("/tmp");
    }
  path = g_build_filename (absolute, TEMPLATE, NULL);
  if (g_mkdtemp_full (path, 0700) == NULL)
    {
      g_set_error (error,
                   G_FILE_ERROR,
                   (int) g_file_error_from_errno (errno),
                   "no temporary folder can be made in %s: %s (TMPDIR names another place)",
                   absolute,
                   g_strerror (errno));
      g_free (path);
      return NULL;
    }
  folder = g_new0 (ToolFolder, 1);
  folder->path = path;
  tool_guard_add_folder (path);
  return folder;
}

void
tool_folder_free (ToolFolder *folder)
{
  if (folder == NULL)
    return;
  if (!folder->kept)
    {
      tool_folder_remove (folder->path);
      tool_guard_forget_folder (folder->path);
    }
  g_free (folder->path);
  g_free (folder);
}

const char *
tool_folder_get_path (const ToolFolder *folder)
{
  return folder->path;
}

void
tool_folder_keep (ToolFolder *folder)
{
  if (!folder->kept)
    tool_guard_forget_folder (folder->path);
  folder->kept = true;
}

bool
tool_folder_is_kept (const ToolFolder *folder)
{
  return folder->kept;
}

static int
remove_one (const char *path, const struct stat *status, int kind, struct FTW *place)
{
  /* what cannot be removed stays; the rest goes all the same */
  (void) remove (path);
  return 0;
}

/* a folder that a milter has made unreadable for its owner */
static int
open_up (const char *path, const struct stat *status, int kind, struct FTW *place)
{
  if (kind == FTW_DNR)
    (void) chmod (path, 0700);
  return 0;
}

void
tool_folder_remove (const char *path)
{
  nftw (path, open_up, /* nopenfd= */ 16, FTW_PHYS);
  nftw (path, remove_one, /* nopenfd= */ 16, FTW_DEPTH | FTW_PHYS);
}

int
tool_reserve_port (guint16 *port, GError **error)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t size = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (fd < 0 || bind (fd, (const struct sockaddr *) &address, sizeof address) < 0
      || getsockname (fd, (struct sockaddr *) &address, &size) < 0)
    {
      g_set_error (error,
                   G_FILE_ERROR,
                   (int) g_file_error_from_errno (errno),
                   "no free TCP port on 127.0.0.1: %s",
                   g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return -1;
    }
  *port = ntohs (address.sin_port);
  return fd;
}
