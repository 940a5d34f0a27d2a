/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-deviations.c: requirements that are known not to hold.
 */
#include <string.h>

#include "conformance-suite.h"
#include "tool-console.h"
#include "tool-data.h"

/* what a file is called that comes along, behind its name */
#define SUFFIX ".txt"

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* the names of those that come along (transfer full) */
static char *
list_own (void)
{
  g_autofree char *folder = tool_data_find ("conformance/deviations");
  g_autoptr (GDir) files = g_dir_open (folder, /* flags= */ 0, /* error= */ NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *file;

  while (files != NULL && (file = g_dir_read_name (files)) != NULL)
    if (g_str_has_suffix (file, SUFFIX))
      g_ptr_array_add (names, g_strndup (file, strlen (file) - strlen (SUFFIX)));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (", ", (char **) names->pdata);
}

/* (transfer full); NULL: there is none, which has been told */
static char *
find_file (const char *file)
{
  g_autofree char *name = g_strdup_printf ("conformance/deviations/%s" SUFFIX, file);
  g_autofree char *own = NULL;
  g_autofree char *names = NULL;

  if (strchr (file, '/') != NULL
      || (g_file_test (file, G_FILE_TEST_EXISTS) && !g_file_test (file, G_FILE_TEST_IS_DIR)))
    return g_strdup (file);
  own = tool_data_find (name);
  if (g_file_test (own, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&own);
  names = list_own ();
  tool_usage_error ("--deviations: there is no file \"%s\", and none comes along for it, as for %s", file, names);
  return NULL;
}

/* `ID REASON`; `#` begins a comment */
static bool
read_line (const char *path,
           guint number,
           char *line,
           bool (*take) (const char *id, const char *reason, gpointer data),
           gpointer data)
{
  char *reason;

  g_strstrip (line);
  if (*line == '\0' || *line == '#')
    return true;
  reason = line + strcspn (line, " \t");
  if (*reason == '\0')
    {
      tool_error ("%s:%u: \"%s\" has no reason behind the id", path, number, line);
      return false;
    }
  *reason++ = '\0';
  if (take (line, g_strchug (reason), data))
    return true;
  tool_error ("%s:%u: the suite has no requirement %s", path, number, line);
  return false;
}

bool
conformance_deviations_read (const char *file,
                             bool (*take) (const char *id, const char *reason, gpointer data),
                             gpointer data)
{
  g_autofree char *path = find_file (file);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) error = NULL;

  if (path == NULL)
    return false;
  if (!g_file_get_contents (path, &text, /* length= */ NULL, &error))
    {
      tool_usage_error ("--deviations: %s", error->message);
      return false;
    }
  lines = g_strsplit (text, "\n", /* max_tokens= */ -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (!read_line (path, i + 1, lines[i], take, data))
      return false;
  return true;
}
