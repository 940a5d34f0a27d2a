/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-trace.c: what recordings have besides other scenarios: the time of a line, and the
 * connection that it belongs to.
 */
#include "milter-parser-private.h"

#include <string.h>

/* +SECONDS: kept as nanoseconds; with the latest start they still fit 64 bits */
#define DIGITS      9
#define MAX_SECONDS G_GINT64_CONSTANT (1900000000)

/* what a connection costs besides its session */
#define CONNECTION_COST 256

/* of a recording */
#define FIRST_YEAR 1970
#define LAST_YEAR  2199

static bool
parse_seconds (MilterBytes text, gint64 *time_ns)
{
  guint64 seconds = 0, part = 0;
  gsize i = 0, digits = 0;

  for (; i < text.size && g_ascii_isdigit (text.data[i]); i++)
    {
      seconds = seconds * 10 + (guint64) (text.data[i] - '0');
      if (seconds > (guint64) MAX_SECONDS)
        return false;
    }
  if (i == 0)
    return false;
  if (i < text.size && text.data[i] == '.')
    {
      for (i++; i < text.size && g_ascii_isdigit (text.data[i]) && digits < DIGITS; i++, digits++)
        part = part * 10 + (guint64) (text.data[i] - '0');
      if (digits == 0)
        return false;
    }
  for (; digits < DIGITS; digits++)
    part *= 10;
  *time_ns = (gint64) (seconds * 1000000000 + part);
  return i == text.size;
}

/* +SECONDS */
static bool
take_time (MilterParser *parser)
{
  MilterLexer *lexer = &parser->lexer;
  MilterBytes raw = milter_lexer_peek_raw (lexer);

  parser->has_time = raw.size > 0 && raw.data[0] == '+';
  if (!parser->has_time)
    return true;
  if (!parse_seconds (milter_bytes (raw.data + 1, raw.size - 1), &parser->time_ns))
    return milter_lexer_expected (
        lexer, lexer->at, "seconds (of 60 years at most) with at most nine decimals, as +0 or +1.25");
  lexer->at += raw.size;
  return true;
}

static bool
is_connection_name (MilterBytes name)
{
  for (gsize i = 0; i < name.size; i++)
    if (!g_ascii_isalnum (name.data[i]) && strchr ("-_.:", name.data[i]) == NULL)
      return false;
  return name.size > 0;
}

static MilterParserPlace *
find_connection (MilterParser *parser, const char *name)
{
  MilterParserPlace *connection;

  if (parser->connections == NULL)
    parser->connections = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  connection = g_hash_table_lookup (parser->connections, name);
  if (connection == NULL && milter_lexer_charge (&parser->lexer, CONNECTION_COST + strlen (name)))
    {
      connection = g_new0 (MilterParserPlace, 1);
      g_hash_table_insert (parser->connections, g_strdup (name), connection);
    }
  return connection;
}

/* @CONN: from here to the end of the line everything is read into its place */
static bool
take_connection (MilterParser *parser)
{
  MilterLexer *lexer = &parser->lexer;
  MilterBytes raw = milter_lexer_peek_raw (lexer);
  MilterBytes name;
  const MilterParserPlace *connection;

  if (raw.size == 0 || raw.data[0] != '@')
    return true;
  name = milter_bytes (raw.data + 1, raw.size - 1);
  if (!is_connection_name (name))
    return milter_lexer_expected (
        lexer, lexer->at, "the name of a connection as @1 (letters, digits, - _ . :)");
  parser->connection = g_strndup ((const char *) name.data, name.size);
  connection = find_connection (parser, parser->connection);
  if (connection == NULL)
    return false;
  lexer->at += raw.size;
  parser->outside = parser->place;
  parser->place = *connection;
  return true;
}

bool
milter_parser_take_prefixes (MilterParser *parser)
{
  return take_time (parser) && take_connection (parser);
}

void
milter_parser_leave_connection (MilterParser *parser)
{
  MilterParserPlace *connection;

  if (parser->connection == NULL)
    return;
  connection = g_hash_table_lookup (parser->connections, parser->connection);
  if (connection != NULL)
    {
      *connection = parser->place;
      parser->place = parser->outside;
    }
  g_clear_pointer (&parser->connection, g_free);
}

bool
milter_parser_start (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  static const char what[] = "a time as 2026-11-22T14:56:23.101Z";
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autoptr (GDateTime) time = NULL;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  /* RFC 3339 has one form of those that GLib reads: with separators and a zone */
  if (word.text->len >= strlen ("2026-11-22T14:56:23Z") && strlen (word.text->str) == word.text->len
      && word.text->str[4] == '-' && word.text->str[10] == 'T' && word.text->str[13] == ':')
    time = g_date_time_new_from_iso8601 (word.text->str, /* default_tz= */ NULL);
  if (time == NULL)
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  /* in nanoseconds it has to fit 64 bits */
  if (g_date_time_get_year (time) < FIRST_YEAR || g_date_time_get_year (time) > LAST_YEAR)
    return milter_lexer_expected (
        &parser->lexer, word.offset, "a time of the years %d to %d", FIRST_YEAR, LAST_YEAR);
  if (parser->scenario->start != NULL)
    return milter_lexer_expected (&parser->lexer, word.offset, "one start");
  parser->scenario->start = g_strdup (word.text->str);
  return true;
}
