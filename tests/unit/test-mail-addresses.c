/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-mail-addresses.c: the addresses in header fields, and where an envelope address ends.
 */
#include <criterion/criterion.h>

#include "mail-addresses.h"

Test (addresses, every_address_of_a_field_is_found)
{
  static const struct
  {
    const char *value;
    const char *addresses; /* joined by blanks */
  } rows[] = {
    { " alice@example.com", "<alice@example.com>" },
    { " Alice <alice@example.com>", "<alice@example.com>" },
    { " \"A, B\" <a@b>, c@d (C, D), <e@f>", "<a@b> <c@d> <e@f>" },
    { " a@b,\n\tc@d", "<a@b> <c@d>" },
    { " \"john doe\"@example.com", "<\"john doe\"@example.com>" },
    { " <\"x> y\"@example.com>", "<\"x> y\"@example.com>" },
    { " friends: a@b, c@d; e@f", "<a@b> <c@d> <e@f>" },
    { " undisclosed-recipients:;", "" },
    { " (only (a nested) comment)", "" },
    { " <>", "" },
    { "", "" },
    { " \"never closed", "" },
    { " (never closed", "" },
    { " <never@closed", "<never@closed>" },
    { " ,,a@b,,", "<a@b>" },
    { " \"ends in a backslash\\", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      /* of exact size, so that a read past the end shows */
      gsize size = strlen (rows[i].value);
      g_autofree guint8 *bytes = g_memdup2 (rows[i].value, size);
      g_autoptr (GPtrArray) found = mail_addresses_parse (milter_bytes (bytes, size));
      g_autofree char *joined = NULL;

      g_ptr_array_add (found, NULL);
      joined = g_strjoinv (" ", (char **) found->pdata);
      cr_expect_str_eq (joined, rows[i].addresses, "%s: %s", rows[i].value, joined);
    }
}

Test (addresses, an_envelope_address_ends_behind_its_bracket)
{
  static const struct
  {
    const char *text;
    gsize size;
  } rows[] = {
    { "<a@b>", 5 },       { "<a@b> SIZE=1", 5 },      { "a@b SIZE=1", 3 }, { "a@b", 3 },
    { "<\">\"@b> X", 7 }, { "<\"\\\"> \"@b> X", 10 }, { "<never", 6 },     { "", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    cr_expect_eq (mail_address_size (rows[i].text), rows[i].size, "%s", rows[i].text);
}

Test (addresses, brackets_are_added_once)
{
  g_autofree char *bare = mail_address_bracket ("a@b");
  g_autofree char *bracketed = mail_address_bracket ("<a@b> SIZE=1");
  g_autofree char *null = mail_address_bracket ("");

  cr_expect_str_eq (bare, "<a@b>");
  cr_expect_str_eq (bracketed, "<a@b> SIZE=1");
  cr_expect_str_eq (null, "<>");
}
