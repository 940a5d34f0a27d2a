/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-mime.h: what two fields tell of a part.
 */
#pragma once

#include "milter-anonymizer-text.h"

G_BEGIN_DECLS

typedef enum
{
  MILTER_PART_TEXT,
  MILTER_PART_CHARACTERS, /* of a script, or an image: byte by byte */
  MILTER_PART_QUOTED_PRINTABLE,
  MILTER_PART_BASE64_TEXT,
  MILTER_PART_BASE64_CHARACTERS,
  MILTER_PART_BASE64_BYTES,
  MILTER_PART_HEADERS /* a message in a message */
} MilterPartKind;

/* @boundary: (out) of a multipart type; none: empty, and what it holds is text */
MilterPartKind milter_mime_read (const MilterPseudonyms *pseudonyms,
                                 MilterBytes type,
                                 MilterBytes encoding,
                                 GString *boundary);

G_END_DECLS
