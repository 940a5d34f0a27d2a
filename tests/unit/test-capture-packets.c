/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-packets.c: what both formats hold, held against libpcap where that can read a file; and
 * what is damaged.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBPCAP
#include <pcap/pcap.h>
#endif

#include "capture-test.h"
#include "milter-capture-packets.h"

#define CAPTURES TEST_DATA_DIR "/captures"

/* all packets; returns how it ended: NULL at the end of the file */
static GError *
read_all (MilterBytes file, GArray *found)
{
  MilterCaptureInput input;
  MilterCapturePacket packet;
  MilterPacketsStatus status;
  g_autoptr (MilterPackets) packets = NULL;
  GError *error = NULL;

  milter_capture_input_init_bytes (&input, file);
  packets = milter_packets_open (&input, &error);
  if (packets == NULL)
    return error;
  while ((status = milter_packets_next (packets, &packet, &error)) == MILTER_PACKETS_ONE)
    g_array_append_val (found, packet);
  cr_assert_eq (status == MILTER_PACKETS_ERROR, error != NULL);
  return error;
}

static GArray *
new_list (void)
{
  return g_array_new (FALSE, FALSE, sizeof (MilterCapturePacket));
}

#ifdef HAVE_LIBPCAP
static guint
compare_with_libpcap (const char *path)
{
  g_autofree char *content = NULL;
  g_autoptr (GArray) found = new_list ();
  g_autoptr (GError) error = NULL;
  char message[PCAP_ERRBUF_SIZE];
  struct pcap_pkthdr *header;
  const guint8 *data;
  pcap_t *pcap;
  gsize size;
  guint n = 0;

  cr_assert (g_file_get_contents (path, &content, &size, NULL));
  error = read_all (milter_bytes (content, size), found);
  pcap = pcap_open_offline_with_tstamp_precision (path, PCAP_TSTAMP_PRECISION_NANO, message);
  if (pcap == NULL)
    return 0;
  while (pcap_next_ex (pcap, &header, &data) == 1)
    {
      const MilterCapturePacket *packet;

      cr_assert_lt (n, found->len, "%s", path);
      packet = &g_array_index (found, MilterCapturePacket, n++);
      cr_assert_eq (packet->number, n);
      cr_assert_eq (packet->time_ns, header->ts.tv_sec * 1000000000 + header->ts.tv_usec, "%s", path);
      cr_assert_eq (packet->length, header->len);
      cr_assert_eq (packet->data.size, header->caplen);
      cr_assert_arr_eq (packet->data.data, data, header->caplen);
    }
  if (n > 0)
    cr_assert_eq (n, found->len, "%s", path);
  pcap_close (pcap);
  return n > 0;
}

Test (capture_packets, captures_hold_what_libpcap_finds)
{
  GDir *folder = g_dir_open (CAPTURES, 0, NULL);
  const char *name;
  guint n = 0;

  cr_assert_not_null (folder);
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (CAPTURES, name, NULL);

      /* libpcap refuses the odd one after some packets */
      if ((g_str_has_suffix (name, ".pcap") || g_str_has_suffix (name, ".pcapng"))
          && !g_str_has_prefix (name, "45-"))
        n += compare_with_libpcap (path);
    }
  g_dir_close (folder);
  cr_assert_geq (n, 40);
}
#endif

Test (capture_packets, sections_and_interfaces_of_all_kinds)
{
  g_autofree char *content = NULL;
  g_autoptr (GArray) found = new_list ();
  gsize size;
  guint n_raw = 0, n_ethernet = 0;

  cr_assert (g_file_get_contents (CAPTURES "/45-odd-blocks.pcapng", &content, &size, NULL));
  cr_assert_null (read_all (milter_bytes (content, size), found));
  cr_assert_gt (found->len, 100);
  for (guint i = 0; i < found->len; i++)
    {
      const MilterCapturePacket *packet = &g_array_index (found, MilterCapturePacket, i);

      n_ethernet += packet->link_type == 1;
      n_raw += packet->link_type == 101;
      /* in 2026, whatever their unit was */
      cr_assert_eq (packet->time_ns / 1000000000 / 86400 / 365, 56, "frame %u", i + 1);
    }
  cr_assert_gt (n_raw, 10);
  cr_assert_gt (n_ethernet, 10);
  cr_assert_eq (n_raw + n_ethernet, found->len);
}

Test (capture_packets, a_file_that_is_cut_gives_all_before)
{
  static const char *const names[] = { "01-opendkim-sign.pcap", "45-odd-blocks.pcapng" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (CAPTURES, names[i], NULL);
      g_autofree char *content = NULL;
      guint n_before = 0;
      gsize size;

      cr_assert (g_file_get_contents (path, &content, &size, NULL));
      for (gsize cut = 0; cut <= size; cut++)
        {
          g_autofree guint8 *copy = g_malloc (cut);
          g_autoptr (GArray) found = new_list ();
          g_autoptr (GError) error = NULL;

          if (cut > 0)
            memcpy (copy, content, cut);
          error = read_all (milter_bytes (copy, cut), found);
          cr_assert_geq (found->len, n_before);
          n_before = found->len;
          if (error == NULL || cut < 24)
            continue;
          cr_assert (g_error_matches (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_CUT),
                     "%s cut at %zu: %s",
                     names[i],
                     cut,
                     error->message);
        }
    }
}

/* a capture with one packet of 4 bytes, and a wrong number at some place */
static void
append_small_pcapng (GByteArray *out)
{
  static const guint32 words[] = {
    0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28, /* section */
    1, 20, 101, 0, 20,                                         /* interface */
    6, 36, 0, 0, 1000000, 4, 4, 0x11223344, 36,                /* packet */
  };

  g_byte_array_append (out, (const guint8 *) words, sizeof words);
}

Test (capture_packets, damaged_blocks_are_told_with_their_frame)
{
  static const struct
  {
    guint word;
    guint32 value;
    const char *message;
  } rows[] = {
    { 1, 27, "a block of 27 bytes" },
    { 8, 8, "a block of 8 bytes" },
    { 8, 0xfffffff0, "a block of 4294967280 bytes" },
    { 11, 24, "does not end with its length" },
    { 14, 7, "interface 7, which is not described" },
    { 17, 5, "5 bytes in a block" },
    { 17, 0xffffffff, "in a block" },
    { 13, 12, "which does not end with its length" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) file = g_byte_array_new ();
      g_autoptr (GArray) found = new_list ();
      g_autoptr (GError) error = NULL;

      append_small_pcapng (file);
      memcpy (file->data + 4 * rows[i].word, &rows[i].value, 4);
      error = read_all (milter_bytes (file->data, file->len), found);
      cr_assert (g_error_matches (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_DAMAGED)
                     || rows[i].word == 13,
                 "row %zu: %s",
                 i,
                 error != NULL ? error->message : "no error");
      cr_assert_not_null (strstr (error->message, "frame 1: "), "%s", error->message);
      if (rows[i].word != 13)
        cr_assert_not_null (strstr (error->message, rows[i].message), "%s", error->message);
    }
}

Test (capture_packets, a_length_that_no_packet_has)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autoptr (GArray) found = new_list ();
  g_autoptr (GError) error = NULL;

  test_append_pcap_header (file, 101);
  test_append_pcap_packet (file, 1, milter_bytes ("1234", 4), 4);
  test_append_u32 (file, 1);
  test_append_u32 (file, 0);
  test_append_u32 (file, 0x7fffffff);
  test_append_u32 (file, 0x7fffffff);
  error = read_all (milter_bytes (file->data, file->len), found);
  cr_assert (g_error_matches (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_DAMAGED));
  cr_assert_str_eq (error->message,
                    "frame 2: a length of 2147483647 bytes, which no packet has; nothing behind it "
                    "can be read");
  cr_assert_eq (found->len, 1);
}

Test (capture_packets, files_that_were_joined_are_told)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autoptr (GArray) found = new_list ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      test_append_pcap_header (file, 101);
      test_append_pcap_packet (file, 1, milter_bytes ("1234", 4), 4);
    }
  error = read_all (milter_bytes (file->data, file->len), found);
  cr_assert (g_error_matches (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_DAMAGED));
  cr_assert_str_eq (error->message,
                    "frame 2: another file begins here; several are not joined but given one by one; "
                    "nothing behind it can be read");
  cr_assert_eq (found->len, 1);
}

Test (capture_packets, what_is_no_capture_is_told)
{
  static const struct
  {
    MilterBytes file;
    const char *message;
  } rows[] = {
    { MILTER_BYTES_INIT (""), "the file is empty" },
    { MILTER_BYTES_INIT ("abc"), "the file is no capture: it begins neither as pcap nor as pcapng" },
    { MILTER_BYTES_INIT ("session x\n"), "the file is no capture: it begins neither as pcap nor as pcapng" },
    { MILTER_BYTES_INIT ("\x1f\x8b\x08\x00"), "the file is compressed with gzip; unpack it first, as with: zcat FILE | milter-replay show -" },
    { MILTER_BYTES_INIT ("\x0a\x0d\x0d\x0a\0\0\0\x1c\1\2\3\4"), "the file is no capture: it begins neither as pcap nor as pcapng" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GArray) found = new_list ();
      g_autoptr (GError) error = read_all (rows[i].file, found);

      cr_assert (g_error_matches (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_FORMAT));
      cr_assert_str_eq (error->message, rows[i].message);
    }
}

Test (capture_packets, units_and_offsets_of_time)
{
  static const struct
  {
    guint8 resolution;
    gint64 offset;
    guint64 time;
    gint64 expected_ns;
  } rows[] = {
    { 6, 0, 1000001, 1000001000 },
    { 9, 0, 1000000001, 1000000001 },
    { 3, 10, 1500, 11500000000 },
    { 0, 0, 3, 3000000000 },
    { 0x80 | 10, 0, 1536, 1500000000 },
    { 12, 0, 1500000000000, 1500000000 },
    { 6, -1, 2000000, 1000000000 },
    /* what cannot be a time is none */
    { 127, 0, 5, 0 },
    { 0, 0, G_MAXUINT64, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) file = g_byte_array_new ();
      g_autoptr (GArray) found = new_list ();
      const guint32 section[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28, 1, 40, 101, 0 };
      const guint32 packet[] = { 40, 6, 32, 0, (guint32) (rows[i].time >> 32), (guint32) rows[i].time, 0, 0, 32 };

      g_byte_array_append (file, (const guint8 *) section, sizeof section);
      test_append_u16 (file, 9);
      test_append_u16 (file, 1);
      g_byte_array_append (file, (const guint8[]){ rows[i].resolution, 0, 0, 0 }, 4);
      test_append_u16 (file, 14);
      test_append_u16 (file, 8);
      g_byte_array_append (file, (const guint8 *) &rows[i].offset, 8);
      g_byte_array_append (file, (const guint8 *) packet, sizeof packet);
      cr_assert_null (read_all (milter_bytes (file->data, file->len), found), "row %zu", i);
      cr_assert_eq (found->len, 1);
      cr_assert_eq (g_array_index (found, MilterCapturePacket, 0).time_ns, rows[i].expected_ns, "row %zu", i);
    }
}

#define N_MANY    3000u
#define MANY_SIZE 100u

static void
append_words (GByteArray *file, const guint32 *words, gsize n)
{
  g_byte_array_append (file, (const guint8 *) words, (guint) (n * sizeof *words));
}

/* packets whose bytes are all their number's lowest, more than are read at once */
static GByteArray *
make_many (bool pcapng)
{
  static const guint32 pcap_heading[] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1 };
  static const guint32 pcapng_heading[]
      = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28, 1, 20, 1, 0, 20 };
  GByteArray *file = g_byte_array_new ();
  guint8 data[MANY_SIZE];

  if (pcapng)
    append_words (file, pcapng_heading, G_N_ELEMENTS (pcapng_heading));
  else
    append_words (file, pcap_heading, G_N_ELEMENTS (pcap_heading));
  for (guint n = 1; n <= N_MANY; n++)
    {
      memset (data, (int) n, sizeof data);
      if (pcapng)
        append_words (file, (guint32[]){ 6, MANY_SIZE + 32, 0, 0, 0, MANY_SIZE, MANY_SIZE }, 7);
      else
        append_words (file, (guint32[]){ 0, 0, MANY_SIZE, MANY_SIZE }, 4);
      g_byte_array_append (file, data, sizeof data);
      if (pcapng)
        append_words (file, (guint32[]){ MANY_SIZE + 32 }, 1);
    }
  return file;
}

static int
open_content (const GByteArray *content)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp (NULL, &path, NULL);

  cr_assert_geq (fd, 0);
  g_unlink (path);
  cr_assert_eq (write (fd, content->data, content->len), (gssize) content->len);
  cr_assert_eq (lseek (fd, 0, SEEK_SET), 0);
  return fd;
}

Test (capture_packets, one_that_is_near_leaves_those_before_it_where_they_are)
{
  for (int pcapng = 0; pcapng < 2; pcapng++)
    {
      g_autoptr (GByteArray) content = make_many (pcapng);
      g_autoptr (MilterPackets) packets = NULL;
      g_autoptr (GError) error = NULL;
      int fd = open_content (content);
      MilterCapturePacket packet, first = { 0 };
      MilterCaptureInput input;
      guint n_far = 0;

      milter_capture_input_init (&input, fd);
      packets = milter_packets_open (&input, &error);
      cr_assert_null (error);
      for (guint n = 1; n <= N_MANY; n++)
        {
          bool near = n > 1 && milter_packets_is_near (packets);

          cr_assert_eq (milter_packets_next (packets, &packet, &error), MILTER_PACKETS_ONE);
          n_far += !near;
          if (!near)
            first = packet;
          for (guint i = 0; i < MANY_SIZE; i++)
            cr_assert_eq (first.data.data[i], (guint8) first.number, "packet %u", n);
        }
      /* near is what is in the buffer */
      cr_assert (n_far > 1 && n_far < 20, "%u", n_far);
      cr_assert_not (milter_packets_is_near (packets));
      cr_assert_eq (milter_packets_next (packets, &packet, &error), MILTER_PACKETS_OVER);
      milter_capture_input_clear (&input);
      close (fd);
    }
}
