/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-latency-histogram.c: percentiles of durations.
 */
#include <criterion/criterion.h>

#include "latency-histogram.h"

Test (latency_histogram, of_nothing_there_is_nothing)
{
  static const LatencyHistogram histogram;

  cr_assert_eq (latency_histogram_get (&histogram, 500), 0);
}

Test (latency_histogram, of_one_duration_all_percentiles_are_that_one)
{
  static const gint64 durations[] = { 0, 1, 31, 32, 33, 63, 64, 1000, 123456789, G_MAXINT64 };

  for (gsize i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      LatencyHistogram histogram = { 0 };

      latency_histogram_add (&histogram, durations[i]);
      cr_assert_eq (latency_histogram_get (&histogram, 1), durations[i]);
      cr_assert_eq (latency_histogram_get (&histogram, 500), durations[i]);
      cr_assert_eq (latency_histogram_get (&histogram, 1000), durations[i]);
    }
}

/* 1 to 100,000: each percentile is itself, or up to 1 in 32 more */
Test (latency_histogram, a_percentile_is_no_less_than_it_is_and_hardly_more)
{
  LatencyHistogram histogram = { 0 };

  for (gint64 ns = 1; ns <= 100000; ns++)
    latency_histogram_add (&histogram, ns);
  for (guint per_mille = 1; per_mille <= 1000; per_mille++)
    {
      gint64 is = (gint64) per_mille * 100, told = latency_histogram_get (&histogram, per_mille);

      cr_assert (told >= is && told <= is + is / 32 + 1, "%u: %" G_GINT64_FORMAT, per_mille, told);
    }
}

Test (latency_histogram, an_answer_that_seems_to_come_too_early_took_no_time)
{
  LatencyHistogram histogram = { 0 };

  latency_histogram_add (&histogram, -5);
  cr_assert_eq (histogram.count, 1);
  cr_assert_eq (latency_histogram_get (&histogram, 1000), 0);
}
