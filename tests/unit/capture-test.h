/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture-test.h: for tests: packets and captures, built by hand.
 */
#pragma once

#include "milter-capture-segment.h"
#include "milter-capture-sink.h"

/* one end talks from 192.0.2.1:40000, the other from 192.0.2.2:8891 */
#define TEST_MTA_PORT    40000
#define TEST_MILTER_PORT 8891

/* a segment of TCP */
typedef struct
{
  MilterSide from;
  guint32 seq, ack;
  guint8 flags;
  MilterBytes data;
} TestSegment;

/* appends an IPv4 packet with the segment */
void test_append_ipv4 (GByteArray *out, const TestSegment *segment);
/* appends a heading of pcap (our byte order, microseconds), and packets */
void test_append_pcap_header (GByteArray *out, guint32 link_type);
void test_append_pcap_packet (GByteArray *out, guint32 time_s, MilterBytes packet, gsize length);
/* numbers in the byte order of this machine */
void test_append_u16 (GByteArray *out, guint number);
void test_append_u32 (GByteArray *out, guint32 number);

/* a frame of the protocol (transfer full) */
GByteArray *test_frame (guint8 letter, const void *payload, gsize size);

/* What a sink is told, a line each: `open 1`, `1 > M`, `1 < c`, `1 > hole 20`, `1 > raw 3`, `1 > close`,
 * `note`; behind a hole `1 > M?`. @data of the sink: a GString */
extern const MilterCaptureSink test_sink;
