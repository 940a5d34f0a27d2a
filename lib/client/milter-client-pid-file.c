/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-pid-file.c: the file that tells a running client's process id.
 *
 * It stays open and locked while the client runs, so that a second one does not take it over.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter-client-private.h"

/**
 * milter_client_get_pid_file:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): the file that milter_client_run() writes its process id to
 *
 * Since: 0.1
 */
const char *
milter_client_get_pid_file (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->pid_file;
}

/**
 * milter_client_set_pid_file:
 * @client: a client that does not run
 * @pid_file: (nullable) (type filename): a path; %NULL for no such file
 *
 * Sets the file that milter_client_run() writes its process id and a newline to. A path that is
 * not absolute counts from the directory that is the current one when the client begins to run.
 *
 * Since: 0.1
 */
void
milter_client_set_pid_file (MilterClient *client, const char *pid_file)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  milter_client_replace_text (&client->priv->pid_file, pid_file);
  g_object_notify (G_OBJECT (client), "pid-file");
}

/**
 * milter_client_is_remove_pid_file_on_exit:
 * @client: a client
 *
 * Returns: whether the file is removed when the client ends; %TRUE unless set otherwise
 *
 * Since: 0.1
 */
gboolean
milter_client_is_remove_pid_file_on_exit (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  return client->priv->remove_pid_file;
}

/**
 * milter_client_set_remove_pid_file_on_exit:
 * @client: a client
 * @remove: whether the file is removed when the client ends, if it is still the one it has written
 *
 * Since: 0.1
 */
void
milter_client_set_remove_pid_file_on_exit (MilterClient *client, gboolean remove)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->remove_pid_file = remove != FALSE;
  g_object_notify (G_OBJECT (client), "remove-pid-file-on-exit");
}

static gboolean
fail (const char *path, const char *what, int errsv, GError **error)
{
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_PID_FILE,
               "the pid file %s cannot be %s: %s",
               path,
               what,
               g_strerror (errsv));
  return FALSE;
}

/* A link is not followed, and nothing but a plain file is written to: the folder may be one that
 * others write to, while we are root. Nobody else may write it: others kill what it names. */
static int
open_file (const char *path, struct stat *file, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);

  if (fd < 0)
    {
      fail (path, "written", errno, error);
      return -1;
    }
  if (fstat (fd, file) != 0 || !S_ISREG (file->st_mode))
    {
      close (fd);
      g_set_error (error,
                   MILTER_CLIENT_ERROR,
                   MILTER_CLIENT_ERROR_PID_FILE,
                   "the pid file %s cannot be written: there is something that is no plain file",
                   path);
      return -1;
    }
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  close (fd);
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_PID_FILE,
               "the pid file %s belongs to a milter that runs",
               path);
  return -1;
}

gboolean
milter_client_write_pid_file (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  g_autofree char *path = NULL;
  g_autofree char *text = g_strdup_printf ("%ld\n", (long) getpid ());
  gsize size = strlen (text);
  struct stat file;
  int fd;

  if (priv->pid_file == NULL)
    return TRUE;
  path = milter_client_make_path_absolute (client, priv->pid_file);
  fd = open_file (path, &file, error);
  if (fd < 0)
    return FALSE;
  if (ftruncate (fd, 0) != 0 || write (fd, text, size) != (gssize) size)
    {
      fail (path, "written", errno, error);
      close (fd);
      return FALSE;
    }
  priv->pid_fd = fd;
  priv->pid_path = g_steal_pointer (&path);
  priv->pid_device = file.st_dev;
  priv->pid_inode = file.st_ino;
  return TRUE;
}

gboolean
milter_client_remove_pid_file (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  g_autofree char *path = g_steal_pointer (&priv->pid_path);
  int fd = priv->pid_fd;
  struct stat file;
  int errsv = 0;

  if (fd < 0)
    return TRUE;
  priv->pid_fd = -1;
  if (priv->remove_pid_file && lstat (path, &file) == 0 && file.st_dev == priv->pid_device
      && file.st_ino == priv->pid_inode && unlink (path) != 0)
    errsv = errno;
  /* the lock goes last, so that the one who waits for it does not lose its file */
  close (fd);
  if (errsv == 0 || errsv == ENOENT)
    return TRUE;
  return fail (path, "removed", errsv, error);
}
