/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-status.c: statuses by weight.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

/* from the lightest to the heaviest, written down apart from the table */
static const MilterStatus by_weight[] = { MILTER_STATUS_NOT_CHANGE,
                                          MILTER_STATUS_DEFAULT,
                                          MILTER_STATUS_PROGRESS,
                                          MILTER_STATUS_NO_REPLY,
                                          MILTER_STATUS_ALL_OPTIONS,
                                          MILTER_STATUS_CONTINUE,
                                          MILTER_STATUS_SKIP,
                                          MILTER_STATUS_ACCEPT,
                                          MILTER_STATUS_QUARANTINE,
                                          MILTER_STATUS_DISCARD,
                                          MILTER_STATUS_TEMPORARY_FAILURE,
                                          MILTER_STATUS_REJECT,
                                          MILTER_STATUS_STOP,
                                          MILTER_STATUS_ABORT,
                                          MILTER_STATUS_ERROR };

Test (status, all_are_ordered)
{
  for (gsize i = 0; i < G_N_ELEMENTS (by_weight); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (by_weight); j++)
      cr_assert_eq (milter_status_compare (by_weight[i], by_weight[j]), (i > j) - (i < j));
}

Test (status, numbers_without_a_name_weigh_nothing)
{
  cr_assert_lt (milter_status_compare ((MilterStatus) 99, MILTER_STATUS_NOT_CHANGE), 0);
  cr_assert_eq (milter_status_compare ((MilterStatus) 99, (MilterStatus) 98), 0);
}
