/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-pattern.c: what literals, globs and regexes match, byte for byte, and how they are written.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-pattern.h"

#define BYTES(string) ((MilterBytes) MILTER_BYTES_INIT (string))

/* in @text a `*` is a star, `\1` stands for a literal one */
static MilterPattern *
glob (const char *text)
{
  g_autofree char *bytes = g_strdup (text);
  g_autofree guint8 *stars = g_new0 (guint8, strlen (text) + 1);

  for (gsize i = 0; bytes[i] != '\0'; i++)
    {
      stars[i] = bytes[i] == '*';
      if (bytes[i] == '\1')
        bytes[i] = '*';
    }
  return milter_pattern_new_glob (milter_bytes (bytes, strlen (bytes)), stars);
}

static const struct
{
  const char *glob;
  const char *subject;
  bool matches;
} globs[] = {
  { "*", "", true },
  { "*", "anything\r\nat all", true },
  { "a*", "a", true },
  { "a*", "ba", false },
  { "*a", "ba", true },
  { "*a", "ab", false },
  { "a*a", "a", false },
  { "a*a", "aa", true },
  { "a*b*c", "aXbYc", true },
  { "a*b*c", "acb", false },
  { "*ab*ab", "ab", false },
  { "*ab*ab", "abab", true },
  { "**x**", "x", true },
  { "ab*bc", "abc", false },
  { "\1*", "*x", true },
  { "\1*", "x", false },
  { "*spam*", "this is spam, really", true },
  { "*spam*", "this is spa m", false },
  { "mailbox busy*", "mailbox busy: later", true },
};

Test (pattern, globs_match_the_whole_subject)
{
  for (gsize i = 0; i < G_N_ELEMENTS (globs); i++)
    {
      g_autoptr (MilterPattern) pattern = glob (globs[i].glob);
      g_autofree char *exact = g_memdup2 (globs[i].subject, strlen (globs[i].subject));

      cr_assert_eq (milter_pattern_get_kind (pattern), MILTER_PATTERN_GLOB);
      cr_assert_eq (milter_pattern_matches (pattern,
                                            milter_bytes (exact, strlen (globs[i].subject))),
                    globs[i].matches, "%s on %s", globs[i].glob, globs[i].subject);
      cr_assert_eq (milter_pattern_get_literal (pattern).size, 0);
    }
}

Test (pattern, globs_cross_nul_bytes)
{
  g_autoptr (MilterPattern) pattern = glob ("a*c");

  cr_assert (milter_pattern_matches (pattern, BYTES ("a\0b\0c")));
  cr_assert_not (milter_pattern_matches (pattern, BYTES ("a\0b\0c\0")));
}

Test (pattern, a_glob_without_stars_is_a_literal)
{
  g_autoptr (MilterPattern) pattern = glob ("plain");

  cr_assert_eq (milter_pattern_get_kind (pattern), MILTER_PATTERN_LITERAL);
  cr_assert (milter_bytes_equal_string (milter_pattern_get_literal (pattern), "plain"));
}

Test (pattern, a_literal_matches_itself_alone)
{
  g_autoptr (MilterPattern) pattern = milter_pattern_new_literal (BYTES ("a\0*"));
  g_autoptr (MilterPattern) empty = milter_pattern_new_literal (milter_bytes (NULL, 0));

  cr_assert (milter_pattern_matches (pattern, BYTES ("a\0*")));
  cr_assert_not (milter_pattern_matches (pattern, BYTES ("a\0b")));
  cr_assert_not (milter_pattern_matches (pattern, BYTES ("a\0*b")));
  cr_assert (milter_pattern_matches (empty, milter_bytes (NULL, 0)));
  cr_assert_not (milter_pattern_matches (empty, BYTES ("x")));
}

static const struct
{
  const char *regex;
  bool caseless;
  MilterBytes subject;
  bool matches;
} regexes[] = {
  { "^\\[spam\\]", false, MILTER_BYTES_INIT ("[spam] hi"), true },
  { "^\\[spam\\]", false, MILTER_BYTES_INIT ("Re: [spam] hi"), false },
  { "[;\\s]i=", false, MILTER_BYTES_INIT ("v=1; i=@x"), true },
  { "viagra", false, MILTER_BYTES_INIT ("VIAGRA"), false },
  { "viagra", true, MILTER_BYTES_INIT ("buy VIAGRA now"), true },
  { "a.b", false, MILTER_BYTES_INIT ("a\nb"), true },
  { "a.b", false, MILTER_BYTES_INIT ("a\0b"), true },
  { "^\\xff\\xfe$", false, MILTER_BYTES_INIT ("\xff\xfe"), true },
  /* a character of two bytes is two dots */
  { "^..$", false, MILTER_BYTES_INIT ("\xc3\xa4"), true },
  { "", false, MILTER_BYTES_INIT (""), true },
};

Test (pattern, regexes_are_found_anywhere_in_bytes)
{
  for (gsize i = 0; i < G_N_ELEMENTS (regexes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MilterPattern) pattern
          = milter_pattern_new_regex (regexes[i].regex, regexes[i].caseless, &error);

      cr_assert_not_null (pattern, "%s: %s", regexes[i].regex, error ? error->message : "");
      cr_assert_eq (milter_pattern_matches (pattern, regexes[i].subject), regexes[i].matches,
                    "%s", regexes[i].regex);
    }
}

Test (pattern, a_regex_that_does_not_compile_names_the_place)
{
  g_autoptr (GError) error = NULL;

  cr_assert_null (milter_pattern_new_regex ("ab(c", /* caseless= */ FALSE, &error));
  cr_assert_not_null (strstr (error->message, "char 4"), "%s", error->message);
}

Test (pattern, a_regex_that_backtracks_without_end_gives_up_and_says_so)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterPattern) pattern
      = milter_pattern_new_regex ("^(a|a)*$", /* caseless= */ FALSE, /* error= */ NULL);
  g_autofree char *subject = g_strnfill (64, 'a');

  subject[63] = 'b';
  cr_assert_not (milter_pattern_match (pattern, milter_bytes (subject, 64), &error));
  cr_assert_not_null (error);
  cr_assert_not (milter_pattern_matches (pattern, milter_bytes (subject, 64)));
  g_clear_error (&error);
  cr_assert_not (milter_pattern_match (pattern, BYTES ("b"), &error));
  cr_assert_null (error, "a plain mismatch is no error");
}

static void
check_text (MilterPattern *pattern, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  milter_pattern_append_text (pattern, text);
  cr_assert_str_eq (text->str, expected);
  milter_pattern_free (pattern);
}

Test (pattern, text_is_what_a_scenario_would_say)
{
  check_text (glob ("mailbox busy*"), "\"mailbox busy*\"");
  check_text (glob ("*@example.org"), "*@example.org");
  check_text (glob ("\1*"), "\"\\**\"");
  check_text (milter_pattern_new_literal (BYTES ("")), "\"\"");
  check_text (milter_pattern_new_literal (BYTES ("yes")), "yes");
  check_text (milter_pattern_new_literal (BYTES ("<<END")), "\"<<END\"");
  check_text (milter_pattern_new_literal (BYTES ("=>")), "\"=>\"");
  check_text (milter_pattern_new_literal (BYTES ("SIZE=10")), "SIZE=10");
  check_text (milter_pattern_new_literal (BYTES ("/x")), "\"/x\"");
  check_text (milter_pattern_new_literal (BYTES ("a\0\r\n\x7f\"$\\")),
              "\"a\\0\\r\\n\\x7f\\\"\\$\\\\\"");
  check_text (milter_pattern_new_literal (BYTES ("\xc3\xa4\xff")), "\"\xc3\xa4\\xff\"");
  check_text (milter_pattern_new_regex ("a/b\\/c", TRUE, NULL), "/a\\/b\\/c/i");
}
