/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare-private.h: what the parts of a comparison share: milter-compare.c (messages and
 * their replies), milter-compare-session.c, milter-compare-edits.c, milter-compare-mail.c,
 * milter-compare-body.c, and milter-compare-rules.c (what is let pass).
 */
#pragma once

#include "milter-compare.h"

G_BEGIN_DECLS

/* a rule of the table, as a bit */
typedef enum
{
  MILTER_RULE_DATES = 1 << 0,
  MILTER_RULE_IDS = 1 << 1,
  MILTER_RULE_SIGNATURES = 1 << 2,
  MILTER_RULE_KEYS = 1 << 3,
  MILTER_RULE_HOSTS = 1 << 4,
  MILTER_RULE_WHITE_SPACE = 1 << 5,
  MILTER_RULE_HEADER = 1 << 6,
  MILTER_RULE_EDITS = 1 << 7,
  MILTER_RULE_EDIT_ORDER = 1 << 8,
  MILTER_RULE_REPLY_TEXT = 1 << 9,
  MILTER_RULE_NEGOTIATION = 1 << 10,
  MILTER_RULE_MAIL = 1 << 11,
  MILTER_RULE_SENT = 1 << 12,
  MILTER_RULE_END = 1 << 13,
  MILTER_RULE_LATENCY = 1 << 14,
  MILTER_RULE_PORTS = 1 << 15,
  MILTER_RULE_HOLES = 1 << 16
} MilterCompareRuleBit;

/* those that leave out a part of a text */
#define MILTER_RULES_OF_TEXT                                                                       \
  (MILTER_RULE_DATES | MILTER_RULE_IDS | MILTER_RULE_SIGNATURES | MILTER_RULE_KEYS                 \
   | MILTER_RULE_HOSTS | MILTER_RULE_WHITE_SPACE)

struct _MilterCompareRules
{
  guint bits;         /* of MilterCompareRuleBit */
  GPtrArray *headers; /* of char: patterns of names in lower case */
  GPtrArray *edits;   /* of char: words */
  GRegex **regexes;   /* by row of the table of texts */
};

/* a comparison under way */
typedef struct
{
  const MilterCompareRules *rules;
  const MilterRecordedMessage *messages[2]; /* NULL: of sessions */
  GPtrArray *differences;
  guint n_found;
  bool is_cut[2]; /* of sessions: the recording ends in the middle of it */
  bool lacks;     /* … so that something that the other has is not known */
  GHashTable
      *told; /* of char: what differences so far are about, so that what they make of the mail need
                not be told: `rcpt`, `body`, `field NAME`; with `ignored ` before, if they pass */
} MilterCompare;

/* a text of a message: the value of a field, the text of a reply, a line of a body */
typedef struct
{
  MilterBytes text;
  const MilterRecordedMessage *message; /* (nullable) whose */
} MilterCompareText;

/* Whether two texts are the same but for what the rules leave out; @by gets their names, if it is
 * not NULL.
 * @field: the name of the field, or no bytes. */
bool milter_compare_texts_pass (const MilterCompareRules *rules,
                                MilterBytes field,
                                const MilterCompareText *a,
                                const MilterCompareText *b,
                                GString *by);
/* The text without what the rules leave out: equal ones are the same as far as they go (transfer
 * full). */
GString *milter_compare_normalise (const MilterCompareRules *rules,
                                   guint bits,
                                   MilterBytes field,
                                   const MilterCompareText *text);
bool milter_compare_ignores_header (const MilterCompareRules *rules, MilterBytes name);
bool milter_compare_ignores_edit (const MilterCompareRules *rules, const char *word);

void milter_compare_begin (MilterCompare *compare, const MilterCompareRules *rules);
/* What stands against a comparison of two that lack @a and @b (transfer full) (nullable). */
char *milter_compare_find_obstacle (guint a, guint b);
/* @obstacle: (transfer full) (nullable). What was compared is not needed any more (transfer full). */
MilterComparison *milter_compare_finish (MilterCompare *compare, char *obstacle);

/* Takes @what, @expected and @got. @by: (nullable) names of rules; else the kind's own decides. */
void milter_compare_add (MilterCompare *compare,
                         MilterDifferenceKind kind,
                         char *what,
                         char *expected,
                         char *got,
                         const MilterCaptureMoment *a,
                         const MilterCaptureMoment *b,
                         const char *by);
/* remembers in `told` what a difference is about */
void milter_compare_tell (MilterCompare *compare, const char *what);
bool milter_compare_is_told (const MilterCompare *compare, const char *what);
/* bytes for people, quoted, cut if they are long (transfer full) */
char *milter_compare_quote (MilterBytes bytes);

/* The replies to the commands of these letters, each with those of its own in order. */
void milter_compare_commands (MilterCompare *compare,
                              const char *letters,
                              const GPtrArray *a,
                              const GPtrArray *b,
                              const MilterCaptureMoment *end_a,
                              const MilterCaptureMoment *end_b);

static inline MilterBytes
milter_compare_bytes (const GString *string)
{
  return string != NULL ? milter_bytes (string->str, string->len) : milter_bytes (NULL, 0);
}

/* --- milter-compare-edits.c --- */
void milter_compare_edits (MilterCompare *compare);

/* --- milter-compare-body.c --- */
/* Two bodies, as one difference: the first line that differs, with some around it. */
void milter_compare_bodies (MilterCompare *compare,
                            MilterDifferenceKind kind,
                            const char *what,
                            const MilterRecordedBody *a,
                            const MilterRecordedBody *b,
                            const MilterCaptureMoment *at_a,
                            const MilterCaptureMoment *at_b);

/* --- milter-compare-mail.c --- */
/* what the MTA sent: envelope, header, body */
void milter_compare_sent (MilterCompare *compare);
/* the mails with the edits, where both were taken. What differs already as it was sent is not told
 * again. */
void milter_compare_mails (MilterCompare *compare);

G_END_DECLS
