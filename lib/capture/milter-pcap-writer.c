/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-pcap-writer.c: connections as TCP has them.
 */
#include "milter-pcap-writer.h"

#include <string.h>

#include "milter-capture-segment.h"
#include "milter-pcap-packet.h"

#define STAND_IN_MTA         0x7f010001u /* 127.1.0.1 */
#define STAND_IN_MILTER      0x7f020001u /* 127.2.0.1 */
#define STAND_IN_MILTER_PORT 8890u
/* the ports that belong to no service, so that nobody takes the bytes for another protocol's */
#define STAND_IN_FIRST_PORT 49152u
#define STAND_IN_N_PORTS    16384u
/* of milters whose names are not remembered */
#define MAX_STAND_INS 65534u

/* what a side has sent without hearing that it arrived; then the other one says so */
#define MAX_UNACKNOWLEDGED ((guint32) 64 << 10)

/* a reader takes numbers that are farther away for damaged ones, and it has to see what answers behind it */
#define MAX_KNOWN_JUMP ((gint64) MILTER_ASSEMBLY_WINDOW / 2)

/* one side of a connection */
typedef struct
{
  guint32 next;  /* the number of its next byte */
  guint32 acked; /* what the other side has acknowledged */
  bool any;      /* it has said something */
  bool closed;
} Side;

typedef struct
{
  MilterPcapEnds ends;
  bool from_start;
  Side sides[2];
} Connection;

struct _MilterPcapWriter
{
  GByteArray *out;         /* unowned */
  GHashTable *connections; /* of Connection, by number */
  GHashTable *milters;     /* numbers of stand-ins, from 1, by the name of the milter */
};

MilterPcapWriter *
milter_pcap_writer_new (GByteArray *out)
{
  MilterPcapWriter *writer = g_new0 (MilterPcapWriter, 1);

  writer->out = out;
  writer->connections
      = g_hash_table_new_full (/* hash= */ NULL, /* equal= */ NULL, /* key= */ NULL, g_free);
  writer->milters = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, /* value= */ NULL);
  milter_pcap_append_heading (out);
  return writer;
}

void
milter_pcap_writer_free (MilterPcapWriter *writer)
{
  if (writer == NULL)
    return;
  g_hash_table_unref (writer->connections);
  g_hash_table_unref (writer->milters);
  g_free (writer);
}

static Connection *
find_connection (MilterPcapWriter *writer, guint number)
{
  return g_hash_table_lookup (writer->connections, GUINT_TO_POINTER (number));
}

/* --- addresses ----------------------------------------------------------------------------------- */

static void
set_stand_in (MilterPcapEnds *ends, MilterSide side, guint32 address, guint port)
{
  guint32 value = GUINT32_TO_BE (address);

  memcpy (ends->address[side], &value, sizeof value);
  ends->port[side] = (guint16) port;
}

static guint
find_milter (MilterPcapWriter *writer, const char *name)
{
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (writer->milters, name));

  if (number > 0)
    return number;
  number = g_hash_table_size (writer->milters) + 1;
  if (number > MAX_STAND_INS)
    return number;
  g_hash_table_insert (writer->milters, g_strdup (name), GUINT_TO_POINTER (number));
  return number;
}

static void
set_ends (MilterPcapWriter *writer,
          MilterPcapEnds *ends,
          guint number,
          const MilterCaptureOpening *opening)
{
  MilterPcapEnds other;

  if (opening->mta != NULL && opening->milter != NULL
      && milter_pcap_ends_parse (ends, MILTER_SIDE_MTA, opening->mta)
      && milter_pcap_ends_parse (&other, MILTER_SIDE_MILTER, opening->milter)
      && ends->family == other.family)
    {
      memcpy (ends->address[MILTER_SIDE_MILTER], other.address[MILTER_SIDE_MILTER], 16);
      ends->port[MILTER_SIDE_MILTER] = other.port[MILTER_SIDE_MILTER];
      return;
    }
  ends->family = 4;
  set_stand_in (ends,
                MILTER_SIDE_MTA,
                STAND_IN_MTA + (number - 1) / STAND_IN_N_PORTS,
                STAND_IN_FIRST_PORT + (number - 1) % STAND_IN_N_PORTS);
  set_stand_in (ends,
                MILTER_SIDE_MILTER,
                STAND_IN_MILTER + find_milter (writer, opening->milter != NULL ? opening->milter : "") - 1,
                STAND_IN_MILTER_PORT);
}

/* --- segments ------------------------------------------------------------------------------------ */

/* Writes a segment that acknowledges all that the other side has said: nobody answers what he has not
 * received, and the reader puts the two sides in order by that. */
static void
write_segment (MilterPcapWriter *writer,
               Connection *connection,
               MilterSide from,
               guint flags,
               MilterBytes data,
               gsize n_missing,
               gint64 time_ns)
{
  Side *side = &connection->sides[from], *other = &connection->sides[!from];
  MilterPcapSegment segment = {
    .from = from,
    .seq = side->next,
    .ack = other->next,
    .flags = (guint8) flags,
    .data = data,
    .n_missing = n_missing,
  };

  milter_pcap_append_segment (&connection->ends, &segment, time_ns, writer->out);
  if (flags & MILTER_TCP_ACK)
    other->acked = other->next;
  side->next += (guint32) (data.size + n_missing);
  /* a SYN and a FIN have a number of their own */
  side->next += (flags & MILTER_TCP_SYN) != 0;
  side->next += (flags & MILTER_TCP_FIN) != 0;
}

static void
write_flags (MilterPcapWriter *writer,
             Connection *connection,
             MilterSide from,
             guint flags,
             gint64 time_ns)
{
  write_segment (writer, connection, from, flags, milter_bytes (NULL, 0), 0, time_ns);
}

static void
acknowledge (MilterPcapWriter *writer, Connection *connection, MilterSide from, gint64 time_ns)
{
  write_flags (writer, connection, from, MILTER_TCP_ACK, time_ns);
}

static void
acknowledge_much (MilterPcapWriter *writer, Connection *connection, MilterSide from, gint64 time_ns)
{
  const Side *side = &connection->sides[from];

  if (side->next - side->acked >= MAX_UNACKNOWLEDGED && !connection->sides[!from].closed)
    acknowledge (writer, connection, !from, time_ns);
}

/* --- what happens -------------------------------------------------------------------------------- */

void
milter_pcap_writer_opened (MilterPcapWriter *writer,
                           guint number,
                           const MilterCaptureOpening *opening,
                           gint64 time_ns)
{
  Connection *connection = g_new0 (Connection, 1);

  g_return_if_fail (number > 0);
  set_ends (writer, &connection->ends, number, opening);
  connection->from_start = opening->from_start;
  /* different ones each time, so that a pair of ports can be used again */
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    connection->sides[side].next = connection->sides[side].acked
        = (guint32) (number * 2654435761u + (guint32) side * 0x10000000u);
  g_hash_table_replace (writer->connections, GUINT_TO_POINTER (number), connection);

  if (opening->from_start)
    {
      write_flags (writer, connection, MILTER_SIDE_MTA, MILTER_TCP_SYN, time_ns);
      write_flags (
          writer, connection, MILTER_SIDE_MILTER, MILTER_TCP_SYN | MILTER_TCP_ACK, time_ns);
    }
  acknowledge (writer, connection, MILTER_SIDE_MTA, time_ns);
}

void
milter_pcap_writer_passed (MilterPcapWriter *writer,
                           guint number,
                           MilterSide from,
                           MilterBytes bytes,
                           gint64 time_ns)
{
  Connection *connection = find_connection (writer, number);

  if (connection == NULL || connection->sides[from].closed)
    return;
  connection->sides[from].any = true;
  while (bytes.size > 0)
    {
      gsize n = MIN (bytes.size, MILTER_PCAP_MAX_SEGMENT);

      write_segment (writer,
                     connection,
                     from,
                     MILTER_TCP_ACK | MILTER_TCP_PSH,
                     milter_bytes (bytes.data, n),
                     /* n_missing= */ 0,
                     time_ns);
      acknowledge_much (writer, connection, from, time_ns);
      bytes = milter_bytes (bytes.data + n, bytes.size - n);
    }
}

/* A jump is seen where the next byte is, and is believed by then: one that was cut goes before it. */
static void
jump_far (MilterPcapWriter *writer, Connection *connection, MilterSide from, gint64 time_ns)
{
  connection->sides[from].next += MILTER_PCAP_JUMP;
  write_segment (writer,
                 connection,
                 from,
                 MILTER_TCP_ACK,
                 milter_bytes (NULL, 0),
                 /* n_missing= */ 1,
                 time_ns);
  connection->sides[from].acked = connection->sides[from].next;
}

void
milter_pcap_writer_lost (MilterPcapWriter *writer,
                         guint number,
                         MilterSide from,
                         gint64 size,
                         gint64 time_ns)
{
  Connection *connection = find_connection (writer, number);
  Side *side;

  if (connection == NULL || connection->sides[from].closed || size == 0)
    return;
  side = &connection->sides[from];
  if (size > 0 && size <= (gint64) MILTER_PCAP_MAX_SEGMENT)
    write_segment (writer,
                   connection,
                   from,
                   MILTER_TCP_ACK,
                   milter_bytes (NULL, 0),
                   (gsize) size,
                   time_ns);
  else if (size > 0 && size <= MAX_KNOWN_JUMP)
    side->next += (guint32) size;
  /* a beginning that was not captured says it already */
  else if (side->any || connection->from_start)
    jump_far (writer, connection, from, time_ns);
  side->any = true;
}

void
milter_pcap_writer_closed (
    MilterPcapWriter *writer, guint number, MilterSide by, bool reset, gint64 time_ns)
{
  Connection *connection = find_connection (writer, number);
  bool is_over;

  if (connection == NULL || (connection->sides[by].closed && !reset))
    return;
  write_flags (
      writer, connection, by, MILTER_TCP_ACK | (reset ? MILTER_TCP_RST : MILTER_TCP_FIN), time_ns);
  connection->sides[by].closed = true;
  is_over = reset || connection->sides[!by].closed;
  if (!reset)
    acknowledge (writer, connection, !by, time_ns);
  if (is_over)
    g_hash_table_remove (writer->connections, GUINT_TO_POINTER (number));
}

/* --- as a sink ----------------------------------------------------------------------------------- */

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  milter_pcap_writer_opened (data, place->connection, opening, place->moment.time_ns);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  milter_pcap_writer_passed (data, place->connection, place->from, bytes, place->moment.time_ns);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  on_raw (place, frame, data);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  milter_pcap_writer_lost (data, place->connection, place->from, size, place->moment.time_ns);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  milter_pcap_writer_closed (data, place->connection, place->from, reset, place->moment.time_ns);
}

const MilterCaptureSink milter_pcap_writer_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
};
