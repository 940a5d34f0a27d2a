/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare-body.c: two bodies, line by line as far as they were kept, else by their digests.
 */
#include "milter-compare-private.h"

#include <string.h>

#include "milter-text.h"

/* lines shown before the first one that differs, and from there on */
#define CONTEXT 3u

/* the lines of a body, one after another, each with its end */
typedef struct
{
  MilterBytes rest;
  MilterBytes line;
  guint number;
} Lines;

static bool
next_line (Lines *lines)
{
  const guint8 *end;
  gsize size = lines->rest.size;

  if (size == 0)
    return false;
  end = memchr (lines->rest.data, '\n', size);
  if (end != NULL)
    size = (gsize) (end - lines->rest.data) + 1;
  lines->line = milter_bytes (lines->rest.data, size);
  lines->rest = milter_bytes (lines->rest.data + size, lines->rest.size - size);
  lines->number++;
  return true;
}

static void
go_to_end (Lines *lines)
{
  while (next_line (lines))
    ;
}

static Lines
lines_of (const MilterRecordedBody *body)
{
  return (Lines){ .rest = milter_bytes (body->bytes->data, body->bytes->len) };
}

static void
append_line (GString *text, MilterBytes line)
{
  bool has_end = line.size >= 2 && memcmp (line.data + line.size - 2, "\r\n", 2) == 0;

  milter_text_append_quoted (
      milter_bytes (line.data, has_end ? line.size - 2 : line.size), MILTER_TEXT_SHORT, text);
  if (!has_end)
    g_string_append (text, " (not ended by CRLF)");
}

static void
append_marked (GString *text, char mark, const Lines *from)
{
  Lines lines = *from;

  for (guint i = 0; i < CONTEXT && next_line (&lines); i++)
    {
      g_string_append_printf (text, "\n%c ", mark);
      append_line (text, lines.line);
    }
}

/* the lines before one */
static void
append_before (GString *text, const MilterRecordedBody *body, guint number)
{
  Lines lines = lines_of (body);

  while (lines.number + 1 < number && next_line (&lines))
    if (lines.number + CONTEXT >= number)
      {
        g_string_append (text, "\n  ");
        append_line (text, lines.line);
      }
}

static char *
text_of_line (const MilterRecordedBody *body, const Lines *from)
{
  GString *text = g_string_new (NULL);
  Lines lines = *from;

  if (next_line (&lines))
    {
      g_string_append_printf (text, "line %u: ", lines.number);
      append_line (text, lines.line);
    }
  else if (milter_recorded_body_is_kept (body))
    g_string_append_printf (text, "nothing: the body ends behind line %u", lines.number);
  else
    g_string_append_printf (text,
                            "%" G_GUINT64_FORMAT " bytes, SHA-256 %s, which differ behind line %u",
                            body->size,
                            body->digest != NULL ? body->digest : "not known",
                            lines.number);
  return g_string_free (text, FALSE);
}

/* Whether they are the same. Of those that were not kept whole nobody knows without digests: in
 * doubt they are not. */
static bool
are_equal (const MilterRecordedBody *a, const MilterRecordedBody *b)
{
  if (a->size != b->size)
    return false;
  if (milter_recorded_body_is_kept (a) && milter_recorded_body_is_kept (b))
    return a->size == 0 || memcmp (a->bytes->data, b->bytes->data, a->bytes->len) == 0;
  return a->digest != NULL && g_strcmp0 (a->digest, b->digest) == 0;
}

static void
add_names (GHashTable *names, const GString *by)
{
  g_auto (GStrv) words = g_strsplit (by->str, ",", /* max_tokens= */ -1);

  for (char **word = words; *word != NULL; word++)
    g_hash_table_add (names, g_strdup (*word));
}

/* Walks both up to the first line that differs and does not pass; then @a and @b stand before it.
 * TRUE: there is none, and they stand before the first one that passes. @names: gets the rules that
 * let lines pass */
static bool
walk (const MilterCompare *compare, Lines *a, Lines *b, GHashTable *names)
{
  Lines first_a = *a, first_b = *b;

  while (a->rest.size > 0 && b->rest.size > 0)
    {
      Lines one = *a, other = *b;
      MilterCompareText texts[2];
      GString *by;
      bool passes;

      next_line (&one);
      next_line (&other);
      if (!milter_bytes_equal (one.line, other.line))
        {
          by = g_string_new (NULL);
          texts[0] = (MilterCompareText){ one.line, compare->messages[0] };
          texts[1] = (MilterCompareText){ other.line, compare->messages[1] };
          passes = milter_compare_texts_pass (
              compare->rules, milter_bytes (NULL, 0), &texts[0], &texts[1], by);
          if (passes && g_hash_table_size (names) == 0)
            {
              first_a = *a;
              first_b = *b;
            }
          if (passes)
            add_names (names, by);
          g_string_free (by, TRUE);
          if (!passes)
            return false;
        }
      *a = one;
      *b = other;
    }
  if (a->rest.size != b->rest.size)
    return false;
  *a = first_a;
  *b = first_b;
  return true;
}

static char *
join_names (GHashTable *names)
{
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (names), (GCompareFunc) strcmp);
  GString *text = g_string_new (NULL);

  for (GList *node = keys; node != NULL; node = node->next)
    g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "", (const char *) node->data);
  return g_string_free (text, FALSE);
}

void
milter_compare_bodies (MilterCompare *compare,
                       MilterDifferenceKind kind,
                       const char *what,
                       const MilterRecordedBody *a,
                       const MilterRecordedBody *b,
                       const MilterCaptureMoment *at_a,
                       const MilterCaptureMoment *at_b)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *by = NULL;
  Lines one = lines_of (a), other = lines_of (b);
  bool passes;
  GString *got;
  char *line;

  if (are_equal (a, b))
    return;
  passes = walk (compare, &one, &other, names);
  if (passes && !(milter_recorded_body_is_kept (a) && milter_recorded_body_is_kept (b)))
    {
      /* what differs, or may, lies behind what was kept */
      passes = false;
      go_to_end (&one);
      go_to_end (&other);
    }
  if (passes)
    by = join_names (names);
  got = g_string_new (NULL);
  line = text_of_line (b, &other);
  g_string_append (got, line);
  g_free (line);
  if (!passes)
    {
      append_before (got, a, one.number + 1);
      append_marked (got, '-', &one);
      append_marked (got, '+', &other);
    }
  milter_compare_add (compare,
                      kind,
                      g_strdup (what),
                      text_of_line (a, &one),
                      g_string_free (got, FALSE),
                      at_a,
                      at_b,
                      by);
}
