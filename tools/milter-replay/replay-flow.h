/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-flow.h: a recording, as it is read, to the sessions that play it: when each begins, how
 * many are at once, and how far the reading may be ahead.
 *
 * The reader of a recording calls a sink and does not return before its end. So the sink is where
 * the main loop runs: it goes on reading only when more is needed.
 */
#pragma once

#include "milter-capture-sink.h"
#include "replay-session.h"

G_BEGIN_DECLS

typedef struct
{
  double speed;      /* times as fast as recorded; 0: as fast as can be */
  guint connections; /* at once; 0: as many as were recorded */
  bool is_live;      /* the recording comes as it is made: nothing waits for what follows */
} ReplayPace;

typedef struct
{
  MilterReplayCounts counts;
  guint n_sessions; /* that were played */
  ReplayJudgeCounts findings;
} ReplayTotals;

typedef struct _ReplayFlow ReplayFlow;

/* the sink to tell; its data is a flow */
extern const MilterCaptureSink replay_flow_sink;

/* @setup: the flow takes its `over` and `data`; it has to outlive the flow */
ReplayFlow *replay_flow_new (ReplaySetup *setup, const ReplayPace *pace);
void replay_flow_free (ReplayFlow *flow);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReplayFlow, replay_flow_free)

/* The recording is read from its beginning now: for the Nth time, from 1, of so many. */
void replay_flow_begin_round (ReplayFlow *flow, guint round, guint n_rounds);
/* … was read to its end */
void replay_flow_end_round (ReplayFlow *flow);
/* Runs the main loop until all sessions are over. */
void replay_flow_drain (ReplayFlow *flow);
/* Nothing more is played: sessions end as they are, for this reason. Once. */
void replay_flow_stop (ReplayFlow *flow, const char *why);
bool replay_flow_is_stopped (const ReplayFlow *flow);
/* (nullable) why it has stopped by itself, a sentence */
const char *replay_flow_get_failure (const ReplayFlow *flow);
const ReplayTotals *replay_flow_get_totals (const ReplayFlow *flow);

G_END_DECLS
