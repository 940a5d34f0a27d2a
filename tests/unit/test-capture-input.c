/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-input.c: bytes come out as they are in the file, however they are asked for.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "milter-capture-input.h"

#define FILE_SIZE ((gsize) 1000000)

static guint8
byte_at (gsize at)
{
  return (guint8) (at * 7 + at / 251);
}

static int
open_file (void)
{
  g_autofree guint8 *bytes = g_malloc (FILE_SIZE);
  char name[] = "/tmp/capture-input-XXXXXX";
  int fd = mkstemp (name);

  for (gsize i = 0; i < FILE_SIZE; i++)
    bytes[i] = byte_at (i);
  cr_assert_geq (fd, 0);
  unlink (name);
  cr_assert_eq (write (fd, bytes, FILE_SIZE), (gssize) FILE_SIZE);
  cr_assert_eq (lseek (fd, 0, SEEK_SET), 0);
  return fd;
}

Test (capture_input, pieces_of_any_size_follow_each_other)
{
  static const gsize sizes[] = { 1, 16, 4096, 65551, 300000 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      int fd = open_file ();
      MilterCaptureInput input;
      gsize at = 0;
      const guint8 *bytes;

      milter_capture_input_init (&input, fd);
      while ((bytes = milter_capture_input_peek (&input, sizes[i])) != NULL)
        {
          cr_assert_eq (bytes[0], byte_at (at));
          cr_assert_eq (bytes[sizes[i] - 1], byte_at (at + sizes[i] - 1));
          milter_capture_input_take (&input, sizes[i]);
          at += sizes[i];
        }
      cr_assert_eq (at, FILE_SIZE / sizes[i] * sizes[i]);
      cr_assert_eq (input.left, FILE_SIZE - at);
      cr_assert_eq (input.error, 0);
      milter_capture_input_clear (&input);
      close (fd);
    }
}

Test (capture_input, skips_more_than_it_holds)
{
  int fd = open_file ();
  MilterCaptureInput input;

  milter_capture_input_init (&input, fd);
  cr_assert (milter_capture_input_skip (&input, 900001));
  cr_assert_eq (*milter_capture_input_peek (&input, 1), byte_at (900001));
  cr_assert_not (milter_capture_input_skip (&input, FILE_SIZE));
  cr_assert_null (milter_capture_input_peek (&input, 1));
  milter_capture_input_clear (&input);
  close (fd);
}

Test (capture_input, what_cannot_be_read_is_told)
{
  int fd = open ("/", O_RDONLY | O_CLOEXEC);
  MilterCaptureInput input;

  milter_capture_input_init (&input, fd);
  cr_assert_null (milter_capture_input_peek (&input, 1));
  cr_assert_neq (input.error, 0);
  milter_capture_input_clear (&input);
  close (fd);
}
