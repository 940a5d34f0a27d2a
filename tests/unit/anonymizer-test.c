/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * anonymizer-test.c: pictures of replaced texts.
 */
#include "anonymizer-test.h"

#include <criterion/criterion.h>
#include <string.h>

const MilterPseudonyms *
test_pseudonyms (void)
{
  static MilterPseudonyms *pseudonyms;

  if (pseudonyms == NULL)
    {
      pseudonyms = g_new0 (MilterPseudonyms, 1);
      milter_pseudonyms_init (pseudonyms, (MilterBytes) MILTER_BYTES_INIT ("a secret of tests"));
    }
  return pseudonyms;
}

static int
kind_of (char c)
{
  return (guint8) c >= 0x80 ? 1 : g_ascii_isdigit (c) ? 2 : g_ascii_isupper (c) ? 3 : g_ascii_islower (c) ? 4 : 5;
}

void
test_compare (const char *name, const char *before, const char *after, const char *picture)
{
  gsize size = strlen (before), at = 0;

  cr_assert_eq (strlen (after), size, "%s: %s", name, after);
  cr_assert_eq (strlen (picture), size, "%s: the picture is of another text: %s", name, picture);
  while (at < size)
    {
      gsize run = strspn (picture + at, "~");

      if (run == 0)
        {
          cr_assert_eq (after[at], picture[at], "%s at %zu: %s", name, at, after);
          cr_assert_eq (before[at], picture[at], "%s at %zu: %s", name, at, before);
          at++;
          continue;
        }
      cr_assert (memcmp (before + at, after + at, run) != 0, "%s at %zu: %s", name, at, after);
      for (gsize end = at + run; at < end; at++)
        cr_assert_eq (kind_of (after[at]), kind_of (before[at]), "%s at %zu: %s", name, at, after);
    }
}
