/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-cases.c: `case` and `mutant`: which requirement the lines below test, or break.
 */
#include "milter-parser-private.h"

#include <string.h>

/* what a case costs besides its words */
#define CASE_COST 256

/* NEG-02: letters, a dash, digits */
static bool
is_id (const char *text)
{
  gsize n = strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

  return n > 0 && text[n] == '-' && g_ascii_isdigit (text[n + 1])
         && text[n + 1 + strspn (text + n + 1, "0123456789")] == '\0';
}

/* $case: the id, as it may stand in names */
static void
set_variable (MilterParser *parser, const char *id)
{
  g_autofree char *value = g_ascii_strdown (id, -1);

  milter_lexer_set_variable (&parser->lexer, "case", milter_bytes_from_string (value));
}

/* (transfer full) (nullable) */
static char *
take_id (MilterParser *parser)
{
  static const char what[] = "the id of a requirement, as NEG-02";
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return NULL;
  if (strlen (word.text->str) == word.text->len && is_id (word.text->str))
    {
      set_variable (parser, word.text->str);
      return g_strdup (word.text->str);
    }
  milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  return NULL;
}

/* what stood above belongs to this line no more */
static void
begin (MilterParser *parser)
{
  milter_parser_end_repeated (parser);
  parser->place.session = NULL;
  parser->place.step = NULL;
  parser->place.rule = NULL;
  parser->place.smtp = NULL;
}

/* ---- case ---- */

static bool
take_severity (MilterParser *parser, MilterScenarioCase *entry)
{
  MilterLexer *lexer = &parser->lexer;
  gsize offset = milter_lexer_skip_blanks (lexer);

  entry->must = milter_lexer_take (lexer, "must");
  return entry->must || milter_lexer_take (lexer, "should")
         || milter_lexer_expected (lexer, offset, "\"must\" or \"should\" behind the id");
}

static bool
take_text (MilterParser *parser, char **text)
{
  static const char what[] = "the requirement in one quoted sentence";
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  if (word.text->len == 0)
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  *text = milter_parser_name (&word);
  return true;
}

static const struct
{
  const char *word;
  gsize offset;
} flags[] = {
  { "hostile", G_STRUCT_OFFSET (MilterScenarioCase, hostile) },
  { "slow", G_STRUCT_OFFSET (MilterScenarioCase, slow) },
  { "steady", G_STRUCT_OFFSET (MilterScenarioCase, steady) },
};

static bool
take_flag (MilterParser *parser, MilterScenarioCase *entry)
{
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    if (milter_lexer_take (&parser->lexer, flags[i].word))
      {
        G_STRUCT_MEMBER (gboolean, entry, flags[i].offset) = TRUE;
        return true;
      }
  return false;
}

static const struct
{
  const char *key;
  gsize offset;
} keys[] = {
  { "source", G_STRUCT_OFFSET (MilterScenarioCase, source) },
  { "mta", G_STRUCT_OFFSET (MilterScenarioCase, mta) },
};

static bool
take_value (MilterParser *parser, MilterScenarioCase *entry)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  MilterBytes value;

  if (!milter_lexer_word (&parser->lexer, MILTER_LEX_PLAIN, &word))
    return false;
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      char **place = &G_STRUCT_MEMBER (char *, entry, keys[i].offset);

      if (!milter_word_has_key (&word, keys[i].key) || *place != NULL)
        continue;
      value = milter_word_value (&word);
      *place = g_utf8_make_valid ((const char *) value.data, (gssize) value.size);
      return true;
    }
  return milter_lexer_expected (&parser->lexer,
                                word.offset,
                                "source=TEXT, mta=NAME, hostile, slow, steady or the end of the line");
}

/* values and flags, in any order */
static bool
take_details (MilterParser *parser, MilterScenarioCase *entry)
{
  while (milter_parser_more (parser))
    if (!take_flag (parser, entry) && !take_value (parser, entry))
      return false;
  return true;
}

static bool
check_new (MilterParser *parser, const MilterScenarioCase *entry)
{
  const GPtrArray *cases = parser->scenario->cases;

  for (guint i = 0; i < cases->len; i++)
    {
      const MilterScenarioCase *other = g_ptr_array_index (cases, i);

      if (other != entry && g_strcmp0 (other->id, entry->id) == 0)
        return milter_lexer_fail (&parser->lexer,
                                  0,
                                  "expected an id that no other case has, got %s, which stands in "
                                  "line %u",
                                  entry->id,
                                  other->where.line);
    }
  return true;
}

bool
milter_parser_case (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  MilterScenarioCase *entry = milter_case_new ();

  begin (parser);
  entry->where = step->where;
  g_ptr_array_add (parser->scenario->cases, entry);
  parser->entry = entry;
  parser->mutant = NULL;
  entry->id = take_id (parser);
  return entry->id != NULL && milter_lexer_charge (&parser->lexer, CASE_COST)
         && take_severity (parser, entry) && take_text (parser, &entry->text)
         && take_details (parser, entry) && check_new (parser, entry);
}

/* ---- mutant ---- */

static bool
check_ids (MilterParser *parser, char **ids, gsize offset)
{
  for (char **id = ids; *id != NULL; id++)
    if (!is_id (*id))
      return milter_lexer_expected (
          &parser->lexer, offset, "ids of requirements, as also=NEG-02,NEG-03");
  return true;
}

static bool
take_also (MilterParser *parser, MilterScenarioMutant *mutant)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autofree char *value = NULL;

  if (!milter_parser_more (parser))
    return true;
  if (!milter_lexer_word (&parser->lexer, MILTER_LEX_PLAIN, &word))
    return false;
  if (!milter_word_has_key (&word, "also"))
    return milter_lexer_expected (
        &parser->lexer, word.offset, "also=ID,ID… or the end of the line");
  value = g_strndup ((const char *) milter_word_value (&word).data, milter_word_value (&word).size);
  mutant->also = g_strsplit (value, ",", /* max_tokens= */ -1);
  return check_ids (parser, mutant->also, word.offset);
}

bool
milter_parser_mutant (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  MilterScenarioMutant *mutant = g_new0 (MilterScenarioMutant, 1);

  begin (parser);
  mutant->where = step->where;
  g_ptr_array_add (parser->scenario->mutants, mutant);
  parser->mutant = mutant;
  parser->entry = NULL;
  mutant->id = take_id (parser);
  return mutant->id != NULL && milter_lexer_charge (&parser->lexer, CASE_COST)
         && take_also (parser, mutant);
}
