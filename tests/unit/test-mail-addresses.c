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

Test (addresses, brackets_are_added_once)
{
  g_autofree char *bare = mail_address_bracket ("a@b");
  g_autofree char *bracketed = mail_address_bracket ("<a@b> SIZE=1");
  g_autofree char *null = mail_address_bracket ("");
  g_autofree char *arguments = mail_address_bracket ("\"a b\"@c SIZE=1 BODY=7BIT");

  cr_expect_str_eq (bare, "<a@b>");
  cr_expect_str_eq (bracketed, "<a@b> SIZE=1");
  cr_expect_str_eq (null, "<>");
  cr_expect_str_eq (arguments, "<\"a b\"@c> SIZE=1 BODY=7BIT");
}
