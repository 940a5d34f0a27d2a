/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-rules.c: `on EVENT …` and `expect RANGE EVENT …`, and what a milter does then.
 *
 * In a rule it is the event that is matched: patterns stand before `=>`, and what stands behind it
 * is what the milter sends, byte for byte.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-rule-events.h"
#include "milter-values.h"

/* what a rule costs besides its words */
#define RULE_COST 512

/* ---- the event ---- */

static bool
take_event (MilterParser *parser, MilterRule *rule, guint *max_patterns)
{
  MilterLexer *lexer = &parser->lexer;
  gsize n;
  const MilterRuleEvent *events = milter_rule_event_list (&n);

  for (gsize i = 0; i < n; i++)
    if (milter_lexer_take (lexer, events[i].word))
      {
        rule->spec = milter_spec_from_word (MILTER_SIDE_MTA, events[i].word);
        rule->raw = events[i].span == MILTER_RULE_SPAN_NONE;
        /* garbage has none */
        rule->letter = strcmp (events[i].word, "frame") == 0 ? 1 : 0;
        *max_patterns = events[i].max_patterns;
        return true;
      }
  return milter_lexer_expected (lexer,
                                milter_lexer_skip_blanks (lexer),
                                "an event: negotiate, connect, helo, mail, rcpt, data, header, eoh, "
                                "body, eom, unknown, abort, quit, quit-nc, close, frame or garbage");
}

/* N: a first word of digits */
static bool
take_index (MilterParser *parser, MilterRule *rule)
{
  MilterLexer *lexer = &parser->lexer;
  MilterBytes raw = milter_lexer_peek_raw (lexer);
  guint32 index;

  if (!milter_value_is_number (raw))
    return true;
  if (!milter_value_parse_u32 (raw, &index) || index == 0)
    return milter_lexer_expected (lexer, lexer->at, "which event of its kind, from 1");
  rule->index = index;
  lexer->at += raw.size;
  return true;
}

/* `{rcpt_mailer}=esmtp`; a macro of one letter travels with and without braces */
static bool
add_macro (MilterParser *parser, const MilterWord *word, MilterRule *rule)
{
  MilterBytes key = milter_bytes (NULL, 0);
  MilterPattern *pattern;

  if (word->key_size != MILTER_WORD_NO_KEY)
    key = milter_word_key (word);
  if (key.size < 3 || key.data[key.size - 1] != '}')
    return milter_lexer_expected (
        &parser->lexer, word->offset, "a macro as {name}=PATTERN (other text is quoted)");
  if (word->stars != NULL && memchr (word->stars->data, 1, MIN (word->stars->len, key.size)) != NULL)
    return milter_lexer_expected (
        &parser->lexer, word->offset, "the name of a macro, without stars");
  pattern = milter_parser_pattern (parser, word, word->key_size + 1);
  if (pattern == NULL)
    return false;
  if (key.size == 3)
    key = milter_bytes (key.data + 1, 1);
  g_ptr_array_add (rule->macro_names, g_bytes_new (key.data, key.size));
  g_ptr_array_add (rule->macro_patterns, pattern);
  return true;
}

static bool
add_pattern (MilterParser *parser, const MilterWord *word, guint max_patterns, MilterRule *rule)
{
  MilterPattern *pattern;

  if (rule->patterns->len >= max_patterns)
    return milter_lexer_expected (&parser->lexer,
                                  word->offset,
                                  "\"=>\", {macro}=PATTERN or the end of the line");
  pattern = milter_parser_pattern (parser, word, 0);
  if (pattern == NULL)
    return false;
  g_ptr_array_add (rule->patterns, pattern);
  return true;
}

/* `port=2525`: what a command `connect` has besides its arguments */
static bool
add_port (MilterParser *parser, const MilterWord *word, MilterRule *rule)
{
  if (rule->port != NULL)
    return milter_lexer_expected (&parser->lexer, word->offset, "one port");
  rule->port = milter_parser_pattern (parser, word, word->key_size + 1);
  return rule->port != NULL;
}

/* `client=PATTERN`: whose event it is */
static bool
add_client (MilterParser *parser, const MilterWord *word, MilterRule *rule)
{
  if (rule->client != NULL)
    return milter_lexer_expected (&parser->lexer, word->offset, "one client");
  rule->client = milter_parser_pattern (parser, word, word->key_size + 1);
  return rule->client != NULL;
}

static bool
begins_with (MilterBytes raw, const char *text)
{
  return raw.size >= strlen (text) && memcmp (raw.data, text, strlen (text)) == 0;
}

static bool
is_client (MilterBytes raw)
{
  return begins_with (raw, "client=");
}

static bool
is_port (const MilterRule *rule, MilterBytes raw)
{
  return rule->spec != NULL && rule->spec->letter == MILTER_COMMAND_CONNECT
         && begins_with (raw, "port=");
}

/* as milter-test-client prints an address: no connect has it so, and what must not come would not */
static bool
is_spec (const MilterRule *rule, MilterBytes raw)
{
  return rule->spec != NULL && rule->spec->letter == MILTER_COMMAND_CONNECT
         && rule->patterns->len == 1
         && (begins_with (raw, "inet:") || begins_with (raw, "inet6:"));
}

static bool
parse_patterns (MilterParser *parser, guint max_patterns, MilterRule *rule)
{
  while (milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;
      MilterBytes raw = milter_lexer_peek_raw (&parser->lexer);
      bool is_macro = raw.data[0] == '{';
      bool is_whose = is_client (raw);
      bool has_key = is_macro || is_whose || is_port (rule, raw);
      MilterLexFlags flags = MILTER_LEX_PATTERN | (has_key ? MILTER_LEX_VALUE_PATTERN : 0);

      if (is_spec (rule, raw))
        return milter_lexer_expected (&parser->lexer,
                                      parser->lexer.at,
                                      "an address, as 192.0.2.7 port=25 or unix:PATH");
      if (!milter_lexer_word (&parser->lexer, flags, &word)
          || !(is_macro   ? add_macro (parser, &word, rule)
               : is_whose ? add_client (parser, &word, rule)
               : has_key  ? add_port (parser, &word, rule)
                          : add_pattern (parser, &word, max_patterns, rule)))
        return false;
    }
  return true;
}

/* NAME[: PATTERN]; macros may follow */
static bool
parse_header_event (MilterParser *parser, MilterRule *rule)
{
  g_auto (MilterWord) name = MILTER_WORD_INIT;
  g_auto (MilterWord) value = MILTER_WORD_INIT;
  MilterLexer *lexer = &parser->lexer;
  MilterPattern *pattern;
  bool colon, leading_blank;

  if (!milter_parser_more (parser))
    return milter_lexer_expected (lexer, lexer->at, "the name of a header field");
  if (!milter_lexer_field_name (lexer, MILTER_LEX_PATTERN, &name, &colon))
    return false;
  rule->name = milter_parser_bytes (&name, 0);
  if (!colon)
    return true;
  if (!milter_parser_field_word (parser, MILTER_LEX_PATTERN, &value, &leading_blank))
    return false;
  rule->leading_blank = leading_blank;
  pattern = milter_parser_pattern (parser, &value, 0);
  if (pattern == NULL)
    return false;
  g_ptr_array_add (rule->patterns, pattern);
  return true;
}

/* LETTER of `frame`; an MTA is judged by what the protocol has */
static bool
parse_raw_event (MilterParser *parser, MilterRule *rule)
{
  if (rule->judges)
    return milter_lexer_expected (&parser->lexer,
                                  parser->lexer.at,
                                  "an event of the protocol behind \"expect\" (\"on\" knows frame and garbage)");
  return rule->letter == 0 || milter_parser_letter (parser, &rule->letter);
}

static bool
parse_event (MilterParser *parser, MilterRule *rule)
{
  guint max_patterns = 0;

  if (!take_event (parser, rule, &max_patterns)
      || !(rule->raw ? parse_raw_event (parser, rule) : take_index (parser, rule)))
    return false;
  if (rule->spec != NULL && rule->spec->letter == MILTER_COMMAND_NEGOTIATE)
    return milter_parser_negotiate (parser, /* pattern= */ true, &rule->negotiate);
  if (rule->spec != NULL && rule->spec->letter == MILTER_COMMAND_HEADER
      && !parse_header_event (parser, rule))
    return false;
  return parse_patterns (parser, max_patterns, rule);
}

/* ---- rules ---- */

static bool
parse_range (MilterParser *parser, MilterRule *rule)
{
  static const char what[] = "how many such events must come, as 0, 2, 1.. or 2..5";
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  guint32 first, last;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  if (!milter_value_parse_range (milter_word_bytes (&word, 0), &first, &last))
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  rule->min_count = first;
  rule->max_count = last;
  return true;
}

bool
milter_parser_rule (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  MilterRule *rule = milter_rule_new ();
  gsize start = parser->lexer.at - strlen (verb->word);

  milter_parser_end_repeated (parser);
  /* whatever its event is, what is done then may follow */
  g_ptr_array_add (parser->scenario->rules, rule);
  parser->place.rule = rule;
  parser->place.smtp = NULL;
  parser->place.session = NULL;
  parser->place.step = NULL;
  rule->where = step->where;
  rule->requirement = parser->entry;
  rule->mutant = parser->mutant;
  rule->judges = strcmp (verb->word, "expect") == 0;
  return milter_lexer_charge (&parser->lexer, RULE_COST)
         && (!rule->judges || parse_range (parser, rule)) && parse_event (parser, rule)
         && milter_parser_keep_text (parser, start, &rule->text);
}

/* ---- what is done ---- */

static const struct
{
  MilterSyntax syntax;
  MilterStatementParser parse;
} acts[] = {
  { MILTER_SYNTAX_SEND_AS, milter_parser_send_as },
  { MILTER_SYNTAX_STALL, milter_parser_stall },
  { MILTER_SYNTAX_END, milter_parser_end },
};

/* stall, close …, which a milter does like an MTA */
static MilterStatementParser
find_act (const MilterVerb *verb)
{
  for (gsize i = 0; verb != NULL && i < G_N_ELEMENTS (acts); i++)
    if (acts[i].syntax == verb->syntax)
      return acts[i].parse;
  return NULL;
}

/* a word of the language that is nothing a milter does */
static bool
is_misplaced (const char *word)
{
  return milter_verb_find (word, MILTER_VERB_ANSWER) == NULL
         && (strcmp (word, "from") == 0
             || milter_verb_find (word, MILTER_VERB_EXPECTATION | MILTER_VERB_LINE) != NULL);
}

static bool
parse_act (MilterParser *parser,
           const MilterVerb *verb,
           MilterStatementParser parse,
           MilterExpectation *expectation)
{
  MilterLexer *lexer = &parser->lexer;

  expectation->kind = MILTER_EXPECT_ACT;
  expectation->act = milter_step_new (MILTER_STEP_KIND_COMMAND);
  expectation->act->where = milter_lexer_where (lexer, lexer->at);
  lexer->at += strlen (verb->word);
  return parse (parser, verb, expectation->act);
}

static bool
parse_action (MilterParser *parser, MilterExpectation *expectation)
{
  MilterBytes raw = milter_lexer_peek_raw (&parser->lexer);
  g_autofree char *word = g_strndup (raw.size > 0 ? (const char *) raw.data : "", raw.size);
  const MilterVerb *verb = milter_verb_find (word, MILTER_VERB_IN_SESSION);
  MilterStatementParser parse = find_act (verb);
  MilterAnswerPattern *answer;

  if (!milter_parser_more (parser) || (parse == NULL && is_misplaced (word)))
    return milter_lexer_expected (&parser->lexer,
                                  parser->lexer.at,
                                  "what the milter does, as accept, 451, add-header or stall");
  if (parse != NULL)
    return parse_act (parser, verb, parse, expectation);
  answer = milter_parser_answer (parser);
  if (answer == NULL)
    return false;
  g_ptr_array_add (expectation->answers, answer);
  return true;
}

bool
milter_parser_rule_action (MilterParser *parser, gsize offset, bool on_line)
{
  g_autoptr (MilterExpectation) expectation = NULL;
  bool ok;

  if (parser->place.rule->judges)
    return milter_lexer_expected (&parser->lexer,
                                  offset,
                                  "the end of the line (\"expect\" counts events; \"on\" answers them)");
  parser->literal = true;
  parser->on_line = on_line;
  expectation = milter_parser_begin_expectation (parser);
  ok = expectation != NULL && parse_action (parser, expectation)
       && milter_parser_end_expectation (parser, expectation);
  parser->literal = false;
  parser->on_line = false;
  parser->behind_arrow = false;
  if (!ok)
    return false;
  g_ptr_array_add (parser->place.rule->expectations, g_steal_pointer (&expectation));
  return true;
}
