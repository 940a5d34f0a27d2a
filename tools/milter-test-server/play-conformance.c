/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-conformance.c: the milter against the requirements of the protocol.
 *
 * First the probe: what the milter does when it is asked. Then the cases that may hurt, one after the
 * other, with a good message behind each: before those that negotiate what changes libmilter's idea of
 * the order for all connections that follow (milter-protocol 7). Then those that cannot hurt, many at
 * once; and those after which it must hold no more than before. If the milter dies while many are played,
 * they are played again, one by one, so that it is known of which.
 */
#include "play-conformance.h"

#include <string.h>

#include "conformance-batch.h"
#include "conformance-watch.h"
#include "open-report.h"
#include "report-private.h"
#include "server-milters.h"
#include "tool-milters.h"

/* sessions at once, if nobody says otherwise */
#define DEFAULT_JOBS 16
/* a milter that has nothing to think about has answered long before */
#define DEFAULT_TIMEOUT_US (5 * G_TIME_SPAN_SECOND)
/* the one by which it is known whether QUIT is answered; cases about QUIT ask for the end by a line */
#define QUITS "quits"
/* so often the milter must have grown to have lost something */
#define STEADY_ROUNDS 4
/* What was freed is kept for a while, too, and most of all by AddressSanitizer, up to 256 MiB: a milter
 * must have grown by more to have lost it. */
#define KEPT_BY_ALLOCATORS (G_GUINT64_CONSTANT (320) * 1024 * 1024)
/* each of which has grown by conformance_watch_compare ()'s measure */
#define MAX_STEADY_ROUNDS 12
/* how long a milter may take to let go of what its last sessions held */
#define SETTLE_US (3 * G_TIME_SPAN_SECOND)
/* how long what has started a milter may take to tell that it is gone: bash, while a core is written */
#define GONE_US (5 * G_TIME_SPAN_SECOND)
/* the action that no MTA has, by which a case asks for steps (docs/conformance.md) */
#define ASKS_FOR_STEPS 0x200u

/* what the milter had done before a case */
typedef struct
{
  guint deaths;
  guint64 *output;
} Before;

static void
judged_free (gpointer data)
{
  ConformanceJudged *judged = data;

  g_free (judged->skipped);
  g_free (judged);
}

/* --- the parts of the run --------------------------------------------------------------------- */

static bool
is_wanted (const ConformanceRun *run, const ConformanceJudged *judged)
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
probe (ConformanceRun *run, ToolExit *status)
{
  const char *why;

  run->quit_answered = true;
  conformance_batch_begin (run, DEFAULT_JOBS, CONFORMANCE_BATCH_ALONE);
  conformance_batch_add_all (run, run->suite->probe, /* owner= */ NULL);
  conformance_batch_play (run);
  why = g_hash_table_lookup (run->probes, QUITS);
  run->quit_answered = why != NULL && *why != '\0';
  why = g_hash_table_lookup (run->probes, CONFORMANCE_MANDATORY);
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
    tool_error ("probe.scenario has no session \"" CONFORMANCE_MANDATORY "\"");
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
watch_case (ConformanceRun *run)
{
  return (Before){ .deaths = tool_chain_mark_problems (run->chain),
                   .output = tool_chain_mark_output (run->chain) };
}

/* TRUE: the milter has died of the case. Its sessions may have held all the same: a connection that
 * ends may be what they wait for. */
static bool
judge_death (ConformanceRun *run, ConformanceJudged *judged, Before *before)
{
  G_GNUC_UNUSED g_autofree guint64 *output = g_steal_pointer (&before->output);
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
play_alone (ConformanceRun *run, ConformanceJudged *judged)
{
  conformance_batch_begin (run, /* jobs= */ 1, CONFORMANCE_BATCH_ALONE);
  conformance_batch_add_case (run, judged);
  conformance_batch_play (run);
}

static void
play_good (ConformanceRun *run, ConformanceJudged *judged)
{
  conformance_batch_begin (run, /* jobs= */ 1, CONFORMANCE_BATCH_GOOD);
  run->is_lost = false;
  conformance_batch_add_all (run, run->suite->good, judged);
  conformance_batch_play (run);
}

static gboolean
on_nothing (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* A milter that a script has started is gone before the script is. */
static void
wait_for_death (ConformanceRun *run, const Before *before)
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
settle (ConformanceRun *run, ConformanceJudged *judged, const Before *before)
{
  play_good (run, judged);
  if (run->is_lost && tool_chain_get_pid (run->chain) != 0)
    wait_for_death (run, before);
}

/* a case, and the good message behind it in a batch of its own: copies of one session are played at
 * once. By then it is known whether the milter has died. TRUE: it has */
static bool
play_with_good (ConformanceRun *run, ConformanceJudged *judged)
{
  Before before = watch_case (run);

  play_alone (run, judged);
  if (judged->n_played > 0)
    settle (run, judged, &before);
  return judge_death (run, judged, &before);
}

static bool
is_any_in_doubt (const ConformanceRun *run)
{
  for (guint i = 0; i < run->judged->len; i++)
    if (((const ConformanceJudged *) g_ptr_array_index (run->judged, i))->again)
      return true;
  return false;
}

/* @before: they were played at once. If the milter dies of none of them, it dies of them together. */
static void
play_again (ConformanceRun *run, Before *before)
{
  G_GNUC_UNUSED g_autofree guint64 *output = g_steal_pointer (&before->output);
  guint n_deaths;

  if (!is_any_in_doubt (run))
    return;
  settle (run, /* judged= */ NULL, before);
  n_deaths = tool_chain_mark_problems (run->chain) - before->deaths;
  for (guint i = 0; i < run->judged->len && !run->interrupted; i++)
    {
      ConformanceJudged *judged = g_ptr_array_index (run->judged, i);

      if (!judged->again)
        continue;
      judged->again = !play_with_good (run, judged);
      n_deaths -= n_deaths > 0 && !judged->again;
    }
  for (guint i = 0; i < run->judged->len; i++)
    {
      ConformanceJudged *judged = g_ptr_array_index (run->judged, i);

      if (judged->again && n_deaths > 0)
        report_case_add_problem (judged->report_case,
                                 TOOL_EXIT_FAILED,
                                 "the milter has died while this was played beside others, and not "
                                 "when it was played alone");
      judged->again = false;
    }
}

static void
play_harmless (ConformanceRun *run, bool asking, guint jobs)
{
  Before before = watch_case (run);

  conformance_batch_begin (run, jobs, CONFORMANCE_BATCH_MIXED);
  for (guint i = 0; i < run->judged->len; i++)
    {
      ConformanceJudged *judged = g_ptr_array_index (run->judged, i);
      const MilterScenarioCase *entry = judged->entry->entry;

      if (is_wanted (run, judged) && !entry->hostile && !entry->steady
          && asks_for_steps (judged->entry) == asking)
        conformance_batch_add_case (run, judged);
    }
  conformance_batch_play (run);
  play_again (run, &before);
}

/* one after the other, so that it is known of whom a milter has died */
static void
play_hostile (ConformanceRun *run)
{
  for (guint i = 0; i < run->judged->len && !run->interrupted; i++)
    {
      ConformanceJudged *judged = g_ptr_array_index (run->judged, i);
      const MilterScenarioCase *entry = judged->entry->entry;

      if (is_wanted (run, judged) && entry->hostile && !entry->steady)
        play_with_good (run, judged);
    }
}

/* what a milter lets go of takes a moment */
static char *
compare_held (const ConformanceRun *run, const ConformanceHeld *before, ConformanceHeld *after)
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
play_steady_sessions (ConformanceRun *run, ConformanceJudged *judged, guint jobs)
{
  conformance_batch_begin (run, jobs, CONFORMANCE_BATCH_ALONE);
  conformance_batch_add_case (run, judged);
  conformance_batch_play (run);
  play_good (run, judged);
}

static bool
is_lost (const ConformanceHeld *first, const ConformanceHeld *last)
{
  return last->files > first->files || last->memory > first->memory + KEPT_BY_ALLOCATORS;
}

/* Threads and allocators keep what they had once: a milter that loses something grows each time. */
static void
play_steady_case (ConformanceRun *run, ConformanceJudged *judged, guint jobs)
{
  ConformanceHeld first, before, after;
  g_autofree char *problem = NULL;

  if (tool_chain_get_pid (run->chain) == 0)
    {
      judged->skipped = g_strdup ("what a milter holds is known only if --spawn starts it");
      return;
    }
  play_steady_sessions (run, judged, jobs);
  for (int round = 0; round < MAX_STEADY_ROUNDS && judged->n_played > 0; round++)
    {
      if (round >= STEADY_ROUNDS && is_lost (&first, &after))
        break;
      if (report_case_is_bad (judged->report_case)
          || !conformance_watch_measure (tool_chain_get_pid (run->chain), &before))
        return;
      if (round == 0)
        first = before;
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
play_steady (ConformanceRun *run, guint jobs)
{
  for (guint i = 0; i < run->judged->len && !run->interrupted; i++)
    {
      ConformanceJudged *judged = g_ptr_array_index (run->judged, i);
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
add_report_cases (ConformanceRun *run)
{
  for (guint i = 0; i < run->suite->cases->len; i++)
    {
      ConformanceJudged *judged = g_new0 (ConformanceJudged, 1);

      judged->entry = g_ptr_array_index (run->suite->cases, i);
      judged->report_case = conformance_case_add_to (judged->entry, run->report);
      g_ptr_array_add (run->judged, judged);
      g_hash_table_insert (run->by_id, judged->entry->entry->id, judged);
    }
  report_expect_more (run->report, run->judged->len);
}

static void
end_report_cases (ConformanceRun *run)
{
  for (guint i = 0; i < run->judged->len; i++)
    {
      ConformanceJudged *judged = g_ptr_array_index (run->judged, i);

      if (judged->n_findings > CONFORMANCE_MAX_FINDINGS)
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
note_quit (const ConformanceRun *run)
{
  if (run->quit_answered)
    report_add_note (run->report,
                     "the milter answers quit: the cases of QUI tell it, the others pass over it");
}

static void
note_held (const ConformanceRun *run, const ConformanceHeld *before)
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
play_all (ConformanceRun *run, guint jobs)
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
  ConformanceRun run = { .options = *options,
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
