/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message-diff.c: a message before and after the milter.
 *
 * The shortest edit script between two lists of lines (Myers, "An O(ND) difference algorithm"),
 * after what is equal at both ends is set aside.
 */
#include "message-diff.h"

#include <stdbool.h>
#include <string.h>

#include "tool-console.h"

/* With more differences than this, what is left is shown as replaced: the search keeps n² numbers,
 * and nobody reads such a diff line by line. */
#define MAX_DIFFERENCES 1500

#define RED   "\033[31m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

#define RULE "----------------------------------------\n"

/* --- lists of lines --------------------------------------------------------------------------- */

static void
add_line (GPtrArray *lines, const GString *line)
{
  g_ptr_array_add (lines, g_bytes_new (line->str, line->len));
}

static GPtrArray *
lines_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
}

static void
add_address (GPtrArray *lines, const char *verb, const MilterMailAddress *address)
{
  g_autoptr (GString) line = g_string_new (verb);

  if (address->address != NULL)
    g_string_append_len (line, address->address->str, (gssize) address->address->len);
  if (address->arguments != NULL && address->arguments->len > 0)
    {
      g_string_append_c (line, ' ');
      g_string_append_len (line, address->arguments->str, (gssize) address->arguments->len);
    }
  add_line (lines, line);
}

static GPtrArray *
envelope_lines (const MilterMail *mail)
{
  GPtrArray *lines = lines_new ();

  add_address (lines, "MAIL FROM:", &mail->sender);
  for (guint i = 0; i < mail->recipients->len; i++)
    add_address (lines, "RCPT TO:", g_ptr_array_index (mail->recipients, i));
  return lines;
}

/* Lines keep their ends: a CRLF that became a bare LF is a difference. */
static GPtrArray *
split_lines (const guint8 *data, gsize size)
{
  GPtrArray *lines = lines_new ();

  while (size > 0)
    {
      const guint8 *end = memchr (data, '\n', size);
      gsize length = end != NULL ? (gsize) (end - data) + 1 : size;

      g_ptr_array_add (lines, g_bytes_new (data, length));
      data += length;
      size -= length;
    }
  return lines;
}

static GPtrArray *
header_lines (const MilterMail *mail)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      if (header->hidden || header->deleted)
        continue;
      g_string_append_len (text, header->name->str, (gssize) header->name->len);
      g_string_append_c (text, ':');
      g_string_append_len (text, header->value->str, (gssize) header->value->len);
      g_string_append (text, "\r\n");
    }
  return split_lines ((const guint8 *) text->str, text->len);
}

static GPtrArray *
body_lines (const MilterMail *mail)
{
  return split_lines (mail->body->data, mail->body->len);
}

/* --- the shortest edit script ----------------------------------------------------------------- */

typedef struct
{
  const GPtrArray *old_lines, *new_lines;
  guint old_start, old_end; /* the part that differs */
  guint new_start, new_end;
  guint8 *gone, *added; /* a flag for each line */
} Comparison;

static bool
is_equal (const Comparison *c, guint old_line, guint new_line)
{
  return g_bytes_equal (g_ptr_array_index (c->old_lines, old_line),
                        g_ptr_array_index (c->new_lines, new_line));
}

static void
set_aside_equal_ends (Comparison *c)
{
  while (c->old_start < c->old_end && c->new_start < c->new_end
         && is_equal (c, c->old_start, c->new_start))
    {
      c->old_start++;
      c->new_start++;
    }
  while (c->old_start < c->old_end && c->new_start < c->new_end
         && is_equal (c, c->old_end - 1, c->new_end - 1))
    {
      c->old_end--;
      c->new_end--;
    }
}

/* furthest[k] is how far into the old lines one gets on diagonal k (old - new) with d differences;
 * the row of each d is kept, to walk back along it */
typedef struct
{
  int max;   /* diagonals from -max to max */
  int *rows; /* row d begins at d * (2 * max + 1) */
} Trace;

static int *
trace_row (const Trace *trace, int d)
{
  return trace->rows + (gsize) d * (2 * (gsize) trace->max + 1) + trace->max;
}

/* whether the path to (d, k) comes from the diagonal above, by an added line */
static bool
comes_from_above (const int *row, int d, int k)
{
  return k == -d || (k != d && row[k - 1] < row[k + 1]);
}

/* Fills the trace; returns the number of differences, or -1 if there are more than trace->max. */
static int
search (const Comparison *c, Trace *trace)
{
  int n_old = (int) (c->old_end - c->old_start);
  int n_new = (int) (c->new_end - c->new_start);

  for (int d = 0; d <= trace->max; d++)
    {
      int *row = trace_row (trace, d);
      const int *before = d > 0 ? trace_row (trace, d - 1) : row;

      for (int k = -d; k <= d; k += 2)
        {
          int x = d == 0 ? 0 : comes_from_above (before, d, k) ? before[k + 1] : before[k - 1] + 1;

          while (x < n_old && x - k < n_new
                 && is_equal (c, c->old_start + (guint) x, c->new_start + (guint) (x - k)))
            x++;
          row[k] = x;
          if (x >= n_old && x - k >= n_new)
            return d;
        }
    }
  return -1;
}

static void
walk_back (Comparison *c, const Trace *trace, int d)
{
  int x = (int) (c->old_end - c->old_start);
  int y = (int) (c->new_end - c->new_start);

  for (; d > 0; d--)
    {
      const int *before = trace_row (trace, d - 1);
      int k = x - y;

      if (comes_from_above (before, d, k))
        {
          x = before[k + 1];
          y = x - (k + 1);
          c->added[c->new_start + (guint) y] = 1;
        }
      else
        {
          x = before[k - 1];
          y = x - (k - 1);
          c->gone[c->old_start + (guint) x] = 1;
        }
    }
}

static void
compare (Comparison *c)
{
  guint n = (c->old_end - c->old_start) + (c->new_end - c->new_start);
  Trace trace = { .max = (int) MIN (n, MAX_DIFFERENCES) };
  gsize n_numbers = ((gsize) trace.max + 1) * (2 * (gsize) trace.max + 1);
  int d;

  trace.rows = g_new (int, n_numbers);
  d = search (c, &trace);
  if (d >= 0)
    walk_back (c, &trace, d);
  else
    {
      memset (c->gone + c->old_start, 1, c->old_end - c->old_start);
      memset (c->added + c->new_start, 1, c->new_end - c->new_start);
    }
  g_free (trace.rows);
}

/* --- showing ---------------------------------------------------------------------------------- */

static void
append_line (GString *out, char mark, GBytes *line, bool color)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (line, &size);
  const char *begin = !color || mark == ' ' ? "" : mark == '+' ? GREEN : RED;
  gsize shown = size;

  if (shown > 0 && data[shown - 1] == '\n')
    shown--;
  if (shown > 0 && shown + 1 == size && data[shown - 1] == '\r')
    shown--;
  g_string_append_printf (out, "%s%c ", begin, mark);
  tool_append_safe (out, milter_bytes (data, shown));
  g_string_append_printf (out, "%s\n", *begin != '\0' ? PLAIN : "");
}

static void
append_part (GString *out,
             const char *title,
             const GPtrArray *old_lines,
             const GPtrArray *new_lines,
             bool color)
{
  g_autofree guint8 *gone = g_malloc0 (old_lines->len + 1u);
  g_autofree guint8 *added = g_malloc0 (new_lines->len + 1u);
  Comparison c = {
    .old_lines = old_lines,
    .new_lines = new_lines,
    .old_end = old_lines->len,
    .new_end = new_lines->len,
    .gone = gone,
    .added = added,
  };
  guint i = 0, k = 0;

  set_aside_equal_ends (&c);
  if (c.old_start < c.old_end || c.new_start < c.new_end)
    compare (&c);

  g_string_append_printf (out, "%s\n" RULE, title);
  while (i < old_lines->len || k < new_lines->len)
    {
      if (i < old_lines->len && gone[i])
        append_line (out, '-', g_ptr_array_index (old_lines, i++), color);
      else if (k < new_lines->len && added[k])
        append_line (out, '+', g_ptr_array_index (new_lines, k++), color);
      else
        {
          append_line (out, ' ', g_ptr_array_index (new_lines, k++), color);
          i++;
        }
    }
  g_string_append (out, RULE);
}

void
message_diff_append (GString *out, const MilterMail *before, const MilterMail *after, bool color)
{
  static const struct
  {
    const char *title;
    GPtrArray *(*lines) (const MilterMail *mail);
  } parts[] = {
    { "Envelope", envelope_lines },
    { "Header", header_lines },
    { "Body", body_lines },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autoptr (GPtrArray) old_lines = parts[i].lines (before);
      g_autoptr (GPtrArray) new_lines = parts[i].lines (after);

      append_part (out, parts[i].title, old_lines, new_lines, color);
    }
}
