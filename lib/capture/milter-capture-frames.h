/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-frames.h: the frames of one side of a milter connection, also behind holes.
 *
 * A hole whose length is known is stepped over where the length of the frame around it is known and it
 * ends in that frame. Behind any other, frames are looked for where segments begin, since a side writes
 * whole frames: one counts that is well-formed and ends where its segment does, or where the next one
 * begins. No frame comes out of which a byte is missing, or whose place is a guess.
 */
#pragma once

#include "milter-capture-assembly.h"

G_BEGIN_DECLS

typedef struct
{
  /* a whole frame; @behind_hole: something is missing before it */
  void (*message) (gpointer owner,
                   MilterSide side,
                   MilterBytes frame,
                   bool behind_hole,
                   const MilterCaptureMoment *moment);
  /* bytes that are no whole frame: of the last one, or of a stream that breaks the protocol */
  void (*raw) (gpointer owner, MilterSide side, MilterBytes bytes, const MilterCaptureMoment *moment);
  /* @letter: of the frame that is damaged, 0: not known, or several are */
  void (*hole) (gpointer owner,
                MilterSide side,
                gint64 size,
                guint8 letter,
                const MilterCaptureMoment *moment);
  /* captured bytes behind a hole, which belong to frames whose beginning is missing */
  void (*skipped) (gpointer owner, MilterSide side, guint64 n, const MilterCaptureMoment *moment);
} MilterFramesEvents;

typedef enum
{
  MILTER_FRAMES_IN_STEP,  /* the next byte begins a frame, or goes on with the one in @partial */
  MILTER_FRAMES_STEPPING, /* the next @rest bytes are of a frame that is damaged */
  MILTER_FRAMES_SEEKING,  /* nobody knows where a frame begins; @partial may be one */
  MILTER_FRAMES_RAW       /* these are no frames */
} MilterFramesState;

typedef struct
{
  const MilterFramesEvents *events;
  gpointer owner;      /* unowned */
  GByteArray *partial; /* (nullable) the beginning of a frame */
  bool behind_hole;
  guint8 side;         /* MilterSide */
  guint8 state;        /* MilterFramesState */
  gsize rest;
  guint64 n_skipped;
} MilterFrames;

void milter_frames_init (MilterFrames *frames,
                         const MilterFramesEvents *events,
                         gpointer owner,
                         MilterSide side);
void milter_frames_clear (MilterFrames *frames);

/* the next bytes of the stream; @begins: a segment begins with them */
void milter_frames_take (MilterFrames *frames,
                         MilterBytes bytes,
                         bool begins,
                         const MilterCaptureMoment *moment);
/* so many bytes are missing here, or MILTER_HOLE_UNKNOWN */
void milter_frames_lost (MilterFrames *frames, gint64 size, const MilterCaptureMoment *moment);
/* nothing follows */
void milter_frames_finish (MilterFrames *frames, const MilterCaptureMoment *moment);

G_END_DECLS
