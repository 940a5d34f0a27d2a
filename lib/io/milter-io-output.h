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

/* made when first asked for; it stays the same one until the output is cleared */
GByteArray *milter_io_output_get_bytes (MilterIoOutput *output);
static inline gsize
milter_io_output_count (const MilterIoOutput *output)
{
  return output->bytes ? output->bytes->len - output->n_sent : 0;
}
/* one send(). 0: it has taken some, or could take nothing now; what waits still is counted by
 * _count(). Else errno. Never a signal. */
int milter_io_output_send (MilterIoOutput *output, int fd);
/* nobody will take them */
void milter_io_output_drop (MilterIoOutput *output);
void milter_io_output_clear (MilterIoOutput *output);
