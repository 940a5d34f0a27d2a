/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-output.c: bytes on their way to the kernel.
 */
#include "milter-io-output.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static MilterIoOutput output;
static MilterIoSpare spare;
static int fds[2];

static void
setup (void)
{
  cr_assert (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
}

static void
teardown (void)
{
  milter_io_output_clear (&output);
  g_clear_pointer (&spare, g_byte_array_unref);
  close (fds[0]);
  close (fds[1]);
}

TestSuite (io_output, .init = setup, .fini = teardown);

Test (io_output, everything_leaves_in_order_whatever_the_kernel_takes)
{
  g_autoptr (GByteArray) sent = g_byte_array_new ();
  g_autoptr (GByteArray) got = g_byte_array_new ();
  guint8 room[9000];

  for (guint round = 0; round < 400; round++)
    {
      guint8 bytes[5000];

      for (guint i = 0; i < sizeof bytes; i++)
        bytes[i] = (guint8) (round * 7 + i / 3);
      g_byte_array_append (milter_io_output_get_bytes (&output, &spare), bytes, sizeof bytes);
      g_byte_array_append (sent, bytes, sizeof bytes);
      cr_assert (milter_io_output_send (&output, fds[0], &spare) == 0);
      cr_assert (got->len + milter_io_output_count (&output) <= sent->len);
      if (round % 3 == 0)
        continue;
      ssize_t n = recv (fds[1], room, sizeof room, 0);
      if (n > 0)
        g_byte_array_append (got, room, (guint) n);
    }
  while (got->len < sent->len)
    {
      ssize_t n = recv (fds[1], room, sizeof room, 0);
      cr_assert (n > 0);
      g_byte_array_append (got, room, (guint) n);
      if (milter_io_output_count (&output) > 0)
        cr_assert (milter_io_output_send (&output, fds[0], &spare) == 0);
    }
  cr_expect (milter_io_output_count (&output) == 0);
  cr_expect (memcmp (sent->data, got->data, sent->len) == 0);
}

Test (io_output, a_peer_that_left_is_an_error_and_not_a_signal)
{
  close (fds[1]);
  fds[1] = -1;
  g_byte_array_append (milter_io_output_get_bytes (&output, &spare), (const guint8 *) "x", 1);
  cr_expect (milter_io_output_send (&output, fds[0], &spare) == EPIPE);
  milter_io_output_drop (&output, &spare);
  cr_expect (milter_io_output_count (&output) == 0);
}

Test (io_output, what_is_sent_leaves_no_memory_behind_but_a_spare_array)
{
  GByteArray *bytes = milter_io_output_get_bytes (&output, &spare);

  g_byte_array_append (bytes, (const guint8 *) "x", 1);
  cr_assert (milter_io_output_send (&output, fds[0], &spare) == 0);
  cr_expect (output.bytes == NULL);
  cr_expect (spare == bytes);
  cr_expect (milter_io_output_get_bytes (&output, &spare) == bytes);
  cr_expect (spare == NULL);
  cr_expect (bytes->len == 0);
}

Test (io_output, a_large_array_is_no_spare_one)
{
  GByteArray *bytes = milter_io_output_get_bytes (&output, &spare);

  g_byte_array_set_size (bytes, 4000);
  memset (bytes->data, 0, bytes->len);
  cr_assert (milter_io_output_send (&output, fds[0], &spare) == 0);
  cr_expect (output.bytes == NULL);
  cr_expect (spare == NULL);
}
