/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-base64.c: groups of four characters, wherever lines end between them.
 */
#include "milter-anonymizer-base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Walk:
 * @chars: of the present group
 * @n: how many it has
 * @bytes: what the groups encode: appended to while reading, taken from while writing
 */
typedef struct
{
  guint8 *chars[4];
  guint n;
  GByteArray *bytes;
  gsize at;
  bool writing;
} Walk;

static guint
value_of (guint8 c)
{
  const char *found = c == '\0' ? NULL : strchr (alphabet, c);

  return found == NULL ? 64 : (guint) (found - alphabet);
}

/* a whole group of 2 to 4 characters */
static void
pass_group (Walk *walk)
{
  guint n_bytes = walk->n - 1;
  guint32 bits = 0;

  if (walk->writing)
    {
      for (guint i = 0; i < n_bytes; i++)
        bits |= (guint32) walk->bytes->data[walk->at++] << (16 - 8 * i);
      for (guint i = 0; i < walk->n; i++)
        *walk->chars[i] = (guint8) alphabet[bits >> (18 - 6 * i) & 63];
    }
  else
    {
      for (guint i = 0; i < walk->n; i++)
        bits |= (guint32) value_of (*walk->chars[i]) << (18 - 6 * i);
      for (guint i = 0; i < n_bytes; i++)
        g_byte_array_append (walk->bytes, &(guint8){ (guint8) (bits >> (16 - 8 * i)) }, 1);
    }
  walk->n = 0;
}

/* Of a group of which not all is there: whatever the others become, it makes a part of three small
 * letters. */
static void
pass_cut (const MilterPseudonyms *pseudonyms, guint8 *c, guint place)
{
  static const struct
  {
    guint first, n, step;
  } choices[4] = { { 24, 7, 1 }, { 0x16, 2, 0x10 }, { 1 << 2 | 1, 15, 1 << 2 }, { 33, 26, 1 } };
  guint choice
      = milter_cipher_chain (
            &pseudonyms->cipher, milter_bytes (&(guint8){ (guint8) place }, 1), value_of (*c), 64)
        % choices[place].n;
  guint8 replaced = (guint8) alphabet[choices[place].first + choice * choices[place].step];

  if (replaced == *c)
    replaced = (guint8)
        alphabet[choices[place].first + (choice + 1) % choices[place].n * choices[place].step];
  *c = replaced;
}

static void
pass_all_cut (const MilterPseudonyms *pseudonyms, Walk *walk)
{
  for (guint i = 0; i < walk->n && walk->writing; i++)
    pass_cut (pseudonyms, walk->chars[i], i);
  walk->n = 0;
}

static guint
walk_text (const MilterPseudonyms *pseudonyms, Walk *walk, guint8 *text, gsize size, guint phase)
{
  for (gsize i = 0; i < size; i++)
    {
      if (text[i] == '=')
        {
          if (walk->n >= 2)
            pass_group (walk);
          pass_all_cut (pseudonyms, walk);
          phase = 0;
        }
      else if (value_of (text[i]) < 64 && phase > 0)
        {
          if (walk->writing)
            pass_cut (pseudonyms, &text[i], phase);
          phase = (phase + 1) % 4;
        }
      else if (value_of (text[i]) < 64)
        {
          walk->chars[walk->n++] = &text[i];
          if (walk->n == 4)
            pass_group (walk);
        }
    }
  phase += walk->n;
  pass_all_cut (pseudonyms, walk);
  return phase;
}

/* text that was declared as base64, and is not, decodes to anything */
static bool
is_text (const GByteArray *bytes)
{
  for (guint i = 0; i < bytes->len; i++)
    if (bytes->data[i] < 0x20 && memchr ("\t\n\v\f\r\033", bytes->data[i], 6) == NULL)
      return false;
  return true;
}

void
milter_pseudonyms_base64 (const MilterPseudonyms *pseudonyms,
                          MilterEncoded what,
                          guint8 *text,
                          gsize size,
                          guint *phase)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  Walk walk = { .bytes = bytes };

  walk_text (pseudonyms, &walk, text, size, *phase);
  if (bytes->len > 0 && what == MILTER_ENCODED_TEXT && is_text (bytes))
    milter_pseudonyms_text (pseudonyms, MILTER_CONTEXT_TEXT, bytes->data, bytes->len);
  else if (bytes->len > 0 && what == MILTER_ENCODED_CHARACTERS)
    milter_pseudonyms_bytes (pseudonyms, bytes->data, bytes->len);
  else if (bytes->len > 0)
    milter_pseudonyms_all_bytes (pseudonyms, bytes->data, bytes->len);
  walk = (Walk){ .bytes = bytes, .writing = true };
  *phase = walk_text (pseudonyms, &walk, text, size, *phase);
}
