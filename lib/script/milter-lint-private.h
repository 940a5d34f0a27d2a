/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint-private.h: what the rules of the linter look at.
 *
 * milter-lint.c follows the session; milter-lint-rules.c holds the rows; the questions that they
 * ask stand in milter-lint-replies.c (which reply, when), milter-lint-negotiate.c, milter-lint-edits.c
 * and milter-lint-text.c (what an edit, a reply text holds).
 */
#pragma once

#include <stdbool.h>

#include "milter-lint.h"
#include "milter-session.h"

G_BEGIN_DECLS

/* what both MTAs wait for a reply, at least: sendmail's R; and for the whole end of message: its E
 * (milter-protocol 3.6) */
#define MILTER_LINT_REPLY_US   (10 * G_TIME_SPAN_SECOND)
#define MILTER_LINT_MESSAGE_US (300 * G_TIME_SPAN_SECOND)

/* Linux delays an acknowledgement by 40 ms, and its clock ticks every 4; Nagle's algorithm waits for it with the second of two
 * small writes */
#define MILTER_LINT_STALL_MIN_US (35 * G_TIME_SPAN_MILLISECOND)
#define MILTER_LINT_STALL_MAX_US (50 * G_TIME_SPAN_MILLISECOND)
/* a milter that works for some 40 ms now and then also works for a bit less or more */
#define MILTER_LINT_NEAR_MIN_US  (15 * G_TIME_SPAN_MILLISECOND)
#define MILTER_LINT_NEAR_MAX_US  (100 * G_TIME_SPAN_MILLISECOND)
#define MILTER_LINT_STALLS       3

typedef struct
{
  bool over_tcp;
  bool begun;              /* something passed */
  MilterSession session;   /* as it was before the frame that is looked at */
  bool provoked;           /* the MTA broke the rules itself: what is due is unknown */
  guint silent;            /* commands that were sent and owe no answer, 1 << (letter - 'A') */
  guint8 last_command;     /* but macro; 0: none */
  gint64 last_us;          /* the last frame, in either direction */
  gint64 end_us;           /* when the end of the message was sent */

  /* the message */
  guint32 message;
  GHashTable *recipients;  /* set of char, without brackets: as sent, and as added */

  /* the answer to the end of the message */
  GHashTable *deleted;     /* field name in lower case to the last index that was deleted, + 1 */
  bool body_begun;
  bool body_interrupted;   /* … and something else came since */
  bool body_ends_in_cr;

  /* TCP */
  guint n_stalls, n_near;
  MilterWhere stall_where;
} MilterLintPeer;

typedef enum
{
  MILTER_LINT_AT_FRAME,
  MILTER_LINT_AT_END,      /* garbage, or the end of the connection */
  MILTER_LINT_AT_FINISH
} MilterLintWhen;

/* what happened */
typedef struct
{
  const MilterLintPeer *peer;
  const MilterMessage *message;   /* AT_FRAME */
  guint8 due;                     /* the command that waits for its reply, 0: none */
  gint64 waited_us;               /* since the last frame, of a reply that is due */
  gint64 end_us;                  /* since the end of the message was sent */
  const char *garbage;            /* (nullable) AT_END */
  gsize leftover;                 /* AT_END: bytes of an unfinished frame */
} MilterLintEvent;

/* whether the rule is broken: TRUE, and what came, appended to @what as a clause */
typedef bool (*MilterLintCheck) (const MilterLintEvent *event, GString *what);

typedef struct
{
  MilterLintRule rule;
  MilterLintWhen when;
  const char *letters;   /* (nullable) AT_FRAME: of the replies it is about; NULL: of all, unknown ones too */
  bool by_order;         /* cannot be told once the MTA has broken the order itself */
  MilterLintCheck check;
} MilterLintRow;

const MilterLintRow *milter_lint_rows (guint *n_rows);

/* --- words, for the clauses --- */
/* "add-rcpt (SMFIR_ADDRCPT)", or the letter of an unknown one */
void milter_lint_append_name (GString *what, const MilterMessage *message);
/* the word of a command, "rcpt" */
const char *milter_lint_command (guint8 letter);
void milter_lint_append_quoted (GString *what, MilterBytes bytes);
/* "… answers rcpt" */
void milter_lint_append_answers (GString *what, const MilterLintEvent *event);
/* fault of the payload, as a clause */
bool milter_lint_append_fault (GString *what, const MilterMessage *message);

static inline bool
milter_lint_is_edit (const MilterMessage *message)
{
  return message->spec != NULL && message->spec->kind == MILTER_REPLY_KIND_EDIT;
}

/* edits and progress, which end no wait */
static inline bool
milter_lint_is_between (const MilterMessage *message)
{
  return milter_lint_is_edit (message)
         || (message->spec != NULL && message->spec->kind == MILTER_REPLY_KIND_PROGRESS);
}

static inline guint
milter_lint_bit (guint8 letter)
{
  return letter >= 'A' && letter <= 'Z' ? 1u << (letter - 'A') : 0;
}

/* an address without its brackets */
MilterBytes milter_lint_bare_address (MilterBytes address);
/* the name of an edit of a header, and where its value stands; FALSE: it has none, or is malformed */
bool milter_lint_get_header (const MilterMessage *message, MilterBytes *name, MilterBytes *value);

/* --- milter-lint-replies.c --- */
bool milter_lint_unreadable (const MilterLintEvent *event, GString *what);
bool milter_lint_unknown_letter (const MilterLintEvent *event, GString *what);
bool milter_lint_payload (const MilterLintEvent *event, GString *what);
bool milter_lint_unasked (const MilterLintEvent *event, GString *what);
bool milter_lint_unasked_silent (const MilterLintEvent *event, GString *what);
bool milter_lint_unasked_header (const MilterLintEvent *event, GString *what);
bool milter_lint_unasked_body (const MilterLintEvent *event, GString *what);
bool milter_lint_second_verdict (const MilterLintEvent *event, GString *what);
bool milter_lint_wrong_reply (const MilterLintEvent *event, GString *what);
bool milter_lint_wrong_at_connect (const MilterLintEvent *event, GString *what);
bool milter_lint_wrong_at_unknown (const MilterLintEvent *event, GString *what);
bool milter_lint_decided_at_unknown (const MilterLintEvent *event, GString *what);
bool milter_lint_skip_outside (const MilterLintEvent *event, GString *what);
bool milter_lint_skip_at_end (const MilterLintEvent *event, GString *what);
bool milter_lint_skip_not_offered (const MilterLintEvent *event, GString *what);
bool milter_lint_skip_not_agreed (const MilterLintEvent *event, GString *what);
bool milter_lint_never_sent (const MilterLintEvent *event, GString *what);
bool milter_lint_shutdown (const MilterLintEvent *event, GString *what);
bool milter_lint_too_new (const MilterLintEvent *event, GString *what);
bool milter_lint_closed (const MilterLintEvent *event, GString *what);
bool milter_lint_progress_outside (const MilterLintEvent *event, GString *what);
bool milter_lint_slow (const MilterLintEvent *event, GString *what);
bool milter_lint_slow_end (const MilterLintEvent *event, GString *what);
bool milter_lint_stalls (const MilterLintEvent *event, GString *what);

/* --- milter-lint-negotiate.c --- */
bool milter_lint_no_options (const MilterLintEvent *event, GString *what);
bool milter_lint_version_too_high (const MilterLintEvent *event, GString *what);
bool milter_lint_version_echoed (const MilterLintEvent *event, GString *what);
bool milter_lint_actions_not_offered (const MilterLintEvent *event, GString *what);
bool milter_lint_steps_not_offered (const MilterLintEvent *event, GString *what);
bool milter_lint_internal_steps (const MilterLintEvent *event, GString *what);
bool milter_lint_symbols_malformed (const MilterLintEvent *event, GString *what);
bool milter_lint_symbols_not_offered (const MilterLintEvent *event, GString *what);

/* --- milter-lint-edits.c --- */
bool milter_lint_edit_outside (const MilterLintEvent *event, GString *what);
bool milter_lint_edit_too_late (const MilterLintEvent *event, GString *what);
bool milter_lint_edit_without_action (const MilterLintEvent *event, GString *what);
bool milter_lint_edit_too_large (const MilterLintEvent *event, GString *what);
bool milter_lint_header_malformed (const MilterLintEvent *event, GString *what);
bool milter_lint_index_too_high (const MilterLintEvent *event, GString *what);
bool milter_lint_index_zero (const MilterLintEvent *event, GString *what);
bool milter_lint_deletions_ascend (const MilterLintEvent *event, GString *what);
bool milter_lint_body_interrupted (const MilterLintEvent *event, GString *what);
bool milter_lint_address_empty (const MilterLintEvent *event, GString *what);
bool milter_lint_address_malformed (const MilterLintEvent *event, GString *what);
bool milter_lint_null_recipient (const MilterLintEvent *event, GString *what);
bool milter_lint_recipient_unknown (const MilterLintEvent *event, GString *what);
bool milter_lint_arguments_many (const MilterLintEvent *event, GString *what);
bool milter_lint_arguments_odd (const MilterLintEvent *event, GString *what);
bool milter_lint_quarantine_reason (const MilterLintEvent *event, GString *what);

/* --- milter-lint-text.c --- */
bool milter_lint_header_name (const MilterLintEvent *event, GString *what);
bool milter_lint_header_lines (const MilterLintEvent *event, GString *what);
bool milter_lint_header_cr (const MilterLintEvent *event, GString *what);
bool milter_lint_header_control (const MilterLintEvent *event, GString *what);
bool milter_lint_header_two_blanks (const MilterLintEvent *event, GString *what);
bool milter_lint_header_no_blank (const MilterLintEvent *event, GString *what);
bool milter_lint_header_long_line (const MilterLintEvent *event, GString *what);
bool milter_lint_body_line_ends (const MilterLintEvent *event, GString *what);
bool milter_lint_reply_text (const MilterLintEvent *event, GString *what);
bool milter_lint_reply_class (const MilterLintEvent *event, GString *what);
bool milter_lint_reply_long (const MilterLintEvent *event, GString *what);
bool milter_lint_reply_bytes (const MilterLintEvent *event, GString *what);

G_END_DECLS
