/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-date.c: what is a date, and how long it is.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-anonymizer-date.h"

Test (anonymizer_date, is_measured)
{
  static const struct
  {
    const char *text;
    gsize size;
  } rows[] = {
    { "Sun, 22 Nov 2026 09:15:02 +0100", 31 },
    { "Sun, 22 Nov 2026 09:15:02 +0100 (CET)", 31 },
    { "Sun,22 Nov 2026 09:15 GMT", 25 },
    { "2 Nov 2026 09:15:02 -0000", 25 },
    { "Sun,\r\n\t22 Nov 2026 09:15:02 +0100", 33 },
    { "Sun Nov 22 09:15:02 2026", 24 },
    { "Sun, 22 Nov 2026 09:15:02", 0 },
    { "Sun, 22 Nov 2026 09:15:02 +01000", 0 },
    { "Sun, 22 Nov 2026 Bob", 0 },
    { "22", 0 },
    { "", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    cr_assert_eq (milter_date_measure (milter_bytes_from_string (rows[i].text)), rows[i].size, "%s", rows[i].text);
}

Test (anonymizer_date, needs_all_its_bytes)
{
  static const char text[] = "Sun, 22 Nov 2026 09:15:02 +0100";

  for (gsize i = 0; i < strlen (text); i++)
    {
      g_autofree guint8 *part = g_memdup2 (text, i);

      cr_assert_eq (milter_date_measure (milter_bytes (part, i)), 0);
    }
}
