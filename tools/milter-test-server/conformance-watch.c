/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-watch.c: what a milter that we started holds: open files and memory.
 */
#include "conformance-watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Allocators keep what was freed, and an AddressSanitizer's more than others; a thousand sessions that
 * leak show above it. */
#define SLACK (32u * 1024 * 1024)

static bool
count_files (int pid, guint *n)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", pid);
  GDir *folder = g_dir_open (path, /* flags= */ 0, /* error= */ NULL);

  if (folder == NULL)
    return false;
  *n = 0;
  while (g_dir_read_name (folder) != NULL)
    ++*n;
  g_dir_close (folder);
  return true;
}

/* FALSE: it is gone */
static bool
add_process (int pid, ConformanceHeld *held)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/statm", pid);
  g_autofree char *text = NULL;
  unsigned long pages;
  guint files;

  if (!count_files (pid, &files)
      || !g_file_get_contents (path, &text, /* length= */ NULL, /* error= */ NULL)
      || sscanf (text, "%*u %lu", &pages) != 1)
    return false;
  held->files += files;
  held->memory += (guint64) pages * (guint64) sysconf (_SC_PAGESIZE);
  return true;
}

/* whether it belongs to the session of a process that we have started */
static bool
is_of_session (int pid, int session)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  const char *behind_name;
  int found;

  if (!g_file_get_contents (path, &text, /* length= */ NULL, /* error= */ NULL))
    return false;
  behind_name = strrchr (text, ')');
  return behind_name != NULL && sscanf (behind_name, ") %*c %*d %*d %d", &found) == 1
         && found == session;
}

bool
conformance_watch_measure (int pid, ConformanceHeld *held)
{
  GDir *folder;
  const char *name;
  ConformanceHeld sum = { 0 };

  if (pid == 0 || !add_process (pid, &sum))
    return false;
  /* it may be a script, or make a process for each connection */
  folder = g_dir_open ("/proc", /* flags= */ 0, /* error= */ NULL);
  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      int other = atoi (name);

      if (other > 0 && other != pid && is_of_session (other, pid))
        add_process (other, &sum);
    }
  g_clear_pointer (&folder, g_dir_close);
  *held = sum;
  return true;
}

char *
conformance_watch_compare (const ConformanceHeld *before, const ConformanceHeld *after)
{
  if (after->files > before->files)
    return g_strdup_printf (
        "the milter has %u files open, before it were %u", after->files, before->files);
  if (after->memory > before->memory + SLACK)
    return g_strdup_printf ("the milter holds %.1f MiB of memory, before it were %.1f",
                            (double) after->memory / (1024 * 1024),
                            (double) before->memory / (1024 * 1024));
  return NULL;
}
