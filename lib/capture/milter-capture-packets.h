/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-packets.h: the packets of a capture, pcap or pcapng, one after the other.
 *
 * Both formats are read here, without libpcap: it refuses files of pcapng with sections of different byte
 * order or interfaces of different link types, which mergecap and `dumpcap -i a -i b` write, it cannot
 * tell in which packet a file is cut, and its copy of each packet is the larger half of the time that a
 * whole reader takes. tests/unit/test-capture-packets.c compares with libpcap where that reads a file.
 */
#pragma once

#include "milter-capture-error.h"
#include "milter-capture-input.h"

G_BEGIN_DECLS

/* no packet is longer; whoever claims one is damaged. Kernels hand over up to 512 KiB as one. */
#define MILTER_CAPTURE_MAX_PACKET ((gsize) 1 << 20)

/**
 * MilterCapturePacket:
 * @number: from 1, as Wireshark counts the frames of a file
 * @time_ns: nanoseconds since 1970; of a packet that has no time, as in simple packet blocks of pcapng,
 *   that of the packet before
 * @link_type: the number in the registry of tcpdump.org, as 1 for Ethernet
 * @data: what was captured of it, until the next packet is read
 * @length: how long it was
 *
 * A packet.
 */
typedef struct
{
  guint64 number;
  gint64 time_ns;
  guint link_type;
  MilterBytes data;
  gsize length;
} MilterCapturePacket;

/**
 * MilterPacketsStatus:
 * @MILTER_PACKETS_ONE: there is a packet
 * @MILTER_PACKETS_OVER: the file is over
 * @MILTER_PACKETS_ERROR: it cannot be read any further
 */
typedef enum
{
  MILTER_PACKETS_ONE,
  MILTER_PACKETS_OVER,
  MILTER_PACKETS_ERROR
} MilterPacketsStatus;

typedef struct _MilterPackets MilterPackets;

/* Reads the heading. NULL: it is no capture (FORMAT, CUT, READ). @input: unowned */
MilterPackets *milter_packets_open (MilterCaptureInput *input, GError **error);
void milter_packets_free (MilterPackets *packets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterPackets, milter_packets_free)

/* The next packet. ERROR: CUT, DAMAGED or READ; the message tells the number of the packet. */
MilterPacketsStatus
milter_packets_next (MilterPackets *packets, MilterCapturePacket *packet, GError **error);
/* The next one is here as a whole: asking for it leaves where they are the bytes of those that were asked for
 * before. */
bool milter_packets_is_near (const MilterPackets *packets);

G_END_DECLS
