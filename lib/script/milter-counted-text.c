/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-counted-text.c: the bytes without the numbers, and where which number belongs.
 */
#include "milter-counted-text.h"

struct _MilterCountedText
{
  GBytes *bytes;
  GArray *places;   /* (nullable) of MilterMark; offsets in bytes, sizes 0 */
};

MilterCountedText *
milter_counted_text_new (MilterBytes text, const GArray *marks)
{
  MilterCountedText *counted = g_rc_box_new0 (MilterCountedText);
  GByteArray *bytes;
  gsize from = 0;

  if (marks == NULL || marks->len == 0)
    {
      counted->bytes = g_bytes_new (text.data, text.size);
      return counted;
    }
  bytes = g_byte_array_new ();
  counted->places = g_array_sized_new (FALSE, FALSE, sizeof (MilterMark), marks->len);
  for (guint i = 0; i < marks->len; i++)
    {
      const MilterMark *mark = &g_array_index (marks, MilterMark, i);
      MilterMark place = { .counter = mark->counter };

      g_byte_array_append (bytes, text.data + from, (guint) (mark->offset - from));
      from = mark->offset + mark->size;
      place.offset = bytes->len;
      g_array_append_val (counted->places, place);
    }
  g_byte_array_append (bytes, text.data + from, (guint) (text.size - from));
  counted->bytes = g_byte_array_free_to_bytes (bytes);
  return counted;
}

MilterCountedText *
milter_counted_text_ref (MilterCountedText *text)
{
  return g_rc_box_acquire (text);
}

static void
clear (gpointer data)
{
  MilterCountedText *text = data;

  g_bytes_unref (text->bytes);
  g_clear_pointer (&text->places, g_array_unref);
}

void
milter_counted_text_unref (MilterCountedText *text)
{
  g_rc_box_release_full (text, clear);
}

guint
milter_counted_text_get_n_places (const MilterCountedText *text)
{
  return text->places != NULL ? text->places->len : 0;
}

MilterBytes
milter_counted_text_get_piece (const MilterCountedText *text, guint i, char *counter)
{
  gsize end;
  const guint8 *data = g_bytes_get_data (text->bytes, &end);
  gsize start = i > 0 ? g_array_index (text->places, MilterMark, i - 1).offset : 0;

  *counter = '\0';
  if (i < milter_counted_text_get_n_places (text))
    {
      const MilterMark *place = &g_array_index (text->places, MilterMark, i);

      end = place->offset;
      *counter = place->counter;
    }
  return milter_bytes (start < end ? data + start : NULL, end - start);
}

char *
milter_counted_text_fill_in (const MilterCountedText *text, guint n, guint p)
{
  GString *filled = g_string_new (NULL);

  for (guint i = 0; i <= milter_counted_text_get_n_places (text); i++)
    {
      char counter;
      MilterBytes piece = milter_counted_text_get_piece (text, i, &counter);

      if (piece.size > 0)
        g_string_append_len (filled, (const char *) piece.data, (gssize) piece.size);
      if (counter != '\0')
        g_string_append_printf (filled, "%u", counter == 'n' ? n : p);
    }
  return g_string_free (filled, FALSE);
}

gsize
milter_counted_text_get_cost (const MilterCountedText *text)
{
  return g_bytes_get_size (text->bytes)
         + milter_counted_text_get_n_places (text) * sizeof (MilterMark);
}
