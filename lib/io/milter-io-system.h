/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-system.h: the two calls that each command takes.
 *
 * The C library's recv() and send() are places where a thread may be cancelled, and what they do
 * for that, in a program with threads, takes three times as many instructions as the call itself.
 * Nobody cancels our threads, so the system is asked directly.
 */
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* a sanitizer knows the C library's calls: what memory they write, and which thread waited for
 * which */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(SYS_recvfrom)       \
    && defined(SYS_sendto)

static inline ssize_t
milter_io_recv (int fd, void *data, size_t size)
{
  /* read() would do the same by way of what files have; that takes 80 ns more */
  return syscall (SYS_recvfrom, fd, data, size, 0, /* from= */ NULL, /* from_size= */ NULL);
}

/* never a signal */
static inline ssize_t
milter_io_send (int fd, const void *data, size_t size)
{
  return syscall (SYS_sendto, fd, data, size, MSG_NOSIGNAL, /* to= */ NULL, 0);
}

#else

static inline ssize_t
milter_io_recv (int fd, void *data, size_t size)
{
  return recv (fd, data, size, 0);
}

static inline ssize_t
milter_io_send (int fd, const void *data, size_t size)
{
  return send (fd, data, size, MSG_NOSIGNAL);
}

#endif
