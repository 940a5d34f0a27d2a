/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * count-calls.c: preloaded into a program, counts how often it asks the system to read, write, wait,
 * or look whether there is something to wait for, and how often it asks for memory; further what it
 * asks about descriptors: to accept, close, watch or set one up. Prints the counts on stderr in the
 * end.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long n_read, n_write, n_wait, n_look, n_memory, n_descriptor;

#define NEXT(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

/* how connections read and write (milter-io-system.h) */
long
syscall (long number, ...)
{
  long a[6];
  va_list arguments;

  va_start (arguments, number);
  for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
    a[i] = va_arg (arguments, long);
  va_end (arguments);
  n_read += number == SYS_recvfrom;
  n_write += number == SYS_sendto;
  return NEXT (syscall) (number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

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

ssize_t
pwrite (int fd, const void *data, size_t size, off_t offset)
{
  n_write++;
  return NEXT (pwrite) (fd, data, size, offset);
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
  if (timeout == 0)
    n_look++;
  else
    n_wait++;
  return NEXT (epoll_wait) (fd, events, n, timeout);
}

int
accept4 (int fd, struct sockaddr *address, socklen_t *size, int flags)
{
  n_descriptor++;
  return NEXT (accept4) (fd, address, size, flags);
}

int
close (int fd)
{
  n_descriptor++;
  return NEXT (close) (fd);
}

int
epoll_ctl (int epoll_fd, int operation, int fd, struct epoll_event *event)
{
  n_descriptor++;
  return NEXT (epoll_ctl) (epoll_fd, operation, fd, event);
}

int
setsockopt (int fd, int level, int name, const void *value, socklen_t size)
{
  n_descriptor++;
  return NEXT (setsockopt) (fd, level, name, value, size);
}

int
fcntl (int fd, int operation, ...)
{
  va_list arguments;
  long argument;

  va_start (arguments, operation);
  argument = va_arg (arguments, long);
  va_end (arguments);
  n_descriptor++;
  return NEXT (fcntl) (fd, operation, argument);
}

/* the C library's own: dlsym() asks for memory itself */
void *__libc_malloc (size_t size);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *data, size_t size);
void *malloc (size_t size);
void *calloc (size_t n, size_t size);
void *realloc (void *data, size_t size);

void *
malloc (size_t size)
{
  n_memory++;
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  n_memory++;
  return __libc_calloc (n, size);
}

void *
realloc (void *data, size_t size)
{
  n_memory++;
  return __libc_realloc (data, size);
}

__attribute__ ((destructor)) static void
tell (void)
{
  fprintf (stderr,
           "calls: read %lu write %lu wait %lu look %lu memory %lu descriptor %lu\n",
           n_read,
           n_write,
           n_wait,
           n_look,
           n_memory,
           n_descriptor);
}
