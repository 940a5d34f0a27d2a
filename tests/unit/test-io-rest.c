/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-rest.c: bytes kept until more have come, in the loop's buffer or in their own.
 */
#include "milter-io-rest.h"

#include <criterion/criterion.h>
#include <string.h>

#include "milter-io-loop-private.h"

static MilterIoRest rest;
static guint8 *buffer;

static void
setup (void)
{
  buffer = g_malloc (MILTER_IO_BUFFER_SIZE);
}

static void
teardown (void)
{
  milter_io_rest_clear (&rest);
  g_free (buffer);
}

TestSuite (io_rest, .init = setup, .fini = teardown);

static guint8
byte_at (gsize position)
{
  return (guint8) (position * 31 + position / 256);
}

/* as a read does it: `read` new bytes, of which and of the rest all but `left` are consumed */
static void
step (gsize *position, gsize read, gsize left)
{
  gsize kept = rest.size;
  gsize room;
  guint8 *place = milter_io_rest_place (&rest, buffer, &room);

  cr_assert (room > 0);
  read = MIN (read, room);
  for (gsize i = 0; i < read; i++)
    place[kept + i] = byte_at (*position + i);
  milter_io_rest_join (&rest, place);

  gsize size = kept + read;
  for (gsize i = 0; i < size; i++)
    cr_assert (place[i] == byte_at (*position - kept + i), "byte %zu of %zu", i, size);
  *position += read;
  left = MIN (left, size);
  milter_io_rest_keep (&rest, place + size - left, left);
  cr_assert (rest.size == left);
}

Test (io_rest, every_change_of_size_keeps_the_bytes)
{
  static const gsize sizes[] = { 0, 1, 16383, 16384, 16385, 100000, 262144, 300000, 1048577 };
  gsize position = 0;

  for (gsize from = 0; from < G_N_ELEMENTS (sizes); from++)
    for (gsize to = 0; to < G_N_ELEMENTS (sizes); to++)
      {
        step (&position, 1000, 0);
        while (rest.size < sizes[from])
          step (&position, MIN (sizes[from] - rest.size, 70000), sizes[from]);
        step (&position, 5000, sizes[to]);
        step (&position, 1, sizes[to]);
      }
}

Test (io_rest, an_empty_one_holds_no_memory)
{
  gsize position = 0;

  step (&position, 200000, 100000);
  cr_expect (rest.data != NULL);
  step (&position, 1, 0);
  cr_expect (rest.data == NULL && rest.room == 0);
}

Test (io_rest, one_that_has_become_small_gives_its_room_back)
{
  gsize position = 0;

  step (&position, 200000, 200000);
  step (&position, 1, 10);
  cr_expect (rest.room < 1000, "%zu bytes for 10", rest.room);
}

Test (io_rest, a_large_one_is_added_to_where_it_is)
{
  gsize position = 0;
  gsize room;

  step (&position, 200000, 200000);
  cr_expect (milter_io_rest_place (&rest, buffer, &room) == rest.data);
  cr_expect (room >= 64 * 1024);
}
