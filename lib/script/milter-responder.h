/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-responder.h: answers an MTA by the rules of a scenario, and judges it by its `expect` lines.
 *
 * The mirror of the player: no socket and no clock. A rule book is what a run has: the rules of its
 * files, the numbers of events that count over the whole run, and what was seen of what was expected.
 * Each connection has a responder, which lives in one thread; those of several threads share a book,
 * whose counts are atomic.
 */
#pragma once

#include "milter-macros.h"
#include "milter-message.h"
#include "milter-player.h"
#include "milter-scenario.h"

G_BEGIN_DECLS

typedef struct _MilterRuleBook MilterRuleBook;
typedef struct _MilterResponder MilterResponder;

/* of MilterScenario, read with MILTER_SCENARIO_RULES; the rules of all, in order. They must outlive the
 * book. An empty book answers nothing and expects nothing. */
MilterRuleBook *milter_rule_book_new (const GPtrArray *scenarios);
/* The same with the rules of some mutants; those of others say nothing. @mutants: (nullable) their ids */
MilterRuleBook *milter_rule_book_new_for_mutants (const GPtrArray *scenarios,
                                                  const char *const *mutants);
/* That of one case alone: its rules, and those that stand before the first case of its file. @scenario must
 * outlive it. */
MilterRuleBook *milter_rule_book_new_for_case (const MilterScenario *scenario,
                                               const MilterScenarioCase *entry);
void milter_rule_book_free (MilterRuleBook *book);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterRuleBook, milter_rule_book_free)

/* An `expect` line, held against all that came; or an `on` line with a regular expression that was given
 * up on something, which always fails: it may have been passed over. When all connections are over. */
typedef struct
{
  const MilterRule *rule;
  guint64 count;                 /* so many such events came */
  MilterFailure *failure;        /* (nullable): NULL if it held; of outcome FAILED */
} MilterExpectVerdict;

/* of MilterExpectVerdict, in the order of the lines (transfer full) */
GPtrArray *milter_rule_book_judge (const MilterRuleBook *book);

MilterResponder *milter_responder_new (MilterRuleBook *book);
void milter_responder_free (MilterResponder *responder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterResponder, milter_responder_free)

/* From the next command on the rules are those of another book; what was agreed stays. */
void milter_responder_set_book (MilterResponder *responder, MilterRuleBook *book);

/* A frame came; of macro frames, too. @macros: those that are set, this command's included. TRUE: what
 * answers it is handed out by milter_responder_next(), until DONE; nothing else may be told of
 * meanwhile. FALSE: no rule speaks of it: the milter does what it always does, that is "continue",
 * and "every action, no step" for an offer. After `send-as split` and `random`, while a `close after N
 * bytes` waits for its bytes, and after `half-close`, that as well is handed out (or kept back) here. A
 * frame that cannot be read meets no rule but those about frames: else FALSE. */
gboolean milter_responder_received (MilterResponder *responder,
                                    const MilterMessage *message,
                                    const MilterMacros *macros,
                                    gint64 now_us);
/* Bytes came that make no frame; nothing that follows can be read. TRUE: a rule about garbage has
 * something to do, as above; FALSE: the milter closes. */
gboolean milter_responder_garbage (MilterResponder *responder, MilterBytes bytes);
/* The MTA has closed the connection, or reset it: the event `close`. @macros: (nullable) those that are
 * still set. TRUE: a rule has something to do then, which milter_responder_next() hands out as above;
 * bytes may be written, if the MTA has only ended its sending. */
gboolean milter_responder_ended (MilterResponder *responder,
                                 const MilterMacros *macros,
                                 gint64 now_us);

/* What to do now: SEND, WAIT, CLOSE, RESET, HALF_CLOSE, PAUSE_READING, RESUME_READING; DONE: the command
 * is answered. After WAIT call it again at the deadline. */
void milter_responder_next (MilterResponder *responder, gint64 now_us, MilterPlayerAction *action);
/* what was sent for the command that is DONE, in one piece: for the session rules. Valid until the
 * next milter_responder_received(). */
MilterBytes milter_responder_get_answer (const MilterResponder *responder);

G_END_DECLS
