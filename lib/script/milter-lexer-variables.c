/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer-variables.c: variables: those of `let` and of the command line, and the language's
 * own.
 */
#include "milter-lexer-private.h"

#include <string.h>

/* what a variable costs besides its name and its value */
#define VARIABLE_COST 192

/* The test strings of virus and spam scanners, in pieces: a scanner that looks at this file or at a
 * program built from it must not find them. */
static const char *const eicar_pieces[]
    = { "X5O!P%@AP[4",     "\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-",
        "ANTIVIRUS-TEST-", "FILE!$H+H*",         NULL };
static const char *const gtube_pieces[] = { "XJS*C4JDBQADN1.", "NSBN3*2IDNEN*", "GTUBE-STANDARD-",
                                            "ANTI-UBE-TEST-",  "EMAIL*C.34X",   NULL };

/* the language's own names, and where those without pieces have their values from */
static const struct
{
  const char *name;
  const char *const *pieces;
  const char *origin;
} predefined[] = {
  { "eicar", eicar_pieces, NULL },
  { "gtube", gtube_pieces, NULL },
  { "dir", NULL, "the folder of the run" },
  { "socket", NULL, "set by the lines \"spawn\" and \"milter … spawn\" above" },
  { "path", NULL, "set by the lines \"spawn\" and \"milter … spawn\" above, unless they use $port" },
  { "port", NULL, "set by the lines \"spawn\" and \"milter … spawn\" above that use it" },
  { "case", NULL, "set by the lines \"case\" and \"mutant\" above: the id in small letters" },
  { "n", NULL, "the round of repeat" },
  { "p", NULL, "the copy of parallel" },
};

/* what $dir is when nobody makes a folder, as for a file that is only checked */
#define NO_FOLDER "/nonexistent"

static gssize
find_predefined (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (predefined); i++)
    if (strcmp (predefined[i].name, name) == 0)
      return (gssize) i;
  return -1;
}

bool
milter_lexer_is_predefined (const char *name)
{
  return find_predefined (name) >= 0;
}

bool
milter_lexer_is_variable_name (MilterBytes name)
{
  for (gsize i = 0; i < name.size; i++)
    if (!g_ascii_isalpha (name.data[i]) && name.data[i] != '_'
        && (i == 0 || !g_ascii_isdigit (name.data[i])))
      return false;
  return name.size > 0;
}

gboolean
milter_scenario_may_set_variable (const char *name)
{
  return milter_lexer_is_variable_name (milter_bytes_from_string (name))
         && !milter_lexer_is_predefined (name);
}

GHashTable *
milter_variables_new (void)
{
  return g_hash_table_new_full (
      g_str_hash, g_str_equal, g_free, (GDestroyNotify) milter_counted_text_unref);
}

static MilterCountedText *
set (MilterLexer *lexer, const char *name, MilterBytes value, const GArray *marks)
{
  MilterCountedText *text = milter_counted_text_new (value, marks);

  g_hash_table_replace (lexer->variables, g_strdup (name), text);
  return text;
}

void
milter_lexer_set_variable (MilterLexer *lexer, const char *name, MilterBytes value)
{
  set (lexer, name, value, /* marks= */ NULL);
}

void
milter_lexer_unset_variable (MilterLexer *lexer, const char *name)
{
  g_hash_table_remove (lexer->variables, name);
}

/* that of the command line, which the file knows now; NULL: there is none (transfer none) */
static GBytes *
find_defined (MilterLexer *lexer, const char *name)
{
  const MilterScenarioHost *host = lexer->host;
  GBytes *value = host != NULL && host->variables != NULL
                      ? g_hash_table_lookup (host->variables, name)
                      : NULL;

  if (value != NULL && host->known_variables != NULL)
    g_hash_table_add (host->known_variables, g_strdup (name));
  return value;
}

bool
milter_lexer_let (MilterLexer *lexer, const char *name, const MilterWord *value)
{
  MilterBytes bytes = milter_word_bytes (value, 0);
  const MilterCountedText *before = g_hash_table_lookup (lexer->variables, name);

  /* that of the command line wins */
  if (find_defined (lexer, name) != NULL)
    return true;
  /* the word has been counted; a name that is used again costs nothing more */
  if (before == NULL && !milter_lexer_charge (lexer, strlen (name) + VARIABLE_COST))
    return false;
  set (lexer, name, bytes, value->marks);
  return true;
}

/* ---- where values come from ---- */

static MilterCountedText *
make_folder (MilterLexer *lexer, gsize offset)
{
  g_autoptr (GError) error = NULL;
  const char *folder = NO_FOLDER;

  if (lexer->host != NULL && lexer->host->folder != NULL)
    folder = lexer->host->folder (lexer->host->user_data, &error);
  if (folder != NULL)
    return set (lexer, "dir", milter_bytes_from_string (folder), /* marks= */ NULL);
  milter_lexer_fail (lexer,
                     offset,
                     "expected a temporary folder for the run, got an error: %s",
                     error != NULL ? error->message : "unknown");
  return NULL;
}

/* one of the language's own that has no value yet */
static MilterCountedText *
make_predefined (MilterLexer *lexer, gsize offset, gsize i)
{
  if (predefined[i].pieces != NULL)
    {
      g_autofree char *value = g_strjoinv ("", (char **) predefined[i].pieces);

      return set (lexer, predefined[i].name, milter_bytes_from_string (value), /* marks= */ NULL);
    }
  if (strcmp (predefined[i].name, "dir") == 0)
    return make_folder (lexer, offset);
  milter_lexer_fail (lexer,
                     offset,
                     "expected a variable that has a value here, got $%s (%s)",
                     predefined[i].name,
                     predefined[i].origin);
  return NULL;
}

static MilterCountedText *
from_command_line (MilterLexer *lexer, const char *name)
{
  GBytes *value = find_defined (lexer, name);
  gsize size;
  const void *data;

  if (value == NULL)
    return NULL;
  data = g_bytes_get_data (value, &size);
  return set (lexer, name, milter_bytes (data, size), /* marks= */ NULL);
}

/* (transfer none) the value; NULL after an error */
static MilterCountedText *
look_up (MilterLexer *lexer, const char *name, gsize offset)
{
  MilterCountedText *value = g_hash_table_lookup (lexer->variables, name);
  gssize i;

  if (value != NULL)
    return value;
  i = find_predefined (name);
  if (i >= 0)
    return make_predefined (lexer, offset, (gsize) i);
  value = from_command_line (lexer, name);
  if (value == NULL)
    milter_lexer_fail (lexer,
                       offset,
                       "expected a variable that was set with let, got $%.40s (a dollar sign "
                       "is written $$)",
                       name);
  return value;
}

/* ---- in words ---- */

/* the round or the copy: the line means something else each time */
static bool
append_counter (MilterLexer *lexer, MilterWord *word, char counter, gsize offset)
{
  char digits[16];
  int size = g_snprintf (digits, sizeof digits, "%u", counter == 'n' ? lexer->n : lexer->p);

  if (!lexer->varies)
    lexer->varies_at = offset;
  lexer->varies = true;
  if (lexer->keeps_marks)
    {
      MilterMark mark = { word->text->len, (gsize) size, counter };

      if (!milter_lexer_charge (lexer, sizeof mark))
        return false;
      if (word->marks == NULL)
        word->marks = g_array_new (FALSE, FALSE, sizeof (MilterMark));
      g_array_append_val (word->marks, mark);
    }
  return milter_word_append (lexer, word, milter_bytes (digits, (gsize) size));
}

static bool
append_value (MilterLexer *lexer, MilterWord *word, const MilterCountedText *value, gsize offset)
{
  for (guint i = 0; i <= milter_counted_text_get_n_places (value); i++)
    {
      char counter;
      MilterBytes piece = milter_counted_text_get_piece (value, i, &counter);

      if (!milter_word_append (lexer, word, piece)
          || (counter != '\0' && !append_counter (lexer, word, counter, offset)))
        return false;
    }
  return true;
}

static bool
append_variable (MilterLexer *lexer, MilterWord *word, gsize offset, MilterBytes bytes)
{
  g_autofree char *name = g_strndup ((const char *) bytes.data, bytes.size);
  MilterCountedText *value;

  if (strcmp (name, "n") == 0 || strcmp (name, "p") == 0)
    return append_counter (lexer, word, name[0], offset);
  value = look_up (lexer, name, offset);
  if (value == NULL)
    return false;
  if (lexer->used == NULL)
    lexer->used = milter_variables_new ();
  if (!g_hash_table_contains (lexer->used, name))
    g_hash_table_insert (lexer->used, g_steal_pointer (&name), milter_counted_text_ref (value));
  return append_value (lexer, word, value, offset);
}

/* `$NAME`, `${NAME}` or `$$`, at the dollar sign */
bool
milter_lexer_take_variable (MilterLexer *lexer, MilterWord *word)
{
  gsize offset = lexer->at++;
  bool braces = milter_lexer_byte_at (lexer, lexer->at) == '{';
  gsize start, end;
  MilterBytes name;

  if (milter_lexer_byte_at (lexer, lexer->at) == '$')
    {
      lexer->at++;
      return milter_word_append (lexer, word, milter_bytes ("$", 1));
    }
  start = lexer->at + (braces ? 1 : 0);
  for (end = start; g_ascii_isalnum (milter_lexer_byte_at (lexer, end))
                    || milter_lexer_byte_at (lexer, end) == '_';)
    end++;
  name = milter_bytes (lexer->line + start, end - start);
  if (!milter_lexer_is_variable_name (name))
    return milter_lexer_expected (lexer,
                                  offset,
                                  "the name of a variable behind $ (a dollar sign "
                                  "is written $$)");
  if (braces && milter_lexer_byte_at (lexer, end) != '}')
    return milter_lexer_expected (lexer, offset, "} behind the name of a variable");
  lexer->at = end + (braces ? 1 : 0);
  return append_variable (lexer, word, offset, name);
}
