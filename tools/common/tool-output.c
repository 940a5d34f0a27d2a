/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-output.c: what a program that we started has printed.
 */
#include "tool-output.h"

#include <stdbool.h>
#include <string.h>

/* of a longer line only so much is looked at */
#define MAX_LINE 4096

struct _ToolOutput
{
  guint64 size;     /* of all that came */
  GByteArray *head; /* the first TOOL_OUTPUT_HEAD bytes */
  GByteArray *tail; /* the last ones, at most twice TOOL_OUTPUT_TAIL */
  GByteArray *line; /* the beginning of the line that is not whole */
  char *report;     /* (nullable) the first line of a report that nobody took */
};

ToolOutput *
tool_output_new (void)
{
  ToolOutput *output = g_new0 (ToolOutput, 1);

  output->head = g_byte_array_new ();
  output->tail = g_byte_array_new ();
  output->line = g_byte_array_new ();
  return output;
}

void
tool_output_free (ToolOutput *output)
{
  if (output == NULL)
    return;
  g_byte_array_unref (output->head);
  g_byte_array_unref (output->tail);
  g_byte_array_unref (output->line);
  g_free (output->report);
  g_free (output);
}

/* --- reports of sanitizers -------------------------------------------------------------------- */

/* UBSan: `file.c:12:5: runtime error: …`; the numbers tell it from a log that has these words */
static bool
is_undefined_behaviour (const char *line)
{
  const char *words = strstr (line, ": runtime error: ");
  guint n_numbers = 0;

  if (words == NULL)
    return false;
  while (n_numbers < 2)
    {
      const char *end = words;

      while (words > line && g_ascii_isdigit (words[-1]))
        words--;
      if (words == end || words == line || words[-1] != ':')
        return false;
      words--;
      n_numbers++;
    }
  return words > line;
}

/* ASan, LSan, HWASan, MSan, TSan: `==PID==ERROR: AddressSanitizer: …`, `WARNING: ThreadSanitizer: …` */
static bool
is_sanitizer (const char *line)
{
  static const char *const levels[] = { "ERROR: ", "WARNING: " };

  for (gsize i = 0; i < G_N_ELEMENTS (levels); i++)
    {
      const char *name = strstr (line, levels[i]);
      gsize length;

      if (name == NULL)
        continue;
      name += strlen (levels[i]);
      length = strspn (name, G_CSET_A_2_Z G_CSET_a_2_z);
      if (length > strlen ("Sanitizer") && name[length] == ':'
          && memcmp (name + length - strlen ("Sanitizer"), "Sanitizer", strlen ("Sanitizer")) == 0)
        return true;
    }
  return false;
}

gboolean
tool_output_is_report (MilterBytes line)
{
  g_autofree char *text = NULL;

  if (line.size == 0)
    return FALSE;
  text = g_strndup ((const char *) line.data, MIN (line.size, MAX_LINE));
  return is_sanitizer (text) || is_undefined_behaviour (text);
}

static void
end_line (ToolOutput *output)
{
  MilterBytes line = milter_bytes (output->line->data, output->line->len);

  if (output->report == NULL && tool_output_is_report (line))
    output->report = g_strchomp (g_strndup ((const char *) line.data, line.size));
  g_byte_array_set_size (output->line, 0);
}

static void
watch (ToolOutput *output, MilterBytes bytes)
{
  while (bytes.size > 0)
    {
      const guint8 *end = memchr (bytes.data, '\n', bytes.size);
      gsize size = end != NULL ? (gsize) (end - bytes.data) : bytes.size;
      gsize room = MAX_LINE - output->line->len;

      g_byte_array_append (output->line, bytes.data, (guint) MIN (size, room));
      if (end == NULL)
        return;
      end_line (output);
      bytes = milter_bytes (end + 1, bytes.size - size - 1);
    }
}

char *
tool_output_take_report (ToolOutput *output)
{
  return g_steal_pointer (&output->report);
}

/* --- what is kept ----------------------------------------------------------------------------- */

static void
keep (ToolOutput *output, MilterBytes bytes)
{
  gsize room = TOOL_OUTPUT_HEAD - output->head->len;
  gsize n = MIN (room, bytes.size);

  g_byte_array_append (output->head, bytes.data, (guint) n);
  bytes = milter_bytes (bytes.data + n, bytes.size - n);
  if (bytes.size > TOOL_OUTPUT_TAIL)
    bytes = milter_bytes (bytes.data + bytes.size - TOOL_OUTPUT_TAIL, TOOL_OUTPUT_TAIL);
  g_byte_array_append (output->tail, bytes.data, (guint) bytes.size);
  /* twice as much before it is cut: each byte is moved once */
  if (output->tail->len > 2 * TOOL_OUTPUT_TAIL)
    g_byte_array_remove_range (output->tail, 0, output->tail->len - TOOL_OUTPUT_TAIL);
}

void
tool_output_append (ToolOutput *output, MilterBytes bytes)
{
  if (bytes.size == 0)
    return;
  output->size += bytes.size;
  watch (output, bytes);
  keep (output, bytes);
}

guint64
tool_output_get_size (const ToolOutput *output)
{
  return output->size;
}

void
tool_output_append_since (const ToolOutput *output, guint64 from, GByteArray *bytes)
{
  guint64 tail_from = output->size - output->tail->len;

  if (from < output->head->len)
    {
      g_byte_array_append (bytes, output->head->data + from, output->head->len - (guint) from);
      from = output->head->len;
    }
  if (from < tail_from)
    {
      g_autofree char *note
          = g_strdup_printf ("\n[… %" G_GUINT64_FORMAT " bytes …]\n", tail_from - from);

      g_byte_array_append (bytes, (const guint8 *) note, (guint) strlen (note));
      from = tail_from;
    }
  if (from < output->size)
    g_byte_array_append (bytes,
                         output->tail->data + (from - tail_from),
                         output->tail->len - (guint) (from - tail_from));
}

char *
tool_output_get_last_lines (const ToolOutput *output, guint n)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  g_auto (GStrv) words = NULL;
  guint first;

  tool_output_append_since (output, 0, all);
  if (all->len == 0)
    return NULL;
  for (guint i = 0; i < all->len; i++)
    {
      if (all->data[i] == '\0')
        all->data[i] = ' ';
    }
  text = g_strndup ((const char *) all->data, all->len);
  words = g_strsplit_set (text, "\r\n", /* max_tokens= */ -1);
  for (char **line = words; *line != NULL; line++)
    {
      if (**line != '\0')
        g_ptr_array_add (lines, *line);
    }
  if (lines->len == 0)
    return NULL;
  first = lines->len > n ? lines->len - n : 0;
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **) lines->pdata + first);
}
