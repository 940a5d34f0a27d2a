/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * raw-mta.c: sends the same message again and again, and waits for each answer that is due.
 *
 * usage: raw-mta SPEC MESSAGES
 */
#include "raw.h"

#define MAX_FRAMES 32

/* one message: MAIL, RCPT, DATA, eight fields, end of headers, a body of 1 KB, end of message */
static const struct
{
  char letter;
  const char *payload;
  size_t size;
} commands[] = {
#define COMMAND(letter, text) { letter, text, sizeof (text) - 1 }
  COMMAND ('M', "<alice@example.com>\0"),
  COMMAND ('R', "<bob@example.net>\0"),
  COMMAND ('T', ""),
  COMMAND ('L', "Received\0from client.example.com by mx.example.com; Sun, 22 Nov 2026 15:04:00 +0000\0"),
  COMMAND ('L', "From\0Alice <alice@example.com>\0"),
  COMMAND ('L', "To\0Bob <bob@example.net>\0"),
  COMMAND ('L', "Subject\0how fast this goes\0"),
  COMMAND ('L', "Date\0Sun, 22 Nov 2026 15:04:00 +0000\0"),
  COMMAND ('L', "Message-Id\0<20261122150400.1@example.com>\0"),
  COMMAND ('L', "MIME-Version\0001.0\0"),
  COMMAND ('L', "Content-Type\0text/plain\0"),
  COMMAND ('N', ""),
  COMMAND ('B', NULL),
  COMMAND ('E', ""),
#undef COMMAND
};

static int fd, epoll_fd;
static uint8_t input[65536];

/* one frame; the milter that is measured against sends nothing but short ones */
static void
read_answer (char letter)
{
  size_t have = 0;

  do
    {
      ssize_t n = recv (fd, input + have, sizeof input - have, MSG_DONTWAIT);

      if (n == 0 || (n < 0 && errno != EAGAIN))
        die ("recv");
      if (n < 0)
        wait_for (epoll_fd);
      else
        have += (size_t) n;
    }
  while (have < 5 || have < 4 + ((size_t) input[2] << 8) + input[3]);
  if (input[4] != letter)
    {
      fprintf (stderr, "got %c instead of %c\n", input[4], letter);
      exit (1);
    }
}

int
main (int argc, char **argv)
{
  static uint8_t frames[MAX_FRAMES][2048];
  static const char offer[12] = "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff";
  static const char client[] = "client.example.com\0004\xc5\x0b" "192.0.2.1";
  char body[1024];
  uint8_t *ends[MAX_FRAMES];
  uint8_t other[256];
  long n_messages = argc == 3 ? atol (argv[2]) : 0;

  if (n_messages <= 0)
    {
      fprintf (stderr, "usage: raw-mta SPEC MESSAGES\n");
      return 2;
    }
  memset (body, 'x', sizeof body);
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    ends[i] = put_frame (frames[i],
                         commands[i].letter,
                         commands[i].payload != NULL ? commands[i].payload : body,
                         commands[i].payload != NULL ? commands[i].size : sizeof body);
  fd = open_socket (argv[1], false);
  epoll_fd = watch (fd);
  write_all (fd, other, (size_t) (put_frame (other, 'O', offer, sizeof offer) - other));
  read_answer ('O');
  write_all (fd, other, (size_t) (put_frame (other, 'C', client, sizeof client) - other));
  read_answer ('c');
  write_all (fd, other, (size_t) (put_frame (other, 'H', "client", 7) - other));
  read_answer ('c');
  for (long i = 0; i < n_messages; i++)
    for (size_t k = 0; k < sizeof commands / sizeof commands[0]; k++)
      {
        write_all (fd, frames[k], (size_t) (ends[k] - frames[k]));
        read_answer ('c');
      }
  write_all (fd, other, (size_t) (put_frame (other, 'Q', "", 0) - other));
  return 0;
}
