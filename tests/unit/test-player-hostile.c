/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-player-hostile.c: how and when bytes leave: pieces, pauses, ends of the connection in the
 * middle of a frame; and that none of it passes for something that was held.
 */
#include "fake-peer.h"

#include <criterion/criterion.h>
#include <string.h>

#define R FAKE_RULES

static const FakeCase cases[] = {
  { "half-close: the milter hangs up", "session\n mail\n half-close\n rcpt\n", NULL, HELD, "" },
  { "… or resets", "session\n mail\n half-close\n", R ("/:reset"), HELD, "" },
  { "… or does neither",
    "timeout 5s\nsession\n mail\n half-close\n",
    R ("/:"),
    BROKEN,
    "4: reply to half-close / closed | reset / nothing in 5 s: the milter did not close the "
    "connection\n" },
  { "half-close, with an answer where none is due",
    "session\n mail\n half-close\n",
    R ("/:c;close"),
    BROKEN,
    "3: reply to half-close / closed | reset / continue after 1 ms: nobody asked for an answer "
    "after what was sent\n" },
  { "half-close at once behind quit: what is said to quit stands below it",
    "mta exact\nsession\n negotiate\n quit\n half-close\n  => continue\n  => closed\n",
    R ("Q:c;close"),
    HELD,
    "" },
  { "… and is not passed by",
    "mta exact\nsession\n negotiate\n quit\n half-close\n",
    R ("Q:c;close"),
    BROKEN,
    "5: reply to half-close / closed | reset / continue after 1 ms: nobody asked for an answer "
    "after what was sent\n" },
  { "… nor missed",
    "mta exact\nsession\n negotiate\n quit\n half-close\n  => continue\n  => closed\n",
    NULL,
    BROKEN,
    "6: reply to half-close / continue / the milter closed the connection, after 1 ms\n" },
  { "half-close behind quit, and the milter hangs up",
    "mta exact\nsession\n negotiate\n quit\n half-close\n",
    NULL,
    HELD,
    "" },
  { "half-close => reset", "session\n mail\n half-close => reset\n", R ("/:reset"), HELD, "" },
  { "half-close => reset, and it is closed",
    "session\n mail\n half-close => reset\n",
    NULL,
    BROKEN,
    "3: reply to half-close / reset / the milter closed the connection, after 1 ms\n" },
  { "half-close => none", "session\n mail\n half-close => none\n", R ("/:"), HELD, "" },
  { "lines below an end name it",
    "session\n mail\n half-close => closed\n rcpt => continue\n frame X\n",
    NULL,
    FAILED,
    "4: reply to rcpt <recipient@example.net> / continue / not reached: nothing is sent after "
    "half-close, line 3\n" },
  { "bytes are not sent either",
    "session\n mail\n close\n raw \"x\" => closed\n",
    NULL,
    FAILED,
    "4: reply to raw bytes / closed / not reached: nothing is sent after close, line 3\n" },
  { "lines without expectations are left out",
    "session\n mail\n reset\n rcpt\n eom\n frame X\n quit\n",
    NULL,
    HELD,
    "" },
  { "close as the first line", "session\n close\n", NULL, HELD, "" },
  { "close => closed", "session\n mail\n close => closed\n", NULL, HELD, "" },
  { "close, and the milter had gone before",
    "session\n mail\n barrier x\n close\n",
    R ("M:c;close"),
    BROKEN,
    "4: connection, at close / open / the milter closed the connection after mail\n" },
  { "close, and the milter had said too much",
    "session\n mail\n barrier x\n close\n",
    R ("M:c;r"),
    BROKEN,
    "4: what came after mail / nothing more from the milter / reject (no text) after 2 ms: nobody asked for "
    "an answer after mail\n" },
  { "nothing can be read after reset",
    "session\n mail\n reset => closed\n",
    NULL,
    FAILED,
    "3: reply to reset / closed / not reached: nothing can be read after reset\n" },
  { "cut in the middle of what is filled in",
    "session\n reset after 3 bytes\n helo x\n",
    NULL,
    HELD,
    "" },
  { "cut in the middle, with an expectation",
    "session\n mail\n half-close after 3 bytes => closed\n rcpt => continue\n data\n",
    NULL,
    FAILED,
    "4: reply to rcpt <recipient@example.net> / continue / not reached: nothing is sent after "
    "half-close, line 3\n" },
  { "cut in the middle, and the milter does not mind",
    "timeout 5s\nsession\n mail\n half-close after 3 bytes => closed\n rcpt\n",
    R ("/:"),
    FAILED,
    "4: reply to half-close after 3 bytes / closed / nothing in 5 s: the milter did not close the "
    "connection\n" },
  { "cut behind a whole command: its answer counts",
    "mta exact\nsession\n negotiate\n half-close after 21 bytes\n mail <a@example.com> => reject\n "
    "rcpt\n",
    R ("M:r", "/:@50;close"),
    HELD,
    "" },
  { "bytes that never leave",
    "session\n mail\n close after 3000 bytes\n rcpt\n",
    NULL,
    FAILED,
    "3: close after 3000 bytes / 3000 bytes sent by the lines below it / not reached: 117 bytes "
    "were sent\n" },
  { "a stall", "session\n mail\n stall 2s\n rcpt\n", NULL, HELD, "" },
  { "a stall that the milter ends",
    "session\n mail\n stall 2s => closed\n",
    R ("M:c;@500;close"),
    HELD,
    "" },
  { "… and that goes on after it",
    "session\n mail\n stall 2s => closed\n rcpt\n",
    R ("M:c;@500;close"),
    FAILED,
    "4: reply to rcpt <recipient@example.net> / to be sent / not reached: the connection is over "
    "since line 3\n" },
  { "a stall that the milter should have ended",
    "session\n mail\n stall 2s => closed\n rcpt\n",
    NULL,
    FAILED,
    "3: reply to stall 2 s / closed / nothing in 2 s\n" },
  { "within gives it more time",
    "session\n mail\n stall 1s => closed within 3s\n",
    R ("M:c;@2500;close"),
    HELD,
    "" },
  { "nothing comes in a stall", "session\n mail\n stall 1s => none\n rcpt\n", NULL, HELD, "" },
  { "something comes in a stall",
    "session\n mail\n stall 1s => none\n rcpt\n",
    R ("M:c;@500;c"),
    BROKEN,
    "3: reply to stall 1 s / none / continue after 502 ms: nobody asked for an answer after mail\n" },
  { "the milter goes in a stall without expectations",
    "session\n mail\n stall 2s\n rcpt\n",
    R ("M:c;@500;close"),
    BROKEN,
    "4: connection, at rcpt <recipient@example.net> / open / the milter closed the connection "
    "after mail\n" },
  { "a stall in the middle of a frame", "session\n mail\n stall 40s after 5 bytes\n rcpt\n", NULL, HELD, "" },
  { "… that the milter ends",
    "session\n mail\n stall 5s after 5 bytes => closed\n rcpt\n",
    R ("M:c;@600;close"),
    HELD,
    "" },
  { "… that the milter ends, for the line in whose middle it is",
    "session\n mail\n stall 5s after 5 bytes => closed\n rcpt => continue\n",
    R ("M:c;@600;close"),
    FAILED,
    "4: reply to rcpt <recipient@example.net> / continue / not reached: the connection is over "
    "since line 3\n" },
  { "… that the milter should have ended",
    "session\n mail\n stall 5s after 5 bytes => closed\n rcpt => continue\n",
    NULL,
    FAILED,
    "3: reply to stall 5 s after 5 bytes / closed / nothing in 5 s\n" },
  { "an end at the byte of a stall comes behind it",
    "session\n mail\n stall 2s after 5 bytes => none\n reset after 5 bytes\n rcpt => continue\n",
    NULL,
    FAILED,
    "5: reply to rcpt <recipient@example.net> / continue / not reached: nothing is sent after "
    "reset, line 4\n" },
  { "one of two ends at a byte",
    "session\n mail\n reset after 5 bytes\n close after 5 bytes\n rcpt\n",
    NULL,
    FAILED,
    "4: close after 5 bytes / 5 bytes sent by the lines below it / nothing is sent after reset, "
    "line 3\n" },
  { "an end behind an end",
    "session\n mail\n close\n stall 1ms\n reset => closed\n",
    NULL,
    FAILED,
    "5: reply to reset / closed / not reached: nothing is sent after close, line 3\n" },
  { "what is not read cannot be expected",
    "session\n mail\n stall 2s reading => none\n rcpt => continue\n",
    NULL,
    FAILED,
    "3: reply to stall 2 s reading / none / not reached: nothing is read meanwhile; what comes "
    "then stands below the next command\n" },
  { "longer than any timeout", "timeout 1s\nsession\n mail\n stall 9s reading\n rcpt\n", NULL, HELD, "" },
  { "a made-up mail",
    "session\n generate size=100 seed=3\n eom => only\n",
    NULL,
    HELD,
    "" },
  { "nothing comes of a macro that waits for its command",
    "session\n mail\n macro rcpt i=1 => none\n rcpt\n",
    NULL,
    HELD,
    "" },
  { "an answer to a macro that waits for its command",
    "session\n mail\n macro rcpt i=1 => none\n rcpt\n",
    R ("M:c;@100;c"),
    BROKEN,
    "3: reply to macro / none / continue after 102 ms: nobody asked for an answer after macro\n" },
};

static const FakeCase gaps[] = {
  { "the rest of the message and what it expects is left out",
    "mta exact\nsession\n negotiate\n mail\n rcpt\n lost 12\n data => reject\n frame L \"x\" => closed\n"
    " eom => quarantine\n mail\n rcpt\n eom\n quit\n",
    NULL,
    HELD,
    "" },
  { "what comes behind it is judged",
    "mta exact\nsession\n negotiate\n mail\n lost\n rcpt => reject\n mail => reject\n",
    NULL,
    FAILED,
    "7: reply to mail <sender@example.com> / reject / continue after 1 ms\n" },
};

static char *
without_macros (const char *said)
{
  g_autoptr (GRegex) macros = g_regex_new ("^> macro .*\\n", G_REGEX_MULTILINE, 0, NULL);

  return g_regex_replace_literal (macros, said, -1, 0, "", 0, NULL);
}

Test (player_hostile, what_is_lost_is_not_judged)
{
  g_autoptr (FakeRun) run = NULL;
  g_autofree char *without = NULL;

  fake_check (gaps, G_N_ELEMENTS (gaps));
  run = fake_run (gaps[0].scenario, NULL);
  without = without_macros (run->said->str);
  cr_expect_str_eq (without,
                    "> negotiate version=6 actions=all steps=all\n"
                    "< negotiate version=6 actions=none steps=none\n"
                    "> mail <sender@example.com>\n"
                    "< continue\n"
                    "> rcpt <recipient@example.net>\n"
                    "< continue\n"
                    "> abort\n"
                    "> connect client.example.com 192.0.2.1 port=50443\n"
                    "< continue\n"
                    "> helo client.example.com\n"
                    "< continue\n"
                    "> mail <sender@example.com>\n"
                    "< continue\n"
                    "> rcpt <recipient@example.net>\n"
                    "< continue\n"
                    "> data\n"
                    "< continue\n"
                    "> header From: <sender@example.com>\n"
                    "< continue\n"
                    "> header To: <recipient@example.net>\n"
                    "< continue\n"
                    "> header Subject: test\n"
                    "< continue\n"
                    "> eoh\n"
                    "< continue\n"
                    "> eom\n"
                    "< continue\n"
                    "> quit\n",
                    "%s",
                    run->said->str);
  cr_expect (strstr (run->said->str, "> macro connect j=mx.example.com") != NULL);
  cr_expect (strstr (run->said->str, "> macro rcpt") == NULL, "that line is one of the recording");
}

static const struct
{
  const char *name, *scenario;
  const char *const *rules;
  MilterOutcome outcome;
  const char *reason; /* (nullable) */
  const char *report;
} required[] = {
  { "met", "session\n require negotiate symbols=none\n mail\n", NULL, HELD, NULL, "" },
  { "not met, filled in",
    "session\n require negotiate symbols=none\n mail => reject\n",
    R ("O:neg 6 0x100 0 0=j"),
    MILTER_OUTCOME_SKIPPED,
    "require negotiate symbols=none: the milter answered negotiate version=6 actions=SETSYMLIST "
    "steps=none symbols-connect=\"j\"",
    "" },
  { "not met, written",
    "session\n require negotiate steps=+SKIP\n negotiate => negotiate version=4\n mail => reject\n",
    NULL,
    MILTER_OUTCOME_SKIPPED,
    "require negotiate steps=+SKIP: the milter answered negotiate version=6 actions=none steps=none",
    "" },
  { "not met, for all sessions",
    "require negotiate actions=+ADDHDRS\nsession\n mail => reject\n",
    NULL,
    MILTER_OUTCOME_SKIPPED,
    "require negotiate actions=+ADDHDRS: the milter answered negotiate version=6 actions=none "
    "steps=none",
    "" },
  { "refused, as the line lets it",
    "session\n require negotiate steps=+SKIP\n negotiate => negotiate | closed\n mail => reject\n",
    R ("O:close"),
    MILTER_OUTCOME_SKIPPED,
    "require negotiate steps=+SKIP: the milter closed the connection, as it may",
    "" },
  { "an answer that breaks the rules is no reason to skip",
    "session\n require negotiate version=6\n mail\n",
    R ("O:neg 7 0 0"),
    BROKEN,
    NULL,
    "3: reply to negotiate (the offer of options), filled in / negotiate, legal for the offer / "
    "negotiate version=7 actions=none steps=none to negotiate (the offer of options) after 1 ms: the "
    "milter answered version 7 to an offer of 6; 2 to 6 would be right\n" },
  { "never decided",
    "mta exact\nsession\n require negotiate symbols=none\n raw \"x\"\n",
    NULL,
    FAILED,
    NULL,
    "3: require negotiate symbols=none / an answer to negotiate, which decides it / nothing was "
    "negotiated\n" },
};

Test (player_hostile, the_answer_to_the_offer_may_skip_a_session)
{
  for (gsize i = 0; i < G_N_ELEMENTS (required); i++)
    {
      g_autoptr (FakeRun) run = fake_run (required[i].scenario, required[i].rules);
      const char *reason = milter_player_get_skip_reason (run->player);

      cr_expect_eq (run->outcome, required[i].outcome, "%s: %d", required[i].name, run->outcome);
      cr_expect_str_eq (run->report->str, required[i].report, "%s: %s", required[i].name, run->report->str);
      if (required[i].reason == NULL)
        cr_expect_null (reason, "%s", required[i].name);
      else
        cr_expect_str_eq (reason, required[i].reason, "%s: %s", required[i].name, reason);
      if (run->outcome == MILTER_OUTCOME_SKIPPED && strstr (reason, "closed") == NULL)
        cr_expect (g_str_has_suffix (run->said->str, "> quit\n"), "%s", run->said->str);
    }
}

/* what is told where the truth was not said before */
static const FakeCase told[] = {
  { "two lines want the same edit",
    "session\n eom\n => add-header X: 1\n => add-header X: 1\n",
    R ("E:hX|1|;c"),
    FAILED,
    "4: edits at eom / add-header X: 1 / add-header X: 1 (line 3 took what fits)\n" },
  { "an edit to what was filled in",
    "session\n connect\n",
    R ("O:hX|1|"),
    BROKEN,
    "2: edits at negotiate (the offer of options) / no edit / add-header X: 1 to negotiate (the "
    "offer of options) after 1 ms: add-header may only come at the end of the message, not after negotiate (the offer of options)\n" },
  { "a regex that gives up",
    "session\n mail => 550 /^(a+)+$/\n",
    R ("M:y550 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab|"),
    FAILED,
    "2: reply to mail <sender@example.com> / 550 /^(a+)+$/ (this regular expression goes back "
    "without end, and was given up) / 550 \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\" after 1 ms\n" },
  { "a frame that is too large",
    "session\n mail\n",
    R ("M:raw:\x01|||c"),
    BROKEN,
    "2: reply to mail <sender@example.com> / continue or accept / a frame that is larger than what is "
    "read (frame length 16777216 is above the limit of 1048577)\n" },
};

Test (player_hostile, the_truth_is_told)
{
  fake_check (told, G_N_ELEMENTS (told));
}

Test (player_hostile, what_comes_of_lines_that_act)
{
  fake_check (cases, G_N_ELEMENTS (cases));
}

/* the lines that the fake peer says of acts, and the last command before each */
static char *
acts (const FakeRun *run)
{
  g_auto (GStrv) lines = g_strsplit (run->said->str, "\n", -1);
  GString *text = g_string_new (NULL);
  const char *last = "";

  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] == '=')
      g_string_append_printf (text, "%s%s: %s", text->len > 0 ? "; " : "", last, lines[i] + 2);
    else if (g_str_has_prefix (lines[i], "> ") && !g_str_has_prefix (lines[i], "> macro"))
      {
        char *blank = strchr (lines[i] + 2, ' ');

        if (blank != NULL)
          *blank = '\0';
        last = lines[i] + 2;
      }
  return g_string_free (text, FALSE);
}

static const struct
{
  const char *name, *scenario, *acts;
  guint n_bytes; /* 0: whatever */
  gint64 lasts_ms;
} done[] = {
  { "close", "session\n mail\n close\n rcpt\n", "mail: close", 0, 3 },
  { "reset", "session\n mail\n reset\n rcpt\n", "mail: reset", 0, 3 },
  { "half-close", "session\n mail\n half-close\n rcpt\n", "mail: half-close", 0, 4 },
  { "at the byte", "session\n close after 3 bytes\n helo\n", "negotiate: close", 3, 0 },
  { "at a byte of a later command",
    "mta exact\nsession\n negotiate\n reset after 7 bytes\n mail\n",
    "mail: reset",
    24,
    1 },
  { "at a byte of a piece",
    "mta exact\nsend-as split 4\nsession\n negotiate\n reset after 7 bytes\n mail\n",
    "mail: reset",
    24,
    1 },
  { "behind a stall at the same byte",
    "session\n mail\n stall 2s after 5 bytes\n reset after 5 bytes\n rcpt\n",
    "rcpt: reset",
    0,
    2003 },
  { "behind a stall that is asked about, and at the same byte",
    "session\n mail\n stall 2s after 5 bytes => none\n reset after 5 bytes\n rcpt\n",
    "rcpt: reset",
    0,
    2003 },
  { "at a byte of the last line",
    "mta exact\nsession\n negotiate\n reset after 3 bytes\n frame X\n",
    "frame: reset",
    20,
    1 },
  { "behind a stall at the last byte",
    "mta exact\nsession\n negotiate\n stall 2s after 5 bytes\n reset after 5 bytes\n frame X\n",
    "frame: reset",
    22,
    2001 },
  { "nothing is read, from the next command on",
    "session\n stall 2s reading\n mail\n rcpt\n",
    "mail: pause at 3 ms; mail: resume at 2003 ms",
    0,
    2005 },
  { "nothing is read, in the middle",
    "mta exact\nsession\n negotiate\n stall 2s reading after 3 bytes\n mail\n",
    "mail: pause at 1 ms; mail: resume at 2001 ms",
    0,
    2001 },
  { "a barrier", "session\n mail\n barrier one\n barrier two\n rcpt\n", "mail: barrier one; mail: barrier two", 0, 103 },
};

Test (player_hostile, lines_act_where_they_stand)
{
  for (gsize i = 0; i < G_N_ELEMENTS (done); i++)
    {
      g_autoptr (FakeRun) run = fake_run (done[i].scenario, NULL);
      g_autofree char *text = acts (run);

      cr_expect_str_eq (text, done[i].acts, "%s: %s\n%s", done[i].name, text, run->said->str);
      cr_expect_eq (run->outcome, HELD, "%s: %s", done[i].name, run->report->str);
      if (done[i].n_bytes > 0)
        cr_expect_eq (run->n_bytes, done[i].n_bytes, "%s: %zu", done[i].name, run->n_bytes);
      cr_expect (run->now_us / 1000 >= done[i].lasts_ms && run->now_us / 1000 < done[i].lasts_ms + 250,
                 "%s: %d ms",
                 done[i].name,
                 (int) (run->now_us / 1000));
    }
}

/* a session of several messages: edits, refusals, a large body, all recipients refused, and lines
 * that come too late */
static const char several[] = "session\n"
                              " mail <edits@example.com>\n"
                              " eml <<END\n"
                              " Subject: one\n"
                              "\n"
                              " Hello,\n"
                              " world.\n"
                              " END\n"
                              " eom\n"
                              "  => add-header X: 1\n"
                              "  => replace-body \"new\\r\\n\"\n"
                              "  => result <<END\n"
                              " Subject: one\n"
                              " X: 1\n"
                              "\n"
                              " new\n"
                              " END\n"
                              " message refused\n"
                              " mail <bad@example.com> => reject\n"
                              " rcpt\n"
                              " eom\n"
                              " message partly\n"
                              " mail\n"
                              " rcpt <a@example.com>\n"
                              " rcpt <later@example.com> => 451 4.7.1 later within 100ms\n"
                              " rcpt <c@example.com>\n"
                              " generate size=200k\n"
                              " eom\n"
                              " message nobody\n"
                              " rcpt <later@example.com> => 4xx\n"
                              " rcpt <later@example.com> => 451\n"
                              " body \"x\"\n"
                              " eom\n"
                              " message accepted\n"
                              " header A: b\n"
                              " header B: c\n"
                              " header Stop: \"d\" => accept\n"
                              " body \"x\"\n"
                              " eom\n"
                              " message skipped\n"
                              " mail <skip@example.com>\n"
                              " body \"x\"*70000 => skip\n"
                              " body \"y\"\n"
                              " eom => add-header X: 1\n"
                              " mail <slow@example.com>\n"
                              " unknown FOO\n"
                              " timeout 2s\n"
                              " eom => 550 within 150ms\n"
                              " mail\n"
                              " abort\n"
                              " quit => closed\n";

static const char *const ways[]
    = { "whole", "split 1", "split 7", "random 1", "random 99", "together" };
static const char *const profiles[] = { "plain", "postfix", "sendmail" };

#define SEVERAL                                                                                    \
  "E~<edits@example.com>:hX|1|;bnew\r\n;c", "M~<bad@example.com>:r",                               \
      "R~later@example.com:y451 4.7.1 later|", "L~Stop:a", "B~<skip@example.com>:s",               \
      "E~<skip@example.com>:hX|1|;c", "E~<slow@example.com>:@100;y550 no|"

/* libmilter drops what belongs to a message that it has decided, others answer all the same; and
 * what is answered at once may be read at once */
static const char *const *const milters[] = { R (SEVERAL), R (SEVERAL, "%:"), R (SEVERAL, "&:") };

Test (player_hostile, verdicts_do_not_depend_on_how_bytes_leave)
{
  for (gsize p = 0; p < G_N_ELEMENTS (profiles); p++)
    for (gsize m = 0; m < G_N_ELEMENTS (milters); m++)
      for (gsize w = 0; w < G_N_ELEMENTS (ways); w++)
        {
          g_autofree char *text
              = g_strdup_printf ("mta %s\nsend-as %s\n%s", profiles[p], ways[w], several);
          g_autoptr (FakeRun) run = fake_run (text, milters[m]);
          g_autofree char *name
              = g_strdup_printf ("%s, %s, %s", profiles[p], ways[w], m == 0 ? "answers" : m == 1 ? "drops" : "at once");

          cr_expect_str_eq (run->report->str, "", "%s: %s%s", name, run->report->str, run->said->str);
          cr_expect_eq (run->outcome, HELD, "%s: %d", name, run->outcome);
          cr_expect_eq (milter_player_get_messages (run->player)->len, 8, "%s", name);
        }
}

/* what is not held: the same lines fail, with the same words but for times and for the last frames */
static const struct
{
  const char *name, *scenario;
  const char *const *rules;
} failing[] = {
  { "a refusal", "session\n rcpt\n rcpt\n eom\n", R ("R2:r") },
  { "a refusal that did not come", "session\n rcpt => reject\n data\n eom => accept\n", NULL },
  { "a line that is not reached", "session\n mail => accept\n rcpt => continue\n eom\n", R ("M:a") },
  { "another one", "session\n rcpt => reject\n data => continue\n eom => continue\n", R ("R:r") },
  { "at connect", "session\n connect => reject\n helo\n mail => continue\n eom\n", R ("C:r", "H:", "M:", "R:", "T:", "L:", "N:", "E:") },
  { "at connect, and the rest is answered", "session\n connect => reject\n helo\n mail => continue\n eom\n", R ("C:r") },
  { "an edit too many", "session\n eom\n  => only\n mail\n", R ("E:hX|1|;c") },
  { "a second answer to the end", "session\n eom\n", R ("E:c;c") },
  { "silence", "timeout 2s\nsession\n mail\n rcpt\n data\n eom\n", R ("R:", "T:", "L:", "N:", "E:") },
  { "an end", "session\n mail\n rcpt\n data\n eom\n", R ("R:close") },
  { "what is no frame", "session\n mail\n rcpt\n data\n eom\n", R ("R:raw:220 mx ESMTP\r\n") },
  { "a skip that nobody asked for", "mta sendmail\nsession\n rcpt\n rcpt\n eom\n", R ("R1:s") },
  { "too late", "session\n mail\n rcpt => continue within 50ms\n eom\n", R ("R:@100;c") },
};

static char *
without_times (const char *report)
{
  g_autoptr (GRegex) times = g_regex_new ("\\d+(\\.\\d+)? m?s\\b", 0, 0, NULL);

  return g_regex_replace_literal (times, report, -1, 0, "T", 0, NULL);
}

Test (player_hostile, failures_do_not_depend_on_how_bytes_leave)
{
  for (gsize i = 0; i < G_N_ELEMENTS (failing); i++)
    {
      g_autofree char *as_ever = g_strdup_printf ("send-as whole\n%s", failing[i].scenario);
      g_autoptr (FakeRun) whole = fake_run (as_ever, failing[i].rules);
      g_autofree char *wanted = without_times (whole->report->str);

      cr_expect_gt (whole->outcome, MILTER_OUTCOME_SKIPPED, "%s", failing[i].name);
      for (gsize w = 1; w < G_N_ELEMENTS (ways); w++)
        {
          g_autofree char *text = g_strdup_printf ("send-as %s\n%s", ways[w], failing[i].scenario);
          g_autoptr (FakeRun) run = fake_run (text, failing[i].rules);
          g_autofree char *got = without_times (run->report->str);

          cr_expect_str_eq (got, wanted, "%s, %s:\n%s%s", failing[i].name, ways[w], got, run->said->str);
          cr_expect_eq (run->outcome, whole->outcome, "%s, %s", failing[i].name, ways[w]);
        }
    }
}

Test (player_hostile, pieces_have_their_size)
{
  g_autoptr (FakeRun) split = fake_run ("send-as split 7\nsession\n eom\n", NULL);
  g_autoptr (FakeRun) random = fake_run ("send-as random 7\nsession\n generate size=9000\n eom\n", NULL);
  g_autoptr (FakeRun) again = fake_run ("send-as random 7\nsession\n generate size=9000\n eom\n", NULL);
  g_autoptr (FakeRun) other = fake_run ("send-as random 8\nsession\n generate size=9000\n eom\n", NULL);

  cr_expect_eq (split->largest, 7);
  cr_expect_gt (random->n_writes, 30);
  cr_expect_leq (random->largest, 1024);
  cr_expect_eq (random->n_writes, again->n_writes);
  cr_expect_neq (random->n_writes, other->n_writes);
}

/* the time is over for all of them when it is over for the first */
Test (player_hostile, a_stall_ends_for_all_of_a_chain)
{
  g_autoptr (FakeRun) run
      = fake_run_chain ("session\n mail\n stall 200ms => none\n rcpt\n", NULL, NULL);

  cr_expect_str_eq (run->report->str, "", "%s", run->report->str);
  cr_expect_eq (run->outcome, HELD);
  cr_expect_lt (run->now_us, 1000 * 1000);
}

/* what a line sends, as hexadecimal digits, behind the offer */
static void
check_sent (const char *lines, const char *hex)
{
  g_autofree char *scenario = g_strdup_printf ("mta exact\nsession\n negotiate\n%s", lines);
  g_autoptr (FakeRun) run = fake_run (scenario, NULL);
  g_autoptr (GString) sent = g_string_new (NULL);

  for (guint i = 17; i < run->sent->len; i++)
    g_string_append_printf (sent, "%02x", run->sent->data[i]);
  cr_expect_str_eq (sent->str, hex, "%s: %s instead of %s", lines, sent->str, hex);
}

Test (player_hostile, what_stands_before_an_end_leaves_before_it)
{
  check_sent (" abort\n close\n", "0000000141");
  check_sent (" frame Z x\n reset\n", "000000025a78");
  check_sent (" raw x\n half-close => closed\n", "78");
  check_sent (" close after 2 bytes\n abort\n", "0000");
}

Test (player_hostile, a_frame_may_have_any_letter)
{
  check_sent (" frame \"\\0\" x\n", "000000020078");
  check_sent (" frame \"\\xff\"\n", "00000001ff");
}
