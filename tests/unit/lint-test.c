/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lint-test.c: what the tests of the linter share.
 */
#include "lint-test.h"

#include <stdlib.h>
#include <string.h>

#include "session-test.h"

static const struct
{
  char mark;
  guint8 byte;
} marks[] = { { '~', '\0' }, { '|', '\r' }, { '^', '\n' }, { '_', ' ' } };

static guint8
byte_of (char mark)
{
  for (gsize i = 0; i < G_N_ELEMENTS (marks); i++)
    if (marks[i].mark == mark)
      return marks[i].byte;
  return (guint8) mark;
}

/* takes @n hexadecimal digits */
static const char *
append_hex (GByteArray *bytes, const char *digits, gsize n)
{
  g_autofree char *text = g_strndup (digits, n);

  for (gsize i = 0; i < n; i += 2)
    {
      char pair[] = { text[i], text[i + 1], '\0' };
      guint8 byte = (guint8) strtoul (pair, NULL, 16);

      g_byte_array_append (bytes, &byte, 1);
    }
  return digits + n;
}

static const char *
append_many (GByteArray *bytes, const char *text)
{
  char *rest;
  gsize n = strtoul (text, &rest, 10);
  guint8 byte = byte_of (rest[1]);

  for (gsize i = 0; i < n; i++)
    g_byte_array_append (bytes, &byte, 1);
  return rest + 2;
}

static GByteArray *
read_payload (const char *text)
{
  GByteArray *bytes = g_byte_array_new ();

  while (*text != '\0')
    {
      guint8 byte = byte_of (*text);

      if (*text == '#')
        text = append_hex (bytes, text + 1, 8);
      else if (*text == '$')
        text = append_hex (bytes, text + 1, 2);
      else if (*text == '{')
        text = append_many (bytes, text + 1);
      else
        {
          g_byte_array_append (bytes, &byte, 1);
          text++;
        }
    }
  return bytes;
}

static void
say_frame (MilterLint *lint, guint peer, const char *word, const MilterWhere *where, gint64 now_us)
{
  MilterSide side = get_side (word[0]);
  g_autoptr (GByteArray) bytes = word[2] == ':' ? read_payload (word + 3) : NULL;
  MilterBytes payload
      = bytes != NULL ? milter_bytes (bytes->data, bytes->len) : get_payload (side, (guint8) word[1]);
  MilterMessage message;

  milter_message_parse (side, (guint8) word[1], payload, &message);
  milter_lint_frame (lint, peer, &message, where, now_us);
}

void
lint_talk (MilterLint *lint, guint peer, const char *talk)
{
  g_auto (GStrv) words = g_strsplit (talk, " ", -1);
  MilterWhere where = { .file = "test", .line = 1 };
  gint64 now_us = 1;

  for (char **word = words; *word != NULL; word++)
    {
      if (**word == '+')
        now_us += atoi (*word + 1) * G_TIME_SPAN_MILLISECOND;
      else if (**word == '@')
        where.line = (guint) atoi (*word + 1);
      else if (strcmp (*word, "raw") == 0)
        milter_lint_raw (lint, peer);
      else if (strcmp (*word, "garbage") == 0)
        milter_lint_garbage (lint, peer, "a length of 0", &where);
      else if (g_str_has_prefix (*word, "end"))
        milter_lint_ended (
            lint, peer, milter_bytes ("abc", (*word)[3] == ':' ? (gsize) atoi (*word + 4) : 0), &where);
      else if (**word != '\0')
        say_frame (lint, peer, *word, &where, now_us);
    }
}

char *
lint_rules (const MilterLint *lint)
{
  const GPtrArray *findings = milter_lint_get_findings (lint);
  GString *ids = g_string_new (NULL);

  for (guint i = 0; i < findings->len; i++)
    {
      const MilterLintFinding *finding = g_ptr_array_index (findings, i);

      if (i > 0)
        g_string_append_c (ids, ' ');
      g_string_append (ids, finding->rule->id);
    }
  return g_string_free (ids, FALSE);
}
