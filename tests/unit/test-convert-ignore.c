/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-convert-ignore.c: stars stand for what the rules leave out, and for nothing else.
 */
#include <criterion/criterion.h>

#include "convert-ignore.h"

static const struct
{
  const char *rules, *name, *value;
  const char *pattern; /* NULL: nothing is left out */
} rows[] = {
  { "dates", "X-A", "no date in it", NULL },
  { "dates", "Date", "Sun, 22 Nov 2026 09:15:02 +0100", "\"*\"" },
  { "dates", "X-A", "on Sun, 22 Nov 2026 09:15:02 +0100; all 5*5 $ \"fine\"", "\"on *; all 5\\*5 \\$ \\\"fine\\\"\"" },
  { "hosts", "Authentication-Results", "mx.example.com; dkim=pass", "\"*; dkim=pass\"" },
  { "ids", "Message-ID", "<a@b>", "\"*\"" },
  { "signatures", "DKIM-Signature", "v=1; s=x; t=17;\n\tbh=abc=; b=A B\n\t C", "\"v=1;*s=x;*t=*;*bh=*;*b=*\"" },
  { "keys", "DKIM-Signature", "v=1; a=rsa; s=x; t=17", "\"v=1; a=*; s=*; t=17\"" },
  { "keys", "X-A", "v=1; a=rsa; s=x; t=17", NULL },
  { "header:X-*", "X-A", "whatever", "" },
  { "header:X-*", "Y-A", "whatever", NULL },
  { "dates", "X-A", "", NULL },
};

Test (convert_ignore, values)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
      g_autoptr (GString) pattern = NULL;

      cr_assert (milter_compare_rules_ignore (rules, rows[i].rules, NULL));
      pattern = convert_ignore_loosen (
          milter_bytes_from_string (rows[i].name), milter_bytes_from_string (rows[i].value), rules);
      cr_expect_str_eq (pattern != NULL ? pattern->str : "(as it is)",
                        rows[i].pattern != NULL ? rows[i].pattern : "(as it is)",
                        "%s: %s",
                        rows[i].value,
                        pattern != NULL ? pattern->str : "(as it is)");
    }
}
