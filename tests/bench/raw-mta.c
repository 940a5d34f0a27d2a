/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * raw-mta.c: sends the same message again and again, and waits for each answer that is due.
 *
 * usage: raw-mta SPEC MESSAGES
 */
#include "workload.h"

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
  static uint8_t frames[N_COMMANDS][2048];
  char body[BODY_SIZE];
  uint8_t *ends[N_COMMANDS];
  uint8_t other[256];
  long n_messages = argc == 3 ? atol (argv[2]) : 0;

  if (n_messages <= 0)
    {
      fprintf (stderr, "usage: raw-mta SPEC MESSAGES\n");
      return 2;
    }
  memset (body, 'x', sizeof body);
  for (size_t i = 0; i < N_COMMANDS; i++)
    ends[i] = put_command (frames[i], i, body);
  fd = open_socket (argv[1], false);
  epoll_fd = watch (fd);
  write_all (fd, other, (size_t) (put_frame (other, 'O', offered, sizeof offered) - other));
  read_answer ('O');
  write_all (fd, other, (size_t) (put_frame (other, 'C', client, sizeof client) - other));
  read_answer ('c');
  write_all (fd, other, (size_t) (put_frame (other, 'H', "client", 7) - other));
  read_answer ('c');
  for (long i = 0; i < n_messages; i++)
    for (size_t k = 0; k < N_COMMANDS; k++)
      {
        write_all (fd, frames[k], (size_t) (ends[k] - frames[k]));
        read_answer ('c');
      }
  write_all (fd, other, (size_t) (put_frame (other, 'Q', "", 0) - other));
  return 0;
}
