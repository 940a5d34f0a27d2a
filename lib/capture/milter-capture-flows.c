/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-flows.c: a hash table whose entries are in two lists by age.
 *
 * Each packet asks it, so that it is none of GLib's: there the calls for hash and equality alone cost
 * more than the rest of a packet.
 */
#include "milter-capture-flows.h"

#include <stdbool.h>
#include <string.h>

#define FIRST_BUCKETS 1024u
/* One that is found moves in its list only if so many were since it did that: each move touches its
 * neighbours, which are nowhere near in memory. As many have to be looked at to tell the oldest. */
#define LAZINESS 4096u

void
milter_flows_init (MilterFlows *flows)
{
  *flows = (MilterFlows){ .n_buckets = FIRST_BUCKETS };
  flows->buckets = g_new0 (MilterFlow *, flows->n_buckets);
}

void
milter_flows_clear (MilterFlows *flows)
{
  g_clear_pointer (&flows->buckets, g_free);
}

static inline bool
is_same (const MilterFlow *flow, const MilterFlowKey *key)
{
  return flow->key.hash == key->hash && memcmp (&flow->key, key, sizeof *key) == 0;
}

/* --- by age ---------------------------------------------------------------------------------------- */

static void
unlink_flow (MilterFlows *flows, MilterFlow *flow)
{
  MilterFlowList *list = &flows->lists[flow->retired];

  *(flow->older != NULL ? &flow->older->newer : &list->oldest) = flow->newer;
  *(flow->newer != NULL ? &flow->newer->older : &list->newest) = flow->older;
  list->n--;
}

static void
link_newest (MilterFlows *flows, MilterFlow *flow)
{
  MilterFlowList *list = &flows->lists[flow->retired];

  flow->used = flow->linked = ++flows->now;
  flow->newer = NULL;
  flow->older = list->newest;
  *(flow->older != NULL ? &flow->older->newer : &list->oldest) = flow;
  list->newest = flow;
  list->n++;
}

void
milter_flows_retire (MilterFlows *flows, MilterFlow *flow)
{
  unlink_flow (flows, flow);
  flow->retired = true;
  link_newest (flows, flow);
}

/* the first of the list, unless it was used since it came there, before another one did */
static MilterFlow *
find_oldest (const MilterFlowList *list)
{
  MilterFlow *oldest = list->oldest;

  for (MilterFlow *flow = oldest; flow != NULL && flow->linked < oldest->used; flow = flow->newer)
    if (flow->used < oldest->used)
      oldest = flow;
  return oldest;
}

MilterFlow *
milter_flows_get_surplus (const MilterFlows *flows)
{
  if (flows->lists[true].n > MILTER_FLOWS_MAX_RETIRED)
    return find_oldest (&flows->lists[true]);
  return flows->lists[false].n > MILTER_FLOWS_MAX_LIVE ? find_oldest (&flows->lists[false]) : NULL;
}

MilterFlow *
milter_flows_get_oldest (const MilterFlows *flows)
{
  return find_oldest (&flows->lists[flows->lists[true].oldest != NULL]);
}

/* --- by ends ---------------------------------------------------------------------------------------- */

MilterFlow *
milter_flows_find (MilterFlows *flows, const MilterFlowKey *key)
{
  MilterFlow *flow = flows->latest;

  if (flow != NULL && is_same (flow, key))
    return flow;
  flow = *milter_flows_get_bucket (flows, key->hash);
  while (flow != NULL && !is_same (flow, key))
    flow = flow->next_in_bucket;
  if (flow == NULL)
    return NULL;
  flow->used = ++flows->now;
  if (flow->used - flow->linked > LAZINESS)
    {
      unlink_flow (flows, flow);
      link_newest (flows, flow);
    }
  return flows->latest = flow;
}

static void
grow (MilterFlows *flows)
{
  guint n_old = flows->n_buckets;
  g_autofree MilterFlow **old = flows->buckets;

  flows->n_buckets = 2 * n_old;
  flows->buckets = g_new0 (MilterFlow *, flows->n_buckets);
  for (guint i = 0; i < n_old; i++)
    for (MilterFlow *flow = old[i], *next; flow != NULL; flow = next)
      {
        next = flow->next_in_bucket;
        flow->next_in_bucket = *milter_flows_get_bucket (flows, flow->key.hash);
        *milter_flows_get_bucket (flows, flow->key.hash) = flow;
      }
}

void
milter_flows_add (MilterFlows *flows, MilterFlow *flow)
{
  if (flows->lists[false].n + flows->lists[true].n >= flows->n_buckets)
    grow (flows);
  flow->retired = false;
  flow->next_in_bucket = *milter_flows_get_bucket (flows, flow->key.hash);
  *milter_flows_get_bucket (flows, flow->key.hash) = flow;
  link_newest (flows, flow);
  flows->latest = flow;
}

void
milter_flows_remove (MilterFlows *flows, MilterFlow *flow)
{
  MilterFlow **at = milter_flows_get_bucket (flows, flow->key.hash);

  while (*at != flow)
    at = &(*at)->next_in_bucket;
  *at = flow->next_in_bucket;
  unlink_flow (flows, flow);
  if (flows->latest == flow)
    flows->latest = NULL;
}
