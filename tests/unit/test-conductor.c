/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-conductor.c: who begins when, and who waits for whom.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "milter-conductor.h"

/* sessions that are made by hand: their barriers are words, `3*mid` is one in `repeat 3` */
typedef struct
{
  MilterConductor *conductor;
  GPtrArray *sessions; /* of MilterScenarioSession */
} Stage;

static const MilterScenario scenario; /* only its address counts */

static Stage
make_stage (guint jobs)
{
  return (Stage){ milter_conductor_new (jobs), g_ptr_array_new () };
}

static void
clear_stage (Stage *stage)
{
  milter_conductor_free (stage->conductor);
  for (guint i = 0; i < stage->sessions->len; i++)
    {
      MilterScenarioSession *session = g_ptr_array_index (stage->sessions, i);

      g_ptr_array_unref (session->steps);
      g_free (session);
    }
  g_ptr_array_unref (stage->sessions);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Stage, clear_stage)

static MilterScenarioSession *
make_session (Stage *stage, guint group, const char *barriers)
{
  MilterScenarioSession *session = g_new0 (MilterScenarioSession, 1);
  g_auto (GStrv) words = g_strsplit (barriers, " ", -1);

  session->group = group;
  session->steps = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_step_free);
  for (guint i = 0; words[i] != NULL && *words[i] != '\0'; i++)
    {
      const char *star = strchr (words[i], '*');
      const char *name = star != NULL ? star + 1 : words[i];
      MilterStep *step = milter_step_new (MILTER_STEP_KIND_BARRIER);

      g_ptr_array_add (step->arguments, g_bytes_new (name, strlen (name)));
      if (star != NULL)
        {
          MilterStep *repeat = milter_step_new (MILTER_STEP_KIND_REPEAT);

          repeat->number = strtoul (words[i], NULL, 10);
          repeat->body = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_step_free);
          g_ptr_array_add (repeat->body, step);
          step = repeat;
        }
      g_ptr_array_add (session->steps, step);
    }
  g_ptr_array_add (stage->sessions, session);
  return session;
}

static void
add (Stage *stage, const char *what, guint group, const char *barriers)
{
  milter_conductor_add (
      stage->conductor, (gpointer) what, &scenario, make_session (stage, group, barriers), 1, 1);
}

static void
start_all (Stage *stage)
{
  while (milter_conductor_start_next (stage->conductor) != NULL)
    ;
}

/* who goes on now: `a b`, and behind a bang those that never will */
static char *
passing (Stage *stage)
{
  GString *text = g_string_new (NULL);
  g_autofree char *why = NULL;
  const char *what;

  while ((what = milter_conductor_pass_next (stage->conductor, &why)) != NULL)
    {
      g_string_append_printf (
          text, "%s%s%s", text->len > 0 ? " " : "", why != NULL ? "!" : "", what);
      g_clear_pointer (&why, g_free);
    }
  return g_string_free (text, FALSE);
}

#define EXPECT_PASSING(stage, text)                                                                \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autofree char *_now = passing (stage);                                                       \
    cr_expect_str_eq (_now, text, "%s", _now);                                                     \
  }                                                                                                \
  G_STMT_END

static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";

Test (conductor, as_many_sessions_run_as_there_are_jobs)
{
  g_auto (Stage) stage = make_stage (2);

  add (&stage, a, 0, "");
  add (&stage, b, 0, "");
  add (&stage, c, 0, "");
  cr_expect_eq (milter_conductor_start_next (stage.conductor), a);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), b);
  cr_expect_null (milter_conductor_start_next (stage.conductor));
  milter_conductor_finished (stage.conductor, a);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), c);
  cr_expect_null (milter_conductor_start_next (stage.conductor));
  milter_conductor_finished (stage.conductor, b);
  cr_expect_not (milter_conductor_is_done (stage.conductor));
  milter_conductor_finished (stage.conductor, c);
  cr_expect (milter_conductor_is_done (stage.conductor));
}

Test (conductor, a_group_runs_at_once_and_counts_as_one)
{
  g_auto (Stage) stage = make_stage (1);

  add (&stage, a, 7, "");
  add (&stage, b, 7, "");
  add (&stage, c, 0, "");
  cr_expect_eq (milter_conductor_start_next (stage.conductor), a);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), b);
  cr_expect_null (milter_conductor_start_next (stage.conductor));
  milter_conductor_finished (stage.conductor, a);
  cr_expect_null (milter_conductor_start_next (stage.conductor), "b still runs");
  milter_conductor_finished (stage.conductor, b);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), c);
}

Test (conductor, groups_of_two_files_are_two_groups)
{
  g_auto (Stage) stage = make_stage (1);
  static const MilterScenario other;

  add (&stage, a, 1, "");
  milter_conductor_add (stage.conductor, b, &other, make_session (&stage, 1, ""), 1, 1);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), a);
  cr_expect_null (milter_conductor_start_next (stage.conductor));
  milter_conductor_finished (stage.conductor, a);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), b);
}

Test (conductor, rounds_come_in_turn_and_copies_at_once)
{
  g_auto (Stage) stage = make_stage (8);
  const MilterScenarioSession *session = make_session (&stage, 3, "");

  milter_conductor_add (stage.conductor, a, &scenario, session, 1, 1);
  milter_conductor_add (stage.conductor, b, &scenario, session, 1, 2);
  milter_conductor_add (stage.conductor, c, &scenario, session, 2, 1);
  add (&stage, d, 0, "");
  cr_expect_eq (milter_conductor_start_next (stage.conductor), a);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), b);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), d, "there are jobs left");
  cr_expect_null (milter_conductor_start_next (stage.conductor));
  milter_conductor_finished (stage.conductor, b);
  cr_expect_null (milter_conductor_start_next (stage.conductor));
  milter_conductor_finished (stage.conductor, a);
  cr_expect_eq (milter_conductor_start_next (stage.conductor), c);
}

Test (conductor, a_barrier_opens_when_all_that_have_it_are_there_or_over)
{
  g_auto (Stage) stage = make_stage (1);

  add (&stage, a, 1, "mid");
  add (&stage, b, 1, "other mid");
  add (&stage, c, 1, "mid");
  add (&stage, d, 1, "");
  start_all (&stage);
  milter_conductor_arrive (stage.conductor, a, "mid");
  EXPECT_PASSING (&stage, "");
  milter_conductor_arrive (stage.conductor, b, "other");
  EXPECT_PASSING (&stage, "b");
  milter_conductor_arrive (stage.conductor, b, "mid");
  EXPECT_PASSING (&stage, "");
  milter_conductor_finished (stage.conductor, c);
  EXPECT_PASSING (&stage, "a b");
}

Test (conductor, a_session_outside_a_group_passes_at_once)
{
  g_auto (Stage) stage = make_stage (1);

  add (&stage, a, 0, "mid");
  start_all (&stage);
  milter_conductor_arrive (stage.conductor, a, "mid");
  EXPECT_PASSING (&stage, "a");
}

Test (conductor, a_barrier_in_a_repeat_is_passed_together_each_time)
{
  g_auto (Stage) stage = make_stage (1);

  add (&stage, a, 1, "3*mid");
  add (&stage, b, 1, "2*mid");
  start_all (&stage);
  for (guint i = 0; i < 2; i++)
    {
      milter_conductor_arrive (stage.conductor, a, "mid");
      EXPECT_PASSING (&stage, "");
      milter_conductor_arrive (stage.conductor, b, "mid");
      EXPECT_PASSING (&stage, "a b");
    }
  milter_conductor_arrive (stage.conductor, a, "mid");
  EXPECT_PASSING (&stage, "a");
}

/* what stands in a file, since its lines are read again for each round */
Test (conductor, barriers_with_numbers_in_their_names_are_met_by_all)
{
  static const char text[] = "parallel 2 session\n"
                             "  repeat 2 message\n"
                             "    barrier round$n\n"
                             "  message\n"
                             "    barrier of$p\n";
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterScenario) parsed = milter_scenario_parse (
      "t.scenario", text, strlen (text), NULL, MILTER_SCENARIO_SESSIONS, messages);
  g_auto (Stage) stage = make_stage (1);

  cr_assert_not_null (parsed, "%s", messages->str);
  for (guint copy = 1; copy <= 2; copy++)
    milter_conductor_add (stage.conductor,
                          copy == 1 ? a : b,
                          parsed,
                          g_ptr_array_index (parsed->sessions, 0),
                          1,
                          copy);
  start_all (&stage);
  for (guint i = 1; i <= 2; i++)
    {
      g_autofree char *name = g_strdup_printf ("round%u", i);

      milter_conductor_arrive (stage.conductor, a, name);
      EXPECT_PASSING (&stage, "");
      milter_conductor_arrive (stage.conductor, b, name);
      EXPECT_PASSING (&stage, "a b");
    }
  milter_conductor_arrive (stage.conductor, a, "of1");
  EXPECT_PASSING (&stage, "a");
}

Test (conductor, sessions_that_wait_for_each_other_are_told_so)
{
  g_auto (Stage) stage = make_stage (1);
  g_autofree char *why = NULL;

  add (&stage, a, 1, "x y");
  add (&stage, b, 1, "y x");
  start_all (&stage);
  milter_conductor_arrive (stage.conductor, a, "x");
  EXPECT_PASSING (&stage, "");
  milter_conductor_arrive (stage.conductor, b, "y");
  cr_expect_eq (milter_conductor_pass_next (stage.conductor, &why), a);
  cr_expect_str_eq (why,
                    "barrier x: all sessions of the group that are not over wait at a barrier, and "
                    "none can be passed");
  EXPECT_PASSING (&stage, "!b");
  milter_conductor_finished (stage.conductor, a);
  milter_conductor_finished (stage.conductor, b);
  EXPECT_PASSING (&stage, "");
  cr_expect (milter_conductor_is_done (stage.conductor));
}

Test (conductor, a_session_that_ends_at_a_barrier_frees_the_others)
{
  g_auto (Stage) stage = make_stage (1);

  add (&stage, a, 1, "x");
  add (&stage, b, 1, "x y");
  add (&stage, c, 1, "x y");
  start_all (&stage);
  milter_conductor_arrive (stage.conductor, b, "x");
  milter_conductor_arrive (stage.conductor, c, "x");
  milter_conductor_finished (stage.conductor, b);
  EXPECT_PASSING (&stage, "");
  milter_conductor_finished (stage.conductor, a);
  EXPECT_PASSING (&stage, "c");
  milter_conductor_arrive (stage.conductor, c, "y");
  EXPECT_PASSING (&stage, "c");
}

Test (conductor, ten_thousand_sessions_are_no_matter)
{
  g_auto (Stage) stage = make_stage (1);
  const MilterScenarioSession *session = make_session (&stage, 1, "3*mid end");
  g_autofree char *names = g_malloc0 (10000);
  g_autofree char *why = NULL;
  guint n = 0;

  for (guint i = 0; i < 10000; i++)
    milter_conductor_add (stage.conductor, &names[i], &scenario, session, 1, i + 1);
  while (milter_conductor_start_next (stage.conductor) != NULL)
    n++;
  cr_expect_eq (n, 10000);
  for (guint round = 0; round < 4; round++)
    {
      for (guint i = 0; i < 10000; i++)
        {
          cr_assert_null (milter_conductor_pass_next (stage.conductor, &why));
          milter_conductor_arrive (stage.conductor, &names[i], round < 3 ? "mid" : "end");
        }
      for (n = 0; milter_conductor_pass_next (stage.conductor, &why) != NULL; n++)
        cr_assert_null (why);
      cr_expect_eq (n, 10000);
    }
  for (guint i = 0; i < 10000; i++)
    milter_conductor_finished (stage.conductor, &names[i]);
  cr_expect (milter_conductor_is_done (stage.conductor));
}
