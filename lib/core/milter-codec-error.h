/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-codec-error.h: what can be wrong with bytes that claim to be milter frames.
 */
#pragma once

#include <glib.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

/**
 * MilterCodecError:
 * @MILTER_CODEC_ERROR_EMPTY_FRAME: a length field of 0: there is no letter
 * @MILTER_CODEC_ERROR_FRAME_TOO_LONG: a length above the limit that was set
 * @MILTER_CODEC_ERROR_UNKNOWN_LETTER: a letter that the table does not have for this side
 * @MILTER_CODEC_ERROR_TRUNCATED: the payload ends before a field of fixed size does
 * @MILTER_CODEC_ERROR_UNTERMINATED: a string without its NUL
 * @MILTER_CODEC_ERROR_ODD_PAIRS: a name without a value
 * @MILTER_CODEC_ERROR_BAD_FAMILY: an address family that is none of `4 6 L U`
 * @MILTER_CODEC_ERROR_TRAILING_BYTES: bytes behind the last field
 * @MILTER_CODEC_ERROR_EMBEDDED_NUL: encoding only: a string with a NUL in it
 *
 * Causes, in the domain %MILTER_CODEC_ERROR. The first two concern the frame: what follows cannot
 * be found any more. The rest concern the payload: the frame itself is whole.
 */
typedef enum
{
  MILTER_CODEC_ERROR_EMPTY_FRAME,
  MILTER_CODEC_ERROR_FRAME_TOO_LONG,
  MILTER_CODEC_ERROR_UNKNOWN_LETTER,
  MILTER_CODEC_ERROR_TRUNCATED,
  MILTER_CODEC_ERROR_UNTERMINATED,
  MILTER_CODEC_ERROR_ODD_PAIRS,
  MILTER_CODEC_ERROR_BAD_FAMILY,
  MILTER_CODEC_ERROR_TRAILING_BYTES,
  MILTER_CODEC_ERROR_EMBEDDED_NUL
} MilterCodecError;

#define MILTER_CODEC_ERROR (milter_codec_error_quark ())
MILTER_AVAILABLE GQuark milter_codec_error_quark (void);

G_END_DECLS
