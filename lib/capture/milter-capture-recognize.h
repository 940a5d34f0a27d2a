/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-recognize.h: whether bytes are milter frames, of which side, by what they say.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* the most bytes of a frame, without its length field: body chunks of the largest size that can be
 * agreed, and replacements of a body as both MTAs take them */
#define MILTER_CAPTURE_MAX_FRAME ((guint32) 2 << 20)

/* length field and letter */
#define MILTER_FRAME_HEADER ((gsize) 5)

/* the length field at the first four bytes */
static inline guint32
milter_frame_length (const guint8 *at)
{
  guint32 length;

  __builtin_memcpy (&length, at, sizeof length);
  return GUINT32_FROM_BE (length);
}

/* At least MILTER_FRAME_HEADER bytes that may begin a frame of this side: a length that can be, and a
 * letter that it has. */
bool milter_recognize_header (MilterSide side, MilterBytes bytes);
/* A whole frame, and its payload is as its letter demands. */
bool milter_recognize_frame (MilterSide side, MilterBytes frame);
/* How many frames; 0, unless the bytes are such frames from the first to the last. */
guint milter_recognize_frames (MilterSide side, MilterBytes bytes);

/**
 * MilterRecognition: what the first bytes of a connection are
 */
typedef enum
{
  MILTER_RECOGNITION_NO,
  MILTER_RECOGNITION_MAYBE, /* as far as they go */
  MILTER_RECOGNITION_YES
} MilterRecognition;

/* how many bytes decide */
#define MILTER_OFFER_BYTES ((gsize) 17)

/* The first bytes of who opened a connection: an MTA begins with its offer (milter-protocol 2.1). */
MilterRecognition milter_recognize_offer (MilterBytes bytes);

G_END_DECLS
