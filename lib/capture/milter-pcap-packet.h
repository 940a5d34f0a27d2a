/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-pcap-packet.h: a pcap file as bytes: its heading, and TCP segments as packets.
 *
 * Packets begin with their IP header (link type 101), so that nothing of an Ethernet has to be made up.
 * Times are in nanoseconds.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* what a segment holds at most; an IP packet takes 65,535 bytes with its headers */
#define MILTER_PCAP_MAX_SEGMENT ((gsize) 32 << 10)

/**
 * MilterPcapEnds:
 * @family: 4 or 6
 * @address: by side; those of IPv4 take the first four bytes
 * @port: by side
 *
 * The two ends of a connection.
 */
typedef struct
{
  guint family;
  guint8 address[2][16];
  guint16 port[2];
} MilterPcapEnds;

/**
 * MilterPcapSegment:
 * @flags: as MILTER_TCP_SYN (milter-capture-segment.h)
 * @n_missing: bytes behind @data that are not in the file, as if it had been captured with a snapshot
 *   length
 *
 * What one side says; @data and @n_missing together at most %MILTER_PCAP_MAX_SEGMENT.
 */
typedef struct
{
  MilterSide from;
  guint32 seq, ack;
  guint8 flags;
  MilterBytes data;
  gsize n_missing;
} MilterPcapSegment;

void milter_pcap_append_heading (GByteArray *out);
/* @time_ns: since 1970; what pcap cannot tell is the nearest that it can, from 1970 to 2106 */
void milter_pcap_append_segment (const MilterPcapEnds *ends,
                                 const MilterPcapSegment *segment,
                                 gint64 time_ns,
                                 GByteArray *out);

/* `192.0.2.7:25`, `[2001:db8::7]:25`: sets one side of @ends, and its family. false: it is none of them */
bool milter_pcap_ends_parse (MilterPcapEnds *ends, MilterSide side, const char *text);

G_END_DECLS
