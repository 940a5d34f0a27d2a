/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-expect.c: what stands behind `=>`.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-judge-private.h"
#include "milter-payload.h"
#include "milter-values.h"

/* behind `=>` words are patterns, in a rule they are literal */
static MilterLexFlags
lex_flags (const MilterParser *parser)
{
  return parser->literal ? MILTER_LEX_BEHIND_ARROW : MILTER_LEX_PATTERN;
}

/* ---- answers ---- */

static bool
parse_reply (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  answer->kind = MILTER_ANSWER_KIND_REPLY;
  return true;
}

static bool
parse_options (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  answer->kind = MILTER_ANSWER_KIND_NEGOTIATE;
  return milter_parser_negotiate (parser, /* pattern= */ !parser->literal, &answer->negotiate);
}

static const struct
{
  const char *word;
  MilterAnswerKind kind;
} states[] = {
  { "any", MILTER_ANSWER_KIND_ANY },
  { "none", MILTER_ANSWER_KIND_NONE },
  { "closed", MILTER_ANSWER_KIND_CLOSED },
  { "reset", MILTER_ANSWER_KIND_RESET },
};

static bool
parse_state (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    if (strcmp (states[i].word, verb->word) == 0)
      answer->kind = states[i].kind;
  /* a milter can keep silent; the others are what is seen of it */
  if (parser->literal && answer->kind != MILTER_ANSWER_KIND_NONE)
    return milter_lexer_expected (
        &parser->lexer, parser->lexer.at - strlen (verb->word), "what the milter does, as accept, 451, none or close");
  return true;
}

static bool
parse_frame (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  answer->kind = MILTER_ANSWER_KIND_FRAME;
  return milter_parser_frame (parser, &answer->letter, &answer->bytes);
}

static bool
parse_raw (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  answer->kind = MILTER_ANSWER_KIND_RAW;
  return milter_parser_raw (parser, &answer->bytes);
}

/* `4.7.1`, `5.x.x`: a digit, twice up to three digits; x for any */
static bool
is_extended_code (MilterBytes text)
{
  guint part = 0, digits = 0;

  for (gsize i = 0; i < text.size; i++)
    {
      if (text.data[i] == '.')
        {
          if (digits == 0)
            return false;
          part++;
          digits = 0;
          continue;
        }
      if (!g_ascii_isdigit (text.data[i]) && text.data[i] != 'x')
        return false;
      if (++digits > (part == 0 ? 1 : 3))
        return false;
    }
  return part == 2 && digits > 0;
}

static char *
bytes_to_string (MilterBytes bytes)
{
  return bytes.size == 0 ? g_strdup ("") : g_strndup ((const char *) bytes.data, bytes.size);
}

/* One text may be a bare word; of several each is a line of its own, which has to be seen: they are
 * quoted, a regex, or a star. */
static bool
may_be_one_of_several (const MilterWord *word)
{
  return word->kind != MILTER_WORD_BARE || (word->text->len == 1 && word->stars != NULL);
}

static bool
parse_code_texts (MilterParser *parser, MilterAnswerPattern *answer)
{
  bool alone_only = false;

  while (milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;
      MilterPattern *pattern;

      if (!milter_lexer_word (&parser->lexer, lex_flags (parser), &word))
        return false;
      milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_TEXT);
      if (alone_only || (answer->patterns->len > 0 && !may_be_one_of_several (&word)))
        return milter_lexer_expected (&parser->lexer,
                                      word.offset,
                                      "\"|\", \"within\" or the end of the line (a text of several "
                                      "words is quoted)");
      alone_only = !may_be_one_of_several (&word);
      pattern = milter_parser_pattern (parser, &word, 0);
      if (pattern == NULL)
        return false;
      g_ptr_array_add (answer->patterns, pattern);
    }
  return true;
}

/* a code that is expected may hold x for any digit; one that is sent may not, and has to make a
 * reply */
static bool
check_code (MilterParser *parser, gsize offset, const MilterAnswerPattern *answer)
{
  g_autoptr (GError) error = NULL;
  GString *text;

  if (!parser->literal)
    return true;
  if (strchr (answer->code, 'x') != NULL
      || (answer->extended != NULL && strchr (answer->extended, 'x') != NULL))
    return milter_lexer_expected (&parser->lexer, offset, "a code of digits, as it is sent");
  text = milter_payload_reply_code (answer, &error);
  if (text == NULL)
    return milter_lexer_expected (&parser->lexer,
                                  offset,
                                  "a reply that an MTA takes (\"frame y\" sends any; %s)",
                                  error->message);
  g_string_free (text, TRUE);
  return true;
}

static bool
parse_code (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  MilterLexer *lexer = &parser->lexer;
  MilterBytes code = milter_lexer_peek_raw (lexer);
  gsize offset = lexer->at;
  MilterBytes extended;

  if (code.size != 3 || strchr ("45x", code.data[0]) == NULL
      || strchr ("0123456789x", code.data[1]) == NULL
      || strchr ("0123456789x", code.data[2]) == NULL)
    return milter_lexer_expected (lexer, lexer->at, "a code as 451, 550, 4xx or 5xx");
  answer->kind = MILTER_ANSWER_KIND_CODE;
  answer->code = bytes_to_string (code);
  lexer->at += code.size;

  extended = milter_lexer_peek_raw (lexer);
  if (is_extended_code (extended))
    {
      answer->extended = bytes_to_string (extended);
      lexer->at += extended.size;
    }
  return parse_code_texts (parser, answer) && check_code (parser, offset, answer);
}

/* ---- edits ---- */

/* N: a first word of digits */
static bool
parse_index (MilterParser *parser, MilterAnswerPattern *answer)
{
  MilterLexer *lexer = &parser->lexer;
  MilterBytes raw = milter_lexer_peek_raw (lexer);

  if (!milter_value_is_number (raw))
    return true;
  if (!milter_value_parse_u32 (raw, &answer->index))
    return milter_lexer_expected (lexer, lexer->at, "a number below 4294967296");
  answer->has_index = TRUE;
  lexer->at += raw.size;
  return true;
}

static bool
parse_header_value (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  g_auto (MilterWord) value = MILTER_WORD_INIT;
  bool leading_blank;
  bool ok = parser->on_line
                ? milter_parser_field_word (parser, lex_flags (parser), &value, &leading_blank)
                : milter_lexer_field_value (
                    &parser->lexer, lex_flags (parser), &value, &leading_blank);

  if (!ok)
    return false;
  answer->leading_blank = leading_blank;
  answer->value = milter_parser_pattern (parser, &value, 0);
  return answer->value != NULL;
}

static bool
parse_edit_header (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  g_auto (MilterWord) name = MILTER_WORD_INIT;
  MilterLexer *lexer = &parser->lexer;
  bool deletes = strcmp (verb->word, "delete-header") == 0;
  bool colon;

  answer->kind = MILTER_ANSWER_KIND_EDIT;
  answer->deletes = deletes;
  if (verb->max_words > 1 && !parse_index (parser, answer))
    return false;
  if (!milter_parser_more (parser))
    return milter_lexer_expected (lexer, lexer->at, "\"%s\"", verb->usage);
  if (!milter_lexer_field_name (lexer, lex_flags (parser), &name, &colon))
    return false;
  answer->name = milter_parser_bytes (&name, 0);
  if (!colon)
    return true;
  if (deletes)
    return milter_lexer_expected (lexer, name.offset, "the name of a field, without a colon");
  if (!parse_header_value (parser, verb, answer))
    return false;
  /* on the wire an empty value takes the field out */
  answer->deletes = answer->spec->letter == MILTER_REPLY_CHANGE_HEADER
                    && milter_pattern_get_kind (answer->value) == MILTER_PATTERN_LITERAL
                    && milter_pattern_get_literal (answer->value).size == 0;
  return true;
}

static bool
parse_edit_text (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  MilterLexFlags flags = lex_flags (parser) | (verb->here_document ? MILTER_LEX_HERE_DOCUMENT : 0);

  answer->kind = MILTER_ANSWER_KIND_EDIT;
  if (verb->max_words == 0 || !milter_parser_more (parser))
    return true;
  if (!milter_lexer_word (&parser->lexer, flags, &word))
    return false;
  if (verb->here_document)
    milter_lexer_set_role (&parser->lexer, MILTER_TOKEN_TEXT);
  answer->value = milter_parser_pattern (parser, &word, 0);
  return answer->value != NULL;
}

static bool
parse_edit_address (MilterParser *parser, const MilterVerb *verb, MilterAnswerPattern *answer)
{
  answer->kind = MILTER_ANSWER_KIND_EDIT;
  for (guint n = 0; n < verb->max_words && milter_parser_more (parser); n++)
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;
      MilterPattern *pattern;

      if (!milter_lexer_word (&parser->lexer, lex_flags (parser), &word))
        return false;
      pattern = milter_parser_pattern (parser, &word, 0);
      if (pattern == NULL)
        return false;
      if (n == 0)
        answer->value = pattern;
      else
        g_ptr_array_add (answer->patterns, pattern);
    }
  /* with arguments a recipient comes as another frame */
  if (answer->patterns->len > 0 && answer->spec->letter == MILTER_REPLY_ADD_RECIPIENT)
    answer->spec = milter_spec_get (MILTER_SIDE_MILTER, MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS);
  return true;
}

typedef bool (*AnswerParser) (MilterParser *parser,
                              const MilterVerb *verb,
                              MilterAnswerPattern *answer);

static const AnswerParser answer_parsers[MILTER_N_SYNTAXES] = {
  [MILTER_SYNTAX_REPLY] = parse_reply,
  [MILTER_SYNTAX_CODE] = parse_code,
  [MILTER_SYNTAX_OPTIONS] = parse_options,
  [MILTER_SYNTAX_STATE] = parse_state,
  [MILTER_SYNTAX_FRAME] = parse_frame,
  [MILTER_SYNTAX_RAW] = parse_raw,
  [MILTER_SYNTAX_EDIT_HEADER] = parse_edit_header,
  [MILTER_SYNTAX_EDIT_TEXT] = parse_edit_text,
  [MILTER_SYNTAX_EDIT_ADDRESS] = parse_edit_address,
};

/* the word of an answer; a code stands for the row of codes and is not passed over */
static const MilterVerb *
take_answer_verb (MilterParser *parser)
{
  MilterLexer *lexer = &parser->lexer;
  MilterBytes raw = milter_lexer_peek_raw (lexer);
  g_autofree char *word = bytes_to_string (raw);
  const MilterVerb *verb = milter_verb_find (word, MILTER_VERB_ANSWER);
  const MilterVerb *nearest;

  if (g_ascii_isdigit (word[0]) || (word[0] == 'x' && raw.size == 3))
    return milter_verb_find ("CODE", MILTER_VERB_ANSWER);
  if (verb != NULL && verb->syntax != MILTER_SYNTAX_CODE)
    {
      lexer->at += raw.size;
      return verb;
    }
  nearest = milter_verb_find_nearest (word, MILTER_VERB_BEHIND_ARROW);
  if (nearest != NULL)
    milter_lexer_expected (lexer, lexer->at, "an answer (\"%s\"?)", nearest->word);
  else
    milter_lexer_expected (lexer, lexer->at, "an answer, as accept, 451 or add-header");
  return NULL;
}

/* of an edit that is expected any part may be left open; what is sent has to be said */
static const struct
{
  MilterSyntax syntax;
  const char *what;
} needed[] = {
  { MILTER_SYNTAX_EDIT_HEADER, "a colon and the value that is sent" },
  { MILTER_SYNTAX_EDIT_TEXT, "the text that is sent (\"\" for none)" },
  { MILTER_SYNTAX_EDIT_ADDRESS, "the address that is sent" },
};

static bool
check_complete (MilterParser *parser, const MilterVerb *verb, const MilterAnswerPattern *answer)
{
  if (!parser->literal || answer->value != NULL || answer->deletes || verb->max_words == 0)
    return true;
  for (gsize i = 0; i < G_N_ELEMENTS (needed); i++)
    if (needed[i].syntax == verb->syntax)
      return milter_lexer_expected (&parser->lexer, parser->lexer.at, "%s", needed[i].what);
  return true;
}

/* what an answer costs besides its words */
#define ANSWER_COST 384

MilterAnswerPattern *
milter_parser_answer (MilterParser *parser)
{
  g_autoptr (MilterAnswerPattern) answer = milter_answer_pattern_new (MILTER_ANSWER_KIND_REPLY);
  const MilterVerb *verb;

  answer->where = milter_lexer_where (&parser->lexer, milter_lexer_skip_blanks (&parser->lexer));
  verb = milter_lexer_charge (&parser->lexer, ANSWER_COST) ? take_answer_verb (parser) : NULL;
  if (verb == NULL)
    return NULL;
  answer->spec = milter_verb_get_spec (verb);
  if (!answer_parsers[verb->syntax](parser, verb, answer)
      || !check_complete (parser, verb, answer))
    return NULL;
  if (milter_parser_more (parser))
    {
      milter_lexer_expected (&parser->lexer,
                             parser->lexer.at,
                             "%sthe end of the line behind \"%s\"%s",
                             parser->literal                           ? ""
                             : answer->kind == MILTER_ANSWER_KIND_EDIT ? "\"|\" or "
                                                                       : "\"|\", \"within\" or ",
                             verb->usage,
                             milter_verb_get_hint (verb));
      return NULL;
    }
  return g_steal_pointer (&answer);
}

/* ---- expectations ---- */

/* edits are alternatives for one place among edits, replies for one reply */
static bool
parse_alternatives (MilterParser *parser, MilterExpectation *expectation)
{
  MilterLexer *lexer = &parser->lexer;

  do
    {
      gsize offset = milter_lexer_skip_blanks (lexer);
      MilterAnswerPattern *answer = milter_parser_answer (parser);
      const MilterAnswerPattern *first;

      if (answer == NULL)
        return false;
      g_ptr_array_add (expectation->answers, answer);
      first = g_ptr_array_index (expectation->answers, 0);
      if (milter_answer_is_edit (first) != milter_answer_is_edit (answer))
        return milter_lexer_expected (lexer,
                                      offset,
                                      "%s, as before \"|\"",
                                      milter_answer_is_edit (first) ? "an edit" : "a reply");
    }
  while (milter_lexer_take (lexer, "|"));
  return true;
}

static bool
parse_answers (MilterParser *parser, MilterExpectation *expectation)
{
  MilterLexer *lexer = &parser->lexer;
  const MilterAnswerPattern *first;

  expectation->kind = MILTER_EXPECT_ANSWER;
  if (!parse_alternatives (parser, expectation))
    return false;
  if (!milter_lexer_peek (lexer, "within"))
    return true;
  first = g_ptr_array_index (expectation->answers, 0);
  if (milter_answer_is_edit (first))
    return milter_lexer_expected (lexer,
                                  lexer->at,
                                  "the end of the line (the reply that follows the edits has a "
                                  "time)");
  milter_lexer_take (lexer, "within");
  return milter_parser_duration (parser, &expectation->within_us);
}

static bool
parse_only (MilterParser *parser, MilterExpectation *expectation)
{
  expectation->kind = MILTER_EXPECT_ONLY;
  return true;
}

static bool
parse_ordered (MilterParser *parser, MilterExpectation *expectation)
{
  expectation->kind = MILTER_EXPECT_ORDERED;
  return true;
}

/* `and PATTERN`, `and not PATTERN` */
static bool
parse_and (MilterParser *parser, MilterExpectation *expectation)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  MilterLexer *lexer = &parser->lexer;
  const GPtrArray *before = parser->place.step->expectations;
  const MilterExpectation *last
      = before->len > 0 ? g_ptr_array_index (before, before->len - 1) : NULL;

  if (last == NULL || last->kind > MILTER_EXPECT_AND_NOT)
    return milter_lexer_expected (
        lexer, lexer->at - strlen ("and"), "an answer above, which this is a condition on");
  expectation->kind = milter_lexer_take (lexer, "not") ? MILTER_EXPECT_AND_NOT : MILTER_EXPECT_AND;
  if (!milter_parser_word (parser, MILTER_LEX_PATTERN, "a pattern", &word))
    return false;
  expectation->pattern = milter_parser_pattern (parser, &word, 0);
  return expectation->pattern != NULL;
}

static bool
parse_no (MilterParser *parser, MilterExpectation *expectation)
{
  gsize offset = milter_lexer_skip_blanks (&parser->lexer);
  MilterAnswerPattern *answer = milter_parser_answer (parser);

  expectation->kind = MILTER_EXPECT_NO;
  if (answer == NULL)
    return false;
  g_ptr_array_add (expectation->answers, answer);
  if (answer->kind != MILTER_ANSWER_KIND_EDIT)
    return milter_lexer_expected (&parser->lexer, offset, "an edit, as \"no add-header X-Spam\"");
  return true;
}

static bool
parse_ignoring (MilterParser *parser, MilterExpectation *expectation)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autofree char *names = NULL;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "names of fields, as Date,Message-ID", &word))
    return false;
  names = milter_parser_name (&word);
  expectation->ignoring = g_strsplit (names, ",", -1);
  for (char **name = expectation->ignoring; *name != NULL; name++)
    if (**name == '\0')
      return milter_lexer_expected (
          &parser->lexer, word.offset, "names of fields between commas, without blanks");
  return true;
}

static bool
parse_result (MilterParser *parser, MilterExpectation *expectation)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autoptr (GBytes) file = NULL;

  expectation->kind = MILTER_EXPECT_RESULT;
  if (!milter_parser_word (parser, MILTER_LEX_HERE_DOCUMENT, "a file or <<WORD", &word))
    return false;
  file = milter_parser_file (parser, &word, &expectation->path);
  if (file == NULL)
    return false;
  expectation->bytes = milter_parser_crlf (parser, file);
  if (expectation->bytes == NULL)
    return false;
  return !milter_lexer_take (&parser->lexer, "ignoring") || parse_ignoring (parser, expectation);
}

typedef bool (*ExpectationParser) (MilterParser *parser, MilterExpectation *expectation);

static const ExpectationParser expectation_parsers[MILTER_N_SYNTAXES] = {
  [MILTER_SYNTAX_ONLY] = parse_only,     [MILTER_SYNTAX_ORDERED] = parse_ordered,
  [MILTER_SYNTAX_AND] = parse_and,       [MILTER_SYNTAX_NO] = parse_no,
  [MILTER_SYNTAX_RESULT] = parse_result,
};

static bool
parse_from (MilterParser *parser, MilterExpectation *expectation)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_lexer_take (&parser->lexer, "from"))
    return true;
  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "the name of a milter", &word))
    return false;
  expectation->from = milter_parser_name (&word);
  return true;
}

static bool
parse_kind (MilterParser *parser, MilterExpectation *expectation)
{
  MilterLexer *lexer = &parser->lexer;
  MilterBytes raw;
  g_autofree char *word = NULL;
  const MilterVerb *verb;

  if (!parse_from (parser, expectation))
    return false;
  if (!milter_parser_more (parser))
    return milter_lexer_expected (lexer, lexer->at, "an answer, as accept, 451 or add-header");
  raw = milter_lexer_peek_raw (lexer);
  word = bytes_to_string (raw);
  verb = milter_verb_find (word, MILTER_VERB_EXPECTATION);
  if (verb == NULL)
    return parse_answers (parser, expectation);
  if (expectation->from != NULL && verb->syntax != MILTER_SYNTAX_NO)
    return milter_lexer_expected (lexer, lexer->at, "an answer or \"no EDIT\" behind \"from\"");
  lexer->at += raw.size;
  return expectation_parsers[verb->syntax](parser, expectation);
}

/* without blanks and comment behind it */
bool
milter_parser_keep_text (MilterParser *parser, gsize start, char **text)
{
  const MilterLexer *lexer = &parser->lexer;
  gsize end = MIN (lexer->at, lexer->line_size);

  while (end > start && (lexer->line[end - 1] == ' ' || lexer->line[end - 1] == '\t'))
    end--;
  *text = g_strndup (lexer->line + start, end - start);
  return milter_lexer_charge (&parser->lexer, end - start);
}

/* what an expectation costs besides its text */
#define EXPECTATION_COST 512

MilterExpectation *
milter_parser_begin_expectation (MilterParser *parser)
{
  g_autoptr (MilterExpectation) expectation = milter_expectation_new (MILTER_EXPECT_ANSWER);
  MilterLexer *lexer = &parser->lexer;

  expectation->where = milter_lexer_where (lexer, milter_lexer_skip_blanks (lexer));
  expectation->has_time = parser->has_time;
  expectation->time_ns = parser->has_time ? parser->time_ns : 0;
  parser->text_start = lexer->at;
  if (!milter_lexer_charge (lexer, EXPECTATION_COST))
    return NULL;
  parser->behind_arrow = true;
  return g_steal_pointer (&expectation);
}

bool
milter_parser_end_expectation (MilterParser *parser, MilterExpectation *expectation)
{
  return milter_lexer_finish_line (&parser->lexer, "the end of the line")
         && milter_parser_keep_text (parser, parser->text_start, &expectation->text);
}

bool
milter_parser_expectation (MilterParser *parser)
{
  g_autoptr (MilterExpectation) expectation = milter_parser_begin_expectation (parser);
  bool ok;

  if (expectation == NULL)
    return false;
  ok = parse_kind (parser, expectation) && milter_parser_end_expectation (parser, expectation);
  parser->behind_arrow = false;
  if (!ok)
    return false;
  g_ptr_array_add (parser->place.step->expectations, g_steal_pointer (&expectation));
  return true;
}
