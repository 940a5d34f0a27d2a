/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-rest.c: what was not consumed.
 */
#include "milter-io-rest.h"

#include <stdbool.h>
#include <string.h>

#include "milter-io-loop-private.h"

/* a rest up to this size is copied to the loop's buffer rather than added to */
#define SMALL (16 * 1024)
/* room to add to a large one at least */
#define ROOM (128 * 1024)

guint8 *
milter_io_rest_place (MilterIoRest *rest, guint8 *buffer, gsize *free)
{
  if (rest->size <= SMALL)
    {
      *free = MILTER_IO_BUFFER_SIZE - rest->size;
      return buffer;
    }

  if (rest->room - rest->size < ROOM / 2)
    {
      rest->room = MAX (2 * rest->size, rest->size + ROOM);
      rest->data = g_realloc (rest->data, rest->room);
    }
  *free = MIN (rest->room - rest->size, MILTER_IO_BUFFER_SIZE);
  return rest->data;
}

void
milter_io_rest_join (MilterIoRest *rest, guint8 *place)
{
  if (place == rest->data || rest->size == 0)
    return;
  memcpy (place, rest->data, rest->size);
  milter_io_rest_clear (rest);
}

void
milter_io_rest_keep (MilterIoRest *rest, const guint8 *data, gsize size)
{
  bool inside = rest->data != NULL;

  if (size == 0)
    {
      if (inside)
        milter_io_rest_clear (rest);
      return;
    }
  /* one that has become small gives its room back */
  if (inside && (data == rest->data || size > SMALL))
    {
      if (data != rest->data)
        memmove (rest->data, data, size);
      rest->size = size;
      return;
    }

  gsize room = size > SMALL ? size + ROOM : size;
  guint8 *copy = g_malloc (room);
  memcpy (copy, data, size);
  g_free (rest->data);
  *rest = (MilterIoRest){ .data = copy, .size = size, .room = room };
}

void
milter_io_rest_clear (MilterIoRest *rest)
{
  g_free (rest->data);
  *rest = (MilterIoRest){ .data = NULL };
}
