/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-segment.c: link layers, IPv4 and IPv6, TCP.
 */
#include "milter-capture-segment.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "milter-text-private.h"

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu
/* the link type tells nothing; the packet's first four bits do */
#define ETHERTYPE_ANY  0u

#define LINK_ETHERNET   1u
#define ETHERNET_HEADER 14u

#define PROTOCOL_TCP 6u

/* 802.1Q, 802.1ad, and what was used before it; tags stand in front of each other */
#define MAX_TAGS 8

/* no chain of headers is longer */
#define MAX_EXTENSIONS 16

/* a packet, peeled from outside to inside; @length counts bytes that were not captured, too */
typedef struct
{
  const guint8 *at;
  gsize captured;
  gsize length;
} Rest;

static guint
net16 (const guint8 *at)
{
  return (guint) at[0] << 8 | at[1];
}

static guint32
net32 (const guint8 *at)
{
  guint32 value;

  memcpy (&value, at, sizeof value);
  return GUINT32_FROM_BE (value);
}

static bool
peel (Rest *rest, gsize n)
{
  if (rest->captured < n)
    return false;
  rest->at += n;
  rest->captured -= n;
  rest->length -= n;
  return true;
}

/* no more than the header said; what is behind is the padding of the link layer */
static void
limit (Rest *rest, gsize length)
{
  rest->length = MIN (rest->length, length);
  rest->captured = MIN (rest->captured, length);
}

/* --- TCP ---------------------------------------------------------------------------------------- */

/* below 0: the source is the smaller end */
G_ALWAYS_INLINE static inline int
compare_ends (const guint8 *source, const guint8 *destination, gsize size, const guint8 *ports)
{
  int order;

  if (size == 4)
    order = net32 (source) < net32 (destination) ? -1 : net32 (source) > net32 (destination);
  else
    order = memcmp (source, destination, size);
  return order != 0 ? order : (int) net16 (ports) - (int) net16 (ports + 2);
}

/* Puts the ends into the key; the smaller one first. */
G_ALWAYS_INLINE static inline void
set_key (MilterSegment *segment,
         const guint8 *source,
         const guint8 *destination,
         gsize size,
         const guint8 *ports)
{
  MilterFlowKey *key = &segment->key;
  guint end = compare_ends (source, destination, size, ports) > 0;

  segment->end = end;
  memset (key, 0, sizeof *key);
  memcpy (key->address[end], source, size);
  memcpy (key->address[!end], destination, size);
  key->port[end] = (guint16) net16 (ports);
  key->port[!end] = (guint16) net16 (ports + 2);
  key->family = size == 4 ? 4 : 6;
  key->hash = milter_flow_hash (end == 0 ? source : destination,
                                end == 0 ? destination : source,
                                size,
                                net16 (end == 0 ? ports : ports + 2),
                                net16 (end == 0 ? ports + 2 : ports));
}

G_ALWAYS_INLINE static inline MilterPacketKind
read_tcp (Rest rest,
          const guint8 *source,
          const guint8 *destination,
          gsize address_size,
          MilterSegment *segment)
{
  const guint8 *tcp = rest.at;
  gsize header;

  if (rest.captured < 14)
    return rest.length < 20 ? MILTER_PACKET_OTHER : MILTER_PACKET_CUT;
  header = (gsize) (tcp[12] >> 4) * 4;
  if (header < 20 || header > rest.length)
    return MILTER_PACKET_OTHER;
  set_key (segment, source, destination, address_size, tcp);
  segment->seq = net32 (tcp + 4);
  segment->ack = net32 (tcp + 8);
  segment->flags = tcp[13];
  segment->length = rest.length - header;
  segment->data = rest.captured > header ? milter_bytes (tcp + header, rest.captured - header)
                                         : milter_bytes (tcp, 0);
  return MILTER_PACKET_TCP;
}

/* --- IP ----------------------------------------------------------------------------------------- */

static MilterPacketKind
read_ipv4 (Rest rest, MilterSegment *segment)
{
  const guint8 *ip = rest.at;
  gsize header, total;

  if (rest.captured < 20)
    return MILTER_PACKET_CUT;
  header = (gsize) (ip[0] & 15) * 4;
  total = net16 (ip + 2);
  if (ip[0] >> 4 != 4 || header < 20 || (total != 0 && total < header))
    return MILTER_PACKET_OTHER;
  /* 0: cut into segments by the network card only, behind the capture */
  if (total != 0)
    limit (&rest, total);
  if (ip[9] != PROTOCOL_TCP)
    return MILTER_PACKET_OTHER;
  /* an offset, or more to come */
  if ((net16 (ip + 6) & 0x3fff) != 0)
    return MILTER_PACKET_FRAGMENT;
  if (!peel (&rest, header))
    return MILTER_PACKET_CUT;
  return read_tcp (rest, ip + 12, ip + 16, 4, segment);
}

typedef enum
{
  EXTENSION_NONE,
  EXTENSION_EIGHTS, /* its length counts eight bytes, the first eight not */
  EXTENSION_FOURS,  /* … four bytes, the first eight not */
  EXTENSION_FRAGMENT
} Extension;

/* RFC 8200, 4302, 7401, 5533 */
static const struct
{
  guint8 number;
  Extension extension;
} extensions[] = {
  { 0, EXTENSION_EIGHTS },    /* hop by hop */
  { 43, EXTENSION_EIGHTS },   /* routing */
  { 44, EXTENSION_FRAGMENT },
  { 51, EXTENSION_FOURS },    /* authentication */
  { 60, EXTENSION_EIGHTS },   /* destination */
  { 135, EXTENSION_EIGHTS },  /* mobility */
  { 139, EXTENSION_EIGHTS },  /* host identity */
  { 140, EXTENSION_EIGHTS },  /* shim6 */
};

static Extension
get_extension (guint8 number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (extensions); i++)
    if (extensions[i].number == number)
      return extensions[i].extension;
  return EXTENSION_NONE;
}

static MilterPacketKind
read_ipv6 (Rest rest, MilterSegment *segment)
{
  const guint8 *ip = rest.at;
  guint8 next;

  if (rest.captured < 40)
    return MILTER_PACKET_CUT;
  if (ip[0] >> 4 != 6)
    return MILTER_PACKET_OTHER;
  next = ip[6];
  peel (&rest, 40);
  /* 0: longer than the field can tell, as with BIG TCP */
  if (net16 (ip + 4) != 0)
    limit (&rest, net16 (ip + 4));
  for (guint n = 0; n < MAX_EXTENSIONS && next != PROTOCOL_TCP; n++)
    {
      const guint8 *header = rest.at;
      Extension extension = get_extension (next);

      if (extension == EXTENSION_NONE)
        return MILTER_PACKET_OTHER;
      if (rest.captured < 8)
        return MILTER_PACKET_CUT;
      /* one that has no others is whole */
      if (extension == EXTENSION_FRAGMENT && (net16 (header + 2) & 0xfff9) != 0)
        return MILTER_PACKET_FRAGMENT;
      next = header[0];
      if (!peel (&rest,
                 extension == EXTENSION_EIGHTS  ? 8 + (gsize) header[1] * 8
                 : extension == EXTENSION_FOURS ? 8 + (gsize) header[1] * 4
                                                : 8))
        return MILTER_PACKET_CUT;
    }
  return next == PROTOCOL_TCP ? read_tcp (rest, ip + 8, ip + 24, 16, segment)
                              : MILTER_PACKET_OTHER;
}

static MilterPacketKind
read_ip (Rest rest, guint ethertype, MilterSegment *segment)
{
  guint version = rest.captured > 0 ? rest.at[0] >> 4 : 0;

  if (rest.captured == 0)
    return MILTER_PACKET_CUT;
  if (ethertype == ETHERTYPE_IPV4 || (ethertype == ETHERTYPE_ANY && version == 4))
    return read_ipv4 (rest, segment);
  if (ethertype == ETHERTYPE_IPV6 || (ethertype == ETHERTYPE_ANY && version == 6))
    return read_ipv6 (rest, segment);
  return MILTER_PACKET_OTHER;
}

/* --- link layers -------------------------------------------------------------------------------- */

static bool
is_tag (guint ethertype)
{
  return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/**
 * Link: a row of the registry of link types
 * @header: how long its header is
 * @ethertype: where in it the protocol stands, -1: nowhere
 * @is: the protocol of all its packets
 */
static const struct Link
{
  guint number;
  gsize header;
  int ethertype;
  guint is;
} links[] = {
  { 0, 4, -1, ETHERTYPE_ANY },    /* BSD loopback; the family has other numbers on each system, and
                                     the byte order of the machine: the packet itself tells */
  { LINK_ETHERNET, ETHERNET_HEADER, 12, ETHERTYPE_ANY },
  { 12, 0, -1, ETHERTYPE_ANY },   /* raw IP, as some systems number it */
  { 14, 0, -1, ETHERTYPE_ANY },   /* … and as OpenBSD does */
  { 101, 0, -1, ETHERTYPE_ANY },  /* raw IP */
  { 108, 4, -1, ETHERTYPE_ANY },  /* OpenBSD's loopback */
  { 113, 16, 14, ETHERTYPE_ANY }, /* Linux cooked, version 1 */
  { 228, 0, -1, ETHERTYPE_IPV4 },
  { 229, 0, -1, ETHERTYPE_IPV6 },
  { 276, 20, 0, ETHERTYPE_ANY },  /* … version 2 */
};

static const struct Link *
find_link (guint number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (links); i++)
    if (links[i].number == number)
      return &links[i];
  return NULL;
}

/* What most packets are: Ethernet without tags, IPv4 without options and whole, TCP, and their headers
 * were captured. False: the long way finds out. */
G_ALWAYS_INLINE static inline bool
read_plain (guint link_type,
            MilterBytes data,
            gsize length,
            MilterSegment *segment,
            MilterPacketKind *kind)
{
  const guint8 *ip;
  gsize total;
  Rest rest;

  if (link_type != LINK_ETHERNET || data.size < ETHERNET_HEADER + 40)
    return false;
  ip = data.data + ETHERNET_HEADER;
  total = net16 (ip + 2);
  if (net16 (ip - 2) != ETHERTYPE_IPV4 || ip[0] != 0x45 || ip[9] != PROTOCOL_TCP
      || (net16 (ip + 6) & 0x3fff) != 0 || total < 40)
    return false;
  rest = (Rest){ ip + 20, data.size - ETHERNET_HEADER - 20, length - ETHERNET_HEADER - 20 };
  limit (&rest, total - 20);
  *kind = read_tcp (rest, ip + 12, ip + 16, 4, segment);
  return true;
}

/* apart, so that a plain packet does not pay for its registers */
G_NO_INLINE static MilterPacketKind
read_any (guint link_type, MilterBytes data, gsize length, MilterSegment *segment)
{
  const struct Link *link = find_link (link_type);
  Rest rest = { data.data, data.size, length };
  guint ethertype;

  if (G_UNLIKELY (link == NULL))
    return MILTER_PACKET_UNKNOWN_LINK;
  ethertype = link->is;
  if (!peel (&rest, link->header))
    return MILTER_PACKET_CUT;
  if (link->ethertype >= 0)
    {
      ethertype = net16 (data.data + link->ethertype);
      for (guint n = 0; n < MAX_TAGS && is_tag (ethertype); n++)
        {
          if (rest.captured < 4)
            return MILTER_PACKET_CUT;
          ethertype = net16 (rest.at + 2);
          peel (&rest, 4);
        }
      /* a number, and not the lack of one */
      if (ethertype == ETHERTYPE_ANY)
        return MILTER_PACKET_OTHER;
    }
  return read_ip (rest, ethertype, segment);
}

MilterPacketKind
milter_segment_read (guint link_type, MilterBytes data, gsize length, MilterSegment *segment)
{
  MilterPacketKind kind;

  return G_LIKELY (read_plain (link_type, data, length, segment, &kind))
             ? kind
             : read_any (link_type, data, length, segment);
}

void
milter_flow_key_write_end (const MilterFlowKey *key, guint end, char *text)
{
  char address[INET6_ADDRSTRLEN];

  if (key->family != 4)
    {
      inet_ntop (AF_INET6, key->address[end], address, sizeof address);
      g_snprintf (text, MILTER_FLOW_END_SIZE, "[%s]:%u", address, key->port[end]);
      return;
    }
  for (gsize i = 0; i < 4; i++)
    {
      text = _milter_text_write_number (key->address[end][i], text);
      *text++ = i < 3 ? '.' : ':';
    }
  text = _milter_text_write_number (key->port[end], text);
  *text = '\0';
}

char *
milter_flow_key_end_to_string (const MilterFlowKey *key, guint end)
{
  char text[MILTER_FLOW_END_SIZE];

  milter_flow_key_write_end (key, end, text);
  return g_strdup (text);
}
