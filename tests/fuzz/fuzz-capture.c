/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-capture.c: any bytes as a capture. Whatever they are, packets lie inside of them, are numbered in
 * order, and frames that come out are whole.
 */
#include "fuzz.h"
#include "milter-capture-packets.h"
#include "milter-capture-reader.h"

static void
check_packets (MilterBytes file)
{
  MilterCaptureInput input;
  MilterCapturePacket packet;
  g_autoptr (MilterPackets) packets = NULL;
  guint64 n = 0;

  milter_capture_input_init_bytes (&input, file);
  packets = milter_packets_open (&input, /* error= */ NULL);
  while (packets != NULL
         && milter_packets_next (packets, &packet, /* error= */ NULL) == MILTER_PACKETS_ONE)
    {
      g_assert_cmpuint (packet.number, ==, ++n);
      g_assert_cmpint (packet.time_ns, >=, 0);
      g_assert_cmpuint (packet.data.size, <=, packet.length);
      g_assert_true (packet.data.data >= file.data
                     && packet.data.data + packet.data.size <= file.data + file.size);
    }
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  g_assert_cmpuint (frame.size, >=, 5);
  g_assert_cmpuint (((gsize) frame.data[0] << 24) + ((gsize) frame.data[1] << 16)
                        + ((gsize) frame.data[2] << 8) + frame.data[3] + 4,
                    ==,
                    frame.size);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  g_assert_true (size > 0 || size == MILTER_HOLE_UNKNOWN);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const MilterCaptureSink sink = { .message = on_message, .hole = on_hole };
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (&sink, /* data= */ NULL);
  MilterCaptureInput input;

  check_packets (milter_bytes (data, size));
  milter_capture_input_init_bytes (&input, milter_bytes (data, size));
  milter_capture_reader_read (reader, &input, /* error= */ NULL);
  milter_capture_reader_finish (reader);
  return 0;
}
