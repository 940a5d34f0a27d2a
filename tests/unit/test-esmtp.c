/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-esmtp.c: arguments of MAIL and RCPT.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

#include "milter-esmtp-private.h"

typedef gboolean (*Parse) (const char *, char **, GHashTable **, GError **);

static const Parse parse_mail = milter_esmtp_parse_mail_from_argument;
static const Parse parse_rcpt = milter_esmtp_parse_rcpt_to_argument;

static void
check_fine (Parse parse, const char *argument, const char *expected)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  cr_assert (
      parse (argument, &path, NULL, &error), "%s: %s", argument, error ? error->message : "");
  cr_assert_str_eq (path, expected);
}

static void
check_wrong (Parse parse, const char *argument, const char *marked)
{
  char *path = (char *) "untouched";
  GHashTable *parameters = NULL;
  g_autoptr (GError) error = NULL;

  cr_assert_not (parse (argument, &path, &parameters, &error), "%s", argument);
  cr_assert (g_error_matches (error, MILTER_ESMTP_ERROR, MILTER_ESMTP_ERROR_INVALID_FORMAT));
  cr_assert_not_null (strstr (error->message, marked), "%s: %s", argument, error->message);
  cr_assert_str_eq (path, "untouched");
  cr_assert_null (parameters);
}

Test (esmtp, paths_of_both)
{
  static const char *const paths[][2] = {
    { "<user@example.com>", "user@example.com" },
    { "<a.b+c=d@x>", "a.b+c=d@x" },
    { "<@hosta.int,@jkl.org:userc@d.bar.org>", "userc@d.bar.org" },
    { "<\"john doe\"@example.com>", "\"john doe\"@example.com" },
    { "<\"a\\\"b\\\\\"@example.com>", "\"a\\\"b\\\\\"@example.com" },
    { "<user@[192.0.2.1]>", "user@[192.0.2.1]" },
    { "<user@[IPv6:2001:db8::1]>", "user@[IPv6:2001:db8::1]" },
    { "<user@ex-am--ple.com>", "user@ex-am--ple.com" },
    { "<j\xc3\xb6rg@\xc3\xb6.example>", "j\xc3\xb6rg@\xc3\xb6.example" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      check_fine (parse_mail, paths[i][0], paths[i][1]);
      check_fine (parse_rcpt, paths[i][0], paths[i][1]);
    }
}

Test (esmtp, special_paths_belong_to_one_of_them)
{
  check_fine (parse_mail, "<>", "");
  check_fine (parse_rcpt, "<Postmaster>", "Postmaster");
  check_fine (parse_rcpt, "<postmaster>", "postmaster");
  check_fine (parse_rcpt, "<Postmaster@example.com>", "Postmaster@example.com");
  check_wrong (parse_rcpt, "<>", "<<|@|>>");
  check_wrong (parse_mail, "<Postmaster>", "<<Postmaster|@|>>");
}

Test (esmtp, wrong_arguments_are_marked_where_they_go_wrong)
{
  static const char *const arguments[][2] = {
    { "", "<|@|>" },
    { "user@example.com", "<|@|user@example.com>" },
    { " <user@example.com>", "<|@| <user@example.com>>" },
    { "<user@example.com", "<<user@example.com|@|>" },
    { "<user>", "<<user|@|>>" },
    { "<user@>", "<<user@|@|>>" },
    { "<@example.com>", "<<@example.com|@|>>" },
    { "<user@-x.com>", "<<user@|@|-x.com>>" },
    { "<user@x-.com>", "<<user@x-|@|.com>>" },
    { "<user@x..com>", "<<user@x.|@|.com>>" },
    { "<.user@x>", "<<|@|.user@x>>" },
    { "<us er@x>", "<<us|@| er@x>>" },
    { "<\"user@x>", "<<\"user@x>|@|>" },
    { "<\"user\\", "<<\"user\\|@|>" },
    { "<user@[192.0.2.1>", "<<user@[192.0.2.1>|@|>" },
    { "<user@[]>", "<<user@[|@|]>>" },
    { "<@a,b:user@x>", "<<@a,|@|b:user@x>>" },
    { "<user@x>SIZE=1", "<<user@x>|@|SIZE=1>" },
    { "<user@x> ", "<<user@x> |@|>" },
    { "<user@x> =1", "<<user@x> |@|=1>" },
    { "<user@x> SIZE=", "<<user@x> SIZE=|@|>" },
    { "<user@x> SIZE=1=2", "<<user@x> SIZE=1|@|=2>" },
    { "<user@x> A  B", "<<user@x> A |@| B>" },
    { "<user@x> -A", "<<user@x> |@|-A>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (arguments); i++)
    {
      check_wrong (parse_mail, arguments[i][0], arguments[i][1]);
      check_wrong (parse_rcpt, arguments[i][0], arguments[i][1]);
    }
}

Test (esmtp, parameters_are_found_in_any_case)
{
  g_autoptr (GHashTable) parameters = NULL;
  const char *value = "x";

  cr_assert (parse_mail (
      "<a@x> SIZE=1000 body=8BITMIME SMTPUTF8 X-Y=<z> size=2", NULL, &parameters, NULL));
  cr_assert_eq (g_hash_table_size (parameters), 4);
  cr_assert_str_eq (g_hash_table_lookup (parameters, "Size"), "2", "the last one counts");
  cr_assert_str_eq (g_hash_table_lookup (parameters, "BODY"), "8BITMIME");
  cr_assert_str_eq (g_hash_table_lookup (parameters, "x-y"), "<z>");
  cr_assert (g_hash_table_lookup_extended (parameters, "smtputf8", NULL, (gpointer *) &value));
  cr_assert_null (value);
}

Test (esmtp, no_parameters_are_an_empty_table)
{
  g_autoptr (GHashTable) parameters = NULL;

  cr_assert (parse_rcpt ("<a@x>", NULL, &parameters, NULL));
  cr_assert_eq (g_hash_table_size (parameters), 0);
}

Test (esmtp, an_address_ends_behind_its_bracket_or_at_a_blank)
{
  static const struct
  {
    const char *argument;
    gsize size;
  } rows[] = {
    { "<a@b>", 5 },         { "<a@b> SIZE=1", 5 },      { "a@b SIZE=1", 3 }, { "a@b", 3 },
    { "<\">\"@b> X", 7 },   { "<\"\\\"> \"@b> X", 10 }, { "<never", 6 },     { "", 0 },
    { "\"a b\"@c X=1", 7 }, { "\"never closed", 13 },     { "\"\\", 2 },      { "<a b> X", 5 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    cr_expect_eq (
        _milter_esmtp_address_size (rows[i].argument), rows[i].size, "%s", rows[i].argument);
}
