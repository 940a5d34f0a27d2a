/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-conformance-watch.c: what a process holds.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "conformance-watch.h"

Test (conformance_watch, open_files_and_memory_of_a_process_are_counted)
{
  ConformanceHeld before, after;
  int fd;

  cr_assert (conformance_watch_measure (getpid (), &before));
  fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  cr_assert_geq (fd, 0);
  cr_assert (conformance_watch_measure (getpid (), &after));
  cr_expect_eq (after.files, before.files + 1);
  cr_expect_gt (after.memory, 0);
  close (fd);
}

Test (conformance_watch, a_process_that_is_gone_cannot_be_measured)
{
  ConformanceHeld held;

  cr_expect_not (conformance_watch_measure (0, &held));
  cr_expect_not (conformance_watch_measure (0x7ffffffe, &held));
}

Test (conformance_watch, more_files_or_much_more_memory_is_told)
{
  static const struct
  {
    ConformanceHeld before, after;
    const char *problem;
  } rows[] = {
    { { 5, 1 << 20 }, { 5, 1 << 20 }, NULL },
    { { 5, 1 << 20 }, { 4, 1 << 10 }, NULL },
    { { 5, 1 << 20 }, { 5, 30 << 20 }, NULL },
    { { 5, 1 << 20 }, { 6, 1 << 20 }, "the milter has 6 files open, before it were 5" },
    { { 5, 1 << 20 }, { 5, 64 << 20 }, "the milter holds 64.0 MiB of memory, before it were 1.0" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *problem = conformance_watch_compare (&rows[i].before, &rows[i].after);

      cr_expect (g_strcmp0 (problem, rows[i].problem) == 0, "%zu: %s", i, problem);
    }
}
