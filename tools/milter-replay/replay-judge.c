/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-judge.c: two builders beside each other, and what they make compared pair by pair.
 *
 * A message that is played has the packet of its MAIL from the recording, which tells which two
 * belong together also where some were not played.
 */
#include "replay-judge.h"

#include "milter-recorded-builder.h"
#include "milter-text.h"

typedef struct
{
  ReplayJudge *judge;
  MilterRecordedBuilder *builder;
  GQueue messages; /* of MilterRecordedMessage */
  GQueue sessions; /* of MilterRecordedSession */
} Side;

struct _ReplayJudge
{
  const MilterCompareRules *rules;
  const ReplayJudgeEvents *events;
  gpointer data;
  Side sides[2]; /* by MilterReplayStream */
  MilterCapturePlace place;
  guint64 n_recorded; /* messages of the connection so far */
  guint32 steps_now;  /* #MilterStepFlags that were agreed on last */
  bool has_left;      /* QUIT has been sent now, or the MTA has closed */
  ReplayJudgeCounts counts;
};

/* --- what is told ----------------------------------------------------------------------------- */

/* the next message of the recording */
static char *
describe_message (ReplayJudge *judge, const MilterRecordedMessage *message)
{
  GString *text = g_string_new (NULL);
  const MilterRecordedCommand *mail
      = message->commands->len > 0 ? g_ptr_array_index (message->commands, 0) : NULL;

  g_string_append_printf (text, "message %" G_GUINT64_FORMAT, ++judge->n_recorded);
  if (mail == NULL || mail->letter != MILTER_COMMAND_ENVELOPE_FROM || mail->about == NULL)
    return g_string_free (text, FALSE);
  g_string_append (text, " from ");
  milter_text_append_word (
      milter_bytes (mail->about->str, mail->about->len), MILTER_TEXT_SHORT, text);
  return g_string_free (text, FALSE);
}

static void
tell (ReplayJudge *judge, const char *where, const MilterDifference *found)
{
  g_autofree char *what
      = *where != '\0' ? g_strdup_printf ("%s: %s", where, found->what) : g_strdup (found->what);
  const ReplayDifference difference = { what, found->expected, found->got };

  judge->counts.n_differences++;
  judge->events->difference (&difference, judge->data);
}

static void
tell_doubt (ReplayJudge *judge, const char *where, const char *why, bool passes)
{
  g_autoptr (GString) sentence = g_string_new (NULL);

  g_string_printf (sentence, "%s%snot compared: %s", where, *where != '\0' ? ": " : "", why);
  /* the words of a comparison */
  g_string_replace (sentence, "first recording: ", "", /* limit= */ 0);
  g_string_replace (sentence,
                    "second recording: the recording ends in the middle of it",
                    "now, it was not played to its end",
                    /* limit= */ 0);
  g_string_replace (sentence, "second recording: ", "now, ", /* limit= */ 0);

  judge->counts.n_not_compared++;
  judge->events->doubt (sentence->str, passes, judge->data);
}

/* @where: may be "" */
static void
tell_comparison (ReplayJudge *judge,
                 const char *where,
                 const MilterComparison *comparison,
                 bool tells_doubt)
{
  if (comparison->not_compared != NULL && tells_doubt)
    tell_doubt (judge, where, comparison->not_compared, comparison->lets_holes_pass);
  for (guint i = 0; i < comparison->differences->len; i++)
    {
      const MilterDifference *difference = g_ptr_array_index (comparison->differences, i);

      if (difference->ignored_by == NULL)
        tell (judge, where, difference);
      else
        judge->counts.n_ignored++;
    }
}

/* --- pairs ------------------------------------------------------------------------------------ */

static void
compare_messages (ReplayJudge *judge, MilterRecordedMessage *recorded, MilterRecordedMessage *now)
{
  g_autofree char *where = describe_message (judge, recorded);
  g_autoptr (MilterComparison) comparison = milter_compare_messages (recorded, now, judge->rules);

  judge->counts.n_messages += comparison->not_compared == NULL;
  judge->counts.n_different += comparison->not_compared == NULL && comparison->n_found > 0;
  tell_comparison (judge, where, comparison, /* tells_doubt= */ true);
}

/* The MTA of then sent no MAIL since the milter did not want it; now it would have to. */
static bool
lacks_mail (const ReplayJudge *judge, const MilterRecordedMessage *message)
{
  return (message->steps & MILTER_STEP_NO_ENVELOPE_FROM) != 0
         && (judge->steps_now & MILTER_STEP_NO_ENVELOPE_FROM) == 0;
}

static void
tell_unplayed (ReplayJudge *judge, const MilterRecordedMessage *message)
{
  g_autofree char *where = describe_message (judge, message);
  g_autofree char *missing = milter_recorded_missing_to_string (message->missing);
  const char *why = lacks_mail (judge, message)
                        ? "the recording has no mail command for it, since the milter did not want "
                          "one then, and does now"
                        : "it was not played";
  /* the rules say what of a message counts that is not known */
  g_autoptr (MilterComparison) own = milter_compare_messages (message, message, judge->rules);

  tell_doubt (judge, where, missing != NULL ? missing : why, own->lets_holes_pass);
}

static void
pair_messages (ReplayJudge *judge)
{
  GQueue *recorded = &judge->sides[MILTER_REPLAY_RECORDED].messages;
  GQueue *now = &judge->sides[MILTER_REPLAY_LIVE].messages;

  while (!g_queue_is_empty (recorded) && !g_queue_is_empty (now))
    {
      const MilterRecordedMessage *a = g_queue_peek_head (recorded), *b = g_queue_peek_head (now);
      g_autoptr (MilterRecordedMessage) first = NULL;
      g_autoptr (MilterRecordedMessage) second = NULL;

      if (a->began.frame <= b->began.frame)
        first = g_queue_pop_head (recorded);
      if (b->began.frame <= a->began.frame)
        second = g_queue_pop_head (now);
      if (first != NULL && second != NULL)
        compare_messages (judge, first, second);
      else if (first != NULL)
        tell_unplayed (judge, first);
    }
}

static void
pair_sessions (ReplayJudge *judge)
{
  GQueue *recorded = &judge->sides[MILTER_REPLAY_RECORDED].sessions;
  GQueue *now = &judge->sides[MILTER_REPLAY_LIVE].sessions;

  while (!g_queue_is_empty (recorded) && !g_queue_is_empty (now))
    {
      g_autoptr (MilterRecordedSession) first = g_queue_pop_head (recorded);
      g_autoptr (MilterRecordedSession) second = g_queue_pop_head (now);
      g_autoptr (MilterComparison) comparison
          = milter_compare_sessions (first, second, judge->rules);

      /* what is missing was missing in one of its messages, which has told it */
      tell_comparison (judge, "", comparison, judge->counts.n_not_compared == 0);
    }
}

static void
on_built_message (const MilterRecordedSession *session,
                  MilterRecordedMessage *message,
                  gpointer data)
{
  Side *side = data;

  g_queue_push_tail (&side->messages, message);
  pair_messages (side->judge);
}

static void
on_built_session (MilterRecordedSession *session, gpointer data)
{
  Side *side = data;

  g_queue_push_tail (&side->sessions, session);
  pair_sessions (side->judge);
}

/* --- from outside ----------------------------------------------------------------------------- */

ReplayJudge *
replay_judge_new (const MilterCompareRules *rules, const ReplayJudgeEvents *events, gpointer data)
{
  static const MilterRecordedEvents built
      = { .message = on_built_message, .session = on_built_session };
  ReplayJudge *judge = g_new0 (ReplayJudge, 1);

  judge->rules = rules;
  judge->events = events;
  judge->data = data;
  for (gsize i = 0; i < G_N_ELEMENTS (judge->sides); i++)
    {
      judge->sides[i].judge = judge;
      judge->sides[i].builder
          = milter_recorded_builder_new (/* limits= */ NULL, &built, &judge->sides[i]);
    }
  return judge;
}

void
replay_judge_free (ReplayJudge *judge)
{
  if (judge == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (judge->sides); i++)
    {
      milter_recorded_builder_free (judge->sides[i].builder);
      g_queue_clear_full (&judge->sides[i].messages, (GDestroyNotify) milter_recorded_message_free);
      g_queue_clear_full (&judge->sides[i].sessions, (GDestroyNotify) milter_recorded_session_free);
    }
  g_free (judge);
}

void
replay_judge_open (ReplayJudge *judge,
                   const MilterCapturePlace *place,
                   const MilterCaptureOpening *opening,
                   guint64 n_before)
{
  MilterCaptureOpening now = *opening;

  judge->n_recorded = n_before;
  judge->place = *place;
  milter_recorded_sink.opened (place, opening, judge->sides[MILTER_REPLAY_RECORDED].builder);
  now.from_start = true;
  milter_recorded_sink.opened (place, &now, judge->sides[MILTER_REPLAY_LIVE].builder);
}

static void
tell_builder (ReplayJudge *judge, MilterReplayStream stream, const MilterReplayEvent *event)
{
  MilterRecordedBuilder *builder = judge->sides[stream].builder;
  const MilterCapturePlace place
      = { judge->place.connection, event->from, { event->number, event->time_ns } };

  switch (event->kind)
    {
    case MILTER_REPLAY_FRAME:
      milter_recorded_sink.message (&place, event->bytes, event->behind_hole, builder);
      break;
    case MILTER_REPLAY_RAW:
      milter_recorded_sink.raw (&place, event->bytes, builder);
      break;
    case MILTER_REPLAY_HOLE:
      milter_recorded_sink.hole (&place, event->hole, event->letter, builder);
      break;
    case MILTER_REPLAY_END:
      milter_recorded_sink.closed (&place, event->reset, builder);
      break;
    }
}

static bool
leaves (const MilterReplayEvent *event)
{
  return event->from == MILTER_SIDE_MTA
         && (event->kind == MILTER_REPLAY_END
             || (event->kind == MILTER_REPLAY_FRAME
                 && event->bytes.data[4] == MILTER_COMMAND_QUIT));
}

static void
note_steps (ReplayJudge *judge, const MilterReplayEvent *event)
{
  MilterMessage message;

  if (event->from != MILTER_SIDE_MILTER || event->kind != MILTER_REPLAY_FRAME
      || event->bytes.data[4] != MILTER_REPLY_NEGOTIATE)
    return;
  milter_message_parse (MILTER_SIDE_MILTER,
                        MILTER_REPLY_NEGOTIATE,
                        milter_bytes (event->bytes.data + 5, event->bytes.size - 5),
                        &message);
  if (message.fault == MILTER_NO_FAULT)
    judge->steps_now = (guint32) message.fields[2].number;
}

void
replay_judge_take (ReplayJudge *judge, MilterReplayStream stream, const MilterReplayEvent *event)
{
  tell_builder (judge, stream, event);
  if (stream != MILTER_REPLAY_LIVE)
    return;
  note_steps (judge, event);
  if (leaves (event))
    judge->has_left = true;
}

void
replay_judge_finish (ReplayJudge *judge)
{
  Side *recorded = &judge->sides[MILTER_REPLAY_RECORDED], *now = &judge->sides[MILTER_REPLAY_LIVE];
  MilterReplayEvent end = { .kind = MILTER_REPLAY_END, .from = MILTER_SIDE_MILTER };
  MilterRecordedMessage *message;

  /* a milter that is left closes, too; nobody has waited for that */
  if (judge->has_left)
    tell_builder (judge, MILTER_REPLAY_LIVE, &end);
  milter_recorded_builder_finish (now->builder);
  milter_recorded_builder_finish (recorded->builder);
  pair_messages (judge);
  while ((message = g_queue_pop_head (&recorded->messages)) != NULL)
    {
      tell_unplayed (judge, message);
      milter_recorded_message_free (message);
    }
}

const ReplayJudgeCounts *
replay_judge_get_counts (const ReplayJudge *judge)
{
  return &judge->counts;
}
