/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-crowd.c: what a capture has of a connection does not depend on how many others are open
 * at the same time: with many, packets are looked at some at a time before the first of them is taken.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "capture-test.h"
#include "milter-capture-reader.h"

#define N_CONNECTIONS 200u
/* its port tells a connection */
#define FIRST_PORT    20000u
#define MAX_SEGMENT   1400u

/* a packet, whole or cut, at its own time, which tells it in any capture */
typedef struct
{
  GByteArray *bytes;
  gsize captured;
  guint32 time_s;
} Packet;

/* a connection as it is made: of each side what it says next, and what it has heard */
typedef struct
{
  GPtrArray *packets; /* of Packet */
  guint port;
  guint32 seq[2];
} Conversation;

/* --- conversations ------------------------------------------------------------------------------- */

static void
packet_free (gpointer data)
{
  Packet *packet = data;

  g_byte_array_unref (packet->bytes);
  g_free (packet);
}

static Packet *
add_packet (Conversation *talk, MilterSide from, guint32 seq, guint flags, MilterBytes data)
{
  const gsize ports[] = { 20, 22 };
  Packet *packet = g_new0 (Packet, 1);

  packet->bytes = g_byte_array_new ();
  test_append_ipv4 (packet->bytes,
                    &(TestSegment){ .from = from,
                                    .seq = seq,
                                    .ack = talk->seq[!from],
                                    .flags = (guint8) (flags | MILTER_TCP_ACK),
                                    .data = data });
  if (flags == MILTER_TCP_SYN && from == MILTER_SIDE_MTA)
    packet->bytes->data[33] = MILTER_TCP_SYN;
  packet->bytes->data[ports[from == MILTER_SIDE_MILTER]] = (guint8) (talk->port >> 8);
  packet->bytes->data[ports[from == MILTER_SIDE_MILTER] + 1] = (guint8) talk->port;
  packet->captured = packet->bytes->len;
  g_ptr_array_add (talk->packets, packet);
  return packet;
}

static void
say_flag (Conversation *talk, MilterSide from, guint flags)
{
  add_packet (talk, from, talk->seq[from]++, flags, milter_bytes (NULL, 0));
}

static void
say_bytes (Conversation *talk, MilterSide from, MilterBytes bytes)
{
  while (bytes.size > 0)
    {
      gsize n = MIN (bytes.size, MAX_SEGMENT);

      add_packet (talk, from, talk->seq[from], 0, milter_bytes (bytes.data, n));
      talk->seq[from] += (guint32) n;
      bytes = milter_bytes (bytes.data + n, bytes.size - n);
    }
}

static void
say (Conversation *talk, MilterSide from, char letter, const void *payload, gsize size)
{
  g_autoptr (GByteArray) frame = test_frame ((guint8) letter, payload, size);

  say_bytes (talk, from, milter_bytes (frame->data, frame->len));
}

static void
ask (Conversation *talk, char letter, const char *payload, gsize size)
{
  say (talk, MILTER_SIDE_MTA, letter, payload, size);
  say (talk, MILTER_SIDE_MILTER, 'c', NULL, 0);
}

static void
say_message (Conversation *talk, GRand *rand)
{
  gsize size = (gsize) g_rand_int_range (rand, 1, 9000);
  g_autofree char *body = g_strnfill (size, 'x');

  ask (talk, 'M', "<a@b>", 6);
  ask (talk, 'R', "<c@d>", 6);
  for (gint i = g_rand_int_range (rand, 0, 6); i > 0; i--)
    ask (talk, 'L', "Subject\0one", 12);
  ask (talk, 'N', NULL, 0);
  ask (talk, 'B', body, size);
  say (talk, MILTER_SIDE_MTA, 'E', NULL, 0);
  say (talk, MILTER_SIDE_MILTER, 'h', "X\0y", 4);
  say (talk, MILTER_SIDE_MILTER, 'a', NULL, 0);
}

static void
open_connection (Conversation *talk, GRand *rand)
{
  talk->seq[MILTER_SIDE_MTA] = g_rand_int (rand);
  talk->seq[MILTER_SIDE_MILTER] = g_rand_int (rand);
  say_flag (talk, MILTER_SIDE_MTA, MILTER_TCP_SYN);
  say_flag (talk, MILTER_SIDE_MILTER, MILTER_TCP_SYN);
}

static void
close_connection (Conversation *talk)
{
  say_flag (talk, MILTER_SIDE_MTA, MILTER_TCP_FIN);
  say_flag (talk, MILTER_SIDE_MILTER, MILTER_TCP_FIN);
}

static void
say_milter_session (Conversation *talk, GRand *rand)
{
  open_connection (talk, rand);
  say (talk, MILTER_SIDE_MTA, 'O', "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff", 12);
  say (talk, MILTER_SIDE_MILTER, 'O', "\0\0\0\6\0\0\1\xff\0\0\0\0", 12);
  ask (talk, 'C', "client\0U", 8);
  for (gint i = g_rand_int_range (rand, 1, 4); i > 0; i--)
    say_message (talk, rand);
  say (talk, MILTER_SIDE_MTA, 'Q', NULL, 0);
  close_connection (talk);
}

/* --- what happens to them ------------------------------------------------------------------------ */

static guint
pick (const Conversation *talk, GRand *rand)
{
  return (guint) g_rand_int_range (rand, 2, (gint32) talk->packets->len - 2);
}

static void
lose_one (Conversation *talk, GRand *rand)
{
  g_ptr_array_remove_index (talk->packets, pick (talk, rand));
}

static void
lose_beginning (Conversation *talk, GRand *rand)
{
  g_ptr_array_remove_range (talk->packets, 0, pick (talk, rand));
}

static void
lose_end (Conversation *talk, GRand *rand)
{
  guint n = pick (talk, rand);

  /* a milter is known by what was negotiated */
  n = MAX (n, 4);
  g_ptr_array_remove_range (talk->packets, n, talk->packets->len - n);
}

static void
cut_one (Conversation *talk, GRand *rand)
{
  Packet *packet = g_ptr_array_index (talk->packets, pick (talk, rand));

  packet->captured = (gsize) g_rand_int_range (rand, 1, (gint32) packet->captured);
}

static void
repeat_one (Conversation *talk, GRand *rand)
{
  const Packet *packet = g_ptr_array_index (talk->packets, pick (talk, rand));
  Packet *again = g_memdup2 (packet, sizeof *packet);

  g_byte_array_ref (again->bytes);
  g_ptr_array_insert (talk->packets, (gint) pick (talk, rand), again);
}

/* also a FIN before the last words */
static void
mix (Conversation *talk, GRand *rand)
{
  for (guint i = 0; i < 20; i++)
    {
      guint at = (guint) g_rand_int_range (rand, 2, (gint32) talk->packets->len - 1);
      gpointer one = g_ptr_array_steal_index (talk->packets, at);

      g_ptr_array_insert (talk->packets, (gint) at + 1, one);
    }
}

static void
reset (Conversation *talk, GRand *rand)
{
  lose_end (talk, rand);
  say_flag (talk, MILTER_SIDE_MILTER, MILTER_TCP_RST);
}

/* a byte before the next one, as keep-alives are */
static void
keep_alive (Conversation *talk, GRand *rand)
{
  for (guint side = 0; side < 2; side++)
    add_packet (talk, (MilterSide) side, talk->seq[side] - 1, 0, milter_bytes ("", 1));
  say_milter_session (talk, rand);
}

static void
say_line (Conversation *talk, MilterSide from, const char *line)
{
  say_bytes (talk, from, milter_bytes (line, strlen (line)));
}

static void
talk_smtp (Conversation *talk, GRand *rand)
{
  g_ptr_array_set_size (talk->packets, 0);
  open_connection (talk, rand);
  say_line (talk, MILTER_SIDE_MILTER, "220 mx.example.com ESMTP\r\n");
  say_line (talk, MILTER_SIDE_MTA, "EHLO client.example.com\r\n");
  close_connection (talk);
}

/* each number of connections later the same one again */
static void (*const accidents[]) (Conversation *talk, GRand *rand)
    = { NULL,       lose_one, lose_beginning, lose_end,           cut_one,   repeat_one,
        mix,        reset,    keep_alive,     say_milter_session, talk_smtp };

static GPtrArray *
make_packets (guint number, GRand *rand)
{
  Conversation talk = {
    .packets = g_ptr_array_new_with_free_func (packet_free),
    .port = FIRST_PORT + number,
  };
  guint accident = number % G_N_ELEMENTS (accidents);

  say_milter_session (&talk, rand);
  if (accidents[accident] != NULL)
    accidents[accident](&talk, rand);
  /* several of them */
  if (number % 7 == 0 && talk.packets->len > 10)
    mix (&talk, rand);
  for (guint i = 0; i < talk.packets->len; i++)
    ((Packet *) g_ptr_array_index (talk.packets, i))->time_s = number * 1000 + i;
  return talk.packets;
}

/* --- what is told of them ------------------------------------------------------------------------ */

typedef struct
{
  GString *logs[N_CONNECTIONS];
  GHashTable *by_number; /* of GString, unowned */
  guint n_soon;
} Told;

/* of packets that cannot be told to be of a connection, nothing is told here */
static GString *
begin_line (Told *told, const MilterCapturePlace *place)
{
  GString *log = g_hash_table_lookup (told->by_number, GUINT_TO_POINTER (place->connection));

  g_string_append_printf (log,
                          "%" G_GINT64_FORMAT " %c ",
                          place->moment.time_ns / 1000000000,
                          place->from == MILTER_SIDE_MTA ? '>' : '<');
  return log;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  Told *told = data;
  const char *mta = g_str_has_suffix (opening->mta, ":8891") ? opening->milter : opening->mta;
  guint port = (guint) g_ascii_strtoull (strrchr (mta, ':') + 1, NULL, 10);

  cr_assert (port >= FIRST_PORT && port < FIRST_PORT + N_CONNECTIONS, "%s", mta);
  g_hash_table_replace (
      told->by_number, GUINT_TO_POINTER (place->connection), told->logs[port - FIRST_PORT]);
  g_string_append_printf (begin_line (told, place),
                          "open %s %s%s\n",
                          opening->mta,
                          opening->milter,
                          opening->from_start ? "" : " late");
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, frame.data, frame.size);

  g_string_append_printf (
      begin_line (data, place), "%c %s%s\n", frame.data[4], sum, behind_hole ? "?" : "");
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, bytes.data, bytes.size);

  g_string_append_printf (begin_line (data, place), "raw %s\n", sum);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  g_string_append_printf (
      begin_line (data, place), "hole %" G_GINT64_FORMAT " in %u\n", size, letter);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  g_string_append_printf (begin_line (data, place), "%s\n", reset ? "reset" : "close");
}

static void
on_soon (guint connection, guint step, gpointer data)
{
  ((Told *) data)->n_soon++;
}

static const MilterCaptureSink sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .soon = on_soon,
};

static void
read_file (const GByteArray *file, Told *told)
{
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (&sink, told);
  g_autoptr (GError) error = NULL;
  MilterCaptureInput input;

  milter_capture_input_init_bytes (&input, milter_bytes (file->data, file->len));
  cr_assert (milter_capture_reader_read (reader, &input, &error));
  milter_capture_reader_finish (reader);
}

static void
told_init (Told *told)
{
  told->n_soon = 0;
  told->by_number = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < N_CONNECTIONS; i++)
    told->logs[i] = g_string_new (NULL);
}

static void
told_clear (Told *told)
{
  g_hash_table_unref (told->by_number);
  for (guint i = 0; i < N_CONNECTIONS; i++)
    g_string_free (told->logs[i], TRUE);
}

static void
append_packet (GByteArray *file, const GPtrArray *packets, guint n)
{
  const Packet *packet = g_ptr_array_index (packets, n);

  test_append_pcap_packet (file,
                           packet->time_s,
                           milter_bytes (packet->bytes->data, packet->captured),
                           packet->bytes->len);
}

/* the next packet is of any of those that have one */
static GByteArray *
interleave (GPtrArray *const *connections, GRand *rand)
{
  guint left[N_CONNECTIONS], n_left = N_CONNECTIONS, next[N_CONNECTIONS] = { 0 };
  GByteArray *file = g_byte_array_new ();

  test_append_pcap_header (file, 101);
  for (guint i = 0; i < N_CONNECTIONS; i++)
    left[i] = i;
  while (n_left > 0)
    {
      guint at = (guint) g_rand_int_range (rand, 0, (gint32) n_left), one = left[at];

      append_packet (file, connections[one], next[one]++);
      if (next[one] == connections[one]->len)
        left[at] = left[--n_left];
    }
  return file;
}

Test (capture_crowd, each_of_many_connections_is_read_as_if_it_was_alone)
{
  GRand *rand = g_rand_new_with_seed (20261123);
  GPtrArray *connections[N_CONNECTIONS];
  g_autoptr (GByteArray) all = NULL;
  Told alone, together;

  told_init (&alone);
  told_init (&together);
  for (guint i = 0; i < N_CONNECTIONS; i++)
    {
      g_autoptr (GByteArray) file = g_byte_array_new ();

      connections[i] = make_packets (i, rand);
      test_append_pcap_header (file, 101);
      for (guint n = 0; n < connections[i]->len; n++)
        append_packet (file, connections[i], n);
      read_file (file, &alone);
    }
  cr_expect_eq (alone.n_soon, 0, "few are looked at one by one");
  all = interleave (connections, rand);
  read_file (all, &together);
  cr_expect_gt (together.n_soon, 1000);
  for (guint i = 0; i < N_CONNECTIONS; i++)
    {
      cr_expect_str_eq (together.logs[i]->str, alone.logs[i]->str, "connection %u", i);
      /* SMTP is passed over, and nothing else */
      cr_expect_eq (alone.logs[i]->len == 0,
                    accidents[i % G_N_ELEMENTS (accidents)] == talk_smtp,
                    "connection %u:\n%s",
                    i,
                    alone.logs[i]->str);
      g_ptr_array_unref (connections[i]);
    }
  told_clear (&alone);
  told_clear (&together);
  g_rand_free (rand);
}
