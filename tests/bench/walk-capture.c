/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * walk-capture.c: the least that a reader of captures on libpcap does: what ours is measured against.
 *
 * usage: walk-capture FILE
 *
 * Takes for granted what write-capture.c writes: Ethernet, IPv4, TCP in order, the milter's port. Each packet
 * is looked up in a table of connections, its place in the stream is checked, and the frames of both sides are
 * walked by their lengths; nothing is kept, decoded, put in order or recognised.
 */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MILTER_PORT 8891
#define TABLE_SIZE  (1u << 17)

/* one direction of a connection */
typedef struct
{
  bool begun;
  uint32_t next;     /* sequence number */
  uint32_t rest;     /* of the present frame's payload */
  uint8_t header[5]; /* length and letter, of which … */
  uint8_t n_header;  /* … so many bytes are there */
} Stream;

typedef struct
{
  bool used;
  uint32_t addresses[2];
  uint32_t ports;
  Stream streams[2];
} Flow;

static Flow *table;
static unsigned n_flows;
static uint64_t n_packets, n_frames, n_messages, n_strays;

static uint32_t
get_32 (const uint8_t *at)
{
  uint32_t number;

  memcpy (&number, at, sizeof number);
  return number;
}

static void
walk (Stream *stream, const uint8_t *at, const uint8_t *end)
{
  while (at < end)
    {
      if (stream->rest > 0)
        {
          uint32_t n = (uint32_t) (end - at) < stream->rest ? (uint32_t) (end - at) : stream->rest;

          at += n;
          stream->rest -= n;
          continue;
        }
      while (stream->n_header < sizeof stream->header && at < end)
        stream->header[stream->n_header++] = *at++;
      if (stream->n_header < sizeof stream->header)
        return;
      stream->n_header = 0;
      stream->rest = ntohl (get_32 (stream->header)) - 1;
      n_frames++;
      n_messages += stream->header[4] == 'E';
    }
}

static Flow *
find_flow (uint32_t mta, uint32_t milter, uint32_t ports)
{
  uint32_t at = ((mta * 0x9e3779b1u) ^ (milter * 0x85ebca6bu) ^ (ports * 0xc2b2ae35u)) >> 15;
  Flow *flow;

  for (;; at++)
    {
      flow = &table[at % TABLE_SIZE];
      if (!flow->used)
        break;
      if (flow->addresses[0] == mta && flow->addresses[1] == milter && flow->ports == ports)
        return flow;
    }
  if (++n_flows > TABLE_SIZE * 3 / 4)
    {
      memset (table, 0, sizeof *table * TABLE_SIZE);
      n_flows = 1;
    }
  *flow = (Flow){ .used = true, .addresses = { mta, milter }, .ports = ports };
  return flow;
}

static void
take_packet (const uint8_t *packet, uint32_t size)
{
  const uint8_t *ip = packet + 14, *tcp;
  uint32_t header, total, tcp_header, ports, seq;
  bool from_milter;
  Stream *stream;

  if (size < 54 || packet[12] != 8 || packet[13] != 0 || ip[0] >> 4 != 4 || ip[9] != 6)
    return;
  header = (ip[0] & 15u) * 4;
  total = (uint32_t) (ip[2] << 8 | ip[3]);
  tcp = ip + header;
  tcp_header = (tcp[12] >> 4) * 4u;
  ports = get_32 (tcp);
  from_milter = (tcp[2] << 8 | tcp[3]) != MILTER_PORT;
  stream = from_milter
               ? &find_flow (get_32 (ip + 16), get_32 (ip + 12), ports >> 16 | ports << 16)->streams[1]
               : &find_flow (get_32 (ip + 12), get_32 (ip + 16), ports)->streams[0];
  seq = ntohl (get_32 (tcp + 4));
  if (tcp[13] & 0x02)
    *stream = (Stream){ .begun = true, .next = seq + 1 };
  else if (total > header + tcp_header)
    {
      uint32_t n = total - header - tcp_header;

      if (!stream->begun || seq != stream->next)
        {
          n_strays++;
          return;
        }
      stream->next += n;
      walk (stream, tcp + tcp_header, tcp + tcp_header + n);
    }
}

static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

int
main (int argc, char **argv)
{
  char error[PCAP_ERRBUF_SIZE];
  double begin = now ();
  pcap_t *pcap = argc == 2 ? pcap_open_offline (argv[1], error) : NULL;
  struct pcap_pkthdr *header;
  const uint8_t *packet;

  table = calloc (TABLE_SIZE, sizeof *table);
  if (pcap == NULL || table == NULL)
    {
      fprintf (stderr, "usage: walk-capture FILE (%s)\n", argc == 2 ? error : "a file is missing");
      return 2;
    }
  while (pcap_next_ex (pcap, &header, &packet) == 1)
    {
      n_packets++;
      take_packet (packet, header->caplen);
    }
  printf ("seconds=%.4f packets=%llu frames=%llu messages=%llu strays=%llu\n",
          now () - begin,
          (unsigned long long) n_packets,
          (unsigned long long) n_frames,
          (unsigned long long) n_messages,
          (unsigned long long) n_strays);
  pcap_close (pcap);
  free (table);
  return 0;
}
