/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * latency-histogram.h: how often which duration was seen, in a memory that does not grow.
 *
 * Durations of some 3% difference are one: what is told of a percentile is the largest of them.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* 32 steps for each doubling, up to 2^63 nanoseconds */
#define LATENCY_HISTOGRAM_STEPS   32u
#define LATENCY_HISTOGRAM_BUCKETS (60u * LATENCY_HISTOGRAM_STEPS)

typedef struct
{
  guint64 counts[LATENCY_HISTOGRAM_BUCKETS];
  guint64 count;
  gint64 max_ns;
} LatencyHistogram;

/* one that is negative counts as none at all */
void latency_histogram_add (LatencyHistogram *histogram, gint64 latency_ns);
/* So many of a thousand took no longer; 0 if there are none. */
gint64 latency_histogram_get (const LatencyHistogram *histogram, guint per_mille);

G_END_DECLS
