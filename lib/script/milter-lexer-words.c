/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer-words.c: words, quotes, escapes, regexes and rest-of-line values of the present line.
 */
#include "milter-lexer.h"

#include <string.h>

#include "milter-lexer-private.h"
#include "milter-values.h"

/* what a word costs besides its bytes: the blocks that hold it */
#define WORD_COST 64

void
milter_word_clear (MilterWord *word)
{
  if (word->text != NULL)
    g_string_free (word->text, TRUE);
  g_clear_pointer (&word->stars, g_byte_array_unref);
  *word = (MilterWord) MILTER_WORD_INIT;
}

MilterBytes
milter_word_bytes (const MilterWord *word, gsize start)
{
  return milter_bytes (word->text->str + start, word->text->len - start);
}

MilterBytes
milter_word_key (const MilterWord *word)
{
  return milter_bytes (word->text->str, word->key_size);
}

MilterBytes
milter_word_value (const MilterWord *word)
{
  return milter_word_bytes (word, word->key_size + 1);
}

bool
milter_word_has_key (const MilterWord *word, const char *key)
{
  return word->key_size != MILTER_WORD_NO_KEY
         && milter_bytes_equal_string (milter_word_key (word), key);
}

bool
milter_word_is (const MilterWord *word, const char *text)
{
  return word->kind == MILTER_WORD_BARE && word->stars == NULL
         && milter_bytes_equal_string (milter_word_bytes (word, 0), text);
}

MilterPattern *
milter_word_to_pattern (const MilterWord *word, gsize start, GError **error)
{
  g_autofree guint8 *stars = NULL;
  MilterBytes bytes = milter_word_bytes (word, start);

  if (word->kind == MILTER_WORD_REGEX)
    return milter_pattern_new_regex (word->text->str + start, word->caseless, error);
  if (word->stars == NULL || word->stars->len <= start)
    return milter_pattern_new_literal (bytes);
  stars = g_malloc0 (bytes.size);
  memcpy (stars, word->stars->data + start, word->stars->len - start);
  return milter_pattern_new_glob (bytes, stars);
}

static void
word_begin (MilterLexer *lexer, MilterWord *word)
{
  milter_word_clear (word);
  word->text = g_string_new (NULL);
  word->offset = milter_lexer_skip_blanks (lexer);
}

static bool
word_append (MilterLexer *lexer, MilterWord *word, MilterBytes bytes)
{
  if (bytes.size > MILTER_SCENARIO_MAX_WORD - word->text->len)
    return milter_lexer_fail (lexer, word->offset,
                              "expected a text of at most %u MiB, got a longer one",
                              MILTER_SCENARIO_MAX_WORD >> 20);
  if (bytes.size > 0)
    g_string_append_len (word->text, (const char *) bytes.data, (gssize) bytes.size);
  return true;
}

/* stars up to the length of the text */
static void
pad_stars (MilterWord *word)
{
  guint before = word->stars->len;

  g_byte_array_set_size (word->stars, (guint) word->text->len);
  memset (word->stars->data + before, 0, word->text->len - before);
}

static bool
word_append_star (MilterLexer *lexer, MilterWord *word)
{
  if (!word_append (lexer, word, milter_bytes ("*", 1)))
    return false;
  if (word->stars == NULL)
    word->stars = g_byte_array_new ();
  pad_stars (word);
  word->stars->data[word->stars->len - 1] = 1;
  return true;
}

static bool
word_end (MilterLexer *lexer, const MilterWord *word)
{
  return milter_lexer_charge (lexer, word->text->len + WORD_COST);
}

static int
byte_at (const MilterLexer *lexer, gsize at)
{
  return at < lexer->line_size ? (guint8) lexer->line[at] : -1;
}

static bool
is_blank_or_end (int byte)
{
  return byte == ' ' || byte == '\t' || byte == -1;
}

static bool
expect_blank (MilterLexer *lexer, const char *behind)
{
  if (is_blank_or_end (byte_at (lexer, lexer->at)))
    return true;
  return milter_lexer_expected (lexer, lexer->at, "a blank or the end of the line behind %s",
                                behind);
}

/* ---- variables ---- */

static bool
append_variable (MilterLexer *lexer, MilterWord *word, gsize offset, MilterBytes bytes)
{
  g_autofree char *name = g_strndup ((const char *) bytes.data, bytes.size);
  GBytes *value;
  gsize size;
  const void *data;

  value = g_hash_table_lookup (lexer->variables, name);
  if (value != NULL)
    {
      data = g_bytes_get_data (value, &size);
      return word_append (lexer, word, milter_bytes (data, size));
    }
  if (milter_lexer_is_predefined (name))
    return milter_lexer_fail (lexer, offset,
                              "expected a variable that this version sets, got $%s", name);
  return milter_lexer_fail (lexer, offset,
                            "expected a variable that was set with let, got $%.40s (a dollar sign "
                            "is written $$)",
                            name);
}

/* `$NAME`, `${NAME}` or `$$`, at the dollar sign */
static bool
take_variable (MilterLexer *lexer, MilterWord *word)
{
  gsize offset = lexer->at++;
  bool braces = byte_at (lexer, lexer->at) == '{';
  gsize start, end;
  MilterBytes name;

  if (byte_at (lexer, lexer->at) == '$')
    {
      lexer->at++;
      return word_append (lexer, word, milter_bytes ("$", 1));
    }
  start = lexer->at + (braces ? 1 : 0);
  for (end = start; g_ascii_isalnum (byte_at (lexer, end)) || byte_at (lexer, end) == '_';)
    end++;
  name = milter_bytes (lexer->line + start, end - start);
  if (!milter_lexer_is_variable_name (name))
    return milter_lexer_expected (lexer, offset, "the name of a variable behind $ (a dollar sign "
                                                 "is written $$)");
  if (braces && byte_at (lexer, end) != '}')
    return milter_lexer_expected (lexer, offset, "} behind the name of a variable");
  lexer->at = end + (braces ? 1 : 0);
  return append_variable (lexer, word, offset, name);
}

/* ---- quotes ---- */

static const struct
{
  char letter;
  char byte;
} escapes[] = {
  { '0', '\0' }, { 'r', '\r' }, { 'n', '\n' }, { 't', '\t' },
  { '\\', '\\' }, { '"', '"' }, { '$', '$' }, { '*', '*' },
};

/* `\n`, `\x0a`, at the backslash */
static bool
take_escape (MilterLexer *lexer, MilterWord *word)
{
  int letter = byte_at (lexer, lexer->at + 1);
  int high, low;
  char byte;

  for (gsize i = 0; i < G_N_ELEMENTS (escapes); i++)
    if (escapes[i].letter == letter)
      {
        lexer->at += 2;
        return word_append (lexer, word, milter_bytes (&escapes[i].byte, 1));
      }
  if (letter != 'x')
    return milter_lexer_expected (lexer, lexer->at,
                                  "one of \\0 \\r \\n \\t \\\\ \\\" \\$ \\* \\xHH");
  high = g_ascii_xdigit_value ((char) MAX (byte_at (lexer, lexer->at + 2), 0));
  low = g_ascii_xdigit_value ((char) MAX (byte_at (lexer, lexer->at + 3), 0));
  if (high < 0 || low < 0)
    return milter_lexer_expected (lexer, lexer->at, "two hexadecimal digits behind \\x");
  byte = (char) (high << 4 | low);
  lexer->at += 4;
  return word_append (lexer, word, milter_bytes (&byte, 1));
}

/* the bytes that mean themselves, up to one of @special */
static bool
take_run (MilterLexer *lexer, MilterWord *word, const char *special)
{
  gsize start = lexer->at;

  while (lexer->at < lexer->line_size && strchr (special, lexer->line[lexer->at]) == NULL)
    lexer->at++;
  return word_append (lexer, word, milter_bytes (lexer->line + start, lexer->at - start));
}

/* fills @size bytes with copies of the first @filled ones */
static void
repeat_bytes (void *data, gsize filled, gsize size)
{
  guint8 *bytes = data;

  while (filled < size)
    {
      gsize n = MIN (filled, size - filled);

      memcpy (bytes + filled, bytes, n);
      filled += n;
    }
}

/* `*N` behind "…": the text from @start on, N times */
static bool
take_repeat (MilterLexer *lexer, MilterWord *word, gsize start)
{
  gsize offset = lexer->at + 1;
  gsize end = offset;
  gsize size = word->text->len - start;
  guint64 n;

  while (g_ascii_isalnum (byte_at (lexer, end)))
    end++;
  if (!milter_value_parse_size (milter_bytes (lexer->line + offset, end - offset), &n))
    return milter_lexer_expected (lexer, offset, "how many times, as \"…\"*10");
  if (size > 0 && n > (MILTER_SCENARIO_MAX_WORD - start) / size)
    return milter_lexer_expected (lexer, offset, "a text of at most %u MiB in all",
                                  MILTER_SCENARIO_MAX_WORD >> 20);
  lexer->at = end;

  if (word->stars != NULL)
    pad_stars (word);
  g_string_set_size (word->text, start + size * n);
  if (word->stars != NULL)
    g_byte_array_set_size (word->stars, (guint) word->text->len);
  if (size == 0 || n < 2)
    return true;
  repeat_bytes (word->text->str + start, size, size * n);
  if (word->stars != NULL)
    repeat_bytes (word->stars->data + start, size, size * n);
  return true;
}

/* `"…"` and `"…"*N`, at the quote */
static bool
take_double_quoted (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  const char *special = flags & MILTER_LEX_PATTERN ? "\"\\$*" : "\"\\$";
  gsize offset = lexer->at++;
  gsize start = word->text->len;

  word->kind = MILTER_WORD_QUOTED;
  for (;;)
    {
      bool ok;
      int byte;

      if (!take_run (lexer, word, special))
        return false;
      byte = byte_at (lexer, lexer->at);
      if (byte == '"')
        break;
      if (byte == -1)
        return milter_lexer_fail (lexer, offset, "expected a closing \", got the end of the line");
      if (byte == '\\')
        ok = take_escape (lexer, word);
      else if (byte == '$')
        ok = take_variable (lexer, word);
      else
        {
          lexer->at++;
          ok = word_append_star (lexer, word);
        }
      if (!ok)
        return false;
    }
  lexer->at++;
  if (byte_at (lexer, lexer->at) == '*')
    return take_repeat (lexer, word, start);
  return true;
}

/* `'…'`, at the quote */
static bool
take_single_quoted (MilterLexer *lexer, MilterWord *word)
{
  gsize offset = lexer->at++;

  word->kind = MILTER_WORD_LITERAL;
  if (!take_run (lexer, word, "'"))
    return false;
  if (byte_at (lexer, lexer->at) == -1)
    return milter_lexer_fail (lexer, offset, "expected a closing ', got the end of the line");
  lexer->at++;
  return true;
}

/* `/…/` and `/…/i`, at the slash. `\/` becomes a slash, so that the expression is that of other
 * programs; a backslash before anything else is the expression's own. */
static bool
take_regex (MilterLexer *lexer, MilterWord *word)
{
  gsize offset = lexer->at++;

  word->kind = MILTER_WORD_REGEX;
  for (;;)
    {
      if (!take_run (lexer, word, "\\/"))
        return false;
      if (byte_at (lexer, lexer->at) == '/')
        break;
      if (byte_at (lexer, lexer->at + 1) == -1)
        return milter_lexer_fail (lexer, offset,
                                  "expected a closing / of the regular expression (a text that "
                                  "begins with a slash is quoted), got the end of the line");
      if (byte_at (lexer, lexer->at + 1) == '/')
        lexer->at++;
      else if (!word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1)))
        return false;
      if (!word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1)))
        return false;
    }
  lexer->at++;
  if (byte_at (lexer, lexer->at) == 'i')
    {
      word->caseless = true;
      lexer->at++;
    }
  return expect_blank (lexer, "a regular expression");
}

/* any kind of quote; false without an error for other bytes is not possible: ask starts_quote() */
static bool
take_quoted (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  if (byte_at (lexer, lexer->at) == '"')
    return take_double_quoted (lexer, flags, word);
  return take_single_quoted (lexer, word);
}

static bool
starts_quote (int byte)
{
  return byte == '"' || byte == '\'';
}

/* ---- words ---- */

static bool
take_here_document (MilterLexer *lexer, MilterWord *word)
{
  gsize start = lexer->at + 2;
  gsize end = start;
  MilterBytes name;

  while (!is_blank_or_end (byte_at (lexer, end)))
    end++;
  name = milter_bytes (lexer->line + start, end - start);
  for (gsize i = 0; i < name.size; i++)
    if (!g_ascii_isalnum (name.data[i]) && name.data[i] != '_' && name.data[i] != '-')
      return milter_lexer_expected (lexer, lexer->at, "letters and digits behind <<");
  if (name.size == 0)
    return milter_lexer_expected (lexer, lexer->at, "the word that ends the here-document behind "
                                                    "<<");
  word->kind = MILTER_WORD_HERE_DOCUMENT;
  lexer->at = end;
  return milter_lexer_read_here_document (lexer, word->offset, name, word->text);
}

/* a star, `\*` or another byte where a pattern stands unquoted */
static bool
take_pattern_byte (MilterLexer *lexer, MilterWord *word)
{
  int byte = byte_at (lexer, lexer->at);

  if (byte == '*')
    {
      lexer->at++;
      return word_append_star (lexer, word);
    }
  if (byte == '\\' && byte_at (lexer, lexer->at + 1) == '*')
    lexer->at++;
  return word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1));
}

/* A byte of a bare word that does not mean itself everywhere. */
static bool
take_bare_special (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  int byte = byte_at (lexer, lexer->at);

  if (byte == '$')
    return take_variable (lexer, word);
  if (byte == '"')
    return milter_lexer_fail (lexer, lexer->at,
                              "expected a blank before \", got it inside a word (put '…' around the "
                              "whole word)");
  if (flags & MILTER_LEX_PATTERN)
    return take_pattern_byte (lexer, word);
  return word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1));
}

/* behind the first `=` of a bare word: a quoted value, or a regex, ends the word */
static bool
take_value (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word, bool *ended)
{
  int byte = byte_at (lexer, lexer->at);

  *ended = true;
  if (starts_quote (byte))
    return take_quoted (lexer, flags, word) && expect_blank (lexer, "a quoted text");
  if (byte == '/' && flags & MILTER_LEX_VALUE_PATTERN)
    return take_regex (lexer, word);
  *ended = false;
  return true;
}

static bool
take_bare (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  for (;;)
    {
      int byte;

      if (!take_run (lexer, word, " \t$\"\\*="))
        return false;
      byte = byte_at (lexer, lexer->at);
      if (is_blank_or_end (byte))
        return true;
      if (byte == '=' && word->key_size == MILTER_WORD_NO_KEY)
        {
          bool ended;

          word->key_size = word->text->len;
          lexer->at++;
          if (!word_append (lexer, word, milter_bytes ("=", 1))
              || !take_value (lexer, flags, word, &ended))
            return false;
          if (ended)
            return true;
        }
      else if (!take_bare_special (lexer, flags, word))
        return false;
    }
}

bool
milter_lexer_word (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  int byte;
  bool ok;

  word_begin (lexer, word);
  byte = byte_at (lexer, lexer->at);
  if (starts_quote (byte))
    ok = take_quoted (lexer, flags, word) && expect_blank (lexer, "a quoted text");
  else if (byte == '/' && flags & MILTER_LEX_PATTERN)
    ok = take_regex (lexer, word);
  else if (byte == '<' && byte_at (lexer, lexer->at + 1) == '<' && flags & MILTER_LEX_HERE_DOCUMENT)
    ok = take_here_document (lexer, word);
  else
    ok = take_bare (lexer, flags, word);
  return ok && word_end (lexer, word);
}

/* ---- rest of line ---- */

static bool
take_bare_name (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  for (;;)
    {
      int byte;

      if (!take_run (lexer, word, " \t:$\"\\*"))
        return false;
      byte = byte_at (lexer, lexer->at);
      if (is_blank_or_end (byte) || byte == ':')
        return true;
      if (byte == '*' && flags & MILTER_LEX_PATTERN)
        return milter_lexer_expected (lexer, word->offset, "the name of a header field, without "
                                                           "stars (a star itself is \\*)");
      if (!take_bare_special (lexer, flags, word))
        return false;
    }
}

bool
milter_lexer_field_name (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word, bool *colon)
{
  bool ok;

  word_begin (lexer, word);
  if (starts_quote (byte_at (lexer, lexer->at)))
    ok = take_quoted (lexer, MILTER_LEX_PLAIN, word);
  else
    ok = take_bare_name (lexer, flags, word);
  if (!ok)
    return false;
  *colon = byte_at (lexer, lexer->at) == ':';
  if (*colon)
    lexer->at++;
  else if (!expect_blank (lexer, "a quoted text"))
    return false;
  return word_end (lexer, word);
}

/* `=>` (in a pattern also `|`) between blanks would look like the next part of the line */
static bool
check_unquoted (MilterLexer *lexer, MilterLexFlags flags, gsize start, gsize end)
{
  for (gsize i = start + 1; i < end; i++)
    {
      bool arrow = lexer->line[i] == '=' && byte_at (lexer, i + 1) == '>';
      bool bar = lexer->line[i] == '|' && flags & MILTER_LEX_PATTERN;
      int before = byte_at (lexer, i - 1);

      if ((arrow || bar) && (before == ' ' || before == '\t')
          && is_blank_or_end (byte_at (lexer, i + (arrow ? 2 : 1))))
        return milter_lexer_expected (lexer, i, "quotes around a value that holds \" %s \"",
                                      arrow ? "=>" : "|");
    }
  return true;
}

/* What stands from here to the end of the line, trailing blanks left out. */
static bool
take_rest (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  gsize line_size = lexer->line_size;
  gsize start = lexer->at;
  gsize end = line_size;
  bool ok;

  while (end > start && (lexer->line[end - 1] == ' ' || lexer->line[end - 1] == '\t'))
    end--;
  if (!check_unquoted (lexer, flags, start > 0 ? start - 1 : 0, end))
    return false;

  lexer->line_size = end;
  ok = take_run (lexer, word, flags & MILTER_LEX_PATTERN ? "*\\" : "");
  while (ok && lexer->at < end)
    ok = take_pattern_byte (lexer, word) && take_run (lexer, word, "*\\");
  lexer->line_size = line_size;
  if (ok)
    lexer->at = line_size;
  return ok;
}

bool
milter_lexer_field_value (MilterLexer *lexer,
                          MilterLexFlags flags,
                          MilterWord *word,
                          bool *leading_blank)
{
  gsize start = lexer->at;
  int byte;
  bool ok;

  word_begin (lexer, word);
  *leading_blank = byte_at (lexer, start) == ' ';
  if (*leading_blank)
    start++;
  byte = byte_at (lexer, lexer->at);
  if (byte == '/' && flags & MILTER_LEX_PATTERN)
    ok = take_regex (lexer, word);
  else if (starts_quote (byte))
    ok = word_append (lexer, word, milter_bytes (lexer->line + start, lexer->at - start))
         && take_quoted (lexer, flags, word) && expect_blank (lexer, "a quoted text");
  else
    {
      /* blanks alone are trailing ones: the field is empty */
      if (byte == -1)
        *leading_blank = false;
      lexer->at = byte == -1 ? lexer->at : start;
      ok = take_rest (lexer, flags, word);
    }
  return ok && word_end (lexer, word);
}

bool
milter_lexer_rest (MilterLexer *lexer, MilterWord *word)
{
  bool ok;

  word_begin (lexer, word);
  if (starts_quote (byte_at (lexer, lexer->at)))
    ok = take_quoted (lexer, MILTER_LEX_PLAIN, word) && expect_blank (lexer, "a quoted text");
  else
    ok = take_rest (lexer, MILTER_LEX_PLAIN, word);
  return ok && word_end (lexer, word);
}
