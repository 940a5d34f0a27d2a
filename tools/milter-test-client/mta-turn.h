/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-turn.h: one case for MTAs while it is played, and what was seen of it.
 *
 * The thread that plays it talks SMTP; the threads that serve the milter's connections fill it meanwhile.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "conformance-suite.h"
#include "rules.h"

G_BEGIN_DECLS

/* what an MTA said on one connection, in words */
typedef struct
{
  GString *order;  /* negotiate connect helo … */
  GString *macros; /* the same with frames of macros */
} MtaSaid;

/* where the SMTP dialogue went another way */
typedef struct
{
  MilterWhere where;
  char *what, *expected, *got; /* expected: NULL: there was no connection, for which got is the reason */
} MtaProblem;

typedef struct
{
  const MilterScenarioCase *entry;
  Rules *rules;

  /* of the thread that plays */
  bool played;
  MtaProblem *problem; /* (nullable) */

  /* under the lock */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  guint n_open;       /* connections of the milter that are not over */
  GPtrArray *said;    /* of MtaSaid, one for each connection */
  GString *log;       /* all that was said, and when */
  gint64 began_us;    /* … the first of it, monotonic */
  GString *garbage;   /* (nullable) the first bytes that no milter could read */
  bool has_offer;
  MilterOffer offer;  /* of the first connection */
} MtaTurn;

MtaTurn *mta_turn_new (const MilterScenario *scenario, const MilterScenarioCase *entry);
void mta_turn_free (MtaTurn *turn);
/* the first one stays */
void mta_turn_set_problem (
    MtaTurn *turn, const MilterWhere *where, const char *what, const char *expected, const char *got);

/* A connection of the milter belongs to it from now on; in the context's thread. */
void mta_turn_attach (MtaTurn *turn, MilterClientContext *context);
/* The connection of a watcher belongs to another case from now on, with all that was said before. */
void mta_turn_hand_over (gpointer watched, MtaTurn *to);
/* Waits until all connections are over; false: they are not at that time, or @stop (atomic) is not 0. */
bool mta_turn_settle (MtaTurn *turn, gint64 deadline_us, const gint *stop);
/* a line for the log: @who: `C` the client, `S` the MTA's SMTP server */
void mta_turn_note (MtaTurn *turn, const char *who, const char *text);

/* --- mta-judge.c */

/* Why it cannot be told whether an MTA of this offer keeps it; NULL: it can. @offer: (nullable) unknown.
 * (transfer full) */
char *mta_judge_applies (const MtaTurn *turn, const MilterScenario *scenario, const MilterOffer *offer);
/* (nullable) Why it cannot be told without being the client */
const char *mta_judge_needs_client (const MtaTurn *turn, const MilterScenario *scenario);
/* Adds what does not hold. @delivered: (nullable) as mta_sink_describe() has it. All connections are over. */
void mta_judge (MtaTurn *turn, const char *delivered, ReportCase *report_case);
/* a message has to be, or must not be, delivered */
bool mta_judge_needs_delivery (const MilterScenarioCase *entry);
bool mta_judge_awaits_delivery (const MilterScenarioCase *entry);

G_END_DECLS
