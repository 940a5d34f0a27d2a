/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-output.c: bytes on their way to the kernel.
 */
#include "milter-io-output.h"

#include <errno.h>

#include "milter-io-system.h"

/* bytes already sent are taken out of a buffer when they are more than this, not sooner */
#define COMPACT (64 * 1024)

static void
note_sent (MilterIoOutput *output, gsize n, MilterIoSpare *spare)
{
  GByteArray *bytes = output->bytes;

  output->n_sent += n;
  if (output->n_sent == bytes->len)
    {
      milter_io_output_drop (output, spare);
    }
  else if (output->n_sent > COMPACT && output->n_sent > bytes->len / 2)
    {
      g_byte_array_remove_range (bytes, 0, (guint) output->n_sent);
      output->n_sent = 0;
    }
}

int
milter_io_output_send (MilterIoOutput *output, int fd, MilterIoSpare *spare)
{
  ssize_t n;

  do
    n = milter_io_send (fd, output->bytes->data + output->n_sent, milter_io_output_count (output));
  while (n < 0 && errno == EINTR);

  if (n >= 0)
    note_sent (output, (gsize) n, spare);
  return n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno;
}

void
milter_io_output_drop (MilterIoOutput *output, MilterIoSpare *spare)
{
  GByteArray *bytes = g_steal_pointer (&output->bytes);

  output->n_sent = 0;
  if (bytes == NULL)
    return;
  if (*spare != NULL || bytes->len > MILTER_IO_OUTPUT_ROOM)
    {
      g_byte_array_unref (bytes);
      return;
    }
  bytes->len = 0;
  *spare = bytes;
}

void
milter_io_output_clear (MilterIoOutput *output)
{
  g_clear_pointer (&output->bytes, g_byte_array_unref);
  output->n_sent = 0;
}
