/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-capture.c: how fast a capture becomes sessions: our reader, with a sink that counts.
 *
 * usage: read-capture FILE...
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "milter-capture-reader.h"

typedef struct
{
  guint64 n_frames, n_messages, n_holes, n_raw;
} Counts;

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  Counts *counts = data;

  counts->n_frames++;
  counts->n_messages
      += place->from == MILTER_SIDE_MTA && frame.data[4] == MILTER_COMMAND_END_OF_MESSAGE;
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  ((Counts *) data)->n_holes++;
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  ((Counts *) data)->n_raw++;
}

int
main (int argc, char **argv)
{
  static const MilterCaptureSink sink = { .message = on_message, .hole = on_hole, .raw = on_raw };
  Counts counts = { 0 };
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (&sink, &counts);
  gint64 begin_us = g_get_monotonic_time ();
  struct rusage usage;

  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GError) error = NULL;
      int fd = open (argv[i], O_RDONLY | O_CLOEXEC);
      MilterCaptureInput input;
      gboolean ok;

      milter_capture_input_init (&input, fd);
      ok = milter_capture_reader_read (reader, &input, &error);
      milter_capture_input_clear (&input);
      close (fd);
      if (!ok)
        {
          fprintf (stderr, "%s: %s\n", argv[i], error->message);
          return 2;
        }
    }
  milter_capture_reader_finish (reader);
  getrusage (RUSAGE_SELF, &usage);
  printf ("seconds=%.4f frames=%" G_GUINT64_FORMAT " messages=%" G_GUINT64_FORMAT
          " connections=%u holes=%" G_GUINT64_FORMAT " raw=%" G_GUINT64_FORMAT " rss_kb=%ld\n",
          (double) (g_get_monotonic_time () - begin_us) / 1e6,
          counts.n_frames,
          counts.n_messages,
          milter_capture_reader_get_n_milters (reader),
          counts.n_holes,
          counts.n_raw,
          usage.ru_maxrss);
  return 0;
}
