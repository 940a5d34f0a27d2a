/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-judge.h: what is different between a recorded connection and the same one played now.
 */
#pragma once

#include "milter-capture-sink.h"
#include "milter-compare.h"
#include "milter-replayer.h"

G_BEGIN_DECLS

/* something that is not as it was; its strings live as long as the call */
typedef struct
{
  char *what;     /* `message 2 from <alice@example.com>: reply to rcpt <bob@example.net>` */
  char *recorded; /* (nullable) nothing */
  char *now;      /* (nullable) nothing */
} ReplayDifference;

typedef struct
{
  void (*difference) (const ReplayDifference *difference, gpointer data);
  /* what could not be compared, a sentence. @passes: and by the rules that is no difference */
  void (*doubt) (const char *sentence, bool passes, gpointer data);
} ReplayJudgeEvents;

typedef struct
{
  guint n_messages;  /* that were compared … */
  guint n_different; /* … and are different */
  guint n_differences;
  guint n_ignored;      /* differences that the rules let pass */
  guint n_not_compared; /* messages and sessions */
} ReplayJudgeCounts;

typedef struct _ReplayJudge ReplayJudge;

ReplayJudge *
replay_judge_new (const MilterCompareRules *rules, const ReplayJudgeEvents *events, gpointer data);
void replay_judge_free (ReplayJudge *judge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReplayJudge, replay_judge_free)

/* Both connections begin. @n_before: so many messages of them will not be told. */
void replay_judge_open (ReplayJudge *judge,
                        const MilterCapturePlace *place,
                        const MilterCaptureOpening *opening,
                        guint64 n_before);
void
replay_judge_take (ReplayJudge *judge, MilterReplayStream stream, const MilterReplayEvent *event);
/* there is no more of either */
void replay_judge_finish (ReplayJudge *judge);
const ReplayJudgeCounts *replay_judge_get_counts (const ReplayJudge *judge);

G_END_DECLS
