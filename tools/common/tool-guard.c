/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-guard.c: nothing that we started, and no folder that we made, outlives us.
 */
#include "tool-guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "tool-folder.h"

/* the environment of a process is looked at so far */
#define MAX_ENVIRONMENT (256u << 10)

/* one write of this is never parted (PIPE_BUF) */
typedef struct
{
  bool add;
  pid_t group;                                                   /* 0: a folder */
  char folder[sizeof ((struct sockaddr_un *) NULL)->sun_path]; /* its sockets have to be short */
} Record;

/* the end of the pipe that the guard listens on; -1: there is no guard */
static int guard_fd = -1;

/* --- processes by their environment ----------------------------------------------------------- */

static bool
is_marked (const char *pid, const char *mark)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "environ", NULL);
  gsize size = strlen (mark) + 1;
  g_autofree char *text = NULL;
  gsize length = 0;
  gssize n;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return false;
  text = g_malloc (MAX_ENVIRONMENT);
  while (length < MAX_ENVIRONMENT && (n = read (fd, text + length, MAX_ENVIRONMENT - length)) > 0)
    length += (gsize) n;
  close (fd);
  for (const char *word = text; (gsize) (word - text) + size <= length;)
    {
      const char *end = memchr (word, '\0', length - (gsize) (word - text));

      if (memcmp (word, mark, size) == 0)
        return true;
      if (end == NULL)
        return false;
      word = end + 1;
    }
  return false;
}

guint
tool_guard_signal_marked (const char *variable, const char *value, int signal_number)
{
  g_autofree char *mark = g_strconcat (variable, "=", value, NULL);
  DIR *processes = opendir ("/proc");
  const struct dirent *entry;
  guint n = 0;

  if (processes == NULL)
    return 0;
  while ((entry = readdir (processes)) != NULL)
    {
      pid_t pid = (pid_t) atoi (entry->d_name);

      if (pid > 1 && pid != getpid () && is_marked (entry->d_name, mark)
          && kill (pid, signal_number) == 0)
        n++;
    }
  closedir (processes);
  return n;
}

/* --- the guard -------------------------------------------------------------------------------- */

static void
take (GArray *records, const Record *record)
{
  if (record->add)
    {
      g_array_append_vals (records, record, 1);
      return;
    }
  for (guint i = 0; i < records->len; i++)
    {
      const Record *old = &g_array_index (records, Record, i);

      if (old->group == record->group && strcmp (old->folder, record->folder) == 0)
        {
          g_array_remove_index_fast (records, i);
          return;
        }
    }
}

static void
clean_up (const GArray *records)
{
  for (guint i = 0; i < records->len; i++)
    {
      const Record *record = &g_array_index (records, Record, i);

      if (record->group != 0)
        kill (-record->group, SIGKILL);
    }
  for (guint i = 0; i < records->len; i++)
    {
      const Record *record = &g_array_index (records, Record, i);

      if (record->group != 0)
        continue;
      tool_guard_signal_marked (TOOL_GUARD_VARIABLE, record->folder, SIGKILL);
      tool_folder_remove (record->folder);
    }
}

/* whoever waits for the end of our output must not have to wait for the guard */
static void
let_go_of_files (int fd)
{
  int null = open ("/dev/null", O_RDWR);

  for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
    dup2 (null, standard);
  dup2 (fd, STDERR_FILENO + 1);
  close_range (STDERR_FILENO + 2, ~0u, /* flags= */ 0);
}

static G_GNUC_NORETURN void
guard (int fd)
{
  g_autoptr (GArray) records = g_array_new (FALSE, FALSE, sizeof (Record));
  Record record;
  gssize n;

  /* it has to outlive what ends our group */
  setsid ();
  signal (SIGINT, SIG_IGN);
  signal (SIGTERM, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  prctl (PR_SET_NAME, "milterlab-guard");
  (void) !chdir ("/");
  let_go_of_files (fd);
  while ((n = read (STDERR_FILENO + 1, &record, sizeof record)) != 0)
    {
      if (n == (gssize) sizeof record)
        take (records, &record);
      else if (n < 0 && errno != EINTR)
        break;
    }
  clean_up (records);
  _exit (0);
}

static void
start_guard (void)
{
  int fds[2];
  pid_t pid;

  if (pipe2 (fds, O_CLOEXEC) < 0)
    return;
  pid = fork ();
  if (pid == 0)
    {
      close (fds[1]);
      guard (fds[0]);
    }
  close (fds[0]);
  if (pid > 0)
    guard_fd = fds[1];
  else
    close (fds[1]);
}

/* Without a guard, for want of processes, all that is lost is what it is for. */
static void
tell (const Record *record)
{
  if (guard_fd < 0 && record->add)
    start_guard ();
  if (guard_fd < 0)
    return;
  while (write (guard_fd, record, sizeof *record) < 0 && errno == EINTR)
    ;
}

static void
tell_group (pid_t group, bool add)
{
  Record record;

  memset (&record, 0, sizeof record);
  record.add = add;
  record.group = group;
  tell (&record);
}

static void
tell_folder (const char *path, bool add)
{
  Record record;

  memset (&record, 0, sizeof record);
  record.add = add;
  if (g_strlcpy (record.folder, path, sizeof record.folder) < sizeof record.folder)
    tell (&record);
}

void
tool_guard_add_group (pid_t group)
{
  tell_group (group, true);
}

void
tool_guard_forget_group (pid_t group)
{
  tell_group (group, false);
}

void
tool_guard_add_folder (const char *path)
{
  tell_folder (path, true);
}

void
tool_guard_forget_folder (const char *path)
{
  tell_folder (path, false);
}
