/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-counted-text.c: the numbers of rounds and copies are filled in where they stood.
 */
#include <criterion/criterion.h>

#include "milter-counted-text.h"

static MilterCountedText *
make (const char *text, const MilterMark *marks, guint n)
{
  g_autoptr (GArray) array = g_array_new (FALSE, FALSE, sizeof (MilterMark));

  g_array_append_vals (array, marks, n);
  return milter_counted_text_new (milter_bytes_from_string (text), array);
}

static void
check (const MilterCountedText *text, guint n, guint p, const char *expected)
{
  g_autofree char *filled = milter_counted_text_fill_in (text, n, p);

  cr_expect_str_eq (filled, expected);
}

Test (counted_text, a_text_without_places_stays)
{
  g_autoptr (MilterCountedText) text
      = milter_counted_text_new (milter_bytes_from_string ("abc"), NULL);
  g_autoptr (MilterCountedText) empty = milter_counted_text_new (milter_bytes (NULL, 0), NULL);

  check (text, 2, 3, "abc");
  check (empty, 2, 3, "");
  cr_expect_eq (milter_counted_text_get_n_places (text), 0);
}

Test (counted_text, numbers_stand_at_the_start_in_the_middle_and_at_the_end)
{
  static const MilterMark marks[] = { { 0, 1, 'n' }, { 4, 1, 'p' }, { 5, 1, 'n' }, { 8, 1, 'p' } };
  g_autoptr (MilterCountedText) text = make ("1abc11de1", marks, G_N_ELEMENTS (marks));

  check (text, 1, 1, "1abc11de1");
  check (text, 20, 300, "20abc30020de300");
}

Test (counted_text, the_numbers_may_be_all_there_is)
{
  static const MilterMark marks[] = { { 0, 2, 'n' }, { 2, 2, 'p' } };
  g_autoptr (MilterCountedText) text = make ("1010", marks, G_N_ELEMENTS (marks));

  check (text, 7, 8, "78");
  cr_expect_eq (milter_counted_text_get_cost (text), 2 * sizeof (MilterMark));
}
