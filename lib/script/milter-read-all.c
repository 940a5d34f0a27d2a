/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-read-all.c: a file that is read whole. Some tell no size, others grow: what is read counts.
 */
#include "milter-read-all.h"

#include <errno.h>
#include <unistd.h>

/* how much is asked of the system at once */
#define READ_SIZE 65536

int
milter_read_all (int fd, gsize max_size, GByteArray *bytes)
{
  gsize size = 0;

  for (;;)
    {
      guint before = bytes->len;
      ssize_t n;

      g_byte_array_set_size (bytes, before + READ_SIZE);
      do
        n = read (fd, bytes->data + before, READ_SIZE);
      while (n < 0 && errno == EINTR);
      g_byte_array_set_size (bytes, before + (n > 0 ? (guint) n : 0));
      if (n <= 0)
        return n == 0 ? 0 : errno;
      size += (gsize) n;
      if (size > max_size)
        return EFBIG;
    }
}
