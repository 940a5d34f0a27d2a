/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * threads.h: what the programs with threads share: a verdict, and MTAs that block.
 */
#pragma once

#include <errno.h>
#include <glib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "suppressions.h"

/* a peer that hears nothing for so long has found a deadlock */
#define PATIENCE_S 60

static atomic_bool failed;

static inline void
fail (const char *what)
{
  fprintf (stderr, "%s: %s\n", program_invocation_short_name, what);
  atomic_store (&failed, true);
}

#define EXPECT(condition)                                                                          \
  do                                                                                               \
    if (!(condition))                                                                              \
      fail (G_STRLOC ": not true: " #condition);                                                   \
  while (0)

/* MTAs. */

/* an unsigned array without the NUL of its literal */
#define FRAMES(bytes) bytes, sizeof (bytes) - 1
#define OFFER         "\0\0\0\015O\0\0\0\6\0\0\1\377\0\37\377\377"

static struct sockaddr_un milter_address = { .sun_family = AF_UNIX };

/* the spec of a socket in a new folder, which leave_folder() removes */
static inline char *
make_spec (void)
{
  g_autofree char *folder = g_dir_make_tmp ("milterlab-threads-XXXXXX", NULL);

  g_snprintf (milter_address.sun_path, sizeof milter_address.sun_path, "%s/s", folder);
  return g_strconcat ("unix:", milter_address.sun_path, NULL);
}

static inline void
leave_folder (void)
{
  g_autofree char *folder = g_path_get_dirname (milter_address.sun_path);

  if (rmdir (folder) != 0)
    fail ("the socket was left behind");
}

static inline int
connect_one (void)
{
  const struct timeval patience = { .tv_sec = PATIENCE_S };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0
      || connect (fd, (const struct sockaddr *) &milter_address, sizeof milter_address) != 0)
    fail ("cannot connect");
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

static inline void
say (int fd, const char *bytes, gsize size)
{
  if (send (fd, bytes, size, MSG_NOSIGNAL) != (gssize) size)
    fail ("the milter takes no commands");
}

/* exactly these bytes come; NULL: any */
static inline void
expect (int fd, const char *bytes, gsize size)
{
  char buffer[512];
  gsize n = 0;

  g_assert (size <= sizeof buffer);
  while (n < size)
    {
      gssize more = recv (fd, buffer + n, size - n, 0);

      if (more <= 0)
        {
          fail ("an answer did not come");
          return;
        }
      n += (gsize) more;
    }
  if (bytes != NULL && memcmp (buffer, bytes, size) != 0)
    fail ("an answer is not what it should be");
}

static inline void
expect_end (int fd)
{
  char byte;

  if (recv (fd, &byte, 1, 0) != 0)
    fail ("a connection was not closed");
  close (fd);
}

/* connected, and the offer answered */
static inline int
negotiate_one (void)
{
  int fd = connect_one ();

  say (fd, FRAMES (OFFER));
  expect (fd, NULL, 17);
  return fd;
}
