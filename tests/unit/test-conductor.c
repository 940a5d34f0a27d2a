/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-conductor.c: who begins when, and who waits for whom.
 */
#include <criterion/criterion.h>
#include <stdbool.h>

#include "milter-player.h"

static gboolean
no_steps (gpointer source, const MilterStep **step, GError **error)
{
  return FALSE;
}

static void
no_source (gpointer source)
{
}

static MilterPlayer *
make_player (MilterConductor *conductor, const char *name, guint group)
{
  static const MilterStepSourceClass klass = { no_steps, no_source };
  MilterPlayerConfig config = { .profile = milter_profile_get ("exact"), .n_peers = 1 };
  MilterPlayer *player = milter_player_new (name, (MilterStepSource){ &klass, NULL }, &config);

  milter_conductor_add (conductor, player, group);
  return player;
}

Test (conductor, as_many_sessions_run_as_there_are_jobs)
{
  g_autoptr (MilterConductor) conductor = milter_conductor_new (2);
  MilterPlayer *a = make_player (conductor, "a", 0);
  MilterPlayer *b = make_player (conductor, "b", 0);
  MilterPlayer *c = make_player (conductor, "c", 0);

  cr_expect_eq (milter_conductor_start_next (conductor), a);
  cr_expect_eq (milter_conductor_start_next (conductor), b);
  cr_expect_null (milter_conductor_start_next (conductor));
  milter_conductor_finished (conductor, a);
  cr_expect_eq (milter_conductor_start_next (conductor), c);
  cr_expect_null (milter_conductor_start_next (conductor));
  milter_conductor_finished (conductor, b);
  cr_expect_not (milter_conductor_is_done (conductor));
  milter_conductor_finished (conductor, c);
  cr_expect (milter_conductor_is_done (conductor));
}

Test (conductor, a_group_runs_at_once_and_counts_as_one)
{
  g_autoptr (MilterConductor) conductor = milter_conductor_new (1);
  MilterPlayer *a = make_player (conductor, "a", 7);
  MilterPlayer *b = make_player (conductor, "b", 7);
  MilterPlayer *c = make_player (conductor, "c", 0);

  cr_expect_eq (milter_conductor_start_next (conductor), a);
  cr_expect_eq (milter_conductor_start_next (conductor), b);
  cr_expect_null (milter_conductor_start_next (conductor));
  milter_conductor_finished (conductor, a);
  cr_expect_null (milter_conductor_start_next (conductor), "b still runs");
  milter_conductor_finished (conductor, b);
  cr_expect_eq (milter_conductor_start_next (conductor), c);
}

Test (conductor, a_barrier_opens_when_all_are_there_or_over)
{
  g_autoptr (MilterConductor) conductor = milter_conductor_new (1);
  MilterPlayer *a = make_player (conductor, "a", 1);
  MilterPlayer *b = make_player (conductor, "b", 1);
  MilterPlayer *c = make_player (conductor, "c", 1);
  MilterPlayer *alone = make_player (conductor, "d", 0);

  while (milter_conductor_start_next (conductor) != NULL)
    ;
  cr_expect_not (milter_conductor_arrive (conductor, a, "mid"));
  cr_expect_not (milter_conductor_arrive (conductor, a, "mid"), "still waiting");
  cr_expect_not (milter_conductor_arrive (conductor, b, "other"));
  cr_expect_not (milter_conductor_arrive (conductor, b, "mid"));
  milter_conductor_finished (conductor, c);
  cr_expect (milter_conductor_arrive (conductor, a, "mid"));
  cr_expect (milter_conductor_arrive (conductor, b, "mid"));
  cr_expect (milter_conductor_arrive (conductor, alone, "mid"));
}
