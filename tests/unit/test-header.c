/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-header.c: a name and a value.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

Test (header, copies_are_equal_and_apart)
{
  g_autoptr (MilterHeader) header = milter_header_new ("Subject", "hi");
  g_autoptr (MilterHeader) copy = milter_header_copy (header);

  cr_assert (milter_header_equal (header, copy));
  cr_assert_neq (header->name, copy->name);
  cr_assert_neq (header->value, copy->value);
  milter_header_free (NULL);
}

Test (header, order_is_by_name_then_value)
{
  g_autoptr (MilterHeader) a = milter_header_new ("A", "x");
  g_autoptr (MilterHeader) a2 = milter_header_new ("A", "y");
  g_autoptr (MilterHeader) b = milter_header_new ("B", "a");
  g_autoptr (MilterHeader) none = milter_header_new ("A", NULL);
  g_autoptr (MilterHeader) lower = milter_header_new ("a", "x");

  cr_assert_lt (milter_header_compare (a, a2), 0);
  cr_assert_lt (milter_header_compare (a2, b), 0);
  cr_assert_lt (milter_header_compare (none, a), 0);
  cr_assert_gt (milter_header_compare (b, a), 0);
  cr_assert_not (milter_header_equal (a, lower));
}

Test (header, inspect_shows_both)
{
  g_autoptr (MilterHeader) header = milter_header_new ("Subject", "hi");
  g_autoptr (MilterHeader) none = milter_header_new ("X", NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  milter_header_inspect (text, header, NULL);
  milter_header_inspect (text, none, NULL);
  cr_assert_str_eq (text->str, "<Subject>=<hi><X>=<>");
}

Test (header, is_a_boxed_type)
{
  g_autoptr (MilterHeader) header = milter_header_new ("Subject", "hi");
  MilterHeader *copy = g_boxed_copy (MILTER_TYPE_HEADER, header);

  cr_assert (milter_header_equal (header, copy));
  g_boxed_free (MILTER_TYPE_HEADER, copy);
}
