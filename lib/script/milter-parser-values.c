/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-values.c: single arguments: words, names, patterns, durations, letters, bytes.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-values.h"

bool
milter_parser_more (MilterParser *parser)
{
  MilterLexer *lexer = &parser->lexer;

  if (milter_lexer_at_end (lexer) || milter_lexer_peek (lexer, "=>"))
    return false;
  return !parser->behind_arrow
         || (!milter_lexer_peek (lexer, "|") && !milter_lexer_peek (lexer, "within"));
}

bool
milter_parser_word (MilterParser *parser, MilterLexFlags flags, const char *what, MilterWord *word)
{
  if (!milter_parser_more (parser))
    return milter_lexer_expected (&parser->lexer, parser->lexer.at, "%s", what);
  return milter_lexer_word (&parser->lexer, flags, word);
}

GBytes *
milter_parser_bytes (const MilterWord *word, gsize start)
{
  MilterBytes bytes = milter_word_bytes (word, start);

  return g_bytes_new (bytes.data, bytes.size);
}

char *
milter_parser_name (const MilterWord *word)
{
  return g_utf8_make_valid (word->text->str, (gssize) word->text->len);
}

/* GLib's sentence names the whole expression again, which can be long: what it says behind it is
 * enough where the column is known */
static const char *
reason (const GError *error)
{
  static const char mark[] = " at char ";
  const char *at = NULL;

  for (const char *next = strstr (error->message, mark); next != NULL;
       next = strstr (next + 1, mark))
    at = next;
  return at != NULL ? at + 1 : error->message;
}

/* what a pattern holds besides its text: a star costs a place in the list of pieces, an expression
 * its compiled form */
static gsize
pattern_cost (const MilterWord *word)
{
  gsize cost = word->kind == MILTER_WORD_REGEX
                   ? 1024 + 16 * MIN (word->text->len, MILTER_PATTERN_MAX_REGEX)
                   : 64;

  if (word->stars != NULL)
    for (guint i = 0; i < word->stars->len; i++)
      cost += word->stars->data[i] ? 17 : 1;
  return cost;
}

MilterPattern *
milter_parser_pattern (MilterParser *parser, const MilterWord *word, gsize start)
{
  g_autoptr (GError) error = NULL;
  MilterPattern *pattern;

  if (!milter_lexer_charge (&parser->lexer, pattern_cost (word)))
    return NULL;
  pattern = milter_word_to_pattern (word, start, &error);
  if (pattern == NULL)
    milter_lexer_fail (&parser->lexer,
                       word->offset,
                       "expected a regular expression, got an error: %s",
                       reason (error));
  return pattern;
}

bool
milter_parser_field_word (MilterParser *parser,
                          MilterLexFlags flags,
                          MilterWord *word,
                          bool *leading_blank)
{
  gsize behind_colon = parser->lexer.at;

  if (milter_parser_more (parser))
    {
      parser->lexer.at = behind_colon;
      return milter_lexer_field_word (&parser->lexer, flags, word, leading_blank);
    }
  /* blanks alone are trailing ones: the field is empty */
  *leading_blank = false;
  word->text = g_string_new (NULL);
  word->offset = parser->lexer.at;
  return true;
}

bool
milter_parser_duration (MilterParser *parser, gint64 *duration_us)
{
  static const char what[] = "a duration with its unit, as 200ms, 1.5s or 2m";
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_DURATION);
  if (!milter_value_parse_duration (milter_word_bytes (&word, 0), duration_us))
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  return true;
}

/* in a bare word a backslash is itself, but here an escape of one byte may stand without quotes */
static bool
unescape_letter (const MilterWord *word, guint8 *letter)
{
  const char *text = word->text->str;

  if (word->kind != MILTER_WORD_BARE || word->text->len != 4 || text[0] != '\\' || text[1] != 'x'
      || !g_ascii_isxdigit (text[2]) || !g_ascii_isxdigit (text[3]))
    return false;
  *letter = (guint8) (g_ascii_xdigit_value (text[2]) << 4 | g_ascii_xdigit_value (text[3]));
  return true;
}

bool
milter_parser_letter (MilterParser *parser, guint8 *letter)
{
  static const char what[] = "a letter, or one byte as \"\\x07\"";
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  if (unescape_letter (&word, letter))
    return true;
  if (word.text->len != 1)
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  *letter = (guint8) word.text->str[0];
  return true;
}

bool
milter_parser_frame (MilterParser *parser, guint8 *letter, GBytes **bytes)
{
  *bytes = NULL;
  if (!milter_parser_letter (parser, letter))
    return false;
  return !milter_parser_more (parser) || milter_parser_raw (parser, bytes);
}

bool
milter_parser_raw (MilterParser *parser, GBytes **bytes)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "bytes", &word))
    return false;
  milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_TEXT);
  *bytes = milter_parser_bytes (&word, 0);
  return true;
}
