/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-output.h: bytes that wait for the kernel to take them.
 */
#pragma once

#include <glib.h>

/* zero-initialised */
typedef struct
{
  GByteArray *bytes; /* nullable; encoders append to it */
  gsize n_sent;      /* of these */
} MilterIoOutput;

/* An empty output holds no memory: what it wrote to is kept for whoever writes next. One spare array
 * does for all the connections of a thread, because most of them write and send in one go. */
typedef GByteArray *MilterIoSpare;

/* it stays the same one until all of it is sent, or dropped */
GByteArray *milter_io_output_get_bytes (MilterIoOutput *output, MilterIoSpare *spare);
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
