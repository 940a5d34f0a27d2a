/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-values.c: numbers, sizes, ranges and durations are taken whole or not at all.
 */
#include <criterion/criterion.h>

#include "milter-values.h"

static const struct
{
  const char *text;
  gint64 us;   /* 0: refused */
} durations[] = {
  { "200ms", 200000 }, { "1.5s", 1500000 }, { "2m", 120000000 }, { "0.001ms", 1 },
  { "30s", 30000000 }, { "43200m", MILTER_VALUE_MAX_DURATION_US }, { "43201m", 0 },
  { "0s", 0 }, { "10", 0 }, { "s", 0 }, { "", 0 }, { "1h", 0 }, { "-1s", 0 }, { "1.s", 0 },
  { ".5s", 0 }, { "1s ", 0 }, { "1 s", 0 }, { "1.0000000001s", 0 }, { "0.0001ms", 0 },
  { "99999999999999999999999s", 0 }, { "43200.5m", 0 },
};

Test (values, durations_have_a_unit)
{
  for (gsize i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      gint64 us = -1;
      bool ok = milter_value_parse_duration (milter_bytes_from_string (durations[i].text), &us);

      cr_expect_eq (ok, durations[i].us > 0, "%s", durations[i].text);
      cr_expect_eq (us, ok ? durations[i].us : -1, "%s", durations[i].text);
    }
}

static const struct
{
  const char *text;
  gint64 size;   /* -1: refused */
} sizes[] = {
  { "0", 0 }, { "200", 200 }, { "64k", 65536 }, { "1M", 1048576 },
  { "", -1 }, { "k", -1 }, { "1K", -1 }, { "1kk", -1 }, { "-1", -1 }, { "1.5k", -1 },
  { "18446744073709551615k", -1 }, { "99999999999999999999k", -1 },
};

Test (values, sizes_are_powers_of_1024)
{
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guint64 size = G_MAXUINT64;
      bool ok = milter_value_parse_size (milter_bytes_from_string (sizes[i].text), &size);

      cr_expect_eq (ok, sizes[i].size >= 0, "%s", sizes[i].text);
      cr_expect_eq (size, (guint64) sizes[i].size, "%s", sizes[i].text);
    }
}

static const struct
{
  const char *text;
  bool ok;
  guint32 first, last;
} ranges[] = {
  { "2", true, 2, 2 }, { "2..", true, 2, G_MAXUINT32 }, { "2..5", true, 2, 5 },
  { "0x10", true, 16, 16 }, { "4294967295", true, G_MAXUINT32, G_MAXUINT32 },
  { "5..2", false, 0, 0 }, { "..2", false, 0, 0 }, { "", false, 0, 0 }, { "2...3", false, 0, 0 },
  { "2.3", false, 0, 0 }, { "4294967296", false, 0, 0 }, { "0x", false, 0, 0 },
  { "1..x", false, 0, 0 },
};

Test (values, ranges)
{
  for (gsize i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      guint32 first = 0, last = 0;

      cr_expect_eq (milter_value_parse_range (milter_bytes_from_string (ranges[i].text), &first,
                                              &last),
                    ranges[i].ok, "%s", ranges[i].text);
      cr_expect (first == ranges[i].first && last == ranges[i].last, "%s", ranges[i].text);
    }
}

Test (values, numbers)
{
  guint32 number = 7;

  cr_assert (milter_value_parse_u32 (milter_bytes_from_string ("0XfF"), &number));
  cr_assert_eq (number, 255);
  cr_assert_not (milter_value_parse_u32 (milter_bytes_from_string ("1x"), &number));
  cr_assert_not (milter_value_parse_u32 (milter_bytes (NULL, 0), &number));
  cr_assert_eq (number, 255);
}

static const struct
{
  gint64 us;
  const char *text;
} written[] = {
  { 1, "0.001ms" },
  { 500, "0.5ms" },
  { 200000, "200ms" },
  { 999999, "999.999ms" },
  { 1000000, "1s" },
  { 1500000, "1.5s" },
  { 1000001, "1.000001s" },
  { 59000000, "59s" },
  { 60000000, "1m" },
  { 90000000, "90s" },
  { 120000000, "2m" },
  { MILTER_VALUE_MAX_DURATION_US, "43200m" },
};

Test (values, a_duration_is_written_in_the_unit_that_people_would_take)
{
  for (gsize i = 0; i < G_N_ELEMENTS (written); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      gint64 again = 0;

      milter_value_append_duration (written[i].us, text);
      cr_expect_str_eq (text->str, written[i].text);
      cr_expect (milter_value_parse_duration (milter_bytes (text->str, text->len), &again)
                 && again == written[i].us);
    }
}
