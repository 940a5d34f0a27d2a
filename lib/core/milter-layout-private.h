/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-layout-private.h: fields on the wire: the cursor that reads them, and for each layout how
 * it is read, measured and written.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "milter-message-private.h"

G_BEGIN_DECLS

/* Bytes that are being taken apart. A helper that returns false has set @fault (else it is
 * MILTER_NO_FAULT) and where it is. */
typedef struct
{
  const guint8 *data;
  gsize size;
  gsize offset;
  int fault;
  gsize fault_offset;
} MilterCursor;

static inline guint8 *
milter_put_u32 (guint32 number, guint8 *to)
{
  number = GUINT32_TO_BE (number);
  memcpy (to, &number, sizeof number);
  return to + sizeof number;
}

/* sets the fault; returns false */
static inline bool
milter_cursor_fault (MilterCursor *cursor, int fault, gsize offset)
{
  cursor->fault = fault;
  cursor->fault_offset = offset;
  return false;
}

static inline bool
milter_cursor_at_end (const MilterCursor *cursor)
{
  return cursor->offset == cursor->size;
}

/* @width bytes, at most 4, the highest first */
bool milter_cursor_take_number (MilterCursor *cursor, gsize width, guint32 *number);
/* up to a NUL, which is passed over */
static inline bool
milter_cursor_take_string (MilterCursor *cursor, MilterBytes *string)
{
  const guint8 *start, *end;

  if (milter_cursor_at_end (cursor))
    return milter_cursor_fault (cursor, MILTER_CODEC_ERROR_UNTERMINATED, cursor->offset);
  start = cursor->data + cursor->offset;
  end = memchr (start, '\0', cursor->size - cursor->offset);
  if (end == NULL)
    return milter_cursor_fault (cursor, MILTER_CODEC_ERROR_UNTERMINATED, cursor->offset);
  *string = milter_bytes (start, (gsize) (end - start));
  cursor->offset += string->size + 1;
  return true;
}

/* all that is left, maybe nothing */
MilterBytes milter_cursor_take_rest (MilterCursor *cursor);

/* Write, and return the place behind. There must be room. */
guint8 *milter_put_number (guint32 number, gsize width, guint8 *to);
guint8 *milter_put_bytes (MilterBytes bytes, guint8 *to);

/**
 * MilterLayoutFunctions:
 * @decode: takes a field from the cursor
 * @measure: what the field takes on the wire. The cursor has no bytes: a field that cannot stand
 *   there is its fault
 * @put: writes as many bytes as were measured and returns the place behind them
 */
typedef struct
{
  bool (*decode) (MilterCursor *cursor, const MilterSpec *spec, MilterField *field);
  gsize (*measure) (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field);
  guint8 *(*put) (const MilterField *field, guint8 *to);
} MilterLayoutFunctions;

/* by MilterLayout; nothing for MILTER_LAYOUT_NONE */
extern const MilterLayoutFunctions milter_layouts[];

G_END_DECLS
