/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer-text.c: what a word is filled with: runs of bytes, quotes, escapes, regexes.
 */
#include "milter-lexer-private.h"

#include <string.h>

#include "milter-values.h"

/* what a word costs besides its bytes: the blocks that hold it */
#define WORD_COST 128

void
milter_word_begin (MilterLexer *lexer, MilterWord *word)
{
  milter_word_clear (word);
  word->text = g_string_new (NULL);
  word->offset = milter_lexer_skip_blanks (lexer);
}

bool
milter_word_append (MilterLexer *lexer, MilterWord *word, MilterBytes bytes)
{
  if (bytes.size > MILTER_SCENARIO_MAX_WORD - word->text->len)
    return milter_lexer_fail (lexer,
                              word->offset,
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

bool
milter_word_append_star (MilterLexer *lexer, MilterWord *word)
{
  if (!milter_word_append (lexer, word, milter_bytes ("*", 1)))
    return false;
  if (word->stars == NULL)
    word->stars = g_byte_array_new ();
  pad_stars (word);
  word->stars->data[word->stars->len - 1] = 1;
  return true;
}

static void
note (MilterLexer *lexer, const MilterWord *word, MilterTokenKind kind, MilterLexFlags flags)
{
  gsize end = lexer->at;
  MilterToken token = {
    .kind = kind,
    .form = word->kind,
    .pattern = (flags & MILTER_LEX_PATTERN) != 0,
    .behind_arrow = (flags & (MILTER_LEX_PATTERN | MILTER_LEX_BEHIND_ARROW)) != 0,
    .key_size = G_MAXSIZE,
  };

  while (end > word->offset && milter_lexer_is_blank_or_end (milter_lexer_byte_at (lexer, end - 1)))
    end--;
  /* as it is written, where a variable may stand in it */
  if (word->key_size != MILTER_WORD_NO_KEY
      && (kind == MILTER_TOKEN_WORD || kind == MILTER_TOKEN_FIELD_WORD))
    token.key_size = (gsize) ((const char *) memchr (lexer->line + word->offset, '=', end - word->offset)
                              - (lexer->line + word->offset));
  milter_tokens_add (lexer->tokens, lexer->line + word->offset, end - word->offset, &token);
}

void
milter_lexer_set_role (MilterLexer *lexer, MilterTokenRole role)
{
  if (lexer->tokens != NULL)
    milter_tokens_set_role (lexer->tokens, role);
}

bool
milter_word_end (MilterLexer *lexer,
                 const MilterWord *word,
                 MilterTokenKind kind,
                 MilterLexFlags flags)
{
  if (lexer->tokens != NULL)
    note (lexer, word, kind, flags);
  return milter_lexer_charge (lexer, word->text->len + WORD_COST);
}

int
milter_lexer_byte_at (const MilterLexer *lexer, gsize at)
{
  return at < lexer->line_size ? (guint8) lexer->line[at] : -1;
}

bool
milter_lexer_is_blank_or_end (int byte)
{
  return byte == ' ' || byte == '\t' || byte == -1;
}

bool
milter_lexer_expect_blank (MilterLexer *lexer, const char *behind)
{
  if (milter_lexer_is_blank_or_end (milter_lexer_byte_at (lexer, lexer->at)))
    return true;
  return milter_lexer_expected (
      lexer, lexer->at, "a blank or the end of the line behind %s", behind);
}

/* ---- quotes ---- */

static const struct
{
  char letter;
  char byte;
} escapes[] = {
  { '0', '\0' },  { 'r', '\r' }, { 'n', '\n' }, { 't', '\t' },
  { '\\', '\\' }, { '"', '"' },  { '$', '$' },  { '*', '*' },
};

/* `\n`, `\x0a`, at the backslash */
bool
milter_lexer_take_escape (MilterLexer *lexer, MilterWord *word)
{
  int letter = milter_lexer_byte_at (lexer, lexer->at + 1);
  int high, low;
  char byte;

  for (gsize i = 0; i < G_N_ELEMENTS (escapes); i++)
    if (escapes[i].letter == letter)
      {
        lexer->at += 2;
        return milter_word_append (lexer, word, milter_bytes (&escapes[i].byte, 1));
      }
  if (letter != 'x')
    return milter_lexer_expected (
        lexer, lexer->at, "one of \\0 \\r \\n \\t \\\\ \\\" \\$ \\* \\xHH");
  high = g_ascii_xdigit_value ((char) MAX (milter_lexer_byte_at (lexer, lexer->at + 2), 0));
  low = g_ascii_xdigit_value ((char) MAX (milter_lexer_byte_at (lexer, lexer->at + 3), 0));
  if (high < 0 || low < 0)
    return milter_lexer_expected (lexer, lexer->at, "two hexadecimal digits behind \\x");
  byte = (char) (high << 4 | low);
  lexer->at += 4;
  return milter_word_append (lexer, word, milter_bytes (&byte, 1));
}

/* the bytes that mean themselves, up to one of @special */
bool
milter_lexer_take_run (MilterLexer *lexer, MilterWord *word, const char *special)
{
  gsize start = lexer->at;

  while (lexer->at < lexer->line_size && strchr (special, lexer->line[lexer->at]) == NULL)
    lexer->at++;
  return milter_word_append (lexer, word, milter_bytes (lexer->line + start, lexer->at - start));
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

/* the places of $n and $p in the text from @start on, of @size bytes, @n times */
static bool
repeat_marks (MilterLexer *lexer, MilterWord *word, gsize start, gsize size, guint64 n)
{
  guint first = 0, n_marks;

  if (word->marks == NULL)
    return true;
  while (first < word->marks->len
         && g_array_index (word->marks, MilterMark, first).offset < start)
    first++;
  n_marks = word->marks->len - first;
  if (n == 0)
    g_array_set_size (word->marks, first);
  if (n < 2 || n_marks == 0)
    return true;
  /* n marks are at least as many bytes of text, so that this does not wrap */
  if (!milter_lexer_charge (lexer, (n - 1) * n_marks * sizeof (MilterMark)))
    return false;
  for (guint64 copy = 1; copy < n; copy++)
    for (guint i = first; i < first + n_marks; i++)
      {
        MilterMark mark = g_array_index (word->marks, MilterMark, i);

        mark.offset += copy * size;
        g_array_append_val (word->marks, mark);
      }
  return true;
}

/* `*N` behind "…": the text from @start on, N times */
static bool
take_repeat (MilterLexer *lexer, MilterWord *word, gsize start)
{
  gsize offset = lexer->at + 1;
  gsize end = offset;
  gsize size = word->text->len - start;
  guint64 n;

  while (g_ascii_isalnum (milter_lexer_byte_at (lexer, end)))
    end++;
  if (!milter_value_parse_size (milter_bytes (lexer->line + offset, end - offset), &n))
    return milter_lexer_expected (lexer, offset, "how many times, as \"…\"*10");
  if (size > 0 && n > (MILTER_SCENARIO_MAX_WORD - start) / size)
    return milter_lexer_expected (
        lexer, offset, "a text of at most %u MiB in all", MILTER_SCENARIO_MAX_WORD >> 20);
  lexer->at = end;
  if (!repeat_marks (lexer, word, start, size, n))
    return false;

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

      if (!milter_lexer_take_run (lexer, word, special))
        return false;
      byte = milter_lexer_byte_at (lexer, lexer->at);
      if (byte == '"')
        break;
      if (byte == -1)
        return milter_lexer_fail (lexer, offset, "expected a closing \", got the end of the line");
      if (byte == '\\')
        ok = milter_lexer_take_escape (lexer, word);
      else if (byte == '$')
        ok = milter_lexer_take_variable (lexer, word);
      else
        {
          lexer->at++;
          ok = milter_word_append_star (lexer, word);
        }
      if (!ok)
        return false;
    }
  lexer->at++;
  if (milter_lexer_byte_at (lexer, lexer->at) == '*')
    return take_repeat (lexer, word, start);
  return true;
}

/* `'…'`, at the quote */
static bool
take_single_quoted (MilterLexer *lexer, MilterWord *word)
{
  gsize offset = lexer->at++;

  word->kind = MILTER_WORD_LITERAL;
  if (!milter_lexer_take_run (lexer, word, "'"))
    return false;
  if (milter_lexer_byte_at (lexer, lexer->at) == -1)
    return milter_lexer_fail (lexer, offset, "expected a closing ', got the end of the line");
  lexer->at++;
  return true;
}

/* `/…/` and `/…/i`, at the slash. `\/` becomes a slash, so that the expression is that of other
 * programs; a backslash before anything else is the expression's own. */
bool
milter_lexer_take_regex (MilterLexer *lexer, MilterWord *word)
{
  gsize offset = lexer->at++;

  word->kind = MILTER_WORD_REGEX;
  for (;;)
    {
      if (!milter_lexer_take_run (lexer, word, "\\/"))
        return false;
      if (milter_lexer_byte_at (lexer, lexer->at) == '/')
        break;
      if (milter_lexer_byte_at (lexer, lexer->at + 1) == -1)
        return milter_lexer_fail (lexer,
                                  offset,
                                  "expected a closing / of the regular expression (a text that "
                                  "begins with a slash is quoted), got the end of the line");
      if (milter_lexer_byte_at (lexer, lexer->at + 1) == '/')
        lexer->at++;
      else if (!milter_word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1)))
        return false;
      if (!milter_word_append (lexer, word, milter_bytes (lexer->line + lexer->at++, 1)))
        return false;
    }
  lexer->at++;
  if (milter_lexer_byte_at (lexer, lexer->at) == 'i')
    {
      word->caseless = true;
      lexer->at++;
    }
  return milter_lexer_expect_blank (lexer, "a regular expression");
}

/* any kind of quote; false without an error for other bytes is not possible: ask starts_quote() */
bool
milter_lexer_take_quoted (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word)
{
  if (milter_lexer_byte_at (lexer, lexer->at) == '"')
    return take_double_quoted (lexer, flags, word);
  return take_single_quoted (lexer, word);
}

bool
milter_lexer_starts_quote (int byte)
{
  return byte == '"' || byte == '\'';
}
