/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replayer-private.h: what the files of the replayer share.
 *
 * milter-replayer.c plays one event after the other and takes what the milter says;
 * milter-replayer-diverge.c holds that against the recording and tells both from the first
 * difference on; milter-replayer-lost.c goes on behind bytes that are missing.
 */
#pragma once

#include "milter-replayer.h"
#include "milter-trace-private.h"

G_BEGIN_DECLS

typedef enum
{
  MILTER_REPLAY_PLAYING,
  MILTER_REPLAY_LEAVING, /* QUIT was sent */
  MILTER_REPLAY_OVER
} MilterReplayPhase;

/* first what each command needs, as long as nothing is different */
struct _MilterReplayer
{
  MilterReplayQueue queue;
  guint64 play;  /* the next event */
  guint64 match; /* where to look for what the milter said next */
  guint64 log;   /* from here on it is kept, while nothing has diverged: the present message */
  guint8 phase;  /* MilterReplayPhase */
  guint8 asked;  /* the last command … */
  bool traced;   /* what passes is followed; before, it is what was recorded, answers and all */
  bool told;     /* what was recorded and what passes is told */
  bool differs;  /* something is not as it was recorded */
  bool lost;     /* bytes are missing: until the next message nothing is played */
  bool begins_message; /* macros of MAIL were the last */
  bool in_message;
  GByteArray *out;
  gint64 grace_us;
  gint64 waits_from_us; /* the last sign of life */
  gint64 asked_ns;      /* when the last command was recorded */
  MilterReplayCounts counts;

  bool was_odd; /* the milter broke the protocol in the recording */
  bool connected, heloed;
  bool finished;
  bool reset;
  bool has_message;       /* one has begun, … */
  guint64 head_end;       /* … the first one here, in the queue */
  MilterReplayQueue head; /* what was recorded before the first message */
  MilterTraceSession live;     /* once `traced`; else zero */
  MilterTraceSession recorded; /* once `told`; else zero */
  gint64 timeout_us;
  const MilterReplayerHandlers *handlers;
  gpointer data;
};

static inline MilterBytes
milter_replay_payload (const MilterReplayEvent *event)
{
  return milter_bytes (event->bytes.data + 5, event->bytes.size - 5);
}

static inline guint8
milter_replay_letter (const MilterReplayEvent *event)
{
  return event->bytes.data[4];
}

/* a macro frame counts as the command that it goes with */
static inline guint8
milter_replay_stage (const MilterReplayEvent *event)
{
  MilterBytes payload = milter_replay_payload (event);

  return milter_replay_letter (event) == MILTER_COMMAND_DEFINE_MACRO && payload.size > 0
             ? payload.data[0]
             : milter_replay_letter (event);
}

/* --- milter-replayer.c --- */
/* a frame that was not recorded */
void milter_replayer_put_own (MilterReplayer *replayer,
                              guint8 letter,
                              MilterBytes payload,
                              gint64 now_us);

/* --- milter-replayer-diverge.c --- */
/* From here on it is known what is due, and not only what came then. */
void milter_replayer_trace_live (MilterReplayer *replayer);
/* Up to here both are the same: what has passed is what was recorded. Once. */
void milter_replayer_diverge (MilterReplayer *replayer);
/* what was recorded is played now, or left out */
void milter_replayer_trace_recorded (MilterReplayer *replayer, const MilterReplayEvent *event);
void milter_replayer_tell_recorded (MilterReplayer *replayer, const MilterReplayEvent *event);
void milter_replayer_tell_live (MilterReplayer *replayer, const MilterReplayEvent *event);
/* the same for a frame that was not recorded; nothing is told before it diverges */
void milter_replayer_tell_live_frame (MilterReplayer *replayer,
                                      MilterSide from,
                                      guint8 letter,
                                      MilterBytes payload,
                                      gint64 now_us);
/* the milter says, or does, what it did then */
bool milter_replayer_take_match (MilterReplayer *replayer, const MilterMessage *message);
bool milter_replayer_takes_end (MilterReplayer *replayer);
/* it said something before the event that is played next, and has not said it yet */
bool milter_replayer_owes_something (MilterReplayer *replayer);

/* --- milter-replayer-lost.c --- */
/* Bytes of the MTA are missing: the message that is open cannot go on. */
void milter_replayer_lose (MilterReplayer *replayer, gint64 now_us);
/* Before a command behind them: says one thing that the milter has not heard, but has to; false:
 * there is none */
bool milter_replayer_fill_in (MilterReplayer *replayer, guint8 stage, gint64 now_us);

G_END_DECLS
