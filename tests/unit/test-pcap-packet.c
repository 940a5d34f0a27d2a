/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-pcap-packet.c: packets are as other programs take them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-capture-packets.h"
#include "milter-capture-segment.h"
#include "milter-pcap-packet.h"

static const struct
{
  const char *mta, *milter;
  guint family;
} pairs[] = {
  { "192.0.2.7:34290", "127.0.0.1:8891", 4 },
  { "[2001:db8::7]:65535", "[::1]:0", 6 },
};

static MilterPcapEnds
ends_of (gsize row)
{
  MilterPcapEnds ends = { 0 };

  cr_assert (milter_pcap_ends_parse (&ends, MILTER_SIDE_MTA, pairs[row].mta));
  cr_assert (milter_pcap_ends_parse (&ends, MILTER_SIDE_MILTER, pairs[row].milter));
  cr_assert_eq (ends.family, pairs[row].family);
  return ends;
}

static guint
sum_of (guint sum, const guint8 *bytes, gsize size)
{
  for (gsize i = 0; i < size; i++)
    sum += i % 2 == 0 ? (guint) bytes[i] << 8 : bytes[i];
  return sum;
}

/* all words and the checksum together are 0xffff (RFC 1071) */
static bool
sum_is_right (guint sum)
{
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

Test (pcap_packet, checksums_are_right_for_even_and_odd_sizes_and_every_flag)
{
  static const guint flags[] = { MILTER_TCP_SYN, MILTER_TCP_ACK, MILTER_TCP_FIN | MILTER_TCP_ACK };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs) * G_N_ELEMENTS (flags) * 40; i++)
    {
      gsize row = i % G_N_ELEMENTS (pairs), size = i / 6;
      MilterPcapEnds ends = ends_of (row);
      g_autoptr (GByteArray) file = g_byte_array_new ();
      guint8 data[64];
      const guint8 *ip;
      gsize header = pairs[row].family == 4 ? 20 : 40;
      gsize addresses = pairs[row].family == 4 ? 12 : 8;

      memset (data, 0xe7, sizeof data);
      milter_pcap_append_segment (&ends,
                                  &(MilterPcapSegment){ .from = (MilterSide) (i % 2),
                                                        .seq = 0xfffffff0u,
                                                        .ack = 0x12345678u,
                                                        .flags = (guint8) flags[i % 3],
                                                        .data = milter_bytes (data, size) },
                                  0,
                                  file);
      ip = file->data + 16;
      if (header == 20)
        cr_assert (sum_is_right (sum_of (0, ip, header)), "row %zu", i);
      cr_assert (sum_is_right (sum_of (sum_of (6 + file->len - 16 - (guint) header, ip + header, file->len - 16 - header),
                                       ip + addresses,
                                       header - addresses)),
                 "row %zu",
                 i);
    }
}

Test (pcap_packet, a_segment_is_read_back_with_its_time_and_what_is_missing)
{
  for (gsize row = 0; row < G_N_ELEMENTS (pairs); row++)
    {
      MilterPcapEnds ends = ends_of (row);
      g_autoptr (GByteArray) file = g_byte_array_new ();
      MilterCaptureInput input;
      g_autoptr (MilterPackets) packets = NULL;
      MilterCapturePacket packet;
      MilterSegment segment;
      g_autofree char *from = NULL, *to = NULL;

      milter_pcap_append_heading (file);
      milter_pcap_append_segment (&ends,
                                  &(MilterPcapSegment){ .from = MILTER_SIDE_MILTER,
                                                        .seq = 7,
                                                        .ack = 9,
                                                        .flags = MILTER_TCP_ACK | MILTER_TCP_PSH,
                                                        .data = milter_bytes ("abc", 3),
                                                        .n_missing = 30 },
                                  1700000000123456789,
                                  file);
      milter_capture_input_init_bytes (&input, milter_bytes (file->data, file->len));
      packets = milter_packets_open (&input, /* error= */ NULL);
      cr_assert_eq (milter_packets_next (packets, &packet, NULL), MILTER_PACKETS_ONE);
      cr_assert_eq (packet.time_ns, 1700000000123456789);
      cr_assert_eq (milter_segment_read (packet.link_type, packet.data, packet.length, &segment),
                    MILTER_PACKET_TCP);
      from = milter_flow_key_end_to_string (&segment.key, segment.end);
      to = milter_flow_key_end_to_string (&segment.key, !segment.end);
      cr_assert_str_eq (from, pairs[row].milter);
      cr_assert_str_eq (to, pairs[row].mta);
      cr_assert_eq (segment.seq, 7);
      cr_assert_eq (segment.ack, 9);
      cr_assert_eq (segment.length, 33);
      cr_assert (milter_bytes_equal_string (segment.data, "abc"));
      cr_assert_eq (milter_packets_next (packets, &packet, NULL), MILTER_PACKETS_OVER);
      milter_capture_input_clear (&input);
    }
}

Test (pcap_packet, times_that_pcap_cannot_tell_are_the_nearest)
{
  static const struct
  {
    gint64 time_ns;
    guint32 seconds, nanoseconds;
  } times[] = {
    { -1, 0, 0 },
    { G_MININT64, 0, 0 },
    { 999999999, 0, 999999999 },
    { (gint64) G_MAXUINT32 * 1000000000, G_MAXUINT32, 0 },
    { G_MAXINT64, G_MAXUINT32, 999999999 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    {
      MilterPcapEnds ends = ends_of (0);
      g_autoptr (GByteArray) file = g_byte_array_new ();
      guint32 parts[2];

      milter_pcap_append_segment (&ends, &(MilterPcapSegment){ .flags = 0 }, times[i].time_ns, file);
      memcpy (parts, file->data, sizeof parts);
      cr_assert_eq (GUINT32_FROM_LE (parts[0]), times[i].seconds, "row %zu", i);
      cr_assert_eq (GUINT32_FROM_LE (parts[1]), times[i].nanoseconds, "row %zu", i);
    }
}

Test (pcap_packet, what_is_no_address_is_refused)
{
  static const char *const texts[] = {
    "",        ":",         "127.0.0.1",      "127.0.0.1:",     "127.0.0.1:65536", "127.0.0.1:x", "127.0.0:1",
    "[::1]",   "[::1:25",   "::1:25",         "[127.0.0.1]:25", "unix:/run/x",     "unix:/run/x:25",
    "[]:25",   "[:25",      "[::1]x:25",      "mx.example:25",  "inet:8891@127.0.0.1", "127.0.0.1:-1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      MilterPcapEnds ends = { 0 };

      cr_assert_not (milter_pcap_ends_parse (&ends, MILTER_SIDE_MTA, texts[i]), "%s", texts[i]);
    }
}
