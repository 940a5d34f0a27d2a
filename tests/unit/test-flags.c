/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-flags.c: names of flags, what versions offer, and how two offers combine.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

typedef struct
{
  const char *name;
  MilterOffer offer;
  MilterOffer answer;
  int error; /* -1: none */
} AnswerCase;

static void
check_list (const MilterFlagSpec *flags,
            gsize n,
            gboolean (*from_name) (const char *name, guint32 *bit),
            guint32 expected)
{
  guint32 seen = 0;

  for (gsize i = 0; i < n; i++)
    {
      g_autofree char *lower = g_ascii_strdown (flags[i].name, -1);
      guint32 bit = 0;

      cr_assert_eq (flags[i].bit & (flags[i].bit - 1), 0, "%s is one bit", flags[i].name);
      cr_assert_gt (flags[i].bit, seen, "%s is in ascending order", flags[i].name);
      cr_assert (from_name (flags[i].name, &bit) && bit == flags[i].bit);
      cr_assert (from_name (lower, &bit) && bit == flags[i].bit);
      if (flags[i].alias != NULL)
        cr_assert (from_name (flags[i].alias, &bit) && bit == flags[i].bit);
      seen |= flags[i].bit;
    }
  cr_assert_eq (seen, expected);
}

static void
check_class_covers (GType type, guint32 expected)
{
  GFlagsClass *klass = g_type_class_ref (type);

  cr_assert_eq (klass->mask, expected);
  g_type_class_unref (klass);
}

Test (flags, every_bit_has_one_name_that_leads_back)
{
  gsize n;
  const MilterFlagSpec *flags = milter_action_flags_list (&n);

  check_list (flags, n, milter_action_from_name, MILTER_ACTIONS_ALL);
  check_class_covers (MILTER_TYPE_ACTION_FLAGS, MILTER_ACTIONS_ALL);

  flags = milter_step_flags_list (&n);
  check_list (flags, n, milter_step_from_name, MILTER_STEPS_ALL | 0x30000000);
  check_class_covers (MILTER_TYPE_STEP_FLAGS, MILTER_STEPS_ALL | 0x30000000);
}

Test (flags, aliases_and_numbers_are_read)
{
  guint32 bit = 0;

  cr_assert (milter_action_from_name ("modbody", &bit) && bit == 2);
  cr_assert (milter_step_from_name ("NOHREPL", &bit) && bit == 0x80);
  cr_assert (milter_step_from_name ("MDS_256K", &bit) && bit == 0x10000000);
  cr_assert (milter_step_from_name ("mds_1m", &bit) && bit == 0x20000000);
  cr_assert (milter_step_from_name ("0x40000000", &bit) && bit == 0x40000000);
  cr_assert (milter_action_from_name ("0XffffFFFF", &bit) && bit == G_MAXUINT32);
}

Test (flags, other_names_are_refused)
{
  static const char *const names[] = { "",     "ADDHDR", "ADDHDRS ", "0x",   "0x100000000", "0x-1",
                                       "0x 1", "12",     "all",      "none", "NR_" };
  guint32 bit = 7;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      cr_assert_not (milter_action_from_name (names[i], &bit), "%s", names[i]);
      cr_assert_not (milter_step_from_name (names[i], &bit), "%s", names[i]);
    }
  cr_assert_eq (bit, 7, "untouched");
}

Test (flags, words_become_lists)
{
  static const struct
  {
    guint32 word;
    const char *actions;
    const char *steps;
  } cases[] = {
    { 0, "none", "none" },
    { 0x1ff, "all", "NOCONNECT,NOHELO,NOMAIL,NORCPT,NOBODY,NOHDRS,NOEOH,NR_HDR,NOUNKNOWN" },
    { 0x11, "ADDHDRS,CHGHDRS", "NOCONNECT,NOBODY" },
    { 0x80000400, "0x80000400", "SKIP,0x80000000" },
    { 0x3, "ADDHDRS,CHGBODY", "NOCONNECT,NOHELO" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *actions = milter_actions_to_string (cases[i].word);
      g_autofree char *steps = milter_steps_to_string (cases[i].word);

      cr_assert_str_eq (actions, cases[i].actions);
      cr_assert_str_eq (steps, cases[i].steps);
    }
  g_autofree char *all = milter_steps_to_string (0x1fffff);
  cr_assert_str_eq (all, "all");
}

Test (flags, versions_offer_what_they_know)
{
  static const MilterOffer expected[] = {
    { 1, 0x0f, 0x3f },  { 2, 0x3f, 0x7f },  { 3, 0x3f, 0x17f },
    { 4, 0x3f, 0x37f }, { 5, 0x3f, 0x37f }, { 6, 0x1ff, 0x1fffff },
  };
  MilterOffer newest = milter_offer_for_version (99);

  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      MilterOffer offer = milter_offer_for_version (expected[i].version);

      cr_assert_eq (offer.version, expected[i].version);
      cr_assert_eq (offer.actions, expected[i].actions, "version %u", offer.version);
      cr_assert_eq (offer.steps, expected[i].steps, "version %u", offer.version);
    }
  cr_assert_eq (newest.version, 6);
  cr_assert_eq (newest.steps, 0x1fffff);
}

Test (flags, answers_are_checked_against_the_offer)
{
  static const AnswerCase cases[] = {
    { "the same", { 6, 0x1ff, 0x1fffff }, { 6, 0x1ff, 0x1fffff }, -1 },
    { "less", { 6, 0x1ff, 0x1fffff }, { 2, 0, 0 }, -1 },
    { "newer", { 4, 0x3f, 0x37f }, { 6, 0, 0 }, MILTER_OFFER_ERROR_VERSION },
    { "version 1", { 6, 0x1ff, 0x1fffff }, { 1, 0, 0 }, MILTER_OFFER_ERROR_VERSION },
    { "actions", { 6, 0x3f, 0x1fffff }, { 6, 0x40, 0 }, MILTER_OFFER_ERROR_ACTIONS },
    { "steps", { 6, 0x1ff, 0x7f }, { 6, 0, 0x100 }, MILTER_OFFER_ERROR_STEPS },
    { "data size", { 6, 0x1ff, 0x1fffff }, { 6, 0, 0x10000000 }, MILTER_OFFER_ERROR_STEPS },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean legal = milter_offer_check_answer (&cases[i].offer, &cases[i].answer, &error);

      cr_assert_eq (legal, cases[i].error == -1, "%s", cases[i].name);
      cr_assert_eq (legal, error == NULL);
      if (!legal)
        cr_assert (
            g_error_matches (error, MILTER_OFFER_ERROR, cases[i].error), "%s", cases[i].name);
    }
}

Test (flags, errors_name_the_surplus)
{
  MilterOffer offer = { 6, 0x3f, 0x7f };
  MilterOffer answer = { 6, 0xc1, 0 };
  g_autoptr (GError) error = NULL;

  cr_assert_not (milter_offer_check_answer (&offer, &answer, &error));
  cr_assert_not_null (strstr (error->message, "CHGFROM,ADDRCPT_PAR"));
}

Test (flags, old_versions_imply_steps)
{
  MilterOffer offer = { 6, 0x1ff, 0x1fffff };
  static const struct
  {
    guint32 version, steps;
  } cases[] = { { 2, 0x300 }, { 3, 0x200 }, { 4, 0 }, { 5, 0 }, { 6, 0 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MilterOffer answer = { cases[i].version, 0x11, 0 };
      MilterOffer settled = milter_offer_settle (&offer, &answer);

      cr_assert_eq (settled.version, cases[i].version);
      cr_assert_eq (settled.actions, 0x11);
      cr_assert_eq (settled.steps, cases[i].steps);
    }
}

Test (flags, the_lower_version_holds)
{
  MilterOffer offer = { 3, 0x3f, 0x17f };
  MilterOffer answer = { 6, 0, 0 };

  cr_assert_eq (milter_offer_settle (&offer, &answer).version, 3);
}

Test (flags, a_milter_answers_as_libmilter_does)
{
  static const struct
  {
    const char *name;
    MilterOffer offer;
    guint32 required, wanted;
    MilterOffer answer;
    int error;
  } cases[] = {
    { "all there", { 6, 0x1ff, 0x1fffff }, 0x11, 0x80083, { 6, 0x11, 0x80083 }, -1 },
    { "version 5", { 5, 0x3f, 0x37f }, 0, 0, { 5, 0, 0 }, -1 },
    { "newer", { 7, 0x1ff, 0x1fffff }, 0, 0, { 6, 0, 0 }, -1 },
    { "version 1", { 1, 0x1ff, 0x1fffff }, 0, 0, { 0, 0, 0 }, MILTER_OFFER_ERROR_VERSION },
    { "actions 0 are 0x0f", { 6, 0, 0x1fffff }, 0x0f, 0, { 6, 0x0f, 0 }, -1 },
    { "and no more", { 6, 0, 0x1fffff }, 0x10, 0, { 0, 0, 0 }, MILTER_OFFER_ERROR_ACTIONS },
    { "steps 0 are 0x3f", { 6, 0x1ff, 0 }, 0, 0x3f, { 6, 0, 0x3f }, -1 },
    { "and no more", { 6, 0x1ff, 0 }, 0, 0x40, { 0, 0, 0 }, MILTER_OFFER_ERROR_STEPS },
    { "NODATA, NOUNKNOWN dropped", { 2, 0x3f, 0x7f }, 0, 0x301, { 2, 0, 0x01 }, -1 },
    { "NR_ dropped", { 2, 0x3f, 0x7f }, 0, 0xff080, { 2, 0, 0 }, -1 },
    { "SKIP missing", { 2, 0x3f, 0x7f }, 0, 0x400, { 0, 0, 0 }, MILTER_OFFER_ERROR_STEPS },
    { "RCPT_REJ missing", { 2, 0x3f, 0x7f }, 0, 0x800, { 0, 0, 0 }, MILTER_OFFER_ERROR_STEPS },
    { "data sizes dropped", { 6, 0x1ff, 0x1fffff }, 0, 0x30000000, { 6, 0, 0 }, -1 },
    { "the larger one", { 6, 0x1ff, 0x301fffff }, 0, 0x30000000, { 6, 0, 0x20000000 }, -1 },
    { "the only one", { 6, 0x1ff, 0x101fffff }, 0, 0x30000000, { 6, 0, 0x10000000 }, -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      MilterOffer answer = { 0, 0, 0 };
      gboolean answered = milter_offer_answer (
          &cases[i].offer, cases[i].required, cases[i].wanted, &answer, &error);

      cr_assert_eq (answered, cases[i].error == -1, "%s", cases[i].name);
      if (!answered)
        cr_assert (
            g_error_matches (error, MILTER_OFFER_ERROR, cases[i].error), "%s", cases[i].name);
      cr_assert_eq (answer.version, cases[i].answer.version, "%s", cases[i].name);
      cr_assert_eq (answer.actions, cases[i].answer.actions, "%s", cases[i].name);
      cr_assert_eq (answer.steps, cases[i].answer.steps, "%s", cases[i].name);
    }
}
