/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-tool-values.c: numbers and durations of options.
 */
#include <criterion/criterion.h>

#include "tool-exit.h"
#include "tool-values.h"

Test (values, durations_carry_their_unit_or_are_seconds)
{
  static const struct
  {
    const char *text;
    gint64 us;
  } rows[] = {
    { "0", 0 },          { "200ms", 200000 },
    { "1.5s", 1500000 }, { "2m", 120000000 },
    { "30", 30000000 },  { "0.25", 250000 },
    { "7us", 7 },        { "1h", 3600000000 },
    { ".5s", 500000 },   { "8784h", TOOL_DURATION_MAX_US },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 us = -1;

      cr_expect (tool_parse_duration (rows[i].text, &us, &error), "%s", rows[i].text);
      cr_expect_eq (us, rows[i].us, "%s", rows[i].text);
    }
}

Test (values, what_is_no_duration_is_refused_and_quoted)
{
  static const char *const rows[] = { "",    "-1",   "+1",  "ms",    "1 s",   "1d",
                                      "1e9", "0x10", "inf", "1.2.3", "8785h", "99999999999999999",
                                      "nan", "1s1",  ".",   "\n" };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *quoted = g_strescape (rows[i], NULL);
      gint64 us = -1;

      cr_expect_not (tool_parse_duration (rows[i], &us, &error), "%s", rows[i]);
      cr_assert_not_null (error);
      cr_expect (strstr (error->message, quoted) != NULL, "%s", error->message);
      cr_expect_eq (us, -1);
    }
}

Test (values, numbers_outside_their_range_are_refused)
{
  static const struct
  {
    const char *text;
    bool good;
  } rows[] = {
    { "2", true },   { "6", true },   { "1", false },   { "7", false },
    { "-1", false }, { "", false },   { "2x", false },  { "99999999999999999999", false },
    { "+2", false }, { " 2", false }, { "0x2", false }, { "2.0", false },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 value = 0;

      cr_expect_eq (
          tool_parse_number (rows[i].text, 2, 6, &value, &error), rows[i].good, "%s", rows[i].text);
      cr_expect_eq (error == NULL, rows[i].good);
    }
}

Test (values, only_inet_is_over_tcp)
{
  static const struct
  {
    const char *spec;
    bool over_tcp;
  } rows[] = {
    { "inet:8891@localhost", true }, { "inet6:8891@[::1]", true }, { "unix:/run/m.sock", false },
    { "local:m.sock", false },       { "/run/m.sock", false },     { "nonsense", false },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    cr_expect_eq (tool_spec_is_over_tcp (rows[i].spec), rows[i].over_tcp, "%s", rows[i].spec);
}

Test (values, the_worst_status_counts)
{
  static const ToolExit rows[][3] = {
    { TOOL_EXIT_OK, TOOL_EXIT_OK, TOOL_EXIT_OK },
    { TOOL_EXIT_OK, TOOL_EXIT_FAILED, TOOL_EXIT_FAILED },
    { TOOL_EXIT_FAILED, TOOL_EXIT_BROKEN, TOOL_EXIT_BROKEN },
    { TOOL_EXIT_USAGE, TOOL_EXIT_BROKEN, TOOL_EXIT_USAGE },
    { TOOL_EXIT_SKIPPED, TOOL_EXIT_OK, TOOL_EXIT_OK },
    { TOOL_EXIT_SKIPPED, TOOL_EXIT_FAILED, TOOL_EXIT_FAILED },
    { TOOL_EXIT_SKIPPED, TOOL_EXIT_SKIPPED, TOOL_EXIT_SKIPPED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      cr_expect_eq (tool_exit_worse (rows[i][0], rows[i][1]), rows[i][2], "row %zu", i);
      cr_expect_eq (tool_exit_worse (rows[i][1], rows[i][0]), rows[i][2], "row %zu turned", i);
    }
}
