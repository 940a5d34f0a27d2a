/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-reader.h: the milter sessions in captures.
 *
 * Packets in, what MTAs and milters said out: in a memory that depends on how many connections are open
 * at a time, not on the length of the capture. Milter connections are those that speak the protocol, on
 * whatever port; all others are passed over.
 */
#pragma once

#include "milter-capture-error.h"
#include "milter-capture-input.h"
#include "milter-capture-sink.h"

G_BEGIN_DECLS

typedef struct _MilterCaptureReader MilterCaptureReader;

/* @sink: lives as long as the reader; @data: for its functions */
MilterCaptureReader *milter_capture_reader_new (const MilterCaptureSink *sink, gpointer data);
void milter_capture_reader_free (MilterCaptureReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterCaptureReader, milter_capture_reader_free)

/* Reads a file to its end. Files that follow each other, as tcpdump -C writes them, are one capture:
 * connections go on from one to the next, and frames are counted in each file. FALSE, with an error of
 * the domain MILTER_CAPTURE_ERROR: not to its end, or not at all. */
gboolean milter_capture_reader_read (MilterCaptureReader *reader,
                                     MilterCaptureInput *input,
                                     GError **error);
/* There are no more: tells what is left of all connections, once. */
void milter_capture_reader_finish (MilterCaptureReader *reader);

/* A number for a connection that is told to the same sink by another reader: @wanted, if it is above all
 * that there were, or the next one. */
guint milter_capture_reader_number_connection (MilterCaptureReader *reader, guint wanted);

/* what has been read so far: packets, TCP connections, milter connections among them */
guint64 milter_capture_reader_get_n_packets (const MilterCaptureReader *reader);
guint milter_capture_reader_get_n_connections (const MilterCaptureReader *reader);
guint milter_capture_reader_get_n_milters (const MilterCaptureReader *reader);

G_END_DECLS
