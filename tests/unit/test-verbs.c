/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-verbs.c: the language's table agrees with the protocol's, and near words are found.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-verbs.h"

Test (verbs, a_word_has_one_row_in_each_place)
{
  gsize n;
  const MilterVerb *verbs = milter_verb_list (&n);

  for (gsize i = 0; i < n; i++)
    {
      cr_expect (verbs[i].places != 0 && verbs[i].usage != NULL, "%s", verbs[i].word);
      cr_expect (verbs[i].summary != NULL && verbs[i].summary[0] != '\0', "%s has no description",
                 verbs[i].word);
      cr_expect (verbs[i].absent != NULL && verbs[i].remarks != NULL, "%s", verbs[i].word);
      cr_expect_not_null (strstr (verbs[i].usage, verbs[i].word), "%s", verbs[i].word);
      for (gsize j = 0; j < i; j++)
        cr_expect (strcmp (verbs[i].word, verbs[j].word) != 0
                       || (verbs[i].places & verbs[j].places) == 0,
                   "%s", verbs[i].word);
    }
}

Test (verbs, every_command_of_the_protocol_can_be_said)
{
  gsize n;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MTA, &n);

  for (gsize i = 0; i < n; i++)
    {
      const MilterVerb *verb = milter_verb_find (rows[i].word, MILTER_VERB_IN_SESSION);

      cr_assert_not_null (verb, "%s", rows[i].word);
      cr_assert_eq (milter_verb_get_spec (verb), &rows[i]);
    }
}

Test (verbs, every_reply_that_travels_can_be_expected)
{
  gsize n;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MILTER, &n);

  for (gsize i = 0; i < n; i++)
    {
      bool code = rows[i].letter == MILTER_REPLY_REPLY_CODE;
      const MilterVerb *verb
          = milter_verb_find (code ? "CODE" : rows[i].word, MILTER_VERB_ANSWER);

      cr_assert_eq (verb == NULL, rows[i].kind == MILTER_REPLY_KIND_RESERVED, "%s", rows[i].word);
      /* add-rcpt is two rows of the protocol and one word */
      if (verb != NULL)
        cr_assert_str_eq (milter_verb_get_spec (verb)->word, rows[i].word);
    }
}

static const struct
{
  const char *word;
  guint places;
  const char *nearest;   /* NULL: none is near */
} slips[] = {
  { "rctp", MILTER_VERB_LINE, "rcpt" },
  { "RCPT", MILTER_VERB_LINE, "rcpt" },
  { "heder", MILTER_VERB_LINE, "header" },
  { "sesion", MILTER_VERB_LINE, "session" },
  { "conect", MILTER_VERB_LINE, "connect" },
  { "quit_nc", MILTER_VERB_LINE, "quit-nc" },
  { "negociate", MILTER_VERB_LINE, "negotiate" },
  { "ehlo", MILTER_VERB_LINE, "helo" },
  { "sawn", MILTER_VERB_LINE, "spawn" },
  { "addheader", MILTER_VERB_BEHIND_ARROW, "add-header" },
  { "temp-fail", MILTER_VERB_BEHIND_ARROW, "tempfail" },
  { "acept", MILTER_VERB_BEHIND_ARROW, "accept" },
  { "supercalifragilistic", MILTER_VERB_LINE, NULL },
  { "zzz", MILTER_VERB_LINE, NULL },
  { "", MILTER_VERB_LINE, NULL },
};

Test (verbs, the_nearest_word_is_found)
{
  for (gsize i = 0; i < G_N_ELEMENTS (slips); i++)
    {
      const MilterVerb *verb = milter_verb_find_nearest (slips[i].word, slips[i].places);

      if (slips[i].nearest == NULL)
        cr_expect_null (verb, "%s", slips[i].word);
      else
        cr_expect (verb != NULL && strcmp (verb->word, slips[i].nearest) == 0, "%s: %s",
                   slips[i].word, verb != NULL ? verb->word : "none");
    }
}

Test (verbs, a_long_word_is_near_to_none)
{
  g_autofree char *word = g_strnfill (100000, 'x');

  cr_assert_null (milter_verb_find_nearest (word, MILTER_VERB_LINE));
}
