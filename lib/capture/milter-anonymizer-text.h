/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-text.h: texts in which all that could be personal is replaced, in their place.
 *
 * A word is letters, digits and bytes of 8 bits; all between words stays. A word becomes another
 * one with letters, capitals, digits and characters of UTF-8 where the first has them; the same one
 * everywhere, also where it is written with `%41`, as quoted-printable, in base64 or in an encoded
 * word.
 */
#pragma once

#include "milter-anonymizer-cipher.h"
#include "milter-anonymizer-words.h"

G_BEGIN_DECLS

typedef struct
{
  MilterCipher cipher;
  MilterKnownWords known;
} MilterPseudonyms;

void milter_pseudonyms_init (MilterPseudonyms *pseudonyms, MilterBytes secret);
void milter_pseudonyms_clear (MilterPseudonyms *pseudonyms);

/* Replaces all words of @text but those that stay in @context. */
void milter_pseudonyms_text (const MilterPseudonyms *pseudonyms,
                             MilterContextId context,
                             guint8 *text,
                             gsize size);
/* The name of a header field: it stays, unless it looks as if it named a host, a person or an
 * organisation. */
void milter_pseudonyms_header_name (const MilterPseudonyms *pseudonyms, guint8 *name, gsize size);

/* The characters of quoted-printable, whose lines may end in `=`. */
void
milter_pseudonyms_quoted_printable (const MilterPseudonyms *pseudonyms, guint8 *text, gsize size);

/* Each byte, by itself and what is before it: what has no words that can be told. Line ends, blanks
 * and other control characters stay. */
void milter_pseudonyms_bytes (const MilterPseudonyms *pseudonyms, guint8 *bytes, gsize size);
/* the same, and nothing stays */
void milter_pseudonyms_all_bytes (const MilterPseudonyms *pseudonyms, guint8 *bytes, gsize size);

/* Whether letters of this character set are letters of ASCII; no if it is not known. */
bool milter_pseudonyms_is_like_ascii (const MilterPseudonyms *pseudonyms, MilterBytes charset);

G_END_DECLS
