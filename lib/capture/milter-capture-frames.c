/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-frames.c: a stream cut into frames, and what to do where it has holes.
 */
#include "milter-capture-frames.h"

#include "milter-capture-recognize.h"

/* memory that a connection does not keep between frames */
#define MAX_IDLE_PARTIAL ((guint) 16 << 10)
/* memory that is taken for a frame at first, as a multiple of what is there of it */
#define MAX_FORESIGHT    ((gsize) 8)

void
milter_frames_init (MilterFrames *frames,
                    const MilterFramesEvents *events,
                    gpointer owner,
                    MilterSide side)
{
  *frames = (MilterFrames){ .events = events, .owner = owner, .side = side };
}

void
milter_frames_clear (MilterFrames *frames)
{
  g_clear_pointer (&frames->partial, g_byte_array_unref);
}

static MilterBytes
behind (MilterBytes bytes, gsize n)
{
  return milter_bytes (bytes.data + n, bytes.size - n);
}

/* --- the beginning of a frame -------------------------------------------------------------------- */

static gsize
partial_size (const MilterFrames *frames)
{
  return frames->partial != NULL ? frames->partial->len : 0;
}

static MilterBytes
partial_bytes (const MilterFrames *frames)
{
  return frames->partial != NULL ? milter_bytes (frames->partial->data, frames->partial->len)
                                 : milter_bytes (NULL, 0);
}

/* room for the frame that begins with these: of one that says that it is long, not all at once */
static guint
guess_size (MilterBytes beginning)
{
  gsize known = beginning.size < 4 ? 0 : 4 + (gsize) milter_frame_length (beginning.data);

  return (guint) MIN (known, MAX_FORESIGHT * beginning.size);
}

static void
keep (MilterFrames *frames, MilterBytes bytes)
{
  if (bytes.size == 0)
    return;
  if (frames->partial == NULL)
    frames->partial = g_byte_array_sized_new (guess_size (bytes));
  g_byte_array_append (frames->partial, bytes.data, (guint) bytes.size);
}

static void
forget (MilterFrames *frames)
{
  if (partial_size (frames) > MAX_IDLE_PARTIAL)
    g_clear_pointer (&frames->partial, g_byte_array_unref);
  else if (frames->partial != NULL)
    g_byte_array_set_size (frames->partial, 0);
}

/* how many bytes the frame still lacks that begins with these, as far as it is known */
static gsize
missing (MilterBytes beginning)
{
  if (beginning.size < 4)
    return 4 - beginning.size;
  return 4 + (gsize) milter_frame_length (beginning.data) - beginning.size;
}

/* Adds as many bytes as the frame lacks; true: it is whole. */
static bool
complete (MilterFrames *frames, MilterBytes *bytes)
{
  gsize n;

  while (bytes->size > 0 && (n = missing (partial_bytes (frames))) > 0)
    {
      n = MIN (n, bytes->size);
      keep (frames, milter_bytes (bytes->data, n));
      *bytes = behind (*bytes, n);
      if (frames->partial->len == 4)
        {
          guint32 length = milter_frame_length (frames->partial->data);

          /* no frame: the caller sees it by the length */
          if (length == 0 || length > MILTER_CAPTURE_MAX_FRAME)
            return true;
        }
    }
  return missing (partial_bytes (frames)) == 0;
}

/* --- in step -------------------------------------------------------------------------------------- */

static void
give (MilterFrames *frames, MilterBytes frame, const MilterCaptureMoment *moment)
{
  frames->events->message (frames->owner, frames->side, frame, frames->behind_hole, moment);
}

static void
lose_step (MilterFrames *frames)
{
  frames->state = MILTER_FRAMES_SEEKING;
  frames->behind_hole = true;
}

static void
give_raw (MilterFrames *frames, MilterBytes bytes, const MilterCaptureMoment *moment)
{
  if (bytes.size > 0)
    frames->events->raw (frames->owner, frames->side, bytes, moment);
}

/* A length that no frame has. Behind a hole that means that the step was none; else the side breaks
 * the protocol, and all it says from here on is bytes. */
static void
break_off (MilterFrames *frames, MilterBytes bytes, const MilterCaptureMoment *moment)
{
  if (frames->behind_hole)
    {
      frames->n_skipped += partial_size (frames) + bytes.size;
      forget (frames);
      frames->state = MILTER_FRAMES_SEEKING;
      return;
    }
  give_raw (frames, partial_bytes (frames), moment);
  forget (frames);
  give_raw (frames, bytes, moment);
  frames->state = MILTER_FRAMES_RAW;
}

static bool
is_broken (MilterBytes beginning)
{
  guint32 length;

  if (beginning.size < 4)
    return false;
  length = milter_frame_length (beginning.data);
  return length == 0 || length > MILTER_CAPTURE_MAX_FRAME;
}

static void
take_in_step (MilterFrames *frames, MilterBytes bytes, const MilterCaptureMoment *moment)
{
  if (partial_size (frames) > 0)
    {
      if (!complete (frames, &bytes))
        return;
      if (is_broken (partial_bytes (frames)))
        {
          break_off (frames, bytes, moment);
          return;
        }
      give (frames, partial_bytes (frames), moment);
      forget (frames);
    }
  while (bytes.size >= 4)
    {
      gsize size = 4 + (gsize) milter_frame_length (bytes.data);

      if (is_broken (bytes))
        {
          break_off (frames, bytes, moment);
          return;
        }
      if (size > bytes.size)
        break;
      give (frames, milter_bytes (bytes.data, size), moment);
      bytes = behind (bytes, size);
    }
  keep (frames, bytes);
}

/* --- seeking -------------------------------------------------------------------------------------- */

/* What stands behind a frame that was found speaks for it: nothing, or the beginning of the next. */
static bool
is_boundary (const MilterFrames *frames, MilterBytes bytes)
{
  if (bytes.size >= MILTER_FRAME_HEADER)
    return milter_recognize_header (frames->side, bytes);
  return bytes.size == 0 || bytes.data[0] == 0;
}

static void
tell_skipped (MilterFrames *frames, const MilterCaptureMoment *moment)
{
  if (frames->n_skipped > 0)
    frames->events->skipped (frames->owner, frames->side, frames->n_skipped, moment);
  frames->n_skipped = 0;
}

/* Looks for a frame; true: there is one, in @partial, and @bytes are behind it. */
static bool
seek (MilterFrames *frames, MilterBytes *bytes, bool begins)
{
  bool may_be = partial_size (frames) > 0
                || (begins && milter_recognize_header (frames->side, *bytes));

  if (may_be && !complete (frames, bytes))
    return false;
  if (may_be && milter_recognize_frame (frames->side, partial_bytes (frames))
      && is_boundary (frames, *bytes))
    return true;
  frames->n_skipped += partial_size (frames) + bytes->size;
  forget (frames);
  return false;
}

static void
take_seeking (MilterFrames *frames,
              MilterBytes bytes,
              bool begins,
              const MilterCaptureMoment *moment)
{
  if (!seek (frames, &bytes, begins))
    return;
  tell_skipped (frames, moment);
  frames->state = MILTER_FRAMES_IN_STEP;
  give (frames, partial_bytes (frames), moment);
  forget (frames);
  take_in_step (frames, bytes, moment);
}

/* --- a stream --------------------------------------------------------------------------------------- */

void
milter_frames_take (MilterFrames *frames,
                    MilterBytes bytes,
                    bool begins,
                    const MilterCaptureMoment *moment)
{
  if (frames->state == MILTER_FRAMES_STEPPING)
    {
      gsize n = MIN (frames->rest, bytes.size);

      frames->rest -= n;
      bytes = behind (bytes, n);
      if (frames->rest > 0)
        return;
      frames->state = MILTER_FRAMES_IN_STEP;
    }
  if (frames->state == MILTER_FRAMES_IN_STEP)
    take_in_step (frames, bytes, moment);
  else if (frames->state == MILTER_FRAMES_SEEKING)
    take_seeking (frames, bytes, begins, moment);
  else
    give_raw (frames, bytes, moment);
}

/* what is known of the frame that a hole begins in: how much of it is still to come */
static bool
is_in_frame (const MilterFrames *frames, gsize *rest, guint8 *letter)
{
  MilterBytes beginning = partial_bytes (frames);

  *letter = 0;
  *rest = frames->rest;
  if (frames->state == MILTER_FRAMES_STEPPING)
    return true;
  if (frames->state != MILTER_FRAMES_IN_STEP || beginning.size < 4)
    return false;
  *rest = missing (beginning);
  if (beginning.size > 4)
    *letter = beginning.data[4];
  return true;
}

void
milter_frames_lost (MilterFrames *frames, gint64 size, const MilterCaptureMoment *moment)
{
  gsize rest;
  guint8 letter;
  bool in_frame = is_in_frame (frames, &rest, &letter);
  bool is_inside = in_frame && size != MILTER_HOLE_UNKNOWN && (gsize) size <= rest;

  if (frames->state == MILTER_FRAMES_SEEKING)
    frames->n_skipped += partial_size (frames);
  else
    tell_skipped (frames, moment);
  forget (frames);
  frames->behind_hole = true;
  frames->events->hole (frames->owner, frames->side, size, is_inside ? letter : 0, moment);
  if (!is_inside)
    {
      lose_step (frames);
      return;
    }
  frames->rest = rest - (gsize) size;
  frames->state = frames->rest > 0 ? MILTER_FRAMES_STEPPING : MILTER_FRAMES_IN_STEP;
}

void
milter_frames_finish (MilterFrames *frames, const MilterCaptureMoment *moment)
{
  if (frames->state == MILTER_FRAMES_IN_STEP)
    give_raw (frames, partial_bytes (frames), moment);
  else if (frames->state == MILTER_FRAMES_SEEKING)
    frames->n_skipped += partial_size (frames);
  forget (frames);
  tell_skipped (frames, moment);
}
