/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-base64.h: what is encoded in base64, replaced, and encoded again in the same
 * places.
 */
#pragma once

#include "milter-anonymizer-text.h"

G_BEGIN_DECLS

/* what the encoded bytes are */
typedef enum
{
  MILTER_ENCODED_TEXT,
  MILTER_ENCODED_CHARACTERS, /* of a character set in which letters are no letters of ASCII */
  MILTER_ENCODED_BYTES
} MilterEncoded;

/* @phase: how many characters of a group of four have passed before @text; then behind it. A group
 * that is cut there is replaced character by character. */
void milter_pseudonyms_base64 (const MilterPseudonyms *pseudonyms,
                               MilterEncoded what,
                               guint8 *text,
                               gsize size,
                               guint *phase);

G_END_DECLS
