/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-judge.c: a line has been played: its expectations, or if it has none, the rule that
 * the mail passes (scenario-language, "No expectation").
 */
#include "milter-player-private.h"

#include <string.h>

#include "milter-text.h"

/* what passes without an expectation, by command; all others: continue or accept */
static const struct
{
  guint8 command;
  const char *replies;
  const char *text;
} passing[] = {
  { MILTER_COMMAND_NEGOTIATE, "O", "negotiate, legal for the offer" },
  { MILTER_COMMAND_BODY, "cas", "continue, accept or skip" },
  { MILTER_COMMAND_QUIT, "", "closed" },
};

static const char *
passing_replies (guint8 command, const char **text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (passing); i++)
    if (passing[i].command == command)
      {
        *text = passing[i].text;
        return passing[i].replies;
      }
  *text = "continue or accept";
  return "ca";
}

static bool
is_legal (const MilterRecord *record)
{
  return record->kind == MILTER_RECORD_MESSAGE && !record->malformed && !record->wrong
         && !record->unasked;
}

/* a milter that is told nothing more may end the connection as it likes */
static bool
act_passes (const MilterRecord *record)
{
  return record->kind == MILTER_RECORD_CLOSED || record->kind == MILTER_RECORD_RESET;
}

static bool
passes (const MilterRecord *record)
{
  const char *text;
  const char *replies = passing_replies (record->command, &text);

  /* a reset says that QUIT was not read: the milter had gone before */
  if (record->command == MILTER_COMMAND_QUIT)
    return record->kind == MILTER_RECORD_CLOSED && record->bytes == NULL;
  return is_legal (record) && strchr (replies, record->message.letter) != NULL;
}

/* What a record is that the line did not allow. @line (nullable): that says nothing but how the
 * connection ends, or that nothing comes, is not held when it does not: no fault of the protocol */
static MilterOutcome
classify (const MilterRecord *record, const MilterExpectation *line)
{
  switch (record->kind)
    {
    case MILTER_RECORD_MESSAGE:
      return is_legal (record) ? MILTER_OUTCOME_FAILED : MILTER_OUTCOME_BROKEN;
    case MILTER_RECORD_CLOSED:
    case MILTER_RECORD_RESET:
      return record->command == MILTER_COMMAND_QUIT && line != NULL ? MILTER_OUTCOME_FAILED
                                                                    : MILTER_OUTCOME_BROKEN;
    case MILTER_RECORD_GARBAGE:
      return MILTER_OUTCOME_BROKEN;
    case MILTER_RECORD_NOTHING:
      if (line == NULL
          || (record->command == MILTER_COMMAND_QUIT && line->within_us == 0
              && milter_expectation_has (line, MILTER_ANSWER_KIND_CLOSED)))
        return MILTER_OUTCOME_BROKEN;
      for (guint i = 0; record->due && i < line->answers->len; i++)
        {
          const MilterAnswerPattern *answer = g_ptr_array_index (line->answers, i);

          if (answer->kind != MILTER_ANSWER_KIND_CLOSED && answer->kind != MILTER_ANSWER_KIND_RESET
              && answer->kind != MILTER_ANSWER_KIND_NONE)
            return MILTER_OUTCOME_BROKEN;
        }
      return MILTER_OUTCOME_FAILED;
    }
  g_assert_not_reached ();
}

static char *
describe_command (const MilterPlayer *player, const MilterRecord *record, bool filled_in)
{
  const MilterTurn *turn = &player->turn;

  if (!filled_in && turn->step != NULL)
    return g_strdup_printf ("reply to %s", milter_player_turn_text (player));
  return g_strdup_printf (
      "reply to %s%s", milter_failure_stage (record->command), filled_in ? ", filled in" : "");
}

/* after this the next answer could not be told from a late one */
void
milter_player_report (MilterPlayer *player,
                      MilterOutcome outcome,
                      const MilterWhere *where,
                      char *what,
                      char *expected,
                      const MilterRecord *record)
{
  bool several = player->turn.step != NULL && player->turn.act == MILTER_ACT_NONE
                 && record->command != player->turn.letter;

  milter_player_fail (
      player, outcome, where, what, expected, milter_failure_record (player, record, several));
  /* it has been told that the peer does not close; that is not waited for again */
  if (record->kind == MILTER_RECORD_NOTHING && record->command == MILTER_COMMAND_QUIT)
    player->peers[record->peer].expected_end = true;
  if (outcome == MILTER_OUTCOME_BROKEN || record->kind == MILTER_RECORD_GARBAGE
      || (record->kind == MILTER_RECORD_NOTHING && record->due))
    milter_player_stop (player);
}

/* `require negotiate` */
static const MilterRequirement *
find_requirement (const GPtrArray *requirements, const MilterMessage *answer)
{
  for (guint i = 0; requirements != NULL && i < requirements->len; i++)
    {
      const MilterRequirement *wanted = g_ptr_array_index (requirements, i);

      if (wanted->kind == MILTER_REQUIRE_NEGOTIATE
          && (answer == NULL || !milter_judge_negotiate (&wanted->negotiate, answer)))
        return wanted;
    }
  return NULL;
}

static const MilterRequirement *
find_unmet (const MilterPlayer *player, const MilterMessage *answer)
{
  const MilterRequirement *wanted = find_requirement (player->config.requirements, answer);

  return wanted != NULL ? wanted : find_requirement (player->config.more_requirements, answer);
}

bool
milter_player_check_requirements (MilterPlayer *player, const MilterRecord *record)
{
  const MilterRequirement *wanted;
  g_autoptr (GString) answer = g_string_new (NULL);
  g_autofree char *name = milter_failure_peer (player, record->peer);

  if (record->wrong || record->message.letter != MILTER_REPLY_NEGOTIATE)
    return true;
  wanted = find_unmet (player, &record->message);
  if (wanted == NULL)
    return true;
  milter_failure_append_message (answer, record);
  player->skip_reason
      = g_strdup_printf ("require %s: %s answered %s", wanted->text, name, answer->str);
  player->outcome = MAX (player->outcome, MILTER_OUTCOME_SKIPPED);
  return false;
}

bool
milter_player_check_refusal (MilterPlayer *player,
                             const MilterRecord *record,
                             const MilterExpectation *line)
{
  const MilterRequirement *wanted = find_unmet (player, NULL);
  g_autofree char *name = milter_failure_peer (player, record->peer);

  /* where the line lets it close nothing is wrong, and nothing more can be asked */
  if (wanted == NULL || line == NULL || record->kind == MILTER_RECORD_MESSAGE
      || record->kind == MILTER_RECORD_NOTHING
      || !milter_expectation_has (line, MILTER_ANSWER_KIND_CLOSED))
    return true;
  player->skip_reason
      = g_strdup_printf ("require %s: %s closed the connection, as it may", wanted->text, name);
  player->peers[record->peer].expected_end = true;
  player->outcome = MAX (player->outcome, MILTER_OUTCOME_SKIPPED);
  return false;
}

void
milter_player_judge_requirements (MilterPlayer *player)
{
  const MilterRequirement *wanted = player->negotiated ? NULL : find_unmet (player, NULL);

  if (wanted == NULL || player->profile->fills_in)
    return;
  milter_player_fail (player,
                      MILTER_OUTCOME_FAILED,
                      &wanted->where,
                      g_strdup_printf ("require %s", wanted->text),
                      g_strdup ("an answer to negotiate, which decides it"),
                      g_strdup ("nothing was negotiated"));
}

void
milter_player_judge_filled_in (MilterPlayer *player, const MilterRecord *record)
{
  const char *text;

  if (passes (record))
    return;
  passing_replies (record->command, &text);
  milter_player_report (player,
                        classify (record, NULL),
                        /* where= */ NULL,
                        describe_command (player, record, /* filled_in= */ true),
                        g_strdup (text),
                        record);
}

void
milter_player_judge_stray (MilterPlayer *player, guint peer)
{
  MilterRecord *stray = g_ptr_array_index (player->peers[peer].strays, 0);
  g_autofree char *name = milter_failure_peer (player, peer);

  stray->command = player->peers[peer].last_command;
  stray->due = false;
  milter_player_examine (player, stray);
  milter_player_fail (player,
                      MILTER_OUTCOME_BROKEN,
                      /* where= */ NULL,
                      g_strdup_printf ("what came after %s", milter_failure_stage (stray->command)),
                      g_strdup_printf ("nothing more from %s", name),
                      milter_failure_record (player, stray, /* with_command= */ false));
  milter_player_stop (player);
}

/* a peer that has gone by itself while nothing was due */
void
milter_player_judge_end (MilterPlayer *player, guint peer)
{
  const MilterPeer *gone = &player->peers[peer];
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *name = milter_failure_peer (player, peer);
  g_autofree char *stranger = NULL;
  gsize size = 0;
  const guint8 *data = gone->head != NULL ? g_bytes_get_data (gone->head, &size) : NULL;

  stranger = milter_failure_identify (milter_bytes (data, size));
  if (gone->garbage != NULL && gone->too_long)
    g_string_append_printf (
        text, "a frame that is larger than what is read (%s)", gone->garbage);
  else if (gone->garbage != NULL)
    g_string_append_printf (text, "bytes that are no frame (%s)", gone->garbage);
  else
    g_string_append_printf (text, "%s %s the connection", name, gone->reset ? "reset" : "closed");
  if (gone->last_command != 0)
    g_string_append_printf (text, " after %s", milter_failure_stage (gone->last_command));
  if (size > 0 && !gone->too_long)
    {
      g_string_append (text, ": ");
      if (stranger != NULL)
        g_string_append_printf (text, "%s, not a milter: ", stranger);
      milter_text_append_quoted (milter_bytes (data, MIN (size, 80)), MILTER_TEXT_SHORT, text);
    }
  milter_player_fail (player,
                      MILTER_OUTCOME_BROKEN,
                      /* where= */ NULL,
                      player->turn.open ? g_strdup_printf ("connection, at %s", milter_player_turn_text (player))
                                        : g_strdup ("connection"),
                      g_strdup ("open"),
                      g_strdup (text->str));
  milter_player_stop (player);
}

const GPtrArray *
milter_player_turn_lines (const MilterPlayer *player)
{
  return player->turn.step != NULL ? player->turn.step->expectations : NULL;
}

/* the place of a reply line among all lines; -1 */
static int
line_index (const MilterPlayer *player, const MilterExpectation *line)
{
  const GPtrArray *lines = milter_player_turn_lines (player);
  guint index;

  return g_ptr_array_find ((GPtrArray *) lines, line, &index) ? (int) index : -1;
}

/* the one answer that counts where there are several: the first that stops the message, else (one
 * peer, several frames) the first that is not continue, else the last */
static guint
find_deciding (const GPtrArray *records)
{
  bool one_peer = true;

  for (guint i = 0; i < records->len; i++)
    {
      const MilterRecord *record = g_ptr_array_index (records, i);

      one_peer
          = one_peer && record->peer == ((MilterRecord *) g_ptr_array_index (records, 0))->peer;
      if (record->extra || !passes (record))
        return record->extra && i > 0 ? i - 1 : i;
    }
  for (guint i = 0; one_peer && i < records->len; i++)
    if (((const MilterRecord *) g_ptr_array_index (records, i))->message.letter
        != MILTER_REPLY_CONTINUE)
      return i;
  return records->len - 1;
}

/* nothing else can be said to this peer, and nobody wonders why */
static void
note_expected_end (MilterPlayer *player, const MilterRecord *record)
{
  MilterPeer *peer = &player->peers[record->peer];

  if (!peer->ended || record->kind == MILTER_RECORD_MESSAGE
      || record->kind == MILTER_RECORD_NOTHING)
    return;
  peer->expected_end = true;
  if (!peer->quit)
    peer->end_line = player->turn.where.line;
}

/* several reply lines are that many replies, in order; the first one speaks of the deciding record
 */
static void
judge_lines (MilterPlayer *player, guint peer, const GPtrArray *records)
{
  guint n_lines = milter_player_n_reply_lines (player, peer);
  guint at = find_deciding (records);

  for (guint i = 0; i < n_lines && player->phase != MILTER_PHASE_CLOSING; i++)
    {
      const MilterExpectation *line = milter_player_reply_line (player, peer, i);
      const MilterRecord *record;

      /* nothing more came: that has been told for the line before */
      if (at >= records->len)
        return;
      record = g_ptr_array_index (records, at++);
      /* behind the deciding answer only those count that were waited for */
      while (i == 0 && at < records->len
             && !((const MilterRecord *) g_ptr_array_index (records, at))->extra)
        at++;
      if (milter_judge_reply_line (
              milter_player_turn_lines (player), (guint) line_index (player, line), record))
        {
          note_expected_end (player, record);
          if (line->within_us > 0 && record->kind != MILTER_RECORD_NOTHING
              && record->after_us > line->within_us)
            milter_player_report (player,
                                  MILTER_OUTCOME_FAILED,
                                  &line->where,
                                  describe_command (player, record, false),
                                  milter_failure_expectation (player, line),
                                  record);
          else if (record->wrong && record->message.letter == MILTER_REPLY_NEGOTIATE
                   && !milter_judge_allows_options (
                       line, record, &player->peers[record->peer].session.offer))
            milter_player_report (player,
                                  MILTER_OUTCOME_BROKEN,
                                  &line->where,
                                  describe_command (player, record, false),
                                  milter_failure_expectation (player, line),
                                  record);
          continue;
        }
      milter_player_report (player,
                            classify (record, line),
                            &line->where,
                            describe_command (player, record, false),
                            milter_failure_expectation (player, line),
                            record);
    }
}

static GPtrArray *
records_of (const MilterPlayer *player, int peer)
{
  GPtrArray *records = g_ptr_array_new ();

  for (guint i = 0; i < player->turn.records->len; i++)
    {
      MilterRecord *record = g_ptr_array_index (player->turn.records, i);

      if (peer < 0 || (int) record->peer == peer)
        g_ptr_array_add (records, record);
    }
  return records;
}

static void
judge_default (MilterPlayer *player, const GPtrArray *records)
{
  for (guint i = 0; i < records->len && player->phase != MILTER_PHASE_CLOSING; i++)
    {
      const MilterRecord *record = g_ptr_array_index (records, i);
      const char *text;

      if (player->turn.act != MILTER_ACT_NONE ? act_passes (record) : passes (record))
        {
          note_expected_end (player, record);
          continue;
        }
      passing_replies (record->command, &text);
      if (player->turn.act != MILTER_ACT_NONE)
        text = "closed | reset";
      milter_player_report (
          player,
          classify (record, NULL),
          /* where= */ NULL,
          describe_command (player, record, false),
          g_strdup (record->unasked && record->command != MILTER_COMMAND_QUIT
                            && player->turn.act == MILTER_ACT_NONE
                        ? "nothing"
                        : text),
          record);
      return;
    }
}

/* a line `from NAME` that speaks of a milter that was not asked */
static void
judge_unasked_peer (MilterPlayer *player, guint peer)
{
  const MilterExpectation *line = milter_player_reply_line (player, peer, 0);
  const MilterPeer *asked = &player->peers[peer];
  const MilterDecision *decision = NULL;
  g_autofree char *why = NULL;

  if (asked->message_over.set)
    decision = &asked->message_over;
  else if (asked->connection_over.set)
    decision = &asked->connection_over;
  else if (player->message_over.set)
    decision = &player->message_over;
  else if (player->connection_over.set)
    decision = &player->connection_over;
  if (decision != NULL)
    why = milter_failure_decision (player, decision);
  else if (player->turn.left_out != NULL)
    why = g_strdup (player->turn.left_out);
  else if (player->turn.letter != 0 && strchr ("LNB", player->turn.letter) != NULL)
    why = g_strdup ("it is shown the content at the end of the message, see eom");
  else
    why = g_strdup ("an earlier milter had decided");
  milter_player_fail (player,
                      MILTER_OUTCOME_FAILED,
                      &line->where,
                      g_strdup_printf ("reply to %s from %s", milter_player_turn_text (player), asked->name),
                      milter_failure_expectation (player, line),
                      g_strdup_printf ("not reached: %s", why));
}

static bool
has_from (const MilterExpectation *line)
{
  return line != NULL && line->from != NULL;
}

/* nothing was waited for, though a line expects something: it is not held */
static void
judge_unanswered (MilterPlayer *player)
{
  const GPtrArray *lines = milter_player_turn_lines (player);

  for (guint i = 0; lines != NULL && i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);

      if (!milter_expectation_is_reply (line) || line->from != NULL)
        continue;
      milter_player_fail (player,
                          MILTER_OUTCOME_FAILED,
                          &line->where,
                          g_strdup_printf ("reply to %s", milter_player_turn_text (player)),
                          milter_failure_expectation (player, line),
                          g_strdup ("not reached: nothing answers it"));
      return;
    }
}

static void
judge_replies (MilterPlayer *player)
{
  const MilterTurn *turn = &player->turn;
  bool each = milter_turn_is_for_each (turn);
  g_autoptr (GPtrArray) rest = g_ptr_array_new ();
  guint general = G_MAXUINT;

  for (guint i = 0; i < player->config.n_peers && player->phase != MILTER_PHASE_CLOSING; i++)
    {
      g_autoptr (GPtrArray) own = records_of (player, (int) i);
      const MilterExpectation *line = milter_player_reply_line (player, i, 0);

      if (line != NULL && (each || has_from (line)))
        {
          if (own->len > 0)
            judge_lines (player, i, own);
          else if (has_from (line))
            judge_unasked_peer (player, i);
          continue;
        }
      if (line != NULL)
        general = MIN (general, i);
      for (guint r = 0; r < own->len; r++)
        g_ptr_array_add (rest, g_ptr_array_index (own, r));
    }
  if (player->phase == MILTER_PHASE_CLOSING)
    return;
  if (turn->records->len == 0)
    judge_unanswered (player);
  if (rest->len == 0)
    return;
  if (general == G_MAXUINT)
    judge_default (player, rest);
  else
    judge_lines (player, general, rest);
}

/* nothing of the line was sent */
static void
judge_left_out (MilterPlayer *player)
{
  const MilterTurn *turn = &player->turn;
  const GPtrArray *lines = milter_player_turn_lines (player);
  const MilterExpectation *line
      = lines != NULL && lines->len > 0 ? g_ptr_array_index (lines, 0) : NULL;
  const char *why = turn->left_out != NULL ? turn->left_out : "there was nothing to send";

  if (line == NULL && !turn->gone)
    return;
  milter_player_fail (
      player,
      MILTER_OUTCOME_FAILED,
      line != NULL ? &line->where : NULL,
      g_strdup_printf ("%s %s",
                       line == NULL || milter_expectation_is_reply (line) ? "reply to" : "edits at",
                       milter_player_turn_text (player)),
      line != NULL ? milter_failure_expectation (player, line) : g_strdup ("to be sent"),
      g_strdup_printf ("not reached: %s", why));
}

/* not all of the line was sent, or nobody was there any more to answer it: what was answered before
 * holds, what was to come is not reached */
static void
judge_cut (MilterPlayer *player)
{
  MilterTurn *turn = &player->turn;
  const GPtrArray *lines = milter_player_turn_lines (player);
  g_autoptr (GPtrArray) records = records_of (player, /* peer= */ -1);

  if (turn->left_out == NULL)
    turn->left_out = player->cut != NULL ? milter_player_describe_cut (player)
                                         : g_strdup_printf ("the connection is over since line %u",
                                                            player->peers[0].end_line);
  if (lines != NULL && lines->len > 0)
    judge_left_out (player);
  else if (records->len > 0)
    judge_default (player, records);
}

/* (transfer full) the milters by their names, as `from` knows them */
static char *
list_names (const MilterPlayer *player)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < player->config.n_peers; i++)
    if (player->peers[i].name != NULL)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", player->peers[i].name);
  return g_string_free (text, FALSE);
}

/* a line about a milter that is not there must not pass for one that was held */
static void
judge_names (MilterPlayer *player)
{
  const GPtrArray *lines = milter_player_turn_lines (player);

  for (guint i = 0; lines != NULL && i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);
      bool found = line->from == NULL;
      g_autofree char *names = NULL;

      for (guint n = 0; !found && n < player->config.n_peers; n++)
        found = g_strcmp0 (player->peers[n].name, line->from) == 0;
      if (found)
        continue;
      names = list_names (player);
      milter_player_fail (
          player,
          MILTER_OUTCOME_FAILED,
          &line->where,
          g_strdup_printf ("%s %s",
                           milter_expectation_is_reply (line) ? "reply to" : "edits at",
                           milter_player_turn_text (player)),
          milter_failure_expectation (player, line),
          g_strdup_printf ("there is no milter called %s%s%s",
                           line->from,
                           *names != '\0' ? ", only " : "; the one that there is has no name",
                           names));
    }
}

/* Most lines expect nothing, and all that came of them passes: then there is nothing to sort. */
static bool
passes_without_lines (const MilterTurn *turn, const GPtrArray *lines)
{
  if ((lines != NULL && lines->len > 0) || turn->edits->len > 0 || turn->act != MILTER_ACT_NONE
      || turn->missing || turn->cut || !turn->sent)
    return false;
  for (guint i = 0; i < turn->records->len; i++)
    {
      const MilterRecord *record = g_ptr_array_index (turn->records, i);

      if (record->kind != MILTER_RECORD_MESSAGE || !passes (record))
        return false;
    }
  return true;
}

void
milter_player_judge_turn (MilterPlayer *player)
{
  const MilterTurn *turn = &player->turn;
  const GPtrArray *lines = milter_player_turn_lines (player);

  if (passes_without_lines (turn, lines))
    return;
  /* a line of a message of which bytes are missing, or one that acts later */
  if (turn->missing || (turn->act != MILTER_ACT_NONE && turn->kept && turn->step != player->cut))
    return;
  if (turn->cut)
    {
      judge_cut (player);
      return;
    }
  if (turn->step != NULL && !turn->sent)
    {
      judge_left_out (player);
      return;
    }
  judge_names (player);
  judge_replies (player);
  if (player->phase == MILTER_PHASE_CLOSING)
    return;
  milter_player_judge_edits (player);
  for (guint i = 0; lines != NULL && i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);

      if (line->kind == MILTER_EXPECT_RESULT && player->phase != MILTER_PHASE_CLOSING)
        milter_player_judge_result (player, line);
    }
}
