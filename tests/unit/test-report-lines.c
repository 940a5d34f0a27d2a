/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-lines.c: text as each format can carry it.
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

#include "report-lines.h"

typedef void (*Append) (GString *out, MilterBytes bytes);

/* exact size: a read past the end is caught */
static char *
call (Append append, const char *bytes, gsize size)
{
  g_autofree guint8 *exact = g_memdup2 (bytes, size);
  GString *out = g_string_new (NULL);

  append (out, milter_bytes (exact, size));
  return g_string_free (out, FALSE);
}

static const struct
{
  const char *bytes;
  gsize size;
  const char *xml, *attribute, *tap, *yaml;
} rows[] = {
  { "", 0, "", "", "", "\"\"" },
  { "plain", 5, "plain", "plain", "plain", "\"plain\"" },
  { "<a&b>\"'", 7, "&lt;a&amp;b&gt;\"'", "&lt;a&amp;b&gt;&quot;'", "<a&b>\"'", "\"<a&b>\\\"'\"" },
  { "]]>", 3, "]]&gt;", "]]&gt;", "]]>", "\"]]>\"" },
  { "a\nb\tc", 5, "a\nb\tc", "a&#10;b&#9;c", "a\\\\x0ab c", "\"a\\nb\\tc\"" },
  { "a\r\n", 3, "a\\x0d\n", "a\\x0d&#10;", "a\\\\x0d\\\\x0a", "\"a\\\\x0d\\n\"" },
  { "# \\ x", 5, "# \\ x", "# \\ x", "\\# \\\\ x", "\"# \\\\ x\"" },
  { "a\0b", 3, "a\\x00b", "a\\x00b", "a\\\\x00b", "\"a\\\\x00b\"" },
  { "\x1b\x7f", 2, "\\x1b\\x7f", "\\x1b\\x7f", "\\\\x1b\\\\x7f", "\"\\\\x1b\\\\x7f\"" },
  { "\xff\xc3", 2, "\\xff\\xc3", "\\xff\\xc3", "\\\\xff\\\\xc3", "\"\\\\xff\\\\xc3\"" },
  /* a control of Latin 1, U+FFFE, a surrogate, and behind them what is well */
  { "\xc2\x9b", 2, "\\xc2\\x9b", "\\xc2\\x9b", "\\\\xc2\\\\x9b", "\"\\\\xc2\\\\x9b\"" },
  { "\xef\xbf\xbe", 3, "\\xef\\xbf\\xbe", "\\xef\\xbf\\xbe", "\\\\xef\\\\xbf\\\\xbe",
    "\"\\\\xef\\\\xbf\\\\xbe\"" },
  { "\xed\xa0\x80", 3, "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80",
    "\"\\\\xed\\\\xa0\\\\x80\"" },
  { "\xe6\x97\xa5\xf0\x9f\x98\x80", 7, "日😀", "日😀", "日😀", "\"日😀\"" },
};

Test (report_lines, each_format_carries_any_byte)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *xml = call (report_append_xml, rows[i].bytes, rows[i].size);
      g_autofree char *attribute = call (report_append_xml_attribute, rows[i].bytes, rows[i].size);
      g_autofree char *tap = call (report_append_tap, rows[i].bytes, rows[i].size);
      g_autofree char *yaml = call (report_append_yaml, rows[i].bytes, rows[i].size);

      cr_expect_str_eq (xml, rows[i].xml, "row %zu: %s", i, xml);
      cr_expect_str_eq (attribute, rows[i].attribute, "row %zu: %s", i, attribute);
      cr_expect_str_eq (tap, rows[i].tap, "row %zu: %s", i, tap);
      cr_expect_str_eq (yaml, rows[i].yaml, "row %zu: %s", i, yaml);
    }
}

Test (report_lines, no_byte_and_no_pair_of_bytes_leaves_what_xml_forbids)
{
  for (guint i = 0; i < 0x10000; i++)
    {
      const char bytes[] = { (char) (i >> 8), (char) i };
      g_autofree char *text = call (report_append_xml, bytes, sizeof bytes);

      cr_assert (g_utf8_validate (text, -1, NULL));
      for (const char *at = text; *at != '\0'; at++)
        cr_assert ((guint8) *at >= ' ' || *at == '\t' || *at == '\n', "%04x: %s", i, text);
    }
}

Test (report_lines, bytes_that_are_no_utf8_are_base64_in_json)
{
  static const struct
  {
    const char *bytes;
    gsize size;
    const char *json;
  } json_rows[] = {
    { "a", 1, "\"n\":\"a\"" },
    { "\"\\\n\t\x01\x7f", 6, "\"n\":\"\\\"\\\\\\n\\u0009\\u0001\\u007f\"" },
    { "a\0b", 3, "\"n\":\"a\\u0000b\"" },
    { "日", 3, "\"n\":\"日\"" },
    { "\xff\xfe", 2, "\"n_base64\":\"//4=\"" },
    { "", 0, "\"n\":\"\"" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (json_rows); i++)
    {
      g_autoptr (GString) out = g_string_new (NULL);

      report_append_json (out, "n", milter_bytes (json_rows[i].bytes, json_rows[i].size));
      cr_expect_str_eq (out->str, json_rows[i].json, "row %zu: %s", i, out->str);
    }
}

Test (report_lines, a_line_fits_a_terminal_by_columns_not_bytes)
{
  static const struct
  {
    const char *line;
    guint columns;
    const char *fits;
  } fit_rows[] = {
    { "short", 10, "short" },   { "exactly10!", 10, "exactly10!" }, { "elevenchars", 10, "elevencha…" },
    { "日本語", 6, "日本語" },  { "日本語", 5, "日本…" },           { "日本語", 4, "日…" },
    { "e\xcc\x81t\xc3\xa9", 3, "e\xcc\x81t\xc3\xa9" },
    { "abc", 1, "…" },          { "abc", 0, "" },                   { "", 5, "" },
  };

  setlocale (LC_ALL, "C.UTF-8");
  for (gsize i = 0; i < G_N_ELEMENTS (fit_rows); i++)
    {
      g_autoptr (GString) line = g_string_new (fit_rows[i].line);

      report_fit_columns (line, fit_rows[i].columns);
      cr_expect_str_eq (line->str, fit_rows[i].fits, "row %zu: %s", i, line->str);
    }
}
