/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-player-chain.c: one session, two milters.
 */
#include "fake-peer.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#define R FAKE_RULES

/* one word a frame, those about macros and the beginning up to helo left out */
static char *
words (const FakeRun *run)
{
  g_auto (GStrv) lines = g_strsplit (run->said->str, "\n", -1);
  GString *text = g_string_new (NULL);
  bool begun = false;

  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      g_auto (GStrv) line = g_strsplit (lines[i], " ", 3);

      begun = begun || strcmp (line[1], "mail") == 0;
      if (strcmp (line[1], "macro") == 0 || !begun)
        continue;
      g_string_append_printf (text, "%s%s%s", text->len > 0 ? " " : "", line[0], line[1]);
    }
  return g_string_free (text, FALSE);
}

#define MAIL ">mail <continue >2mail <2continue "
#define RCPT ">rcpt <continue >2rcpt <2continue "
#define DATA ">data <continue >2data <2continue "

static const struct
{
  const char *name, *scenario;
  const char *const *first, *const *second;
  MilterOutcome outcome;
  const char *report;
  const char *words;
} cases[] = {
  { "the second sees what the first one wrote",
    "session\n header X: y\n body \"hi\\r\\n\"\n eom\n => from first add-header A: 1\n => from "
    "second "
    "add-header B\n => ordered\n => only\n => result <<END\n X: y\n A: 1\n B: 2\n\n hi\n END\n",
    R ("E:hA|1|;c"),
    R ("E:hB|2|;c"),
    HELD,
    "",
    MAIL RCPT DATA ">header <continue >eoh <continue >body <continue >eom <add-header <continue "
                   ">2header <2continue >2header <2continue >2eoh <2continue >2body <2continue "
                   ">2eom <2add-header <2continue >quit >2quit" },
  { "edits are looked for at the one that is named",
    "session\n header X: y\n eom\n => from first add-header B\n => from second no add-header A\n",
    R ("E:hA|1|;c"),
    R ("E:hB|2|;c"),
    FAILED,
    "4: edits at eom / from first add-header B / add-header A: 1 from first\n",
    MAIL RCPT DATA
    ">header <continue >eoh <continue >eom <add-header <continue >2header <2continue "
    ">2header <2continue >2eoh <2continue >2eom <2add-header <2continue >quit >2quit" },
  { "who made which edit is told",
    "session\n header X: y\n eom\n => add-header C\n",
    R ("E:hA|1|;c"),
    R ("E:hB|2|;c"),
    FAILED,
    "4: edits at eom / add-header C / add-header A: 1 from first; add-header B: 2 from second\n",
    MAIL RCPT DATA
    ">header <continue >eoh <continue >eom <add-header <continue >2header <2continue >2header "
    "<2continue >2eoh <2continue >2eom <2add-header <2continue >quit >2quit" },
  { "who refuses a recipient ends the round",
    "session\n rcpt => reject\n rcpt\n data\n",
    R ("R1:r"),
    R ("Z:"),
    HELD,
    "",
    MAIL ">rcpt <reject " RCPT DATA ">quit >2quit" },
  { "the second may refuse as well",
    "session\n rcpt => reject\n data => continue\n",
    R ("Z:"),
    R ("R:r"),
    FAILED,
    "3: reply to data / continue / not reached: every recipient was refused\n",
    MAIL ">rcpt <continue >2rcpt <2reject >quit >2quit" },
  { "who refuses the message ends it for all",
    "session\n mail => from first 550\n rcpt => continue\n",
    R ("M:y550 5.7.1 x|"),
    R ("Z:"),
    FAILED,
    "3: reply to rcpt <recipient@example.net> / continue / not reached: rejected at mail by first, "
    "line 2\n",
    ">mail <550 >quit >2quit" },
  { "who accepts early is not asked any more",
    "session\n mail => from first accept\n data => from second continue\n",
    R ("M:a"),
    R ("Z:"),
    HELD,
    "",
    ">mail <accept >2mail <2continue >2rcpt <2continue >2data <2continue >quit >2quit" },
  { "accepted by the first in the middle of the content: the second sees all of it",
    "session\n header X: y\n => accept\n body \"x\"\n eom => from second tempfail\n",
    R ("L:a"),
    R ("E:t"),
    HELD,
    "",
    MAIL RCPT DATA ">header <accept >2header <2continue >2eoh <2continue >2body <2continue >2eom "
                   "<2tempfail >quit >2quit" },
  { "refused at its end by the first: the second is not asked",
    "session\n header X: y\n eom\n => from second continue\n",
    R ("E:r"),
    R ("Z:"),
    FAILED,
    "4: reply to eom from second / from second continue / not reached: an earlier milter had "
    "decided\n"
    "3: reply to eom / continue or accept / reject (no text) from first after 1 ms\n",
    MAIL RCPT DATA ">header <continue >eoh <continue >eom <reject >2abort >quit >2quit" },
  { "refused by the second while it is shown the content",
    "session\n header X: y\n eom => reject\n",
    R ("Z:"),
    R ("N:r"),
    HELD,
    "",
    MAIL RCPT DATA ">header <continue >eoh <continue >eom <continue >2header <2continue >2eoh "
                   "<2reject >quit >2quit" },
  { "the same, without an expectation",
    "session\n header X: y\n eom\n",
    R ("Z:"),
    R ("N:r"),
    FAILED,
    "3: reply to eom / continue or accept / reject (no text) from second to eoh (end of headers) "
    "after 1 ms\n",
    MAIL RCPT DATA ">header <continue >eoh <continue >eom <continue >2header <2continue >2eoh "
                   "<2reject >quit >2quit" },
  { "the second closes while it is shown the content",
    "session\n header X: y\n eom\n",
    R ("Z:"),
    R ("N:close"),
    BROKEN,
    "3: reply to eom / continue or accept / the milter second closed the connection instead of "
    "answering eoh (end of headers), after 1 ms\n",
    MAIL RCPT DATA ">header <continue >eoh <continue >eom <continue >2header <2continue >2eoh" },
  { "a line about a header of the second",
    "session\n header X: y\n => from second continue\n",
    R ("Z:"),
    R ("Z:"),
    FAILED,
    "3: reply to header X from second / from second continue / not reached: it is shown the "
    "content "
    "at the end of the message, see eom\n",
    MAIL RCPT DATA ">header <continue >quit >2quit" },
  { "both are told to leave, both have to",
    "session\n mail\n quit => closed\n",
    R ("Z:"),
    R ("Q:"),
    BROKEN,
    "3: reply to quit / closed / nothing in 30 s: the milter second did not close the connection\n",
    MAIL ">quit >2quit" },
  { "each has options of its own",
    "session\n negotiate\n => from first negotiate actions=none\n => from second negotiate "
    "actions=ADDHDRS\n mail\n rcpt\n data\n",
    R ("O:neg 6 0 8"),
    R ("O:neg 6 1 0x10000"),
    HELD,
    "",
    MAIL ">2rcpt <2continue >data <continue >2data >quit >2quit" },
  { "both answers to the negotiation have to fit",
    "session\n negotiate => negotiate actions=none\n",
    R ("Z:"),
    R ("O:neg 6 1 0"),
    FAILED,
    "2: reply to negotiate / negotiate actions=none / negotiate version=6 actions=ADDHDRS "
    "steps=none "
    "from second after 1 ms\n",
    "" },
  { "both have to be silent",
    "session\n mail\n abort => none\n",
    R ("Z:"),
    R ("A:c"),
    BROKEN,
    "3: reply to abort / none / continue from second after 1 ms: nobody asked for an answer after "
    "abort\n",
    MAIL ">abort >2abort <2continue" },
};

Test (player_chain, commands_go_to_all_the_content_to_one_after_the_other)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FakeRun) run = fake_run_chain (cases[i].scenario, cases[i].first, cases[i].second);
      g_autofree char *text = words (run);

      cr_expect_str_eq (
          run->report->str, cases[i].report, "%s:\n%s", cases[i].name, run->report->str);
      cr_expect_eq (run->outcome, cases[i].outcome, "%s", cases[i].name);
      cr_expect_str_eq (text, cases[i].words, "%s:\n%s", cases[i].name, text);
    }
}
