/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-flows.h: TCP connections by their two ends, and which of them was used longest ago.
 *
 * A table that forgets: connections that matter no longer are retired, and only so many of those are
 * remembered; if there are too many others, the one goes that has been silent longest.
 */
#pragma once

#include "milter-capture-segment.h"

G_BEGIN_DECLS

#define MILTER_FLOWS_MAX_LIVE    65536u
#define MILTER_FLOWS_MAX_RETIRED 4096u

/* the beginning of what the table holds; its members are the table's: first what each packet needs */
typedef struct _MilterFlow MilterFlow;
struct _MilterFlow
{
  MilterFlowKey key;
  MilterFlow *next_in_bucket;
  guint64 used;              /* when it was found last … */
  guint64 linked;            /* … or was when it was put where it stands in its list */
  MilterFlow *older, *newer;
  gboolean retired;
};

typedef struct
{
  MilterFlow *oldest, *newest;
  guint n;
} MilterFlowList;

typedef struct
{
  MilterFlow **buckets;
  guint n_buckets;           /* a power of 2 */
  MilterFlow *latest;        /* (nullable) found last */
  MilterFlowList lists[2];   /* live, retired; by `linked` */
  guint64 now;               /* counts what is found and added */
} MilterFlows;

void milter_flows_init (MilterFlows *flows);
/* All flows must have been removed. */
void milter_flows_clear (MilterFlows *flows);

static inline MilterFlow **
milter_flows_get_bucket (const MilterFlows *flows, guint64 hash)
{
  return &flows->buckets[hash & (flows->n_buckets - 1)];
}

/* those that are not retired */
static inline guint
milter_flows_get_n_live (const MilterFlows *flows)
{
  return flows->lists[false].n;
}

/* Has the processor fetch what milter_flows_guess() looks at. */
static inline void
milter_flows_fetch_guess (const MilterFlows *flows, const MilterFlowKey *key)
{
  __builtin_prefetch (milter_flows_get_bucket (flows, key->hash));
}
/* (nullable) Probably the one with these ends: it has not been looked at. For who has it fetched before it is asked
 * for. */
static inline const MilterFlow *
milter_flows_guess (const MilterFlows *flows, const MilterFlowKey *key)
{
  return *milter_flows_get_bucket (flows, key->hash);
}
/* NULL: there is none with these ends. What is found was used just now. */
MilterFlow *milter_flows_find (MilterFlows *flows, const MilterFlowKey *key);
/* @flow: with its key; the caller keeps what it is a part of until it is removed */
void milter_flows_add (MilterFlows *flows, MilterFlow *flow);
void milter_flows_retire (MilterFlows *flows, MilterFlow *flow);
void milter_flows_remove (MilterFlows *flows, MilterFlow *flow);

/* One that has to go because there are too many; NULL: there are not. */
MilterFlow *milter_flows_get_surplus (const MilterFlows *flows);
/* the one that was used longest ago; NULL: there is none */
MilterFlow *milter_flows_get_oldest (const MilterFlows *flows);

G_END_DECLS
