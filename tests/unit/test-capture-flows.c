/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-flows.c: connections are found by their ends, and forgotten by their age.
 */
#include <criterion/criterion.h>

#include "milter-capture-flows.h"

static MilterFlowKey
key_of (guint number)
{
  MilterFlowKey key = { .family = 4 };

  key.address[0][0] = (guint8) (number >> 16);
  key.port[0] = (guint16) number;
  key.port[1] = 25;
  key.hash = milter_flow_hash (key.address[0], key.address[1], 4, key.port[0], key.port[1]);
  return key;
}

static MilterFlow *
add (MilterFlows *flows, guint number)
{
  MilterFlow *flow = g_new0 (MilterFlow, 1);

  flow->key = key_of (number);
  milter_flows_add (flows, flow);
  return flow;
}

static MilterFlow *
find (MilterFlows *flows, guint number)
{
  MilterFlowKey key = key_of (number);

  return milter_flows_find (flows, &key);
}

static void
clear (MilterFlows *flows)
{
  MilterFlow *flow;

  while ((flow = milter_flows_get_oldest (flows)) != NULL)
    {
      milter_flows_remove (flows, flow);
      g_free (flow);
    }
  milter_flows_clear (flows);
}

Test (capture_flows, many_are_found_again)
{
  MilterFlows flows;

  milter_flows_init (&flows);
  cr_assert_null (find (&flows, 1));
  for (guint i = 0; i < 20000; i++)
    add (&flows, i);
  for (guint i = 0; i < 20000; i++)
    {
      MilterFlow *flow = find (&flows, i);

      cr_assert_not_null (flow);
      cr_assert_eq (flow->key.port[0], (guint16) i);
    }
  cr_assert_null (find (&flows, 20000));
  clear (&flows);
}

Test (capture_flows, the_oldest_goes_first)
{
  MilterFlows flows;

  milter_flows_init (&flows);
  for (guint i = 1; i <= 3; i++)
    add (&flows, i);
  cr_assert_eq (milter_flows_get_oldest (&flows)->key.port[0], 1);
  find (&flows, 1);
  cr_assert_eq (milter_flows_get_oldest (&flows)->key.port[0], 2);
  /* what is retired goes before all others */
  milter_flows_retire (&flows, find (&flows, 1));
  cr_assert_eq (milter_flows_get_oldest (&flows)->key.port[0], 1);
  cr_assert_null (milter_flows_get_surplus (&flows));
  clear (&flows);
}

Test (capture_flows, only_so_many_are_remembered)
{
  MilterFlows flows;

  milter_flows_init (&flows);
  for (guint i = 0; i < MILTER_FLOWS_MAX_RETIRED; i++)
    milter_flows_retire (&flows, add (&flows, i));
  cr_assert_null (milter_flows_get_surplus (&flows));
  milter_flows_retire (&flows, add (&flows, 70000));
  cr_assert_eq (milter_flows_get_surplus (&flows)->key.port[0], 0);
  for (guint i = 0; i <= MILTER_FLOWS_MAX_LIVE; i++)
    add (&flows, 100000 + i);
  clear (&flows);
}
