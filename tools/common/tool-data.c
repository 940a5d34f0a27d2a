/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-data.c: files that come with the programs.
 *
 * A build folder has a file that names its sources beside the folders of the programs; what is
 * installed has none, and holds no path of the machine that it was built on.
 */
#include "tool-data.h"

#define MARK "sources"

/* (transfer full) (nullable) the sources' folder */
static char *
find_sources (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", /* error= */ NULL);
  g_autofree char *folder = program != NULL ? g_path_get_dirname (program) : NULL;
  g_autofree char *mark = folder != NULL ? g_build_filename (folder, "..", MARK, NULL) : NULL;
  char *path = NULL;

  if (mark == NULL || !g_file_get_contents (mark, &path, /* length= */ NULL, /* error= */ NULL))
    return NULL;
  return g_strchomp (path);
}

char *
tool_data_find (const char *name)
{
  g_autofree char *sources = find_sources ();

  if (sources != NULL)
    return g_build_filename (sources, "scenarios", name, NULL);
  return g_build_filename (MILTERLAB_DATA_DIR, name, NULL);
}
