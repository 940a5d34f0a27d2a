/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-template.c: lines that mean something else in every round of `repeat` and every copy of
 * `parallel`: kept as text, with the variables that they use, and read again.
 */
#include "milter-parser-private.h"

#include <string.h>

#include "milter-lexer-private.h"

/* what a line of a template costs besides its text */
#define LINE_COST 160

/* a line with the here-document behind it */
typedef struct
{
  char *text;              /* of a template: owned */
  gsize size;
  gsize at;                /* where the verb or `=>` begins */
  const char *path;        /* owned by the scenario */
  guint number;
  GHashTable *used;        /* (nullable) the variables in it, as they were */
} Line;

struct _MilterTemplate
{
  GArray *lines;           /* of Line: the command's, then those of its expectations */
  GHashTable *files;       /* what was read with the scenario */
};

static void
line_clear (gpointer data)
{
  Line *line = data;

  g_clear_pointer (&line->used, g_hash_table_unref);
}

static void
own_line_clear (gpointer data)
{
  Line *line = data;

  line_clear (line);
  g_free (line->text);
}

void
milter_template_free (MilterTemplate *template_)
{
  if (template_ == NULL)
    return;
  g_array_unref (template_->lines);
  g_hash_table_unref (template_->files);
  g_free (template_);
}

/* ---- while a scenario is read ---- */

/* moves the lines that have been noted of the step to its template */
static bool
keep_lines (MilterParser *parser, MilterStep *step)
{
  MilterTemplate *template_ = step->template_;

  if (template_ == NULL)
    {
      template_ = step->template_ = g_new0 (MilterTemplate, 1);
      template_->lines = g_array_new (FALSE, FALSE, sizeof (Line));
      g_array_set_clear_func (template_->lines, own_line_clear);
      template_->files = g_hash_table_ref (parser->files);
    }
  for (guint i = 0; i < parser->lines->len; i++)
    {
      Line line = g_array_index (parser->lines, Line, i);

      if (!milter_lexer_charge (&parser->lexer, line.size + LINE_COST))
        return false;
      line.text = g_memdup2 (line.text, line.size);
      if (line.used != NULL)
        g_hash_table_ref (line.used);
      g_array_append_val (template_->lines, line);
    }
  g_array_set_size (parser->lines, 0);
  return true;
}

bool
milter_parser_note_line (MilterParser *parser, MilterStep *step, gsize at, bool is_new)
{
  MilterLexer *lexer = &parser->lexer;
  Line line = {
    .text = (char *) lexer->line,
    .size = (gsize) (lexer->text + lexer->next - lexer->line),
    .at = at,
    .path = lexer->path,
    .number = lexer->number,
    .used = g_steal_pointer (&lexer->used),
  };

  if (parser->lines == NULL)
    {
      parser->lines = g_array_new (FALSE, FALSE, sizeof (Line));
      g_array_set_clear_func (parser->lines, line_clear);
    }
  if (is_new)
    {
      g_array_set_size (parser->lines, 0);
      parser->noted = step;
    }
  else if (parser->noted != step)
    {
      line_clear (&line);
      return !lexer->varies
             || milter_lexer_expected (lexer,
                                       lexer->varies_at,
                                       "answers with $n and $p directly below the line that they "
                                       "belong to");
    }
  g_array_append_val (parser->lines, line);
  return (step->template_ == NULL && !lexer->varies) || keep_lines (parser, step);
}

/* ---- again ---- */

/* makes a line of the template the present one */
static bool
go_to_line (MilterParser *parser, const Line *line, guint n, guint p, GString *messages)
{
  MilterLexer *lexer = &parser->lexer;

  milter_lexer_clear (lexer);
  milter_lexer_init (lexer, line->path, line->text, line->size, messages);
  lexer->next = 0;
  lexer->next_number = line->number - 1;
  lexer->n = n;
  lexer->p = p;
  if (line->used != NULL)
    {
      g_hash_table_unref (lexer->variables);
      lexer->variables = g_hash_table_ref (line->used);
    }
  if (!milter_lexer_next_line (lexer))
    return false;
  lexer->at = line->at;
  return true;
}

static MilterStep *
read_command (MilterParser *parser)
{
  g_autofree char *word = milter_parser_peek (parser);
  const MilterVerb *verb = milter_verb_find (word, MILTER_VERB_LINE);

  return verb != NULL ? milter_parser_statement (parser, verb) : NULL;
}

/* the times of a recording stand before the text that is kept */
static void
copy_times (const MilterStep *from, MilterStep *to)
{
  to->has_time = from->has_time;
  to->time_ns = from->time_ns;
  for (guint i = 0; i < MIN (from->expectations->len, to->expectations->len); i++)
    {
      const MilterExpectation *before = g_ptr_array_index (from->expectations, i);
      MilterExpectation *after = g_ptr_array_index (to->expectations, i);

      after->has_time = before->has_time;
      after->time_ns = before->time_ns;
    }
}

static MilterStep *
read_again (MilterParser *parser, const MilterStep *step, guint n, guint p, GString *messages)
{
  const GArray *lines = step->template_->lines;
  g_autoptr (MilterStep) again = NULL;

  for (guint i = 0; i < lines->len; i++)
    {
      if (!go_to_line (parser, &g_array_index (lines, Line, i), n, p, messages))
        return NULL;
      if (i == 0)
        again = read_command (parser);
      if (again == NULL)
        return NULL;
      parser->place.step = again;
      if (milter_lexer_take (&parser->lexer, "=>") && !milter_parser_expectation (parser))
        return NULL;
    }
  return g_steal_pointer (&again);
}

MilterStep *
milter_step_instantiate (const MilterStep *step, guint n, guint p, GError **error)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  MilterParser parser = { .again = true };
  MilterStep *again;

  g_return_val_if_fail (step->template_ != NULL, NULL);
  parser.files = step->template_->files;
  again = read_again (&parser, step, n, p, messages);
  milter_lexer_clear (&parser.lexer);
  if (again != NULL)
    {
      copy_times (step, again);
      return again;
    }
  if (messages->len > 0)
    g_string_truncate (messages, messages->len - 1);
  g_set_error (error,
               G_MARKUP_ERROR,
               G_MARKUP_ERROR_INVALID_CONTENT,
               "%s (in round %u, copy %u)",
               messages->str,
               n,
               p);
  return NULL;
}
