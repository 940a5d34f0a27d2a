/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-pcap-writer.c: what is written is what the reader tells again, to the nanosecond.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "milter-capture-reader.h"
#include "milter-pcap-packet.h"
#include "milter-pcap-writer.h"

#define CAPTURES TEST_DATA_DIR "/captures"

#define MTA    MILTER_SIDE_MTA
#define MILTER MILTER_SIDE_MILTER
#define OFFER  "\0\0\0\15O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"
#define AGREE  "\0\0\0\15O\0\0\0\6\0\0\0\1\0\0\0\0"
#define EOH    "\0\0\0\1N"
#define GO_ON  "\0\0\0\1c"
#define START  1700000000000000000

/* --- all that a sink is told, as text ------------------------------------------------------------ */

static void
begin (GString *log, const MilterCapturePlace *place, const char *what)
{
  g_string_append_printf (log,
                          "%" G_GINT64_FORMAT " %u %s %s",
                          place->moment.time_ns,
                          place->connection,
                          place->from == MTA ? ">" : "<",
                          what);
}

static void
append_bytes (GString *log, MilterBytes bytes)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes.data, bytes.size);

  g_string_append_printf (log, " %zu:%.8s\n", bytes.size, sum);
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  begin (data, place, "open");
  g_string_append_printf (
      data, " %s %s %d\n", opening->mta, opening->milter, (int) opening->from_start);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  begin (data, place, behind_hole ? "frame?" : "frame");
  append_bytes (data, frame);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  begin (data, place, "raw");
  append_bytes (data, bytes);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  begin (data, place, "hole");
  g_string_append_printf (data, " %" G_GINT64_FORMAT "\n", size);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  begin (data, place, reset ? "reset\n" : "close\n");
}

static const MilterCaptureSink log_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
};

static char *
read_bytes (const GByteArray *file)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (&log_sink, log);
  g_autoptr (GError) error = NULL;
  MilterCaptureInput input;

  milter_capture_input_init_bytes (&input, milter_bytes (file->data, file->len));
  cr_assert (milter_capture_reader_read (reader, &input, &error), "%s", error ? error->message : "");
  milter_capture_reader_finish (reader);
  return g_string_free (g_steal_pointer (&log), FALSE);
}

/* --- captures ------------------------------------------------------------------------------------ */

static void
read_file (const char *path, const MilterCaptureSink *sink, gpointer data)
{
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (sink, data);
  MilterCaptureInput input;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  cr_assert_geq (fd, 0, "%s", path);
  milter_capture_input_init (&input, fd);
  (void) milter_capture_reader_read (reader, &input, /* error= */ NULL);
  milter_capture_input_clear (&input);
  close (fd);
  milter_capture_reader_finish (reader);
}

static void
expect_same (const char *name, const char *before, const char *after)
{
  g_auto (GStrv) some = g_strsplit (before, "\n", -1), others = g_strsplit (after, "\n", -1);

  for (gsize i = 0; some[i] != NULL || others[i] != NULL; i++)
    cr_assert (some[i] != NULL && g_strcmp0 (some[i], others[i]) == 0,
               "%s, line %zu: %s, and then %s",
               name,
               i + 1,
               some[i] != NULL ? some[i] : "nothing",
               others[i] != NULL ? others[i] : "nothing");
}

Test (pcap_writer, every_capture_is_the_same_when_it_is_written_and_read)
{
  g_autoptr (GDir) folder = g_dir_open (CAPTURES, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (CAPTURES, name, NULL);
      g_autoptr (GString) before = g_string_new (NULL);
      g_autoptr (GByteArray) file = g_byte_array_new ();
      g_autoptr (MilterPcapWriter) writer = NULL;
      g_autofree char *after = NULL;

      if (!g_str_has_suffix (name, ".pcap") && !g_str_has_suffix (name, ".pcapng"))
        continue;
      read_file (path, &log_sink, before);
      writer = milter_pcap_writer_new (file);
      read_file (path, &milter_pcap_writer_sink, writer);
      after = read_bytes (file);
      expect_same (name, before->str, after);
      n++;
    }
  cr_assert_geq (n, 40);
}

/* --- single events ------------------------------------------------------------------------------- */

typedef struct
{
  GByteArray *file;
  MilterPcapWriter *writer;
} Fixture;

static Fixture
setup (void)
{
  Fixture fixture = { .file = g_byte_array_new () };

  fixture.writer = milter_pcap_writer_new (fixture.file);
  return fixture;
}

static void
say (const Fixture *fixture, guint connection, MilterSide from, const void *bytes, gsize size, gint64 time)
{
  milter_pcap_writer_passed (
      fixture->writer, connection, from, milter_bytes (bytes, size), START + time);
}

static void
open_connection (const Fixture *fixture, guint connection, const char *mta, const char *milter)
{
  milter_pcap_writer_opened (
      fixture->writer, connection, &(MilterCaptureOpening){ mta, milter, true }, START);
  say (fixture, connection, MTA, OFFER, sizeof OFFER - 1, 1);
  say (fixture, connection, MILTER, AGREE, sizeof AGREE - 1, 2);
}

/* reads all, without the two lines of the negotiation and without sums of bytes */
static void
expect (Fixture *fixture, const char *wanted)
{
  g_autofree char *log = read_bytes (fixture->file);
  g_autoptr (GRegex) sums = g_regex_new ("^.* frame 17:.*\n|^1700000000|:[0-9a-f]{8}$", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *got = g_regex_replace_literal (sums, log, -1, 0, "", 0, NULL);

  cr_assert_str_eq (got, wanted, "%s", got);
  milter_pcap_writer_free (fixture->writer);
  g_byte_array_unref (fixture->file);
}

Test (pcap_writer, ends_without_an_address_get_one_of_the_loopback_network)
{
  Fixture fixture = setup ();

  open_connection (&fixture, 1, "unix:", "unix:/run/a");
  open_connection (&fixture, 2, NULL, "unix:/run/b");
  open_connection (&fixture, 3, "unix:", "unix:/run/a");
  open_connection (&fixture, 4, "127.0.0.1:5000", "unix:/run/a");
  open_connection (&fixture, 5, "127.0.0.1:5000", "[::1]:25");
  open_connection (&fixture, 6, "[::1]:5000", "[::1]:25");
  open_connection (&fixture, 7, "127.0.0.1:5000", NULL);
  open_connection (&fixture, 16385, NULL, NULL);
  expect (&fixture,
          "000000000 1 > open 127.1.0.1:49152 127.2.0.1:8890 1\n"
          "000000000 2 > open 127.1.0.1:49153 127.2.0.2:8890 1\n"
          "000000000 3 > open 127.1.0.1:49154 127.2.0.1:8890 1\n"
          "000000000 4 > open 127.1.0.1:49155 127.2.0.1:8890 1\n"
          "000000000 5 > open 127.1.0.1:49156 127.2.0.3:8890 1\n"
          "000000000 6 > open [::1]:5000 [::1]:25 1\n"
          "000000000 7 > open 127.1.0.1:49158 127.2.0.4:8890 1\n"
          "000000000 8 > open 127.1.0.2:49152 127.2.0.4:8890 1\n");
}

Test (pcap_writer, ends_and_resets_of_either_side)
{
  Fixture fixture = setup ();

  for (guint n = 1; n <= 4; n++)
    open_connection (&fixture, n, NULL, NULL);
  milter_pcap_writer_closed (fixture.writer, 1, MTA, false, START + 10);
  say (&fixture, 1, MILTER, GO_ON, 5, 11);
  say (&fixture, 1, MTA, EOH, 5, 12); /* who has closed says nothing */
  milter_pcap_writer_closed (fixture.writer, 1, MTA, false, START + 13);
  milter_pcap_writer_closed (fixture.writer, 1, MILTER, false, START + 14);
  say (&fixture, 1, MILTER, GO_ON, 5, 15);
  milter_pcap_writer_closed (fixture.writer, 2, MILTER, true, START + 16);
  say (&fixture, 2, MTA, EOH, 5, 17);
  milter_pcap_writer_closed (fixture.writer, 3, MILTER, false, START + 18);
  say (&fixture, 3, MTA, EOH, 5, 19);
  milter_pcap_writer_closed (fixture.writer, 3, MILTER, true, START + 20);
  say (&fixture, 4, MTA, EOH, 3, 21); /* in the middle of a frame */
  milter_pcap_writer_closed (fixture.writer, 4, MTA, false, START + 22);
  milter_pcap_writer_closed (fixture.writer, 9, MTA, false, START + 23);
  expect (&fixture,
          "000000000 1 > open 127.1.0.1:49152 127.2.0.1:8890 1\n"
          "000000000 2 > open 127.1.0.1:49153 127.2.0.1:8890 1\n"
          "000000000 3 > open 127.1.0.1:49154 127.2.0.1:8890 1\n"
          "000000000 4 > open 127.1.0.1:49155 127.2.0.1:8890 1\n"
          "000000010 1 > close\n"
          "000000011 1 < frame 5\n"
          "000000014 1 < close\n"
          "000000016 2 < reset\n"
          "000000018 3 < close\n"
          "000000019 3 > frame 5\n"
          "000000020 3 < reset\n"
          "000000022 4 > raw 3\n"
          "000000022 4 > close\n");
}

Test (pcap_writer, a_pair_of_ports_is_used_again)
{
  Fixture fixture = setup ();

  for (guint n = 1; n <= 2; n++)
    {
      open_connection (&fixture, n, "127.0.0.1:5000", "127.0.0.1:25");
      milter_pcap_writer_closed (fixture.writer, n, MTA, n == 2, START + n);
    }
  expect (&fixture,
          "000000000 1 > open 127.0.0.1:5000 127.0.0.1:25 1\n"
          "000000001 1 > close\n"
          "000000000 2 > open 127.0.0.1:5000 127.0.0.1:25 1\n"
          "000000002 2 > reset\n");
}

Test (pcap_writer, what_a_packet_does_not_hold_is_cut_and_one_frame_again)
{
  Fixture fixture = setup ();
  gsize size = 4 * MILTER_PCAP_MAX_SEGMENT + 1;
  g_autofree guint8 *frame = g_malloc0 (size + 4);

  frame[0] = (guint8) (size >> 24);
  frame[1] = (guint8) (size >> 16);
  frame[2] = (guint8) (size >> 8);
  frame[3] = (guint8) size;
  frame[4] = 'b';
  open_connection (&fixture, 1, NULL, NULL);
  say (&fixture, 1, MILTER, frame, size + 4, 5);
  say (&fixture, 1, MTA, EOH, 2, 6);
  say (&fixture, 1, MTA, &EOH[2], 3, 7);
  expect (&fixture,
          "000000000 1 > open 127.1.0.1:49152 127.2.0.1:8890 1\n"
          "000000005 1 < frame 131077\n"
          "000000007 1 > frame 5\n");
}

Test (pcap_writer, holes_of_every_size)
{
  static const gint64 sizes[] = { 1, 32768, 32769, 32 << 20, (32 << 20) + 1, G_MAXINT64, MILTER_HOLE_UNKNOWN };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      Fixture fixture = setup ();
      g_autofree char *wanted = NULL;
      gint64 size = sizes[i] > 32 << 20 ? MILTER_HOLE_UNKNOWN : sizes[i];

      open_connection (&fixture, 1, NULL, NULL);
      milter_pcap_writer_lost (fixture.writer, 1, MTA, 0, START + 6);
      milter_pcap_writer_lost (fixture.writer, 1, MTA, sizes[i], START + 7);
      say (&fixture, 1, MTA, EOH, 5, 7);
      say (&fixture, 1, MILTER, GO_ON, 5, 8);
      wanted = g_strdup_printf ("000000000 1 > open 127.1.0.1:49152 127.2.0.1:8890 1\n"
                                "000000007 1 > hole %" G_GINT64_FORMAT "\n"
                                "000000007 1 > frame? 5\n"
                                "000000008 1 < frame 5\n",
                                size);
      expect (&fixture, wanted);
    }
}
