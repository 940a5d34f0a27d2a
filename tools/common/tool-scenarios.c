/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-scenarios.c: the scenario files that an argument of the command line means.
 */
#include "tool-scenarios.h"

#include <stdbool.h>
#include <string.h>

#define SUFFIX ".scenario"

typedef struct
{
  GPtrArray *files;
  ToolScenariosUnread unread;
  gpointer user_data;
} Search;

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* false: not all can be read */
static bool
add_folder (const Search *search, const char *path)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  GDir *folder = g_dir_open (path, /* flags= */ 0, &error);
  bool good = true;
  const char *name;

  if (folder == NULL)
    {
      search->unread (path, error->message, search->user_data);
      return false;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_dir_close (folder);
  g_ptr_array_sort (names, compare_paths);

  for (guint i = 0; i < names->len; i++)
    {
      const char *entry = g_ptr_array_index (names, i);

      /* a link to a folder above would never end */
      if (g_file_test (entry, G_FILE_TEST_IS_DIR) && !g_file_test (entry, G_FILE_TEST_IS_SYMLINK))
        good = add_folder (search, entry) && good;
      else if (g_str_has_suffix (entry, SUFFIX))
        g_ptr_array_add (search->files, g_strdup (entry));
    }
  return good;
}

void
tool_scenarios_find (const char *path,
                     GPtrArray *files,
                     ToolScenariosUnread unread,
                     gpointer user_data)
{
  const Search search = { files, unread, user_data };
  guint before = files->len;
  g_autofree char *sentence = NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    {
      g_ptr_array_add (files, g_strdup (path));
      return;
    }
  if (!add_folder (&search, path) || files->len > before)
    return;
  sentence = g_strdup_printf ("%s: there is no file called *" SUFFIX " in this folder", path);
  unread (path, sentence, user_data);
}
