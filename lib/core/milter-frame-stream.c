/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-frame-stream.c: frames out of bytes that come cut anywhere.
 */
#include "milter-frame-stream.h"

#include <string.h>

/* memory that is not kept between frames */
#define MAX_IDLE_PARTIAL ((guint) 16 << 10)

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

void
milter_frame_stream_init (MilterFrameStream *stream, MilterSide from)
{
  *stream = (MilterFrameStream){ .limits = limits[from] };
}

void
milter_frame_stream_clear (MilterFrameStream *stream)
{
  g_clear_pointer (&stream->partial, g_byte_array_unref);
}

void
milter_frame_stream_feed (MilterFrameStream *stream, MilterBytes bytes)
{
  stream->fed = bytes;
}

static void
keep (MilterFrameStream *stream, gsize n)
{
  if (n == 0)
    return;
  if (stream->partial == NULL)
    stream->partial = g_byte_array_new ();
  g_byte_array_append (stream->partial, stream->fed.data, (guint) n);
  stream->fed = milter_bytes (stream->fed.data + n, stream->fed.size - n);
}

static void
forget_given (MilterFrameStream *stream)
{
  if (!stream->given)
    return;
  stream->given = false;
  if (stream->partial->len > MAX_IDLE_PARTIAL)
    g_clear_pointer (&stream->partial, g_byte_array_unref);
  else
    g_byte_array_set_size (stream->partial, 0);
}

static bool
decode (MilterFrameStream *stream,
        MilterBytes bytes,
        guint8 *letter,
        MilterBytes *payload,
        gsize *consumed)
{
  MilterDecodeStatus status = milter_frame_decode (
      bytes.data, bytes.size, &stream->limits, letter, payload, consumed, /* error= */ NULL);

  stream->broken = status == MILTER_DECODE_ERROR;
  return status == MILTER_DECODE_COMPLETE;
}

/* what the frame still lacks that begins with these bytes, as far as it is known */
static gsize
missing_size (const GByteArray *partial)
{
  guint32 length;

  if (partial->len < sizeof length)
    return sizeof length - partial->len;
  memcpy (&length, partial->data, sizeof length);
  return sizeof length + GUINT32_FROM_BE (length) - partial->len;
}

static bool
complete_partial (MilterFrameStream *stream, guint8 *letter, MilterBytes *payload)
{
  gsize consumed;

  while (stream->fed.size > 0 && !stream->broken)
    {
      keep (stream, MIN (missing_size (stream->partial), stream->fed.size));
      stream->given = decode (stream,
                              milter_bytes (stream->partial->data, stream->partial->len),
                              letter,
                              payload,
                              &consumed);
      if (stream->given)
        return true;
    }
  return false;
}

bool
milter_frame_stream_next (MilterFrameStream *stream, guint8 *letter, MilterBytes *payload)
{
  gsize consumed;

  forget_given (stream);
  if (stream->broken)
    return false;
  if (stream->partial != NULL && stream->partial->len > 0)
    return complete_partial (stream, letter, payload);
  if (decode (stream, stream->fed, letter, payload, &consumed))
    {
      stream->fed = milter_bytes (stream->fed.data + consumed, stream->fed.size - consumed);
      return true;
    }
  if (!stream->broken)
    keep (stream, stream->fed.size);
  return false;
}

GByteArray *
milter_frame_stream_take_rest (MilterFrameStream *stream)
{
  forget_given (stream);
  keep (stream, stream->fed.size);
  return stream->partial != NULL ? g_steal_pointer (&stream->partial) : g_byte_array_new ();
}
