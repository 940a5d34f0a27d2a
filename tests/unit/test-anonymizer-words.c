/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-words.c: the list of what stays.
 */
#include <criterion/criterion.h>

#include "anonymizer-test.h"

static MilterBytes
bytes (const char *text)
{
  return milter_bytes_from_string (text);
}

Test (anonymizer_words, contexts_of_fields_and_macros)
{
  const MilterKnownWords *known = &test_pseudonyms ()->known;

  cr_assert_eq (milter_known_words_header (known, bytes ("FROM")), MILTER_CONTEXT_ADDRESS);
  cr_assert_eq (milter_known_words_header (known, bytes ("DKIM-Signature")), MILTER_CONTEXT_SIGNATURE);
  cr_assert_eq (milter_known_words_header (known, bytes ("Subject")), MILTER_CONTEXT_TEXT);
  cr_assert_eq (milter_known_words_header (known, bytes ("")), MILTER_CONTEXT_TEXT);
  cr_assert_eq (milter_known_words_macro (known, bytes ("{mail_addr}")), MILTER_CONTEXT_ADDRESS);
  cr_assert_eq (milter_known_words_macro (known, bytes ("mail_addr")), MILTER_CONTEXT_ADDRESS);
  cr_assert_eq (milter_known_words_macro (known, bytes ("i")), MILTER_CONTEXT_TEXT);
  cr_assert (milter_known_words_is_macro (known, bytes ("i")));
  cr_assert (milter_known_words_is_macro (known, bytes ("{i}")));
  cr_assert (!milter_known_words_is_macro (known, bytes ("{company}")));
  cr_assert (!milter_known_words_is_macro (known, bytes ("{")));
  cr_assert (!milter_known_words_is_macro (known, bytes ("{}")));
}

Test (anonymizer_words, a_word_is_known_in_its_context_alone)
{
  const MilterKnownWords *known = &test_pseudonyms ()->known;

  cr_assert_eq (milter_known_words_find (known, MILTER_CONTEXT_MIME, bytes ("Text/Plain")), MILTER_WORD_KNOWN);
  cr_assert_eq (milter_known_words_find (known, MILTER_CONTEXT_MIME, bytes ("boundary")), MILTER_WORD_KEY);
  cr_assert_eq (milter_known_words_find (known, MILTER_CONTEXT_MIME, bytes ("size")), MILTER_WORD_NUMBER_KEY);
  cr_assert_eq (milter_known_words_find (known, MILTER_CONTEXT_TEXT, bytes ("text/plain")), MILTER_WORD_UNKNOWN);
  cr_assert_eq (milter_known_words_find (known, MILTER_CONTEXT_MIME, milter_bytes ("a\0b", 3)), MILTER_WORD_UNKNOWN);
}

/* nothing is harmless in a text */
Test (anonymizer_words, no_word_stays_in_a_text)
{
  cr_assert_eq (g_hash_table_size (test_pseudonyms ()->known.words[MILTER_CONTEXT_TEXT]), 0);
  cr_assert_eq (milter_context_get_flags (MILTER_CONTEXT_TEXT), 0);
}
