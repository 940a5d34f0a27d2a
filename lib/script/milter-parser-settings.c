/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-settings.c: lines that send nothing: which MTA is played, variables, what has to be
 * there, and the lines of other files.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-profile-private.h"

/* how deep files may include each other */
#define MAX_DEPTH 16
/* what a requirement costs besides its text */
#define REQUIREMENT_COST 256

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

bool
milter_parser_mta (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
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
    parser->scenario->profile = profile->name;
  return true;
}

bool
milter_parser_let (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  static const char what[] = "the name of a variable (letters, digits and _)";
  g_auto (MilterWord) name = MILTER_WORD_INIT;
  g_auto (MilterWord) value = MILTER_WORD_INIT;
  bool ok;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &name))
    return false;
  if (name.kind != MILTER_WORD_BARE
      || !milter_lexer_is_variable_name (milter_word_bytes (&name, 0)))
    return milter_lexer_expected (&parser->lexer, name.offset, "%s", what);
  if (milter_lexer_is_predefined (name.text->str))
    return milter_lexer_expected (
        &parser->lexer, name.offset, "a name that is not one of the language's own variables");
  parser->lexer.keeps_marks = true;
  ok = milter_parser_word (parser, MILTER_LEX_PLAIN, "a value (\"\" is an empty one)", &value)
       && milter_lexer_let (&parser->lexer, name.text->str, &value);
  parser->lexer.keeps_marks = false;
  return ok;
}

/* ---- require ---- */

static bool
require_text (MilterParser *parser, MilterRequirement *requirement, const char *what)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, what, &word))
    return false;
  if (word.text->len == 0 || strlen (word.text->str) != word.text->len)
    return milter_lexer_expected (&parser->lexer, word.offset, "%s", what);
  g_free (requirement->text);
  requirement->text = requirement->kind == MILTER_REQUIRE_FILE
                          ? milter_parser_resolve (parser, word.text->str)
                          : g_strdup (word.text->str);
  return true;
}

static const struct
{
  const char *word;
  MilterRequireKind kind;
  const char *what;    /* (nullable) the word behind it */
} requirements[] = {
  { "ipv6", MILTER_REQUIRE_IPV6, NULL },
  { "unix", MILTER_REQUIRE_UNIX, NULL },
  { "root", MILTER_REQUIRE_ROOT, NULL },
  { "program", MILTER_REQUIRE_PROGRAM, "the name of a program" },
  { "file", MILTER_REQUIRE_FILE, "the name of a file" },
  { "negotiate", MILTER_REQUIRE_NEGOTIATE, NULL },
  { "probe", MILTER_REQUIRE_PROBE, "the name of a session of the probe" },
};

static bool
require_negotiate (MilterParser *parser, MilterRequirement *requirement)
{
  MilterLexer *lexer = &parser->lexer;
  gsize start = milter_lexer_skip_blanks (lexer);

  if (!milter_parser_more (parser))
    return milter_lexer_expected (
        lexer, lexer->at, "what the milter has to answer, as steps=SKIP or actions=+ADDHDRS");
  if (!milter_parser_negotiate (parser, /* pattern= */ true, &requirement->negotiate))
    return false;
  g_free (requirement->text);
  requirement->text = g_strdup_printf (
      "negotiate %.*s", (int) MIN (lexer->at - start, G_MAXINT16), lexer->line + start);
  g_strchomp (requirement->text);
  return true;
}

static bool
parse_requirement (MilterParser *parser, MilterRequirement *requirement)
{
  MilterLexer *lexer = &parser->lexer;
  gsize offset = milter_lexer_skip_blanks (lexer);

  for (gsize i = 0; i < G_N_ELEMENTS (requirements); i++)
    if (milter_lexer_take (lexer, requirements[i].word))
      {
        requirement->kind = requirements[i].kind;
        requirement->text = g_strdup (requirements[i].word);
        if (requirement->kind == MILTER_REQUIRE_NEGOTIATE)
          return require_negotiate (parser, requirement);
        return requirements[i].what == NULL
               || require_text (parser, requirement, requirements[i].what);
      }
  return milter_lexer_expected (
      lexer, offset, "ipv6, unix, root, program NAME, file PATH, negotiate KEY=PATTERN or probe NAME");
}

bool
milter_parser_require (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  MilterRequirement *requirement = milter_requirement_new ();
  GPtrArray *where = parser->place.session != NULL ? parser->place.session->requirements
                                                   : parser->scenario->requirements;

  g_ptr_array_add (where, requirement);
  requirement->where = step->where;
  return milter_lexer_charge (&parser->lexer, REQUIREMENT_COST)
         && parse_requirement (parser, requirement);
}

/* ---- include ---- */

/* "a.scenario" includes "b.scenario" includes … */
static char *
describe_chain (MilterParser *parser, guint from, const char *last)
{
  GString *chain = g_string_new (NULL);

  for (guint i = from; i <= milter_lexer_get_depth (&parser->lexer); i++)
    {
      g_autofree char *name = milter_parser_show_path (milter_lexer_get_path (&parser->lexer, i));

      g_string_append_printf (chain, "\"%s\", which includes ", name);
    }
  g_string_append_printf (chain, "\"%s\"", last);
  return g_string_free (chain, FALSE);
}

static bool
check_chain (MilterParser *parser, const char *path, gsize offset)
{
  MilterLexer *lexer = &parser->lexer;
  g_autofree char *canonical = g_canonicalize_filename (path, NULL);
  g_autofree char *shown = milter_parser_show_path (path);
  guint depth = milter_lexer_get_depth (lexer);

  for (guint i = 0; i <= depth; i++)
    {
      g_autofree char *other = g_canonicalize_filename (milter_lexer_get_path (lexer, i), NULL);
      g_autofree char *chain = NULL;

      if (strcmp (canonical, other) != 0)
        continue;
      chain = describe_chain (parser, i, shown);
      return milter_lexer_fail (
          lexer, offset, "expected a file that does not include itself, got %s", chain);
    }
  if (depth < MAX_DEPTH)
    return true;
  return milter_lexer_fail (lexer,
                            offset,
                            "expected files that include each other over at most %u levels, got "
                            "one more with \"%s\"",
                            MAX_DEPTH,
                            shown);
}

bool
milter_parser_include (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autofree char *path = NULL;
  GBytes *bytes;
  gsize size;
  const char *text;

  if (parser->connection != NULL)
    return milter_lexer_expected (
        &parser->lexer, 0, "\"include\" without @CONN (the lines of the file have their own)");
  if (!milter_parser_word (parser, MILTER_LEX_PLAIN, "the name of a file", &word))
    return false;
  /* behind it the present line is that of another file */
  if (!milter_lexer_finish_line (&parser->lexer, "the end of the line behind the name of a file")
      || !milter_parser_refuse_counters (parser))
    return false;
  path = milter_parser_path (parser, &word);
  if (path == NULL || !check_chain (parser, path, word.offset))
    return false;
  bytes = milter_parser_open (parser, path, word.offset);
  if (bytes == NULL)
    return false;
  text = g_bytes_get_data (bytes, &size);
  return milter_lexer_enter (&parser->lexer,
                             milter_scenario_keep_path (parser->scenario, path),
                             text != NULL ? text : "",
                             size);
}
