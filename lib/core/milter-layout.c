/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-layout.c: how each layout of the protocol's table stands on the wire.
 *
 * Bounds are checked in the cursor helpers and nowhere else.
 */
#include "milter-layout-private.h"

#include <string.h>

/* milter-protocol 2.1: IPv4, IPv6, unix, and unknown, behind which nothing follows */
static const char families[] = "46LU";

/* cursor */

/* what has been passed since @start */
static MilterBytes
cursor_since (const MilterCursor *cursor, gsize start)
{
  return milter_bytes (cursor->data + start, cursor->offset - start);
}

bool
milter_cursor_take_number (MilterCursor *cursor, gsize width, guint32 *number)
{
  guint32 value = 0;

  if (cursor->size - cursor->offset < width)
    return milter_cursor_fault (cursor, MILTER_CODEC_ERROR_TRUNCATED, cursor->offset);
  for (gsize i = 0; i < width; i++)
    value = value << 8 | cursor->data[cursor->offset + i];
  cursor->offset += width;
  *number = value;
  return true;
}

MilterBytes
milter_cursor_take_rest (MilterCursor *cursor)
{
  gsize start = cursor->offset;

  cursor->offset = cursor->size;
  return start == cursor->size ? milter_bytes (NULL, 0) : cursor_since (cursor, start);
}

/* decoding, by layout */

static bool
decode_string (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  return milter_cursor_take_string (cursor, &field->bytes);
}

static bool
decode_strings (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  MilterCursor packed = *cursor;

  for (guint n = 0; !milter_cursor_at_end (cursor); n++)
    {
      MilterBytes string;

      if (spec->max_strings != 0 && n == spec->max_strings)
        return milter_cursor_fault (cursor, MILTER_CODEC_ERROR_TRAILING_BYTES, cursor->offset);
      if (!milter_cursor_take_string (cursor, &string))
        return false;
    }
  field->bytes = milter_cursor_take_rest (&packed);
  return true;
}

static bool
decode_pairs (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  MilterCursor packed = *cursor;

  while (!milter_cursor_at_end (cursor))
    {
      gsize start = cursor->offset;
      MilterBytes string;

      if (!milter_cursor_take_string (cursor, &string))
        return false;
      if (milter_cursor_at_end (cursor))
        return milter_cursor_fault (cursor, MILTER_CODEC_ERROR_ODD_PAIRS, start);
      if (!milter_cursor_take_string (cursor, &string))
        return false;
    }
  field->bytes = milter_cursor_take_rest (&packed);
  return true;
}

static bool
decode_symbol_lists (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  MilterCursor packed = *cursor;

  while (!milter_cursor_at_end (cursor))
    {
      guint32 stage;
      MilterBytes names;

      if (!milter_cursor_take_number (cursor, 4, &stage)
          || !milter_cursor_take_string (cursor, &names))
        return false;
    }
  field->bytes = milter_cursor_take_rest (&packed);
  return true;
}

static bool
decode_u32 (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  return milter_cursor_take_number (cursor, 4, &field->number);
}

static bool
decode_byte (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  return milter_cursor_take_number (cursor, 1, &field->number);
}

static bool
decode_rest (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  field->bytes = milter_cursor_take_rest (cursor);
  return true;
}

static bool
is_family (guint32 family)
{
  return family != 0 && strchr (families, (int) family) != NULL;
}

static bool
decode_address (MilterCursor *cursor, const MilterSpec *spec, MilterField *field)
{
  gsize start = cursor->offset;
  guint32 family, port;
  MilterBytes text;

  if (!milter_cursor_take_number (cursor, 1, &family))
    return false;
  if (!is_family (family))
    return milter_cursor_fault (cursor, MILTER_CODEC_ERROR_BAD_FAMILY, start);
  field->address = (MilterAddress){ .family = (guint8) family };
  if (family == 'U')
    return true;
  if (!milter_cursor_take_number (cursor, 2, &port) || !milter_cursor_take_string (cursor, &text))
    return false;
  field->address.port = (guint16) port;
  field->address.text = text;
  return true;
}

/* measuring, by layout; the cursor has no bytes and only carries the fault */

static gsize
measure_string (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  const guint8 *nul
      = field->bytes.size == 0 ? NULL : memchr (field->bytes.data, '\0', field->bytes.size);

  if (nul != NULL)
    milter_cursor_fault (
        cursor, MILTER_CODEC_ERROR_EMBEDDED_NUL, (gsize) (nul - field->bytes.data));
  return field->bytes.size + 1;
}

static gsize
measure_rest (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  return field->bytes.size;
}

/* packed fields were built by somebody: they must come out again as they went in */
static gsize
measure_packed (MilterCursor *cursor,
                const MilterSpec *spec,
                const MilterField *field,
                bool (*decode) (MilterCursor *cursor, const MilterSpec *spec, MilterField *field))
{
  MilterCursor packed = { field->bytes.data, field->bytes.size, 0, MILTER_NO_FAULT, 0 };
  MilterField ignored;

  if (!decode (&packed, spec, &ignored))
    milter_cursor_fault (cursor, packed.fault, packed.fault_offset);
  return field->bytes.size;
}

static gsize
measure_strings (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  return measure_packed (cursor, spec, field, decode_strings);
}

static gsize
measure_pairs (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  return measure_packed (cursor, spec, field, decode_pairs);
}

static gsize
measure_symbol_lists (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  return measure_packed (cursor, spec, field, decode_symbol_lists);
}

static gsize
measure_u32 (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  return 4;
}

static gsize
measure_byte (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  if (field->number > G_MAXUINT8)
    milter_cursor_fault (cursor, MILTER_CODEC_ERROR_TRUNCATED, 0);
  return 1;
}

static gsize
measure_address (MilterCursor *cursor, const MilterSpec *spec, const MilterField *field)
{
  MilterField text = { .bytes = field->address.text };

  if (!is_family (field->address.family))
    milter_cursor_fault (cursor, MILTER_CODEC_ERROR_BAD_FAMILY, 0);
  if (field->address.family == 'U')
    return 1;
  return 1 + 2 + measure_string (cursor, spec, &text);
}

/* writing, by layout */

guint8 *
milter_put_number (guint32 number, gsize width, guint8 *to)
{
  for (gsize i = 0; i < width; i++)
    to[i] = (guint8) (number >> 8 * (width - 1 - i));
  return to + width;
}

guint8 *
milter_put_bytes (MilterBytes bytes, guint8 *to)
{
  if (bytes.size > 0)
    memcpy (to, bytes.data, bytes.size);
  return to + bytes.size;
}

static guint8 *
put_packed (const MilterField *field, guint8 *to)
{
  return milter_put_bytes (field->bytes, to);
}

static guint8 *
put_string (const MilterField *field, guint8 *to)
{
  return milter_put_number ('\0', 1, milter_put_bytes (field->bytes, to));
}

static guint8 *
put_u32 (const MilterField *field, guint8 *to)
{
  return milter_put_number (field->number, 4, to);
}

static guint8 *
put_byte (const MilterField *field, guint8 *to)
{
  return milter_put_number (field->number, 1, to);
}

static guint8 *
put_address (const MilterField *field, guint8 *to)
{
  MilterField text = { .bytes = field->address.text };

  to = milter_put_number (field->address.family, 1, to);
  if (field->address.family == 'U')
    return to;
  return put_string (&text, milter_put_number (field->address.port, 2, to));
}

/* clang-format off */
const MilterLayoutFunctions milter_layouts[] = {
  [MILTER_LAYOUT_STRING]       = { decode_string,       measure_string,       put_string },
  [MILTER_LAYOUT_STRINGS]      = { decode_strings,      measure_strings,      put_packed },
  [MILTER_LAYOUT_PAIRS]        = { decode_pairs,        measure_pairs,        put_packed },
  [MILTER_LAYOUT_U32]          = { decode_u32,          measure_u32,          put_u32 },
  [MILTER_LAYOUT_BYTE]         = { decode_byte,         measure_byte,         put_byte },
  [MILTER_LAYOUT_REST]         = { decode_rest,         measure_rest,         put_packed },
  [MILTER_LAYOUT_SYMBOL_LISTS] = { decode_symbol_lists, measure_symbol_lists, put_packed },
  [MILTER_LAYOUT_ADDRESS]      = { decode_address,      measure_address,      put_address },
};
/* clang-format on */

/* packed fields */

gboolean
milter_strings_next (MilterBytes *strings, MilterBytes *string)
{
  MilterCursor cursor = { strings->data, strings->size, 0, MILTER_NO_FAULT, 0 };

  if (milter_cursor_at_end (&cursor))
    return FALSE;
  if (!milter_cursor_take_string (&cursor, string))
    *string = milter_cursor_take_rest (&cursor);
  *strings = milter_cursor_take_rest (&cursor);
  return TRUE;
}

gboolean
milter_symbol_lists_next (MilterBytes *lists, guint32 *stage, MilterBytes *names)
{
  MilterCursor cursor = { lists->data, lists->size, 0, MILTER_NO_FAULT, 0 };
  guint32 number;

  if (!milter_cursor_take_number (&cursor, 4, &number)
      || !milter_cursor_take_string (&cursor, names))
    return FALSE;
  *stage = number;
  *lists = milter_cursor_take_rest (&cursor);
  return TRUE;
}

static guint8 *
grow (GByteArray *packed, gsize by)
{
  guint start = packed->len;

  g_return_val_if_fail (by < G_MAXUINT32 - start, NULL);
  g_byte_array_set_size (packed, start + (guint) by);
  return packed->data + start;
}

void
milter_strings_append (GByteArray *packed, MilterBytes string)
{
  MilterField field = { .bytes = string };
  guint8 *to;

  g_return_if_fail (string.size == 0 || memchr (string.data, '\0', string.size) == NULL);
  to = grow (packed, string.size + 1);
  if (to != NULL)
    put_string (&field, to);
}

void
milter_symbol_lists_append (GByteArray *packed, guint32 stage, MilterBytes names)
{
  MilterField field = { .bytes = names };
  guint8 *to;

  g_return_if_fail (names.size == 0 || memchr (names.data, '\0', names.size) == NULL);
  to = grow (packed, 4 + names.size + 1);
  if (to != NULL)
    put_string (&field, milter_put_number (stage, 4, to));
}
