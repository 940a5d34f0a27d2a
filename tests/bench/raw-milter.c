/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * raw-milter.c: answers `continue` to everything, one connection at a time.
 *
 * usage: raw-milter SPEC; says "listening" when it does.
 */
#include "raw.h"

/* commands that are not answered: macros, ABORT, QUIT, QUIT_NC */
#define UNANSWERED "DAQK"

static void
serve (int fd)
{
  static uint8_t input[1 << 17];
  static const char options[12] = "\0\0\0\6\0\0\0\0\0\0\0\0";
  uint8_t answer[64];
  size_t have = 0;
  int epoll_fd = watch (fd);

  for (;;)
    {
      ssize_t n = recv (fd, input + have, sizeof input - have, MSG_DONTWAIT);
      size_t used = 0;

      if (n < 0 && errno == EAGAIN)
        {
          wait_for (epoll_fd);
          continue;
        }
      if (n <= 0)
        break;
      have += (size_t) n;
      while (have - used >= 5)
        {
          uint32_t length;
          char letter = (char) input[used + 4];

          memcpy (&length, input + used, 4);
          if (have - used < 4 + (size_t) ntohl (length))
            break;
          used += 4 + ntohl (length);
          if (letter == 'O')
            write_all (fd, answer, (size_t) (put_frame (answer, 'O', options, 12) - answer));
          else if (strchr (UNANSWERED, letter) == NULL)
            write_all (fd, answer, (size_t) (put_frame (answer, 'c', "", 0) - answer));
          else if (letter == 'Q')
            goto over;
        }
      memmove (input, input + used, have - used);
      have -= used;
    }
over:
  close (epoll_fd);
  close (fd);
}

int
main (int argc, char **argv)
{
  int listener;

  if (argc != 2)
    {
      fprintf (stderr, "usage: raw-milter SPEC\n");
      return 2;
    }
  listener = open_socket (argv[1], true);
  printf ("listening\n");
  fflush (stdout);
  for (;;)
    {
      int one = 1, fd = accept (listener, NULL, NULL);

      if (fd < 0)
        die ("accept");
      /* fails on a unix socket, which needs it not */
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      serve (fd);
    }
}
