/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-deviations.c: requirements that are known not to hold.
 */
#include <string.h>

#include "conformance-suite.h"
#include "tool-console.h"
#include "tool-data.h"

/* (transfer full) */
static char *
find_file (const char *file)
{
  g_autofree char *name = NULL;

  if (strchr (file, '/') != NULL || g_file_test (file, G_FILE_TEST_EXISTS))
    return g_strdup (file);
  name = g_strdup_printf ("conformance/deviations/%s.txt", file);
  return tool_data_find (name);
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
