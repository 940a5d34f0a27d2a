/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-player-wait.c: peers that close, are silent or say what is no frame, at every stage: never a
 * pass, and the stage is named.
 */
#include "fake-peer.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#define R FAKE_RULES

static const char full[] = "session\n"
                           " negotiate\n"
                           " connect\n"
                           " helo\n"
                           " mail\n"
                           " rcpt\n"
                           " data\n"
                           " header X: y\n"
                           " eoh\n"
                           " body \"x\"\n"
                           " eom\n"
                           " unknown FOO\n"
                           " quit\n";

static const struct
{
  char letter;
  guint line;
  const char *what; /* as in the line */
  const char *stage;
  const char *expected;
} stages[] = {
  { 'O', 2, "negotiate", "negotiate (the offer of options)", "negotiate, legal for the offer" },
  { 'C', 3, "connect client.example.com 192.0.2.1 port=50443", "connect", "continue or accept" },
  { 'H', 4, "helo client.example.com", "helo", "continue or accept" },
  { 'M', 5, "mail <sender@example.com>", "mail", "continue or accept" },
  { 'R', 6, "rcpt <recipient@example.net>", "rcpt", "continue or accept" },
  { 'T', 7, "data", "data", "continue or accept" },
  { 'L', 8, "header X", "header", "continue or accept" },
  { 'N', 9, "eoh", "eoh (end of headers)", "continue or accept" },
  { 'B', 10, "body", "body", "continue, accept or skip" },
  { 'E', 11, "eom", "eom (end of message)", "continue or accept" },
  { 'U', 12, "unknown FOO", "unknown", "continue or accept" },
};

/* @got: with %s for the stage */
static void
check_stages (const char *items, const char *got, gint64 lasts_us)
{
  for (gsize i = 0; i < G_N_ELEMENTS (stages); i++)
    {
      g_autofree char *rule = g_strdup_printf ("%c:%s", stages[i].letter, items);
      g_autoptr (FakeRun) run = fake_run (full, R (rule));
      g_auto (GStrv) parts = g_strsplit (got, "%s", 2);
      g_autofree char *report = g_strdup_printf ("%u: reply to %s / %s / %s%s%s\n",
                                                 stages[i].line,
                                                 stages[i].what,
                                                 stages[i].expected,
                                                 parts[0],
                                                 parts[1] != NULL ? stages[i].stage : "",
                                                 parts[1] != NULL ? parts[1] : "");

      cr_expect_str_eq (run->report->str, report, "%s:\n%s", rule, run->report->str);
      cr_expect_eq (run->outcome, BROKEN, "%s", rule);
      cr_expect (run->now_us >= lasts_us && run->now_us < lasts_us + 100 * 1000, "%s", rule);
    }
}

Test (player_wait, a_peer_that_closes_is_broken_at_every_stage)
{
  check_stages ("close", "the milter closed the connection instead of answering %s, after 1 ms", 0);
}

Test (player_wait, a_peer_that_resets_is_broken_at_every_stage)
{
  check_stages ("reset", "the milter reset the connection instead of answering %s, after 1 ms", 0);
}

Test (player_wait, a_peer_that_is_silent_is_broken_at_every_stage)
{
  check_stages ("", "nothing in 30 s: the milter did not answer %s", 30 * 1000 * 1000);
}

Test (player_wait, a_peer_that_closes_in_the_middle_of_a_frame_is_broken_at_every_stage)
{
  check_stages ("raw:|||;close",
                "the milter closed the connection instead of answering %s, in the middle of a "
                "frame: bytes that are no frame: \"\\0\\0\\0\", after 2 ms",
                0);
}

Test (player_wait, a_peer_that_is_no_milter_is_named_at_every_stage)
{
  check_stages ("raw:220 mx.example.com ESMTP\r\n",
                "an SMTP server answered, not a milter: \"220 mx.example.com ESMTP\\r\\n\"",
                0);
}

Test (player_wait, a_malformed_answer_is_broken_at_every_stage)
{
  for (gsize i = 0; i < G_N_ELEMENTS (stages); i++)
    {
      g_autofree char *malformed = g_strdup_printf ("%c:c|", stages[i].letter);
      g_autofree char *unknown = g_strdup_printf ("%c:X", stages[i].letter);
      g_autoptr (FakeRun) first = fake_run (full, R (malformed));
      g_autoptr (FakeRun) second = fake_run (full, R (unknown));

      cr_expect_eq (first->outcome, BROKEN, "%s", malformed);
      cr_expect (strstr (first->report->str, "1 byte too many") != NULL, "%s", first->report->str);
      cr_expect_eq (second->outcome, BROKEN, "%s", unknown);
      cr_expect (strstr (second->report->str, "unknown reply letter 'X'") != NULL,
                 "%s",
                 second->report->str);
    }
}

static const FakeCase at_eom[] = {
  { "closed after some edits",
    full,
    R ("E:hX|y|;close"),
    BROKEN,
    "11: reply to eom / continue or accept / the milter closed the connection instead of answering "
    "eom (end of message), after 2 ms\n" },
  { "silent after some edits",
    full,
    R ("E:hX|y|;q|"),
    BROKEN,
    "11: reply to eom / continue or accept / no reply but edits or progress in 30 s: the milter "
    "did not answer eom (end "
    "of "
    "message)\n" },
  { "garbage after some edits",
    full,
    R ("E:hX|y|;raw:||||"),
    BROKEN,
    "11: reply to eom / continue or accept / bytes that are no frame: \"\\0\\0\\0\\0\" (frame "
    "length "
    "is 0: every frame has a letter)\n" },
  { "progress asks for more time", full, R ("E:p;@29000;p;@29000;p;@29000;c"), HELD, "" },
  { "but not for ever",
    full,
    R ("E:p;@29000;p;@29000;p;@29000;p;@29000;p;@29000;p;@29000;p;@29000;p;@29000;p;@29000;p;@"
       "29000;"
       "p;@29000;c"),
    BROKEN,
    "11: reply to eom / continue or accept / no reply but edits or progress in 300 s: the milter "
    "did not answer eom (end "
    "of "
    "message)\n" },
};

Test (player_wait, the_end_of_the_message) { fake_check (at_eom, G_N_ELEMENTS (at_eom)); }

static const FakeCase between[] = {
  { "right after connecting",
    full,
    R ("+:close"),
    BROKEN,
    "2: reply to negotiate / negotiate, legal for the offer / the milter closed the connection "
    "instead of answering negotiate (the offer of options), after 1 ms\n" },
  { "a greeting before anything was said",
    full,
    R ("+:raw:220 x ESMTP", "O:"),
    BROKEN,
    "2: reply to negotiate / negotiate, legal for the offer / an SMTP server answered, not a "
    "milter: "
    "\"220 x ESMTP\"\n" },
  { "after the negotiation",
    full,
    R ("O:neg 6 0 0;close", "C:"),
    BROKEN,
    "3: reply to connect client.example.com 192.0.2.1 port=50443 / continue or accept / the milter "
    "closed the connection instead of answering connect, after 1 ms\n" },
  { "after a message, before the next",
    "mta exact\nsession\n negotiate\n mail\n abort\n mail\n",
    R ("A:close", "M2:"),
    BROKEN,
    "6: reply to mail <sender@example.com> / continue or accept / the milter closed the connection "
    "instead of answering mail, after 1 ms\n" },
  { "after the last answer, before quit",
    "mta exact\nsession\n negotiate\n connect\n",
    R ("C:c;close"),
    BROKEN,
    "4: connection, at the end of the session / open / the milter closed the connection after "
    "connect\n" },
  { "between two SMTP sessions",
    "session\n eom\n quit-nc => none\n connect\n",
    R ("K:close"),
    BROKEN,
    "3: reply to quit-nc / none / the milter closed the connection after quit-nc (end of the SMTP "
    "session), after 1 ms\n" },
  { "not after quit",
    full,
    R ("Q:"),
    BROKEN,
    "13: reply to quit / closed / nothing in 30 s: the milter did not close the connection\n" },
  { "not after the quit of the profile",
    "session\n mail\n",
    R ("Q:"),
    BROKEN,
    "2: reply to quit (end of the connection) / closed / nothing in 30 s: the milter did not close "
    "the connection\n" },
  { "with quit unread",
    "session\n mail\n",
    R ("Q:reset"),
    BROKEN,
    "2: reply to quit (end of the connection) / closed / the milter reset the connection after "
    "quit "
    "(end of the connection), after 1 ms: what was sent to it may not have been read\n" },
  { "with quit unread, as expected", "session\n mail\n quit => closed\n", R ("Q:reset"), HELD, "" },
  { "after quit, in the middle of a frame",
    "session\n mail\n",
    R ("Q:raw:||;close"),
    BROKEN,
    "2: reply to quit (end of the connection) / closed / the milter closed the connection after "
    "quit "
    "(end of the connection), in the middle of a frame: bytes that are no frame: \"\\0\\0\", after "
    "2 "
    "ms\n" },
  { "accepted at connect: Postfix closes by itself",
    "mta postfix\nsession\n connect => accept\n",
    R ("C:a;@50;close"),
    HELD,
    "" },
};

Test (player_wait, between_commands) { fake_check (between, G_N_ELEMENTS (between)); }

/* a profile that adds nothing has no other frame that would find out */
Test (player_wait, a_session_without_a_line_makes_a_connection)
{
  static const char *const profiles[] = { "postfix", "sendmail", "plain", "exact" };

  for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
    {
      g_autofree char *scenario = g_strdup_printf ("mta %s\nsession\n", profiles[i]);
      g_autoptr (FakeRun) held = fake_run (scenario, NULL);
      g_autoptr (FakeRun) broken = fake_run_unreachable (scenario);

      cr_expect_eq (held->outcome, HELD, "%s: %s", profiles[i], held->report->str);
      cr_expect_eq (broken->outcome, BROKEN, "%s", profiles[i]);
    }
}

Test (player_wait, a_peer_that_cannot_be_reached_is_broken)
{
  g_autoptr (FakeRun) run = fake_run_unreachable ("session\n eom\n");

  cr_expect_eq (run->outcome, BROKEN);
  cr_expect_str_eq (run->report->str,
                    "2: connection to the milter / - / nobody listens at unix:/x\n");
}

Test (player_wait, the_timeout_can_be_set_anywhere)
{
  g_autoptr (FakeRun) first = fake_run ("timeout 2s\nsession\n mail\n", R ("M:"));
  g_autoptr (FakeRun) second = fake_run ("session\n helo\n timeout 3s\n mail\n", R ("M:"));

  cr_expect_eq (first->outcome, BROKEN);
  cr_expect_eq (first->now_us / 1000000, 2);
  cr_expect_eq (second->outcome, BROKEN);
  cr_expect_eq (second->now_us / 1000000, 3);
}

Test (player_wait, a_cancelled_session_says_why)
{
  MilterPlayerAction action;
  const char text[] = "session\n mail\n";
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_parse (
          "t", text, sizeof text - 1, NULL, MILTER_SCENARIO_SESSIONS, messages);
  const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, 0);
  MilterPlayerConfig config = { .profile = milter_profile_get ("plain"), .n_peers = 1 };
  g_autoptr (MilterPlayer) player
      = milter_player_new ("x", milter_step_source_new_for_session (session, 1, 1), &config);
  const MilterFailure *failure;

  milter_player_next (player, 0, &action);
  cr_expect_eq (action.kind, MILTER_PLAYER_OPEN);
  milter_player_cancel (player, BROKEN, "the milter died: exit status 3", 5);
  milter_player_next (player, 6, &action);
  cr_expect_eq (action.kind, MILTER_PLAYER_CLOSE);
  milter_player_next (player, 6, &action);
  cr_expect_eq (action.kind, MILTER_PLAYER_DONE);
  cr_expect_eq (milter_player_get_outcome (player), BROKEN);
  failure = g_ptr_array_index (milter_player_get_failures (player), 0);
  cr_expect_str_eq (failure->got, "the milter died: exit status 3");
  cr_expect_str_eq (milter_player_get_name (player), "x");
}

/* whatever a milter does, the session ends, and what breaks the protocol is no pass */
Test (player_wait, random_milters_end_and_never_pass_with_bad_frames)
{
  static const char *const items[] = { "c", "c", "c",  "c",     "a",   "r",       "t",
                                       "d", "s", "p",  "close", "4",   "hX|y|",   "y550 5.7.1 no|",
                                       "",  "Z", "c|", "reset", "c;c", "raw:|||", "neg 6 0 0x80" };
  static const char letters[] = "OCHMRTLNBEUQAK";
  static const char *const scenarios[] = {
    "session\n eom\n unknown FOO\n eom\n abort\n quit-nc\n eom\n",
    "mta postfix\nsession\n rcpt => any\n rcpt => any | closed | none\n body \"x\"\n eom\n => "
    "only\n",
    "mta exact\nsession\n negotiate\n mail\n frame R \"<a@b>\\0\"\n raw \"\\0\\0\\0\\x01T\"\n "
    "eom\n",
  };
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint round = 0; round < 600; round++)
    {
      char *rules[3] = { NULL };
      const char *list[4] = { NULL };
      bool bad = false;
      g_autoptr (FakeRun) run = NULL;

      for (guint i = 0; i < 3; i++)
        {
          const char *item = items[g_rand_int_range (rand, 0, G_N_ELEMENTS (items))];
          char letter = letters[g_rand_int_range (rand, 0, sizeof letters - 1)];

          bad = bad || strcmp (item, "Z") == 0 || strcmp (item, "c|") == 0;
          rules[i] = g_strdup_printf ("%c:%s", letter, item);
          list[i] = rules[i];
        }
      run = fake_run (scenarios[round % G_N_ELEMENTS (scenarios)], list);
      /* in exact, what frames and bytes bring is not judged */
      if (bad && round % G_N_ELEMENTS (scenarios) != 2
          && (strstr (run->said->str, "< frame Z") != NULL
              || strstr (run->said->str, "< frame c") != NULL))
        cr_expect_eq (run->outcome,
                      BROKEN,
                      "%s %s %s:\n%s%s",
                      rules[0],
                      rules[1],
                      rules[2],
                      run->said->str,
                      run->report->str);
      for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
        g_free (rules[i]);
    }
}
