/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * raw-proxy.c: passes bytes on between connections and a milter, and does nothing else: what one more
 * hop costs at all.
 *
 * usage: raw-proxy SPEC TO, of the forms of raw.h; says "listening" when it does.
 */
#include "raw.h"

#define MAX_FDS 65536

static int others[MAX_FDS];
static uint8_t buffer[256 << 10];

static void
add_fd (int epoll_fd, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

  if (fd >= MAX_FDS || epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    die ("epoll_ctl");
}

static void
add_pair (int epoll_fd, int fd, const char *to)
{
  int other = open_socket (to, /* listening= */ false);

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
  add_fd (epoll_fd, fd);
  add_fd (epoll_fd, other);
  others[fd] = other;
  others[other] = fd;
}

static void
pass_on (int fd)
{
  int other = others[fd];
  ssize_t n = other > 0 ? recv (fd, buffer, sizeof buffer, 0) : -1;

  if (n > 0 && send (other, buffer, (size_t) n, MSG_NOSIGNAL) == n)
    return;
  if (other <= 0)
    return;
  others[fd] = others[other] = 0;
  close (fd);
  close (other);
}

int
main (int argc, char **argv)
{
  struct epoll_event ready[64];
  int epoll_fd, listener;

  if (argc != 3)
    {
      fprintf (stderr, "usage: raw-proxy SPEC TO\n");
      return 2;
    }
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  listener = open_socket (argv[1], /* listening= */ true);
  if (epoll_fd < 0)
    die ("epoll_create1");
  add_fd (epoll_fd, listener);
  printf ("listening\n");
  fflush (stdout);
  for (;;)
    {
      int n = epoll_wait (epoll_fd, ready, 64, -1);

      for (int i = 0; i < n; i++)
        if (ready[i].data.fd == listener)
          add_pair (epoll_fd, accept4 (listener, NULL, NULL, SOCK_CLOEXEC), argv[2]);
        else
          pass_on (ready[i].data.fd);
    }
}
