/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-rule-events.h: what a rule can be about, as one table.
 *
 * The parser, the responder and the reference page read these rows.
 */
#pragma once

#include "milter-spec.h"

G_BEGIN_DECLS

/* the Nth of what */
typedef enum
{
  MILTER_RULE_SPAN_MESSAGE,
  MILTER_RULE_SPAN_CONNECTION,
  MILTER_RULE_SPAN_RUN,
  MILTER_RULE_SPAN_NONE, /* it is not counted */
  MILTER_N_RULE_SPANS
} MilterRuleSpan;

/**
 * MilterRuleEvent:
 * @word: as written behind `on`, and in the protocol's table, unless it is `close`, `frame` or `garbage`
 * @max_patterns: how many patterns may stand behind it, #MILTER_VERB_ANY_NUMBER; not the port of
 *   `connect`, the macros, the field of `header` or what `negotiate` has
 * @span: what `N` counts in
 * @usage: the event with all that may stand behind it, but the macros
 * @summary: when it comes
 *
 * A row.
 */
typedef struct
{
  const char *word;
  guint max_patterns;
  MilterRuleSpan span;
  const char *usage;
  const char *summary;
} MilterRuleEvent;

const MilterRuleEvent *milter_rule_event_list (gsize *n);
/* the row of a command; of NULL that of `close`, the end of the connection, which no frame tells */
const MilterRuleEvent *milter_rule_event_get (const MilterSpec *spec);
/* as in "the Nth of this message" */
const char *milter_rule_span_to_string (MilterRuleSpan span);

G_END_DECLS
