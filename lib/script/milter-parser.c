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

/* what a step costs besides its words: the struct and its arrays */
#define STEP_COST 512

/* ---- lines ---- */

static const MilterStatement settings[MILTER_N_SYNTAXES] = {
  [MILTER_SYNTAX_MTA] = { milter_parser_mta, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_LET] = { milter_parser_let, MILTER_ROLE_LET },
  [MILTER_SYNTAX_SPAWN] = { milter_parser_spawn, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_MILTER] = { milter_parser_milter, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_INCLUDE] = { milter_parser_include, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_REQUIRE] = { milter_parser_require, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_SESSION] = { milter_parser_session, MILTER_ROLE_LET },
  [MILTER_SYNTAX_RULE] = { milter_parser_rule, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_CASE] = { milter_parser_case, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_MUTANT] = { milter_parser_mutant, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_SMTP] = { milter_parser_smtp, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_ORDER] = { milter_parser_order, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_DELIVERED] = { milter_parser_delivered, MILTER_ROLE_SETTING },
  [MILTER_SYNTAX_START] = { milter_parser_start, MILTER_ROLE_SETTING },
};

static const MilterStatement *
find_statement (const MilterVerb *verb)
{
  const MilterStatement *setting = &settings[verb->syntax];

  return setting->parse != NULL ? setting : milter_parser_command (verb->syntax);
}

static bool
is_step (const MilterVerb *verb)
{
  return find_statement (verb)->role >= MILTER_ROLE_STEP;
}

static bool
is_answered (const MilterVerb *verb)
{
  return find_statement (verb)->role >= MILTER_ROLE_ANSWERED;
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

static bool
parse_arrow (MilterParser *parser, gsize offset)
{
  if (parser->place.smtp != NULL)
    return milter_parser_smtp_reply (parser);
  if (parser->place.rule != NULL)
    return milter_parser_rule_action (parser, offset, /* on_line= */ false);
  if (parser->place.step != NULL)
    return milter_parser_expectation (parser);
  return milter_lexer_expected (&parser->lexer, offset, "a command that is answered before \"=>\"");
}

/* what a verb is for that is not understood where it stands */
static const char *
describe_place (const MilterParser *parser, const char *word)
{
  bool in_session = parser->place.session != NULL;

  if (!in_session && milter_verb_find (word, MILTER_VERB_IN_SESSION) != NULL)
    return "\"session\" before the first command";
  if (in_session && milter_verb_find (word, MILTER_VERB_AT_TOP) != NULL)
    return "a line of a session (this one stands before the first one)";
  if (milter_verb_find (word, MILTER_VERB_BEHIND_ARROW) != NULL)
    return "\"=>\" before an answer";
  return NULL;
}

/* a word in the place of a verb that is none there */
static bool
refuse_verb (MilterParser *parser, const char *word)
{
  MilterLexer *lexer = &parser->lexer;
  const char *place = describe_place (parser, word);
  const MilterVerb *nearest;

  if (word[0] == '+' || word[0] == '@')
    return milter_lexer_expected (lexer, lexer->at, "+SECONDS, then @CONN, then a verb");
  if (place != NULL)
    return milter_lexer_expected (lexer, lexer->at, "%s", place);
  nearest = milter_verb_find_nearest (word, MILTER_VERB_LINE);
  if (nearest != NULL)
    return milter_lexer_expected (lexer, lexer->at, "a verb (\"%s\"?)", nearest->word);
  return milter_lexer_expected (lexer, lexer->at, "a verb");
}

char *
milter_parser_peek (MilterParser *parser)
{
  MilterBytes raw = milter_lexer_peek_raw (&parser->lexer);

  return raw.size > 0 ? g_strndup ((const char *) raw.data, raw.size) : g_strdup ("");
}

MilterStep *
milter_parser_statement (MilterParser *parser, const MilterVerb *verb)
{
  g_autoptr (MilterStep) step = milter_step_new (MILTER_STEP_KIND_COMMAND);
  MilterLexer *lexer = &parser->lexer;

  step->where = milter_lexer_where (lexer, lexer->at);
  step->has_time = parser->has_time;
  step->time_ns = parser->has_time ? parser->time_ns : 0;
  step->spec = milter_verb_get_spec (verb);
  lexer->at += strlen (verb->word);
  if (!milter_lexer_charge (lexer, STEP_COST)
      || !find_statement (verb)->parse (parser, verb, step))
    return NULL;
  if (!milter_parser_more (parser))
    return g_steal_pointer (&step);
  milter_lexer_expected (lexer,
                         lexer->at,
                         "%sthe end of the line behind \"%s\"%s",
                         is_answered (verb) ? "\"=>\" or " : "",
                         verb->usage,
                         milter_verb_get_hint (verb));
  return NULL;
}

bool
milter_parser_refuse_counters (MilterParser *parser)
{
  return !parser->lexer.varies
         || milter_lexer_expected (&parser->lexer,
                                   parser->lexer.varies_at,
                                   "a line that is the same in every round and every copy");
}

/* what `repeat` stands before */
static bool
check_counts (MilterParser *parser, const MilterVerb *verb)
{
  MilterRole role = find_statement (verb)->role;
  bool in_session = parser->place.session != NULL;

  if (verb->syntax == MILTER_SYNTAX_PREFIX
      || (parser->repeat > 0 && verb->syntax != MILTER_SYNTAX_SESSION
          && !(in_session
               && (role == MILTER_ROLE_COMMAND || verb->syntax == MILTER_SYNTAX_MESSAGE))))
    return milter_lexer_expected (
        &parser->lexer, parser->lexer.at, "a command, message or session behind \"repeat\"");
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
             && verb->syntax != MILTER_SYNTAX_CASE && verb->syntax != MILTER_SYNTAX_MUTANT
             && verb->syntax != MILTER_SYNTAX_LET && verb->syntax != MILTER_SYNTAX_INCLUDE);
}

/* Puts a step of a session where it belongs. @where: of its line, @at: of its verb */
static bool
finish_step (MilterParser *parser,
             const MilterVerb *verb,
             MilterStep *step,
             const MilterWhere *where,
             gsize at)
{
  MilterLexer *lexer = &parser->lexer;
  MilterRole role = find_statement (verb)->role;
  gsize offset;

  milter_parser_add_to_session (parser, where, step);
  if (role != MILTER_ROLE_STEP)
    parser->place.step = is_answered (verb) ? step : NULL;
  offset = milter_lexer_skip_blanks (lexer);
  if (is_answered (verb) && milter_lexer_take (lexer, "=>") && !parse_arrow (parser, offset))
    return false;
  return (!is_answered (verb) && !lexer->varies)
         || milter_parser_note_line (parser, step, at, /* is_new= */ true);
}

static bool
parse_statement (MilterParser *parser, const MilterVerb *verb, const MilterWhere *where)
{
  MilterLexer *lexer = &parser->lexer;
  gsize at = lexer->at;
  g_autoptr (MilterStep) step = milter_parser_statement (parser, verb);
  bool is_of_session = is_step (verb) && parser->place.session != NULL;

  if (step == NULL)
    return false;
  if (is_of_session)
    {
      if (!finish_step (parser, verb, g_steal_pointer (&step), where, at))
        return false;
    }
  else if (is_step (verb))
    add_file_step (parser, g_steal_pointer (&step));
  if (verb->syntax == MILTER_SYNTAX_RULE)
    {
      gsize offset = milter_lexer_skip_blanks (lexer);

      if (milter_lexer_take (lexer, "=>")
          && !milter_parser_rule_action (parser, offset, /* on_line= */ true))
        return false;
    }
  if (verb->syntax == MILTER_SYNTAX_SMTP && milter_lexer_take (lexer, "=>")
      && !milter_parser_smtp_reply (parser))
    return false;
  if (!is_of_session && find_statement (verb)->role != MILTER_ROLE_LET
      && !milter_parser_refuse_counters (parser))
    return false;
  /* the line may have left nobody, or somebody above it, whose answer this would be */
  return milter_lexer_at_end (lexer)
         || milter_lexer_expected (
             lexer, lexer->at, "the end of the line behind \"%s\"", verb->usage);
}

static bool
parse_expectation (MilterParser *parser, gsize offset)
{
  if (!parse_arrow (parser, offset))
    return false;
  if (parser->place.rule != NULL || parser->place.smtp != NULL)
    return milter_parser_refuse_counters (parser);
  return parser->place.step == parser->spoilt
         || milter_parser_note_line (parser, parser->place.step, offset, /* is_new= */ false);
}

/* Lines that others include may stand in a session which begins there. */
static void
begin_part (MilterParser *parser, const char *word, const MilterWhere *where)
{
  if (parser->use == MILTER_SCENARIO_PART && parser->place.session == NULL
      && parser->place.rule == NULL && parser->connection == NULL
      && milter_verb_find (word, MILTER_VERB_AT_TOP) == NULL
      && milter_verb_find (word, MILTER_VERB_IN_SESSION) != NULL)
    milter_parser_begin_session (parser, where, NULL);
}

bool
milter_parser_line (MilterParser *parser)
{
  MilterLexer *lexer = &parser->lexer;
  g_autofree char *word = NULL;
  const MilterVerb *verb;
  MilterWhere where;
  gsize offset;

  if (!milter_parser_take_prefixes (parser))
    return false;
  if (milter_lexer_at_end (lexer))
    return true;
  offset = lexer->at;
  if (milter_lexer_take (lexer, "=>"))
    return parse_expectation (parser, offset);
  where = milter_lexer_where (lexer, offset);
  if (!milter_parser_take_counts (parser))
    {
      /* the commands below belong to a session, whatever is wrong with how often it is played */
      if (parser->place.session == NULL)
        milter_parser_begin_session (parser, &where, NULL);
      return false;
    }
  word = milter_parser_peek (parser);
  begin_part (parser, word, &where);
  verb = milter_verb_find (
      word, parser->place.session != NULL ? MILTER_VERB_IN_SESSION : MILTER_VERB_AT_TOP);
  if (verb == NULL)
    return refuse_verb (parser, word);
  if (stands_too_late (parser, verb))
    return milter_lexer_expected (lexer,
                                  lexer->at,
                                  parser->connection != NULL
                                      ? "\"session\" before the first line of a connection"
                                      : "\"session\", \"on\" or \"expect\" (what holds for the "
                                        "whole file stands before its first session)");
  return check_counts (parser, verb) && parse_statement (parser, verb, &where);
}

static bool
has_smtp (const MilterScenario *scenario)
{
  for (guint i = 0; i < scenario->cases->len; i++)
    if (((const MilterScenarioCase *) g_ptr_array_index (scenario->cases, i))->smtp->len > 0)
      return true;
  return false;
}

/* a file that has nothing for the tool that reads it is a slip that must not pass */
static void
check_use (MilterParser *parser)
{
  MilterScenarioUse use = parser->use;
  MilterLexer *lexer = &parser->lexer;
  bool has_sessions = parser->scenario->sessions->len > 0;
  bool has_rules = parser->scenario->rules->len > 0 || has_smtp (parser->scenario);

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

void
milter_parser_init (MilterParser *parser,
                    const char *path,
                    const char *text,
                    gsize size,
                    MilterScenarioUse use,
                    GString *messages)
{
  *parser = (MilterParser){ .use = use };
  parser->scenario = milter_scenario_new (path);
  parser->spoilt = milter_step_new (MILTER_STEP_KIND_COMMAND);
  parser->files
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  milter_lexer_init (&parser->lexer, parser->scenario->path, text, size, messages);
}

void
milter_parser_clear (MilterParser *parser)
{
  g_clear_pointer (&parser->connection, g_free);
  g_clear_pointer (&parser->connections, g_hash_table_unref);
  milter_lexer_clear (&parser->lexer);
  g_clear_pointer (&parser->scenario, milter_scenario_free);
  g_clear_pointer (&parser->spoilt, milter_step_free);
  g_clear_pointer (&parser->files, g_hash_table_unref);
  g_clear_pointer (&parser->lines, g_array_unref);
}

/* whatever is open at the end of the file */
static void
end_repeated (MilterParser *parser)
{
  GHashTableIter iter;
  gpointer place;

  milter_parser_end_repeated (parser);
  if (parser->connections == NULL)
    return;
  g_hash_table_iter_init (&iter, parser->connections);
  while (g_hash_table_iter_next (&iter, /* key= */ NULL, &place))
    {
      parser->place = *(const MilterParserPlace *) place;
      milter_parser_end_repeated (parser);
    }
}

MilterScenario *
milter_scenario_parse (const char *path,
                       const char *text,
                       gsize size,
                       const MilterScenarioHost *host,
                       MilterScenarioUse use,
                       GString *messages)
{
  return milter_scenario_parse_noting (
      path, text, size, host, use, /* tokens= */ NULL, messages);
}

MilterScenario *
milter_scenario_parse_noting (const char *path,
                              const char *text,
                              gsize size,
                              const MilterScenarioHost *host,
                              MilterScenarioUse use,
                              MilterTokens *tokens,
                              GString *messages)
{
  g_auto (MilterParser) parser = { 0 };
  MilterScenario *scenario;

  milter_parser_init (&parser, path, text, size, use, messages);
  parser.lexer.tokens = tokens;
  if (size > MILTER_SCENARIO_MAX_FILE)
    {
      milter_lexer_fail (&parser.lexer,
                         0,
                         "expected a file of at most %u MiB, got a larger one",
                         MILTER_SCENARIO_MAX_FILE >> 20);
      return NULL;
    }

  parser.lexer.host = host;
  while (milter_lexer_next_line (&parser.lexer))
    {
      if (!milter_parser_line (&parser))
        {
          milter_lexer_skip_here_document (&parser.lexer);
          spoil (&parser);
        }
      milter_parser_leave_connection (&parser);
    }
  end_repeated (&parser);
  if (parser.lexer.n_errors == 0)
    check_use (&parser);
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
