/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * write-capture.c: a capture of made-up milter sessions, as large as asked for: what readers are measured with.
 *
 * usage: write-capture FILE MEGABYTES [BODY [CONNECTIONS]]
 *
 * Ethernet, IPv4 and TCP as tcpdump writes them: segments of at most 1460 bytes, acknowledged as a kernel
 * does, CONNECTIONS (16) at a time, each with one message of eight header fields and BODY (8192) bytes.
 * Prints how many packets, connections and messages there are.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT     1460u
#define WINDOW      10u /* segments before the sender waits */
#define MILTER_PORT 8891u
#define MAX_TURNS   64u

enum
{
  FIN = 0x01,
  SYN = 0x02,
  PUSH = 0x08,
  ACK = 0x10
};

/* what the MTA says in one write, and the milter's answer */
typedef struct
{
  size_t start, size;
  const char *answer;
  size_t answer_size;
} Turn;

typedef struct
{
  bool open;
  uint32_t address;
  uint16_t port;
  uint32_t seq[2]; /* of the MTA, of the milter */
  size_t turn, sent;
} Connection;

static FILE *out;
static uint64_t n_bytes, n_packets, n_connections, n_messages, now_us = UINT64_C (1700000000000000);
static uint8_t *script;
static size_t script_size;
static Turn turns[MAX_TURNS];
static size_t n_turns;

static void
fail (const char *what)
{
  perror (what);
  exit (2);
}

/* --- what is said --------------------------------------------------------------------------------- */

static void
say (char letter, const void *payload, size_t size)
{
  uint32_t length = htonl ((uint32_t) size + 1);

  script = realloc (script, script_size + 5 + size);
  if (script == NULL)
    fail ("realloc");
  memcpy (script + script_size, &length, 4);
  script[script_size + 4] = (uint8_t) letter;
  if (size > 0)
    memcpy (script + script_size + 5, payload, size);
  script_size += 5 + size;
}

#define SAY(letter, text) say (letter, text, sizeof text)

static void
end_turn (const char *answer, size_t answer_size)
{
  size_t start = n_turns == 0 ? 0 : turns[n_turns - 1].start + turns[n_turns - 1].size;

  turns[n_turns++] = (Turn){ start, script_size - start, answer, answer_size };
}

static void
answered (void)
{
  end_turn ("\0\0\0\1c", 5);
}

static void
write_script (size_t body_size)
{
  static const char *const fields[] = {
    "Received\0from client.example.org (client.example.org [192.0.2.10])\n\tby mx.example.net (Postfix)\0",
    "From\0Alice <alice@example.org>\0",
    "To\0Bob <bob@example.net>\0",
    "Subject\0something to measure\0",
    "Date\0Mon, 23 Nov 2026 00:00:00 +0000\0",
    "Message-ID\0<20261123000000.4A1B2C3D4E5@example.org>\0",
    ("MIME-Version\0"
     "1.0\0"),
    "Content-Type\0text/plain; charset=utf-8\0",
  };
  static const char offer[] = "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff", answer[] = "\0\0\0\rO\0\0\0\6\0\0\1\xff\0\0\0\0";
  char *body = malloc (body_size + 1);

  if (body == NULL)
    fail ("malloc");
  for (size_t i = 0; i < body_size; i++)
    body[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' : (char) ('a' + i % 26);
  say ('O', offer, 12);
  end_turn (answer, 17);
  SAY ('D', "Cj\0mx.example.net\0{daemon_name}\0smtpd\0v\0Postfix 3.7.11");
  SAY ('C', "client.example.org\0" "4\305\013" "192.0.2.10");
  answered ();
  SAY ('D', "H");
  SAY ('H', "client.example.org");
  answered ();
  SAY ('D', "M{mail_addr}\0alice@example.org\0{mail_host}\0example.org");
  SAY ('M', "<alice@example.org>\0SIZE=9000");
  answered ();
  SAY ('D', "Ri\0" "4A1B2C3D4E5\0{rcpt_addr}\0bob@example.net\0{rcpt_host}\0example.net");
  SAY ('R', "<bob@example.net>");
  answered ();
  say ('T', NULL, 0);
  answered ();
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    {
      size_t name = strlen (fields[i]) + 1;

      say ('L', fields[i], name + strlen (fields[i] + name) + 1);
      answered ();
    }
  say ('N', NULL, 0);
  answered ();
  for (size_t at = 0; at < body_size && n_turns < MAX_TURNS - 2; at += 65535)
    {
      say ('B', body + at, body_size - at < 65535 ? body_size - at : 65535);
      answered ();
    }
  SAY ('D', "Ei\0" "4A1B2C3D4E5");
  say ('E', NULL, 0);
  answered ();
  free (body);
}

/* --- packets ---------------------------------------------------------------------------------------- */

static uint32_t
add_up (const uint8_t *bytes, size_t size, uint32_t sum)
{
  for (; size > 1; size -= 2, bytes += 2)
    sum += (uint32_t) (bytes[0] << 8 | bytes[1]);
  return size > 0 ? sum + (uint32_t) (bytes[0] << 8) : sum;
}

static void
put_16 (uint8_t *at, uint32_t number)
{
  at[0] = (uint8_t) (number >> 8);
  at[1] = (uint8_t) number;
}

static void
put_32 (uint8_t *at, uint32_t number)
{
  put_16 (at, number >> 16);
  put_16 (at + 2, number);
}

static void
put_sum (uint8_t *at, uint32_t sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  put_16 (at, ~sum);
}

static void
write_packet (Connection *connection, int from, uint8_t flags, const void *data, size_t size)
{
  static const uint8_t ethernet[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
  uint8_t packet[14 + 40 + SEGMENT] = { 0 }, *ip = packet + 14, *tcp = packet + 34;
  uint32_t ports[2] = { connection->port, MILTER_PORT };
  uint32_t addresses[2] = { connection->address, 0xc0000202 };
  uint32_t record[4];

  memcpy (packet, ethernet, sizeof ethernet);
  ip[0] = 0x45;
  put_16 (ip + 2, (uint32_t) (40 + size));
  put_16 (ip + 4, (uint32_t) n_packets);
  ip[6] = 0x40;
  ip[8] = 64;
  ip[9] = 6;
  put_32 (ip + 12, addresses[from]);
  put_32 (ip + 16, addresses[!from]);
  put_sum (ip + 10, add_up (ip, 20, 0));
  put_16 (tcp, ports[from]);
  put_16 (tcp + 2, ports[!from]);
  put_32 (tcp + 4, connection->seq[from]);
  put_32 (tcp + 8, flags & ACK ? connection->seq[!from] : 0);
  tcp[12] = 0x50;
  tcp[13] = flags;
  put_16 (tcp + 14, 0xfaf0);
  if (size > 0)
    memcpy (tcp + 20, data, size);
  put_sum (tcp + 16, add_up (tcp, 20 + size, add_up (ip + 12, 8, (uint32_t) (6 + 20 + size))));
  connection->seq[from] += (uint32_t) size + (flags & (SYN | FIN) ? 1 : 0);

  now_us += 11;
  record[0] = (uint32_t) (now_us / 1000000);
  record[1] = (uint32_t) (now_us % 1000000);
  record[2] = record[3] = (uint32_t) (54 + size);
  fwrite (record, sizeof record, 1, out);
  fwrite (packet, 54 + size, 1, out);
  n_bytes += sizeof record + 54 + size;
  n_packets++;
}

/* --- connections ------------------------------------------------------------------------------------- */

static void
begin (Connection *connection)
{
  *connection = (Connection){ .open = true,
                              .address = 0x0a000001 + (uint32_t) (n_connections >> 14),
                              .port = (uint16_t) (32768 + n_connections % 16384),
                              .seq = { (uint32_t) n_connections * 2654435761u, (uint32_t) n_connections * 40503u } };
  n_connections++;
  write_packet (connection, 0, SYN, NULL, 0);
  write_packet (connection, 1, SYN | ACK, NULL, 0);
  write_packet (connection, 0, ACK, NULL, 0);
}

static void
end (Connection *connection)
{
  n_messages++;
  write_packet (connection, 0, PUSH | ACK, "\0\0\0\1Q", 5);
  write_packet (connection, 0, FIN | ACK, NULL, 0);
  write_packet (connection, 1, FIN | ACK, NULL, 0);
  write_packet (connection, 0, ACK, NULL, 0);
  connection->open = false;
}

/* one window of what is to be said, and the answer if that is all of it */
static void
go_on (Connection *connection)
{
  const Turn *turn;

  if (!connection->open)
    begin (connection);
  turn = &turns[connection->turn];
  for (unsigned i = 0; i < WINDOW && connection->sent < turn->size; i++)
    {
      size_t left = turn->size - connection->sent;
      size_t size = left > SEGMENT ? SEGMENT : left;

      write_packet (connection, 0, PUSH | ACK, script + turn->start + connection->sent, size);
      connection->sent += size;
      if (i % 2 == 1 && connection->sent < turn->size)
        write_packet (connection, 1, ACK, NULL, 0);
    }
  if (connection->sent < turn->size)
    return;
  write_packet (connection, 1, PUSH | ACK, turn->answer, turn->answer_size);
  write_packet (connection, 0, ACK, NULL, 0);
  connection->sent = 0;
  if (++connection->turn == n_turns)
    end (connection);
}

int
main (int argc, char **argv)
{
  const uint32_t heading[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1 };
  size_t n_at_once = argc > 4 ? strtoul (argv[4], NULL, 10) : 16;
  Connection *connections = calloc (n_at_once, sizeof *connections);
  uint32_t chance = 1;
  uint64_t limit;

  if (argc < 3 || connections == NULL || (out = fopen (argv[1], "w")) == NULL)
    {
      fprintf (stderr, "usage: write-capture FILE MEGABYTES [BODY [CONNECTIONS]]\n");
      return 2;
    }
  limit = strtoull (argv[2], NULL, 10) * 1000000;
  write_script (argc > 3 ? strtoul (argv[3], NULL, 10) : 8192);
  n_bytes = sizeof heading;
  fwrite (heading, sizeof heading, 1, out);
  while (n_bytes < limit)
    {
      chance = chance * 1664525 + 1013904223;
      go_on (&connections[(chance >> 8) % n_at_once]);
    }
  for (size_t i = 0; i < n_at_once; i++)
    while (connections[i].open)
      go_on (&connections[i]);
  if (fclose (out) != 0)
    fail (argv[1]);
  printf ("bytes=%llu packets=%llu connections=%llu messages=%llu\n",
          (unsigned long long) n_bytes,
          (unsigned long long) n_packets,
          (unsigned long long) n_connections,
          (unsigned long long) n_messages);
  free (connections);
  free (script);
  return 0;
}
