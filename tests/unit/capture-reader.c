/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture-reader.c: pcap and pcapng records, link layers, IPv4 and IPv6, TCP streams.
 *
 * Whole files are read at once, and streams are put in order when all segments are known. What is
 * read stands in three layers below: records of a file, segments of a packet, streams.
 */
#include "capture-reader.h"

#include <stdbool.h>
#include <string.h>

/* the ports of the milters in the recorded sessions, for captures that begin inside of one */
#define FIRST_MILTER_PORT 21300
#define LAST_MILTER_PORT  21399

#define TCP_PROTOCOL 6
#define TCP_SYN      0x02
#define TCP_ACK      0x10

#define BLOCK_SECTION   0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_SIMPLE    3
#define BLOCK_ENHANCED  6

/* a piece of a stream; @length counts bytes that were not captured, too */
typedef struct
{
  gint64 offset; /* from the stream's first byte */
  MilterBytes data;
  gsize length;
} Segment;

typedef struct
{
  bool known;  /* where the stream begins */
  guint32 seq; /* of the byte at @offset */
  gint64 offset;
  GArray *segments;
} Stream;

typedef struct
{
  MilterBytes address[2]; /* with the port, by MilterSide */
  bool has_start;
  guint32 start;
  Stream streams[2];
} Connection;

typedef struct
{
  GPtrArray *connections; /* of Connection */
} Capture;

/* bytes of a capture that end early are read as far as they go */

static MilterBytes
part (MilterBytes bytes, gsize at, gsize size)
{
  if (at >= bytes.size)
    return milter_bytes (bytes.data, 0);
  return milter_bytes (bytes.data + at, MIN (size, bytes.size - at));
}

static MilterBytes
behind (MilterBytes bytes, gsize at)
{
  return part (bytes, at, G_MAXSIZE);
}

static guint32
number (MilterBytes bytes, gsize at, gsize width, bool big_endian)
{
  MilterBytes digits = part (bytes, at, width);
  guint32 value = 0;

  if (digits.size < width)
    return 0;
  for (gsize i = 0; i < width; i++)
    value = value << 8 | digits.data[big_endian ? i : width - 1 - i];
  return value;
}

static guint32
net16 (MilterBytes bytes, gsize at)
{
  return number (bytes, at, 2, true);
}

static guint32
net32 (MilterBytes bytes, gsize at)
{
  return number (bytes, at, 4, true);
}

/* streams */

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  for (int side = 0; side < 2; side++)
    g_array_unref (connection->streams[side].segments);
  g_free (connection);
}

static Connection *
connection_new (Capture *capture, MilterBytes mta, MilterBytes milter)
{
  Connection *connection = g_new0 (Connection, 1);

  connection->address[MILTER_SIDE_MTA] = mta;
  connection->address[MILTER_SIDE_MILTER] = milter;
  for (int side = 0; side < 2; side++)
    connection->streams[side].segments = g_array_new (FALSE, FALSE, sizeof (Segment));
  g_ptr_array_add (capture->connections, connection);
  return connection;
}

/* the last connection between two addresses, and which side the first of them is */
static Connection *
find_connection (const Capture *capture, MilterBytes from, MilterBytes to, MilterSide *sender)
{
  for (guint i = capture->connections->len; i-- > 0;)
    {
      Connection *connection = g_ptr_array_index (capture->connections, i);

      for (int side = 0; side < 2; side++)
        if (milter_bytes_equal (connection->address[side], from)
            && milter_bytes_equal (connection->address[!side], to))
          {
            *sender = side;
            return connection;
          }
    }
  return NULL;
}

static bool
is_milter_port (guint32 port)
{
  return port >= FIRST_MILTER_PORT && port <= LAST_MILTER_PORT;
}

/* an end of a connection as bytes that can be compared */
static void
put_end (MilterBytes address, MilterBytes port, guint8 end[18])
{
  memset (end, 0, 18);
  memcpy (end, address.data, address.size);
  memcpy (end + 16, port.data, port.size);
}

static void
add_segment (Stream *stream, guint32 seq, MilterBytes data, gsize length)
{
  Segment segment = { .data = data, .length = length };

  if (!stream->known)
    stream->seq = seq;
  stream->known = true;
  /* numbers wrap around: the nearest place to the last one is meant */
  stream->offset += (gint32) (seq - stream->seq);
  stream->seq = seq;
  segment.offset = stream->offset;
  if (length > 0)
    g_array_append_val (stream->segments, segment);
}

static void
start_stream (Stream *stream, guint32 seq)
{
  if (stream->known)
    return;
  stream->known = true;
  stream->seq = seq + 1;
}

static Connection *
connection_of_segment (Capture *capture,
                       MilterBytes from,
                       MilterBytes to,
                       MilterBytes tcp,
                       MilterSide *sender)
{
  bool opens = (tcp.data[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  Connection *connection = find_connection (capture, from, to, sender);

  if (connection != NULL && opens && connection->has_start && connection->start != net32 (tcp, 4))
    connection = NULL;
  if (connection != NULL)
    return connection;

  if (opens || is_milter_port (net16 (tcp, 2)))
    {
      *sender = MILTER_SIDE_MTA;
      connection = connection_new (capture, from, to);
      connection->has_start = opens;
      connection->start = net32 (tcp, 4);
      return connection;
    }
  if (!is_milter_port (net16 (tcp, 0)))
    return NULL;
  *sender = MILTER_SIDE_MILTER;
  return connection_new (capture, to, from);
}

/* @ends: 2 times 18 bytes that live as long as the capture */
static void
add_tcp (Capture *capture, MilterBytes tcp, gsize length, const guint8 *ends)
{
  gsize header = tcp.size > 12 ? (gsize) (tcp.data[12] >> 4) * 4 : 0;
  MilterSide sender;
  Connection *connection;

  if (tcp.size < 20 || header < 20 || length < header)
    return;
  connection = connection_of_segment (
      capture, milter_bytes (ends, 18), milter_bytes (ends + 18, 18), tcp, &sender);
  if (connection == NULL)
    return;
  if (tcp.data[13] & TCP_SYN)
    start_stream (&connection->streams[sender], net32 (tcp, 4));
  else
    add_segment (
        &connection->streams[sender], net32 (tcp, 4), behind (tcp, header), length - header);
}

static int
compare_segments (gconstpointer a, gconstpointer b)
{
  gint64 one = ((const Segment *) a)->offset;
  gint64 other = ((const Segment *) b)->offset;

  return (one > other) - (one < other);
}

/* the stream up to the first byte that is missing */
static GByteArray *
put_in_order (Stream *stream)
{
  GByteArray *bytes = g_byte_array_new ();

  g_array_sort (stream->segments, compare_segments);
  for (guint i = 0; i < stream->segments->len; i++)
    {
      const Segment *segment = &g_array_index (stream->segments, Segment, i);
      gint64 known = (gint64) bytes->len - segment->offset;
      MilterBytes fresh;

      if (known < 0)
        break;
      if (known >= (gint64) segment->length)
        continue;
      fresh = behind (segment->data, (gsize) known);
      g_byte_array_append (bytes, fresh.data, (guint) fresh.size);
      if (segment->data.size < segment->length)
        break;
    }
  return bytes;
}

/* packets */

static void
add_ip (Capture *capture, MilterBytes ip, GPtrArray *ends)
{
  guint version = ip.size > 0 ? ip.data[0] >> 4 : 0;
  gsize header = version == 4 ? (gsize) (ip.data[0] & 15) * 4 : 40;
  gsize total = version == 4 ? net16 (ip, 2) : 40 + net16 (ip, 4);
  gsize address = version == 4 ? 12 : 8;
  gsize address_size = version == 4 ? 4 : 16;
  MilterBytes tcp;
  guint8 *pair;

  if ((version != 4 && version != 6) || ip.size < header + 4 || total < header)
    return;
  if (ip.data[version == 4 ? 9 : 6] != TCP_PROTOCOL)
    return;
  tcp = part (ip, header, total - header);
  pair = g_malloc (36);
  g_ptr_array_add (ends, pair);
  put_end (part (ip, address, address_size), part (tcp, 0, 2), pair);
  put_end (part (ip, address + address_size, address_size), part (tcp, 2, 2), pair + 18);
  add_tcp (capture, tcp, total - header, pair);
}

/* where the IP packet begins behind the header of a link type; -1 for types not known here */
static int
link_header_size (guint32 link, MilterBytes frame)
{
  /* clang-format off */
  static const struct
  {
    guint32 link;
    int size;
  } links[] = {
    { 0, 4 },  /* NULL: loopback */
    { 1, 14 }, /* Ethernet */
    { 12, 0 },    { 101, 0 }, { 228, 0 }, { 229, 0 }, /* raw IP */
    { 108, 4 },  /* LOOP */
    { 113, 16 }, /* Linux cooked, version 1 */
    { 276, 20 }, /* and 2 */
  };
  /* clang-format on */

  for (gsize i = 0; i < G_N_ELEMENTS (links); i++)
    if (links[i].link == link)
      /* 802.1Q: four bytes more */
      return links[i].size + (link == 1 && net16 (frame, 12) == 0x8100 ? 4 : 0);
  return -1;
}

static void
add_record (Capture *capture, guint32 link, MilterBytes frame, GPtrArray *ends)
{
  int header = link_header_size (link, frame);

  if (header >= 0)
    add_ip (capture, behind (frame, (gsize) header), ends);
}

/* files */

static void
read_pcap (Capture *capture, MilterBytes file, bool big_endian, GPtrArray *ends)
{
  const gsize file_header = 24, record_header = 16;
  guint32 link = number (file, 20, 4, big_endian) & 0xffff;
  MilterBytes rest = behind (file, file_header);

  while (rest.size >= record_header)
    {
      gsize captured = number (rest, 8, 4, big_endian);

      add_record (capture, link, part (rest, record_header, captured), ends);
      rest = behind (rest, record_header + captured);
    }
}

static void
read_pcapng (Capture *capture, MilterBytes file, GPtrArray *ends)
{
  g_autoptr (GArray) links = g_array_new (FALSE, FALSE, sizeof (guint32));
  bool big_endian = false;
  MilterBytes rest = file;

  while (rest.size >= 12)
    {
      guint32 type = number (rest, 0, 4, big_endian);
      gsize size;
      MilterBytes body;

      if (net32 (rest, 0) == BLOCK_SECTION)
        {
          big_endian = net32 (rest, 8) == 0x1a2b3c4d;
          g_array_set_size (links, 0);
        }
      size = number (rest, 4, 4, big_endian);
      if (size < 12)
        return;
      body = part (rest, 8, size - 12);

      if (type == BLOCK_INTERFACE)
        {
          guint32 link = number (body, 0, 2, big_endian);

          g_array_append_val (links, link);
        }
      else if (type == BLOCK_ENHANCED && number (body, 0, 4, big_endian) < links->len)
        add_record (capture,
                    g_array_index (links, guint32, number (body, 0, 4, big_endian)),
                    part (body, 20, number (body, 12, 4, big_endian)),
                    ends);
      else if (type == BLOCK_SIMPLE && links->len > 0)
        add_record (capture,
                    g_array_index (links, guint32, 0),
                    part (body, 4, number (body, 0, 4, big_endian)),
                    ends);
      rest = behind (rest, size);
    }
}

static bool
read_file (Capture *capture, MilterBytes file, GPtrArray *ends)
{
  /* micro- and nanoseconds: times do not matter here */
  switch (net32 (file, 0))
    {
    case 0xa1b2c3d4:
    case 0xa1b23c4d:
      read_pcap (capture, file, true, ends);
      return true;
    case 0xd4c3b2a1:
    case 0x4d3cb2a1:
      read_pcap (capture, file, false, ends);
      return true;
    case BLOCK_SECTION:
      read_pcapng (capture, file, ends);
      return true;
    default:
      return false;
    }
}

static void
capture_connection_free (gpointer data)
{
  CaptureConnection *connection = data;

  for (int side = 0; side < 2; side++)
    g_byte_array_unref (connection->from[side]);
  g_free (connection);
}

GPtrArray *
capture_read (const char *path, GError **error)
{
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (connection_free);
  g_autoptr (GPtrArray) ends = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *content = NULL;
  Capture capture = { connections };
  GPtrArray *result;
  gsize size;

  if (!g_file_get_contents (path, &content, &size, error))
    return NULL;
  if (!read_file (&capture, milter_bytes (content, size), ends))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is neither pcap nor pcapng", path);
      return NULL;
    }

  result = g_ptr_array_new_with_free_func (capture_connection_free);
  for (guint i = 0; i < connections->len; i++)
    {
      Connection *connection = g_ptr_array_index (connections, i);
      CaptureConnection *streams = g_new0 (CaptureConnection, 1);

      for (int side = 0; side < 2; side++)
        streams->from[side] = put_in_order (&connection->streams[side]);
      g_ptr_array_add (result, streams);
    }
  return result;
}
