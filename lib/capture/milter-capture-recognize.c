/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-recognize.c: lengths, letters and payloads held against the table.
 */
#include "milter-capture-recognize.h"

/* nobody speaks more; below 2 nobody has for twenty years, and such an offer is still one */
#define MAX_VERSION 255

static bool
is_length (guint32 length)
{
  return length > 0 && length <= MILTER_CAPTURE_MAX_FRAME;
}

bool
milter_recognize_header (MilterSide side, MilterBytes bytes)
{
  const MilterSpec *spec;

  if (bytes.size < MILTER_FRAME_HEADER || !is_length (milter_frame_length (bytes.data)))
    return false;
  spec = milter_spec_get (side, bytes.data[4]);
  return spec != NULL && spec->kind != MILTER_REPLY_KIND_RESERVED;
}

bool
milter_recognize_frame (MilterSide side, MilterBytes frame)
{
  MilterMessage message;

  if (!milter_recognize_header (side, frame)
      || frame.size != 4 + (gsize) milter_frame_length (frame.data))
    return false;
  milter_message_parse (side,
                        frame.data[4],
                        milter_bytes (frame.data + MILTER_FRAME_HEADER, frame.size - MILTER_FRAME_HEADER),
                        &message);
  return message.fault == MILTER_NO_FAULT;
}

guint
milter_recognize_frames (MilterSide side, MilterBytes bytes)
{
  guint n = 0;

  while (bytes.size > 0)
    {
      gsize size;

      if (!milter_recognize_header (side, bytes))
        return 0;
      size = 4 + (gsize) milter_frame_length (bytes.data);
      if (size > bytes.size || !milter_recognize_frame (side, milter_bytes (bytes.data, size)))
        return 0;
      bytes = milter_bytes (bytes.data + size, bytes.size - size);
      n++;
    }
  return n;
}

MilterRecognition
milter_recognize_offer (MilterBytes bytes)
{
  guint32 length, version;

  if (bytes.size > 0 && bytes.data[0] != 0)
    return MILTER_RECOGNITION_NO;
  if (bytes.size < MILTER_FRAME_HEADER)
    return MILTER_RECOGNITION_MAYBE;
  length = milter_frame_length (bytes.data);
  if (bytes.data[4] != MILTER_COMMAND_NEGOTIATE || length < MILTER_OFFER_BYTES - 4
      || length > MILTER_LIMIT_FROM_MTA)
    return MILTER_RECOGNITION_NO;
  if (bytes.size < MILTER_OFFER_BYTES)
    return MILTER_RECOGNITION_MAYBE;
  version = milter_frame_length (bytes.data + MILTER_FRAME_HEADER);
  return version >= 1 && version <= MAX_VERSION ? MILTER_RECOGNITION_YES : MILTER_RECOGNITION_NO;
}
