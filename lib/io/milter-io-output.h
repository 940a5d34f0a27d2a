/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-output.h: bytes that wait for the kernel to take them.
 */
#pragma once

#include <glib.h>
#include <string.h>

/* zero-initialised */
typedef struct
{
  GByteArray *bytes; /* nullable; encoders append to it */
  gsize n_sent;      /* of these */
} MilterIoOutput;

/* An empty output holds no memory: what it wrote to is kept for whoever writes next. One spare array
 * does for all the connections of a thread, because most of them write and send in one go. */
typedef GByteArray *MilterIoSpare;

/* an array has room for so much without a look, which is more than most turns need; one that was
 * larger is given back when it is empty */
#define MILTER_IO_OUTPUT_ROOM 512

/* it stays the same one until all of it is sent, or dropped */
static inline GByteArray *
milter_io_output_get_bytes (MilterIoOutput *output, MilterIoSpare *spare)
{
  if (output->bytes == NULL)
    output->bytes
        = *spare != NULL ? g_steal_pointer (spare) : g_byte_array_sized_new (MILTER_IO_OUTPUT_ROOM);
  return output->bytes;
}
static inline void
milter_io_output_append (MilterIoOutput *output,
                         MilterIoSpare *spare,
                         const guint8 *data,
                         gsize size)
{
  GByteArray *bytes = milter_io_output_get_bytes (output, spare);

  if (size <= MILTER_IO_OUTPUT_ROOM && bytes->len <= MILTER_IO_OUTPUT_ROOM - size)
    {
      memcpy (bytes->data + bytes->len, data, size);
      bytes->len += (guint) size;
    }
  else
    g_byte_array_append (bytes, data, (guint) size);
}
static inline gsize
milter_io_output_count (const MilterIoOutput *output)
{
  return output->bytes ? output->bytes->len - output->n_sent : 0;
}
/* one send(). 0: it has taken some, or could take nothing now; what waits still is counted by
 * _count(). Else errno. Never a signal. */
int milter_io_output_send (MilterIoOutput *output, int fd, MilterIoSpare *spare);
/* nobody will take them */
void milter_io_output_drop (MilterIoOutput *output, MilterIoSpare *spare);
void milter_io_output_clear (MilterIoOutput *output);
