/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-read-all.c: files are read whole, or not at all.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "milter-read-all.h"

static int
open_file (gsize size)
{
  char name[] = "/tmp/read-all-XXXXXX";
  int fd = mkstemp (name);

  cr_assert_geq (fd, 0);
  unlink (name);
  cr_assert_eq (ftruncate (fd, (off_t) size), 0);
  return fd;
}

Test (read_all, everything_up_to_the_limit)
{
  static const struct
  {
    gsize size, max_size;
    int result;
  } rows[] = {
    { 0, 0, 0 },           { 1, 0, EFBIG },           { 10, 10, 0 },
    { 11, 10, EFBIG },     { 65536, 65536, 0 },       { 200000, 200000, 0 },
    { 200000, 1000, EFBIG }, { 200000, 199999, EFBIG },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      int fd = open_file (rows[i].size);

      cr_expect_eq (milter_read_all (fd, rows[i].max_size, bytes), rows[i].result, "row %zu", i);
      if (rows[i].result == 0)
        cr_expect_eq (bytes->len, rows[i].size, "row %zu", i);
      close (fd);
    }
}

Test (read_all, what_is_there_already_stays)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  int ends[2];

  cr_assert_eq (pipe (ends), 0);
  cr_assert_eq (write (ends[1], "bc", 2), 2);
  close (ends[1]);
  g_byte_array_append (bytes, (const guint8 *) "a", 1);
  cr_expect_eq (milter_read_all (ends[0], 2, bytes), 0);
  close (ends[0]);
  cr_assert_eq (bytes->len, 3);
  cr_expect_arr_eq (bytes->data, "abc", 3);
}

Test (read_all, an_error_is_told)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  int fd = open ("/", O_RDONLY | O_DIRECTORY);

  cr_expect_eq (milter_read_all (fd, 10, bytes), EISDIR);
  cr_expect_eq (bytes->len, 0);
  close (fd);
}
