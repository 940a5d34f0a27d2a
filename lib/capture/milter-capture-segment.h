/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-segment.h: the TCP segment in a packet, whatever it is wrapped in.
 */
#pragma once

#include <string.h>

#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterFlowKey:
 * @hash: of all before it, by milter_flow_hash()
 *
 * The two ends of a connection, the smaller one first, so that both directions have the same key. An
 * IPv4 address takes the first four bytes. All bytes count, so that keys can be compared as memory.
 */
typedef struct
{
  guint8 address[2][16];
  guint16 port[2];
  guint32 family; /* 4 or 6 */
  guint64 hash;
} MilterFlowKey;

/* Of addresses of 4 or 16 bytes, as they stand in the packet: what was just written into a key byte by
 * byte is read slowly in words. */
static inline guint64
milter_flow_hash (const guint8 *smaller,
                  const guint8 *greater,
                  gsize size,
                  guint smaller_port,
                  guint greater_port)
{
  guint64 hash = (guint64) smaller_port << 16 | greater_port;
  guint32 words[2];

  for (gsize i = 0; i < size; i += sizeof words[0])
    {
      memcpy (&words[0], smaller + i, sizeof words[0]);
      memcpy (&words[1], greater + i, sizeof words[1]);
      hash = hash * 0x9e3779b97f4a7c15u ^ ((guint64) words[0] << 32 | words[1]);
    }
  hash *= 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 32;
}

#define MILTER_TCP_FIN 0x01
#define MILTER_TCP_SYN 0x02
#define MILTER_TCP_RST 0x04
#define MILTER_TCP_PSH 0x08
#define MILTER_TCP_ACK 0x10

/**
 * MilterSegment:
 * @end: which end of @key sent it, 0 or 1
 * @data: what was captured of its bytes
 * @length: how many there were
 */
typedef struct
{
  MilterFlowKey key;
  guint end;
  guint32 seq;
  guint32 ack;
  guint8 flags;
  MilterBytes data;
  gsize length;
} MilterSegment;

/**
 * MilterPacketKind: what a packet is
 */
typedef enum
{
  MILTER_PACKET_TCP,
  MILTER_PACKET_OTHER,        /* no TCP over IP, or nonsense */
  MILTER_PACKET_FRAGMENT,     /* a part of an IP packet: its ports or its bytes are elsewhere */
  MILTER_PACKET_CUT,          /* the headers were not captured whole */
  MILTER_PACKET_UNKNOWN_LINK  /* nobody knows where its IP packet begins */
} MilterPacketKind;

/* @data, @length: of the packet, as captured and as it was. Sets @segment for TCP only. */
MilterPacketKind milter_segment_read (guint link_type,
                                      MilterBytes data,
                                      gsize length,
                                      MilterSegment *segment);

/* bytes of an end as text, with the last one: 45 of an address, 2 of brackets, 6 of a port */
#define MILTER_FLOW_END_SIZE 56u
/* … which is written here; see below */
void milter_flow_key_write_end (const MilterFlowKey *key, guint end, char *text);
/* an end as text: `192.0.2.7:25`, `[2001:db8::7]:25` (transfer full) */
char *milter_flow_key_end_to_string (const MilterFlowKey *key, guint end);

G_END_DECLS
