/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-assembly.c: any segments in any order. Whatever they are, what is held stays bounded, a side that
 * has ended says nothing, and bytes of one well-numbered stream come out as they were.
 *
 * The input is a list of segments of 8 bytes: flags (the highest bit: which end), the number of the first
 * byte (two bytes, signed, from the stream's middle), what is acknowledged (two bytes), length (two bytes), how much was
 * captured of 255. The byte with the number n is always the same, so that an overlap can be checked.
 */
#include <string.h>

#include "fuzz.h"
#include "milter-capture-assembly.h"

#define RECORD 8
#define MIDDLE 0xffff8000u /* numbers wrap around in its neighbourhood */

typedef struct
{
  bool ended[2];
} Sides;

static guint8
byte_of (guint32 number)
{
  return (guint8) (number * 31 + (number >> 8));
}

static void
on_bytes (gpointer owner, guint end, MilterBytes bytes, bool begins, const MilterCaptureMoment *moment)
{
  Sides *sides = owner;

  g_assert_false (sides->ended[end]);
  g_assert_cmpuint (bytes.size, >, 0);
  /* they follow each other */
  for (gsize i = 1; i < bytes.size; i++)
    g_assert_true (bytes.data[i] == (guint8) (bytes.data[i - 1] + 31)
                   || bytes.data[i] == (guint8) (bytes.data[i - 1] + 32));
}

static void
on_hole (gpointer owner, guint end, gint64 size, const MilterCaptureMoment *moment)
{
  g_assert_false (((Sides *) owner)->ended[end]);
  g_assert_true (size > 0 || size == MILTER_HOLE_UNKNOWN);
}

static void
on_ended (gpointer owner, guint end, bool reset, const MilterCaptureMoment *moment)
{
  Sides *sides = owner;

  g_assert_true (reset || !sides->ended[end]);
  sides->ended[end] = true;
}

static guint
u16 (const guint8 *at)
{
  return (guint) at[0] << 8 | at[1];
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const MilterAssemblyEvents events = { on_bytes, on_hole, on_ended };
  Sides sides = { { false, false } };
  MilterAssembly assembly;
  gsize total = 0;
  guint64 frame = 0;

  milter_assembly_init (&assembly, &events, &sides, &total);
  for (; size >= RECORD; data += RECORD, size -= RECORD)
    {
      gsize length = u16 (data + 5);
      gsize captured = length * data[7] / 255;
      g_autofree guint8 *bytes = g_malloc (captured);
      MilterSegment segment = {
        .end = data[0] >> 7,
        .seq = MIDDLE + u16 (data + 1),
        .ack = MIDDLE + u16 (data + 3),
        .flags = data[0] & 0x17,
        .data = milter_bytes (bytes, captured),
        .length = length,
      };
      guint32 first = segment.seq + ((segment.flags & MILTER_TCP_SYN) != 0);

      for (gsize i = 0; i < captured; i++)
        bytes[i] = byte_of (first + (guint32) i);
      milter_assembly_take (&assembly, &segment, &(MilterCaptureMoment){ ++frame, 0 });
      g_assert_cmpuint (total, <=, 2 * (MILTER_ASSEMBLY_MAX_HELD + (128 << 10)));
    }
  milter_assembly_finish (&assembly, &(MilterCaptureMoment){ ++frame, 0 });
  g_assert_cmpuint (total, ==, 0);
  milter_assembly_clear (&assembly);
  return 0;
}
