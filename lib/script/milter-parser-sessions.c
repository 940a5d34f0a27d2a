/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-sessions.c: sessions, `repeat` and `parallel`, and which lines belong to a message
 * that is repeated.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-values.h"

/* what a session costs besides its name */
#define SESSION_COST 512
/* how many copies of a session run at once: more than one process has sockets for */
#define MAX_PARALLEL 65535

/* how many sessions a scenario plays, all rounds and copies counted: reports hold each of them */
#define MAX_SESSIONS 100000

/* ---- prefixes ---- */

static bool
parse_count (MilterParser *parser, guint32 max, guint *count)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autofree char *what = g_strdup_printf ("how often, a number from 1 to %u", max);
  guint32 value;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  if (!milter_value_parse_u32 (milter_word_bytes (&word, 0), &value) || value < 1 || value > max)
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  *count = value;
  return true;
}

bool
milter_parser_take_counts (MilterParser *parser)
{
  MilterLexer *lexer = &parser->lexer;

  parser->repeat = 0;
  parser->parallel = 0;
  if (milter_lexer_take (lexer, "repeat") && !parse_count (parser, G_MAXUINT32, &parser->repeat))
    return false;
  milter_lexer_skip_blanks (lexer);
  if (milter_lexer_take (lexer, "parallel"))
    {
      parser->parallel = 1;
      milter_lexer_skip_blanks (lexer);
      if (!milter_lexer_peek (lexer, "session")
          && !parse_count (parser, MAX_PARALLEL, &parser->parallel))
        return false;
      milter_lexer_skip_blanks (lexer);
      if (!milter_lexer_peek (lexer, "session"))
        return milter_lexer_expected (
            lexer, lexer->at, "\"session\" behind \"parallel\" (\"repeat\" stands before it)");
    }
  if (lexer->varies)
    return milter_lexer_expected (
        lexer, lexer->varies_at, "a number that is the same in every round");
  return true;
}

/* ---- sessions ---- */

void
milter_parser_begin_session (MilterParser *parser, const MilterWhere *where, char *name)
{
  MilterScenario *scenario = parser->scenario;
  const MilterScenarioSession *before
      = scenario->sessions->len > 0
            ? g_ptr_array_index (scenario->sessions, scenario->sessions->len - 1)
            : NULL;
  MilterScenarioSession *session;

  milter_parser_end_repeated (parser);
  session = milter_scenario_add_session (scenario, where, name);
  session->requirement = parser->entry;
  session->profile = scenario->profile;
  session->timeout_us = parser->timeout_us;
  session->connection = g_strdup (parser->connection);
  session->has_time = parser->has_time;
  session->time_ns = parser->has_time ? parser->time_ns : 0;
  session->repeat = MAX (parser->repeat, 1);
  session->parallel = parser->parallel;
  if (session->parallel > 0)
    session->group = before != NULL && before->group > 0 ? before->group : ++parser->n_groups;
  parser->place.session = session;
  parser->place.step = NULL;
  parser->place.rule = NULL;
}

typedef struct
{
  char *name;
  MilterCountedText *counted_name;
  char *from, *to;
} SessionWords;

static void
session_words_clear (SessionWords *words)
{
  g_free (words->name);
  g_clear_pointer (&words->counted_name, milter_counted_text_unref);
  g_free (words->from);
  g_free (words->to);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SessionWords, session_words_clear)

static char *
value_of (const MilterWord *word)
{
  MilterBytes value = milter_word_value (word);

  return g_utf8_make_valid ((const char *) value.data, (gssize) value.size);
}

static bool
take_session_word (MilterParser *parser,
                   const MilterVerb *verb,
                   const MilterWord *word,
                   SessionWords *words)
{
  bool is_from = milter_word_has_key (word, "from");

  if (is_from || milter_word_has_key (word, "to"))
    {
      char **address = is_from ? &words->from : &words->to;

      if (*address != NULL)
        return milter_lexer_expected (
            &parser->lexer, word->offset, "one address that a connection comes %s",
            is_from ? "from" : "to");
      *address = value_of (word);
      return true;
    }
  if (words->name != NULL)
    return milter_lexer_expected (&parser->lexer,
                                  word->offset,
                                  "the end of the line behind \"%s\" (a name of several words "
                                  "is quoted)",
                                  verb->usage);
  words->name = milter_parser_name (word);
  if (word->marks != NULL)
    words->counted_name = milter_counted_text_new (milter_word_bytes (word, 0), word->marks);
  return true;
}

/* [NAME] and the addresses of a recording, which decide nothing */
static bool
parse_session_words (MilterParser *parser, const MilterVerb *verb, SessionWords *words)
{
  bool ok = true;

  parser->lexer.keeps_marks = true;
  while (ok && milter_parser_more (parser))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      ok = milter_lexer_word (&parser->lexer, MILTER_LEX_PLAIN, &word)
           && take_session_word (parser, verb, &word, words);
    }
  parser->lexer.keeps_marks = false;
  return ok;
}

/* one line can stand for more sessions than any machine holds */
static bool
count_sessions (MilterParser *parser, const MilterScenarioSession *session)
{
  parser->n_sessions += (guint64) session->repeat * MAX (session->parallel, 1);
  if (parser->n_sessions <= MAX_SESSIONS)
    return true;
  parser->lexer.exhausted = true;
  return milter_lexer_fail (&parser->lexer,
                            0,
                            "expected at most %u sessions with all rounds and copies, got more "
                            "(messages can be repeated, too)",
                            MAX_SESSIONS);
}

bool
milter_parser_session (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (SessionWords) words = { 0 };
  MilterScenarioSession *session;
  bool ok = parse_session_words (parser, verb, &words);

  /* whatever its name is, commands may follow */
  milter_parser_begin_session (parser, &step->where, g_steal_pointer (&words.name));
  session = parser->place.session;
  session->counted_name = g_steal_pointer (&words.counted_name);
  session->from = g_steal_pointer (&words.from);
  session->to = g_steal_pointer (&words.to);
  return ok && milter_lexer_charge (&parser->lexer, SESSION_COST)
         && count_sessions (parser, session);
}

/* ---- what belongs to a repeated message ---- */

/* A line of the connection rather than of a message: of the next greeting, of its end. */
static bool
is_of_connection (const MilterStep *step)
{
  static const char letters[] = { MILTER_COMMAND_NEGOTIATE, MILTER_COMMAND_CONNECT,
                                  MILTER_COMMAND_HELO,      MILTER_COMMAND_QUIT,
                                  MILTER_COMMAND_QUIT_NC };
  guint8 letter;

  if (step->kind == MILTER_STEP_KIND_CLOSE || step->kind == MILTER_STEP_KIND_RESET
      || step->kind == MILTER_STEP_KIND_HALF_CLOSE)
    return true;
  if (step->kind != MILTER_STEP_KIND_COMMAND)
    return false;
  letter = step->spec->letter == MILTER_COMMAND_DEFINE_MACRO ? step->letter : step->spec->letter;
  return memchr (letters, letter, sizeof letters) != NULL;
}

/* `mail`, and macros for one */
static bool
is_of_mail (const MilterStep *step)
{
  return step->kind == MILTER_STEP_KIND_COMMAND
         && (step->spec->letter == MILTER_COMMAND_ENVELOPE_FROM
             || (step->spec->letter == MILTER_COMMAND_DEFINE_MACRO
                 && step->letter == MILTER_COMMAND_ENVELOPE_FROM));
}

/* a command of a message, with which it has begun */
static bool
begins_message (const MilterStep *step)
{
  if (step->kind == MILTER_STEP_KIND_EML || step->kind == MILTER_STEP_KIND_GENERATE)
    return true;
  return step->kind == MILTER_STEP_KIND_COMMAND && step->spec->in_message;
}

void
milter_parser_end_repeated (MilterParser *parser)
{
  const MilterStep *repeated = parser->place.repeated;

  if (repeated == NULL)
    return;
  parser->place.repeated = NULL;
  if (repeated->body->len < 2)
    milter_lexer_fail_at (&parser->lexer,
                          &repeated->where,
                          "expected lines of a message below this one, which are repeated, got "
                          "none");
}

/* Without `message` every `mail` begins one, also behind a message that is repeated. */
static bool
belongs_to_repeated (const MilterParser *parser, const MilterStep *step)
{
  return step->kind != MILTER_STEP_KIND_MESSAGE && !is_of_connection (step)
         && !(is_of_mail (step) && parser->place.in_message);
}

static MilterStep *
new_repeat (const MilterParser *parser, const MilterWhere *where, MilterStep *step)
{
  MilterStep *repeat = milter_step_new (MILTER_STEP_KIND_REPEAT);

  repeat->where = *where;
  repeat->has_time = step->has_time;
  repeat->time_ns = step->time_ns;
  repeat->number = parser->repeat;
  repeat->body = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_step_free);
  g_ptr_array_add (repeat->body, step);
  return repeat;
}

void
milter_parser_add_to_session (MilterParser *parser, const MilterWhere *where, MilterStep *step)
{
  MilterStep *inner = step;
  MilterParserPlace *place = &parser->place;

  if (place->repeated != NULL && !belongs_to_repeated (parser, step))
    milter_parser_end_repeated (parser);
  if (parser->repeat > 0)
    step = new_repeat (parser, where, step);
  g_ptr_array_add (place->repeated != NULL ? place->repeated->body : place->session->steps, step);
  if (inner->kind == MILTER_STEP_KIND_MESSAGE && parser->repeat > 0)
    {
      place->repeated = step;
      place->in_message = false;
    }
  else if (begins_message (inner))
    place->in_message = true;
}
