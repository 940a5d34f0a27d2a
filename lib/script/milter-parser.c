/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser.c: lines of a scenario become settings, sessions and steps.
 *
 * Every line is read to its first error; the next line is read whatever happened to the one before,
 * so that a run tells all that is wrong with a file. Expectations below a line with an error are
 * checked too, and thrown away.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-profile-private.h"
#include "milter-values.h"

/* what a step costs besides its words: the struct and its arrays */
#define STEP_COST 512

/* ---- arguments of commands ---- */

static bool
parse_words (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  MilterLexFlags flags = verb->here_document ? MILTER_LEX_HERE_DOCUMENT : MILTER_LEX_PLAIN;

  while (step->arguments->len < verb->max_words && milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      if (!milter_lexer_word (&parser->lexer, flags, &word))
        return false;
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

/* ---- settings and sessions ---- */

static char *
profile_names (void)
{
  gsize n;
  const MilterProfile *profiles = milter_profile_list (&n);
  GString *names = g_string_new (NULL);

  for (gsize i = 0; i < n; i++)
    g_string_append_printf (names,
                            "%s%s",
                            i == 0      ? ""
                            : i + 1 < n ? ", "
                                        : " or ",
                            profiles[i].name);
  return g_string_free (names, FALSE);
}

static bool
parse_mta (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autofree char *names = profile_names ();
  const MilterProfile *profile;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, names, &word))
    return false;
  profile = milter_profile_get (word.text->str);
  if (profile == NULL || strlen (word.text->str) != word.text->len)
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", names);
  if (parser->place.session != NULL)
    parser->place.session->profile = profile->name;
  else
    parser->profile = profile->name;
  return true;
}

static bool
parse_let (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  static const char what[] = "the name of a variable (letters, digits and _)";
  g_auto (MilterWord) name = MILTER_WORD_INIT;
  g_auto (MilterWord) value = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &name))
    return false;
  if (name.kind != MILTER_WORD_BARE
      || !milter_lexer_is_variable_name (milter_word_bytes (&name, 0)))
    return milter_lexer_expected (&parser->lexer, name.offset, "%s", what);
  if (milter_lexer_is_predefined (name.text->str))
    return milter_lexer_expected (
        &parser->lexer, name.offset, "a name that is not one of the language's own variables");
  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "a value (\"\" is an empty one)", &value))
    return false;
  milter_lexer_set_variable (&parser->lexer, name.text->str, milter_word_bytes (&value, 0));
  return true;
}

static void
begin_session (MilterParser *parser, const MilterWhere *where, char *name)
{
  parser->place.session = milter_scenario_add_session (parser->scenario, where, name);
  parser->place.session->profile = parser->profile;
  parser->place.session->timeout_us = parser->timeout_us;
  parser->place.session->connection = g_strdup (parser->connection);
  parser->place.session->has_time = parser->has_time;
  parser->place.session->time_ns = parser->has_time ? parser->time_ns : 0;
  parser->place.step = NULL;
  parser->place.rule = NULL;
}

/* from=ADDRESS, to=ADDRESS: of a recording, which decide nothing */
static bool
take_address (const MilterWord *word, const char *key, char **address)
{
  MilterBytes value;

  if (!milter_word_has_key (word, key))
    return false;
  value = milter_word_value (word);
  g_free (*address);
  *address = g_utf8_make_valid ((const char *) value.data, (gssize) value.size);
  return true;
}

/* what a session's line says of it */
typedef struct
{
  char *name, *from, *to;
} SessionWords;

static bool
parse_session_words (MilterParser *parser, const MilterVerb *verb, SessionWords *words)
{
  while (milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      if (!milter_lexer_word (&parser->lexer, MILTER_LEX_PLAIN, &word))
        return false;
      if (take_address (&word, "from", &words->from) || take_address (&word, "to", &words->to))
        continue;
      if (words->name != NULL)
        return milter_lexer_expected (&parser->lexer,
                                      word.offset,
                                      "the end of the line behind \"%s\" (a name of several words "
                                      "is quoted)",
                                      verb->usage);
      words->name = milter_parser_name (&word);
    }
  return true;
}

static bool
parse_session (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  SessionWords words = { 0 };
  bool ok = parse_session_words (parser, verb, &words);

  /* whatever its name is, commands may follow */
  begin_session (parser, &step->where, words.name);
  parser->place.session->from = words.from;
  parser->place.session->to = words.to;
  return ok;
}

/* ---- lines ---- */

/* what a line is besides its words */
typedef enum
{
  ROLE_SETTING,   /* no step of a session; what stands below it belongs to the command above */
  ROLE_STEP,      /* a step that has no answer, as a setting between commands */
  ROLE_BREAK,     /* a step that no answer can stand below */
  ROLE_ANSWERED   /* a step with expectations */
} StatementRole;

static const struct
{
  MilterStatementParser parse;
  StatementRole role;
} statements[MILTER_N_SYNTAXES] = {
  [MILTER_SYNTAX_MTA] = { parse_mta, ROLE_SETTING },
  [MILTER_SYNTAX_SESSION] = { parse_session, ROLE_SETTING },
  [MILTER_SYNTAX_MESSAGE] = { parse_message, ROLE_BREAK },
  [MILTER_SYNTAX_TIMEOUT] = { parse_timeout, ROLE_STEP },
  [MILTER_SYNTAX_LET] = { parse_let, ROLE_SETTING },
  [MILTER_SYNTAX_WORDS] = { parse_words, ROLE_ANSWERED },
  [MILTER_SYNTAX_CONNECT] = { parse_connect, ROLE_ANSWERED },
  [MILTER_SYNTAX_HEADER] = { parse_header, ROLE_ANSWERED },
  [MILTER_SYNTAX_UNKNOWN] = { parse_unknown, ROLE_ANSWERED },
  [MILTER_SYNTAX_MACRO] = { parse_macro, ROLE_ANSWERED },
  [MILTER_SYNTAX_NEGOTIATE] = { parse_negotiate, ROLE_ANSWERED },
  [MILTER_SYNTAX_EML] = { parse_eml, ROLE_ANSWERED },
  [MILTER_SYNTAX_FRAME] = { parse_frame, ROLE_ANSWERED },
  [MILTER_SYNTAX_RAW] = { parse_raw, ROLE_ANSWERED },
  [MILTER_SYNTAX_GENERATE] = { milter_parser_generate, ROLE_ANSWERED },
  [MILTER_SYNTAX_BARRIER] = { milter_parser_barrier, ROLE_BREAK },
  [MILTER_SYNTAX_SEND_AS] = { milter_parser_send_as, ROLE_ANSWERED },
  [MILTER_SYNTAX_STALL] = { milter_parser_stall, ROLE_ANSWERED },
  [MILTER_SYNTAX_END] = { milter_parser_end, ROLE_ANSWERED },
  [MILTER_SYNTAX_LOST] = { milter_parser_lost, ROLE_ANSWERED },
  [MILTER_SYNTAX_RULE] = { milter_parser_rule, ROLE_SETTING },
  [MILTER_SYNTAX_START] = { milter_parser_start, ROLE_SETTING },
};

static bool
is_answered (const MilterVerb *verb)
{
  return statements[verb->syntax].role == ROLE_ANSWERED;
}

/* the line had an error: what stands below it is checked and thrown away */
static void
spoil (MilterParser *parser)
{
  g_ptr_array_set_size (parser->spoilt->expectations, 0);
  g_ptr_array_add (parser->spoilt->expectations, milter_expectation_new (MILTER_EXPECT_ANSWER));
  parser->place.step = parser->spoilt;
}

/* of the file, before its first session */
static void
add_file_step (MilterParser *parser, MilterStep *step)
{
  MilterScenario *scenario = parser->scenario;

  if (step->kind == MILTER_STEP_KIND_SEND_AS)
    {
      g_clear_pointer (&scenario->send_as, milter_step_free);
      scenario->send_as = step;
      return;
    }
  if (step->kind == MILTER_STEP_KIND_COMMAND)
    {
      g_ptr_array_add (scenario->macros, step);
      return;
    }
  parser->timeout_us = step->duration_us;
  milter_step_free (step);
}

/* puts a parsed line where it belongs; lines that are no steps are freed */
static void
add_step (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  StatementRole role = statements[verb->syntax].role;

  if (role == ROLE_SETTING)
    {
      milter_step_free (step);
      return;
    }
  if (parser->place.session == NULL)
    {
      add_file_step (parser, step);
      return;
    }
  g_ptr_array_add (parser->place.session->steps, step);
  if (role == ROLE_ANSWERED)
    parser->place.step = step;
  else if (role == ROLE_BREAK)
    parser->place.step = NULL;
}

static bool
parse_arrow (MilterParser *parser, gsize offset)
{
  if (parser->place.rule != NULL)
    return milter_parser_rule_action (parser, offset, /* on_line= */ false);
  if (parser->place.step != NULL)
    return milter_parser_expectation (parser);
  return milter_lexer_expected (&parser->lexer, offset, "a command that is answered before \"=>\"");
}

/* a word in the place of a verb that is none there */
static bool
refuse_verb (MilterParser *parser, const char *word)
{
  MilterLexer *lexer = &parser->lexer;
  const MilterVerb *nearest;

  if (word[0] == '+' || word[0] == '@')
    return milter_lexer_expected (lexer, lexer->at, "+SECONDS, then @CONN, then a verb");
  if (milter_verb_find (word, MILTER_VERB_IN_SESSION) != NULL)
    return milter_lexer_expected (lexer, lexer->at, "\"session\" before the first command");
  if (milter_verb_find (word, MILTER_VERB_AT_TOP) != NULL)
    return milter_lexer_expected (
        lexer, lexer->at, "a line of a session (\"%s\" stands before the first one)", word);
  if (milter_verb_find (word, MILTER_VERB_ELSEWHERE) != NULL)
    {
      /* the commands below belong to it */
      if (parser->place.session == NULL
          && (strcmp (word, "repeat") == 0 || strcmp (word, "parallel") == 0))
        {
          MilterWhere where = milter_lexer_where (lexer, lexer->at);

          begin_session (parser, &where, NULL);
        }
      return milter_lexer_expected (lexer, lexer->at, "a verb that this version can play");
    }
  if (milter_verb_find (word, MILTER_VERB_BEHIND_ARROW) != NULL)
    return milter_lexer_expected (lexer, lexer->at, "\"=>\" before an answer");
  nearest = milter_verb_find_nearest (word, MILTER_VERB_LINE);
  if (nearest != NULL)
    return milter_lexer_expected (lexer, lexer->at, "a verb (\"%s\"?)", nearest->word);
  return milter_lexer_expected (lexer, lexer->at, "a verb");
}

/* Reads a verb's arguments and puts the step where it belongs. */
static bool
parse_statement (MilterParser *parser, const MilterVerb *verb)
{
  g_autoptr (MilterStep) step = milter_step_new (MILTER_STEP_KIND_COMMAND);
  MilterLexer *lexer = &parser->lexer;

  step->where = milter_lexer_where (lexer, lexer->at);
  step->has_time = parser->has_time;
  step->time_ns = parser->has_time ? parser->time_ns : 0;
  step->spec = milter_verb_get_spec (verb);
  lexer->at += strlen (verb->word);
  if (!milter_lexer_charge (lexer, STEP_COST)
      || !statements[verb->syntax].parse (parser, verb, step))
    return false;
  if (milter_parser_more (parser))
    return milter_lexer_expected (lexer,
                                  lexer->at,
                                  "%sthe end of the line behind \"%s\"%s",
                                  is_answered (verb) ? "\"=>\" or " : "",
                                  verb->usage,
                                  milter_verb_get_hint (verb));
  add_step (parser, verb, g_steal_pointer (&step));
  return true;
}

/* Outside a session, but behind one: a rule stood between, or other lines have a CONN. What is said
 * of all sessions there would not be true of those above. */
static bool
stands_too_late (const MilterParser *parser, const MilterVerb *verb)
{
  if (parser->place.session != NULL || verb->syntax == MILTER_SYNTAX_SESSION)
    return false;
  return parser->connection != NULL
         || (parser->scenario->sessions->len > 0 && verb->syntax != MILTER_SYNTAX_RULE
             && verb->syntax != MILTER_SYNTAX_LET);
}

static bool
parse_line (MilterParser *parser)
{
  MilterLexer *lexer = &parser->lexer;
  g_autofree char *word = NULL;
  const MilterVerb *verb;
  MilterBytes raw;
  gsize offset;

  if (!milter_parser_take_prefixes (parser))
    return false;
  if (milter_lexer_at_end (lexer))
    return true;
  raw = milter_lexer_peek_raw (lexer);
  word = g_strndup ((const char *) raw.data, raw.size);
  offset = lexer->at;
  if (milter_lexer_take (lexer, "=>"))
    return parse_arrow (parser, offset);
  verb = milter_verb_find (word,
                           parser->place.session != NULL ? MILTER_VERB_IN_SESSION : MILTER_VERB_AT_TOP);
  if (verb == NULL)
    return refuse_verb (parser, word);
  if (stands_too_late (parser, verb))
    return milter_lexer_expected (lexer,
                                  lexer->at,
                                  parser->connection != NULL
                                      ? "\"session\" before the first line of a connection"
                                      : "\"session\", \"on\" or \"expect\" (what holds for the "
                                        "whole file stands before its first session)");
  if (!parse_statement (parser, verb))
    return false;
  if (milter_lexer_at_end (lexer))
    return true;
  offset = lexer->at;
  milter_lexer_take (lexer, "=>");
  if (verb->syntax == MILTER_SYNTAX_RULE)
    return milter_parser_rule_action (parser, offset, /* on_line= */ true);
  /* the line may have left nobody, or somebody above it, whose answer this would be */
  if (!is_answered (verb) || parser->place.session == NULL)
    return milter_lexer_expected (lexer, offset, "the end of the line behind \"%s\"", verb->usage);
  return parse_arrow (parser, offset);
}

/* a file that has nothing for the tool that reads it is a slip that must not pass */
static void
check_use (MilterParser *parser, MilterScenarioUse use)
{
  MilterLexer *lexer = &parser->lexer;
  bool has_sessions = parser->scenario->sessions->len > 0;
  bool has_rules = parser->scenario->rules->len > 0;

  if (use == MILTER_SCENARIO_PART || (use != MILTER_SCENARIO_RULES && has_sessions)
      || (use != MILTER_SCENARIO_SESSIONS && has_rules))
    return;
  if (use == MILTER_SCENARIO_RULES)
    milter_lexer_fail (lexer,
                       0,
                       "expected a rule (\"on\" or \"expect\"), got %s",
                       has_sessions ? "only sessions, which milter-test-server plays"
                                    : "the end of the file");
  else
    milter_lexer_fail (lexer,
                       0,
                       "expected a session, got %s",
                       has_rules ? "only rules (\"on\", \"expect\"), which a milter plays, not an MTA"
                                 : "the end of the file");
}

static void
parser_clear (MilterParser *parser)
{
  g_clear_pointer (&parser->connection, g_free);
  g_clear_pointer (&parser->connections, g_hash_table_unref);
  milter_lexer_clear (&parser->lexer);
  g_clear_pointer (&parser->scenario, milter_scenario_free);
  g_clear_pointer (&parser->spoilt, milter_step_free);
  g_clear_pointer (&parser->files, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MilterParser, parser_clear)

MilterScenario *
milter_scenario_parse (const char *path,
                       const char *text,
                       gsize size,
                       const MilterScenarioHost *host,
                       MilterScenarioUse use,
                       GString *messages)
{
  g_auto (MilterParser) parser = { 0 };
  MilterScenario *scenario;

  parser.scenario = milter_scenario_new (path);
  parser.spoilt = milter_step_new (MILTER_STEP_KIND_COMMAND);
  parser.files
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  milter_lexer_init (&parser.lexer, parser.scenario->path, text, size, messages);
  if (size > MILTER_SCENARIO_MAX_FILE)
    {
      milter_lexer_fail (&parser.lexer,
                         0,
                         "expected a file of at most %u MiB, got a larger one",
                         MILTER_SCENARIO_MAX_FILE >> 20);
      return NULL;
    }

  while (milter_lexer_next_line (&parser.lexer))
    {
      if (!parse_line (&parser))
        {
          milter_lexer_skip_here_document (&parser.lexer);
          spoil (&parser);
        }
      milter_parser_leave_connection (&parser);
    }
  if (parser.lexer.n_errors == 0)
    check_use (&parser, use);
  if (parser.lexer.n_errors > 0)
    return NULL;
  scenario = g_steal_pointer (&parser.scenario);
  return scenario;
}

MilterScenario *
milter_scenario_load (const char *path,
                      const MilterScenarioHost *host,
                      MilterScenarioUse use,
                      GString *messages)
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
  return milter_scenario_parse (path, text != NULL ? text : "", size, host, use, messages);
}
