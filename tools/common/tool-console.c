/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-console.c: what our programs say to people.
 */
#include "tool-console.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool-exit.h"

static bool output_was_flushed;

/* a socket must not take the number of a closed stdout, and get what is printed */
static void
occupy_standard_streams (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close (fd);
}

/* --help of GOption ends the program by itself */
static void
flush_at_exit (void)
{
  if (!output_was_flushed && !tool_flush_output ())
    _exit (TOOL_EXIT_USAGE);
}

void
tool_init (const char *argv0)
{
  g_autofree char *name = g_path_get_basename (argv0);

  occupy_standard_streams ();
  /* which bytes are letters, no more: numbers and sentences are the same everywhere, and each other
   * category costs a start two files. A locale that is not installed leaves "C", which is good
   * enough. */
  setlocale (LC_CTYPE, "");
  g_set_prgname (name);
  atexit (flush_at_exit);
}

bool
tool_flush_output (void)
{
  struct stat status;

  output_was_flushed = true;
  if (fflush (stdout) == 0 && !ferror (stdout))
    return true;
  if (fstat (STDOUT_FILENO, &status) == 0
      && (S_ISFIFO (status.st_mode) || S_ISSOCK (status.st_mode)))
    return true;
  g_printerr ("%s: the output cannot be written\n", g_get_prgname ());
  return false;
}

static void G_GNUC_PRINTF (2, 0)
print_error (const char *hint, const char *format, va_list arguments)
{
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  g_autoptr (GString) safe = g_string_new (NULL);

  tool_append_safe (safe, milter_bytes_from_string (sentence));
  fflush (stdout);
  fprintf (stderr, "%s: %s%s\n", g_get_prgname (), safe->str, hint);
}

void
tool_error (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  print_error ("", format, arguments);
  va_end (arguments);
}

void
tool_usage_error (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  print_error (" (--help tells the options)", format, arguments);
  va_end (arguments);
}

bool
tool_color_from_string (const char *text, ToolColor *color)
{
  static const struct
  {
    const char *word;
    ToolColor color;
  } words[] = {
    { "auto", TOOL_COLOR_AUTO },   { "always", TOOL_COLOR_ALWAYS }, { "yes", TOOL_COLOR_ALWAYS },
    { "true", TOOL_COLOR_ALWAYS }, { "never", TOOL_COLOR_NEVER },   { "no", TOOL_COLOR_NEVER },
    { "false", TOOL_COLOR_NEVER },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      if (strcmp (text, words[i].word) == 0)
        {
          *color = words[i].color;
          return true;
        }
    }
  return false;
}

bool
tool_color_is_on (ToolColor color, FILE *stream)
{
  const char *terminal = g_getenv ("TERM");
  const char *no_color = g_getenv ("NO_COLOR");

  if (color != TOOL_COLOR_AUTO)
    return color == TOOL_COLOR_ALWAYS;
  return isatty (fileno (stream)) && (no_color == NULL || *no_color == '\0')
         && (terminal == NULL || strcmp (terminal, "dumb") != 0);
}

void
tool_append_safe (GString *text, MilterBytes bytes)
{
  const char *data = (const char *) bytes.data;
  bool is_utf8 = g_get_charset (NULL);

  for (gsize i = 0; i < bytes.size;)
    {
      gunichar character = g_utf8_get_char_validated (data + i, (gssize) (bytes.size - i));
      bool is_ascii = bytes.data[i] < 0x80;
      gsize size = 1;

      if (!is_ascii && character < (gunichar) -2)
        size = g_unichar_to_utf8 (character, NULL);
      if (is_ascii ? (bytes.data[i] >= ' ' && bytes.data[i] != 0x7f) || bytes.data[i] == '\t'
                   : is_utf8 && size > 1 && g_unichar_isprint (character))
        g_string_append_len (text, data + i, (gssize) size);
      else
        {
          for (gsize k = 0; k < size; k++)
            g_string_append_printf (text, "\\x%02x", bytes.data[i + k]);
        }
      i += size;
    }
}

char *
tool_format_duration (gint64 duration_us)
{
  double seconds = (double) duration_us / G_USEC_PER_SEC;

  if (seconds < 0.1)
    return g_strdup_printf ("%.1f ms", seconds * 1000);
  if (seconds < 1)
    return g_strdup_printf ("%.0f ms", seconds * 1000);
  if (seconds < 100)
    return g_strdup_printf ("%.2f s", seconds);
  return g_strdup_printf ("%" G_GINT64_FORMAT " min %" G_GINT64_FORMAT " s",
                          duration_us / G_USEC_PER_SEC / 60,
                          duration_us / G_USEC_PER_SEC % 60);
}

char **
tool_complete_words (char **argv)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  bool are_options = true;
  ToolColor color;

  for (char **word = argv; *word != NULL; word++)
    {
      are_options = are_options && strcmp (*word, "--") != 0;
      if (are_options && strcmp (*word, "--color") == 0
          && (word[1] == NULL || !tool_color_from_string (word[1], &color)))
        g_ptr_array_add (words, g_strdup ("--color=yes"));
      else if (are_options && g_str_has_prefix (*word, "-D") && (*word)[2] != '\0')
        {
          g_ptr_array_add (words, g_strdup ("-D"));
          g_ptr_array_add (words, g_strdup (*word + 2));
        }
      else
        g_ptr_array_add (words, g_strdup (*word));
    }
  g_ptr_array_add (words, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&words), FALSE);
}
