/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-message-private.h: payloads that nearly all messages have, taken apart without a call.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "milter-message.h"

G_BEGIN_DECLS

#define MILTER_FRAME_LENGTH_SIZE 4
#define MILTER_FRAME_LETTER_SIZE 1
#define MILTER_FRAME_OVERHEAD    (MILTER_FRAME_LENGTH_SIZE + MILTER_FRAME_LETTER_SIZE)

/* four bytes that are there, the highest first */
static inline guint32
milter_get_u32 (const guint8 *from)
{
  guint32 number;

  memcpy (&number, from, sizeof number);
  return GUINT32_FROM_BE (number);
}

/* the layouts of the first two fields in one number; those that are plain have no third */
#define MILTER_SHAPE(first, second) (MILTER_LAYOUT_##first | MILTER_LAYOUT_##second << 4)
static inline guint
milter_spec_get_shape (const MilterSpec *spec)
{
  return spec->fields[0].layout | spec->fields[1].layout << 4;
}

/* rows by letter; NULL if there is no such command */
MILTER_AVAILABLE const MilterSpec *const _milter_spec_commands['Z' - 'A' + 1];

/* The payload of nearly all messages: strings, or bytes up to the end. Sets the fields of the row,
 * no more. False for any other payload, and for one that has a fault: that is for who looks
 * closely. */
static inline bool
milter_payload_parse_plain (const MilterSpec *spec,
                            const guint8 *data,
                            gsize size,
                            MilterField *fields)
{
  const guint shape = milter_spec_get_shape (spec);
  const guint8 *end;

  switch (shape)
    {
    case MILTER_SHAPE (NONE, NONE):
      return size == 0;
    case MILTER_SHAPE (REST, NONE):
      fields[0].bytes = milter_bytes (size > 0 ? data : NULL, size);
      return true;
    case MILTER_SHAPE (STRING, NONE):
    case MILTER_SHAPE (STRING, STRING):
    case MILTER_SHAPE (STRING, STRINGS):
      break;
    default:
      return false;
    }

  end = size > 0 ? memchr (data, '\0', size) : NULL;
  if (end == NULL)
    return false;
  fields[0].bytes = milter_bytes (data, (gsize) (end - data));
  size -= (gsize) (end + 1 - data);
  if (shape == MILTER_SHAPE (STRING, NONE))
    return size == 0;
  /* no strings at all, as nearly always; any more are for who looks closely */
  if (shape == MILTER_SHAPE (STRING, STRINGS))
    {
      fields[1].bytes = milter_bytes (NULL, 0);
      return size == 0;
    }
  data = end + 1;
  end = size > 0 ? memchr (data, '\0', size) : NULL;
  fields[1].bytes = milter_bytes (data, size - 1);
  return end == data + size - 1;
}

/* The row of the first command in @data, if there is the whole of one. NULL for anything else, of
 * which nothing is said. Its payload is behind length and letter. */
static inline const MilterSpec *
milter_command_find (const guint8 *data,
                     gsize size,
                     const MilterLimits *limits,
                     gsize *payload_size)
{
  guint32 n;
  guint row;

  if (size < MILTER_FRAME_OVERHEAD)
    return NULL;
  /* a length of 0 becomes one above any limit */
  n = milter_get_u32 (data) - MILTER_FRAME_LETTER_SIZE;
  row = (guint) data[MILTER_FRAME_LENGTH_SIZE] - 'A';
  if (n > limits->max_payload || n > size - MILTER_FRAME_OVERHEAD
      || row >= G_N_ELEMENTS (_milter_spec_commands))
    return NULL;
  *payload_size = n;
  return _milter_spec_commands[row];
}

G_END_DECLS
