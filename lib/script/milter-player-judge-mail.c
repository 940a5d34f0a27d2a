/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-judge-mail.c: the edits of a message, and what they made of it.
 */
#include "milter-player-private.h"

#include "milter-text.h"

static int
peer_by_name (gconstpointer data, const char *name)
{
  const MilterPlayer *player = data;

  for (guint i = 0; i < player->config.n_peers; i++)
    if (g_strcmp0 (player->peers[i].name, name) == 0)
      return (int) i;
  return -1;
}

/* @from: the milter of a chain that it is about; NULL: all of them */
static char *
list_edits (const MilterPlayer *player, const char *from)
{
  int peer = from != NULL ? peer_by_name (player, from) : -1;
  GString *text = g_string_new (NULL);
  const GPtrArray *edits = player->turn.edits;

  for (guint i = 0; i < edits->len; i++)
    {
      const MilterRecord *edit = g_ptr_array_index (edits, i);

      if (edit->message.letter == MILTER_REPLY_PROGRESS || (peer >= 0 && (int) edit->peer != peer))
        continue;
      if (text->len > 0)
        g_string_append (text, "; ");
      if (text->len > 600)
        {
          g_string_append_printf (text, "… (%u edits)", edits->len);
          break;
        }
      milter_failure_append_message (text, edit);
      milter_failure_append_peer (player, edit->peer, text);
      if (edit->malformed && edit->fault != NULL)
        g_string_append_printf (text, " (%s)", edit->fault);
    }
  if (text->len == 0)
    g_string_append (text, "no edit");
  return g_string_free (text, FALSE);
}

static char *
list_wanted_edits (const GPtrArray *lines)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);

      if (milter_expectation_is_edit (line))
        g_string_append_printf (text, "%s%s", text->len > 0 ? ", then " : "", line->text);
    }
  return g_string_free (text, FALSE);
}

static void
report_finding (MilterPlayer *player, const MilterEditsFinding *finding)
{
  const MilterExpectation *line = finding->line;
  char *what = g_strdup_printf ("edits at %s", milter_player_turn_text (player));
  char *expected = NULL;
  char *got = finding->record != NULL
                  ? milter_failure_record (player, finding->record, /* with_command= */ false)
                  : list_edits (player, line->from);

  switch (finding->fault)
    {
    case MILTER_EDITS_MISSING:
      expected = milter_failure_expectation (player, line);
      if (finding->taker != NULL)
        {
          g_autofree char *edits = got;

          got = g_strdup_printf (
              "%s (line %u took what fits)", edits, finding->taker->where.line);
        }
      break;
    case MILTER_EDITS_ORDER:
      expected = list_wanted_edits (milter_player_turn_lines (player));
      break;
    case MILTER_EDITS_FORBIDDEN:
      expected = g_strdup (line->text);
      break;
    case MILTER_EDITS_SURPLUS:
      expected = g_strdup ("no edit besides those expected (only)");
      break;
    }
  milter_player_fail (player, MILTER_OUTCOME_FAILED, &line->where, what, expected, got);
}

/* an edit may come to what was filled in for the line */
static char *
name_edits (const MilterPlayer *player, const MilterRecord *edit)
{
  bool own = player->turn.step == NULL || player->turn.letter == 0 || edit->command == 0
             || edit->command == player->turn.letter;

  return g_strdup_printf ("edits at %s",
                          own ? milter_player_turn_text (player)
                              : milter_failure_stage (edit->command));
}

static void
report_edit (MilterPlayer *player, const MilterRecord *edit)
{
  milter_player_report (player,
                        MILTER_OUTCOME_BROKEN,
                        /* where= */ NULL,
                        name_edits (player, edit),
                        g_strdup (edit->malformed ? "edits that can be read" : "no edit"),
                        edit);
}

void
milter_player_judge_flood (MilterPlayer *player, const MilterRecord *record)
{
  milter_player_report (
      player,
      MILTER_OUTCOME_BROKEN,
      /* where= */ NULL,
      g_strdup_printf ("edits at %s", milter_player_turn_text (player)),
      g_strdup_printf ("at most %" G_GSIZE_FORMAT " bytes of edits", player->config.max_edits),
      record);
}

void
milter_player_judge_edit (MilterPlayer *player, const MilterRecord *record)
{
  const GPtrArray *lines = milter_player_turn_lines (player);

  for (guint i = 0; lines != NULL && i < lines->len; i++)
    if (milter_expectation_is_edit (g_ptr_array_index (lines, i)))
      return;
  report_edit (player, record);
}

void
milter_player_judge_edits (MilterPlayer *player)
{
  const GPtrArray *lines = milter_player_turn_lines (player);
  const GPtrArray *edits = player->turn.edits;
  g_autoptr (GPtrArray) none = NULL;
  g_autoptr (GArray) findings = NULL;

  /* most lines speak of no edits, and are answered by none */
  if (edits->len == 0 && (lines == NULL || lines->len == 0))
    return;
  if (lines == NULL)
    lines = none = g_ptr_array_new ();
  findings = milter_judge_edits (lines, edits, peer_by_name, player);
  for (guint i = 0; i < edits->len; i++)
    {
      const MilterRecord *edit = g_ptr_array_index (edits, i);

      if (edit->matched || !(edit->wrong || edit->malformed))
        continue;
      report_edit (player, edit);
      return;
    }
  for (guint i = 0; i < findings->len; i++)
    report_finding (player, &g_array_index (findings, MilterEditsFinding, i));
}

void
milter_player_judge_result (MilterPlayer *player, const MilterExpectation *line)
{
  MilterPlayedMessage *message = player->message;
  g_autoptr (GByteArray) delivered = g_byte_array_new ();
  gsize size = 0;
  const guint8 *wanted = g_bytes_get_data (line->bytes, &size);
  char *what = g_strdup_printf (
      "result%s%s", line->path != NULL ? " " : "", line->path != NULL ? line->path : "");
  char *expected = NULL, *got = NULL;

  if (message == NULL || message->after == NULL
      || (message->verdict != MILTER_REPLY_CONTINUE && message->verdict != MILTER_REPLY_ACCEPT))
    {
      milter_player_fail (player,
                          MILTER_OUTCOME_FAILED,
                          &line->where,
                          what,
                          g_strdup ("a message that is delivered"),
                          g_strdup ("no message is delivered"));
      return;
    }
  milter_mail_append_message (message->after, delivered);
  if (milter_judge_result (milter_bytes (wanted, size),
                           milter_bytes (delivered->data, delivered->len),
                           line->ignoring,
                           &expected,
                           &got))
    {
      g_free (what);
      return;
    }
  milter_player_fail (player, MILTER_OUTCOME_FAILED, &line->where, what, expected, got);
  if (line->path != NULL)
    {
      MilterFailure *failure = g_ptr_array_index (player->failures, player->failures->len - 1);

      failure->result_path = g_strdup (line->path);
      failure->delivered = milter_judge_result_text (
          milter_bytes (delivered->data, delivered->len), line->ignoring);
    }
}
