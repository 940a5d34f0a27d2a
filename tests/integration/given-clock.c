/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * given-clock.c: preloaded into a program, gives it the time of the file $GIVEN_CLOCK, in microseconds,
 * which a test moves on, and notes there what it has received by when, and whether it acknowledges that
 * at once. What a program makes of pauses then does not depend on how busy the machine is. Kernel and
 * peers have the clock that they always had.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* as in givenclock.py */
typedef struct
{
  _Atomic gint64 now_us;
  _Atomic gint64 n_received;   /* bytes */
  _Atomic gint64 n_timed;      /* … of which it has asked the time since */
  _Atomic gint64 delays_ack;   /* it switched TCP_QUICKACK off, and not on again */
} Given;

static Given *given;

#define NEXT(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

__attribute__ ((constructor)) static void
map_given (void)
{
  const char *path = getenv ("GIVEN_CLOCK");
  int fd = path != NULL ? open (path, O_RDWR | O_CLOEXEC) : -1;

  given = mmap (NULL, sizeof *given, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (given == MAP_FAILED)
    abort ();
  close (fd);
}

/* What GLib asks, for us and for its main loop. It moves on a little by itself, so that who looks until
 * a time has come comes to an end. */
int
clock_gettime (clockid_t clock, struct timespec *now)
{
  if (clock != CLOCK_MONOTONIC)
    return NEXT (clock_gettime) (clock, now);
  gint64 now_us = atomic_fetch_add (&given->now_us, 1) + 1;

  now->tv_sec = now_us / G_USEC_PER_SEC;
  now->tv_nsec = now_us % G_USEC_PER_SEC * 1000;
  given->n_timed = given->n_received;
  return 0;
}

int
setsockopt (int fd, int level, int name, const void *value, socklen_t size)
{
  if (level == IPPROTO_TCP && name == TCP_QUICKACK)
    given->delays_ack = *(const int *) value == 0;
  return NEXT (setsockopt) (fd, level, name, value, size);
}

/* connections read in one of two ways (milter-io-system.h) */
ssize_t
recv (int fd, void *data, size_t size, int flags)
{
  ssize_t n = NEXT (recv) (fd, data, size, flags);

  if (n > 0)
    given->n_received += n;
  return n;
}

long
syscall (long number, ...)
{
  long a[6], n;
  va_list arguments;

  va_start (arguments, number);
  for (size_t i = 0; i < G_N_ELEMENTS (a); i++)
    a[i] = va_arg (arguments, long);
  va_end (arguments);
  n = NEXT (syscall) (number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (number == SYS_read && n > 0)
    given->n_received += n;
  return n;
}
