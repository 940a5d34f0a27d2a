/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-peer.h: plays a scenario against milters that exist in memory only, with a clock that is a
 * number.
 */
#pragma once

#include "milter-player.h"

/*
 * A milter is a list of rules, ended by NULL: `LETTER[N]:ITEM;ITEM…`: what it does when the (Nth)
 * command with this letter comes; `+:` when the connection is made. Without a rule it continues
 * what is answered, closes after QUIT, and answers the offer with version 6 and nothing else. An
 * item: `c`            a frame with that letter, no payload `hX-A|v|`      letter and payload; a
 * bar is a NUL `neg V A S …`  an answer to the offer: numbers, then packed symbol lists as
 * `STAGE=NAMES` `frames N F`   the frame F, N times
 *   `@MS`          from here on MS milliseconds later (each item takes 1 ms by itself)
 *   `close` `reset` `raw:BYTES`
 *   an empty list  is silent
 * `R~TEXT:` is a rule for a command with that text in it; in those without arguments it is looked for
 * in the sender. `%:` makes a milter that drops what belongs to a message that it has decided, as
 * libmilter does.
 * `?:` makes a player that lets it answer QUIT.
 * `&:` makes one that takes no time for an item, so that all answers come at once.
 * `/:` is what it does when it is told nothing more (half-close): it closes, if no rule says
 * otherwise. What the player does to the connection is said as `= reset`; it passes a barrier
 * after 50 ms.
 */
typedef struct
{
  MilterOutcome outcome;
  GString *report; /* a line for each failure: `LINE: WHAT / EXPECTED / GOT` */
  GString *said;   /* all frames in order: `> mail <a>` and `< continue`, `>2 …` for the second */
  GString *last;   /* `last` of the first failure */
  GByteArray *sent; /* what went to the first peer */
  gint64 now_us;   /* when it was over */
  guint n_writes;
  gsize n_bytes, largest; /* written; in one write */
  guint n_closed; /* CLOSE actions */
  MilterPlayer *player;
  MilterScenario *scenario;
} FakeRun;

/* a table of sessions: what is written, what the milter does, and what comes of it */
typedef struct
{
  const char *name;
  const char *scenario;
  const char *const *rules;
  MilterOutcome outcome;
  const char *report;
} FakeCase;

#define FAKE_RULES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define HELD            MILTER_OUTCOME_HELD
#define FAILED          MILTER_OUTCOME_FAILED
#define BROKEN          MILTER_OUTCOME_BROKEN

void fake_check (const FakeCase *cases, gsize n);
FakeRun *fake_run (const char *scenario, const char *const *rules);
/* a chain of two, called first and second */
FakeRun *fake_run_chain (const char *scenario, const char *const *first, const char *const *second);
/* the peer cannot be reached */
FakeRun *fake_run_unreachable (const char *scenario);
void fake_run_free (FakeRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeRun, fake_run_free)
