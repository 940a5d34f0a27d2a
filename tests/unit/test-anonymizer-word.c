/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-word.c: words of all shapes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "anonymizer-test.h"
#include "milter-anonymizer-word.h"

static char *
replace (const char *word)
{
  char *copy = g_strdup (word);

  milter_word_replace (&test_pseudonyms ()->cipher, (guint8 *) copy, strlen (copy));
  return copy;
}

Test (anonymizer_word, keeps_the_kind_of_each_character)
{
  static const char *const words[]
      = { "a", "Q", "7", "ab", "ABC", "alice", "Alice", "ALICE", "4Q0024", "a1b2", "\xfc", ("Gr\xfc\xdf" "e") };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autofree char *after = replace (words[i]);
      g_autofree char *picture = g_strnfill (strlen (words[i]), '~');

      test_compare (words[i], words[i], after, picture);
    }
}

Test (anonymizer_word, the_case_does_not_count)
{
  g_autofree char *lower = replace ("alice42"), *upper = replace ("ALICE42"), *mixed = replace ("aLIce42");
  g_autofree char *folded = g_ascii_strdown (upper, -1), *again = g_ascii_strdown (mixed, -1);

  cr_assert_str_eq (lower, folded);
  cr_assert_str_eq (lower, again);
}

Test (anonymizer_word, utf8_stays_valid)
{
  for (gunichar c = 0xa0; c < 0x110000; c += c < 0x3000 ? 7 : 97)
    {
      char word[16] = "";
      g_autofree char *after = NULL;

      if (!g_unichar_validate (c))
        continue;
      word[g_unichar_to_utf8 (c, word)] = 'x';
      after = replace (word);
      cr_assert (g_utf8_validate (after, -1, NULL), "%x", c);
      cr_assert_str_neq (after, word);
      cr_assert_eq (g_utf8_strlen (after, -1), 2);
    }
}

Test (anonymizer_word, long_ones_are_replaced_everywhere_and_stay_valid)
{
  g_autoptr (GString) word = g_string_new (NULL);
  g_autofree char *after = NULL;

  for (guint i = 0; i < 300; i++)
    g_string_append (word, "x\u00e4\u65e5");
  after = replace (word->str);
  cr_assert_eq (strlen (after), word->len);
  cr_assert (g_utf8_validate (after, -1, NULL));
  for (gsize i = 0; i + 12 < word->len; i += 6)
    cr_assert (memcmp (after + i, word->str + i, 12) != 0, "at %zu", i);
}

Test (anonymizer_word, different_ones_stay_different)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < 20000; i++)
    {
      char word[8];

      g_snprintf (word, sizeof word, "%c%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26, 'a' + i / 17576);
      cr_assert (g_hash_table_add (seen, replace (word)), "%s", word);
    }
}

Test (anonymizer_word, ends_where_no_letter_is)
{
  MilterBytes text = MILTER_BYTES_INIT ("ab1\xc3\xa4-c");

  cr_assert_eq (milter_word_get_end (text, 0), 5);
  cr_assert_eq (milter_word_get_end (text, 5), 5);
  cr_assert_eq (milter_word_get_end (text, 6), 7);
}
