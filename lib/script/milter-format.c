/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-format.c: the lines of a scenario in their canonical form.
 *
 * The file is parsed, which notes its words; what is printed is parsed as well, and must say the same
 * before anybody gets to see it.
 */
#include "milter-format.h"

#include <string.h>

#include "milter-format-private.h"
#include "milter-lexer.h"
#include "milter-parser-private.h"
#include "milter-scenario-private.h"
#include "milter-values.h"
#include "milter-verbs.h"

/* how far what belongs to a line is indented behind it */
#define STEP 2

typedef struct
{
  const char *text;
  gsize size;
  gsize next;            /* where the next line begins */
  const GArray *tokens;  /* unowned */
  guint next_token;
  GString *out;

  gsize pending;         /* comments and blank lines from here on wait for the next statement … */
  gsize pending_end;     /* … up to here */
  bool in_session, in_message;
  bool message_began;    /* something of the message above has been sent */
  gsize commands;        /* where commands stand: what belongs to one is behind that */
  gsize statement;       /* where the last statement stands */
} Formatter;

/* a line without its end */
typedef struct
{
  gsize start, end;
  gsize indent;          /* blanks before its first word */
} Line;

/* what decides where a line stands */
typedef struct
{
  bool is_arrow;
  bool is_recorded;      /* a time or a connection stands before it */
  const MilterVerb *verb;   /* (nullable) */
  MilterBytes terminator;   /* of its here-document; else empty */
} Statement;

static bool
is_blank (char byte)
{
  return byte == ' ' || byte == '\t';
}

static Line
line_at (const Formatter *formatter, gsize start, gsize *next)
{
  const char *text = formatter->text;
  const char *newline = memchr (text + start, '\n', formatter->size - start);
  Line line = { start, newline != NULL ? (gsize) (newline - text) : formatter->size, 0 };

  *next = line.end + (newline != NULL ? 1 : 0);
  if (line.end > line.start && text[line.end - 1] == '\r')
    line.end--;
  while (line.start + line.indent < line.end && is_blank (text[line.start + line.indent]))
    line.indent++;
  return line;
}

static MilterBytes
stripped (const Formatter *formatter, const Line *line)
{
  gsize start = line->start + line->indent;
  gsize end = line->end;

  while (end > start && is_blank (formatter->text[end - 1]))
    end--;
  return milter_bytes (formatter->text + start, end - start);
}

static void
append (MilterBytes bytes, GString *out)
{
  if (bytes.size > 0)
    g_string_append_len (out, (const char *) bytes.data, (gssize) bytes.size);
}

static void
append_blanks (gsize n, GString *out)
{
  g_string_append_printf (out, "%*s", (int) n, "");
}

/* ---- one line ---- */

static const MilterToken *
token_at (const Formatter *formatter, gsize at)
{
  const MilterToken *token;

  if (formatter->next_token >= formatter->tokens->len)
    return NULL;
  token = &g_array_index (formatter->tokens, MilterToken, formatter->next_token);
  return token->start == at ? token : NULL;
}

static bool
is_alone (const Formatter *formatter, gsize at, const Line *line)
{
  while (at < line->end && is_blank (formatter->text[at]))
    at++;
  return at == line->end;
}

static gsize
append_token (Formatter *formatter,
              const MilterToken *token,
              MilterBytes extra,
              const Line *line,
              GString *out)
{
  formatter->next_token++;
  milter_format_word (token,
                      milter_bytes (formatter->text + token->start, token->end - token->start),
                      extra,
                      is_alone (formatter, token->end, line),
                      out);
  return token->end;
}

/* the colon behind a field's name, and its value; what stands between is a part of it */
static gsize
append_field (Formatter *formatter, gsize colon, const Line *line, GString *out)
{
  gsize at = colon + 1;
  gsize value = at;
  const MilterToken *token;
  bool leading_blank = at < line->end && formatter->text[at] == ' ';

  g_string_append_c (out, ':');
  while (value < line->end && is_blank (formatter->text[value]))
    value++;
  token = token_at (formatter, value);
  if (token == NULL
      || (token->kind != MILTER_TOKEN_FIELD_VALUE && token->kind != MILTER_TOKEN_FIELD_WORD))
    return at;
  if (token->end == token->start)
    {
      formatter->next_token++;
      return line->end;
    }
  if (leading_blank)
    {
      at++;
      g_string_append_c (out, ' ');
    }
  return append_token (
      formatter, token, milter_bytes (formatter->text + at, value - at), line, out);
}

/* A word that the lexer was not asked for: a verb, what stands before one, `=>`, `|`. */
static void
look_at (MilterBytes word, Statement *statement)
{
  g_autofree char *text = g_strndup ((const char *) word.data, word.size);

  if (statement->verb != NULL || statement->is_arrow)
    return;
  if (text[0] == '+' || text[0] == '@')
    statement->is_recorded = true;
  else if (strcmp (text, "=>") == 0)
    statement->is_arrow = true;
  else if (!milter_value_is_number (word) && strcmp (text, "repeat") != 0 && strcmp (text, "parallel") != 0)
    statement->verb = milter_verb_find (text, MILTER_VERB_LINE);
}

static gsize
word_end (const Formatter *formatter, gsize at, const Line *line)
{
  while (at < line->end && !is_blank (formatter->text[at]))
    at++;
  return at;
}

/* The words of a line, one blank between them; a comment two behind. */
static void
append_words (Formatter *formatter, const Line *line, Statement *statement, GString *out)
{
  gsize at = line->start;

  for (;;)
    {
      const MilterToken *token;
      gsize end;

      while (at < line->end && is_blank (formatter->text[at]))
        at++;
      token = token_at (formatter, at);
      if (at >= line->end)
        {
          /* an empty value */
          if (token != NULL)
            formatter->next_token++;
          return;
        }
      if (out->len > 0)
        g_string_append_c (out, ' ');
      if (token == NULL && formatter->text[at] == '#')
        {
          Line comment = { at, line->end, 0 };

          append_blanks (out->len > 0 ? 1 : 0, out);
          append (stripped (formatter, &comment), out);
          return;
        }
      if (token == NULL)
        {
          end = word_end (formatter, at, line);
          look_at (milter_bytes (formatter->text + at, end - at), statement);
          append (milter_bytes (formatter->text + at, end - at), out);
          at = end;
          continue;
        }
      if (token->form == MILTER_WORD_HERE_DOCUMENT)
        statement->terminator
            = milter_bytes (formatter->text + at + 2, token->end - token->start - 2);
      at = append_token (formatter, token, milter_bytes (NULL, 0), line, out);
      if (token->kind == MILTER_TOKEN_FIELD_NAME && at < line->end && formatter->text[at] == ':')
        at = append_field (formatter, at, line, out);
    }
}

/* ---- where lines stand ---- */

/* lines about the connection, which end a message */
static const MilterSyntax about_connection[] = {
  MILTER_SYNTAX_CONNECT,
  MILTER_SYNTAX_NEGOTIATE,
};
static const char *const ends_of_message[] = { "helo", "quit", "quit-nc", NULL };

/* what a message that is called by a line consists of; a second `mail` begins another one */
static const char *const parts_of_message[]
    = { "mail", "rcpt", "data", "header", "eoh", "body", "eml", "generate", "eom", "abort", NULL };

static bool
ends_message (const Formatter *formatter, const MilterVerb *verb)
{
  for (gsize i = 0; i < G_N_ELEMENTS (about_connection); i++)
    if (verb->syntax == about_connection[i])
      return true;
  return g_strv_contains (ends_of_message, verb->word)
         || (formatter->message_began && strcmp (verb->word, "mail") == 0);
}

/* lines that stand at the margin, and what they begin */
static bool
begin_part (Formatter *formatter, const MilterVerb *verb)
{
  if (verb->syntax != MILTER_SYNTAX_SESSION && verb->syntax != MILTER_SYNTAX_RULE
      && verb->syntax != MILTER_SYNTAX_CASE && verb->syntax != MILTER_SYNTAX_MUTANT
      && verb->syntax != MILTER_SYNTAX_SMTP && verb->syntax != MILTER_SYNTAX_ORDER
      && verb->syntax != MILTER_SYNTAX_DELIVERED)
    return false;
  formatter->in_session = verb->syntax == MILTER_SYNTAX_SESSION;
  formatter->in_message = false;
  return true;
}

static gsize
find_indent (Formatter *formatter, const Statement *statement)
{
  const MilterVerb *verb = statement->verb;

  if (statement->is_recorded)
    return 0;
  if (statement->is_arrow)
    return formatter->commands + STEP;
  if (verb == NULL || begin_part (formatter, verb))
    return formatter->commands = 0;

  /* lines that another file includes may begin inside a session */
  if (!(verb->places & MILTER_VERB_AT_TOP))
    formatter->in_session = true;
  if (!formatter->in_session)
    return formatter->commands = 0;
  if (verb->syntax == MILTER_SYNTAX_MESSAGE)
    {
      formatter->in_message = true;
      formatter->message_began = false;
      return formatter->commands = STEP;
    }
  if (formatter->in_message && ends_message (formatter, verb))
    formatter->in_message = false;
  formatter->message_began
      = formatter->message_began || g_strv_contains (parts_of_message, verb->word);
  return formatter->commands = formatter->in_message ? 2 * STEP : STEP;
}

/* ---- comments and here-documents ---- */

/* A comment belongs to the statement below it, unless it is indented deeper and so to the one
 * above. */
static void
flush_pending (Formatter *formatter, gsize below, gsize indent)
{
  gsize above = MAX (formatter->statement, indent);

  while (formatter->pending < formatter->pending_end)
    {
      Line line = line_at (formatter, formatter->pending, &formatter->pending);
      MilterBytes comment = stripped (formatter, &line);

      if (comment.size > 0)
        append_blanks (line.indent > below ? above : indent, formatter->out);
      append (comment, formatter->out);
      g_string_append_c (formatter->out, '\n');
    }
}

/* what of the line's beginning is the indentation of the line that ends the here-document */
static gsize
common_indent (const Formatter *formatter, const Line *line, MilterBytes indentation)
{
  gsize n = 0;

  while (n < MIN (indentation.size, line->indent)
         && formatter->text[line->start + n] == (char) indentation.data[n])
    n++;
  return n;
}

static void
append_here_line (Formatter *formatter, const Line *line, MilterBytes indentation, gsize indent)
{
  gsize start = line->start + common_indent (formatter, line, indentation);
  MilterBytes content = milter_bytes (formatter->text + start, line->end - start);

  /* blanks that are fewer than the indentation are an empty line */
  if (start - line->start < indentation.size)
    content.size = 0;
  if (content.size > 0)
    append_blanks (indent, formatter->out);
  append (content, formatter->out);
  /* a reader takes one CR for a part of the line end */
  if (content.size > 0 && content.data[content.size - 1] == '\r')
    g_string_append_c (formatter->out, '\r');
  g_string_append_c (formatter->out, '\n');
}

static void
append_here_document (Formatter *formatter, MilterBytes terminator, gsize indent)
{
  gsize start = formatter->next;
  gsize next = start;
  Line end;

  do
    end = line_at (formatter, next, &next);
  while (!milter_bytes_equal (stripped (formatter, &end), terminator));
  while (formatter->next < end.start)
    {
      Line line = line_at (formatter, formatter->next, &formatter->next);

      append_here_line (
          formatter, &line, milter_bytes (formatter->text + end.start, end.indent), indent);
    }
  formatter->next = next;
  append_blanks (indent, formatter->out);
  append (terminator, formatter->out);
  g_string_append_c (formatter->out, '\n');
}

/* ---- the file ---- */

static void
format_statement (Formatter *formatter, const Line *line)
{
  g_autoptr (GString) words = g_string_new (NULL);
  Statement statement = { 0 };
  gsize indent;

  append_words (formatter, line, &statement, words);
  indent = find_indent (formatter, &statement);
  flush_pending (formatter, line->indent, indent);
  formatter->statement = indent;
  append_blanks (indent, formatter->out);
  g_string_append_len (formatter->out, words->str, (gssize) words->len);
  g_string_append_c (formatter->out, '\n');
  if (statement.terminator.size > 0)
    append_here_document (formatter, statement.terminator, indent + STEP);
}

static void
format_lines (Formatter *formatter)
{
  formatter->pending = formatter->pending_end = formatter->next;
  while (formatter->next < formatter->size)
    {
      Line line = line_at (formatter, formatter->next, &formatter->next);
      gsize first = line.start + line.indent;

      if (first < line.end && formatter->text[first] != '#')
        {
          format_statement (formatter, &line);
          formatter->pending = formatter->next;
        }
      formatter->pending_end = formatter->next;
    }
  flush_pending (formatter, 0, 0);
}

static GString *
format (const char *text, gsize size, const MilterTokens *tokens)
{
  Formatter formatter = {
    .text = text,
    .size = size,
    .tokens = tokens->tokens,
    .out = g_string_new (NULL),
  };

  if (size >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    formatter.next = 3;
  format_lines (&formatter);
  return formatter.out;
}

/* whether the text is a scenario that says the same; its errors in @messages */
static bool
says (const GString *text,
      const char *path,
      const MilterScenarioHost *host,
      const char *digest,
      GString *messages)
{
  g_autofree char *got = NULL;
  g_autoptr (MilterScenario) scenario = milter_scenario_parse (
      path, text->str, text->len, host, MILTER_SCENARIO_PART, messages);

  if (scenario == NULL)
    return false;
  got = milter_scenario_get_digest (scenario);
  return strcmp (got, digest) == 0;
}

GString *
milter_scenario_format (const char *path,
                        const char *text,
                        gsize size,
                        const MilterScenarioHost *host,
                        GString *messages)
{
  g_auto (MilterTokens) tokens = { 0 };
  g_autoptr (MilterScenario) scenario = NULL;
  g_autoptr (GString) out = NULL;
  g_autofree char *digest = NULL;

  milter_tokens_init (&tokens, text, size);
  scenario = milter_scenario_parse_noting (
      path, text, size, host, MILTER_SCENARIO_PART, &tokens, messages);
  if (scenario == NULL)
    return NULL;
  out = format (text, size, &tokens);
  digest = milter_scenario_get_digest (scenario);
  if (says (out, path, host, digest, messages))
    return g_steal_pointer (&out);
  g_string_append_printf (messages,
                          "%s:1:1: expected a canonical form that says the same, got another one: "
                          "nothing is printed, which is a defect of the formatter\n",
                          path);
  return NULL;
}

GString *
milter_scenario_format_file (const char *path, const MilterScenarioHost *host, GString *messages)
{
  g_autofree char *got = NULL;
  g_autoptr (GBytes) bytes = milter_parser_read_file (path, MILTER_SCENARIO_MAX_FILE, &got);
  gsize size;
  const char *text;

  if (bytes == NULL)
    {
      g_string_append_printf (
          messages, "%s:1:1: expected a scenario that can be read, got %s\n", path, got);
      return NULL;
    }
  text = g_bytes_get_data (bytes, &size);
  return milter_scenario_format (path, text != NULL ? text : "", size, host, messages);
}
