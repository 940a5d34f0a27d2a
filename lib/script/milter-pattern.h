/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-pattern.h: what stands behind `=>`: a literal, a glob or a regex over bytes.
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

typedef enum
{
  MILTER_PATTERN_LITERAL,
  MILTER_PATTERN_GLOB, /* `*` is any run of bytes; the whole must match */
  MILTER_PATTERN_REGEX /* PCRE over bytes, found anywhere, dot matches line ends */
} MilterPatternKind;

/* the longest expression, in bytes: compiling one costs more than its length */
#define MILTER_PATTERN_MAX_REGEX 65536u

typedef struct _MilterPattern MilterPattern;

MilterPattern *milter_pattern_new_literal (MilterBytes bytes);
/* @stars: for each byte of @bytes, whether it is a `*` that stands for any run (same size) */
MilterPattern *milter_pattern_new_glob (MilterBytes bytes, const guint8 *stars);
/* a regex that does not compile, or is too long: NULL and @error with the position */
MilterPattern *milter_pattern_new_regex (const char *regex, gboolean caseless, GError **error);
void milter_pattern_free (MilterPattern *pattern);
MilterPatternKind milter_pattern_get_kind (const MilterPattern *pattern);
gboolean milter_pattern_matches (const MilterPattern *pattern, MilterBytes subject);
/* The same; FALSE with @error if the regex gave up on this subject (it backtracks without end),
 * which is no match, but deserves to be told. FALSE without @error: the subject does not match. */
gboolean milter_pattern_match (const MilterPattern *pattern, MilterBytes subject, GError **error);
/* (nullable) the regex has given up on a subject that it was held against */
gboolean milter_pattern_gave_up (const MilterPattern *pattern);
/* @undecided: what is said of a subject that the regex gives up on */
gboolean
milter_pattern_matches_or (const MilterPattern *pattern, MilterBytes subject, gboolean undecided);
/* how many words its text has, at least one */
guint milter_pattern_count_words (const MilterPattern *pattern);
/* a literal's bytes; empty for the others */
MilterBytes milter_pattern_get_literal (const MilterPattern *pattern);
/* (transfer full) bytes that it matches: a literal's own, a glob without its stars, a regex that is plain text,
 * with or without ^ and $. NULL: none can be told. */
GBytes *milter_pattern_make_example (const MilterPattern *pattern);
/* as it would be written in a scenario: `"mailbox busy*"`, `/^x/i` */
void milter_pattern_append_text (const MilterPattern *pattern, GString *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterPattern, milter_pattern_free)

G_END_DECLS
