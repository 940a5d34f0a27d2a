/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-daemon.c: going to the background.
 *
 * In two steps, so that nobody is told that a milter has started before it has: the process leaves
 * its terminal, while the first one waits; when the milter listens and serves, it lets go of the
 * standard streams, and the first process ends with status 0. If it ends before, with whatever it
 * has said on the standard error, the first process ends with status 1.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter-client-private.h"

/* files that handlers make without a mode of their own are not for everybody to write */
#define DAEMON_UMASK 022

/**
 * milter_client_is_run_as_daemon:
 * @client: a client
 *
 * Returns: whether milter_client_run() goes to the background
 *
 * Since: 0.1
 */
gboolean
milter_client_is_run_as_daemon (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  return client->priv->run_as_daemon;
}

/**
 * milter_client_set_run_as_daemon:
 * @client: a client that does not run
 * @daemon: whether milter_client_run() goes to the background
 *
 * The process that called milter_client_run() then ends when the milter in the background listens
 * and serves: with status 0, or with 1 if that failed, after the reason was written to the standard
 * error by the program itself.
 *
 * Since: 0.1
 */
void
milter_client_set_run_as_daemon (MilterClient *client, gboolean daemon)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->run_as_daemon = daemon != FALSE;
  g_object_notify (G_OBJECT (client), "run-as-daemon");
}

char *
milter_client_make_path_absolute (MilterClient *client, const char *path)
{
  return g_canonicalize_filename (path, client->priv->directory);
}

static gboolean
fail (const char *what, int errsv, GError **error)
{
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_DAEMONIZE,
               "the process cannot go to the background: %s: %s",
               what,
               g_strerror (errsv));
  return FALSE;
}

static guint
count_threads (void)
{
  DIR *folder = opendir ("/proc/self/task");
  struct dirent *entry;
  guint n = 0;

  if (folder == NULL)
    return 0;
  while ((entry = readdir (folder)) != NULL)
    n += g_ascii_isdigit (entry->d_name[0]) ? 1 : 0;
  closedir (folder);
  return n;
}

/* the first process: its end is what the shell or the init system sees */
static void
wait_for_start (int fd)
{
  char byte = 0;
  gssize n;

  do
    n = read (fd, &byte, 1);
  while (n < 0 && errno == EINTR);
  /* what the program has open belongs to the one in the background */
  _exit (n == 1 ? 0 : 1);
}

/* the one between: the daemon must not lead the session, so that it never gets a terminal */
static void
leave_session (int fd)
{
  pid_t pid;

  if (setsid () < 0)
    _exit (1);
  pid = fork ();
  if (pid != 0)
    _exit (pid > 0 ? 0 : 1);
}

gboolean
milter_client_go_to_background (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  guint n_threads = count_threads ();
  int pipe_fds[2];
  pid_t pid;

  if (priv->is_daemon)
    return TRUE;
  if (n_threads > 1)
    {
      g_set_error (error,
                   MILTER_CLIENT_ERROR,
                   MILTER_CLIENT_ERROR_DAEMONIZE,
                   "the process cannot go to the background: it has %u threads, and all but one "
                   "would be lost; start them later (g_unix_signal_add() starts one, too)",
                   n_threads);
      return FALSE;
    }
  if (pipe2 (pipe_fds, O_CLOEXEC) != 0)
    return fail ("pipe", errno, error);
  pid = fork ();
  if (pid < 0)
    {
      int errsv = errno;

      close (pipe_fds[0]);
      close (pipe_fds[1]);
      return fail ("fork", errsv, error);
    }
  if (pid > 0)
    {
      close (pipe_fds[1]);
      wait_for_start (pipe_fds[0]);
    }
  close (pipe_fds[0]);
  leave_session (pipe_fds[1]);
  priv->is_daemon = true;
  priv->started_fd = pipe_fds[1];
  priv->directory = g_get_current_dir ();
  umask (DAEMON_UMASK);
  return chdir ("/") == 0 || fail ("chdir", errno, error);
}

gboolean
milter_client_detach (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  int fd;

  if (priv->started_fd < 0)
    return TRUE;
  fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd < 0 || dup2 (fd, STDIN_FILENO) < 0 || dup2 (fd, STDOUT_FILENO) < 0
      || dup2 (fd, STDERR_FILENO) < 0)
    {
      g_set_error (error,
                   MILTER_CLIENT_ERROR,
                   MILTER_CLIENT_ERROR_DETACH_IO,
                   "the standard streams cannot be let go: /dev/null: %s",
                   g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  if (fd > STDERR_FILENO)
    close (fd);
  /* the first process ends; it may have been killed meanwhile */
  if (write (priv->started_fd, "+", 1) != 1)
    g_debug ("nobody waits for the start of the milter");
  close (priv->started_fd);
  priv->started_fd = -1;
  return TRUE;
}

/**
 * milter_client_daemonize:
 * @client: a client that does not run
 * @error: return location for an error
 *
 * Puts the process into the background at once: a new session, the directory `/`, a umask of 022,
 * the standard streams at `/dev/null`. The calling process ends with status 0, and this function
 * returns in another one. Paths that were set and are not absolute still count from the directory
 * that it was called in.
 *
 * milter_client_run() does it by itself for milter_client_set_run_as_daemon(), and does it better:
 * there the calling process ends when the milter has started, and tells if it has not.
 *
 * A process with threads would lose them: then this fails.
 *
 * Returns: %FALSE with an error of the domain %MILTER_CLIENT_ERROR, in the calling process or, if
 *   its code is %MILTER_CLIENT_ERROR_DETACH_IO, in the new one
 *
 * Since: 0.1
 */
gboolean
milter_client_daemonize (MilterClient *client, GError **error)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  if (client->priv->running)
    {
      g_set_error (error,
                   MILTER_CLIENT_ERROR,
                   MILTER_CLIENT_ERROR_RUNNING,
                   "a client that runs cannot go to the background");
      return FALSE;
    }
  return milter_client_go_to_background (client, error) && milter_client_detach (client, error);
}
