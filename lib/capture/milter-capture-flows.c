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

static guint
hash_key (const MilterFlowKey *key)
{
  guint64 words[sizeof *key / sizeof (guint64)];
  guint64 hash = 0;

  G_STATIC_ASSERT (sizeof *key % sizeof (guint64) == 0);
  memcpy (words, key, sizeof words);
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u;
  return (guint) (hash >> 32) ^ (guint) (hash >> 15);
}

static bool
is_same (const MilterFlowKey *a, const MilterFlowKey *b)
{
  return memcmp (a, b, sizeof *a) == 0;
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

MilterFlow *
milter_flows_get_surplus (const MilterFlows *flows)
{
  if (flows->lists[true].n > MILTER_FLOWS_MAX_RETIRED)
    return flows->lists[true].oldest;
  return flows->lists[false].n > MILTER_FLOWS_MAX_LIVE ? flows->lists[false].oldest : NULL;
}

MilterFlow *
milter_flows_get_oldest (const MilterFlows *flows)
{
  return flows->lists[true].oldest != NULL ? flows->lists[true].oldest : flows->lists[false].oldest;
}

/* --- by ends ---------------------------------------------------------------------------------------- */

static MilterFlow **
bucket_of (const MilterFlows *flows, guint hash)
{
  return &flows->buckets[hash & (flows->n_buckets - 1)];
}

MilterFlow *
milter_flows_find (MilterFlows *flows, const MilterFlowKey *key)
{
  MilterFlow *flow = flows->latest;

  if (flow != NULL && is_same (&flow->key, key))
    return flow;
  flow = *bucket_of (flows, hash_key (key));
  while (flow != NULL && !is_same (&flow->key, key))
    flow = flow->next_in_bucket;
  if (flow == NULL)
    return NULL;
  unlink_flow (flows, flow);
  link_newest (flows, flow);
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
        flow->next_in_bucket = *bucket_of (flows, flow->hash);
        *bucket_of (flows, flow->hash) = flow;
      }
}

void
milter_flows_add (MilterFlows *flows, MilterFlow *flow)
{
  if (flows->lists[false].n + flows->lists[true].n >= flows->n_buckets)
    grow (flows);
  flow->hash = hash_key (&flow->key);
  flow->retired = false;
  flow->next_in_bucket = *bucket_of (flows, flow->hash);
  *bucket_of (flows, flow->hash) = flow;
  link_newest (flows, flow);
  flows->latest = flow;
}

void
milter_flows_remove (MilterFlows *flows, MilterFlow *flow)
{
  MilterFlow **at = bucket_of (flows, flow->hash);

  while (*at != flow)
    at = &(*at)->next_in_bucket;
  *at = flow->next_in_bucket;
  unlink_flow (flows, flow);
  if (flows->latest == flow)
    flows->latest = NULL;
}
