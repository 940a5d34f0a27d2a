/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-status.c: statuses by weight.
 */
#include "milter-status.h"

/* what says nothing weighs least, then what lets the message go on, then what decides it, the more
 * the worse it is for the message; what ends everything weighs most */
static const int weights[] = {
  [MILTER_STATUS_NOT_CHANGE] = 0,
  [MILTER_STATUS_DEFAULT] = 1,
  [MILTER_STATUS_PROGRESS] = 2,
  [MILTER_STATUS_NO_REPLY] = 3,
  [MILTER_STATUS_ALL_OPTIONS] = 4,
  [MILTER_STATUS_CONTINUE] = 5,
  [MILTER_STATUS_SKIP] = 6,
  [MILTER_STATUS_ACCEPT] = 7,
  [MILTER_STATUS_QUARANTINE] = 8,
  [MILTER_STATUS_DISCARD] = 9,
  [MILTER_STATUS_TEMPORARY_FAILURE] = 10,
  [MILTER_STATUS_REJECT] = 11,
  [MILTER_STATUS_STOP] = 12,
  [MILTER_STATUS_ABORT] = 13,
  [MILTER_STATUS_ERROR] = 14,
};

static int
get_weight (MilterStatus status)
{
  return (gsize) status < G_N_ELEMENTS (weights) ? weights[status] : -1;
}

/**
 * milter_status_compare:
 * @status1: a status
 * @status2: a status
 *
 * Tells which of two statuses decides when both apply to one message, as when several milters or
 * several recipients are taken together: a rejection weighs more than a temporary failure, that
 * more than a discard, that more than an acceptance, and that more than going on.
 *
 * Returns: -1, 0 or 1: @status1 weighs less, the same, or more
 */
int
milter_status_compare (MilterStatus status1, MilterStatus status2)
{
  int weight1 = get_weight (status1);
  int weight2 = get_weight (status2);

  return (weight1 > weight2) - (weight1 < weight2);
}
