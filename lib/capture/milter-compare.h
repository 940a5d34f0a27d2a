/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare.h: two recordings of the same message, or of the same session: what differs.
 *
 * The first one is what was expected, the second one what came. Each may be of a capture or of a
 * session that has just been played; a program says which two belong together.
 *
 * Not compared at all: macros, requests for more time (progress), which frames carry a body or its
 * replacement, and the addresses of the two ends.
 */
#pragma once

#include "milter-recorded-session.h"

G_BEGIN_DECLS

/**
 * MilterDifferenceKind:
 * @MILTER_DIFFERENCE_SENT: what the MTA sent: another stimulus, so that other answers need not
 * surprise
 * @MILTER_DIFFERENCE_NEGOTIATION: what the milter answered to the offer
 * @MILTER_DIFFERENCE_VERDICT: the reply to a command: its letter, the code of an SMTP reply
 * @MILTER_DIFFERENCE_REPLY_TEXT: the text behind the code
 * @MILTER_DIFFERENCE_EDITS: edits that are missing, surplus, or other ones
 * @MILTER_DIFFERENCE_MAIL: the mail that the edits make, where the edits do not tell it already
 * @MILTER_DIFFERENCE_END: how a message or session ended, and what was said unasked
 * @MILTER_DIFFERENCE_LATENCY: an answer took more than twice as long, and 10 ms
 *
 * What a difference is about.
 */
typedef enum
{
  MILTER_DIFFERENCE_SENT,
  MILTER_DIFFERENCE_NEGOTIATION,
  MILTER_DIFFERENCE_VERDICT,
  MILTER_DIFFERENCE_REPLY_TEXT,
  MILTER_DIFFERENCE_EDITS,
  MILTER_DIFFERENCE_MAIL,
  MILTER_DIFFERENCE_END,
  MILTER_DIFFERENCE_LATENCY,
  MILTER_N_DIFFERENCE_KINDS
} MilterDifferenceKind;

/**
 * MilterDifference:
 * @kind: what it is about
 * @what: `reply to rcpt <busy@example.net>`
 * @expected: what stands in the first recording; of several lines, where lines around it are shown
 * @got: … in the second
 * @at: where in each: packet and time
 * @ignored_by: (nullable): the rules that let it pass, separated by commas; then it is none
 *
 * Something that differs. Its strings are text in the language of scenarios.
 */
typedef struct
{
  MilterDifferenceKind kind;
  char *what;
  char *expected;
  char *got;
  MilterCaptureMoment at[2];
  char *ignored_by;
} MilterDifference;

/**
 * MilterComparison:
 * @differences: of #MilterDifference, those that are ignored, too
 * @n_found: so many are not ignored
 * @not_compared: (nullable): not all of it could be compared: why, as a sentence. There are no
 * differences then, but of a session that one of the recordings has the beginning of
 * @lets_holes_pass: … and the rules say that this is no difference
 *
 * What a comparison found.
 */
typedef struct
{
  GPtrArray *differences;
  guint n_found;
  char *not_compared;
  bool lets_holes_pass;
} MilterComparison;

void milter_comparison_free (MilterComparison *comparison);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterComparison, milter_comparison_free)

/* --- rules
 * --------------------------------------------------------------------------------------------- */

/**
 * MilterCompareRule:
 * @name: as behind `--ignore`
 * @argument: (nullable): what may stand behind a colon
 * @needs_argument: … and has to
 * @is_default: it holds unless it is taken back
 * @summary: what is no difference then
 *
 * A row of the table that --help and the manual print.
 */
typedef struct
{
  const char *name;
  const char *argument;
  bool needs_argument;
  bool is_default;
  const char *summary;
} MilterCompareRule;

const MilterCompareRule *milter_compare_rule_list (gsize *n_rules);

typedef struct _MilterCompareRules MilterCompareRules;

/* with those that hold by default */
MilterCompareRules *milter_compare_rules_new (void);
void milter_compare_rules_free (MilterCompareRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterCompareRules, milter_compare_rules_free)

/* Adds `dates`, `header:X-Spam-*`, `edits:add-header` …; several between commas. FALSE with @error,
 * a sentence (G_OPTION_ERROR), if there is no such rule. */
bool milter_compare_rules_ignore (MilterCompareRules *rules, const char *names, GError **error);
/* Takes rules back that hold by default. */
bool milter_compare_rules_heed (MilterCompareRules *rules, const char *names, GError **error);

/* --- comparing
 * ------------------------------------------------------------------------------------------ */

/* (transfer full) */
MilterComparison *milter_compare_messages (const MilterRecordedMessage *expected,
                                           const MilterRecordedMessage *got,
                                           const MilterCompareRules *rules);
/* … what does not belong to a message: negotiation, connect, helo, unknown commands, and the end */
MilterComparison *milter_compare_sessions (const MilterRecordedSession *expected,
                                           const MilterRecordedSession *got,
                                           const MilterCompareRules *rules);

/* a kind as reports have it: `verdict` */
const char *milter_difference_kind_to_word (MilterDifferenceKind kind);

G_END_DECLS
