/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-pcapng.c: pcapng: sections, each with its byte order and its interfaces, as blocks.
 *
 * Blocks that hold no packet and no interface are passed over, whatever they are.
 */
#include <string.h>

#include "milter-capture-packets-private.h"

/* the numbers of the format's specification */
#define BLOCK_SECTION   0x0a0d0d0au /* the same in each byte order */
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    2u          /* no longer written */
#define BLOCK_SIMPLE    3u
#define BLOCK_ENHANCED  6u
#define BYTE_ORDER_MARK 0x1a2b3c4du
#define OPTION_END      0u
#define OPTION_TSRESOL  9u
#define OPTION_TSOFFSET 14u

/* type and length before a block's body, the length again behind it */
#define BEFORE 8
#define AROUND 12

#define MAX_INTERFACES 65536
/* of a block that is looked into */
#define MAX_BLOCK      (MILTER_CAPTURE_MAX_PACKET + ((gsize) 64 << 10))

/* a block whose body is in the buffer */
typedef struct
{
  guint32 type;
  gsize size; /* of the whole block */
  MilterBytes body;
} Block;

/* --- sections and interfaces ------------------------------------------------------------------- */

/* The byte order of the section whose first bytes are there; false: it tells none. */
static bool
take_byte_order (MilterPackets *packets, const guint8 *mark)
{
  packets->swapped = false;
  if (milter_packets_u32 (packets, mark) == BYTE_ORDER_MARK)
    return true;
  packets->swapped = true;
  return milter_packets_u32 (packets, mark) == BYTE_ORDER_MARK;
}

/* if_tsresol: a power of 10, or with the high bit of 2; 0: times of such a unit cannot be told */
static guint64
get_units (guint8 resolution)
{
  guint exponent = resolution & 0x7f;
  guint64 units = 1;

  if (resolution & 0x80)
    return exponent < 63 ? (guint64) 1 << exponent : 0;
  if (exponent > 18)
    return 0;
  while (exponent-- > 0)
    units *= 10;
  return units;
}

static void
read_option (const MilterPackets *packets,
             guint code,
             MilterBytes value,
             MilterPacketsInterface *interface)
{
  guint32 halves[2];

  if (code == OPTION_TSRESOL && value.size >= 1)
    interface->units = get_units (value.data[0]);
  if (code == OPTION_TSOFFSET && value.size >= 8)
    {
      halves[0] = milter_packets_u32 (packets, value.data);
      halves[1] = milter_packets_u32 (packets, value.data + 4);
      interface->offset_s = (gint64) (packets->swapped == (G_BYTE_ORDER == G_LITTLE_ENDIAN)
                                          ? (guint64) halves[0] << 32 | halves[1]
                                          : (guint64) halves[1] << 32 | halves[0]);
    }
}

static MilterPacketsStatus
read_interface (MilterPackets *packets, MilterBytes body, GError **error)
{
  MilterPacketsInterface interface = { .units = 1000000 };

  if (body.size < 8)
    return milter_packets_damaged (packets, error, "a description of an interface that is too short");
  if (packets->interfaces->len >= MAX_INTERFACES)
    return milter_packets_damaged (packets, error, "more than %d interfaces", MAX_INTERFACES);
  interface.link_type = milter_packets_u16 (packets, body.data);
  interface.snap_length = milter_packets_u32 (packets, body.data + 4);
  for (gsize at = 8; at + 4 <= body.size;)
    {
      guint code = milter_packets_u16 (packets, body.data + at);
      gsize size = milter_packets_u16 (packets, body.data + at + 2);

      at += 4;
      if (code == OPTION_END || size > body.size - at)
        break;
      read_option (packets, code, milter_bytes (body.data + at, size), &interface);
      at += (size + 3) & ~(gsize) 3;
    }
  g_array_append_val (packets->interfaces, interface);
  return MILTER_PACKETS_ONE;
}

/* --- packets ----------------------------------------------------------------------------------- */

static void
take_time (MilterPackets *packets, const MilterPacketsInterface *interface, const guint8 *at)
{
  guint64 time = (guint64) milter_packets_u32 (packets, at) << 32 | milter_packets_u32 (packets, at + 4);
  guint64 seconds, rest;
  gint64 sum;

  if (interface->units == 0)
    return;
  seconds = time / interface->units;
  rest = time % interface->units;
  if (seconds > MILTER_CAPTURE_MAX_SECONDS
      || __builtin_add_overflow ((gint64) seconds, interface->offset_s, &sum) || sum < 0
      || sum > (gint64) MILTER_CAPTURE_MAX_SECONDS)
    return;
  if (interface->units <= 1000000000)
    rest = rest * 1000000000 / interface->units;
  else
    rest = (guint64) ((long double) rest * 1e9L / (long double) interface->units);
  packets->time_ns = sum * 1000000000 + (gint64) rest;
}

static MilterPacketsStatus
give_packet (MilterPackets *packets,
             const MilterPacketsInterface *interface,
             MilterBytes data,
             gsize length,
             MilterCapturePacket *packet)
{
  *packet = (MilterCapturePacket){
    .number = ++packets->number,
    .time_ns = packets->time_ns,
    .link_type = interface->link_type,
    .data = data,
    .length = MAX (length, data.size),
  };
  return MILTER_PACKETS_ONE;
}

/* an enhanced packet block, or the older one, which has a number of drops beside its interface's */
static MilterPacketsStatus
read_packet (MilterPackets *packets, const Block *block, MilterCapturePacket *packet, GError **error)
{
  const guint8 *body = block->body.data;
  const MilterPacketsInterface *interface;
  guint32 number;
  gsize captured;

  if (block->body.size < 20)
    return milter_packets_damaged (packets, error, "a packet's block that is too short");
  number = block->type == BLOCK_PACKET ? milter_packets_u16 (packets, body)
                                       : milter_packets_u32 (packets, body);
  if (number >= packets->interfaces->len)
    return milter_packets_damaged (
        packets, error, "it came from interface %u, which is not described", number);
  interface = &g_array_index (packets->interfaces, MilterPacketsInterface, number);
  captured = milter_packets_u32 (packets, body + 12);
  if (captured > block->body.size - 20)
    return milter_packets_damaged (
        packets, error, "%" G_GSIZE_FORMAT " bytes in a block that has not so many", captured);
  take_time (packets, interface, body + 4);
  return give_packet (packets,
                      interface,
                      milter_bytes (body + 20, captured),
                      milter_packets_u32 (packets, body + 16),
                      packet);
}

/* It is of the first interface, and as long as the block is, or as that interface allows. */
static MilterPacketsStatus
read_simple (MilterPackets *packets, const Block *block, MilterCapturePacket *packet, GError **error)
{
  const MilterPacketsInterface *interface;
  gsize captured, length;

  if (block->body.size < 4)
    return milter_packets_damaged (packets, error, "a packet's block that is too short");
  if (packets->interfaces->len == 0)
    return milter_packets_damaged (packets, error, "it came from an interface that is not described");
  interface = &g_array_index (packets->interfaces, MilterPacketsInterface, 0);
  length = milter_packets_u32 (packets, block->body.data);
  captured = MIN (length, block->body.size - 4);
  if (interface->snap_length > 0)
    captured = MIN (captured, interface->snap_length);
  return give_packet (
      packets, interface, milter_bytes (block->body.data + 4, captured), length, packet);
}

/* --- blocks ------------------------------------------------------------------------------------ */

static bool
is_looked_into (guint32 type)
{
  return type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_SIMPLE
         || type == BLOCK_ENHANCED;
}

/* Begins a section. @mark: behind the block's length */
static MilterPacketsStatus
begin_section (MilterPackets *packets, const guint8 *mark, GError **error)
{
  if (!take_byte_order (packets, mark))
    return milter_packets_damaged (packets, error, "a section without a byte order");
  g_array_set_size (packets->interfaces, 0);
  return MILTER_PACKETS_ONE;
}

/* Finds the next block; its body is in the buffer if it is looked into. OVER: the file is. */
static MilterPacketsStatus
find_block (MilterPackets *packets, Block *block, GError **error)
{
  MilterCaptureInput *input = packets->input;
  const guint8 *at = milter_capture_input_peek (input, AROUND);

  if (at == NULL)
    return input->left == 0 && input->error == 0 ? MILTER_PACKETS_OVER
                                                 : milter_packets_cut (packets, error);
  block->type = milter_packets_u32 (packets, at);
  if (block->type == BLOCK_SECTION
      && begin_section (packets, at + BEFORE, error) != MILTER_PACKETS_ONE)
    return MILTER_PACKETS_ERROR;
  block->size = milter_packets_u32 (packets, at + 4);
  if (block->size < AROUND || block->size % 4 != 0
      || (is_looked_into (block->type) && block->size > MAX_BLOCK))
    return milter_packets_damaged (
        packets, error, "a block of %" G_GSIZE_FORMAT " bytes, which is not possible", block->size);
  block->body = milter_bytes (NULL, 0);
  if (!is_looked_into (block->type))
    return MILTER_PACKETS_ONE;

  at = milter_capture_input_peek (input, block->size);
  if (at == NULL)
    return milter_packets_cut (packets, error);
  if (milter_packets_u32 (packets, at + block->size - 4) != block->size)
    return milter_packets_damaged (packets, error, "a block that does not end with its length");
  block->body = milter_bytes (at + BEFORE, block->size - AROUND);
  return MILTER_PACKETS_ONE;
}

static MilterPacketsStatus
next_packet (MilterPackets *packets, MilterCapturePacket *packet, GError **error)
{
  MilterPacketsStatus status;
  Block block = { 0 };

  while ((status = find_block (packets, &block, error)) == MILTER_PACKETS_ONE)
    {
      bool is_packet = is_looked_into (block.type) && block.type != BLOCK_INTERFACE;

      if (block.type == BLOCK_INTERFACE)
        status = read_interface (packets, block.body, error);
      else if (block.type == BLOCK_SIMPLE)
        status = read_simple (packets, &block, packet, error);
      else if (is_packet)
        status = read_packet (packets, &block, packet, error);
      if (status == MILTER_PACKETS_ONE && !milter_capture_input_skip (packets->input, block.size))
        return milter_packets_cut (packets, error);
      if (is_packet || status != MILTER_PACKETS_ONE)
        return status;
    }
  return status;
}

static bool
is_near (const MilterPackets *packets)
{
  const MilterCaptureInput *input = packets->input;
  guint32 type;

  if (input->left < AROUND)
    return false;
  type = milter_packets_u32 (packets, input->at);
  return is_looked_into (type) && type != BLOCK_INTERFACE
         && milter_packets_u32 (packets, input->at + 4) <= input->left;
}

bool
milter_packets_open_pcapng (MilterPackets *packets, GError **error)
{
  const guint8 *at = milter_capture_input_peek (packets->input, 4);

  if (milter_packets_u32 (packets, at) != BLOCK_SECTION)
    return false;
  at = milter_capture_input_peek (packets->input, AROUND);
  if (at == NULL)
    {
      milter_packets_cut (packets, error);
      return false;
    }
  if (!take_byte_order (packets, at + BEFORE))
    return false;
  packets->interfaces = g_array_new (FALSE, FALSE, sizeof (MilterPacketsInterface));
  packets->next = next_packet;
  packets->is_near = is_near;
  return true;
}
