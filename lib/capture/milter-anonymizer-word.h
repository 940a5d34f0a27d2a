/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-word.h: one word becomes another one of the same shape.
 */
#pragma once

#include "milter-anonymizer-cipher.h"

G_BEGIN_DECLS

static inline bool
milter_is_word_byte (guint8 c)
{
  return g_ascii_isalnum (c) || c >= 0x80;
}

/* where the word that begins at @at ends */
gsize milter_word_get_end (MilterBytes text, gsize at);

/* Replaces a word, in pieces if it is long. */
void milter_word_replace (const MilterCipher *cipher, guint8 *word, gsize size);

G_END_DECLS
