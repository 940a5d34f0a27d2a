/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * count-calls.c: preloaded into a program, counts how often it asks the system to read, write or
 * wait, and prints the counts on stderr in the end.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned long n_read, n_write, n_wait;

#define NEXT(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

ssize_t
recv (int fd, void *data, size_t size, int flags)
{
  n_read++;
  return NEXT (recv) (fd, data, size, flags);
}

ssize_t
read (int fd, void *data, size_t size)
{
  n_read++;
  return NEXT (read) (fd, data, size);
}

ssize_t
send (int fd, const void *data, size_t size, int flags)
{
  n_write++;
  return NEXT (send) (fd, data, size, flags);
}

ssize_t
sendmsg (int fd, const struct msghdr *message, int flags)
{
  n_write++;
  return NEXT (sendmsg) (fd, message, flags);
}

ssize_t
write (int fd, const void *data, size_t size)
{
  n_write++;
  return NEXT (write) (fd, data, size);
}

int
poll (struct pollfd *fds, nfds_t n, int timeout)
{
  n_wait++;
  return NEXT (poll) (fds, n, timeout);
}

int
epoll_wait (int fd, struct epoll_event *events, int n, int timeout)
{
  n_wait++;
  return NEXT (epoll_wait) (fd, events, n, timeout);
}

__attribute__ ((destructor)) static void
tell (void)
{
  fprintf (stderr, "calls: read %lu write %lu wait %lu\n", n_read, n_write, n_wait);
}
