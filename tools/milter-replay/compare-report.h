/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-report.h: what a comparison found, as a case of a report and as JSON.
 */
#pragma once

#include "compare-match.h"
#include "report.h"

G_BEGIN_DECLS

/**
 * CompareCounts:
 * @n_sessions: that were compared
 * @n_messages: that were compared
 * @n_not_compared: messages that a recording lacks a part of
 * @n_alone: messages and sessions that are in one recording alone
 * @n_found: differences
 * @n_ignored: differences that a rule lets pass
 * @by_rule: how often each rule did, by its name
 *
 * What all comparisons of a run found together.
 */
typedef struct
{
  guint64 n_sessions, n_messages, n_not_compared, n_alone, n_found, n_ignored;
  GHashTable *by_rule;
} CompareCounts;

void compare_counts_init (CompareCounts *counts);
void compare_counts_clear (CompareCounts *counts);
/* `3 messages compared …`: what the report's own summary does not say (transfer full) */
char *compare_counts_to_string (const CompareCounts *counts);

/* A pair as a case of its own. */
void compare_report_pair (Report *report,
                          const ComparePair *pair,
                          const gint64 starts[2],
                          bool verbose,
                          CompareCounts *counts);

/* … as lines of JSON: `session`, then `difference`, `not_compared` and `alone` */
void compare_json_append_pair (GString *text, const ComparePair *pair, const gint64 starts[2]);
void compare_json_append_counts (GString *text, const CompareCounts *counts);

G_END_DECLS
