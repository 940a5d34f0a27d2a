/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-pcap.c: recordings to captures.
 */
#include "convert-format.h"
#include "milter-pcap-writer.h"

typedef struct
{
  ConvertOutput *output; /* unowned */
  GByteArray *bytes;
  MilterPcapWriter *writer; /* (nullable) until something happens */
} Capture;

static gpointer
begin (ConvertOutput *output, const ConvertOptions *options)
{
  Capture *capture = g_new0 (Capture, 1);

  capture->output = output;
  capture->bytes = g_byte_array_new ();
  return capture;
}

static void
flush (Capture *capture)
{
  if (capture->bytes->len > 0)
    convert_output_write (capture->output, capture->bytes->data, capture->bytes->len);
  g_byte_array_set_size (capture->bytes, 0);
}

static bool
end (gpointer state)
{
  Capture *capture = state;

  flush (capture);
  milter_pcap_writer_free (capture->writer);
  g_byte_array_unref (capture->bytes);
  g_free (capture);
  return true;
}

static MilterPcapWriter *
writer_of (Capture *capture)
{
  if (capture->writer == NULL)
    capture->writer = milter_pcap_writer_new (capture->bytes);
  if (capture->bytes->len >= CONVERT_OUTPUT_PIECE)
    flush (capture);
  return capture->writer;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  milter_pcap_writer_sink.opened (place, opening, writer_of (data));
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  milter_pcap_writer_sink.message (place, frame, behind_hole, writer_of (data));
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  milter_pcap_writer_sink.raw (place, bytes, writer_of (data));
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  milter_pcap_writer_sink.hole (place, size, letter, writer_of (data));
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  milter_pcap_writer_sink.closed (place, reset, writer_of (data));
}

static const MilterCaptureSink pcap_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .note = convert_tell_note,
};

const ConvertFormat convert_format_pcap = {
  .name = "pcap",
  .suffix = ".pcap",
  .sink = &pcap_sink,
  .begin = begin,
  .end = end,
};
