/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replayer.h: plays again what an MTA said on a recorded connection, and tells where the
 * milter answers otherwise than it did then.
 *
 * Not a player of lines: there a line is judged by what stands below it, and costs some 14,000
 * instructions. Here frames go out as they were recorded, and while the milter says what it said
 * then, byte for byte, nothing more is to be known. Only from the first difference on what was
 * recorded and what passes now is told, side by side, for somebody to compare.
 *
 * It has no socket and no clock, and does not need the whole of a recording: events are added as
 * they are read. Frames are left out where the milter wants none of them any more, as a player
 * leaves lines out (milter-trace-session.c). An answer that is due is waited for, however fast the
 * MTA was then.
 */
#pragma once

#include "milter-replay-queue.h"

G_BEGIN_DECLS

typedef enum
{
  MILTER_REPLAY_RECORDED,
  MILTER_REPLAY_LIVE
} MilterReplayStream;

/**
 * MilterReplayLeftOut: why something that was recorded is not played
 */
typedef enum
{
  MILTER_REPLAY_DECIDED,  /* the milter has decided: about the message, or about the client */
  MILTER_REPLAY_UNWANTED, /* it negotiated that it is not sent such */
  MILTER_REPLAY_LOST,     /* the rest of a message of which bytes are missing in the recording */
  MILTER_REPLAY_N_LEFT_OUT
} MilterReplayLeftOut;

/**
 * MilterReplayerHandlers:
 * @diverged: from here on the two are not the same: what was recorded and what has passed so far is
 * told now, of earlier messages nothing; once
 * @event: behind that, all that was recorded, as it is added, and all that passes now, each in its
 *   order. What passes now has the time of the player's clock in nanoseconds; what of it was
 * recorded has the
 *   @number that it had then, and the time, too, if it was not told when it passed
 * @left_out: a command is not played (macros are not told). @letter: its own
 * @broke: the milter broke the protocol, and did not in the recording, or it was silent, or went; a
 *   sentence
 *
 * What a replayer tells.
 */
typedef struct
{
  void (*diverged) (gpointer data);
  void (*event) (MilterReplayStream stream, const MilterReplayEvent *event, gpointer data);
  void (*left_out) (guint8 letter, MilterReplayLeftOut why, gpointer data);
  void (*broke) (const char *sentence, gpointer data);
} MilterReplayerHandlers;

/**
 * MilterReplayActionKind:
 * @MILTER_REPLAY_SEND: write these bytes
 * @MILTER_REPLAY_WAIT: until something comes or is added, or @deadline_us passes
 * @MILTER_REPLAY_MORE: nothing of what was added is left to be played: add more, or finish
 * @MILTER_REPLAY_DONE: end the connection, by a reset if @reset
 */
typedef enum
{
  MILTER_REPLAY_SEND,
  MILTER_REPLAY_WAIT,
  MILTER_REPLAY_MORE,
  MILTER_REPLAY_DONE
} MilterReplayActionKind;

/* @then: behind SEND: what is to be done next, or SEND: that has to be asked; else as @kind */
typedef struct
{
  MilterReplayActionKind kind, then;
  MilterBytes bytes; /* valid until the next call of a function of the replayer, or of one with the same @out */
  gint64 deadline_us;
  bool reset;
} MilterReplayAction;

/* what was played so far */
typedef struct
{
  guint64 n_commands; /* frames but macros */
  guint64 n_messages; /* that were begun */
  guint64 n_answers;  /* that came */
  guint64 n_same;     /* messages that ended before anything was different, and are not told */
} MilterReplayCounts;

typedef struct _MilterReplayer MilterReplayer;

/* For what leaves: room for what mostly does. Replayers may share it, as long as one's bytes have left before
 * another one is asked for its own. (transfer full) */
GByteArray *milter_replayer_make_out (void);
/* @timeout_us: to wait for an answer; 0: for ever. @grace_us: for what the milter said without
 * being asked, or to close. @out: by milter_replayer_make_out() */
MilterReplayer *milter_replayer_new (gint64 timeout_us,
                                     gint64 grace_us,
                                     GByteArray *out,
                                     const MilterReplayerHandlers *handlers,
                                     gpointer data);
void milter_replayer_free (MilterReplayer *replayer);
/* It is as if it were new, for who has other @data, and keeps its memory. */
void milter_replayer_reset (MilterReplayer *replayer, gpointer data);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterReplayer, milter_replayer_free)

/* Before the first event: all is told, from the beginning on, different or not. */
void milter_replayer_tell_all (MilterReplayer *replayer);
/* something that was recorded; bytes are copied */
void milter_replayer_add (MilterReplayer *replayer, const MilterReplayEvent *event);
/* … will be added soon: has the processor fetch what that needs. @step: 0, and when that is there, 1 */
void milter_replayer_fetch (const MilterReplayer *replayer, guint step);
/* there is no more of it */
void milter_replayer_finish (MilterReplayer *replayer);
/* What is to be done now: to be called until it does not say SEND, now or then, behind each of the other calls
 * and when the deadline has passed. The connection has to be there. */
void milter_replayer_next (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action);
/* Bytes that came, if they begin with what was said then, and nothing was different before: returns how
 * many that are, a whole frame. 0: what has come is for milter_replayer_received(), frame by frame. */
gsize milter_replayer_take_same (MilterReplayer *replayer, MilterBytes bytes, gint64 now_us);
void
milter_replayer_received (MilterReplayer *replayer, const MilterMessage *message, gint64 now_us);
/* The milter does not read what is sent to it: nothing more is to be done but to leave it. */
void milter_replayer_give_up (MilterReplayer *replayer, gint64 now_us);
/* the milter closed the connection, or reset it, or said what is no frame: then @garbage (nullable)
 * is what the decoder says to it */
void
milter_replayer_ended (MilterReplayer *replayer, bool reset, const char *garbage, gint64 now_us);

/* bytes that wait to be played, or are kept for the case that it diverges */
gsize milter_replayer_get_held (const MilterReplayer *replayer);
const MilterReplayCounts *milter_replayer_get_counts (const MilterReplayer *replayer);

G_END_DECLS
