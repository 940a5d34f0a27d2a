/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-process.c: what the system knows about a process that we started (proc(5)).
 */
#include "tool-process.h"

#include <arpa/inet.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* include/linux/sched.h: getting shut down. It is set before the descriptors are closed */
#define PF_EXITING 0x00000004u

/* the fields of /proc/PID/stat that are of use here */
typedef struct
{
  char state;
  pid_t parent;
  pid_t group;
  guint flags;
} Stat;

static bool
read_stat (pid_t pid, Stat *result)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *text = NULL;
  const char *behind_name;
  int parent, group;

  if (!g_file_get_contents (path, &text, /* length= */ NULL, /* error= */ NULL))
    return false;
  /* the name stands in parentheses, and may hold any character */
  behind_name = strrchr (text, ')');
  if (behind_name == NULL
      || sscanf (behind_name + 1,
                 " %c %d %d %*d %*d %*d %u",
                 &result->state,
                 &parent,
                 &group,
                 &result->flags)
             != 4)
    return false;
  result->parent = parent;
  result->group = group;
  return true;
}

bool
tool_process_is_ending (pid_t pid)
{
  Stat stat;

  return !read_stat (pid, &stat) || stat.state == 'Z' || stat.state == 'X'
         || (stat.flags & PF_EXITING) != 0;
}

/* calls func for each process that there is */
static void
for_each_process (void (*func) (pid_t pid, const Stat *stat, gpointer user_data), gpointer user_data)
{
  GDir *folder = g_dir_open ("/proc", /* flags= */ 0, /* error= */ NULL);
  const char *name;

  if (folder == NULL)
    return;
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      pid_t pid = (pid_t) atoi (name);
      Stat stat;

      if (pid > 0 && read_stat (pid, &stat))
        func (pid, &stat, user_data);
    }
  g_dir_close (folder);
}

/* --- orphans ---------------------------------------------------------------------------------- */

typedef struct
{
  const GArray *known;
  int signal_number;
  guint n;
} Orphans;

/* of pid_t: what were our children before, as those of a shell that became this program; NULL: we do
 * not adopt yet */
static GArray *earlier_children;

static bool
contains (const GArray *pids, pid_t pid)
{
  for (guint i = 0; i < pids->len; i++)
    {
      if (g_array_index (pids, pid_t, i) == pid)
        return true;
    }
  return false;
}

static void
signal_orphan (pid_t pid, const Stat *stat, gpointer user_data)
{
  Orphans *orphans = user_data;

  if (stat->parent != getpid () || contains (orphans->known, pid)
      || contains (earlier_children, pid) || waitpid (pid, NULL, WNOHANG) == pid)
    return;
  kill (pid, orphans->signal_number);
  orphans->n++;
}

guint
tool_process_signal_orphans (const GArray *known, int signal_number)
{
  Orphans orphans = { .known = known, .signal_number = signal_number };

  if (earlier_children != NULL)
    for_each_process (signal_orphan, &orphans);
  return orphans.n;
}

static void
collect_child (pid_t pid, const Stat *stat, gpointer user_data)
{
  if (stat->parent == getpid ())
    g_array_append_val (earlier_children, pid);
}

void
tool_process_adopt_orphans (void)
{
  if (earlier_children != NULL)
    return;
  earlier_children = g_array_new (FALSE, FALSE, sizeof (pid_t));
  for_each_process (collect_child, /* user_data= */ NULL);
  prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* --- where it listens ------------------------------------------------------------------------- */

typedef struct
{
  pid_t group;
  GHashTable *inodes; /* of char: sockets that the group has open */
} Sockets;

static void
collect_sockets (pid_t pid, const Stat *stat, gpointer user_data)
{
  Sockets *sockets = user_data;
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", (int) pid);
  GDir *folder;
  const char *name;

  if (stat->group != sockets->group)
    return;
  folder = g_dir_open (path, /* flags= */ 0, /* error= */ NULL);
  if (folder == NULL)
    return;
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *link = g_build_filename (path, name, NULL);
      g_autofree char *target = g_file_read_link (link, /* error= */ NULL);

      if (target != NULL && g_str_has_prefix (target, "socket:["))
        g_hash_table_add (
            sockets->inodes,
            g_strndup (target + strlen ("socket:["), strcspn (target + strlen ("socket:["), "]")));
    }
  g_dir_close (folder);
}

/* /proc/net/unix: `Num RefCount Protocol Flags Type St Inode Path`; __SO_ACCEPTCON says that it listens */
static void
add_unix (const char *line, GHashTable *inodes, GString *text)
{
  char inode[32];
  guint flags;
  int path_at = 0;

  if (sscanf (line, "%*s %*s %*s %x %*s %*s %31s %n", &flags, inode, &path_at) != 2
      || (flags & 0x10000u) == 0 || !g_hash_table_contains (inodes, inode))
    return;
  g_string_append_printf (
      text, "%sunix:%s", text->len > 0 ? ", " : "", path_at > 0 ? line + path_at : "");
}

/* the 32-bit words of an address, each in the order of this machine */
static void
append_address (GString *text, const char *hex, guint16 port)
{
  guint32 words[4] = { 0 };
  gsize n = strlen (hex) / 8;
  char name[INET6_ADDRSTRLEN] = "";

  for (gsize i = 0; i < MIN (n, 4); i++)
    {
      char digits[9];

      g_strlcpy (digits, hex + 8 * i, sizeof digits);
      words[i] = (guint32) strtoul (digits, /* endptr= */ NULL, 16);
    }
  inet_ntop (n == 4 ? AF_INET6 : AF_INET, words, name, sizeof name);
  if (n == 4)
    g_string_append_printf (text, "inet6:%u@[%s]", port, name);
  else
    g_string_append_printf (text, "inet:%u@%s", port, name);
}

/* /proc/net/tcp: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode` */
static void
add_tcp (const char *line, GHashTable *inodes, GString *text)
{
  char address[40];
  char inode[32];
  guint port, state;

  if (sscanf (line,
              "%*s %39[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %31s",
              address,
              &port,
              &state,
              inode)
          != 4
      || state != 0x0a || !g_hash_table_contains (inodes, inode))
    return;
  if (text->len > 0)
    g_string_append (text, ", ");
  append_address (text, address, (guint16) port);
}

char *
tool_process_describe_listeners (pid_t group)
{
  static const struct
  {
    const char *path;
    void (*add) (const char *line, GHashTable *inodes, GString *text);
  } tables[] = {
    { "/proc/net/unix", add_unix },
    { "/proc/net/tcp", add_tcp },
    { "/proc/net/tcp6", add_tcp },
  };
  g_autoptr (GHashTable) inodes
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, /* value_destroy= */ NULL);
  Sockets sockets = { .group = group, .inodes = inodes };
  GString *text = g_string_new (NULL);

  for_each_process (collect_sockets, &sockets);
  for (gsize i = 0; i < G_N_ELEMENTS (tables); i++)
    {
      g_autofree char *content = NULL;
      g_auto (GStrv) lines = NULL;

      if (!g_file_get_contents (tables[i].path, &content, /* length= */ NULL, /* error= */ NULL))
        continue;
      lines = g_strsplit (content, "\n", /* max_tokens= */ -1);
      for (char **line = lines; *line != NULL; line++)
        tables[i].add (*line, inodes, text);
    }
  return g_string_free (text, text->len == 0);
}

/* --- how it ended ----------------------------------------------------------------------------- */

char *
tool_process_describe_status (int status)
{
  if (WIFSIGNALED (status))
    return g_strdup_printf (
        "was killed by signal %d (%s)", WTERMSIG (status), g_strsignal (WTERMSIG (status)));
  return g_strdup_printf ("exited with status %d", WEXITSTATUS (status));
}

/* core(5): %p and %P are the number of the process; what else a name has is left to glob() */
static char *
make_glob (const char *pattern, pid_t pid)
{
  GString *text = g_string_new (NULL);

  for (const char *c = pattern; *c != '\0' && *c != '\n'; c++)
    {
      if (*c != '%')
        {
          g_string_append_c (text, *c);
          continue;
        }
      c++;
      if (*c == 'p' || *c == 'P')
        g_string_append_printf (text, "%d", (int) pid);
      else if (*c == '%')
        g_string_append_c (text, '%');
      else if (*c != '\0')
        g_string_append_c (text, '*');
      if (*c == '\0')
        break;
    }
  return g_string_free (text, FALSE);
}

/* proc(5): core_uses_pid appends the number where the pattern has none */
static char *
find_core (const char *pattern, pid_t pid, const char *folder)
{
  g_autofree char *name = make_glob (pattern, pid);
  g_autofree char *path = g_canonicalize_filename (name, folder);
  g_autofree char *numbered = g_strdup_printf ("%s.%d", path, (int) pid);
  glob_t found = { 0 };
  char *result = NULL;

  if (glob (numbered, GLOB_NOSORT, NULL, &found) == 0
      || glob (path, GLOB_NOSORT | GLOB_APPEND, NULL, &found) == 0)
    result = g_strdup (found.gl_pathv[0]);
  globfree (&found);
  return result;
}

char *
tool_process_describe_core (pid_t pid, const char *folder)
{
  g_autofree char *pattern = NULL;
  g_autofree char *path = NULL;

  if (!g_file_get_contents (
          "/proc/sys/kernel/core_pattern", &pattern, /* length= */ NULL, /* error= */ NULL))
    return g_strdup ("it dumped a core");
  g_strchomp (pattern);
  if (*pattern == '|')
    return g_strdup_printf ("its core was handed to %s", pattern + 1);
  path = find_core (pattern, pid, folder);
  if (path != NULL)
    return g_strdup_printf ("its core is %s", path);
  return g_strdup_printf ("it dumped a core (core_pattern is %s)", pattern);
}
