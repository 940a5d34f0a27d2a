/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-hostile.c: how and when bytes travel: writes, pauses, ends of the connection; and
 * mails made up of a number.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-values.h"

/* the largest mail that is made up: what a scenario may hold in all */
#define MAX_GENERATED MILTER_SCENARIO_MAX_MEMORY

/* a number that may have k or M behind it, from @min to @max */
static bool
parse_size (MilterParser *parser, MilterBytes text, guint64 min, guint64 max, guint64 *size)
{
  guint64 value;

  if (!milter_value_parse_size (text, &value) || value < min || value > max)
    return false;
  *size = value;
  return true;
}

static bool
parse_size_word (MilterParser *parser, const char *what, guint64 min, guint64 *size)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  return parse_size (parser, milter_word_bytes (&word, 0), min, G_MAXUINT32, size)
         || milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
}

bool
milter_parser_generate (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  MilterLexer *lexer = &parser->lexer;
  bool has_size = false, has_seed = false;

  step->kind = MILTER_STEP_KIND_GENERATE;
  step->seed = 1;
  while (milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;
      bool ok;

      if (!milter_lexer_word (lexer, MILTER_LEX_PLAIN, &word))
        return false;
      if (milter_word_has_key (&word, "size") && !has_size)
        ok = has_size
            = parse_size (parser, milter_word_value (&word), 0, MAX_GENERATED, &step->number);
      else if (milter_word_has_key (&word, "seed") && !has_seed)
        ok = has_seed = parse_size (parser, milter_word_value (&word), 0, G_MAXUINT64, &step->seed);
      else
        ok = false;
      if (!ok)
        return milter_lexer_expected (lexer,
                                      word.offset,
                                      "size=N or seed=N, as size=200k, once each, with a size of "
                                      "at most %u MiB",
                                      MAX_GENERATED >> 20);
    }
  return has_size || milter_lexer_expected (lexer, lexer->at, "the size of the body as size=200k");
}

bool
milter_parser_barrier (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  step->kind = MILTER_STEP_KIND_BARRIER;
  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "the name of the barrier", &word))
    return false;
  g_ptr_array_add (step->arguments, milter_parser_bytes (&word, 0));
  return true;
}

static const struct
{
  const char *word;
  MilterSendAs send_as;
  const char *number;    /* (nullable) what the number behind it is */
  guint64 min;
} ways[] = {
  { "whole", MILTER_SEND_AS_WHOLE, NULL, 0 },
  { "split", MILTER_SEND_AS_SPLIT, "how many bytes a piece has, from 1", 1 },
  { "random", MILTER_SEND_AS_RANDOM, "a number that the sizes of the pieces are made of", 0 },
  { "together", MILTER_SEND_AS_TOGETHER, NULL, 0 },
};

bool
milter_parser_send_as (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  static const char what[] = "whole, split N, random SEED or together";
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  step->kind = MILTER_STEP_KIND_SEND_AS;
  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    if (milter_bytes_equal_string (milter_word_bytes (&word, 0), ways[i].word))
      {
        step->send_as = ways[i].send_as;
        return ways[i].number == NULL
               || parse_size_word (parser, ways[i].number, ways[i].min, &step->number);
      }
  return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
}

/* [after N bytes] */
static bool
parse_after (MilterParser *parser, MilterStep *step)
{
  MilterLexer *lexer = &parser->lexer;

  if (!milter_parser_more (parser) || !milter_lexer_take (lexer, "after"))
    return true;
  step->has_after = TRUE;
  if (!parse_size_word (parser, "how many bytes, as after 3 bytes", 0, &step->number))
    return false;
  return milter_lexer_take (lexer, "bytes")
         || milter_lexer_expected (lexer, lexer->at, "\"bytes\" behind the number");
}

bool
milter_parser_stall (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  step->kind = MILTER_STEP_KIND_STALL;
  if (!milter_parser_duration (parser, &step->duration_us))
    return false;
  step->reading = milter_lexer_take (&parser->lexer, "reading");
  return parse_after (parser, step);
}

static const struct
{
  const char *word;
  MilterStepKind kind;
} ends[] = {
  { "close", MILTER_STEP_KIND_CLOSE },
  { "reset", MILTER_STEP_KIND_RESET },
  { "half-close", MILTER_STEP_KIND_HALF_CLOSE },
};

bool
milter_parser_end (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    if (strcmp (ends[i].word, verb->word) == 0)
      step->kind = ends[i].kind;
  return parse_after (parser, step);
}

bool
milter_parser_lost (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  step->kind = MILTER_STEP_KIND_LOST;
  return !milter_parser_more (parser)
         || parse_size_word (parser, "how many bytes are missing, from 1", 1, &step->number);
}
