/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-milters.c: the milters under test: those that a scenario starts, and those of a
 * chain.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-connection-spec.h"

/* what a milter costs besides its words */
#define MILTER_COST 512

/* where nobody listens: for a file that is only checked */
#define NO_PATH "/nonexistent/milter.sock"
#define NO_PORT 1

/* ---- where it shall listen ---- */

typedef struct
{
  char *path, *spec;
  guint16 port;
} Listening;

static void
listening_clear (Listening *listening)
{
  g_free (listening->path);
  g_free (listening->spec);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Listening, listening_clear)

static void
set_no_place (bool tcp, Listening *listening)
{
  listening->path = tcp ? NULL : g_strdup (NO_PATH);
  listening->port = tcp ? NO_PORT : 0;
  listening->spec
      = tcp ? g_strdup_printf ("inet:%u@127.0.0.1", NO_PORT) : g_strdup ("unix:" NO_PATH);
}

static void
set_or_unset (MilterLexer *lexer, const char *name, const char *value)
{
  if (value != NULL)
    milter_lexer_set_variable (lexer, name, milter_bytes_from_string (value));
  else
    milter_lexer_unset_variable (lexer, name);
}

static bool
make_place (MilterParser *parser, gsize offset, bool tcp, Listening *listening)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *port = NULL;
  MilterLexer *lexer = &parser->lexer;
  const MilterScenarioHost *host = lexer->host;

  if (host == NULL || host->place == NULL)
    set_no_place (tcp, listening);
  else if (!host->place (host->user_data,
                         parser->n_spawned,
                         tcp,
                         &listening->path,
                         &listening->spec,
                         &listening->port,
                         &error))
    return milter_lexer_fail (lexer,
                              offset,
                              "expected a place where the milter can listen, got an error: %s",
                              error != NULL ? error->message : "unknown");
  parser->n_spawned++;
  port = tcp ? g_strdup_printf ("%u", listening->port) : NULL;
  set_or_unset (lexer, "socket", listening->spec);
  set_or_unset (lexer, "path", tcp ? NULL : listening->path);
  set_or_unset (lexer, "port", port);
  return true;
}

/* ---- its command ---- */

static char **
take_command (MilterParser *parser)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gsize n = 0;

  for (; n == 0 || milter_parser_more (parser); n++)
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "the command that starts a milter", &word))
        return NULL;
      if (strlen (word.text->str) != word.text->len || (n == 0 && word.text->len == 0))
        {
          milter_lexer_expected (&parser->lexer,
                                 word.offset,
                                 n == 0 ? "the name of a program" : "a word without NUL bytes");
          return NULL;
        }
      g_strv_builder_add (builder, word.text->str);
    }
  return g_strv_builder_end (builder);
}

/* Whether the command wants a port decides where the milter shall listen, and that decides the
 * words: they are read twice. */
static bool
parse_command (MilterParser *parser, MilterScenarioMilter *milter)
{
  MilterLexer *lexer = &parser->lexer;
  g_auto (GStrv) draft = NULL;
  g_auto (Listening) listening = { 0 };
  gsize start = milter_lexer_skip_blanks (lexer);
  bool tcp;

  set_or_unset (lexer, "socket", "");
  set_or_unset (lexer, "path", "");
  set_or_unset (lexer, "port", "");
  g_clear_pointer (&lexer->used, g_hash_table_unref);
  draft = take_command (parser);
  if (draft == NULL)
    return false;
  tcp = lexer->used != NULL && g_hash_table_contains (lexer->used, "port");
  if (!make_place (parser, start, tcp, &listening))
    return false;
  lexer->at = start;
  milter->argv = take_command (parser);
  milter->spec = g_steal_pointer (&listening.spec);
  milter->folder = g_path_get_dirname (parser->scenario->path);
  return milter->argv != NULL;
}

/* ---- lines ---- */

static MilterScenarioMilter *
add_milter (MilterParser *parser, const MilterStep *step)
{
  MilterScenarioMilter *milter = g_new0 (MilterScenarioMilter, 1);

  milter->where = step->where;
  g_ptr_array_add (parser->scenario->milters, milter);
  return milter;
}

bool
milter_parser_spawn (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  if (parser->scenario->milters->len > 0)
    return milter_lexer_fail_at (&parser->lexer,
                                 &step->where,
                                 "expected one milter, got another \"spawn\" (a chain is written as "
                                 "\"milter NAME spawn COMMAND…\" for each)");
  return milter_lexer_charge (&parser->lexer, MILTER_COST)
         && parse_command (parser, add_milter (parser, step));
}

static bool
check_name (MilterParser *parser, const MilterStep *step, const MilterWord *word)
{
  const GPtrArray *milters = parser->scenario->milters;

  if (word->text->len == 0 || strlen (word->text->str) != word->text->len)
    return milter_lexer_expected (&parser->lexer, word->offset, "the name of a milter");
  for (guint i = 0; i < milters->len; i++)
    {
      const MilterScenarioMilter *other = g_ptr_array_index (milters, i);

      if (other->name == NULL)
        return milter_lexer_fail_at (&parser->lexer,
                                     &step->where,
                                     "expected one milter, got \"milter\" behind \"spawn\" (a chain "
                                     "is written as \"milter NAME spawn COMMAND…\" for each)");
      if (strcmp (other->name, word->text->str) == 0)
        return milter_lexer_expected (
            &parser->lexer, word->offset, "a name that no other milter of the chain has");
    }
  return true;
}

static bool
parse_spec (MilterParser *parser, MilterScenarioMilter *milter)
{
  static const char what[] = "where the milter listens, as unix:PATH or inet:PORT@HOST, or \"spawn\"";
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterConnectionSpec) spec = NULL;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  if (strlen (word.text->str) == word.text->len)
    spec = milter_connection_spec_parse (word.text->str, &error);
  if (spec == NULL)
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  milter->spec = g_strdup (word.text->str);
  return true;
}

bool
milter_parser_milter (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) name = MILTER_WORD_INIT;
  MilterScenarioMilter *milter;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "the name of a milter", &name)
      || !check_name (parser, step, &name) || !milter_lexer_charge (&parser->lexer, MILTER_COST))
    return false;
  milter = add_milter (parser, step);
  milter->name = g_utf8_make_valid (name.text->str, -1);
  milter_lexer_skip_blanks (&parser->lexer);
  return milter_lexer_take (&parser->lexer, "spawn") ? parse_command (parser, milter)
                                                     : parse_spec (parser, milter);
}
