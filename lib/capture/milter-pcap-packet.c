/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-pcap-packet.c: headers and checksums.
 */
#include "milter-pcap-packet.h"

#include <arpa/inet.h>
#include <string.h>

#include "milter-capture-segment.h"

#define MAGIC_NANOSECONDS 0xa1b23c4du
#define SNAPSHOT_LENGTH   262144u
#define LINK_TYPE_RAW     101u
#define PROTOCOL_TCP      6u
#define HOP_LIMIT         64u
#define MAX_HEADERS       (40 + 32)

/* how much is on its way at most, in units of 128 bytes: no reader should take a window for full */
#define WINDOW      0xffffu
#define WINDOW_SCALE 7u

/* --- numbers ------------------------------------------------------------------------------------- */

static void
append_le32 (GByteArray *out, guint32 number)
{
  guint32 value = GUINT32_TO_LE (number);

  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

static void
append_le16 (GByteArray *out, guint16 number)
{
  guint16 value = GUINT16_TO_LE (number);

  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

static guint8 *
put16 (guint8 *at, gsize number)
{
  at[0] = (guint8) (number >> 8);
  at[1] = (guint8) number;
  return at + 2;
}

static guint8 *
put32 (guint8 *at, guint32 number)
{
  return put16 (put16 (at, number >> 16), number & 0xffff);
}

static guint8 *
put (guint8 *at, const void *bytes, gsize size)
{
  memcpy (at, bytes, size);
  return at + size;
}

/* the sum of RFC 1071, to be folded; @bytes begins at an even place */
static guint64
sum_up (guint64 sum, const guint8 *bytes, gsize size)
{
  for (gsize i = 0; i + 1 < size; i += 2)
    sum += ((guint) bytes[i] << 8) | bytes[i + 1];
  if (size % 2 == 1)
    sum += (guint) bytes[size - 1] << 8;
  return sum;
}

static guint16
fold (guint64 sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return (guint16) ~sum;
}

/* --- headers ------------------------------------------------------------------------------------- */

static gsize
address_size (const MilterPcapEnds *ends)
{
  return ends->family == 4 ? 4 : 16;
}

static guint8 *
put_addresses (guint8 *at, const MilterPcapEnds *ends, MilterSide from)
{
  at = put (at, ends->address[from], address_size (ends));
  return put (at, ends->address[!from], address_size (ends));
}

/* @size: of what follows the header */
static guint8 *
put_ipv4 (guint8 *at, const MilterPcapEnds *ends, MilterSide from, gsize size)
{
  guint8 *begin = at;

  at = put16 (at, 0x4500);
  at = put16 (at, 20 + size);
  at = put32 (at, 0x4000); /* never cut: no identification is needed (RFC 6864, 4.1) */
  at = put16 (at, HOP_LIMIT << 8 | PROTOCOL_TCP);
  at = put16 (at, 0);
  at = put_addresses (at, ends, from);
  put16 (begin + 10, fold (sum_up (0, begin, 20)));
  return at;
}

static guint8 *
put_ipv6 (guint8 *at, const MilterPcapEnds *ends, MilterSide from, gsize size)
{
  at = put32 (at, 0x60000000);
  at = put16 (at, size);
  at = put16 (at, PROTOCOL_TCP << 8 | HOP_LIMIT);
  return put_addresses (at, ends, from);
}

/* a window that grows, and the largest segment: what only the first segments carry */
static guint8 *
put_options (guint8 *at)
{
  at = put32 (at, 0x02040000u | MILTER_PCAP_MAX_SEGMENT);
  return put32 (at, 0x01030300u | WINDOW_SCALE);
}

static guint8 *
put_tcp (guint8 *at, const MilterPcapEnds *ends, const MilterPcapSegment *segment)
{
  bool is_first = (segment->flags & MILTER_TCP_SYN) != 0;

  at = put16 (at, ends->port[segment->from]);
  at = put16 (at, ends->port[!segment->from]);
  at = put32 (at, segment->seq);
  at = put32 (at, segment->flags & MILTER_TCP_ACK ? segment->ack : 0);
  at = put16 (at, (is_first ? 0x7000u : 0x5000u) | segment->flags);
  at = put16 (at, WINDOW);
  at = put32 (at, 0);
  return is_first ? put_options (at) : at;
}

/* What is missing counts as zeros. @size: of the TCP header */
static void
put_tcp_checksum (guint8 *header,
                  gsize size,
                  const MilterPcapEnds *ends,
                  const MilterPcapSegment *segment)
{
  guint64 sum = PROTOCOL_TCP + size + segment->data.size + segment->n_missing;

  for (int side = 0; side < 2; side++)
    sum = sum_up (sum, ends->address[side], address_size (ends));
  sum = sum_up (sum, header, size);
  sum = sum_up (sum, segment->data.data, segment->data.size);
  put16 (header + 16, fold (sum));
}

/* --- the file ------------------------------------------------------------------------------------ */

void
milter_pcap_append_heading (GByteArray *out)
{
  append_le32 (out, MAGIC_NANOSECONDS);
  append_le16 (out, 2);
  append_le16 (out, 4);
  append_le32 (out, 0);
  append_le32 (out, 0);
  append_le32 (out, SNAPSHOT_LENGTH);
  append_le32 (out, LINK_TYPE_RAW);
}

static void
append_time (gint64 time_ns, GByteArray *out)
{
  gint64 latest = (gint64) G_MAXUINT32 * 1000000000 + 999999999;
  gint64 time = CLAMP (time_ns, 0, latest);

  append_le32 (out, (guint32) (time / 1000000000));
  append_le32 (out, (guint32) (time % 1000000000));
}

void
milter_pcap_append_segment (const MilterPcapEnds *ends,
                            const MilterPcapSegment *segment,
                            gint64 time_ns,
                            GByteArray *out)
{
  guint8 headers[MAX_HEADERS];
  gsize tcp_size = segment->flags & MILTER_TCP_SYN ? 28 : 20;
  gsize size = tcp_size + segment->data.size + segment->n_missing;
  guint8 *tcp = ends->family == 4 ? put_ipv4 (headers, ends, segment->from, size)
                                  : put_ipv6 (headers, ends, segment->from, size);
  gsize headers_size = (gsize) (put_tcp (tcp, ends, segment) - headers);
  gsize captured = headers_size + segment->data.size;

  put_tcp_checksum (tcp, tcp_size, ends, segment);
  append_time (time_ns, out);
  append_le32 (out, (guint32) captured);
  append_le32 (out, (guint32) (captured + segment->n_missing));
  g_byte_array_append (out, headers, (guint) headers_size);
  if (segment->data.size > 0)
    g_byte_array_append (out, segment->data.data, (guint) segment->data.size);
}

/* --- addresses ----------------------------------------------------------------------------------- */

bool
milter_pcap_ends_parse (MilterPcapEnds *ends, MilterSide side, const char *text)
{
  const char *colon = strrchr (text, ':');
  bool is_ipv6 = text[0] == '[';
  g_autofree char *host = NULL;
  guint64 port;

  if (colon == NULL || colon < text + 2
      || !g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT16, &port, /* error= */ NULL))
    return false;
  if (is_ipv6 && colon[-1] != ']')
    return false;
  host = is_ipv6 ? g_strndup (text + 1, (gsize) (colon - text) - 2)
                 : g_strndup (text, (gsize) (colon - text));
  if (inet_pton (is_ipv6 ? AF_INET6 : AF_INET, host, ends->address[side]) != 1)
    return false;
  ends->family = is_ipv6 ? 6 : 4;
  ends->port[side] = (guint16) port;
  return true;
}
