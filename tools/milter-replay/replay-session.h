/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-session.h: one recorded connection that is played again: a replayer with a real connection
 * and a real clock, and a case of the report.
 */
#pragma once

#include "milter-capture-sink.h"
#include "milter-replayer.h"
#include "replay-judge.h"
#include "report.h"

G_BEGIN_DECLS

typedef struct _ReplaySession ReplaySession;

/* what all sessions of a run share; outlives them */
typedef struct
{
  const char *spec;          /* of the milter */
  const char *file;          /* (nullable) of the recording, for reports */
  gint64 timeout_us;         /* for an answer; 0: none */
  double connection_timeout; /* seconds, 0: none */
  double writing_timeout;
  bool tells_all; /* what passes is shown, differences or not */
  bool lingers;   /* one that starts now waits in place for its answers */
  Report *report;
  const MilterCompareRules *rules;
  /* It is over: nothing more will pass, and nothing more of the recording is waited for. From the
   * main loop or from within the functions here; the session must not be freed in it. */
  void (*over) (ReplaySession *session, gpointer data);
  gpointer data;
  GPtrArray *spares; /* of ReplaySession: those that can be used again */
  GByteArray *out;   /* of their replayers */
} ReplaySetup;

/* @name: of its case, for which a place in the report is taken now; @opening: as the sink was told;
 * @owner: see replay_session_get_owner() */
ReplaySession *replay_session_new (const ReplaySetup *setup,
                                   gpointer owner,
                                   const char *name,
                                   const MilterCapturePlace *place,
                                   const MilterCaptureOpening *opening);
/* closes its connection; what was not reported is not */
void replay_session_free (ReplaySession *session);
/* the sessions that were freed, and could have been used again */
void replay_session_free_spare (gpointer session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReplaySession, replay_session_free)

/* Something more of the recording. True: the session was hungry, and goes on when it is fed, before the main loop
 * has its turn. @now_us: about now, by the monotonic clock */
bool replay_session_add (ReplaySession *session, const MilterReplayEvent *event);
void replay_session_feed (ReplaySession *session, gint64 now_us);
/* Something will be added soon: has the processor fetch what that needs, in steps as a sink does. */
void replay_session_fetch (const ReplaySession *session, guint step);
/* there is no more of it */
void replay_session_finish (ReplaySession *session);
/* Connects, and plays. */
void replay_session_start (ReplaySession *session);
/* It ends now, unfinished: `interrupted`. */
void replay_session_stop (ReplaySession *session, const char *why);

gpointer replay_session_get_owner (const ReplaySession *session);
bool replay_session_is_started (const ReplaySession *session);
/* its own end has come; a recording may still have more of it, which nobody needs */
bool replay_session_is_over (const ReplaySession *session);
/* it plays, and waits for more of the recording */
bool replay_session_is_hungry (const ReplaySession *session);
/* bytes of memory that wait to be played */
gsize replay_session_get_held (const ReplaySession *session);
const MilterReplayCounts *replay_session_get_counts (const ReplaySession *session);
/* (nullable) nothing was different so far */
const ReplayJudgeCounts *replay_session_get_findings (const ReplaySession *session);
/* the connection could not be made */
bool replay_session_is_unreachable (const ReplaySession *session);

G_END_DECLS
