/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-ignore.c: where a text and what the rules leave of it part, a star stands.
 */
#include "convert-ignore.h"

#include <string.h>

#include "milter-compare-private.h"
#include "milter-pattern.h"
#include "milter-text.h"

/* so many bytes alike are where a text goes on behind what was left out */
#define ALIKE 3u

/* what the rules put in the place of something */
static const char *const stand_ins[] = { "<date>", "<id>", "<host>", "<key>" };

typedef struct
{
  MilterBytes text, rest; /* what is left of the text, and of what the rules make of it */
  GString *glob;          /* bytes … */
  GByteArray *stars;      /* … and which of them are stars */
} Alignment;

static MilterBytes
skip (MilterBytes bytes, gsize n)
{
  return milter_bytes (bytes.data + n, bytes.size - n);
}

static bool
is_blank (guint8 byte)
{
  return strchr (" \t\r\n", byte) != NULL && byte != '\0';
}

/* a stand-in that the text itself does not have here */
static gsize
size_of_stand_in (const Alignment *alignment)
{
  for (gsize i = 0; i < G_N_ELEMENTS (stand_ins); i++)
    {
      gsize size = strlen (stand_ins[i]);

      if (alignment->rest.size >= size && memcmp (alignment->rest.data, stand_ins[i], size) == 0
          && !(alignment->text.size >= size && memcmp (alignment->text.data, stand_ins[i], size) == 0))
        return size;
    }
  return 0;
}

/* Whether the text goes on here as the rest does; blanks may have been left out of the rest. */
static bool
goes_on (MilterBytes text, MilterBytes rest)
{
  gsize n = 0, at = 0;

  while (n < MIN (rest.size, ALIKE) && at < text.size)
    {
      if (text.data[at] == rest.data[n])
        n++;
      else if (!is_blank (text.data[at]))
        return false;
      at++;
    }
  return n == MIN (rest.size, ALIKE) && (rest.size > 0 || at == text.size);
}

static void
put (Alignment *alignment, guint8 byte, bool is_star)
{
  guint8 star = is_star;
  guint n = alignment->stars->len;

  if (is_star && n > 0 && alignment->stars->data[n - 1])
    return;
  g_string_append_c (alignment->glob, (char) byte);
  g_byte_array_append (alignment->stars, &star, 1);
}

/* over what was left out, which ends where the text goes on as the rest */
static void
leave_out (Alignment *alignment)
{
  alignment->rest = skip (alignment->rest, size_of_stand_in (alignment));
  put (alignment, '*', true);
  while (alignment->text.size > 0 && !goes_on (alignment->text, alignment->rest))
    alignment->text = skip (alignment->text, 1);
}

static void
align (Alignment *alignment)
{
  while (alignment->text.size > 0)
    {
      bool same = alignment->rest.size > 0 && alignment->rest.data[0] == alignment->text.data[0]
                  && size_of_stand_in (alignment) == 0;

      if (!same && !is_blank (alignment->text.data[0]))
        {
          leave_out (alignment);
          continue;
        }
      /* a blank that the rules do not count */
      if (!same)
        {
          put (alignment, '*', true);
          alignment->text = skip (alignment->text, 1);
          continue;
        }
      put (alignment, alignment->text.data[0], false);
      alignment->text = skip (alignment->text, 1);
      alignment->rest = skip (alignment->rest, 1);
    }
}

/* quoted, with the stars as such */
static GString *
write_glob (const Alignment *alignment)
{
  GString *out = g_string_new ("\"");
  g_autoptr (GString) part = g_string_new (NULL);

  for (gsize i = 0; i < alignment->glob->len; i++)
    {
      if (alignment->stars->data[i])
        {
          g_string_append_c (out, '*');
          continue;
        }
      g_string_truncate (part, 0);
      milter_text_append_quoted (
          milter_bytes (alignment->glob->str + i, 1), MILTER_TEXT_PATTERN, part);
      g_string_append_len (out, part->str + 1, (gssize) part->len - 2);
    }
  g_string_append_c (out, '"');
  return out;
}

static bool
glob_matches (const Alignment *alignment, MilterBytes value)
{
  g_autoptr (MilterPattern) pattern = milter_pattern_new_glob (
      milter_bytes (alignment->glob->str, alignment->glob->len), alignment->stars->data);

  return milter_pattern_matches (pattern, value);
}

GString *
convert_ignore_loosen (MilterBytes name, MilterBytes value, gpointer data)
{
  const MilterCompareRules *rules = data;
  const MilterCompareText text = { .text = value };
  g_autoptr (GString) rest = NULL, glob = g_string_new (NULL);
  g_autoptr (GByteArray) stars = g_byte_array_new ();
  Alignment alignment = { .text = value, .glob = glob, .stars = stars };

  if (milter_compare_ignores_header (rules, name))
    return g_string_new (NULL);
  rest = milter_compare_normalise (rules, rules->bits & MILTER_RULES_OF_TEXT, name, &text);
  alignment.rest = milter_bytes (rest->str, rest->len);
  if (milter_bytes_equal (alignment.rest, value))
    return NULL;
  align (&alignment);
  return glob_matches (&alignment, value) ? write_glob (&alignment) : g_string_new (NULL);
}
