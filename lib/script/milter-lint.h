/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint.h: whether a milter keeps the rules of the protocol, also where no scenario asks.
 *
 * A MilterLint is shown all that passes between an MTA and its milters, in order, and keeps what
 * breaks a rule. Each rule has an id, as MOD-05, under which docs/lint.md explains it. It has no
 * socket and no clock, and changes nothing of what it is shown.
 */
#pragma once

#include "milter-message.h"
#include "milter-scenario.h"

G_BEGIN_DECLS

/**
 * MilterLintSeverity:
 * @MILTER_LINT_MUST: an MTA refuses it, mangles it, or loses track of the session
 * @MILTER_LINT_SHOULD: some MTA, or the recipient, makes something else of it than was meant
 */
typedef enum
{
  MILTER_LINT_MUST,
  MILTER_LINT_SHOULD
} MilterLintSeverity;

/**
 * MilterLintRule:
 * @id: as "MOD-05"
 * @severity: how bad it is
 * @source: the section of docs/protocol.md, or the RFC, that says so
 * @summary: what a milter does that keeps the rule
 * @effect: what MTAs do with one that does not
 */
typedef struct
{
  const char *id;
  MilterLintSeverity severity;
  const char *source;
  const char *summary;
  const char *effect;
} MilterLintRule;

/* the rules in the order of the document; NULL behind the last one */
const MilterLintRule *milter_lint_get_rule (guint n);
/* "MUST", "SHOULD" */
const char *milter_lint_severity_to_string (MilterLintSeverity severity);

/**
 * MilterLintFinding:
 * @rule: which one was broken
 * @peer: by whom
 * @where: the line of the scenario that was played then; line 0: none
 * @what: what came, as a clause: `add-header "X:Y" has a colon in the name`
 * @count: how often at this line (@what is the first one)
 */
typedef struct
{
  const MilterLintRule *rule;
  guint peer;
  MilterWhere where;
  char *what;
  guint count;
} MilterLintFinding;

/* "add-header … has a colon in its name; the field is read as another one … (3 times)" (transfer full) */
char *milter_lint_finding_to_string (const MilterLintFinding *finding);

typedef struct _MilterLint MilterLint;

/* @over_tcp: (nullable): of each peer, whether TCP lies between; else a unix socket, which knows
 * neither Nagle's algorithm nor delayed acknowledgements */
MilterLint *milter_lint_new (guint n_peers, const gboolean *over_tcp);
void milter_lint_free (MilterLint *lint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterLint, milter_lint_free)

/* A frame passed, in either direction. @where: (nullable) the line that is played; its file name must
 * outlive the lint. */
void milter_lint_frame (MilterLint *lint,
                        guint peer,
                        const MilterMessage *message,
                        const MilterWhere *where,
                        gint64 now_us);
/* bytes were sent that are no frame of the protocol, or frames not whole or not in time: from here on
 * nothing is said about which answers are due, and when */
void milter_lint_raw (MilterLint *lint, guint peer);
/* the milter sent bytes that cannot be read as a frame; @why: what is wrong with them */
void milter_lint_garbage (MilterLint *lint,
                          guint peer,
                          const char *why,
                          const MilterWhere *where);
/* The milter closed its connection. @leftover: what there is of an unfinished frame. A frame that
 * comes after this is one of a new connection. */
void milter_lint_ended (MilterLint *lint,
                        guint peer,
                        MilterBytes leftover,
                        const MilterWhere *where);
/* the session is over: what can only be told from all of it. Twice is harmless. */
void milter_lint_finish (MilterLint *lint);

/* of MilterLintFinding, in the order in which they were found (transfer none) */
const GPtrArray *milter_lint_get_findings (const MilterLint *lint);

G_END_DECLS
