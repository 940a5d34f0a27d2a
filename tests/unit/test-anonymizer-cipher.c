/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-cipher.c: all values of small sets, and of words with two and three letters.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-anonymizer-cipher.h"
#include "milter-anonymizer-domains.h"

static MilterCipher *
new_cipher (const char *secret)
{
  MilterCipher *cipher = g_new0 (MilterCipher, 1);

  milter_cipher_init (cipher, milter_bytes_from_string (secret));
  return cipher;
}

/* the number that the values become, all places counted as one number */
static guint
replace_number (const MilterCipher *cipher, MilterCipherKind kind, const guint16 *radices, guint number)
{
  MilterPlaceValue places[4];
  guint n = 0, result = 0;

  for (; radices[n] != 0; n++)
    {
      places[n] = (MilterPlaceValue){ (guint16) (number % radices[n]), radices[n] };
      number /= radices[n];
    }
  milter_cipher_replace (cipher, kind, places, n);
  while (n-- > 0)
    {
      cr_assert_lt (places[n].value, radices[n]);
      result = result * radices[n] + places[n].value;
    }
  return result;
}

Test (anonymizer_cipher, each_value_becomes_another_one_and_no_two_the_same)
{
  static const guint16 rows[][4] = {
    { 2 }, { 10 }, { 26 }, { 256 }, { 26, 10 }, { 2, 2 }, { 1, 26 }, { 26, 1, 10 }, { 10, 26, 10 },
  };
  g_autofree MilterCipher *cipher = new_cipher ("one");

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint n = 1;
      g_autofree bool *seen = NULL;

      for (gsize k = 0; k < 4 && rows[i][k] != 0; k++)
        n *= rows[i][k];
      seen = g_new0 (bool, n);
      for (guint number = 0; number < n; number++)
        {
          guint becomes = replace_number (cipher, MILTER_CIPHER_WORD, rows[i], number);

          cr_assert_neq (becomes, number, "row %zu", i);
          cr_assert_lt (becomes, n);
          cr_assert (!seen[becomes], "row %zu", i);
          seen[becomes] = true;
        }
    }
}

Test (anonymizer_cipher, what_stays_counts_and_stays)
{
  g_autofree MilterCipher *cipher = new_cipher ("one");
  guint n_same = 0;

  for (guint16 kept = 0; kept < 100; kept++)
    {
      MilterPlaceValue places[3] = { { kept, 1 }, { 3, 26 }, { 4, 26 } };
      MilterPlaceValue others[3] = { { (guint16) (kept + 1), 1 }, { 3, 26 }, { 4, 26 } };

      milter_cipher_replace (cipher, MILTER_CIPHER_WORD, places, 3);
      milter_cipher_replace (cipher, MILTER_CIPHER_WORD, others, 3);
      cr_assert_eq (places[0].value, kept);
      n_same += places[1].value == others[1].value && places[2].value == others[2].value;
    }
  cr_assert_lt (n_same, 5);
}

Test (anonymizer_cipher, secret_and_kind_decide)
{
  static const guint16 radices[4] = { 100, 100, 100 };
  g_autofree MilterCipher *one = new_cipher ("one"), *same = new_cipher ("one");
  g_autofree MilterCipher *other = new_cipher ("other");
  guint n_secret = 0, n_kind = 0;

  for (guint number = 0; number < 1000; number++)
    {
      guint becomes = replace_number (one, MILTER_CIPHER_WORD, radices, number);

      cr_assert_eq (becomes, replace_number (same, MILTER_CIPHER_WORD, radices, number));
      n_secret += becomes == replace_number (other, MILTER_CIPHER_WORD, radices, number);
      n_kind += becomes == replace_number (one, MILTER_CIPHER_PORT, radices, number);
    }
  cr_assert_lt (n_secret, 5);
  cr_assert_lt (n_kind, 5);
}

Test (anonymizer_cipher, no_short_domain_becomes_another_one)
{
  g_autofree MilterCipher *cipher = new_cipher ("one");

  for (guint width = 2; width <= 3; width++)
    {
      guint n = width == 2 ? MILTER_CIPHER_N_PAIRS : MILTER_CIPHER_N_TRIPLES;
      g_autofree bool *seen = g_new0 (bool, n), *taken = g_new0 (bool, n);

      milter_domains_mark_taken (width, taken);
      for (guint number = 0; number < n; number++)
        {
          guint8 letters[3];
          guint rest = number, becomes = 0;

          for (guint i = width; i-- > 0; rest /= 26)
            letters[i] = (guint8) (rest % 26);
          milter_cipher_replace_short (cipher, letters, width);
          for (guint i = 0; i < width; i++)
            becomes = becomes * 26 + letters[i];
          cr_assert_neq (becomes, number);
          cr_assert (!seen[becomes]);
          seen[becomes] = true;
          cr_assert (!taken[number] || !taken[becomes]);
        }
    }
}

Test (anonymizer_cipher, domains_are_those_of_the_internet)
{
  static const struct
  {
    const char *word;
    bool taken;
  } rows[] = { { "de", true },  { "zw", true },  { "ac", true },  { "zz", false }, { "xa", false },
               { "com", true }, { "zip", true }, { "aaa", true }, { "zzz", false }, { "alt", false } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree bool *taken = g_new0 (bool, MILTER_CIPHER_N_TRIPLES);
      guint number = 0;

      milter_domains_mark_taken ((guint) strlen (rows[i].word), taken);
      for (const char *c = rows[i].word; *c != '\0'; c++)
        number = number * 26 + (guint) (*c - 'a');
      cr_assert_eq (taken[number], rows[i].taken, "%s", rows[i].word);
    }
}

Test (anonymizer_cipher, a_byte_of_a_chain_depends_on_those_before_and_never_stays)
{
  g_autofree MilterCipher *cipher = new_cipher ("one");
  guint n_same = 0;

  for (guint value = 0; value < 256; value++)
    {
      guint first = milter_cipher_chain (cipher, milter_bytes ("a", 1), value, 256);
      guint second = milter_cipher_chain (cipher, milter_bytes ("b", 1), value, 256);

      cr_assert_neq (first, value);
      cr_assert_lt (first, 256);
      n_same += first == second;
    }
  cr_assert_lt (n_same, 10);
  cr_assert_eq (milter_cipher_chain (cipher, milter_bytes (NULL, 0), 0, 1), 0);
}
