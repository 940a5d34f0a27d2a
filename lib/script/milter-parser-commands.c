/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-commands.c: the arguments of what is sent: commands of the protocol, whole mails,
 * frames and bytes.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-values.h"

static bool
parse_words (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  MilterLexFlags flags = verb->here_document ? MILTER_LEX_HERE_DOCUMENT : MILTER_LEX_PLAIN;

  while (step->arguments->len < verb->max_words && milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      if (!milter_lexer_word (&parser->lexer, flags, &word))
        return false;
      if (verb->here_document)
        milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_TEXT);
      g_ptr_array_add (step->arguments, milter_parser_bytes (&word, 0));
    }
  if (step->arguments->len < verb->min_words)
    return milter_lexer_expected (&parser->lexer, parser->lexer.at, "\"%s\"", verb->usage);
  return true;
}

static bool
parse_port (MilterParser *parser, const MilterWord *word, MilterStep *step)
{
  guint32 port;

  if (step->has_port || !milter_value_parse_u32 (milter_word_value (word), &port)
      || port > G_MAXUINT16)
    return milter_lexer_expected (
        &parser->lexer, word->offset, "%s", step->has_port ? "one port" : "a port from 0 to 65535");
  step->has_port = TRUE;
  step->port = (guint16) port;
  return true;
}

static bool
parse_connect (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  while (milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      if (!milter_lexer_word (&parser->lexer, MILTER_LEX_PLAIN, &word))
        return false;
      if (milter_word_has_key (&word, "port"))
        {
          if (!parse_port (parser, &word, step))
            return false;
        }
      else if (step->arguments->len >= verb->max_words)
        return milter_lexer_expected (&parser->lexer,
                                      word.offset,
                                      "\"=>\" or the end of the line "
                                      "behind \"%s\"",
                                      verb->usage);
      else
        g_ptr_array_add (step->arguments, milter_parser_bytes (&word, 0));
    }
  return true;
}

/* NAME: VALUE, the value as it stands behind the colon */
static bool
parse_header (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) name = MILTER_WORD_INIT;
  g_auto (MilterWord) value = MILTER_WORD_INIT;
  bool colon, leading_blank;

  if (!milter_parser_more (parser))
    return milter_lexer_expected (&parser->lexer, parser->lexer.at, "\"%s\"", verb->usage);
  if (!milter_lexer_field_name (&parser->lexer, MILTER_LEX_PLAIN, &name, &colon))
    return false;
  if (!colon)
    return milter_lexer_expected (
        &parser->lexer, parser->lexer.at, "a colon behind the name of the field");
  if (!milter_lexer_field_value (&parser->lexer, MILTER_LEX_PLAIN, &value, &leading_blank))
    return false;
  if (leading_blank)
    g_string_prepend_c (value.text, ' ');
  g_ptr_array_add (step->arguments, milter_parser_bytes (&name, 0));
  g_ptr_array_add (step->arguments, milter_parser_bytes (&value, 0));
  return true;
}

static bool
parse_unknown (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) line = MILTER_WORD_INIT;
  MilterLexer *lexer = &parser->lexer;

  /* a `#` here is the line's own, not a comment */
  if (milter_lexer_skip_blanks (lexer) >= lexer->line_size || milter_lexer_peek (lexer, "=>"))
    return milter_lexer_expected (lexer, lexer->at, "\"%s\"", verb->usage);
  if (!milter_lexer_rest (lexer, &line))
    return false;
  g_ptr_array_add (step->arguments, milter_parser_bytes (&line, 0));
  return true;
}

/* NAME=VALUE or -NAME */
static bool
parse_macro_item (MilterParser *parser, MilterStep *step)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autoptr (GBytes) name = NULL;
  g_autoptr (GBytes) value = NULL;

  if (!milter_lexer_word (&parser->lexer, MILTER_LEX_PLAIN, &word))
    return false;
  if (word.key_size != MILTER_WORD_NO_KEY)
    {
      MilterBytes key = milter_word_key (&word);

      name = g_bytes_new (key.data, key.size);
      value = milter_parser_bytes (&word, word.key_size + 1);
    }
  else if (word.kind == MILTER_WORD_BARE && word.text->len > 1 && word.text->str[0] == '-')
    name = milter_parser_bytes (&word, 1);
  else
    return milter_lexer_expected (&parser->lexer, word.offset, "a macro as NAME=VALUE, or -NAME");
  g_ptr_array_add (step->macros, milter_macro_item_new (name, value));
  return true;
}

static bool
parse_macro (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  static const char what[] = "the command whose macros these are, as connect, mail or eom";
  g_auto (MilterWord) stage = MILTER_WORD_INIT;
  const MilterSpec *spec;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &stage))
    return false;
  spec = milter_spec_from_word (MILTER_SIDE_MTA, stage.text->str);
  if (spec == NULL || strlen (stage.text->str) != stage.text->len)
    return milter_lexer_expected (&parser->lexer, stage.offset, "%s", what);
  step->letter = spec->letter;
  while (milter_parser_more (parser))
    if (!parse_macro_item (parser, step))
      return false;
  return true;
}

static bool
parse_negotiate (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  return milter_parser_negotiate (parser, /* pattern= */ false, &step->negotiate);
}

static bool
parse_eml (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autofree char *resolved = NULL;

  step->kind = MILTER_STEP_KIND_EML;
  if (!milter_parser_word (parser, MILTER_LEX_HERE_DOCUMENT, "a file or <<WORD", &word))
    return false;
  step->bytes = milter_parser_file (parser, &word, &resolved);
  if (step->bytes != NULL && resolved != NULL)
    step->path = milter_parser_name (&word);
  return step->bytes != NULL;
}

static bool
parse_frame (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  step->kind = MILTER_STEP_KIND_FRAME;
  return milter_parser_frame (parser, &step->letter, &step->bytes);
}

static bool
parse_raw (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  step->kind = MILTER_STEP_KIND_RAW;
  return milter_parser_raw (parser, &step->bytes);
}

static bool
parse_message (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  step->kind = MILTER_STEP_KIND_MESSAGE;
  return parse_words (parser, verb, step);
}

static bool
parse_timeout (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  step->kind = MILTER_STEP_KIND_TIMEOUT;
  return milter_parser_duration (parser, &step->duration_us);
}

/* ---- the table ---- */

static const MilterStatement commands[MILTER_N_SYNTAXES] = {
  [MILTER_SYNTAX_MESSAGE] = { parse_message, MILTER_ROLE_BREAK },
  [MILTER_SYNTAX_TIMEOUT] = { parse_timeout, MILTER_ROLE_STEP },
  [MILTER_SYNTAX_WORDS] = { parse_words, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_CONNECT] = { parse_connect, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_HEADER] = { parse_header, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_UNKNOWN] = { parse_unknown, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_MACRO] = { parse_macro, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_NEGOTIATE] = { parse_negotiate, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_EML] = { parse_eml, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_FRAME] = { parse_frame, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_RAW] = { parse_raw, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_GENERATE] = { milter_parser_generate, MILTER_ROLE_COMMAND },
  [MILTER_SYNTAX_BARRIER] = { milter_parser_barrier, MILTER_ROLE_BREAK },
  [MILTER_SYNTAX_SEND_AS] = { milter_parser_send_as, MILTER_ROLE_ANSWERED },
  [MILTER_SYNTAX_STALL] = { milter_parser_stall, MILTER_ROLE_ANSWERED },
  [MILTER_SYNTAX_END] = { milter_parser_end, MILTER_ROLE_ANSWERED },
  [MILTER_SYNTAX_LOST] = { milter_parser_lost, MILTER_ROLE_ANSWERED },
};

const MilterStatement *
milter_parser_command (MilterSyntax syntax)
{
  return &commands[syntax];
}
