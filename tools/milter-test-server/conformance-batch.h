/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-batch.h: a run of the conformance suite, and the sessions that it plays together.
 *
 * Each session is reported to the batch as it ends, and counts for the case that it belongs to; what the
 * lint finds in it counts for the case that has the rule's id.
 */
#pragma once

#include "conformance-suite.h"
#include "server-options.h"
#include "tool-chain.h"

G_BEGIN_DECLS

/* the session of the probe without which nothing can be told */
#define CONFORMANCE_MANDATORY "passes"
/* of what the lint finds, so much is told of one rule */
#define CONFORMANCE_MAX_FINDINGS 5

/* a case, and what has become of it so far */
typedef struct
{
  const ConformanceCase *entry;
  ReportCase *report_case; /* unowned */
  guint n_played;          /* sessions that were not skipped */
  char *skipped;           /* (nullable) why the first one was */
  guint n_findings;
  bool again;              /* the milter has died while it was played beside others */
} ConformanceJudged;

/* what they are, and thereby what one that fails tells */
typedef enum
{
  CONFORMANCE_BATCH_ALONE, /* of one case, or of the probe */
  CONFORMANCE_BATCH_MIXED, /* of many cases at once: of which the milter has died nobody knows */
  CONFORMANCE_BATCH_GOOD   /* the good message */
} ConformanceBatchKind;

typedef struct _ConformanceBatch ConformanceBatch;

typedef struct
{
  ServerOptions options; /* the command line's, with what the suite wants else; owns nothing */
  const ConformanceSuite *suite;
  ToolChain *chain;
  Report *report;
  GPtrArray *judged;       /* of ConformanceJudged, in the order of the cases */
  GHashTable *by_id;       /* of char * to ConformanceJudged */
  GHashTable *probes;      /* of char * to char *: "", or why the milter does not do it */
  ConformanceBatch *batch; /* (nullable) the present one */
  bool quit_answered;      /* one wrong answer shall not hide all others */
  bool is_lost;            /* the last good message had no answer */
  bool is_out_of_reach;    /* the probe could not reach the milter, or it broke the protocol there */
  bool interrupted;
} ConformanceRun;

void conformance_batch_begin (ConformanceRun *run, guint jobs, ConformanceBatchKind kind);
void conformance_batch_add_case (ConformanceRun *run, ConformanceJudged *judged);
/* all sessions of a scenario. @owner: (nullable) whose they count for; of the probe none */
void conformance_batch_add_all (ConformanceRun *run,
                                const MilterScenario *scenario,
                                ConformanceJudged *owner);
/* plays it, and is gone */
void conformance_batch_play (ConformanceRun *run);

G_END_DECLS
