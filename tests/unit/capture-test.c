/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture-test.c: see capture-test.h.
 */
#include "capture-test.h"

#include <string.h>

void
test_append_u16 (GByteArray *out, guint number)
{
  guint16 value = (guint16) number;

  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

void
test_append_u32 (GByteArray *out, guint32 number)
{
  g_byte_array_append (out, (const guint8 *) &number, sizeof number);
}

static void
append_net16 (GByteArray *out, guint number)
{
  test_append_u16 (out, GUINT16_TO_BE ((guint16) number));
}

static void
append_net32 (GByteArray *out, guint32 number)
{
  test_append_u32 (out, GUINT32_TO_BE (number));
}

void
test_append_ipv4 (GByteArray *out, const TestSegment *segment)
{
  static const guint32 addresses[] = { 0xc0000201, 0xc0000202 };
  static const guint ports[] = { TEST_MTA_PORT, TEST_MILTER_PORT };

  g_byte_array_append (out, (const guint8[]){ 0x45, 0 }, 2);
  append_net16 (out, (guint) (40 + segment->data.size));
  g_byte_array_append (out, (const guint8[]){ 0, 1, 0x40, 0, 64, 6, 0, 0 }, 8);
  append_net32 (out, addresses[segment->from]);
  append_net32 (out, addresses[!segment->from]);
  append_net16 (out, ports[segment->from]);
  append_net16 (out, ports[!segment->from]);
  append_net32 (out, segment->seq);
  append_net32 (out, segment->ack);
  g_byte_array_append (out, (const guint8[]){ 0x50, segment->flags, 1, 0, 0, 0, 0, 0 }, 8);
  if (segment->data.size > 0)
    g_byte_array_append (out, segment->data.data, (guint) segment->data.size);
}

void
test_append_pcap_header (GByteArray *out, guint32 link_type)
{
  test_append_u32 (out, 0xa1b2c3d4);
  test_append_u16 (out, 2);
  test_append_u16 (out, 4);
  test_append_u32 (out, 0);
  test_append_u32 (out, 0);
  test_append_u32 (out, 262144);
  test_append_u32 (out, link_type);
}

void
test_append_pcap_packet (GByteArray *out, guint32 time_s, MilterBytes packet, gsize length)
{
  test_append_u32 (out, time_s);
  test_append_u32 (out, 0);
  test_append_u32 (out, (guint32) packet.size);
  test_append_u32 (out, (guint32) length);
  if (packet.size > 0)
    g_byte_array_append (out, packet.data, (guint) packet.size);
}

GByteArray *
test_frame (guint8 letter, const void *payload, gsize size)
{
  GByteArray *frame = g_byte_array_new ();

  milter_frame_append (letter, milter_bytes (payload, size), frame);
  return frame;
}

static void
begin (GString *log, const MilterCapturePlace *place)
{
  g_string_append_printf (
      log, "%u %c ", place->connection, place->from == MILTER_SIDE_MTA ? '>' : '<');
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  g_string_append_printf (
      data, "open %u%s\n", place->connection, opening->from_start ? "" : " late");
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  begin (data, place);
  g_string_append_printf (data, "%c%s\n", frame.data[4], behind_hole ? "?" : "");
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  begin (data, place);
  g_string_append_printf (data, "raw %" G_GSIZE_FORMAT "\n", bytes.size);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  begin (data, place);
  g_string_append_printf (data, "hole %" G_GINT64_FORMAT, size);
  if (letter != 0)
    g_string_append_printf (data, " in %c", letter);
  g_string_append_c (data, '\n');
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  begin (data, place);
  g_string_append (data, reset ? "reset\n" : "close\n");
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  g_string_append_printf (data, "note %s\n", text);
}

const MilterCaptureSink test_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .note = on_note,
};
