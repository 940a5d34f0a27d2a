/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-negotiate.c: the arguments of `negotiate`, as a command and behind `=>`.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-values.h"

/* the two lists of flags: names, and what `all` stands for */
typedef struct
{
  gboolean (*from_name) (const char *name, guint32 *bit);
  guint32 all;
  const char *what;
} FlagNames;

static const FlagNames action_names = { milter_action_from_name, MILTER_ACTIONS_ALL, "an action" };
static const FlagNames step_names = { milter_step_from_name, MILTER_STEPS_ALL, "a step" };

/* where in the line the value's byte @at stands; the word itself if variables or escapes make that
 * unknown */
static gsize
offset_in_value (const MilterParser *parser, const MilterWord *word, gsize at)
{
  const MilterLexer *lexer = &parser->lexer;
  gsize size = lexer->line_size - word->offset;

  if (word->kind == MILTER_WORD_BARE && word->text->len <= size
      && memcmp (lexer->line + word->offset, word->text->str, word->text->len) == 0)
    return word->offset + word->key_size + 1 + at;
  return word->offset;
}

static bool
flag_bits (const FlagNames *names, const char *name, guint32 *bits)
{
  *bits = 0;
  if (g_ascii_strcasecmp (name, "none") == 0)
    return true;
  *bits = names->all;
  if (g_ascii_strcasecmp (name, "all") == 0)
    return true;
  return names->from_name (name, bits);
}

/* one item between commas */
static bool
parse_flag (MilterParser *parser,
            const FlagNames *names,
            const MilterWord *word,
            MilterBytes item,
            gsize at,
            MilterFlagList *list)
{
  bool has_sign = item.size > 0 && (item.data[0] == '+' || item.data[0] == '-');
  gsize skip = has_sign ? 1 : 0;
  g_autofree char *name = g_strndup ((const char *) item.data + skip, item.size - skip);
  gsize offset = offset_in_value (parser, word, at);
  guint32 bits;

  if (!flag_bits (names, name, &bits))
    return milter_lexer_expected (
        &parser->lexer, offset, "the name of %s, 0x…, all or none", names->what);
  if (list->given && list->relative != has_sign)
    return milter_lexer_expected (
        &parser->lexer, offset, "a sign before every item, or before none");
  list->given = TRUE;
  list->relative = has_sign;
  if (has_sign && item.data[0] == '-')
    list->clear |= bits;
  else
    list->set |= bits;
  return true;
}

static bool
parse_flags (MilterParser *parser,
             const FlagNames *names,
             const MilterWord *word,
             MilterFlagList *list)
{
  MilterBytes value = milter_word_value (word);
  gsize start = 0;

  if (list->given)
    return milter_lexer_expected (&parser->lexer, word->offset, "one list of each kind");
  for (;;)
    {
      const guint8 *comma
          = value.size > start ? memchr (value.data + start, ',', value.size - start) : NULL;
      gsize end = comma != NULL ? (gsize) (comma - value.data) : value.size;

      if (!parse_flag (
              parser, names, word, milter_bytes (value.data + start, end - start), start, list))
        return false;
      if (comma == NULL)
        return true;
      start = end + 1;
    }
}

static bool
parse_actions (MilterParser *parser,
               const MilterWord *word,
               bool pattern,
               MilterNegotiateArgs *args)
{
  milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_ACTIONS);
  return parse_flags (parser, &action_names, word, &args->actions);
}

static bool
parse_steps (MilterParser *parser, const MilterWord *word, bool pattern, MilterNegotiateArgs *args)
{
  milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_STEPS);
  return parse_flags (parser, &step_names, word, &args->steps);
}

static bool
parse_version (MilterParser *parser,
               const MilterWord *word,
               bool pattern,
               MilterNegotiateArgs *args)
{
  MilterBytes value = milter_word_value (word);
  gsize offset = offset_in_value (parser, word, 0);
  bool ok;

  if (args->has_version)
    return milter_lexer_expected (&parser->lexer, word->offset, "one version");
  ok = pattern ? milter_value_parse_range (value, &args->version_min, &args->version_max)
               : milter_value_parse_u32 (value, &args->version_min);
  if (!ok)
    return milter_lexer_expected (&parser->lexer,
                                  offset,
                                  "%s",
                                  pattern ? "a version or a range of them, as 6 or 2..4"
                                          : "a version");
  if (!pattern)
    args->version_max = args->version_min;
  args->has_version = TRUE;
  return true;
}

static bool
parse_tail (MilterParser *parser, const MilterWord *word, bool pattern, MilterNegotiateArgs *args)
{
  if (args->tail != NULL)
    return milter_lexer_expected (&parser->lexer, word->offset, "one tail");
  if (word->kind == MILTER_WORD_REGEX)
    return milter_lexer_expected (&parser->lexer, word->offset, "bytes, not a pattern");
  milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_TEXT);
  args->tail = milter_parser_bytes (word, word->key_size + 1);
  return true;
}

static bool
parse_no_symbols (MilterParser *parser,
                  const MilterWord *word,
                  bool pattern,
                  MilterNegotiateArgs *args)
{
  if (!milter_bytes_equal_string (milter_word_value (word), "none"))
    return milter_lexer_expected (&parser->lexer, word->offset, "symbols=none or symbols-STAGE=…");
  if (args->symbols != NULL)
    return milter_lexer_expected (&parser->lexer, word->offset, "either lists or symbols=none");
  args->no_symbols = TRUE;
  return true;
}

#define SYMBOLS "symbols-"

static bool
parse_stage (const char *name, guint32 *number)
{
  int stage = milter_macro_stage_from_word (name);

  if (stage < 0)
    return milter_value_parse_u32 (milter_bytes_from_string (name), number);
  *number = (guint32) stage;
  return true;
}

static bool
parse_symbols (MilterParser *parser,
               const MilterWord *word,
               bool pattern,
               MilterNegotiateArgs *args)
{
  MilterBytes key = milter_word_key (word);
  gsize skip = strlen (SYMBOLS);
  g_autofree char *name = g_strndup ((const char *) key.data + skip, key.size - skip);
  MilterSymbolList *list;
  guint32 stage;

  if (!parse_stage (name, &stage))
    return milter_lexer_expected (&parser->lexer,
                                  word->offset,
                                  "symbols-STAGE of connect, helo, mail, rcpt, data, eom, eoh or a "
                                  "number");
  if (args->no_symbols)
    return milter_lexer_expected (&parser->lexer, word->offset, "either lists or symbols=none");
  if (args->symbols == NULL)
    args->symbols = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_symbol_list_free);
  list = g_new0 (MilterSymbolList, 1);
  milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_TEXT);
  list->stage = stage;
  g_ptr_array_add (args->symbols, list);
  if (!pattern)
    {
      list->names = milter_parser_bytes (word, word->key_size + 1);
      return true;
    }
  list->pattern = milter_parser_pattern (parser, word, word->key_size + 1);
  return list->pattern != NULL;
}

static const struct
{
  const char *key;
  bool (*parse) (MilterParser *parser,
                 const MilterWord *word,
                 bool pattern,
                 MilterNegotiateArgs *args);
} keys[] = {
  { "version", parse_version },    { "actions", parse_actions }, { "steps", parse_steps },
  { "symbols", parse_no_symbols }, { "tail", parse_tail },
};

static bool
parse_key (MilterParser *parser, const MilterWord *word, bool pattern, MilterNegotiateArgs *args)
{
  if (word->key_size != MILTER_WORD_NO_KEY)
    {
      for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
        if (milter_word_has_key (word, keys[i].key))
          return keys[i].parse (parser, word, pattern, args);
      if (word->key_size >= strlen (SYMBOLS)
          && memcmp (word->text->str, SYMBOLS, strlen (SYMBOLS)) == 0)
        return parse_symbols (parser, word, pattern, args);
    }
  return milter_lexer_expected (
      &parser->lexer, word->offset, "version=, actions=, steps=, symbols-STAGE= or tail=");
}

bool
milter_parser_negotiate (MilterParser *parser, bool pattern, MilterNegotiateArgs *args)
{
  MilterLexFlags flags = pattern ? MILTER_LEX_PATTERN | MILTER_LEX_VALUE_PATTERN : MILTER_LEX_PLAIN;

  while (milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      if (!milter_lexer_word (&parser->lexer, flags, &word)
          || !parse_key (parser, &word, pattern, args))
        return false;
    }
  return true;
}
