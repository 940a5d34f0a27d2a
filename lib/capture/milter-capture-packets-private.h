/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-packets-private.h: what the readers of the formats share.
 */
#pragma once

#include "milter-capture-packets.h"

G_BEGIN_DECLS

/* times behind the year 2262 are nonsense, and must not wrap around */
#define MILTER_CAPTURE_MAX_SECONDS ((guint64) (G_MAXINT64 / 1000000000 - 1))

/* an interface of a section of pcapng */
typedef struct
{
  guint link_type;
  gsize snap_length;    /* 0: no limit */
  guint64 units;        /* of time, a second */
  gint64 offset_s;      /* to be added to times */
} MilterPacketsInterface;

struct _MilterPackets
{
  MilterCaptureInput *input; /* unowned */
  MilterPacketsStatus (*next) (MilterPackets *packets, MilterCapturePacket *packet, GError **error);
  bool (*is_near) (const MilterPackets *packets);
  guint64 number;    /* of the latest packet */
  gint64 time_ns;    /* … its time */
  bool swapped;      /* numbers are in the other byte order than ours */

  /* pcap */
  guint link_type;
  gsize header_size; /* of a packet's */
  guint fraction_ns; /* what the second number of a time counts */

  GArray *interfaces; /* pcapng: of MilterPacketsInterface, of this section */
};

static inline guint32
milter_packets_u32 (const MilterPackets *packets, const guint8 *at)
{
  guint32 value;

  __builtin_memcpy (&value, at, sizeof value);
  return packets->swapped ? GUINT32_SWAP_LE_BE (value) : value;
}

static inline guint
milter_packets_u16 (const MilterPackets *packets, const guint8 *at)
{
  guint16 value;

  __builtin_memcpy (&value, at, sizeof value);
  return packets->swapped ? GUINT16_SWAP_LE_BE (value) : value;
}

/* Sets @error: the file ends, or cannot be read, in the packet behind the latest. */
MilterPacketsStatus milter_packets_cut (const MilterPackets *packets, GError **error);
/* Sets @error: `frame 7: …` */
MilterPacketsStatus milter_packets_damaged (const MilterPackets *packets,
                                            GError **error,
                                            const char *format,
                                            ...) G_GNUC_PRINTF (3, 4);

/* The heading of a pcap file, whose first four bytes are there. FALSE: it is none. */
bool milter_packets_open_pcap (MilterPackets *packets, GError **error);
/* … of pcapng */
bool milter_packets_open_pcapng (MilterPackets *packets, GError **error);

G_END_DECLS
