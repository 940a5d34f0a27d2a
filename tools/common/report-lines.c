/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-lines.c: text as each format can carry it.
 */
#include "report-lines.h"

#include <stdbool.h>
#include <string.h>

/* The size of the character at @i; 0: no UTF-8. */
static gsize
next_character (MilterBytes bytes, gsize i, gunichar *character)
{
  if (bytes.data[i] < 0x80)
    {
      *character = bytes.data[i];
      return 1;
    }
  *character
      = g_utf8_get_char_validated ((const char *) bytes.data + i, (gssize) (bytes.size - i));
  return *character < (gunichar) -2 ? (gsize) g_unichar_to_utf8 (*character, NULL) : 0;
}

/* nothing that a log should hold: controls of ASCII and of Latin 1, and what is no character */
static bool
is_forbidden (gunichar character)
{
  return character < ' ' || (character >= 0x7f && character < 0xa0)
         || (character & 0xfffe) == 0xfffe || (character >= 0xfdd0 && character <= 0xfdef);
}

/* a character that the format writes in its own way */
typedef struct
{
  char character;
  const char *text;
} Escape;

/* All of @bytes; what stands in @escapes (which ends in an empty row) as it says, what cannot be
 * shown as @hex and two digits for each byte. */
static void
append_escaped (GString *out, MilterBytes bytes, const Escape *escapes, const char *hex)
{
  for (gsize i = 0; i < bytes.size;)
    {
      gunichar character;
      gsize size = next_character (bytes, i, &character);
      const Escape *escape = escapes;

      while (escape->text != NULL && (size == 0 || (gunichar) escape->character != character))
        escape++;
      if (escape->text != NULL)
        g_string_append (out, escape->text);
      else if (size == 0 || is_forbidden (character))
        {
          for (gsize k = 0; k < MAX (size, 1); k++)
            g_string_append_printf (out, "%s%02x", hex, bytes.data[i + k]);
        }
      else
        g_string_append_len (out, (const char *) bytes.data + i, (gssize) size);
      i += MAX (size, 1);
    }
}

void
report_append_xml (GString *out, MilterBytes bytes)
{
  static const Escape escapes[] = {
    { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '\t', "\t" },
    { '\n', "\n" },   { 0, NULL },
  };

  append_escaped (out, bytes, escapes, "\\x");
}

void
report_append_xml_attribute (GString *out, MilterBytes bytes)
{
  /* readers make a blank of a line end that stands there as it is */
  static const Escape escapes[] = {
    { '&', "&amp;" }, { '<', "&lt;" },   { '>', "&gt;" }, { '"', "&quot;" },
    { '\t', "&#9;" }, { '\n', "&#10;" }, { 0, NULL },
  };

  append_escaped (out, bytes, escapes, "\\x");
}

void
report_append_shown (GString *out, MilterBytes bytes)
{
  static const Escape escapes[] = { { '\t', "\t" }, { 0, NULL } };

  append_escaped (out, bytes, escapes, "\\x");
}

void
report_append_tap (GString *out, MilterBytes bytes)
{
  static const Escape escapes[] = { { '#', "\\#" }, { '\\', "\\\\" }, { '\t', " " }, { 0, NULL } };

  append_escaped (out, bytes, escapes, "\\\\x");
}

void
report_append_yaml (GString *out, MilterBytes bytes)
{
  static const Escape escapes[]
      = { { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" }, { '\t', "\\t" }, { 0, NULL } };

  g_string_append_c (out, '"');
  append_escaped (out, bytes, escapes, "\\\\x");
  g_string_append_c (out, '"');
}

void
report_append_json_string (GString *out, MilterBytes bytes)
{
  g_string_append_c (out, '"');
  for (gsize i = 0; i < bytes.size; i++)
    {
      guint8 byte = bytes.data[i];

      if (byte == '"' || byte == '\\')
        g_string_append_printf (out, "\\%c", byte);
      else if (byte == '\n')
        g_string_append (out, "\\n");
      else if (byte < ' ' || byte == 0x7f)
        g_string_append_printf (out, "\\u%04x", byte);
      else
        g_string_append_c (out, (char) byte);
    }
  g_string_append_c (out, '"');
}

bool
report_is_utf8 (MilterBytes bytes)
{
  for (gsize i = 0; i < bytes.size;)
    {
      gunichar character;
      gsize size = next_character (bytes, i, &character);

      if (size == 0)
        return false;
      i += size;
    }
  return true;
}

void
report_append_json (GString *out, const char *name, MilterBytes bytes)
{
  g_autofree char *base64 = NULL;

  if (report_is_utf8 (bytes))
    {
      g_string_append_printf (out, "\"%s\":", name);
      report_append_json_string (out, bytes);
      return;
    }
  base64 = g_base64_encode (bytes.data, bytes.size);
  g_string_append_printf (out, "\"%s_base64\":\"%s\"", name, base64);
}

void
report_append_json_member (GString *out, const char *name, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_c (out, ',');
  report_append_json (out, name, milter_bytes_from_string (value));
}

/* --- the width of a terminal ------------------------------------------------------------------ */

static guint
columns_of (gunichar character)
{
  return g_unichar_iszerowidth (character) ? 0 : g_unichar_iswide (character) ? 2 : 1;
}

void
report_fit_columns (GString *line, guint columns)
{
  const char *mark = g_get_charset (NULL) ? "…" : ".";
  MilterBytes bytes = milter_bytes (line->str, line->len);
  guint used = 0;
  gsize fits = 0; /* so much leaves a column for the mark */

  for (gsize i = 0; i < bytes.size;)
    {
      gunichar character;
      gsize size = next_character (bytes, i, &character);

      used += size > 0 ? columns_of (character) : 1;
      if (used > columns)
        {
          g_string_truncate (line, fits);
          if (columns > 0)
            g_string_append (line, mark);
          return;
        }
      i += MAX (size, 1);
      if (used < columns)
        fits = i;
    }
}
