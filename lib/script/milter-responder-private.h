/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-responder-private.h: the parts of the responder, for its own files.
 *
 * milter-rule-book.c keeps what a run has: rules by event, counts, what came of what was expected.
 * milter-rule-match.c tells whether an event is that of a rule. milter-responder-answer.c makes
 * bytes and acts of what stands behind `=>`; milter-responder.c counts, chooses, and hands them
 * out.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "milter-responder.h"
#include "milter-rule-events.h"
#include "milter-session.h"

G_BEGIN_DECLS

/* what is counted and matched: a command, or the end of the connection, which no frame tells */
#define MILTER_EVENT_CLOSE 0u
/* letters of commands are capitals; 0 is for the end of the connection */
#define MILTER_N_EVENTS ('Z' - 'A' + 2)

typedef struct
{
  guint8 letter;                /* of the command, or MILTER_EVENT_CLOSE */
  const MilterMessage *message; /* (nullable) CLOSE has none */
  const MilterMacros *macros;   /* (nullable) */
  bool leading_space;           /* HDR_LEADSPC was agreed */
  MilterBytes garbage;          /* of bytes that make no frame */
  MilterBytes client;           /* the host that the last connect named; data NULL: there was none */
} MilterEvent;

/* a rule, and what the run knows of it */
typedef struct
{
  const MilterRule *rule; /* unowned */
  guint slot;            /* of `header` with a number: which of a responder's counters is its own */
  atomic_ullong count;   /* of `expect` */
  _Atomic (char *) miss; /* (nullable) of `expect`: the last event that did not count, and why */
  _Atomic (char *) surplus; /* (nullable) of `expect`: the first event that is one too many */
} MilterBookRule;

/* --- milter-rule-book.c --- */
/* where an event is counted */
guint milter_event_index (guint8 letter);
/* another one came, on any connection: which one it is */
guint64 milter_rule_book_count (MilterRuleBook *book, guint8 letter);
/* (nullable) of MilterBookRule, in order */
const GPtrArray *milter_rule_book_get_rules (const MilterRuleBook *book, guint8 letter);
/* of MilterRule, in order: those about frames and garbage */
const GPtrArray *milter_rule_book_get_raw_rules (const MilterRuleBook *book);
/* the Nth of what an event is */
MilterRuleSpan milter_rule_book_get_span (const MilterRuleBook *book, guint8 letter);
/* how many counters of fields a responder has */
guint milter_rule_book_get_n_slots (const MilterRuleBook *book);
/* (nullable) how connections begin to write */
const MilterStep *milter_rule_book_get_send_as (const MilterRuleBook *book);
/* an event of an `expect` line's kind came, the @nth */
void milter_rule_book_judge_event (MilterBookRule *expected, const MilterEvent *event, guint64 nth);

/* --- milter-rule-match.c --- */
/* the rule is about events of this kind, a field of this name */
bool milter_rule_is_about (const MilterRule *rule, const MilterEvent *event);
/* … and this one is such, the @nth of its kind. @why: (nullable) gets a sentence why not */
bool
milter_rule_matches (const MilterRule *rule, const MilterEvent *event, guint64 nth, GString *why);
/* a rule about frames is about this one; without a message about bytes that make none */
bool milter_rule_matches_raw (const MilterRule *rule, const MilterEvent *event);
/* (transfer full) the event in a report: `rcpt <bob@example.net>` */
char *milter_event_describe (const MilterEvent *event);
/* a pattern of the rule could not be decided: its regular expression goes back without end */
bool milter_rule_gave_up (const MilterRule *rule);

/* --- milter-responder-answer.c --- */
/* a line that acts when so many bytes of the answer have left */
typedef struct
{
  gsize at;
  const MilterStep *step; /* unowned */
} MilterAnswerAct;

/* what is done, in order: bytes, and acts between them */
typedef struct
{
  GByteArray *bytes;
  GArray *acts; /* of MilterAnswerAct */
} MilterRuleAnswer;

/* Appends what a rule says, and `continue` if it does not say how the command is answered. @rule:
 * (nullable) none: `continue` alone. @session: has been shown the command. */
void milter_rule_answer_append (MilterRuleAnswer *answer,
                                const MilterRule *rule,
                                guint8 letter,
                                const MilterSession *session);
/* Appends the frames of an answer whose patterns are literals; those that send nothing (`none`, `any`,
 * `closed`, `reset`) append nothing. @session: has agreed what it has. False with @error: no reply code. */
bool milter_answer_append (GByteArray *bytes,
                           const MilterAnswerPattern *answer,
                           const MilterSession *session,
                           GError **error);

G_END_DECLS
