/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer.c: the lines of a scenario, its variables, and where errors are.
 */
#include "milter-lexer.h"

#include <string.h>

#include "milter-lexer-private.h"

/* what a report shows of a word that was not expected */
#define MAX_SHOWN 40

static void
skip_byte_order_mark (MilterLexer *lexer)
{
  if (lexer->size >= 3 && memcmp (lexer->text, "\xef\xbb\xbf", 3) == 0)
    lexer->next = 3;
}

void
milter_lexer_init (MilterLexer *lexer,
                   const char *path,
                   const char *text,
                   gsize size,
                   GString *messages)
{
  *lexer = (MilterLexer){
    .path = path,
    .text = text,
    .size = size,
    .number = 1,
    .messages = messages,
    .variables = milter_variables_new (),
    .total = size,
    .n = 1,
    .p = 1,
  };
  skip_byte_order_mark (lexer);
}

void
milter_lexer_clear (MilterLexer *lexer)
{
  g_clear_pointer (&lexer->variables, g_hash_table_unref);
  g_clear_pointer (&lexer->used, g_hash_table_unref);
  g_clear_pointer (&lexer->outer, g_array_unref);
}

/* Characters, not bytes: bytes that continue one do not count. Lines can be long and are mostly
 * read from left to right, so that the count goes on where it stopped. */
static guint
column_at (MilterLexer *lexer, gsize offset)
{
  if (offset < lexer->counted)
    {
      lexer->counted = 0;
      lexer->counted_column = 0;
    }
  for (; lexer->counted < offset && lexer->counted < lexer->line_size; lexer->counted++)
    if (((guint8) lexer->line[lexer->counted] & 0xc0) != 0x80)
      lexer->counted_column++;
  return lexer->counted_column + 1;
}

MilterWhere
milter_lexer_where (MilterLexer *lexer, gsize offset)
{
  return (MilterWhere){ lexer->path, lexer->number, column_at (lexer, offset) };
}

bool
milter_lexer_fail_at (MilterLexer *lexer, const MilterWhere *where, const char *message)
{
  /* what is looked at behind the last line comes when all has been said */
  if (lexer->n_errors >= MILTER_SCENARIO_MAX_ERRORS)
    return false;
  g_string_append_printf (
      lexer->messages, "%s:%u:%u: %s\n", where->file, where->line, where->column, message);
  lexer->n_errors++;
  if (lexer->n_errors >= MILTER_SCENARIO_MAX_ERRORS)
    lexer->exhausted = true;
  return false;
}

bool
milter_lexer_fail (MilterLexer *lexer, gsize offset, const char *format, ...)
{
  g_autofree char *message = NULL;
  MilterWhere where = milter_lexer_where (lexer, offset);
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  return milter_lexer_fail_at (lexer, &where, message);
}

static MilterBytes
raw_word_at (const MilterLexer *lexer, gsize offset)
{
  gsize end = offset;

  while (end < lexer->line_size && lexer->line[end] != ' ' && lexer->line[end] != '\t')
    end++;
  return milter_bytes (lexer->line + offset, end - offset);
}

/* `"word"`, cut if it is long, or the end of the line; lines are UTF-8 when they are read at all */
static char *
describe (const MilterLexer *lexer, gsize offset)
{
  GString *text;
  MilterBytes word;
  const char *at, *end;

  while (offset < lexer->line_size && strchr (" \t", lexer->line[offset]) != NULL)
    offset++;
  if (offset >= lexer->line_size
      || (lexer->line[offset] == '#'
          && (offset == 0 || strchr (" \t", lexer->line[offset - 1]) != NULL)))
    return g_strdup ("the end of the line");

  word = raw_word_at (lexer, offset);
  at = (const char *) word.data;
  end = at + word.size;
  text = g_string_new ("\"");
  for (guint n = 0; at < end && n < MAX_SHOWN; n++, at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);

      if (g_unichar_isprint (character))
        g_string_append_unichar (text, character);
      else
        g_string_append_printf (text, "\\x%02x", character);
    }
  g_string_append (text, at < end ? "…\"" : "\"");
  return g_string_free (text, FALSE);
}

bool
milter_lexer_expected (MilterLexer *lexer, gsize offset, const char *format, ...)
{
  g_autofree char *what = NULL;
  g_autofree char *got = describe (lexer, offset);
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  return milter_lexer_fail (lexer, offset, "expected %s, got %s", what, got);
}

bool
milter_lexer_charge (MilterLexer *lexer, gsize size)
{
  if (size <= MILTER_SCENARIO_MAX_MEMORY - lexer->memory)
    {
      lexer->memory += size;
      return true;
    }
  lexer->exhausted = true;
  return milter_lexer_fail (lexer,
                            lexer->at,
                            "expected a scenario that takes at most %u MiB of memory, got a larger "
                            "one: use fewer or shorter texts and files",
                            MILTER_SCENARIO_MAX_MEMORY >> 20);
}

/* the first byte of the line that is NUL or not UTF-8 */
static bool
check_encoding (MilterLexer *lexer)
{
  const char *end;
  gsize offset;

  if (lexer->line_size > MILTER_SCENARIO_MAX_LINE)
    return milter_lexer_fail (lexer,
                              0,
                              "expected a line of at most %u MiB, got %" G_GSIZE_FORMAT " bytes",
                              MILTER_SCENARIO_MAX_LINE >> 20,
                              lexer->line_size);
  if (g_utf8_validate_len (lexer->line, lexer->line_size, &end))
    return true;
  offset = (gsize) (end - lexer->line);
  if (*end == '\0')
    return milter_lexer_fail (lexer, offset, "expected text, got a NUL byte (written as \"\\0\")");
  return milter_lexer_fail (lexer,
                            offset,
                            "expected UTF-8, got the byte 0x%02x (written as \"\\x%02x\")",
                            (guint8) *end,
                            (guint8) *end);
}

/* moves to the next line, whatever it holds */
static bool
advance (MilterLexer *lexer)
{
  const char *start = lexer->text + lexer->next;
  const char *end;

  if (lexer->next >= lexer->size || lexer->exhausted)
    return false;
  end = memchr (start, '\n', lexer->size - lexer->next);
  lexer->line = start;
  lexer->line_size = end != NULL ? (gsize) (end - start) : lexer->size - lexer->next;
  lexer->next += lexer->line_size + (end != NULL ? 1 : 0);
  lexer->number = ++lexer->next_number;
  lexer->at = 0;
  lexer->counted = 0;
  lexer->counted_column = 0;
  if (lexer->line_size > 0 && start[lexer->line_size - 1] == '\r')
    lexer->line_size--;
  return true;
}

/* ---- files within files ---- */

bool
milter_lexer_enter (MilterLexer *lexer, const char *path, const char *text, gsize size)
{
  MilterSource source
      = { lexer->path, lexer->text, lexer->size, lexer->next, lexer->next_number };

  /* a file costs something even if it is empty: files that include files make many of few */
  lexer->total += size + sizeof source;
  if (lexer->total > MILTER_SCENARIO_MAX_FILE)
    {
      lexer->exhausted = true;
      return milter_lexer_fail (lexer,
                                lexer->at,
                                "expected a scenario of at most %u MiB with all that it includes, "
                                "got a larger one",
                                MILTER_SCENARIO_MAX_FILE >> 20);
    }
  if (lexer->outer == NULL)
    lexer->outer = g_array_new (FALSE, FALSE, sizeof (MilterSource));
  g_array_append_val (lexer->outer, source);
  lexer->path = path;
  lexer->text = text;
  lexer->size = size;
  lexer->next = 0;
  lexer->next_number = 0;
  skip_byte_order_mark (lexer);
  return true;
}

/* back to the file that includes the present one; false: there is none */
static bool
leave (MilterLexer *lexer)
{
  MilterSource source;

  if (milter_lexer_get_depth (lexer) == 0 || lexer->exhausted)
    return false;
  source = g_array_index (lexer->outer, MilterSource, lexer->outer->len - 1);
  g_array_set_size (lexer->outer, lexer->outer->len - 1);
  lexer->path = source.path;
  lexer->text = source.text;
  lexer->size = source.size;
  lexer->next = source.next;
  lexer->next_number = source.next_number;
  lexer->number = source.next_number;
  return true;
}

guint
milter_lexer_get_depth (const MilterLexer *lexer)
{
  return lexer->outer != NULL ? lexer->outer->len : 0;
}

const char *
milter_lexer_get_path (const MilterLexer *lexer, guint depth)
{
  return depth < milter_lexer_get_depth (lexer)
             ? g_array_index (lexer->outer, MilterSource, depth).path
             : lexer->path;
}

bool
milter_lexer_next_line (MilterLexer *lexer)
{
  lexer->varies = false;
  g_clear_pointer (&lexer->used, g_hash_table_unref);
  do
    while (advance (lexer))
      if (check_encoding (lexer) && !milter_lexer_at_end (lexer))
        return true;
  while (leave (lexer));
  return false;
}

gsize
milter_lexer_skip_blanks (MilterLexer *lexer)
{
  while (lexer->at < lexer->line_size
         && (lexer->line[lexer->at] == ' ' || lexer->line[lexer->at] == '\t'))
    lexer->at++;
  return lexer->at;
}

bool
milter_lexer_at_end (MilterLexer *lexer)
{
  gsize at = milter_lexer_skip_blanks (lexer);

  return at >= lexer->line_size || lexer->line[at] == '#';
}

MilterBytes
milter_lexer_peek_raw (MilterLexer *lexer)
{
  if (milter_lexer_at_end (lexer))
    return milter_bytes (NULL, 0);
  return raw_word_at (lexer, lexer->at);
}

bool
milter_lexer_peek (MilterLexer *lexer, const char *text)
{
  return milter_bytes_equal_string (milter_lexer_peek_raw (lexer), text);
}

bool
milter_lexer_take (MilterLexer *lexer, const char *text)
{
  if (!milter_lexer_peek (lexer, text))
    return false;
  lexer->at += strlen (text);
  return true;
}

bool
milter_lexer_finish_line (MilterLexer *lexer, const char *expected)
{
  if (milter_lexer_at_end (lexer))
    return true;
  return milter_lexer_expected (lexer, lexer->at, "%s", expected);
}

/* ---- here-documents ---- */

/* the present line without the blanks around it */
static MilterBytes
stripped_line (const MilterLexer *lexer, gsize *indent)
{
  const char *start = lexer->line;
  const char *end = start + lexer->line_size;

  while (start < end && (*start == ' ' || *start == '\t'))
    start++;
  while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  *indent = (gsize) (start - lexer->line);
  return milter_bytes (start, (gsize) (end - start));
}

/* Moves to the line that holds only @word. @n_bytes: what stands between, line ends as CRLF. */
static bool
find_end (MilterLexer *lexer, MilterBytes word, MilterBytes *indentation, gsize *n_bytes)
{
  *n_bytes = 0;
  while (advance (lexer))
    {
      gsize indent;

      if (milter_bytes_equal (stripped_line (lexer, &indent), word))
        {
          *indentation = milter_bytes (lexer->line, indent);
          return true;
        }
      *n_bytes += lexer->line_size + 2;
    }
  return false;
}

/* One line of text without the indentation. Blanks alone may be fewer: they are an empty line. */
static bool
append_here_line (MilterLexer *lexer, MilterBytes indentation, GString *text)
{
  gsize indent;
  bool blank = stripped_line (lexer, &indent).size == 0;
  gsize common = 0;

  if (!check_encoding (lexer))
    return false;
  while (common < MIN (indentation.size, lexer->line_size)
         && (guint8) lexer->line[common] == indentation.data[common])
    common++;
  if (common == indentation.size)
    g_string_append_len (text, lexer->line + common, (gssize) (lexer->line_size - common));
  else if (!blank)
    return milter_lexer_expected (lexer,
                                  common,
                                  "the indentation of the line that ends the "
                                  "here-document");
  g_string_append (text, "\r\n");
  return true;
}

/* makes the line of @start the present one again; which one is next stays */
static void
return_to (MilterLexer *lexer, const MilterLexer *start)
{
  lexer->line = start->line;
  lexer->line_size = start->line_size;
  lexer->number = start->number;
  lexer->at = start->at;
  lexer->counted = 0;
  lexer->counted_column = 0;
}

bool
milter_lexer_read_here_document (MilterLexer *lexer, gsize offset, MilterBytes word, GString *text)
{
  MilterLexer start = *lexer;
  gsize n_bytes, next;
  guint end_number;
  MilterBytes indentation;
  bool found = find_end (lexer, word, &indentation, &n_bytes);
  bool ok = true;

  end_number = lexer->number;
  next = lexer->next;
  return_to (lexer, &start);
  lexer->here_number = start.number;
  if (!found)
    return milter_lexer_fail (lexer,
                              offset,
                              "expected a line \"%.*s\" below that ends the here-document, got the "
                              "end of the file",
                              (int) MIN (word.size, MAX_SHOWN),
                              (const char *) word.data);
  if (n_bytes > MILTER_SCENARIO_MAX_WORD)
    return milter_lexer_fail (lexer,
                              offset,
                              "expected a here-document of at most %u MiB, got %" G_GSIZE_FORMAT
                              " bytes",
                              MILTER_SCENARIO_MAX_WORD >> 20,
                              n_bytes);

  lexer->next = start.next;
  lexer->next_number = start.next_number;
  while (ok && advance (lexer) && lexer->number < end_number)
    ok = append_here_line (lexer, indentation, text);
  return_to (lexer, &start);
  lexer->next = next;
  lexer->next_number = end_number;
  return ok;
}

void
milter_lexer_skip_here_document (MilterLexer *lexer)
{
  MilterLexer start = *lexer;
  gsize at = lexer->line_size;
  MilterBytes word, indentation;
  gsize n_bytes;

  if (lexer->here_number == lexer->number)
    return;
  while (at > 0 && strchr (" \t", lexer->line[at - 1]) == NULL)
    at--;
  word = raw_word_at (lexer, at);
  if (word.size <= 2 || memcmp (word.data, "<<", 2) != 0)
    return;
  if (!find_end (lexer, milter_bytes (word.data + 2, word.size - 2), &indentation, &n_bytes))
    *lexer = start;
}
