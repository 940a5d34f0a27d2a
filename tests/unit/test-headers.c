/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-headers.c: lists of header fields.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

static void
check (MilterHeaders *headers, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (const GList *node = milter_headers_get_list (headers); node != NULL; node = node->next)
    {
      const MilterHeader *field = node->data;

      g_string_append_printf (
          text, "%s:%s ", field->name, field->value == NULL ? "" : field->value);
    }
  cr_assert_str_eq (text->str, expected);
}

/* A:1 B:2 a:3 A:4 */
static MilterHeaders *
new_sample (void)
{
  MilterHeaders *headers = milter_headers_new ();

  milter_headers_append_header (headers, "A", "1");
  milter_headers_append_header (headers, "B", "2");
  milter_headers_append_header (headers, "a", "3");
  milter_headers_append_header (headers, "A", "4");
  return headers;
}

Test (headers, add_goes_before_the_first_of_its_name_in_any_case)
{
  g_autoptr (MilterHeaders) headers = new_sample ();

  cr_assert (milter_headers_add_header (headers, "b", "x"));
  cr_assert (milter_headers_add_header (headers, "C", "y"));
  cr_assert (milter_headers_add_header (headers, "a", NULL));
  check (headers, "a: A:1 b:x B:2 a:3 A:4 C:y ");
}

Test (headers, insert_counts_from_0)
{
  g_autoptr (MilterHeaders) headers = new_sample ();

  cr_assert (milter_headers_insert_header (headers, 0, "T", "0"));
  cr_assert (milter_headers_insert_header (headers, 2, "T", "2"));
  cr_assert (milter_headers_insert_header (headers, G_MAXUINT, "T", "z"));
  check (headers, "T:0 A:1 T:2 B:2 a:3 A:4 T:z ");
}

Test (headers, fields_without_a_name_are_refused)
{
  g_autoptr (MilterHeaders) headers = milter_headers_new ();

  cr_assert_not (milter_headers_add_header (headers, "", "x"));
  cr_assert_not (milter_headers_append_header (headers, NULL, "x"));
  cr_assert_not (milter_headers_insert_header (headers, 0, "", "x"));
  cr_assert_not (milter_headers_change_header (headers, "", 1, "x"));
  cr_assert_not (milter_headers_delete_header (headers, NULL, 1));
  cr_assert_eq (milter_headers_length (headers), 0);
  cr_assert_null (milter_headers_get_list (headers));
}

Test (headers, change_counts_fields_of_the_same_name_from_1)
{
  static const struct
  {
    const char *name;
    guint index;
    const char *value;
    gboolean done;
    const char *expected;
  } cases[] = {
    { "A", 1, "x", TRUE, "A:x B:2 a:3 A:4 " },   { "A", 0, "x", TRUE, "A:x B:2 a:3 A:4 " },
    { "A", 2, "x", TRUE, "A:1 B:2 a:3 A:x " },   { "A", 3, "x", TRUE, "A:x A:1 B:2 a:3 A:4 " },
    { "a", 1, "x", TRUE, "A:1 B:2 a:x A:4 " },   { "C", 1, "x", TRUE, "A:1 B:2 a:3 A:4 C:x " },
    { "A", 1, NULL, TRUE, "B:2 a:3 A:4 " },      { "A", 2, NULL, TRUE, "A:1 B:2 a:3 " },
    { "A", 3, NULL, FALSE, "A:1 B:2 a:3 A:4 " }, { "C", 1, NULL, FALSE, "A:1 B:2 a:3 A:4 " },
    { "B", 1, "", TRUE, "A:1 B: a:3 A:4 " },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterHeaders) headers = new_sample ();

      cr_assert_eq (
          milter_headers_change_header (headers, cases[i].name, cases[i].index, cases[i].value),
          cases[i].done);
      check (headers, cases[i].expected);
    }
}

Test (headers, a_field_may_be_changed_to_its_own_value)
{
  g_autoptr (MilterHeaders) headers = new_sample ();
  MilterHeader *field = milter_headers_lookup_by_name (headers, "B");

  cr_assert (milter_headers_change_header (headers, field->name, 1, field->value));
  check (headers, "A:1 B:2 a:3 A:4 ");
}

Test (headers, delete_moves_later_ones_up)
{
  g_autoptr (MilterHeaders) headers = new_sample ();

  cr_assert (milter_headers_delete_header (headers, "A", 1));
  cr_assert (milter_headers_delete_header (headers, "A", 1));
  cr_assert_not (milter_headers_delete_header (headers, "A", 1));
  check (headers, "B:2 a:3 ");
}

Test (headers, positions_count_from_1)
{
  g_autoptr (MilterHeaders) headers = new_sample ();

  cr_assert_eq (milter_headers_length (headers), 4);
  cr_assert_null (milter_headers_get_nth_header (headers, 0));
  cr_assert_str_eq (milter_headers_get_nth_header (headers, 1)->value, "1");
  cr_assert_str_eq (milter_headers_get_nth_header (headers, 4)->value, "4");
  cr_assert_null (milter_headers_get_nth_header (headers, 5));
}

Test (headers, fields_are_found_by_name_and_as_a_whole)
{
  g_autoptr (MilterHeaders) headers = new_sample ();
  g_autoptr (MilterHeader) wanted = milter_header_new ("A", "4");
  g_autoptr (MilterHeader) other = milter_header_new ("A", "3");

  cr_assert_str_eq (milter_headers_lookup_by_name (headers, "a")->value, "3");
  cr_assert_null (milter_headers_lookup_by_name (headers, "b"));
  cr_assert_eq (milter_headers_find (headers, wanted), milter_headers_get_nth_header (headers, 4));
  cr_assert_null (milter_headers_find (headers, other));
  cr_assert_eq (milter_headers_index_in_same_header_name (headers, wanted), 2);
  cr_assert_eq (milter_headers_index_in_same_header_name (headers, other), -1);
}

Test (headers, remove_takes_its_own_fields_too)
{
  g_autoptr (MilterHeaders) headers = new_sample ();
  g_autoptr (MilterHeader) other = milter_header_new ("A", "3");

  cr_assert (milter_headers_remove (headers, milter_headers_get_nth_header (headers, 2)));
  cr_assert_not (milter_headers_remove (headers, other));
  check (headers, "A:1 a:3 A:4 ");
}

Test (headers, copies_are_apart)
{
  g_autoptr (MilterHeaders) headers = new_sample ();
  g_autoptr (MilterHeaders) copy = milter_headers_copy (headers);

  milter_headers_delete_header (headers, "B", 1);
  check (copy, "A:1 B:2 a:3 A:4 ");
}
