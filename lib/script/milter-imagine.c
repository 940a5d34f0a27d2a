/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-imagine.c: from expectations to answers.
 */
#include "milter-imagine.h"

#include <string.h>

#include "milter-payload.h"
#include "milter-player-private.h"
#include "milter-responder-private.h"

/* what stands where a scenario does not care */
#define ANY_TEXT      "example"
#define ANY_SENDER    "<sender@example.com>"
#define ANY_RECIPIENT "<recipient@example.net>"

/* --- patterns to what they match -------------------------------------------------------------------- */

/* (transfer full) NULL with @error */
static MilterPattern *
make_literal (const MilterPattern *pattern, GError **error)
{
  g_autoptr (GBytes) example = milter_pattern_make_example (pattern);
  g_autoptr (GString) text = NULL;

  if (example != NULL)
    return milter_pattern_new_literal (milter_payload_view (example));
  text = g_string_new (NULL);
  milter_pattern_append_text (pattern, text);
  g_set_error (error,
               G_CONVERT_ERROR,
               G_CONVERT_ERROR_FAILED,
               "no text can be made up that %s matches",
               text->str);
  return NULL;
}

/* `4xx` to 450, `5.x.x` to 5.0.0 */
static char *
make_code (const char *code)
{
  char *made = g_strdup (code);

  for (gsize i = 0; made[i] != '\0'; i++)
    if (made[i] == 'x')
      made[i] = i == 0 ? '4' : i == 1 && made[2] != '\0' && made[1] != '.' ? '5' : '0';
  return made;
}

static char *
make_extended (const char *extended, const char *code)
{
  char *made = g_strdup (extended);

  for (gsize i = 0; made[i] != '\0'; i++)
    if (made[i] == 'x')
      made[i] = i == 0 ? code[0] : '0';
  return made;
}

static const char *
any_value (guint8 letter)
{
  if (letter == MILTER_REPLY_CHANGE_FROM)
    return ANY_SENDER;
  if (strchr ("+2-", letter) != NULL)
    return ANY_RECIPIENT;
  return ANY_TEXT;
}

static bool
make_edit (MilterAnswerPattern *edit, const MilterAnswerPattern *expected, GError **error)
{
  bool valueless = expected->value == NULL && !expected->deletes;

  edit->has_index = expected->has_index;
  edit->index = expected->index;
  edit->name = expected->name != NULL ? g_bytes_ref (expected->name) : NULL;
  edit->leading_blank = expected->leading_blank || (valueless && expected->name != NULL);
  edit->deletes = expected->deletes;
  if (valueless)
    edit->value
        = milter_pattern_new_literal (milter_bytes_from_string (any_value (expected->spec->letter)));
  else if (expected->value != NULL)
    edit->value = make_literal (expected->value, error);
  return edit->value != NULL || edit->deletes;
}

static bool
make_negotiation (MilterNegotiateArgs *args, const MilterNegotiateArgs *expected, GError **error)
{
  *args = (MilterNegotiateArgs){ .has_version = expected->has_version,
                                 .version_min = MIN (expected->version_max, MILTER_PROTOCOL_VERSION_MAX),
                                 .actions = expected->actions,
                                 .steps = expected->steps,
                                 .no_symbols = expected->no_symbols };
  args->version_min = MAX (args->version_min, expected->version_min);
  args->version_max = args->version_min;
  args->tail = expected->tail != NULL ? g_bytes_ref (expected->tail) : NULL;
  args->symbols = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_symbol_list_free);
  for (guint i = 0; expected->symbols != NULL && i < expected->symbols->len; i++)
    {
      const MilterSymbolList *list = g_ptr_array_index (expected->symbols, i);
      MilterSymbolList *made;
      GBytes *names = milter_pattern_make_example (list->pattern);

      if (names == NULL)
        return make_literal (list->pattern, error) != NULL;
      made = g_new0 (MilterSymbolList, 1);
      made->stage = list->stage;
      made->names = names;
      g_ptr_array_add (args->symbols, made);
    }
  return true;
}

/* (transfer full) the answer that an alternative is met by; NULL with @error */
static MilterAnswerPattern *
make_answer (const MilterAnswerPattern *expected, GError **error)
{
  g_autoptr (MilterAnswerPattern) answer = milter_answer_pattern_new (expected->kind);

  answer->where = expected->where;
  answer->spec = expected->spec;
  answer->letter = expected->letter;
  answer->bytes = expected->bytes != NULL ? g_bytes_ref (expected->bytes) : NULL;
  if (expected->kind == MILTER_ANSWER_KIND_EDIT && !make_edit (answer, expected, error))
    return NULL;
  if (expected->kind == MILTER_ANSWER_KIND_NEGOTIATE
      && !make_negotiation (&answer->negotiate, &expected->negotiate, error))
    return NULL;
  if (expected->kind == MILTER_ANSWER_KIND_CODE)
    {
      answer->code = make_code (expected->code);
      answer->extended = expected->extended != NULL ? make_extended (expected->extended, answer->code) : NULL;
    }
  for (guint i = 0; i < expected->patterns->len; i++)
    {
      MilterPattern *literal = make_literal (g_ptr_array_index (expected->patterns, i), error);

      if (literal == NULL)
        return NULL;
      g_ptr_array_add (answer->patterns, literal);
    }
  return g_steal_pointer (&answer);
}

/* --- answers ---------------------------------------------------------------------------------------- */

/* Lets the mail pass. An offer is taken with every action, and with SKIP, since somebody may expect it. */
static void
append_passing (GByteArray *bytes, guint8 command, const MilterSession *session)
{
  g_autoptr (MilterAnswerPattern) answer
      = milter_answer_pattern_new (MILTER_ANSWER_KIND_NEGOTIATE);

  if (command != MILTER_COMMAND_NEGOTIATE)
    {
      milter_frame_append (MILTER_REPLY_CONTINUE, milter_bytes (NULL, 0), bytes);
      return;
    }
  answer->negotiate.steps = (MilterFlagList){ .given = TRUE, .relative = TRUE, .set = MILTER_STEP_SKIP };
  milter_answer_append (bytes, answer, session, /* error= */ NULL);
}

static bool
append_expected (GByteArray *bytes,
                 const MilterAnswerPattern *expected,
                 const MilterSession *session,
                 GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (MilterAnswerPattern) answer = make_answer (expected, &cause);

  if (answer != NULL && milter_answer_append (bytes, answer, session, &cause))
    return true;
  g_set_error (error,
               G_CONVERT_ERROR,
               G_CONVERT_ERROR_FAILED,
               "%s:%u: %s",
               expected->where.file,
               expected->where.line,
               cause->message);
  return false;
}

/* the edits that the line expects, in their order */
static bool
append_edits (GByteArray *bytes, const MilterStep *step, const MilterSession *session, GError **error)
{
  for (guint i = 0; step != NULL && i < step->expectations->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (step->expectations, i);
      const MilterAnswerPattern *first;

      if (line->kind != MILTER_EXPECT_ANSWER)
        continue;
      first = g_ptr_array_index (line->answers, 0);
      if (first->kind == MILTER_ANSWER_KIND_EDIT && !append_expected (bytes, first, session, error))
        return false;
    }
  return true;
}

/* the reply that a line expects; (nullable) it expects none */
static bool
append_reply (GByteArray *bytes,
              const MilterExpectation *line,
              guint8 command,
              const MilterSession *session,
              MilterImagined *imagined,
              GError **error)
{
  const MilterAnswerPattern *first = line != NULL ? g_ptr_array_index (line->answers, 0) : NULL;

  if (first == NULL || first->kind == MILTER_ANSWER_KIND_ANY)
    append_passing (bytes, command, session);
  else if (first->kind == MILTER_ANSWER_KIND_CLOSED)
    *imagined = MILTER_IMAGINED_CLOSED;
  else if (first->kind == MILTER_ANSWER_KIND_RESET)
    *imagined = MILTER_IMAGINED_RESET;
  else if (first->kind == MILTER_ANSWER_KIND_NONE)
    *imagined = MILTER_IMAGINED_NOTHING;
  else if (!append_expected (bytes, first, session, error))
    {
      append_passing (bytes, command, session);
      return false;
    }
  return true;
}

/* the line has more to send that is answered: its expectation is about the last of it */
static bool
is_last (const MilterUnit *unit)
{
  const MilterUnit *next = unit->link.next != NULL ? unit->link.next->data : NULL;

  return next == NULL || !next->own;
}

static gboolean
answer_unit (const MilterPlayer *player, GByteArray *bytes, MilterImagined *imagined, GError **error)
{
  const MilterUnit *unit = g_queue_peek_head ((GQueue *) &player->units);
  const MilterSession *session = &player->peers[player->wait.peer].session;
  bool is_judged = unit->own && is_last (unit);
  bool ok = !is_judged || append_edits (bytes, player->turn.step, session, error);

  if (!ok)
    {
      append_passing (bytes, unit->letter, session);
      return FALSE;
    }
  return append_reply (bytes,
                       is_judged ? milter_player_reply_line (player, player->wait.peer, 0) : NULL,
                       unit->letter,
                       session,
                       imagined,
                       error);
}

/* what a line wants besides: a second reply, what answers `frame`, an end */
static gboolean
answer_more (const MilterPlayer *player, GByteArray *bytes, MilterImagined *imagined, GError **error)
{
  const MilterWait *wait = &player->wait;
  const MilterSession *session = &player->peers[wait->peer].session;

  if (wait->line == NULL)
    {
      *imagined = MILTER_IMAGINED_CLOSED;
      return TRUE;
    }
  if (player->turn.records->len == 0
      && !append_edits (bytes, player->turn.step, session, error))
    return FALSE;
  return append_reply (bytes, wait->line, wait->command, session, imagined, error);
}

gboolean
milter_imagine (const MilterPlayer *player,
                GByteArray *bytes,
                MilterImagined *imagined,
                GError **error)
{
  const MilterWait *wait = &player->wait;
  const MilterPeer *peer = &player->peers[wait->peer];
  gboolean ok = TRUE;

  *imagined = MILTER_IMAGINED_ANSWER;
  if (wait->kind == MILTER_WAIT_ANSWER)
    ok = answer_unit (player, bytes, imagined, error);
  else if (wait->kind == MILTER_WAIT_MORE)
    ok = answer_more (player, bytes, imagined, error);
  else if (wait->kind == MILTER_WAIT_QUIET && peer->unjudged_due > 0)
    append_passing (bytes, player->turn.letter, &peer->session);
  if (*imagined == MILTER_IMAGINED_ANSWER && bytes->len == 0)
    *imagined = MILTER_IMAGINED_NOTHING;
  return ok;
}
