/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-pcap.c: the classic format: a heading, then packets, in the byte order of the machine
 * that wrote it.
 */
#include "milter-capture-packets-private.h"

#define FILE_HEADER 24

static const struct
{
  guint32 magic;
  guint fraction_ns;
  gsize header_size;
} variants[] = {
  { 0xa1b2c3d4, 1000, 16 },
  { 0xa1b23c4d, 1, 16 },
  /* of a patch that was widely used once; it tells the interface of each packet */
  { 0xa1b2cd34, 1000, 24 },
};

/* files that were joined with cat: a packet of no bytes, in the year 2055 */
static bool
is_heading (const MilterPackets *packets, const guint8 *at)
{
  guint32 word = milter_packets_u32 (packets, at);

  for (gsize i = 0; i < G_N_ELEMENTS (variants); i++)
    if (word == variants[i].magic || GUINT32_SWAP_LE_BE (word) == variants[i].magic)
      return true;
  return false;
}

static MilterPacketsStatus
next_packet (MilterPackets *packets, MilterCapturePacket *packet, GError **error)
{
  MilterCaptureInput *input = packets->input;
  const guint8 *at = milter_capture_input_peek (input, packets->header_size);
  gsize captured, length;

  if (G_UNLIKELY (at == NULL))
    return input->left == 0 && input->error == 0 ? MILTER_PACKETS_OVER
                                                 : milter_packets_cut (packets, error);
  captured = milter_packets_u32 (packets, at + 8);
  length = milter_packets_u32 (packets, at + 12);
  if (G_UNLIKELY (captured > MILTER_CAPTURE_MAX_PACKET))
    return milter_packets_damaged (
        packets, error, "a length of %" G_GSIZE_FORMAT " bytes, which no packet has", captured);
  if (G_UNLIKELY (length == 0 && is_heading (packets, at)))
    return milter_packets_damaged (
        packets, error, "another file begins here; several are not joined but given one by one");
  packets->time_ns = (gint64) milter_packets_u32 (packets, at) * 1000000000
                     + (gint64) milter_packets_u32 (packets, at + 4) * packets->fraction_ns;

  at = milter_capture_input_peek (input, packets->header_size + captured);
  if (G_UNLIKELY (at == NULL))
    return milter_packets_cut (packets, error);
  *packet = (MilterCapturePacket){
    .number = ++packets->number,
    .time_ns = packets->time_ns,
    .link_type = packets->link_type,
    .data = milter_bytes (at + packets->header_size, captured),
    .length = MAX (length, captured),
  };
  milter_capture_input_take (input, packets->header_size + captured);
  return MILTER_PACKETS_ONE;
}

static bool
is_near (const MilterPackets *packets)
{
  const MilterCaptureInput *input = packets->input;

  return input->left >= packets->header_size
         && input->left - packets->header_size >= milter_packets_u32 (packets, input->at + 8);
}

bool
milter_packets_open_pcap (MilterPackets *packets, GError **error)
{
  const guint8 *at = milter_capture_input_peek (packets->input, 4);
  gsize i;

  for (i = 0; i < 2 * G_N_ELEMENTS (variants); i++)
    {
      packets->swapped = i % 2 != 0;
      if (milter_packets_u32 (packets, at) == variants[i / 2].magic)
        break;
    }
  if (i == 2 * G_N_ELEMENTS (variants))
    return false;
  at = milter_capture_input_peek (packets->input, FILE_HEADER);
  if (at == NULL)
    {
      milter_packets_cut (packets, error);
      return false;
    }
  packets->fraction_ns = variants[i / 2].fraction_ns;
  packets->header_size = variants[i / 2].header_size;
  /* above the number of the link type there may be flags */
  packets->link_type = milter_packets_u32 (packets, at + 20) & 0xffff;
  packets->next = next_packet;
  packets->is_near = is_near;
  milter_capture_input_take (packets->input, FILE_HEADER);
  return true;
}
