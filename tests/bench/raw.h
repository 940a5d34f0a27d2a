/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * raw.h: sockets and frames of the two programs that show what the machine can do at all.
 *
 * They neither decode nor judge: everything they say is made beforehand. What a real tool needs more
 * than they do is what it costs.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline void
die (const char *what)
{
  perror (what);
  exit (1);
}

/* `unix:PATH` or `inet:PORT` (127.0.0.1) */
static inline int
open_socket (const char *spec, bool listening)
{
  struct sockaddr_un path = { .sun_family = AF_UNIX };
  struct sockaddr_in address = { .sin_family = AF_INET };
  bool is_unix = strncmp (spec, "unix:", 5) == 0;
  struct sockaddr *to = is_unix ? (struct sockaddr *) &path : (struct sockaddr *) &address;
  socklen_t size = is_unix ? sizeof path : sizeof address;
  int fd = socket (is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

  snprintf (path.sun_path, sizeof path.sun_path, "%s", spec + 5);
  address.sin_port = htons ((uint16_t) atoi (spec + 5));
  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (fd < 0)
    die ("socket");
  if (!is_unix)
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (!listening && connect (fd, to, size) < 0)
    die (spec);
  if (listening && (bind (fd, to, size) < 0 || listen (fd, 64) < 0))
    die (spec);
  return fd;
}

/* appends a frame; returns where the next one begins */
static inline uint8_t *
put_frame (uint8_t *at, char letter, const void *payload, size_t size)
{
  uint32_t length = htonl ((uint32_t) size + 1);

  memcpy (at, &length, 4);
  at[4] = (uint8_t) letter;
  memcpy (at + 5, payload, size);
  return at + 5 + size;
}

static inline void
write_all (int fd, const uint8_t *data, size_t size)
{
  while (size > 0)
    {
      ssize_t n = send (fd, data, size, MSG_NOSIGNAL);

      if (n < 0)
        die ("send");
      data += n;
      size -= (size_t) n;
    }
}

static inline void
wait_for (int epoll_fd)
{
  struct epoll_event event;

  while (epoll_wait (epoll_fd, &event, 1, -1) < 0)
    if (errno != EINTR)
      die ("epoll_wait");
}

static inline int
watch (int fd)
{
  struct epoll_event event = { .events = EPOLLIN };
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);

  if (epoll_fd < 0 || epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    die ("epoll");
  return epoll_fd;
}
