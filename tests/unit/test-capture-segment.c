/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-segment.c: a segment is found in whatever it is wrapped in.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "capture-test.h"

/* the packet is a copy of exact size, so that a read past the end is caught; the segment's bytes go with it */
static MilterPacketKind
read_packet (guint link_type, const GByteArray *packet, gsize captured, MilterSegment *segment)
{
  g_autofree guint8 *copy = g_malloc (captured);

  if (captured > 0)
    memcpy (copy, packet->data, captured);
  return milter_segment_read (link_type, milter_bytes (copy, captured), packet->len, segment);
}

static void
append_ipv4 (GByteArray *out)
{
  test_append_ipv4 (out,
                    &(TestSegment){ .from = MILTER_SIDE_MTA,
                                    .seq = 0x01020304,
                                    .ack = 0x05060708,
                                    .flags = MILTER_TCP_ACK,
                                    .data = milter_bytes ("hello", 5) });
}

/* link types and headers before an IPv4 packet */
static const struct
{
  guint link_type;
  MilterBytes header;
  MilterPacketKind kind;
} wraps[] = {
  { 0, MILTER_BYTES_INIT ("\2\0\0\0"), MILTER_PACKET_TCP },
  { 0, MILTER_BYTES_INIT ("\0\0\0\2"), MILTER_PACKET_TCP },
  { 108, MILTER_BYTES_INIT ("\0\0\0\2"), MILTER_PACKET_TCP },
  { 1, MILTER_BYTES_INIT ("aaaaaabbbbbb\x08\x00"), MILTER_PACKET_TCP },
  { 1, MILTER_BYTES_INIT ("aaaaaabbbbbb\x81\x00\0\1\x08\x00"), MILTER_PACKET_TCP },
  { 1, MILTER_BYTES_INIT ("aaaaaabbbbbb\x88\xa8\0\1\x81\x00\0\2\x08\x00"), MILTER_PACKET_TCP },
  { 1, MILTER_BYTES_INIT ("aaaaaabbbbbb\x08\x06"), MILTER_PACKET_OTHER },
  { 1, MILTER_BYTES_INIT ("aaaaaabbbbbb\x00\x00"), MILTER_PACKET_OTHER },
  { 1, MILTER_BYTES_INIT ("aaaaaabbbbbb\x86\xdd"), MILTER_PACKET_OTHER },
  { 12, MILTER_BYTES_INIT (""), MILTER_PACKET_TCP },
  { 14, MILTER_BYTES_INIT (""), MILTER_PACKET_TCP },
  { 101, MILTER_BYTES_INIT (""), MILTER_PACKET_TCP },
  { 228, MILTER_BYTES_INIT (""), MILTER_PACKET_TCP },
  { 229, MILTER_BYTES_INIT (""), MILTER_PACKET_OTHER },
  { 113, MILTER_BYTES_INIT ("\0\0\3\4\0\6aaaaaa\0\0\x08\x00"), MILTER_PACKET_TCP },
  { 113, MILTER_BYTES_INIT ("\0\0\3\4\0\6aaaaaa\0\0\x81\x00\0\1\x08\x00"), MILTER_PACKET_TCP },
  { 276, MILTER_BYTES_INIT ("\x08\x00\0\0\0\0\0\1\3\4\0\6aaaaaa\0\0"), MILTER_PACKET_TCP },
  { 147, MILTER_BYTES_INIT (""), MILTER_PACKET_UNKNOWN_LINK },
};

Test (capture_segment, link_layers)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wraps); i++)
    {
      g_autoptr (GByteArray) packet = g_byte_array_new ();
      MilterSegment segment;
      MilterPacketKind kind;

      if (wraps[i].header.size > 0)
        g_byte_array_append (packet, wraps[i].header.data, (guint) wraps[i].header.size);
      append_ipv4 (packet);
      /* what Ethernet pads with is no content */
      g_byte_array_append (packet, (const guint8 *) "padding", 7);
      kind = milter_segment_read (
          wraps[i].link_type, milter_bytes (packet->data, packet->len), packet->len, &segment);
      cr_assert_eq (kind, wraps[i].kind, "row %zu: %d", i, kind);
      if (kind != MILTER_PACKET_TCP)
        continue;
      cr_assert_eq (segment.seq, 0x01020304);
      cr_assert_eq (segment.ack, 0x05060708);
      cr_assert_eq (segment.flags, MILTER_TCP_ACK);
      cr_assert_eq (segment.length, 5);
      cr_assert (milter_bytes_equal_string (segment.data, "hello"), "row %zu", i);
    }
}

Test (capture_segment, no_packet_that_is_cut_is_read_past_its_end)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wraps); i++)
    {
      g_autoptr (GByteArray) packet = g_byte_array_new ();
      gsize header;

      if (wraps[i].header.size > 0)
        g_byte_array_append (packet, wraps[i].header.data, (guint) wraps[i].header.size);
      append_ipv4 (packet);
      header = packet->len - 5;
      for (gsize captured = 0; captured <= packet->len; captured++)
        {
          MilterSegment segment;
          MilterPacketKind kind = read_packet (wraps[i].link_type, packet, captured, &segment);

          if (wraps[i].kind != MILTER_PACKET_TCP)
            cr_assert_neq (kind, MILTER_PACKET_TCP);
          else if (captured < header - 6)
            cr_assert_eq (kind, MILTER_PACKET_CUT, "row %zu, %zu bytes: %d", i, captured, kind);
          else
            {
              cr_assert_eq (kind, MILTER_PACKET_TCP, "row %zu, %zu bytes: %d", i, captured, kind);
              cr_assert_eq (segment.length, 5);
              cr_assert_eq (segment.data.size, captured > header ? captured - header : 0);
            }
        }
    }
}

Test (capture_segment, both_directions_have_one_key)
{
  g_autoptr (GByteArray) one = g_byte_array_new (), other = g_byte_array_new ();
  MilterSegment there, back;

  test_append_ipv4 (one, &(TestSegment){ .from = MILTER_SIDE_MTA });
  test_append_ipv4 (other, &(TestSegment){ .from = MILTER_SIDE_MILTER });
  cr_assert_eq (read_packet (101, one, one->len, &there), MILTER_PACKET_TCP);
  cr_assert_eq (read_packet (101, other, other->len, &back), MILTER_PACKET_TCP);
  cr_assert_arr_eq (&there.key, &back.key, sizeof there.key);
  cr_assert_eq (there.end, !back.end);
  for (guint end = 0; end < 2; end++)
    {
      g_autofree char *text = milter_flow_key_end_to_string (&there.key, end);

      cr_assert_str_eq (text, end == there.end ? "192.0.2.1:40000" : "192.0.2.2:8891");
    }
}

/* an IPv6 packet with extension headers before the segment; @next: of its first header */
static GByteArray *
ipv6_packet (guint8 next, MilterBytes extensions)
{
  GByteArray *packet = g_byte_array_new ();
  g_autoptr (GByteArray) inner = g_byte_array_new ();
  guint length;

  append_ipv4 (inner);
  length = (guint) extensions.size + inner->len - 20;
  g_byte_array_append (
      packet, (const guint8[]){ 0x60, 0, 0, 0, (guint8) (length >> 8), (guint8) length, next, 64 }, 8);
  g_byte_array_append (packet, (const guint8 *) "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB", 32);
  if (extensions.size > 0)
    g_byte_array_append (packet, extensions.data, (guint) extensions.size);
  g_byte_array_append (packet, inner->data + 20, inner->len - 20);
  return packet;
}

Test (capture_segment, ipv6_with_headers_before_the_segment)
{
  static const struct
  {
    guint8 next;
    MilterBytes extensions;
    MilterPacketKind kind;
  } rows[] = {
    { 6, MILTER_BYTES_INIT (""), MILTER_PACKET_TCP },
    { 17, MILTER_BYTES_INIT (""), MILTER_PACKET_OTHER },
    { 0, MILTER_BYTES_INIT ("\6\0\1\4\0\0\0\0"), MILTER_PACKET_TCP },
    { 0, MILTER_BYTES_INIT ("\x3c\0\1\4\0\0\0\0" "\6\1\1\4\0\0\0\0\0\0\0\0\0\0\0\0"), MILTER_PACKET_TCP },
    { 43, MILTER_BYTES_INIT ("\6\0\0\0\0\0\0\0"), MILTER_PACKET_TCP },
    { 51, MILTER_BYTES_INIT ("\6\1\0\0\0\0\0\0\0\0\0\0"), MILTER_PACKET_TCP },
    /* one fragment is the whole */
    { 44, MILTER_BYTES_INIT ("\6\0\0\0\0\0\0\1"), MILTER_PACKET_TCP },
    { 44, MILTER_BYTES_INIT ("\6\0\0\1\0\0\0\1"), MILTER_PACKET_FRAGMENT },
    { 44, MILTER_BYTES_INIT ("\6\0\1\0\0\0\0\1"), MILTER_PACKET_FRAGMENT },
    { 0, MILTER_BYTES_INIT ("\6\xff\1\4\0\0\0\0"), MILTER_PACKET_CUT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) packet = ipv6_packet (rows[i].next, rows[i].extensions);
      MilterSegment segment;
      MilterPacketKind kind = read_packet (101, packet, packet->len, &segment);

      cr_assert_eq (kind, rows[i].kind, "row %zu: %d", i, kind);
      if (kind == MILTER_PACKET_TCP)
        {
          cr_assert_eq (segment.length, 5, "row %zu", i);
          cr_assert_eq (segment.data.size, 5, "row %zu", i);
        }
      for (gsize captured = 0; captured < packet->len; captured++)
        read_packet (101, packet, captured, &segment);
    }
}

Test (capture_segment, fragments_and_nonsense_of_ipv4)
{
  static const struct
  {
    guint at;
    guint8 value;
    MilterPacketKind kind;
  } rows[] = {
    { 6, 0x20, MILTER_PACKET_FRAGMENT }, /* more follow */
    { 7, 0x10, MILTER_PACKET_FRAGMENT }, /* an offset */
    { 9, 17, MILTER_PACKET_OTHER },      /* UDP */
    { 0, 0x44, MILTER_PACKET_OTHER },    /* a header that is too short */
    { 0, 0x75, MILTER_PACKET_OTHER },
    { 3, 19, MILTER_PACKET_OTHER },      /* a length below the header's */
    { 32, 0x40, MILTER_PACKET_OTHER },   /* the same of TCP */
    { 32, 0xf0, MILTER_PACKET_OTHER },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) packet = g_byte_array_new ();
      MilterSegment segment;

      append_ipv4 (packet);
      packet->data[rows[i].at] = rows[i].value;
      cr_assert_eq (read_packet (101, packet, packet->len, &segment), rows[i].kind, "row %zu", i);
    }
}

Test (capture_segment, a_length_of_0_is_that_of_the_packet)
{
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  MilterSegment segment;

  append_ipv4 (packet);
  packet->data[2] = packet->data[3] = 0;
  cr_assert_eq (read_packet (101, packet, packet->len, &segment), MILTER_PACKET_TCP);
  cr_assert_eq (segment.length, 5);
}
