/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-values.c: numbers, sizes, ranges and durations as scenarios write them.
 */
#include "milter-values.h"

#include <string.h>

static bool
take (MilterBytes *text, const char *prefix)
{
  gsize size = strlen (prefix);

  if (text->size < size || memcmp (text->data, prefix, size) != 0)
    return false;
  *text = milter_bytes (text->data + size, text->size - size);
  return true;
}

/* Takes digits off the front; the number stays at G_MAXUINT64 when it is too large for its type,
 * which every caller finds too large as well. */
static bool
take_digits (MilterBytes *text, guint base, guint64 *number)
{
  guint64 value = 0;
  gsize n = 0;

  for (; n < text->size; n++)
    {
      int digit = g_ascii_xdigit_value ((char) text->data[n]);

      if (digit < 0 || (guint) digit >= base)
        break;
      if (value > (G_MAXUINT64 - (guint) digit) / base)
        value = G_MAXUINT64;
      else
        value = value * base + (guint) digit;
    }
  if (n == 0)
    return false;
  *text = milter_bytes (text->data + n, text->size - n);
  *number = value;
  return true;
}

bool
milter_value_is_number (MilterBytes text)
{
  guint64 value;

  return take_digits (&text, 10, &value) && text.size == 0;
}

static bool
take_u32 (MilterBytes *text, guint32 *number)
{
  guint base = take (text, "0x") || take (text, "0X") ? 16 : 10;
  guint64 value;

  if (!take_digits (text, base, &value) || value > G_MAXUINT32)
    return false;
  *number = (guint32) value;
  return true;
}

bool
milter_value_parse_u32 (MilterBytes text, guint32 *number)
{
  guint32 value;

  if (!take_u32 (&text, &value) || text.size > 0)
    return false;
  *number = value;
  return true;
}

bool
milter_value_parse_size (MilterBytes text, guint64 *size)
{
  guint64 value;
  guint shift = 0;

  if (!take_digits (&text, 10, &value))
    return false;
  if (take (&text, "k"))
    shift = 10;
  else if (take (&text, "M"))
    shift = 20;
  if (text.size > 0 || value > G_MAXUINT64 >> shift)
    return false;
  *size = value << shift;
  return true;
}

bool
milter_value_parse_range (MilterBytes text, guint32 *first, guint32 *last)
{
  guint32 low, high;

  if (!take_u32 (&text, &low))
    return false;
  high = low;
  if (take (&text, ".."))
    {
      high = G_MAXUINT32;
      if (text.size > 0 && !take_u32 (&text, &high))
        return false;
    }
  if (text.size > 0 || low > high)
    return false;
  *first = low;
  *last = high;
  return true;
}

static const struct
{
  const char *name;
  gint64 us;
} units[] = {
  { "ms", 1000 },
  { "s", G_USEC_PER_SEC },
  { "m", 60 * G_USEC_PER_SEC },
};

bool
milter_value_parse_duration (MilterBytes text, gint64 *duration_us)
{
  guint64 whole, part = 0, scale = 1;

  if (!take_digits (&text, 10, &whole))
    return false;
  if (take (&text, "."))
    {
      gsize before = text.size;

      if (!take_digits (&text, 10, &part) || before - text.size > 9)
        return false;
      for (gsize i = before - text.size; i > 0; i--)
        scale *= 10;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      guint64 us = (guint64) units[i].us;

      if (!milter_bytes_equal_string (text, units[i].name))
        continue;
      if (whole > (guint64) MILTER_VALUE_MAX_DURATION_US / us)
        return false;
      us = whole * us + part * us / scale;
      if (us == 0 || us > (guint64) MILTER_VALUE_MAX_DURATION_US)
        return false;
      *duration_us = (gint64) us;
      return true;
    }
  return false;
}

void
milter_value_append_duration (gint64 duration_us, GString *text)
{
  gint64 unit = duration_us < G_USEC_PER_SEC ? 1000 : G_USEC_PER_SEC;
  char part[16];
  gsize size;

  if (duration_us % (60 * G_USEC_PER_SEC) == 0)
    {
      g_string_append_printf (text, "%" G_GINT64_FORMAT "m", duration_us / (60 * G_USEC_PER_SEC));
      return;
    }
  g_string_append_printf (text, "%" G_GINT64_FORMAT, duration_us / unit);
  if (duration_us % unit != 0)
    {
      g_snprintf (part, sizeof part, "%0*d", unit == 1000 ? 3 : 6, (int) (duration_us % unit));
      for (size = strlen (part); size > 0 && part[size - 1] == '0'; size--)
        part[size - 1] = '\0';
      g_string_append_printf (text, ".%s", part);
    }
  g_string_append (text, unit == 1000 ? "ms" : "s");
}
