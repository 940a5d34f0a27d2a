/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-format.c: the table of formats.
 */
#include "convert-format.h"

#include <string.h>

#include "tool-console.h"

static const ConvertFormat *const formats[] = {
  &convert_format_scenario,
  &convert_format_trace,
  &convert_format_pcap,
};

const ConvertFormat *
convert_format_get (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (strcmp (formats[i]->name, name) == 0)
      return formats[i];
  return NULL;
}

char *
convert_format_list (void)
{
  gsize n = G_N_ELEMENTS (formats);
  GString *text = g_string_new (formats[0]->name);

  for (gsize i = 1; i < n; i++)
    g_string_append_printf (text, "%s%s", i + 1 < n ? ", " : " or ", formats[i]->name);
  return g_string_free (text, FALSE);
}

const ConvertFormat *
convert_format_guess (const char *path)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_has_suffix (path, formats[i]->suffix))
      return formats[i];
  return NULL;
}

void
convert_tell_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  g_autoptr (GString) where = g_string_new (NULL);

  if (place->moment.frame != 0)
    g_string_append_printf (where, "frame %" G_GUINT64_FORMAT ": ", place->moment.frame);
  if (place->connection != 0)
    g_string_append_printf (where, "connection %u: ", place->connection);
  tool_error ("%s%s", where->str, text);
}
