/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-values.c: values of options as text.
 */
#include "tool-values.h"

#include <string.h>

#include "milter-connection-spec.h"

/* a sentence about @text, which is quoted so that it can do nothing to a terminal */
static void
set_error (GError **error, const char *text, const char *what)
{
  g_autofree char *quoted = g_strescape (text, /* exceptions= */ NULL);

  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "\"%s\" %s", quoted, what);
}

bool
tool_parse_number (const char *text, guint64 min, guint64 max, guint64 *value, GError **error)
{
  g_autofree char *range = g_strdup_printf (
      "is not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, min, max);

  /* signs and blanks, which g_ascii_string_to_unsigned() takes in part, are refused by it too */
  if (g_ascii_string_to_unsigned (text, 10, min, max, value, /* error= */ NULL))
    return true;
  set_error (error, text, range);
  return false;
}

bool
tool_parse_duration (const char *text, gint64 *duration_us, GError **error)
{
  static const struct
  {
    const char *unit;
    double us;
  } units[] = {
    { "us", 1 },
    { "ms", G_TIME_SPAN_MILLISECOND },
    { "s", G_TIME_SPAN_SECOND },
    { "", G_TIME_SPAN_SECOND },
    { "m", G_TIME_SPAN_MINUTE },
    { "h", G_TIME_SPAN_HOUR },
  };
  /* digits and one dot: strtod() would also take signs, hexadecimal numbers and infinity */
  gsize n_digits = strspn (text, "0123456789.");
  const char *end = text;
  double number;

  number = n_digits > 0 ? g_ascii_strtod (text, (char **) &end) : 0;
  if (end == text || end != text + n_digits)
    {
      set_error (error, text, "is not a duration: write 200ms, 1.5s, 2m, or a number of seconds");
      return false;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      if (strcmp (end, units[i].unit) != 0)
        continue;
      if (number > (double) TOOL_DURATION_MAX_US / units[i].us)
        {
          set_error (error, text, "is longer than a year");
          return false;
        }
      *duration_us = (gint64) (number * units[i].us + 0.5);
      return true;
    }
  set_error (error, text, "has a unit that is none of us, ms, s, m, h");
  return false;
}

bool
tool_spec_is_over_tcp (const char *spec)
{
  g_autoptr (MilterConnectionSpec) parsed = milter_connection_spec_parse (spec, /* error= */ NULL);

  return parsed != NULL && parsed->kind != MILTER_CONNECTION_KIND_UNIX;
}
