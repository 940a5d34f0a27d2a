/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-mime.c: Content-Type and Content-Transfer-Encoding.
 */
#include "milter-anonymizer-mime.h"

#include <string.h>

/* RFC 2046, 5.1.1 */
#define MAX_BOUNDARY 70u

static MilterBytes
skip_blanks (MilterBytes text)
{
  while (text.size > 0 && text.data[0] <= ' ')
    text = milter_bytes (text.data + 1, text.size - 1);
  return text;
}

static bool
begins_with (MilterBytes text, const char *word)
{
  gsize size = strlen (word);

  return text.size >= size && g_ascii_strncasecmp ((const char *) text.data, word, size) == 0;
}

static MilterBytes
behind (MilterBytes text, gsize n)
{
  return milter_bytes (text.data + n, text.size - n);
}

/* a value, quoted or not; returns what is behind it */
static MilterBytes
read_value (MilterBytes text, GString *value)
{
  bool quoted = begins_with (text, "\"");

  g_string_truncate (value, 0);
  if (quoted)
    text = behind (text, 1);
  while (text.size > 0
         && (quoted ? text.data[0] != '"' : text.data[0] > ' ' && text.data[0] != ';'))
    {
      if (quoted && text.data[0] == '\\' && text.size > 1)
        text = behind (text, 1);
      /* a folded value goes on */
      if (text.data[0] != '\r' && text.data[0] != '\n')
        g_string_append_c (value, (char) text.data[0]);
      text = behind (text, 1);
    }
  return text;
}

/* the value of a parameter, or nothing */
static void
find_parameter (MilterBytes type, const char *name, GString *value)
{
  g_string_truncate (value, 0);
  while (type.size > 0)
    {
      /* behind the next semicolon that is not in quotes */
      bool quoted = false;

      while (type.size > 0 && (quoted || type.data[0] != ';'))
        {
          quoted ^= type.data[0] == '"';
          type = behind (type, 1);
        }
      if (type.size == 0)
        return;
      type = skip_blanks (behind (type, 1));
      if (begins_with (type, name))
        {
          MilterBytes rest = skip_blanks (behind (type, strlen (name)));

          if (begins_with (rest, "="))
            {
              read_value (skip_blanks (behind (rest, 1)), value);
              return;
            }
        }
    }
}

static bool
is_ascii_set (const MilterPseudonyms *pseudonyms, MilterBytes type)
{
  g_autoptr (GString) charset = g_string_new (NULL);

  find_parameter (type, "charset", charset);
  return charset->len == 0
         || milter_pseudonyms_is_like_ascii (pseudonyms, milter_bytes (charset->str, charset->len));
}

MilterPartKind
milter_mime_read (const MilterPseudonyms *pseudonyms,
                  MilterBytes type,
                  MilterBytes encoding,
                  GString *boundary)
{
  bool is_text, is_media;

  type = skip_blanks (type);
  encoding = skip_blanks (encoding);
  is_text = type.size == 0 || begins_with (type, "text/");
  is_media = begins_with (type, "image/") || begins_with (type, "audio/")
             || begins_with (type, "video/");
  g_string_truncate (boundary, 0);
  if (begins_with (type, "multipart/"))
    {
      find_parameter (type, "boundary", boundary);
      if (boundary->len > MAX_BOUNDARY)
        g_string_truncate (boundary, 0);
      return MILTER_PART_TEXT;
    }
  if (begins_with (encoding, "base64"))
    {
      if (!is_text && !begins_with (type, "message/"))
        return MILTER_PART_BASE64_BYTES;
      return is_ascii_set (pseudonyms, type) ? MILTER_PART_BASE64_TEXT
                                             : MILTER_PART_BASE64_CHARACTERS;
    }
  if (begins_with (encoding, "quoted-printable"))
    return MILTER_PART_QUOTED_PRINTABLE;
  if (begins_with (type, "message/rfc822") || begins_with (type, "message/global")
      || begins_with (type, "text/rfc822-headers"))
    return MILTER_PART_HEADERS;
  return is_media || !is_ascii_set (pseudonyms, type) ? MILTER_PART_CHARACTERS : MILTER_PART_TEXT;
}
