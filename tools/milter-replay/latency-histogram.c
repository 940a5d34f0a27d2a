/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * latency-histogram.c: buckets that grow as their durations do.
 */
#include "latency-histogram.h"

/* the first bits below the leading one tell the step */
#define STEP_BITS 5u

static guint
bucket_of (guint64 ns)
{
  guint bits = ns == 0 ? 0 : (guint) g_bit_storage (ns) - 1;

  if (bits <= STEP_BITS)
    return (guint) ns;
  return (bits - STEP_BITS) * LATENCY_HISTOGRAM_STEPS + (guint) (ns >> (bits - STEP_BITS));
}

/* the largest duration that it counts */
static gint64
end_of (guint bucket)
{
  guint doubling = bucket / LATENCY_HISTOGRAM_STEPS;

  if (doubling <= 1)
    return bucket;
  return (gint64) ((((guint64) LATENCY_HISTOGRAM_STEPS + bucket % LATENCY_HISTOGRAM_STEPS + 1) << (doubling - 1)) - 1);
}

void
latency_histogram_add (LatencyHistogram *histogram, gint64 latency_ns)
{
  guint64 ns = (guint64) MAX (latency_ns, 0);

  histogram->counts[MIN (bucket_of (ns), LATENCY_HISTOGRAM_BUCKETS - 1)]++;
  histogram->count++;
  histogram->max_ns = MAX (histogram->max_ns, latency_ns);
}

gint64
latency_histogram_get (const LatencyHistogram *histogram, guint per_mille)
{
  /* rounded up: of one duration all percentiles are that one */
  guint64 wanted = (histogram->count * per_mille + 999) / 1000;
  guint64 seen = 0;

  for (guint i = 0; i < LATENCY_HISTOGRAM_BUCKETS && wanted > 0; i++)
    {
      seen += histogram->counts[i];
      if (seen >= wanted)
        return MIN (end_of (i), histogram->max_ns);
    }
  return 0;
}
