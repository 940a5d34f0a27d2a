/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-packets.c: which format a file has, and what is wrong with it.
 */
#include "milter-capture-packets-private.h"

#include <stdarg.h>
#include <string.h>

G_DEFINE_QUARK (milter-capture-error-quark, milter_capture_error)

/* what else people hand over */
static const struct
{
  guint8 magic[4];
  guint size;
  const char *what;
} strangers[] = {
  { { 0x1f, 0x8b }, 2, "compressed with gzip; unpack it first, as with: zcat FILE | milter-replay show -" },
  { { 0x28, 0xb5, 0x2f, 0xfd }, 4, "compressed with zstd; unpack it first, as with: zstdcat FILE | milter-replay show -" },
  { { 0xfd, '7', 'z', 'X' }, 4, "compressed with xz; unpack it first, as with: xzcat FILE | milter-replay show -" },
  { { 'B', 'Z', 'h' }, 3, "compressed with bzip2; unpack it first, as with: bzcat FILE | milter-replay show -" },
};

static bool
set_read_error (const MilterPackets *packets, GError **error)
{
  if (packets->input->error == 0)
    return false;
  g_set_error_literal (
      error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_READ, g_strerror (packets->input->error));
  return true;
}

MilterPacketsStatus
milter_packets_cut (const MilterPackets *packets, GError **error)
{
  if (!set_read_error (packets, error))
    g_set_error (error,
                 MILTER_CAPTURE_ERROR,
                 MILTER_CAPTURE_ERROR_CUT,
                 "frame %" G_GUINT64_FORMAT ": the file ends in the middle of it",
                 packets->number + 1);
  return MILTER_PACKETS_ERROR;
}

MilterPacketsStatus
milter_packets_damaged (const MilterPackets *packets, GError **error, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list arguments;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error,
               MILTER_CAPTURE_ERROR,
               MILTER_CAPTURE_ERROR_DAMAGED,
               "frame %" G_GUINT64_FORMAT ": %s; nothing behind it can be read",
               packets->number + 1,
               what);
  return MILTER_PACKETS_ERROR;
}

static void
set_format_error (const MilterPackets *packets, const guint8 *magic, GError **error)
{
  const char *what = "no capture: it begins neither as pcap nor as pcapng";

  if (set_read_error (packets, error))
    return;
  if (packets->input->left == 0)
    what = "empty";
  for (gsize i = 0; magic != NULL && i < G_N_ELEMENTS (strangers); i++)
    if (memcmp (magic, strangers[i].magic, strangers[i].size) == 0)
      what = strangers[i].what;
  g_set_error (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_FORMAT, "the file is %s", what);
}

MilterPackets *
milter_packets_open (MilterCaptureInput *input, GError **error)
{
  g_autoptr (MilterPackets) packets = g_new0 (MilterPackets, 1);
  g_autoptr (GError) cause = NULL;
  const guint8 *magic;

  packets->input = input;
  magic = milter_capture_input_peek (input, 4);
  if (magic != NULL
      && (milter_packets_open_pcap (packets, &cause)
          || (cause == NULL && milter_packets_open_pcapng (packets, &cause))))
    return g_steal_pointer (&packets);
  if (cause != NULL)
    g_propagate_error (error, g_steal_pointer (&cause));
  else
    set_format_error (packets, magic, error);
  return NULL;
}

void
milter_packets_free (MilterPackets *packets)
{
  if (packets == NULL)
    return;
  g_clear_pointer (&packets->interfaces, g_array_unref);
  g_free (packets);
}

MilterPacketsStatus
milter_packets_next (MilterPackets *packets, MilterCapturePacket *packet, GError **error)
{
  return packets->next (packets, packet, error);
}

bool
milter_packets_is_near (const MilterPackets *packets)
{
  return packets->is_near (packets);
}
