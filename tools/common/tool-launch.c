/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-launch.c: the process of a milter: how it is started, and how it is woken.
 */
#include "tool-launch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "milter-connection-spec.h"
#include "tool-guard.h"
#include "tool-process.h"

/* in the child, before its program takes over */
static void
set_up_child (gpointer user_data)
{
  /* a group that can be signalled as a whole; and no terminal whose keys would reach it */
  setsid ();
}

/* Why a program could not be started, as who typed its name would want to hear it. */
static void
explain (const ToolLaunch *launch, const GError *cause, GError **error)
{
  const char *name = launch->argv[0];
  g_autofree char *path = NULL;
  const char *what;

  if (strchr (name, '/') != NULL)
    path = g_canonicalize_filename (name, launch->folder);
  else
    path = g_find_program_in_path (name);

  if (g_error_matches (cause, G_SPAWN_ERROR, G_SPAWN_ERROR_CHDIR))
    what = cause->message;
  else if (path == NULL)
    what = "there is no program of this name in PATH";
  else if (!g_file_test (path, G_FILE_TEST_EXISTS))
    what = "there is no such file";
  else if (g_file_test (path, G_FILE_TEST_IS_DIR))
    what = "it is a folder";
  else if (g_error_matches (cause, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
    what = "the interpreter that its first line, or its header, names does not exist";
  else if (!g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
    what = "it is not executable (chmod +x makes it so)";
  else if (g_error_matches (cause, G_SPAWN_ERROR, G_SPAWN_ERROR_NOEXEC))
    what = "it is no program: a script needs a first line such as #!/bin/sh";
  else
    what = cause->message;
  g_set_error (error,
               cause->domain,
               cause->code,
               "%s cannot be started: %s%s%s%s",
               name,
               what,
               path != NULL && strcmp (path, name) != 0 ? " (" : "",
               path != NULL && strcmp (path, name) != 0 ? path : "",
               path != NULL && strcmp (path, name) != 0 ? ")" : "");
}

/* in a session of its own; its output goes to @output */
static bool
spawn_process (const ToolLaunch *launch, int output, pid_t *pid, GError **error)
{
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GError) cause = NULL;
  int null = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  bool started;

  environment = g_environ_setenv (
      g_steal_pointer (&environment), TOOL_GUARD_VARIABLE, launch->dir, /* overwrite= */ TRUE);
  environment = g_environ_setenv (
      g_steal_pointer (&environment), TOOL_LAUNCH_SOCKET, launch->spec, /* overwrite= */ TRUE);
  environment = tool_sanitizer_set_up (launch->sanitizer, g_steal_pointer (&environment));
  started = g_spawn_async_with_fds (launch->folder,
                                    (char **) launch->argv,
                                    environment,
                                    G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                    set_up_child,
                                    /* user_data= */ NULL,
                                    pid,
                                    null,
                                    output,
                                    output,
                                    &cause);
  if (null >= 0)
    close (null);
  if (!started)
    explain (launch, cause, error);
  return started;
}

bool
tool_launch (const ToolLaunch *launch, ToolLaunched *launched, GError **error)
{
  int fds[2];
  bool started;

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, error))
    return false;
  tool_process_adopt_orphans ();
  started = spawn_process (launch, fds[1], &launched->pid, error);
  close (fds[1]);
  if (!started)
    {
      close (fds[0]);
      return false;
    }
  launched->output_fd = fds[0];
  g_unix_set_fd_nonblocking (fds[0], /* nonblock= */ TRUE, /* error= */ NULL);
  launched->exit_fd = pidfd_open (launched->pid, /* flags= */ 0);
  if (launched->exit_fd >= 0)
    return true;
  g_set_error (error,
               G_SPAWN_ERROR,
               G_SPAWN_ERROR_FAILED,
               "%s was started, but cannot be watched: %s",
               launch->argv[0],
               g_strerror (errno));
  kill (-launched->pid, SIGKILL);
  waitpid (launched->pid, NULL, 0);
  close (fds[0]);
  return false;
}

/* --- the place where it listens ---------------------------------------------------------------- */

void
tool_launch_clear_place (const char *spec)
{
  g_autoptr (MilterConnectionSpec) parsed = milter_connection_spec_parse (spec, /* error= */ NULL);
  struct stat status;

  if (parsed != NULL && parsed->kind == MILTER_CONNECTION_KIND_UNIX
      && lstat (parsed->path, &status) == 0 && S_ISSOCK (status.st_mode))
    unlink (parsed->path);
}

/* --- knocking --------------------------------------------------------------------------------- */

static socklen_t
make_address (const MilterConnectionSpec *spec, struct sockaddr_storage *address)
{
  struct sockaddr_un *local = (struct sockaddr_un *) address;
  struct sockaddr_in *inet = (struct sockaddr_in *) address;

  memset (address, 0, sizeof *address);
  if (spec->kind == MILTER_CONNECTION_KIND_UNIX)
    {
      local->sun_family = AF_UNIX;
      g_strlcpy (local->sun_path, spec->path, sizeof local->sun_path);
      return sizeof *local;
    }
  inet->sin_family = AF_INET;
  inet->sin_port = htons (spec->port);
  if (spec->kind == MILTER_CONNECTION_KIND_INET && spec->host != NULL
      && inet_pton (AF_INET, spec->host, &inet->sin_addr) == 1)
    return sizeof *inet;
  return 0;
}

void
tool_knock (const char *spec)
{
  g_autoptr (MilterConnectionSpec) parsed = milter_connection_spec_parse (spec, /* error= */ NULL);
  struct sockaddr_storage address;
  socklen_t size = parsed != NULL ? make_address (parsed, &address) : 0;
  int fd;

  if (size == 0)
    return;
  fd = socket (address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return;
  (void) !connect (fd, (const struct sockaddr *) &address, size);
  close (fd);
}
