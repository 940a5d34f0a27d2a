/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-sanitizer.c: reports that sanitizers write to files.
 */
#include "tool-sanitizer.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* of one report so much is read */
#define MAX_REPORT (64u << 10)

/* of an option in these variables; items are parted by colons, commas or blanks */
#define LOG_PATH   "log_path="
#define SEPARATORS ":, \t\n"

/* who reads which variable, and what its files are called here */
static const struct
{
  const char *variable;
  const char *name;
} sanitizers[] = {
  { "ASAN_OPTIONS", "asan" },   { "HWASAN_OPTIONS", "hwasan" }, { "LSAN_OPTIONS", "lsan" },
  { "MSAN_OPTIONS", "msan" },   { "TSAN_OPTIONS", "tsan" },     { "UBSAN_OPTIONS", "ubsan" },
};

struct _ToolSanitizer
{
  char *dir;
  char *prefixes[G_N_ELEMENTS (sanitizers)];   /* (nullable) files are called PREFIX.PID */
  bool is_our_own[G_N_ELEMENTS (sanitizers)];  /* nobody else writes files of this name */
  gint64 pid;
  GHashTable *taken; /* of char to gsize: how much of a file was taken */
  bool has_logs;
};

/* what the user has said in the variable; NULL: nothing (transfer full) */
static char *
find_log_path (const char *options)
{
  const char *found = options != NULL ? strstr (options, LOG_PATH) : NULL;
  const char *value;

  /* the last one counts */
  for (const char *next = found; next != NULL; next = strstr (next + 1, LOG_PATH))
    found = next;
  if (found == NULL)
    return NULL;
  value = found + strlen (LOG_PATH);
  if (*value == '\'' || *value == '"')
    return g_strndup (value + 1, strcspn (value + 1, *value == '"' ? "\"" : "'"));
  return g_strndup (value, strcspn (value, SEPARATORS));
}

ToolSanitizer *
tool_sanitizer_new (const char *dir, guint number)
{
  ToolSanitizer *sanitizer = g_new0 (ToolSanitizer, 1);

  sanitizer->dir = g_strdup (dir);
  sanitizer->taken
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, /* value_destroy= */ NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (sanitizers); i++)
    {
      g_autofree char *name = number > 1 ? g_strdup_printf ("%s%u", sanitizers[i].name, number)
                                         : g_strdup (sanitizers[i].name);

      sanitizer->prefixes[i] = find_log_path (g_getenv (sanitizers[i].variable));
      sanitizer->is_our_own[i] = sanitizer->prefixes[i] == NULL;
      if (sanitizer->is_our_own[i])
        sanitizer->prefixes[i] = g_build_filename (dir, name, NULL);
    }
  return sanitizer;
}

void
tool_sanitizer_free (ToolSanitizer *sanitizer)
{
  if (sanitizer == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (sanitizers); i++)
    g_free (sanitizer->prefixes[i]);
  g_hash_table_unref (sanitizer->taken);
  g_free (sanitizer->dir);
  g_free (sanitizer);
}

char **
tool_sanitizer_set_up (const ToolSanitizer *sanitizer, char **environment)
{
  for (gsize i = 0; i < G_N_ELEMENTS (sanitizers); i++)
    {
      const char *old = g_environ_getenv (environment, sanitizers[i].variable);
      g_autofree char *value = NULL;

      if (!sanitizer->is_our_own[i])
        continue;
      value = g_strconcat (old != NULL ? old : "",
                           old != NULL && *old != '\0' ? ":" : "",
                           LOG_PATH,
                           sanitizer->prefixes[i],
                           NULL);
      environment
          = g_environ_setenv (environment, sanitizers[i].variable, value, /* overwrite= */ TRUE);
    }
  return environment;
}

void
tool_sanitizer_set_pid (ToolSanitizer *sanitizer, gint64 pid)
{
  sanitizer->pid = pid;
}

/* --- logs ------------------------------------------------------------------------------------- */

/* what stands in a file behind @from; NULL: it cannot be read, or there is nothing */
static GBytes *
read_behind (const char *path, gsize from)
{
  g_autofree guint8 *content = g_malloc (MAX_REPORT);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  gsize size = 0;
  gssize n;

  if (fd < 0)
    return NULL;
  while (size < MAX_REPORT
         && (n = pread (fd, content + size, MAX_REPORT - size, (off_t) (from + size))) > 0)
    size += (gsize) n;
  close (fd);
  return size > 0 ? g_bytes_new_take (g_steal_pointer (&content), size) : NULL;
}

/* The line that says what it is about. NULL: it is the rest of a report that was told already, but
 * was not whole then. */
static char *
find_headline (GBytes *report, bool is_first)
{
  g_autofree char *text
      = g_strndup (g_bytes_get_data (report, /* size= */ NULL), g_bytes_get_size (report));
  g_auto (GStrv) lines = g_strsplit (text, "\n", /* max_tokens= */ -1);

  for (char **line = lines; *line != NULL; line++)
    {
      if (tool_output_is_report (milter_bytes_from_string (*line)))
        return g_strchomp (g_strdup (*line));
    }
  return is_first ? g_strdup ("a report without a headline") : NULL;
}

static char *
take (ToolSanitizer *sanitizer, const char *path, ToolOutput *output)
{
  gsize from = GPOINTER_TO_SIZE (g_hash_table_lookup (sanitizer->taken, path));
  g_autoptr (GBytes) report = read_behind (path, from);
  g_autofree char *headline = NULL;

  if (report == NULL)
    return NULL;
  g_hash_table_insert (
      sanitizer->taken, g_strdup (path), GSIZE_TO_POINTER (from + g_bytes_get_size (report)));
  tool_output_append (
      output, milter_bytes (g_bytes_get_data (report, /* size= */ NULL), g_bytes_get_size (report)));
  /* told by this sentence, not by its line in the output */
  g_free (tool_output_take_report (output));
  headline = find_headline (report, from == 0);
  if (headline == NULL)
    return NULL;
  return g_strdup_printf ("%s (the report is in %s)", headline, path);
}

/* files in the temporary folder, whichever process of the milter has written them */
static char *
take_own (ToolSanitizer *sanitizer, ToolOutput *output)
{
  GDir *folder = g_dir_open (sanitizer->dir, /* flags= */ 0, /* error= */ NULL);
  char *told = NULL;
  const char *name;

  while (folder != NULL && told == NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (sanitizer->dir, name, NULL);

      for (gsize i = 0; i < G_N_ELEMENTS (sanitizers) && told == NULL; i++)
        {
          const char *prefix = sanitizer->prefixes[i];

          if (sanitizer->is_our_own[i] && g_str_has_prefix (path, prefix)
              && path[strlen (prefix)] == '.')
            told = take (sanitizer, path, output);
        }
    }
  if (folder != NULL)
    g_dir_close (folder);
  sanitizer->has_logs = sanitizer->has_logs || told != NULL;
  return told;
}

char *
tool_sanitizer_take_log (ToolSanitizer *sanitizer, ToolOutput *output)
{
  char *told = take_own (sanitizer, output);

  for (gsize i = 0; i < G_N_ELEMENTS (sanitizers) && told == NULL && sanitizer->pid != 0; i++)
    {
      g_autofree char *path = NULL;

      if (sanitizer->is_our_own[i])
        continue;
      path = g_strdup_printf ("%s.%" G_GINT64_FORMAT, sanitizer->prefixes[i], sanitizer->pid);
      told = take (sanitizer, path, output);
    }
  return told;
}

gboolean
tool_sanitizer_has_logs (const ToolSanitizer *sanitizer)
{
  return sanitizer->has_logs;
}
