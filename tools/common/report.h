/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h: what a run tells: to people as text, to a CI as JUnit XML, TAP or JSON.
 *
 * A tool makes one Report, adds reporters to it, and tells it of each case, which is a session or
 * whatever else is judged as a whole. Cases may be under way at once. Each is reported as a whole:
 * as text when it ends, in the files in the order in which the cases were added. Nothing vanishes:
 * a file that does not parse, and a milter that does not start, are cases too.
 *
 *   Report *report = report_new ();
 *   report_add_file (report, "junit:report.xml", &error);
 *   report_add_text (report, report_choose_stream (report), REPORT_NORMAL, color, REPORT_NO_PROGRESS);
 *   report_begin (report, "milter-test-server");
 *
 *   ReportCase *c = report_add_case (report, "rcpt.scenario", 3, "busy mailbox");
 *   report_case_begin (c);
 *   report_case_follow (c, player);
 *   …                                          the player plays
 *   report_case_take_verdict (c, player);
 *   report_case_add_output (c, NULL, bytes);   what the milter wrote on its stderr
 *   report_case_end (c);                       c is gone
 *
 *   report_finish (report);
 *   status = report_get_status (report);
 *
 * All of it belongs to one thread. Strings are copied.
 */
#pragma once

#include "milter-player.h"
#include "tool-console.h"
#include "tool-exit.h"

G_BEGIN_DECLS

typedef struct _Report Report;
typedef struct _ReportCase ReportCase;

/* --- the run ---------------------------------------------------------------------------------- */

Report *report_new (void);
void report_free (Report *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Report, report_free)

/* how much people are told */
typedef enum
{
  REPORT_QUIET,   /* what went wrong */
  REPORT_NORMAL,  /* a line for each case, and the log of those where something went wrong */
  REPORT_VERBOSE, /* the log of each */
  REPORT_FRAMES   /* nothing but what is said: a tool tells the rest in its own way */
} ReportDetail;

/* one live line on a terminal: what is played now, how many are over */
typedef enum
{
  REPORT_NO_PROGRESS,
  REPORT_PROGRESS
} ReportProgress;

/* of -v and -q, if both were given, the former counts */
ReportDetail report_choose_detail (bool verbose, bool quiet);
void report_add_text (
    Report *report, FILE *out, ReportDetail detail, ToolColor color, ReportProgress progress);
/* One `--report FORMAT:FILE`; FORMAT is text, junit, tap, json or (of the
 * conformance suite) html, FILE `-` is the standard output.
 * The file is opened now, so that one that cannot be written is told before anything is played;
 * what stood in it before is gone. The error (G_OPTION_ERROR) is a sentence. */
bool report_add_file (Report *report, const char *spec, GError **error);
/* `--json`: the report json on the standard output, and between its lines an object for each frame, as it
 * passes. The error is a sentence. */
bool report_add_frames (Report *report, GError **error);
/* a reporter writes to the standard output: what people read belongs elsewhere */
bool report_uses_stdout (const Report *report);
/* where people read: the standard output, or the standard error if a reporter writes to that */
FILE *report_choose_stream (const Report *report);
/* `--lint=error`: a case with a warning has failed */
void report_set_lint_fails (Report *report, bool fails);
/* The cases are requirements of the conformance suite: what people read is a table of them. Before the
 * first report_add_…() */
void report_set_conformance (Report *report);
/* `--strict`: a SHOULD that does not hold has failed, and so has a known deviation that is none */
void report_set_strict (Report *report, bool strict);
/* a sentence about the run, which people read before the summary */
void report_add_note (Report *report, const char *sentence);
/* is called with each case that has ended, as they end; see report-private.h */
typedef void (*ReportCaseFunc) (const ReportCase *report_case, gpointer user_data);
void report_set_watcher (Report *report, ReportCaseFunc func, gpointer user_data);
/* what people read that cases are, one of them: `session`, if nobody says otherwise. A literal. */
void report_set_noun (Report *report, const char *noun);
/* The reporters begin. @name: of the run, as a CI shows it: `milter-test-server` */
void report_begin (Report *report, const char *name);
/* so many cases will be added, for progress; call it as often as more become known */
void report_expect_more (Report *report, guint n_cases);
/* whether something has failed or was broken so far: for --fail-fast */
bool report_has_failed (const Report *report);
/* SIGINT: the cases that have not ended were not judged, and the run is no success */
void report_interrupt (Report *report);
/* Writes the summary and completes the files; also after SIGINT. FALSE: one could not be written, and
 * that has been told; it counts in the status. Cases that have not ended are reported as unplayed. */
bool report_finish (Report *report);
/* what the cases so far amount to, files that could not be written included */
ToolExit report_get_status (const Report *report);

/* --- a case ----------------------------------------------------------------------------------- */

/* @file: (nullable) @line: 0: none. @name: of the session; copies and rounds have names of their
 * own. The order of adding is the order in files. Owned by the report; gone with report_case_end() */
ReportCase *report_add_case (Report *report, const char *file, guint line, const char *name);
/* (nullable) who says what in a chain, by number of the peer; without it there is one milter */
void report_case_set_peers (ReportCase *report_case, guint n_peers, const char *const *names);
/* it is played from now on; times count from here */
void report_case_begin (ReportCase *report_case);
/* keeps what is said in a bounded log; takes the player's trace */
void report_case_follow (ReportCase *report_case, MilterPlayer *player);
/* one message for the log, where no player is */
void report_case_add_message (ReportCase *report_case,
                              guint peer,
                              const MilterMessage *message,
                              MilterTextFlags flags,
                              gint64 now_us);
/* takes outcome, failures, reason of a skip, messages and lint from a player that is done */
void report_case_take_verdict (ReportCase *report_case, const MilterPlayer *player);
/* the messages and lint alone: the tool has dealt with what failed, and the session holds */
void report_case_take_messages (ReportCase *report_case, const MilterPlayer *player);
/* The parts of it, where no player is. The worst outcome stays. Without any of these the case held. */
void report_case_add_failure (ReportCase *report_case, const MilterFailure *failure);
void report_case_skip (ReportCase *report_case, const char *reason);
/* It could not be played, or something else went wrong that belongs to no line: one or several
 * sentences. @status: TOOL_EXIT_USAGE for a file that cannot be read, TOOL_EXIT_BROKEN for a milter
 * that did not start, or died when it was to end; TOOL_EXIT_FAILED. People read it on the standard error */
void report_case_add_problem (ReportCase *report_case, ToolExit status, const char *sentences);
/* it was not played at all: `interrupted`, `an earlier session failed` */
void report_case_leave_out (ReportCase *report_case, const char *why);
/* a rule of the protocol that an answer does not keep. @rule: its id */
void report_case_add_lint (ReportCase *report_case,
                           const MilterWhere *where,
                           const char *rule,
                           const char *sentence);
/* what the milter wrote on its stderr, shown where something went wrong. @milter: (nullable) its
 * name in a chain. Call it as often as there is something; the last 64 KiB are kept */
void report_case_add_output (ReportCase *report_case, const char *milter, MilterBytes bytes);
/* what a case of the conformance suite stands for */
typedef struct
{
  const char *id;     /* NEG-02 */
  const char *group;  /* NEG */
  const char *title;  /* of the group: negotiation */
  bool must;          /* MUST; else SHOULD */
  const char *text;   /* what is required */
  const char *source; /* (nullable) who says so */
} ReportRequirement;

void report_case_set_requirement (ReportCase *report_case, const ReportRequirement *requirement);
/* it is known not to hold, and why */
void report_case_set_deviation (ReportCase *report_case, const char *reason);
/* Takes what went wrong in a session, its notes and its log; not its warnings, nor that it was skipped. */
void report_case_absorb (ReportCase *report_case, const ReportCase *session);
/* what was said, for -v, where no player is: several lines */
void report_case_add_log (ReportCase *report_case, const char *text);
/* a line that is shown in any case: `the core lies in …`, `updated plain.golden.eml` */
void report_case_add_note (ReportCase *report_case, const char *sentence);
/* whether something has gone wrong so far: then logs are worth fetching */
bool report_case_is_bad (const ReportCase *report_case);
/* what went wrong so far, as the text report has it, for a tool that tells the rest in its own way */
void report_case_print_failures (const ReportCase *report_case, FILE *out, bool color);
/* the same of what the lint found */
void report_case_print_lint (const ReportCase *report_case, FILE *out, bool color);
/* It is over: reported, and gone. */
void report_case_end (ReportCase *report_case);

G_END_DECLS
