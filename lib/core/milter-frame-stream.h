/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-frame-stream.h: the frames of one side, whose bytes come cut anywhere.
 *
 *     milter_frame_stream_feed (&stream, bytes);
 *     while (milter_frame_stream_next (&stream, &letter, &payload))
 *       …
 *     if (stream.broken)
 *       … milter_frame_stream_take_rest (&stream) …
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* Frames that come whole are views of what was fed; only the beginning of one that does not is kept. */
typedef struct
{
  MilterLimits limits;
  bool broken;         /* bytes that are no frame came: nothing behind them can be read */

  MilterBytes fed;     /* what is not read yet */
  GByteArray *partial; /* (nullable) the beginning of a frame, or one that was given */
  bool given;          /* … the latter */
} MilterFrameStream;

void milter_frame_stream_init (MilterFrameStream *stream, MilterSide from);
void milter_frame_stream_clear (MilterFrameStream *stream);

/* The bytes must live until milter_frame_stream_next() or milter_frame_stream_take_rest() has said that
 * nothing is left; before that no more may be fed. */
void milter_frame_stream_feed (MilterFrameStream *stream, MilterBytes bytes);
/* The next whole frame, as a view that lives until the next call. false: there is none yet, or the side
 * is broken. */
bool milter_frame_stream_next (MilterFrameStream *stream, guint8 *letter, MilterBytes *payload);
/* (transfer full) What is left: of a broken side all that is no frame, else the beginning of one.
 * Afterwards nothing is kept. */
GByteArray *milter_frame_stream_take_rest (MilterFrameStream *stream);

G_END_DECLS
