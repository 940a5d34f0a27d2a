/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-file.c: the files that a scenario is, or names.
 */
#include "milter-parser-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter-read-all.h"

static const struct
{
  mode_t type;
  const char *name;
} file_types[] = {
  { S_IFDIR, "a directory" }, { S_IFIFO, "a FIFO" },   { S_IFSOCK, "a socket" },
  { S_IFCHR, "a device" },    { S_IFBLK, "a device" },
};

static char *
describe_type (mode_t mode)
{
  for (gsize i = 0; i < G_N_ELEMENTS (file_types); i++)
    if ((mode & S_IFMT) == file_types[i].type)
      return g_strdup (file_types[i].name);
  return g_strdup ("something else");
}

/* what a message shows of a name, which can be of any length and hold any byte */
#define MAX_SHOWN 200

char *
milter_parser_show_path (const char *path)
{
  g_autofree char *display = g_filename_display_name (path);
  bool cut = g_utf8_strlen (display, -1) > MAX_SHOWN;

  if (cut)
    *g_utf8_offset_to_pointer (display, MAX_SHOWN) = '\0';
  for (char *at = display; *at != '\0'; at++)
    if (g_ascii_iscntrl (*at))
      *at = '?';
  return g_strconcat (display, cut ? "…" : "", NULL);
}

static char *
describe_errno (const char *path, int number)
{
  g_autofree char *shown = milter_parser_show_path (path);

  return g_strdup_printf ("\"%s\": %s", shown, g_strerror (number));
}

static char *
describe_excess (gsize max_size)
{
  return g_strdup_printf ("more than %" G_GSIZE_FORMAT " MiB", max_size >> 20);
}

static GBytes *
read_whole (int fd, gsize max_size, const char *path, char **got)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  int failure = milter_read_all (fd, max_size, bytes);

  if (failure == 0)
    return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
  *got = failure == EFBIG ? describe_excess (max_size) : describe_errno (path, failure);
  return NULL;
}

/* whether there is a file; what there is instead in @got */
static bool
is_file (const struct stat *status, gsize max_size, char **got)
{
  if (!S_ISREG (status->st_mode))
    *got = describe_type (status->st_mode);
  else if (status->st_size > (off_t) max_size)
    *got = describe_excess (max_size);
  else
    return true;
  return false;
}

GBytes *
milter_parser_read_file (const char *path, gsize max_size, char **got)
{
  struct stat status;
  GBytes *bytes = NULL;
  int fd;

  /* looked at before it is opened, which does something to some devices; and behind it, when it can
   * be no other one any more */
  if (stat (path, &status) < 0)
    {
      *got = describe_errno (path, errno);
      return NULL;
    }
  if (!is_file (&status, max_size, got))
    return NULL;

  /* a FIFO without a writer would keep an open() that waits */
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    {
      *got = describe_errno (path, errno);
      return NULL;
    }
  if (fstat (fd, &status) < 0)
    *got = describe_errno (path, errno);
  else if (is_file (&status, max_size, got))
    bytes = read_whole (fd, max_size, path, got);
  close (fd);
  return bytes;
}

/* file names are relative to the file they stand in */
char *
milter_parser_resolve (MilterParser *parser, const char *name)
{
  g_autofree char *folder = NULL;

  if (g_path_is_absolute (name) || strchr (parser->lexer.path, '/') == NULL)
    return g_strdup (name);
  folder = g_path_get_dirname (parser->lexer.path);
  return g_build_filename (folder, name, NULL);
}

char *
milter_parser_path (MilterParser *parser, const MilterWord *word)
{
  if (word->text->len > 0 && strlen (word->text->str) == word->text->len)
    return milter_parser_resolve (parser, word->text->str);
  milter_lexer_expected (&parser->lexer, word->offset, "the name of a file");
  return NULL;
}

GBytes *
milter_parser_open (MilterParser *parser, const char *path, gsize offset)
{
  g_autofree char *got = NULL;
  GBytes *bytes = g_hash_table_lookup (parser->files, path);

  if (bytes != NULL)
    return parser->again ? g_bytes_ref (bytes) : bytes;
  bytes = milter_parser_read_file (path, MILTER_SCENARIO_MAX_FILE, &got);
  if (bytes == NULL)
    {
      milter_lexer_fail (
          &parser->lexer, offset, "expected a file that can be read, got %s", got);
      return NULL;
    }
  if (parser->again)
    return bytes;
  g_hash_table_replace (parser->files, g_strdup (path), bytes);
  return milter_lexer_charge (&parser->lexer, g_bytes_get_size (bytes)) ? bytes : NULL;
}

GBytes *
milter_parser_file (MilterParser *parser, const MilterWord *word, char **path)
{
  g_autofree char *resolved = NULL;
  GBytes *bytes;

  *path = NULL;
  if (word->kind == MILTER_WORD_HERE_DOCUMENT)
    return milter_parser_bytes (word, 0);
  resolved = milter_parser_path (parser, word);
  bytes = resolved != NULL ? milter_parser_open (parser, resolved, word->offset) : NULL;
  if (bytes == NULL)
    return NULL;
  *path = g_steal_pointer (&resolved);
  return parser->again ? bytes : g_bytes_ref (bytes);
}

GBytes *
milter_parser_crlf (MilterParser *parser, GBytes *bytes)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  GString *text;
  gsize n_lines = 0;

  for (gsize i = 0; i < size; i++)
    n_lines += data[i] == '\n' && (i == 0 || data[i - 1] != '\r');
  if (n_lines == 0)
    return g_bytes_ref (bytes);
  if (!milter_lexer_charge (&parser->lexer, size + n_lines))
    return NULL;

  text = g_string_sized_new (size + n_lines);
  for (gsize i = 0; i < size; i++)
    {
      if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
        g_string_append_c (text, '\r');
      g_string_append_c (text, data[i]);
    }
  return g_string_free_to_bytes (text);
}
