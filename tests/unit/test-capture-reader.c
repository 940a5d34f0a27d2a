/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-reader.c: captures built by hand: what a sink is told of them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "capture-test.h"
#include "milter-capture-reader.h"

/* a segment of the conversation; numbers count from 1000 (MTA) and 5000 */
typedef struct
{
  MilterSide from;
  guint seq, ack;
  guint8 flags;
  MilterBytes data;
} Row;

#define MTA    MILTER_SIDE_MTA
#define MILTER MILTER_SIDE_MILTER
#define SYN    MILTER_TCP_SYN
#define FIN    MILTER_TCP_FIN
#define RST    MILTER_TCP_RST
#define SAYS(text) MILTER_BYTES_INIT (text)

#define OFFER "\0\0\0\15O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"
#define AGREE "\0\0\0\15O\0\0\0\6\0\0\0\1\0\0\0\0"
#define RCPT  "\0\0\0\2DR\0\0\0\5R<a>\0"
#define GO_ON "\0\0\0\1c"
#define EOH   "\0\0\0\1N"

static void
append_row (GByteArray *file, const Row *row)
{
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  gboolean is_mta = row->from == MTA;

  test_append_ipv4 (packet,
                    &(TestSegment){ .from = row->from,
                                    .seq = row->seq + (is_mta ? 1000 : 5000),
                                    .ack = row->ack > 0 ? row->ack + (is_mta ? 5000 : 1000) : 0,
                                    .flags = (guint8) (row->flags | (row->ack > 0 ? MILTER_TCP_ACK : 0)),
                                    .data = row->data });
  test_append_pcap_packet (file, 1, milter_bytes (packet->data, packet->len), packet->len);
}

static char *
read_file (const GByteArray *file)
{
  GString *log = g_string_new (NULL);
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (&test_sink, log);
  g_autoptr (GError) error = NULL;
  MilterCaptureInput input;

  milter_capture_input_init_bytes (&input, milter_bytes (file->data, file->len));
  if (!milter_capture_reader_read (reader, &input, &error))
    g_string_append_printf (log, "%s\n", error->message);
  milter_capture_reader_finish (reader);
  return g_string_free (log, FALSE);
}

#define N_ROWS 10

static const struct
{
  const char *name, *result;
  Row rows[N_ROWS];
} cases[] = {
  { "a whole connection",
    "open 1\n1 > O\n1 < O\n1 > D\n1 > R\n1 < c\n1 > close\n1 < close\n",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS (OFFER) },
      { MILTER, 1, 18, 0, SAYS (AGREE) }, { MTA, 18, 18, 0, SAYS (RCPT) },
      { MILTER, 18, 33, 0, SAYS (GO_ON) }, { MTA, 33, 23, FIN }, { MILTER, 23, 34, FIN } } },
  { "another protocol", "",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS ("GET / HTTP/1.1\r\n") },
      { MTA, 17, 1, 0, SAYS (OFFER) } } },
  { "one where the other side speaks first", "",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MILTER, 1, 1, 0, SAYS ("220 hello\r\n") },
      { MTA, 1, 12, 0, SAYS (OFFER) } } },
  { "an offer in pieces",
    "open 1\n1 > O\n",
    { { MTA, 0, 0, SYN }, { MTA, 1, 0, 0, SAYS ("\0\0\0") }, { MTA, 4, 0, 0, SAYS ("\15O\0\0\0\6\0\0") },
      { MTA, 12, 0, 0, SAYS ("\1\xff\0\x1f\xff\xff") } } },
  { "nothing is said", "", { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, FIN } } },
  { "the two packets of the beginning are swapped",
    "open 1\n1 > O\n1 < O\n",
    { { MILTER, 0, 1, SYN }, { MTA, 0, 0, SYN }, { MTA, 1, 1, 0, SAYS (OFFER) },
      { MILTER, 1, 18, 0, SAYS (AGREE) } } },
  { "only the answer to the beginning was captured",
    "open 1\n1 > O\n1 < O\n",
    { { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS (OFFER) }, { MILTER, 1, 18, 0, SAYS (AGREE) } } },
  { "a beginning in the middle",
    "open 1 late\n1 > hole -1\n1 < hole -1\n1 < c?\n1 > D?\n1 > R?\n1 < c?\n",
    { { MILTER, 300, 200, 0, SAYS (GO_ON) }, { MTA, 200, 305, 0, SAYS (RCPT) },
      { MILTER, 305, 215, 0, SAYS (GO_ON) } } },
  { "a beginning in the middle of a frame",
    "open 1 late\n1 > hole -1\n1 < hole -1\n1 < c?\n1 > N?\n",
    { { MTA, 180, 300, 0, SAYS ("the rest of a body\r\n") }, { MILTER, 300, 200, 0, SAYS (GO_ON) },
      { MTA, 200, 305, 0, SAYS (EOH) } } },
  { "a beginning with the negotiation",
    "open 1 late\n1 > hole -1\n1 < hole -1\n1 > O?\n1 < O?\n",
    { { MTA, 1, 1, 0, SAYS (OFFER) }, { MILTER, 1, 18, 0, SAYS (AGREE) } } },
  { "one side only, and what it says is proof enough",
    "open 1 late\n1 > hole -1\n1 < hole -1\n1 > D?\n1 > R?\n1 < hole 5\n1 > D?\n1 > R?\n",
    { { MTA, 200, 305, 0, SAYS (RCPT) }, { MTA, 215, 310, 0, SAYS (RCPT) } } },
  { "one frame of one side is no proof", "", { { MTA, 200, 305, 0, SAYS (EOH) } } },
  { "a segment is lost",
    "open 1\n1 > O\n1 < O\n1 > hole 15\n1 < c\n1 > N?\n1 < c\n",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS (OFFER) },
      { MILTER, 1, 18, 0, SAYS (AGREE) }, { MILTER, 18, 33, 0, SAYS (GO_ON) },
      { MTA, 33, 23, 0, SAYS (EOH) }, { MILTER, 23, 38, 0, SAYS (GO_ON) } } },
  { "of the offer only the beginning was captured",
    "open 1\n1 > hole 9 in O\n1 < O\n1 > D?\n1 > R?\n1 < c\n",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS ("\0\0\0\15O\0\0\0") },
      { MILTER, 1, 18, 0, SAYS (AGREE) }, { MTA, 18, 18, 0, SAYS (RCPT) },
      { MILTER, 18, 33, 0, SAYS (GO_ON) } } },
  { "of what may be an offer not even the letter was captured", "",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS ("\0\0\0\15") },
      { MILTER, 1, 18, 0, SAYS (AGREE) } } },
  { "the offer is lost",
    "open 1 late\n1 > hole -1\n1 < hole -1\n1 < O?\n1 > D?\n1 > R?\n1 < c?\n",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MILTER, 1, 18, 0, SAYS (AGREE) },
      { MTA, 18, 18, 0, SAYS (RCPT) }, { MILTER, 18, 33, 0, SAYS (GO_ON) } } },
  { "a reset in the middle of what the other side says",
    "open 1\n1 > O\n1 < raw 3\n1 > reset\n",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS (OFFER) },
      { MILTER, 1, 18, 0, SAYS ("\0\0\0") }, { MTA, 18, 4, RST } } },
  { "the milter dies",
    "open 1\n1 > O\n1 < close\n1 > N\n1 < reset\n",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS (OFFER) }, { MILTER, 1, 18, FIN },
      { MTA, 18, 2, 0, SAYS (EOH) }, { MILTER, 2, 0, RST } } },
  { "the same ports again, without an end of the first",
    "open 1\n1 > O\nopen 2\n2 > O\n2 < O\n",
    { { MTA, 0, 0, SYN }, { MILTER, 0, 1, SYN }, { MTA, 1, 1, 0, SAYS (OFFER) }, { MTA, 9000, 0, SYN },
      { MILTER, 7000, 9001, SYN }, { MTA, 9001, 7001, 0, SAYS (OFFER) },
      { MILTER, 7001, 9018, 0, SAYS (AGREE) } } },
  { "the same ports again, behind an end; a late packet of the first",
    "open 1\n1 > O\n1 < reset\nopen 2\n2 > O\n",
    { { MTA, 0, 0, SYN }, { MTA, 1, 0, 0, SAYS (OFFER) }, { MILTER, 1, 18, RST }, { MTA, 18, 1, 0, SAYS (EOH) },
      { MTA, 0, 0, SYN }, { MTA, 9000, 0, SYN }, { MTA, 9001, 0, 0, SAYS (OFFER) } } },
  { "an end in the middle of a frame",
    "open 1\n1 > O\n1 > raw 3\n1 > close\n",
    { { MTA, 0, 0, SYN }, { MTA, 1, 0, 0, SAYS (OFFER "\0\0\0") }, { MTA, 21, 0, FIN } } },
};

Test (capture_reader, connections)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) file = g_byte_array_new ();
      g_autofree char *result = NULL;

      test_append_pcap_header (file, 101);
      for (gsize k = 0; k < N_ROWS; k++)
        if (cases[i].rows[k].seq + cases[i].rows[k].flags > 0)
          append_row (file, &cases[i].rows[k]);
      result = read_file (file);
      cr_assert_str_eq (result, cases[i].result, "%s:\n%s", cases[i].name, result);
    }
}

Test (capture_reader, what_is_left_out_is_told_and_counted)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  g_autofree char *result = NULL;

  test_append_pcap_header (file, 101);
  test_append_ipv4 (packet, &(TestSegment){ .from = MTA });
  packet->data[6] = 0x20;
  for (guint i = 0; i < 8; i++)
    test_append_pcap_packet (file, 1, milter_bytes (packet->data, packet->len), packet->len);
  result = read_file (file);
  cr_assert (g_str_has_prefix (result, "note an IP fragment; fragments are not put together\nnote an"));
  cr_assert (g_str_has_suffix (
      result, "note the same of 3 more frames: an IP fragment; fragments are not put together\n"), "%s", result);
}

Test (capture_reader, a_link_type_that_is_not_known_is_told)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autofree char *result = NULL;

  test_append_pcap_header (file, 147);
  test_append_pcap_packet (file, 1, milter_bytes ("abcd", 4), 4);
  result = read_file (file);
  cr_assert_str_eq (result, "note link type 147 is not known here\n");
}

Test (capture_reader, files_that_follow_each_other_are_one_capture)
{
  GString *log = g_string_new (NULL);
  MilterCaptureReader *reader = milter_capture_reader_new (&test_sink, log);

  for (guint part = 0; part < 3; part++)
    {
      g_autoptr (GByteArray) file = g_byte_array_new ();
      MilterCaptureInput input;

      test_append_pcap_header (file, 101);
      for (gsize k = 0; k < 2; k++)
        append_row (file, &cases[0].rows[2 * part + k]);
      milter_capture_input_init_bytes (&input, milter_bytes (file->data, file->len));
      cr_assert (milter_capture_reader_read (reader, &input, NULL));
    }
  milter_capture_reader_finish (reader);
  cr_assert_str_eq (log->str, "open 1\n1 > O\n1 < O\n1 > D\n1 > R\n1 < c\n");
  cr_assert_eq (milter_capture_reader_get_n_packets (reader), 6);
  cr_assert_eq (milter_capture_reader_get_n_connections (reader), 1);
  cr_assert_eq (milter_capture_reader_get_n_milters (reader), 1);
  milter_capture_reader_free (reader);
  g_string_free (log, TRUE);
}
