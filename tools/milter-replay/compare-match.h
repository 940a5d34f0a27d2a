/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-match.h: which messages and sessions of two recordings belong together.
 *
 * A message belongs to the one with the same sender, recipients and Message-ID, or queue id where
 * it has none; the rest, when both recordings have ended, by Message-ID alone, by the envelope in
 * order, and by the sender in order. Sessions belong together by their messages; those without, by
 * their client in order. Recordings of the same traffic are in nearly the same order, so that
 * little waits: what waits has a limit.
 */
#pragma once

#include "milter-compare.h"

G_BEGIN_DECLS

/* messages of one recording that wait for those of the other, in bytes, about; beyond, the oldest
 * is taken to be in one recording alone */
#define COMPARE_MATCH_MAX_WAITING ((gsize) 128 << 20)

/**
 * CompareFinding:
 * @message: (nullable): of which message of the session; NULL: of the session itself
 * @comparison: (nullable): what differs, or why nothing can be said; NULL: it is in one recording
 * alone
 * @side: … in which: 0 the first, 1 the second
 * @at: … where
 * @gave_up: … or the other one comes too late
 *
 * What a comparison of sessions found.
 */
typedef struct
{
  char *message;
  MilterComparison *comparison;
  guint side;
  MilterCaptureMoment at;
  bool gave_up;
} CompareFinding;

/**
 * ComparePair:
 * @sessions: that belong together; one is %NULL if the other is in one recording alone
 * @findings: of #CompareFinding, in the order of the messages
 * @n_compared: so many messages were
 * @n_not_compared: … were not, as a recording lacks a part of them
 * @n_alone: … are in one recording alone
 * @session_compared: and so was what belongs to no message
 *
 * Two sessions, side by side.
 */
typedef struct
{
  const MilterRecordedSession *sessions[2];
  GPtrArray *findings;
  guint n_compared, n_not_compared, n_alone;
  bool session_compared;
} ComparePair;

typedef struct _CompareMatch CompareMatch;

/* @ended: nothing of this pair comes any more; the pair lives as long as the call. @max_waiting: 0:
 * COMPARE_MATCH_MAX_WAITING */
CompareMatch *compare_match_new (const MilterCompareRules *rules,
                                 gsize max_waiting,
                                 void (*ended) (const ComparePair *pair, gpointer data),
                                 gpointer data);
void compare_match_free (CompareMatch *match);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CompareMatch, compare_match_free)

/* A message of recording @side (transfer full), and the session it is of as far as it is known. */
void compare_match_take_message (CompareMatch *match,
                                 guint side,
                                 const MilterRecordedSession *session,
                                 MilterRecordedMessage *message);
/* A session (transfer full); its messages have come. */
void compare_match_take_session (CompareMatch *match, guint side, MilterRecordedSession *session);
/* so many messages of a side wait */
guint compare_match_get_n_waiting (const CompareMatch *match, guint side);
/* Both recordings have ended. */
void compare_match_finish (CompareMatch *match);

G_END_DECLS
