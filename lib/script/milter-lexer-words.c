/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer-words.c: words, names and values of fields, and rests of the present line.
 */
#include "milter-lexer.h"

#include <string.h>

#include "milter-lexer-private.h"

void
milter_word_clear (MilterWord *word)
{
  if (word->text != NULL)
    g_string_free (word->text, TRUE);
  g_clear_pointer (&word->stars, g_byte_array_unref);
  g_clear_pointer (&word->marks, g_array_unref);
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

/* ---- words ---- */

static bool
take_here_document (MilterLexer *lexer, MilterWord *word)
{
  gsize start = lexer->at + 2;
  gsize end = start;
  MilterBytes name;

  while (!milter_lexer_is_blank_or_end (milter_lexer_byte_at (lexer, end)))
    end++;
  name = milter_bytes (lexer->line + start, end - start);
  for (gsize i = 0; i < name.size; i++)
    if (!g_ascii_isalnum (name.data[i]) && name.data[i] != '_' && name.data[i] != '-')
      return milter_lexer_expected (lexer, lexer->at, "letters and digits behind <<");
  if (name.size == 0)
    return milter_lexer_expected (lexer,
                                  lexer->at,
                                  "the word that ends the here-document behind "
                                  "<<");
  word->kind = MILTER_WORD_HERE_DOCUMENT;
  lexer->at = end;
  return milter_lexer_read_here_document (lexer, word->offset, name, word->text);
}

/* a star, `\*` or another byte where a pattern stands unquoted */
static bool
take_pattern_byte (MilterLexer *lexer, MilterWord *word)
{
  int byte = milter_lexer_byte_at (lexer, lexer->at);

  if (byte == '*')
    {
      lexer->at++;
      return milter_word_append_star (lexer, word);
    }
  if (byte == '\\' && milter_lexer_byte_at (lexer, lexer->at + 1) == '*')
    lexer->at++;
  return milter_word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1));
}

/* A byte of a bare word that does not mean itself everywhere. */
static bool
take_bare_special (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  int byte = milter_lexer_byte_at (lexer, lexer->at);

  if (byte == '$')
    return milter_lexer_take_variable (lexer, word);
  if (byte == '"')
    return milter_lexer_fail (
        lexer,
        lexer->at,
        "expected a blank before \", got it inside a word (put '…' around the "
        "whole word)");
  if (flags & MILTER_LEX_PATTERN)
    return take_pattern_byte (lexer, word);
  return milter_word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1));
}

/* behind the first `=` of a bare word: a quoted value, or a regex, ends the word */
static bool
take_value (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word, bool *ended)
{
  int byte = milter_lexer_byte_at (lexer, lexer->at);

  *ended = true;
  if (milter_lexer_starts_quote (byte))
    return milter_lexer_take_quoted (lexer, flags, word)
           && milter_lexer_expect_blank (lexer, "a quoted text");
  if (byte == '/' && flags & MILTER_LEX_VALUE_PATTERN)
    return milter_lexer_take_regex (lexer, word);
  *ended = false;
  return true;
}

static bool
take_bare (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  for (;;)
    {
      int byte;

      if (!milter_lexer_take_run (lexer, word, " \t$\"\\*="))
        return false;
      byte = milter_lexer_byte_at (lexer, lexer->at);
      if (milter_lexer_is_blank_or_end (byte))
        return true;
      if (byte == '=' && word->key_size == MILTER_WORD_NO_KEY)
        {
          bool ended;

          word->key_size = word->text->len;
          lexer->at++;
          if (!milter_word_append (lexer, word, milter_bytes ("=", 1))
              || !take_value (lexer, flags, word, &ended))
            return false;
          if (ended)
            return true;
        }
      else if (!take_bare_special (lexer, flags, word))
        return false;
    }
}

static bool
take_word (MilterLexer *lexer, MilterTokenKind kind, MilterLexFlags flags, MilterWord *word)
{
  int byte = milter_lexer_byte_at (lexer, lexer->at);
  bool ok;

  if (milter_lexer_starts_quote (byte))
    ok = milter_lexer_take_quoted (lexer, flags, word)
         && milter_lexer_expect_blank (lexer, "a quoted text");
  else if (byte == '/' && flags & MILTER_LEX_PATTERN)
    ok = milter_lexer_take_regex (lexer, word);
  else if (byte == '<' && milter_lexer_byte_at (lexer, lexer->at + 1) == '<'
           && flags & MILTER_LEX_HERE_DOCUMENT)
    ok = take_here_document (lexer, word);
  else
    ok = take_bare (lexer, flags, word);
  return ok && milter_word_end (lexer, word, kind, flags);
}

bool
milter_lexer_word (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  milter_word_begin (lexer, word);
  return take_word (lexer, MILTER_TOKEN_WORD, flags, word);
}

bool
milter_lexer_field_word (MilterLexer *lexer,
                         MilterLexFlags flags,
                         MilterWord *word,
                         bool *leading_blank)
{
  gsize start = lexer->at;

  *leading_blank = milter_lexer_byte_at (lexer, start) == ' ';
  if (*leading_blank)
    start++;
  milter_word_begin (lexer, word);
  /* blanks beyond the usual one are the value's own; a regex sees the text without them */
  return ((milter_lexer_byte_at (lexer, lexer->at) == '/' && flags & MILTER_LEX_PATTERN)
          || milter_word_append (
              lexer, word, milter_bytes (lexer->line + start, lexer->at - start)))
         && take_word (lexer, MILTER_TOKEN_FIELD_WORD, flags, word);
}

/* ---- rest of line ---- */

static bool
take_bare_name (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  for (;;)
    {
      int byte;

      if (!milter_lexer_take_run (lexer, word, " \t:$\"\\*"))
        return false;
      byte = milter_lexer_byte_at (lexer, lexer->at);
      if (milter_lexer_is_blank_or_end (byte) || byte == ':')
        return true;
      if (byte == '*' && flags & MILTER_LEX_PATTERN)
        return milter_lexer_expected (lexer,
                                      word->offset,
                                      "the name of a header field, without "
                                      "stars (a star itself is \\*)");
      if (!take_bare_special (lexer, flags, word))
        return false;
    }
}

bool
milter_lexer_field_name (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word, bool *colon)
{
  bool ok;

  milter_word_begin (lexer, word);
  /* meant as a regular expression it would match no field, and what must not come would not */
  if (milter_lexer_byte_at (lexer, lexer->at) == '/' && flags & MILTER_LEX_PATTERN)
    return milter_lexer_expected (lexer,
                                  lexer->at,
                                  "the name of a header field, not a regular expression (a name that "
                                  "begins with a slash is quoted)");
  if (milter_lexer_starts_quote (milter_lexer_byte_at (lexer, lexer->at)))
    ok = milter_lexer_take_quoted (lexer, MILTER_LEX_PLAIN, word);
  else
    ok = take_bare_name (lexer, flags, word);
  if (!ok)
    return false;
  *colon = milter_lexer_byte_at (lexer, lexer->at) == ':';
  if (!*colon && !milter_lexer_expect_blank (lexer, "a quoted text"))
    return false;
  if (!milter_word_end (lexer, word, MILTER_TOKEN_FIELD_NAME, flags))
    return false;
  if (*colon)
    lexer->at++;
  return true;
}

/* `=>` (in a pattern also `|`) between blanks would look like the next part of the line */
static bool
check_unquoted (MilterLexer *lexer, MilterLexFlags flags, gsize start, gsize end)
{
  for (gsize i = start + 1; i < end; i++)
    {
      bool arrow = lexer->line[i] == '=' && milter_lexer_byte_at (lexer, i + 1) == '>';
      bool bar
          = lexer->line[i] == '|' && flags & (MILTER_LEX_PATTERN | MILTER_LEX_BEHIND_ARROW);
      int before = milter_lexer_byte_at (lexer, i - 1);

      if ((arrow || bar) && (before == ' ' || before == '\t')
          && milter_lexer_is_blank_or_end (milter_lexer_byte_at (lexer, i + (arrow ? 2 : 1))))
        return milter_lexer_expected (
            lexer, i, "quotes around a value that holds \" %s \"", arrow ? "=>" : "|");
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
  ok = milter_lexer_take_run (lexer, word, flags & MILTER_LEX_PATTERN ? "*\\" : "");
  while (ok && lexer->at < end)
    ok = take_pattern_byte (lexer, word) && milter_lexer_take_run (lexer, word, "*\\");
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

  milter_word_begin (lexer, word);
  *leading_blank = milter_lexer_byte_at (lexer, start) == ' ';
  if (*leading_blank)
    start++;
  byte = milter_lexer_byte_at (lexer, lexer->at);
  if (byte == '/' && flags & MILTER_LEX_PATTERN)
    ok = milter_lexer_take_regex (lexer, word);
  else if (milter_lexer_starts_quote (byte))
    ok = milter_word_append (lexer, word, milter_bytes (lexer->line + start, lexer->at - start))
         && milter_lexer_take_quoted (lexer, flags, word)
         && milter_lexer_expect_blank (lexer, "a quoted text");
  else
    {
      /* blanks alone are trailing ones: the field is empty */
      if (byte == -1)
        *leading_blank = false;
      lexer->at = byte == -1 ? lexer->at : start;
      ok = take_rest (lexer, flags, word);
    }
  return ok && milter_word_end (lexer, word, MILTER_TOKEN_FIELD_VALUE, flags);
}

bool
milter_lexer_rest (MilterLexer *lexer, MilterWord *word)
{
  bool ok;

  milter_word_begin (lexer, word);
  if (milter_lexer_starts_quote (milter_lexer_byte_at (lexer, lexer->at)))
    ok = milter_lexer_take_quoted (lexer, MILTER_LEX_PLAIN, word)
         && milter_lexer_expect_blank (lexer, "a quoted text");
  else
    ok = take_rest (lexer, MILTER_LEX_PLAIN, word);
  return ok && milter_word_end (lexer, word, MILTER_TOKEN_REST, MILTER_LEX_PLAIN);
}
