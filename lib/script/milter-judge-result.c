/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-judge-result.c: the message as it would be delivered against the one expected.
 */
#include "milter-judge-private.h"

#include <string.h>

#include "milter-text.h"

/* lines shown before and behind the first one that differs */
#define CONTEXT 3

static bool
is_ignored (MilterBytes line, char *const *ignoring)
{
  const guint8 *colon = line.size > 0 ? memchr (line.data, ':', line.size) : NULL;

  if (colon == NULL || ignoring == NULL)
    return false;
  for (; *ignoring != NULL; ignoring++)
    if (milter_bytes_equal_caseless (milter_bytes (line.data, colon - line.data),
                                     milter_bytes_from_string (*ignoring)))
      return true;
  return false;
}

/* the lines of a message with their ends (LF counts as CRLF), without the ignored fields */
static GPtrArray *
split_lines (MilterBytes message, char *const *ignoring)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  bool in_header = true, ignored = false;

  for (gsize at = 0; at < message.size;)
    {
      const guint8 *start = message.data + at;
      const guint8 *end = memchr (start, '\n', message.size - at);
      gsize size = end == NULL ? message.size - at : (gsize) (end - start);
      gsize bare = end != NULL && size > 0 && start[size - 1] == '\r' ? size - 1 : size;
      g_autoptr (GByteArray) line = g_byte_array_new ();

      at += end == NULL ? size : size + 1;
      if (in_header && bare == 0)
        in_header = false;
      if (in_header && (bare == 0 || (start[0] != ' ' && start[0] != '\t')))
        ignored = is_ignored (milter_bytes (start, bare), ignoring);
      if (in_header && ignored)
        continue;
      g_byte_array_append (line, start, bare);
      if (end != NULL)
        g_byte_array_append (line, (const guint8 *) "\r\n", 2);
      g_ptr_array_add (lines, g_byte_array_free_to_bytes (g_steal_pointer (&line)));
    }
  return lines;
}

static void
append_line (GString *text, const GPtrArray *lines, guint index)
{
  gsize size;
  const guint8 *data;

  if (index >= lines->len)
    {
      g_string_append (text, "nothing (the message ends)");
      return;
    }
  data = g_bytes_get_data (g_ptr_array_index (lines, index), &size);
  /* the line end is only worth showing where it is missing */
  if (size >= 2 && data[size - 1] == '\n')
    milter_text_append_quoted (milter_bytes (data, size - 2), MILTER_TEXT_SHORT, text);
  else
    {
      milter_text_append_quoted (milter_bytes (data, size), MILTER_TEXT_SHORT, text);
      g_string_append (text, " (without a line end)");
    }
}

static void
append_context (GString *text, char sign, const GPtrArray *lines, guint from, guint to)
{
  for (guint i = from; i < to && i < lines->len; i++)
    {
      g_string_append_printf (text, "\n%c ", sign);
      append_line (text, lines, i);
    }
}

/* the end of what differs: from there on both are the same again */
static void
find_common_end (const GPtrArray *a, const GPtrArray *b, guint first, guint *end_a, guint *end_b)
{
  *end_a = a->len;
  *end_b = b->len;
  while (*end_a > first && *end_b > first
         && g_bytes_equal (g_ptr_array_index (a, *end_a - 1), g_ptr_array_index (b, *end_b - 1)))
    {
      (*end_a)--;
      (*end_b)--;
    }
}

GBytes *
milter_judge_result_text (MilterBytes message, char *const *ignoring)
{
  g_autoptr (GPtrArray) lines = split_lines (message, ignoring);
  GByteArray *text = g_byte_array_new ();

  for (guint i = 0; i < lines->len; i++)
    {
      gsize size;
      const guint8 *data = g_bytes_get_data (g_ptr_array_index (lines, i), &size);

      g_byte_array_append (text, data, (guint) size);
    }
  return g_byte_array_free_to_bytes (text);
}

bool
milter_judge_result (MilterBytes wanted,
                     MilterBytes message,
                     char *const *ignoring,
                     char **expected,
                     char **got)
{
  g_autoptr (GPtrArray) a = split_lines (wanted, ignoring);
  g_autoptr (GPtrArray) b = split_lines (message, ignoring);
  GString *left, *right;
  guint first = 0, end_a, end_b;

  while (first < a->len && first < b->len
         && g_bytes_equal (g_ptr_array_index (a, first), g_ptr_array_index (b, first)))
    first++;
  if (first == a->len && first == b->len)
    return true;

  left = g_string_new (NULL);
  right = g_string_new (NULL);
  g_string_append_printf (left, "line %u: ", first + 1);
  append_line (left, a, first);
  g_string_append_printf (right, "line %u: ", first + 1);
  append_line (right, b, first);
  find_common_end (a, b, first, &end_a, &end_b);
  append_context (right, ' ', a, first > CONTEXT ? first - CONTEXT : 0, first);
  append_context (right, '-', a, first, MIN (end_a, first + CONTEXT));
  append_context (right, '+', b, first, MIN (end_b, first + CONTEXT));
  if (end_a <= first + CONTEXT && end_b <= first + CONTEXT)
    append_context (right, ' ', a, end_a, end_a + CONTEXT);
  *expected = g_string_free (left, FALSE);
  *got = g_string_free (right, FALSE);
  return false;
}
