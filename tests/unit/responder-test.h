/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * responder-test.h: an MTA that says what a table holds, and what a responder does, as text. Only
 * for the tests of rules.
 */
#pragma once

#include "milter-responder.h"

G_BEGIN_DECLS

/* Rules, and what answers them. @rules: the text of a scenario. */
typedef struct
{
  GPtrArray *scenarios;
  MilterRuleBook *book;
} ResponderRun;

void responder_run_init (ResponderRun *run, const char *rules);
void responder_run_clear (ResponderRun *run);

/* One connection. @events: frames, one a line: the letter and the payload, in which `|` stands for
 * NUL and `^` for a line end; "O" alone is the offer of today's MTAs; "close" is the end of the
 * connection. (transfer full) a line for each of them: "-" if the milter does what it always does,
 * else what is done, in order: "[hX|yes|][c]" is a write of two frames, "(…)" one of bytes that are
 * not whole frames, in hexadecimal; "wait 200", "close", "pause". */
char *responder_run_play (ResponderRun *run, const char *events);

/* (transfer full) the verdicts, a line for each that failed: "1: what | expected | got" */
char *responder_run_judge (ResponderRun *run);
/* what one connection does by these rules */
typedef struct
{
  const char *rules;
  const char *events;
  const char *done;
} ResponderRow;

void responder_check (const ResponderRow *rows, gsize n_rows);
#define RESPONDER_CHECK(rows) responder_check (rows, G_N_ELEMENTS (rows))

G_END_DECLS
