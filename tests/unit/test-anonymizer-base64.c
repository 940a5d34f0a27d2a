/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-base64.c: what is encoded, whole and in pieces.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "anonymizer-test.h"
#include "milter-anonymizer-base64.h"

static char *
replace (MilterEncoded what, const char *text, guint *phase)
{
  char *copy = g_strdup (text);

  milter_pseudonyms_base64 (test_pseudonyms (), what, (guint8 *) copy, strlen (copy), phase);
  return copy;
}

Test (anonymizer_base64, text_becomes_what_the_plain_text_becomes)
{
  static const char *const texts[] = { "a", "ab", "abc", "Dear alice,\r\nhow are you?\r\n", ("Gr\xc3\xbc\xc3\x9f" "e") };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *encoded = g_base64_encode ((const guchar *) texts[i], strlen (texts[i]));
      g_autofree char *plain = g_strdup (texts[i]), *wanted = NULL, *after = NULL;
      guint phase = 0;

      milter_pseudonyms_text (test_pseudonyms (), MILTER_CONTEXT_TEXT, (guint8 *) plain, strlen (plain));
      wanted = g_base64_encode ((const guchar *) plain, strlen (plain));
      after = replace (MILTER_ENCODED_TEXT, encoded, &phase);
      cr_assert_str_eq (after, wanted);
      cr_assert_eq (phase, 0);
    }
}

Test (anonymizer_base64, lines_and_padding_stay_where_they_are)
{
  guint phase = 0;
  g_autofree char *after = replace (MILTER_ENCODED_TEXT, "YWxp\r\nY2U=\r\n\r\nYg==", &phase);

  cr_assert_eq (strlen (after), 18);
  cr_assert_eq (memcmp (after + 4, "\r\n", 2), 0);
  cr_assert_eq (memcmp (after + 9, "=\r\n\r\n", 5), 0);
  cr_assert_eq (memcmp (after + 16, "==", 2), 0);
}

/* cut anywhere, it is encoded text without any of the words */
Test (anonymizer_base64, a_group_that_is_cut_stays_text)
{
  static const char text[] = "alice lives here, alice lives there";
  g_autofree char *encoded = g_base64_encode ((const guchar *) text, strlen (text));

  for (gsize cut = 0; cut <= strlen (encoded); cut++)
    {
      g_autofree char *first = g_strndup (encoded, cut);
      guint phase = 0;
      g_autofree char *one = replace (MILTER_ENCODED_TEXT, first, &phase);
      g_autofree char *other = replace (MILTER_ENCODED_TEXT, encoded + cut, &phase);
      g_autofree char *both = g_strconcat (one, other, NULL);
      gsize size;
      g_autofree guint8 *decoded = g_base64_decode (both, &size);
      g_autofree char *after = g_strndup ((const char *) decoded, size);

      cr_assert_eq (strlen (both), strlen (encoded));
      cr_assert_eq (size, strlen (text), "cut at %zu: %s", cut, both);
      cr_assert_null (strstr (after, "alice"));
      cr_assert_null (strstr (after, "lives"));
      for (gsize i = 0; i < size; i++)
        cr_assert (after[i] >= ' ' && after[i] < 0x7f, "cut at %zu: %s", cut, after);
    }
}

Test (anonymizer_base64, of_bytes_nothing_stays)
{
  static const char text[] = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB";
  guint phase = 0;
  g_autofree char *after = replace (MILTER_ENCODED_BYTES, text, &phase);
  guint n_same = 0;

  for (gsize i = 0; i < strlen (text); i++)
    n_same += after[i] == text[i];
  cr_assert_lt (n_same, 6);
}

/* plain text that somebody calls base64 is no text if it is decoded */
Test (anonymizer_base64, what_decodes_to_no_text_is_bytes)
{
  guint phase = 0;
  g_autofree char *after = replace (MILTER_ENCODED_TEXT, "confidential meeting tomorrow", &phase);

  cr_assert_eq (strlen (after), 29);
  cr_assert_null (strstr (after, "confid"));
  cr_assert_null (strstr (after, "meet"));
  cr_assert_null (strstr (after, "morrow"));
}
