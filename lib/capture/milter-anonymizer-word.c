/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-word.c: letters, digits, characters of UTF-8, and what else has 8 bits.
 */
#include "milter-anonymizer-word.h"

#include <string.h>

/* what nobody calls a word is cut into pieces of so many bytes */
#define MAX_PIECE 128u
G_STATIC_ASSERT (MAX_PIECE <= MILTER_CIPHER_MAX_PLACES);

gsize
milter_word_get_end (MilterBytes text, gsize at)
{
  while (at < text.size && milter_is_word_byte (text.data[at]))
    at++;
  return at;
}

/* a byte that may become any from @first on, @n together */
static MilterPlaceValue
place (guint8 byte, guint first, guint n)
{
  return (MilterPlaceValue){ (guint16) (byte - first), (guint16) n };
}

static bool
is_between (guint byte, guint first, guint n)
{
  return byte >= first && byte < first + n;
}

/* A character of UTF-8 at the beginning of @bytes; returns how many bytes it has, 0: there is none.
 * @firsts: what the values count from. */
static guint
read_utf8 (MilterBytes bytes, MilterPlaceValue *places, guint8 *firsts)
{
  /* clang-format off */
  static const struct
  {
    guint8 first, n;             /* a first byte becomes one of these … */
    guint8 second, n_second;     /* … and the second one of these, so that the character is a valid one */
    guint8 size;
  } rows[] = {
    { 0xc2, 30, 0x80, 64, 2 },
    { 0xe0,  1, 0xa0, 32, 3 },
    { 0xe1, 12, 0x80, 64, 3 },
    { 0xed,  1, 0x80, 32, 3 },
    { 0xee,  2, 0x80, 64, 3 },
    { 0xf0,  1, 0x90, 48, 4 },
    { 0xf1,  3, 0x80, 64, 4 },
    { 0xf4,  1, 0x80, 16, 4 },
  };
  /* clang-format on */

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (is_between (bytes.data[0], rows[i].first, rows[i].n))
      {
        if (bytes.size < rows[i].size
            || !is_between (bytes.data[1], rows[i].second, rows[i].n_second))
          return 0;
        for (guint k = 0; k < rows[i].size; k++)
          {
            guint n = k == 0 ? rows[i].n : k == 1 ? rows[i].n_second : 64;

            firsts[k] = k == 0 ? rows[i].first : k == 1 ? rows[i].second : 0x80;
            if (!is_between (bytes.data[k], firsts[k], n))
              return 0;
            places[k] = place (bytes.data[k], firsts[k], n);
          }
        return rows[i].size;
      }
  return 0;
}

static guint
read_character (MilterBytes bytes, MilterPlaceValue *places, guint8 *firsts)
{
  guint8 c = bytes.data[0];
  guint size = c >= 0x80 ? read_utf8 (bytes, places, firsts) : 0;

  if (size > 0)
    return size;
  firsts[0] = c >= 0x80 ? 0x80 : g_ascii_isdigit (c) ? '0' : g_ascii_isupper (c) ? 'A' : 'a';
  places[0] = place (c, firsts[0], c >= 0x80 ? 128 : g_ascii_isdigit (c) ? 10 : 26);
  return 1;
}

static bool
is_short_word (const MilterPlaceValue *places, gsize n)
{
  if (n != 2 && n != 3)
    return false;
  for (gsize i = 0; i < n; i++)
    if (places[i].radix != 26)
      return false;
  return true;
}

static void
replace_piece (const MilterCipher *cipher, guint8 *word, gsize size)
{
  MilterPlaceValue places[MAX_PIECE];
  guint8 firsts[MAX_PIECE];

  for (gsize i = 0; i < size;)
    i += read_character (milter_bytes (word + i, size - i), places + i, firsts + i);
  if (is_short_word (places, size))
    {
      guint8 letters[3];

      for (gsize i = 0; i < size; i++)
        letters[i] = (guint8) places[i].value;
      milter_cipher_replace_short (cipher, letters, size);
      for (gsize i = 0; i < size; i++)
        places[i].value = letters[i];
    }
  else
    milter_cipher_replace (cipher, MILTER_CIPHER_WORD, places, size);
  for (gsize i = 0; i < size; i++)
    word[i] = (guint8) (firsts[i] + places[i].value);
}

void
milter_word_replace (const MilterCipher *cipher, guint8 *word, gsize size)
{
  while (size > 0)
    {
      gsize piece = MIN (size, MAX_PIECE);

      /* not inside of a character */
      for (guint i = 0; i < 3 && piece < size && (word[piece] & 0xc0) == 0x80; i++)
        piece--;
      replace_piece (cipher, word, piece);
      word += piece;
      size -= piece;
    }
}
