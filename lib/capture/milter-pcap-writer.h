/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-pcap-writer.h: what passed between MTAs and milters, as a capture.
 *
 * Each connection becomes one of TCP, with its handshake, numbers, acknowledgements and ends, which
 * Wireshark, tcpdump and our own reader take for what was captured. What is written is told in the order in
 * which it came, with its times; a frame of the reader is a frame again.
 *
 * Ends that are no TCP addresses, as those of unix sockets, stand for themselves on the loopback network, both of
 * them: MTAs are 127.1.0.1 and its followers, each connection with a port of its own from 49152 on, and
 * milters 127.2.0.1, 127.2.0.2 …, one for each name, at port 8890.
 *
 * A hole of known size is a packet that was cut by the snapshot length, or a jump of the numbers if it is larger
 * than a packet; one of unknown size is a jump by %MILTER_PCAP_JUMP, which our reader takes for just that.
 */
#pragma once

#include "milter-capture-sink.h"

G_BEGIN_DECLS

/* farther than any window reaches: nobody can tell what is missing */
#define MILTER_PCAP_JUMP ((guint32) 1 << 30)

typedef struct _MilterPcapWriter MilterPcapWriter;

/* @out: where bytes are appended, whole packets; the caller empties it whenever it likes. The heading is
 * written at once. Nothing is held back: what was told is there. */
MilterPcapWriter *milter_pcap_writer_new (GByteArray *out);
void milter_pcap_writer_free (MilterPcapWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterPcapWriter, milter_pcap_writer_free)

/* @time_ns: nanoseconds since 1970. @connection: from 1, never used again while it is open. Nothing is
 * written of one that was not opened, or is over. */
void milter_pcap_writer_opened (MilterPcapWriter *writer,
                                guint connection,
                                const MilterCaptureOpening *opening,
                                gint64 time_ns);
/* bytes of one side, cut anywhere */
void milter_pcap_writer_passed (MilterPcapWriter *writer,
                                guint connection,
                                MilterSide from,
                                MilterBytes bytes,
                                gint64 time_ns);
/* @size bytes of one side are missing, or MILTER_HOLE_UNKNOWN */
void milter_pcap_writer_lost (MilterPcapWriter *writer,
                              guint connection,
                              MilterSide from,
                              gint64 size,
                              gint64 time_ns);
/* This side has closed, or reset. A connection is over when both have closed, or one has reset it. */
void milter_pcap_writer_closed (
    MilterPcapWriter *writer, guint connection, MilterSide by, bool reset, gint64 time_ns);

/* the same as a sink; its data is a MilterPcapWriter. Remarks are not written: a capture has no place for them. */
extern const MilterCaptureSink milter_pcap_writer_sink;

G_END_DECLS
