/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-tool-console.c: colours, durations and bytes as people see them.
 */
#include <criterion/criterion.h>
#include <locale.h>

#include "tool-console.h"

static char *
safe (const char *bytes, gsize size)
{
  GString *text = g_string_new (NULL);

  tool_append_safe (text, milter_bytes (bytes, size));
  return g_string_free (text, FALSE);
}

Test (console, bytes_cannot_do_anything_to_a_terminal)
{
  static const struct
  {
    const char *bytes;
    gsize size;
    const char *shown;
  } rows[] = {
    { "plain text", 10, "plain text" },
    { "a\tb", 3, "a\tb" },
    { "\033[31mred", 8, "\\x1b[31mred" },
    { "a\0b", 3, "a\\x00b" },
    { "\r\n\x7f", 3, "\\x0d\\x0a\\x7f" },
    { "\xff\xfe", 2, "\\xff\\xfe" },
    { "cut \xc3", 5, "cut \\xc3" },
    /* a control character and an override of the writing direction, both well-formed */
    { "\xc2\x9b"
      "31m",
      5,
      "\\xc2\\x9b31m" },
    { "\xe2\x80\xae", 3, "\\xe2\\x80\\xae" },
  };

  setlocale (LC_ALL, "C.UTF-8");
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *shown = safe (rows[i].bytes, rows[i].size);

      cr_expect_str_eq (shown, rows[i].shown, "row %zu: %s", i, shown);
    }
}

Test (console, letters_of_other_scripts_are_shown_where_the_locale_can)
{
  g_autofree char *there = NULL;

  setlocale (LC_ALL, "C.UTF-8");
  there = safe ("Gr\xc3\xbc\xc3\x9f", 6);
  cr_expect_str_eq (there, "Gr\xc3\xbc\xc3\x9f");
}

Test (console, letters_of_other_scripts_are_escaped_where_it_cannot)
{
  g_autofree char *here = NULL;

  setlocale (LC_ALL, "C");
  here = safe ("\xc3\xbc", 2);
  cr_expect_str_eq (here, "\\xc3\\xbc");
}

Test (console, colour_is_what_was_asked_for)
{
  static const struct
  {
    const char *text;
    ToolColor color;
  } rows[] = {
    { "auto", TOOL_COLOR_AUTO },   { "always", TOOL_COLOR_ALWAYS }, { "yes", TOOL_COLOR_ALWAYS },
    { "true", TOOL_COLOR_ALWAYS }, { "never", TOOL_COLOR_NEVER },   { "no", TOOL_COLOR_NEVER },
    { "false", TOOL_COLOR_NEVER },
  };
  ToolColor color = TOOL_COLOR_AUTO;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      cr_expect (tool_color_from_string (rows[i].text, &color));
      cr_expect_eq (color, rows[i].color);
    }
  cr_expect_not (tool_color_from_string ("sometimes", &color));
  cr_expect_not (tool_color_from_string ("", &color));
  cr_expect (tool_color_is_on (TOOL_COLOR_ALWAYS, stdout));
  cr_expect_not (tool_color_is_on (TOOL_COLOR_NEVER, stdout));
}

Test (console, durations_are_short)
{
  static const struct
  {
    gint64 us;
    const char *text;
  } rows[] = {
    { 0, "0.0 ms" },       { 3100, "3.1 ms" },         { 250000, "250 ms" },
    { 1234567, "1.23 s" }, { 125000000, "2 min 5 s" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = tool_format_duration (rows[i].us);

      cr_expect_str_eq (text, rows[i].text);
    }
}
