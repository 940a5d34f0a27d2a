/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load-milter.c: answers `continue` to everything, on many connections; it looks at letters and
 * lengths alone.
 *
 * usage: load-milter [-n] SPEC; says "listening" when it does. -n: negotiates all no-reply steps.
 */
#include "raw.h"

#include <fcntl.h>
#include <sys/resource.h>

#define MAX_EVENTS 256
/* commands that are not answered: macros, ABORT, QUIT, QUIT_NC */
#define UNANSWERED "DAQK"

typedef struct
{
  int fd;
  uint8_t head[5]; /* of a frame that has not come whole */
  size_t have;
  size_t skip; /* bytes of a payload that are still to come */
} Connection;

static bool no_replies;
static uint8_t input[1 << 18];

static uint8_t *
answer (uint8_t *at, char letter)
{
  static const char answers[2][12]
      = { "\0\0\0\6\0\0\0\0\0\0\0\0", "\0\0\0\6\0\0\0\0\0\x0f\xf0\x80" };

  if (letter == 'O')
    return put_frame (at, 'O', answers[no_replies], sizeof answers[0]);
  if (strchr (UNANSWERED, letter) != NULL || (no_replies && letter != 'E'))
    return at;
  return put_frame (at, 'c', "", 0);
}

/* false when the connection is over */
static bool
take (Connection *connection, const uint8_t *data, size_t size)
{
  uint8_t output[4096], *at = output;

  while (size > 0)
    {
      size_t n = connection->skip < size ? connection->skip : size;
      uint32_t length;

      connection->skip -= n;
      data += n;
      size -= n;
      while (size > 0 && connection->skip == 0 && connection->have < sizeof connection->head)
        {
          connection->head[connection->have++] = *data++;
          size--;
        }
      if (connection->have < sizeof connection->head)
        break;
      memcpy (&length, connection->head, 4);
      connection->skip = ntohl (length) - 1;
      connection->have = 0;
      if (connection->head[4] == 'Q')
        return false;
      at = answer (at, (char) connection->head[4]);
      if (at > output + sizeof output - 64)
        {
          write_all (connection->fd, output, (size_t) (at - output));
          at = output;
        }
    }
  if (at > output)
    write_all (connection->fd, output, (size_t) (at - output));
  return true;
}

static void
accept_all (int listener, int epoll_fd)
{
  int fd, one = 1;

  while ((fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
    {
      Connection *connection = calloc (1, sizeof *connection);
      struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

      connection->fd = fd;
      /* fails on a unix socket, which needs it not */
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die ("epoll_ctl");
    }
}

static void
serve (Connection *connection)
{
  ssize_t n = recv (connection->fd, input, sizeof input, MSG_DONTWAIT);

  if ((n < 0 && errno == EAGAIN) || (n > 0 && take (connection, input, (size_t) n)))
    return;
  close (connection->fd);
  free (connection);
}

int
main (int argc, char **argv)
{
  struct epoll_event event = { .events = EPOLLIN }, events[MAX_EVENTS];
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC), listener;
  struct rlimit limit;

  no_replies = argc == 3 && strcmp (argv[1], "-n") == 0;
  if (argc != (no_replies ? 3 : 2))
    {
      fprintf (stderr, "usage: load-milter [-n] SPEC\n");
      return 2;
    }
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  listener = open_socket (argv[argc - 1], true);
  if (listen (listener, SOMAXCONN) < 0 || fcntl (listener, F_SETFL, O_NONBLOCK) < 0
      || epoll_ctl (epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
    die ("listen");
  printf ("listening\n");
  fflush (stdout);
  for (;;)
    {
      int n = epoll_wait (epoll_fd, events, MAX_EVENTS, -1);

      for (int i = 0; i < n; i++)
        if (events[i].data.ptr == NULL)
          accept_all (listener, epoll_fd);
        else
          serve (events[i].data.ptr);
    }
}
