/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-conformance.c: the milter against the requirements of the protocol.
 *
 * First the probe: what the milter does when it is asked. Then the cases that may hurt, one after the
 * other, with a good message behind each: before those that negotiate what changes libmilter's idea of
 * the order for all connections that follow (milter-protocol 7). Then those that cannot hurt, many at
 * once; and those after which it must hold no more than before. Each session is reported to us as it
 * ends, and counts for the case that it belongs to; what the lint finds in it counts for the case that
 * has the rule's id. If the milter dies while many are played, they are played again, one by one, so
 * that it is known of which.
 */
#include "play-conformance.h"

#include <string.h>

#include "conformance-suite.h"
#include "conformance-watch.h"
#include "open-report.h"
#include "report-private.h"
#include "run-all.h"
#include "server-milters.h"
#include "tool-milters.h"

/* sessions at once, if nobody says otherwise */
#define DEFAULT_JOBS 16
/* a milter that has nothing to think about has answered long before */
#define DEFAULT_TIMEOUT_US (5 * G_TIME_SPAN_SECOND)
/* the session of the probe without which nothing can be told */
#define MANDATORY "passes"
/* the one by which it is known whether QUIT is answered; cases about QUIT ask for the end by a line */
#define QUITS "quits"
/* so often the milter must have grown to have lost something */
#define STEADY_ROUNDS 4
/* how long a milter may take to let go of what its last sessions held */
#define SETTLE_US (3 * G_TIME_SPAN_SECOND)
/* how long what has started a milter may take to tell that it is gone: bash, while a core is written */
#define GONE_US (5 * G_TIME_SPAN_SECOND)
/* the rule that a milter does not close instead of answering */
#define CLOSED_INSTEAD "REP-10"
/* the action that no MTA has, by which a case asks for steps (docs/conformance.md) */
#define ASKS_FOR_STEPS 0x200u
/* of what the lint finds, so much is told of one rule */
#define MAX_FINDINGS 5

/* a case, and what has become of it so far */
typedef struct
{
  const ConformanceCase *entry;
  ReportCase *report_case; /* unowned */
  guint n_played;          /* sessions that were not skipped */
  char *skipped;           /* (nullable) why the first one was */
  guint n_findings;
  bool again;              /* the milter has died while it was played beside others */
} Judged;

/* sessions that are played together, and whose they are: NULL, the probe's */
typedef struct
{
  RunAll *all;
  Report *report;
  GPtrArray *owners;  /* of Judged, unowned; by the number of the session's case */
  bool mixed;          /* of many cases at once */
  bool good;           /* of the good message */
  guint deaths_before; /* of the milter */
} Batch;

/* what the milter had done before a case */
typedef struct
{
  guint deaths;
  guint64 *output;
} Before;

typedef struct
{
  ServerOptions options; /* the command line's, with what the suite wants else; owns nothing */
  const ConformanceSuite *suite;
  ToolChain *chain;
  Report *report;
  GPtrArray *judged;   /* of Judged, in the order of the cases */
  GHashTable *by_id;   /* of char * to Judged */
  GHashTable *probes;  /* of char * to char *: "", or why the milter does not do it */
  Batch *batch;        /* the present one */
  bool quit_answered;   /* one wrong answer shall not hide all others */
  bool is_lost;         /* the last good message had no answer */
  bool is_out_of_reach; /* the probe could not reach the milter, or it broke the protocol there */
  bool interrupted;
} Run;

static void
judged_free (gpointer data)
{
  Judged *judged = data;

  g_free (judged->skipped);
  g_free (judged);
}

/* --- what sessions amount to ------------------------------------------------------------------ */

/* what came, in one sentence */
static char *
summarise (const ReportCase *session)
{
  const MilterFailure *failure;

  if (session->problems != NULL)
    return g_strndup (session->problems->str, strcspn (session->problems->str, "\n"));
  if (session->failures->len == 0)
    return g_strdup ("nothing is known");
  failure = &((const ReportFailure *) g_ptr_array_index (session->failures, 0))->failure;
  if (failure->expected == NULL)
    return g_strdup_printf ("%s: %s", failure->what, failure->got != NULL ? failure->got : "nothing");
  return g_strdup_printf ("%s: expected %s, got %s",
                          failure->what,
                          failure->expected,
                          failure->got != NULL ? failure->got : "nothing");
}

static void
judge_probe (Run *run, const ReportCase *session)
{
  g_autofree char *what = NULL;
  char *why;

  if (session->outcome == MILTER_OUTCOME_HELD)
    why = g_strdup ("");
  else if (session->outcome == MILTER_OUTCOME_SKIPPED)
    why = g_strdup (session->skip_reason);
  else
    {
      what = summarise (session);
      why = strcmp (session->name, MANDATORY) == 0
                ? g_strdup (what)
                : g_strdup_printf ("the milter does not help with \"%s\" (%s)", session->name, what);
    }
  if (strcmp (session->name, MANDATORY) == 0)
    run->is_out_of_reach = session->outcome == MILTER_OUTCOME_BROKEN;
  g_hash_table_replace (run->probes, g_strdup (session->name), why);
}

/* a rule of the protocol, whoever's session it was broken in */
static void
take_finding (Run *run, Judged *owner, const ReportLint *lint)
{
  Judged *judged = g_hash_table_lookup (run->by_id, lint->rule);
  g_autofree char *what = g_strdup_printf ("rule %s", lint->rule);
  MilterFailure failure = { .outcome = MILTER_OUTCOME_FAILED,
                            .where = lint->where,
                            .what = what,
                            .got = lint->sentence };

  if (judged == NULL)
    {
      /* where a milter may close a hostile case says itself */
      if (owner != NULL
          && !(owner->entry->entry->hostile && strcmp (lint->rule, CLOSED_INSTEAD) == 0))
        report_case_add_lint (owner->report_case, &lint->where, lint->rule, lint->sentence);
      return;
    }
  failure.expected = judged->entry->entry->text;
  if (judged->n_findings++ < MAX_FINDINGS)
    report_case_add_failure (judged->report_case, &failure);
}

/* so often has the milter died since the batch began */
static guint
count_deaths (const Run *run)
{
  return tool_chain_mark_problems (run->chain) - run->batch->deaths_before;
}

/* the milter was gone; what tells that it has died may come later */
static bool
was_left (const ReportCase *session)
{
  for (guint i = 0; i < session->lints->len; i++)
    if (strcmp (((const ReportLint *) g_ptr_array_index (session->lints, i))->rule, CLOSED_INSTEAD) == 0)
      return true;
  for (guint i = 0; i < session->failures->len; i++)
    if (g_str_has_prefix (((const ReportFailure *) g_ptr_array_index (session->failures, i))->failure.what,
                          "connection to "))
      return true;
  return false;
}

/* of which of those that were played at once has it died? */
static bool
is_in_doubt (const Run *run, const ReportCase *session)
{
  if (!run->batch->mixed || session->outcome == MILTER_OUTCOME_HELD
      || session->outcome == MILTER_OUTCOME_SKIPPED)
    return false;
  return count_deaths (run) > 0
         || (tool_chain_get_pid (run->chain) != 0 && was_left (session));
}

static void
on_session_ended (const ReportCase *session, gpointer user_data)
{
  Run *run = user_data;
  Judged *owner = g_ptr_array_index (run->batch->owners, session->number - 1);

  if (run->batch->good)
    run->is_lost = session->outcome == MILTER_OUTCOME_BROKEN;
  if (owner == NULL && run->batch->good)
    return;
  if (owner == NULL)
    judge_probe (run, session);
  else if (is_in_doubt (run, session))
    owner->again = true;
  else if (session->outcome == MILTER_OUTCOME_SKIPPED && owner->skipped == NULL)
    owner->skipped = g_strdup (session->skip_reason);
  else if (session->outcome != MILTER_OUTCOME_SKIPPED)
    {
      owner->n_played++;
      report_case_absorb (owner->report_case, session);
    }
  for (guint i = 0; i < session->lints->len; i++)
    take_finding (run, owner, g_ptr_array_index (session->lints, i));
}

/* --- batches ---------------------------------------------------------------------------------- */

static Batch *
batch_new (Run *run, guint jobs)
{
  Batch *batch = g_new0 (Batch, 1);

  run->options.jobs = jobs;
  run->batch = batch;
  batch->report = report_new ();
  batch->owners = g_ptr_array_new ();
  batch->deaths_before = tool_chain_mark_problems (run->chain);
  report_set_watcher (batch->report, on_session_ended, run);
  batch->all = run_all_new (&run->options, batch->report);
  run_all_keep_milters (batch->all);
  run_all_set_probes (batch->all, run->probes);
  if (run->quit_answered)
    run_all_let_answer_quit (batch->all);
  return batch;
}

static void
add_session (Run *run,
             const MilterScenario *scenario,
             const MilterScenarioSession *session,
             Judged *owner)
{
  run_all_add_session (run->batch->all, scenario, session, run->chain);
  for (guint n = MAX (session->repeat, 1) * MAX (session->parallel, 1); n > 0; n--)
    g_ptr_array_add (run->batch->owners, owner);
}

static void
add_case (Run *run, Judged *judged)
{
  const ConformanceCase *entry = judged->entry;

  for (guint i = 0; i < entry->sessions->len; i++)
    add_session (run, entry->scenario, g_ptr_array_index (entry->sessions, i), judged);
}

static void
add_all (Run *run, const MilterScenario *scenario, Judged *owner)
{
  for (guint i = 0; i < scenario->sessions->len; i++)
    add_session (run, scenario, g_ptr_array_index (scenario->sessions, i), owner);
}

/* plays it, and is gone */
static void
batch_play (Run *run)
{
  Batch *batch = g_steal_pointer (&run->batch);

  if (batch->owners->len > 0 && !run->interrupted)
    {
      run->batch = batch;
      run_all_play (batch->all);
      run->batch = NULL;
      run->interrupted = run_all_is_interrupted (batch->all);
    }
  run_all_free (batch->all);
  report_free (batch->report);
  g_ptr_array_unref (batch->owners);
  g_free (batch);
}

/* --- the parts of the run --------------------------------------------------------------------- */

static bool
is_wanted (const Run *run, const Judged *judged)
{
  return !judged->entry->entry->slow || run->options.slow;
}

static guint
get_jobs (const ServerOptions *options)
{
  return options->jobs > 0 ? options->jobs : DEFAULT_JOBS;
}

/* FALSE: nothing can be told of this milter; it has been said why */
static bool
probe (Run *run, ToolExit *status)
{
  const char *why;

  run->quit_answered = true;
  batch_new (run, DEFAULT_JOBS);
  add_all (run, run->suite->probe, /* owner= */ NULL);
  batch_play (run);
  why = g_hash_table_lookup (run->probes, QUITS);
  run->quit_answered = why != NULL && *why != '\0';
  why = g_hash_table_lookup (run->probes, MANDATORY);
  *status = run->is_out_of_reach ? TOOL_EXIT_BROKEN : TOOL_EXIT_FAILED;
  if (why != NULL && *why == '\0')
    return true;
  if (run->interrupted)
    return false;
  if (why != NULL && run->is_out_of_reach)
    tool_error ("the milter cannot be tested: %s", why);
  else if (why != NULL)
    tool_error ("a message that should pass did not: %s; -D sender=ADDRESS and -D recipient=ADDRESS "
                "name others",
                why);
  else
    tool_error ("probe.scenario has no session \"" MANDATORY "\"");
  return false;
}

/* Whether it asks for steps: a libmilter program that negotiates NO… steps on one connection takes
 * commands out of order on all (milter-protocol 7). */
static bool
asks_for_steps (const ConformanceCase *entry)
{
  for (guint i = 0; i < entry->sessions->len; i++)
    {
      const MilterScenarioSession *session = g_ptr_array_index (entry->sessions, i);

      for (guint s = 0; s < session->steps->len; s++)
        if (((const MilterStep *) g_ptr_array_index (session->steps, s))->negotiate.actions.set
            & ASKS_FOR_STEPS)
          return true;
    }
  return false;
}

static Before
watch_case (Run *run)
{
  return (Before){ .deaths = tool_chain_mark_problems (run->chain),
                   .output = tool_chain_mark_output (run->chain) };
}

/* TRUE: the milter has died of the case. Its sessions may have held all the same: a connection that
 * ends may be what they wait for. */
static bool
judge_death (Run *run, Judged *judged, Before *before)
{
  g_autofree guint64 *output = g_steal_pointer (&before->output);
  g_autofree char *problems = tool_chain_get_problems (run->chain, before->deaths);
  g_autofree char *sentence = NULL;

  if (problems == NULL)
    return false;
  sentence = g_strdup_printf ("the milter has died: %s", problems);
  report_case_add_problem (judged->report_case, TOOL_EXIT_BROKEN, sentence);
  if (judged->report_case->outputs->len == 0)
    tool_chain_add_output (run->chain, output, judged->report_case);
  return true;
}

static void
play_alone (Run *run, Judged *judged)
{
  batch_new (run, /* jobs= */ 1);
  add_case (run, judged);
  batch_play (run);
}

static void
play_good (Run *run, Judged *judged)
{
  batch_new (run, /* jobs= */ 1);
  run->batch->good = true;
  run->is_lost = false;
  add_all (run, run->suite->good, judged);
  batch_play (run);
}

static gboolean
on_nothing (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* A milter that a script has started is gone before the script is. */
static void
wait_for_death (Run *run, const Before *before)
{
  gint64 deadline_us = g_get_monotonic_time () + GONE_US;
  guint tick = g_timeout_add (20, on_nothing, /* data= */ NULL);

  while (tool_chain_mark_problems (run->chain) == before->deaths
         && g_get_monotonic_time () < deadline_us)
    g_main_context_iteration (/* context= */ NULL, /* may_block= */ TRUE);
  g_source_remove (tick);
}

/* a good message; if it has no answer, until it is known that the milter is gone */
static void
settle (Run *run, Judged *judged, const Before *before)
{
  play_good (run, judged);
  if (run->is_lost && tool_chain_get_pid (run->chain) != 0)
    wait_for_death (run, before);
}

/* a case, and the good message behind it in a batch of its own: copies of one session are played at
 * once. By then it is known whether the milter has died. TRUE: it has */
static bool
play_with_good (Run *run, Judged *judged)
{
  Before before = watch_case (run);

  play_alone (run, judged);
  if (judged->n_played > 0)
    settle (run, judged, &before);
  return judge_death (run, judged, &before);
}

static bool
is_any_in_doubt (const Run *run)
{
  for (guint i = 0; i < run->judged->len; i++)
    if (((const Judged *) g_ptr_array_index (run->judged, i))->again)
      return true;
  return false;
}

/* @before: they were played at once. If the milter dies of none of them, it dies of them together. */
static void
play_again (Run *run, Before *before)
{
  g_autofree guint64 *output = g_steal_pointer (&before->output);
  guint n_deaths;

  if (!is_any_in_doubt (run))
    return;
  settle (run, /* judged= */ NULL, before);
  n_deaths = tool_chain_mark_problems (run->chain) - before->deaths;
  for (guint i = 0; i < run->judged->len && !run->interrupted; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);

      if (!judged->again)
        continue;
      judged->again = !play_with_good (run, judged);
      n_deaths -= n_deaths > 0 && !judged->again;
    }
  for (guint i = 0; i < run->judged->len; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);

      if (judged->again && n_deaths > 0)
        report_case_add_problem (judged->report_case,
                                 TOOL_EXIT_FAILED,
                                 "the milter has died while this was played beside others, and not "
                                 "when it was played alone");
      judged->again = false;
    }
}

static void
play_harmless (Run *run, bool asking, guint jobs)
{
  Before before = watch_case (run);

  batch_new (run, jobs);
  run->batch->mixed = true;
  for (guint i = 0; i < run->judged->len; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);
      const MilterScenarioCase *entry = judged->entry->entry;

      if (is_wanted (run, judged) && !entry->hostile && !entry->steady
          && asks_for_steps (judged->entry) == asking)
        add_case (run, judged);
    }
  batch_play (run);
  play_again (run, &before);
}

/* one after the other, so that it is known of whom a milter has died */
static void
play_hostile (Run *run)
{
  for (guint i = 0; i < run->judged->len && !run->interrupted; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);
      const MilterScenarioCase *entry = judged->entry->entry;

      if (is_wanted (run, judged) && entry->hostile && !entry->steady)
        play_with_good (run, judged);
    }
}

/* what a milter lets go of takes a moment */
static char *
compare_held (const Run *run, const ConformanceHeld *before, ConformanceHeld *after)
{
  gint64 deadline_us = g_get_monotonic_time () + SETTLE_US;
  char *problem = NULL;

  do
    {
      g_clear_pointer (&problem, g_free);
      if (!conformance_watch_measure (tool_chain_get_pid (run->chain), after))
        return g_strdup ("the milter is gone");
      problem = conformance_watch_compare (before, after);
      if (problem != NULL)
        g_usleep (20 * G_TIME_SPAN_MILLISECOND);
    }
  while (problem != NULL && g_get_monotonic_time () < deadline_us);
  return problem;
}

static void
play_steady_sessions (Run *run, Judged *judged, guint jobs)
{
  batch_new (run, jobs);
  add_case (run, judged);
  batch_play (run);
  play_good (run, judged);
}

/* Threads and allocators keep what they had once: a milter that loses something grows each time. */
static void
play_steady_case (Run *run, Judged *judged, guint jobs)
{
  ConformanceHeld before = { 0 }, after;
  g_autofree char *problem = NULL;

  if (tool_chain_get_pid (run->chain) == 0)
    {
      judged->skipped = g_strdup ("what a milter holds is known only if --spawn starts it");
      return;
    }
  play_steady_sessions (run, judged, jobs);
  for (int round = 0; round < STEADY_ROUNDS && judged->n_played > 0; round++)
    {
      if (report_case_is_bad (judged->report_case)
          || !conformance_watch_measure (tool_chain_get_pid (run->chain), &before))
        return;
      play_steady_sessions (run, judged, jobs);
      g_free (problem);
      problem = compare_held (run, &before, &after);
      if (problem == NULL)
        return;
    }
  if (problem != NULL)
    report_case_add_problem (judged->report_case, TOOL_EXIT_FAILED, problem);
}

static void
play_steady (Run *run, guint jobs)
{
  for (guint i = 0; i < run->judged->len && !run->interrupted; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);
      Before before;

      if (!is_wanted (run, judged) || !judged->entry->entry->steady)
        continue;
      before = watch_case (run);
      play_steady_case (run, judged, jobs);
      judge_death (run, judged, &before);
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

static void
add_report_cases (Run *run)
{
  for (guint i = 0; i < run->suite->cases->len; i++)
    {
      Judged *judged = g_new0 (Judged, 1);

      judged->entry = g_ptr_array_index (run->suite->cases, i);
      judged->report_case = conformance_case_add_to (judged->entry, run->report);
      g_ptr_array_add (run->judged, judged);
      g_hash_table_insert (run->by_id, judged->entry->entry->id, judged);
    }
  report_expect_more (run->report, run->judged->len);
}

static void
end_report_cases (Run *run)
{
  for (guint i = 0; i < run->judged->len; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);

      if (judged->n_findings > MAX_FINDINGS)
        {
          g_autofree char *note
              = g_strdup_printf ("seen %u times in all", judged->n_findings);

          report_case_add_note (judged->report_case, note);
        }
      if (run->interrupted && judged->n_played == 0)
        report_case_leave_out (judged->report_case, "interrupted");
      else if (!is_wanted (run, judged))
        report_case_skip (judged->report_case, "it waits for long: --slow plays it");
      else if (judged->n_played == 0)
        report_case_skip (judged->report_case,
                          judged->skipped != NULL ? judged->skipped : "no session was played");
      else if (judged->skipped != NULL)
        {
          g_autofree char *note = g_strdup_printf ("in part: %s", judged->skipped);

          report_case_add_note (judged->report_case, note);
        }
      report_case_end (judged->report_case);
    }
}

static void
note_quit (const Run *run)
{
  if (run->quit_answered)
    report_add_note (run->report,
                     "the milter answers quit: the cases of QUI tell it, the others pass over it");
}

static void
note_held (const Run *run, const ConformanceHeld *before)
{
  ConformanceHeld after;
  g_autofree char *note = NULL;

  if (before->files == 0 || !conformance_watch_measure (tool_chain_get_pid (run->chain), &after))
    return;
  note = g_strdup_printf ("the milter: %u open files before, %u after; %.1f MiB of memory before, %.1f after",
                          before->files,
                          after.files,
                          (double) before->memory / (1024 * 1024),
                          (double) after.memory / (1024 * 1024));
  report_add_note (run->report, note);
}

static ToolExit
play_all (Run *run, guint jobs)
{
  ConformanceHeld before = { 0 };
  ToolExit status;

  if (!probe (run, &status))
    return status;
  conformance_watch_measure (tool_chain_get_pid (run->chain), &before);
  add_report_cases (run);
  report_begin (run->report, g_get_prgname ());
  play_hostile (run);
  play_harmless (run, /* asking= */ false, jobs);
  play_harmless (run, /* asking= */ true, jobs);
  play_steady (run, jobs);
  end_report_cases (run);
  note_quit (run);
  note_held (run, &before);
  if (run->interrupted)
    report_interrupt (run->report);
  report_finish (run->report);
  return report_get_status (run->report);
}

/* a report is read by who did not start the run */
static void
note_milter (Report *report, const ServerOptions *options)
{
  for (guint i = 0; i < options->milters->len; i++)
    {
      const ServerMilter *milter = g_ptr_array_index (options->milters, i);
      g_autofree char *note
          = g_strdup_printf ("tested: %s %s", milter->is_command ? "--spawn" : "-s", milter->text);

      report_add_note (report, note);
    }
}

static Report *
make_report (const ServerOptions *options)
{
  Report *report = open_report (options);

  if (report == NULL)
    return NULL;
  report_set_strict (report, options->strict);
  note_milter (report, options);
  open_report_add_text (report, options);
  return report;
}

static ToolExit
play (const ConformanceSuite *suite, gconstpointer user_data)
{
  const ServerOptions *options = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (Report) report = make_report (options);
  g_autoptr (ToolChain) chain = server_milters_make (options, &error);
  g_autoptr (GPtrArray) judged = g_ptr_array_new_with_free_func (judged_free);
  g_autoptr (GHashTable) by_id = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) probes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  Run run = { .options = *options,
              .suite = suite,
              .chain = chain,
              .report = report,
              .judged = judged,
              .by_id = by_id,
              .probes = probes };
  ToolExit status = TOOL_EXIT_BROKEN;

  if (report == NULL)
    return TOOL_EXIT_USAGE;
  if (chain == NULL)
    {
      tool_usage_error ("%s", error->message);
      return TOOL_EXIT_USAGE;
    }
  /* rules of the protocol are cases, too */
  run.options.lint = SERVER_LINT_WARN;
  run.options.fail_fast = false;
  if (run.options.timeout_us < 0)
    run.options.timeout_us = DEFAULT_TIMEOUT_US;
  if (tool_milters_start (chain, &run.interrupted))
    status = play_all (&run, get_jobs (options));
  return tool_exit_worse (status, tool_milters_stop (chain));
}

ToolExit
play_conformance (const ServerOptions *options)
{
  const ConformanceSource source = { .use = MILTER_SCENARIO_SESSIONS,
                                     .list = options->list,
                                     .paths = options->paths,
                                     .variables = options->variables,
                                     .deviations = options->deviations,
                                     .filter = options->filter };

  return conformance_suite_use (&source, play, options);
}
