/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-option.c: options as objects, and how two of them come together.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

static void
check (MilterOption *option, guint32 version, guint32 action, guint32 step)
{
  cr_assert_eq (milter_option_get_version (option), version);
  cr_assert_eq (milter_option_get_action (option), action);
  cr_assert_eq (milter_option_get_step (option), step, "0x%x", milter_option_get_step (option));
}

Test (option, holds_three_numbers)
{
  g_autoptr (MilterOption) option = milter_option_new (6, 0x1ff, 0x401fffff);
  g_autoptr (MilterOption) empty = milter_option_new_empty ();
  g_autoptr (MilterOption) copy = milter_option_copy (option);

  check (option, 6, 0x1ff, 0x401fffff);
  check (empty, 0, 0, 0);
  cr_assert (milter_option_equal (option, copy));
  cr_assert_not (milter_option_equal (option, empty));
  cr_assert_not (milter_option_equal (option, NULL));
  cr_assert (milter_option_equal (NULL, NULL));
  milter_option_set_version (copy, 2);
  cr_assert_not (milter_option_equal (option, copy));
}

Test (option, flags_are_added_and_removed)
{
  g_autoptr (MilterOption) option = milter_option_new (6, 0, 0);

  milter_option_set_action (option, MILTER_ACTION_ADD_HEADERS);
  milter_option_add_action (option, MILTER_ACTION_CHANGE_BODY | MILTER_ACTION_QUARANTINE);
  milter_option_remove_action (option, MILTER_ACTION_ADD_HEADERS | MILTER_ACTION_ADD_RCPT);
  milter_option_set_step (option, MILTER_STEP_NO_CONNECT);
  milter_option_add_step (option, MILTER_STEP_SKIP | MILTER_STEP_NO_REPLY_BODY);
  milter_option_remove_step (option, MILTER_STEP_NO_CONNECT);
  check (option, 6, 0x22, 0x80400);
}

Test (option, steps_are_told_apart_by_kind)
{
  g_autoptr (MilterOption) option = milter_option_new (6, 0, 0xffffffff);
  const guint32 no_event = 0x37f, no_reply = 0xff080, yes = 0x100c00;

  cr_assert_eq (milter_option_get_step_no_event (option), no_event);
  cr_assert_eq (milter_option_get_step_no_reply (option), no_reply);
  cr_assert_eq (milter_option_get_step_no (option), no_event | no_reply);
  cr_assert_eq (milter_option_get_step_yes (option), yes);
}

Test (option, combine_keeps_what_both_know)
{
  g_autoptr (MilterOption) offer = milter_option_new (6, 0x1ff, 0x1fffff);
  g_autoptr (MilterOption) answer = milter_option_new (4, 0x11, 0x20000702);

  cr_assert (milter_option_combine (offer, answer));
  check (offer, 4, 0x11, 0x702);
}

Test (option, combine_refuses_a_newer_version)
{
  g_autoptr (MilterOption) offer = milter_option_new (4, 0x1ff, 0x1fffff);
  g_autoptr (MilterOption) answer = milter_option_new (6, 0x1, 0);

  cr_assert_not (milter_option_combine (offer, answer));
  check (offer, 4, 0x1ff, 0x1fffff);
}

Test (option, merge_serves_both)
{
  g_autoptr (MilterOption) one
      = milter_option_new (6,
                           MILTER_ACTION_ADD_HEADERS,
                           MILTER_STEP_NO_CONNECT | MILTER_STEP_NO_HELO
                               | MILTER_STEP_NO_REPLY_HEADER | MILTER_STEP_SKIP);
  g_autoptr (MilterOption) other = milter_option_new (
      4,
      MILTER_ACTION_QUARANTINE,
      MILTER_STEP_NO_CONNECT | MILTER_STEP_NO_BODY | MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE);

  cr_assert (milter_option_merge (one, other));
  check (one,
         4,
         MILTER_ACTION_ADD_HEADERS | MILTER_ACTION_QUARANTINE,
         MILTER_STEP_NO_CONNECT | MILTER_STEP_SKIP | MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE);
}

Test (option, inspect_names_everything)
{
  g_autoptr (MilterOption) option = milter_option_new (6, 0x1000001, 0x2);
  g_autofree char *text = milter_option_inspect (option);

  cr_assert_str_eq (text,
                    "#<MilterOption version=<6> action=<add-headers|0x1000000> step=<no-helo>>");
}

static void
count (GObject *object, GParamSpec *pspec, guint *n)
{
  ++*n;
}

Test (option, properties_are_notified_when_they_change)
{
  g_autoptr (MilterOption) option
      = g_object_new (MILTER_TYPE_OPTION, "version", 6u, "action", MILTER_ACTION_QUARANTINE, NULL);
  MilterStepFlags step;
  guint version, n = 0;

  g_signal_connect (option, "notify", G_CALLBACK (count), &n);
  milter_option_set_version (option, 6);
  cr_assert_eq (n, 0);
  g_object_set (option, "version", 4u, "step", MILTER_STEP_SKIP, NULL);
  cr_assert_eq (n, 2);
  g_object_get (option, "version", &version, "step", &step, NULL);
  cr_assert_eq (version, 4);
  cr_assert_eq (step, MILTER_STEP_SKIP);
}

Test (option, a_step_that_was_set_is_told)
{
  g_autoptr (MilterOption) option = milter_option_new_empty ();

  milter_option_set_step (option, MILTER_STEP_NO_HELO | MILTER_STEP_SKIP);
  cr_expect_eq (milter_option_get_step (option), MILTER_STEP_NO_HELO | MILTER_STEP_SKIP);
}
