/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-batch.c: see conformance-batch.h.
 */
#include "conformance-batch.h"

#include <string.h>

#include "report-private.h"
#include "run-all.h"

/* the rule that a milter does not close instead of answering */
#define CLOSED_INSTEAD "REP-10"

/* sessions that are played together, and whose they are: NULL, the probe's */
struct _ConformanceBatch
{
  RunAll *all;
  Report *report;
  GPtrArray *owners; /* of ConformanceJudged, unowned; by the number of the session's case */
  ConformanceBatchKind kind;
  guint deaths_before; /* of the milter */
};

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
judge_probe (ConformanceRun *run, const ReportCase *session)
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
      why = strcmp (session->name, CONFORMANCE_MANDATORY) == 0
                ? g_strdup (what)
                : g_strdup_printf ("the milter does not help with \"%s\" (%s)", session->name, what);
    }
  if (strcmp (session->name, CONFORMANCE_MANDATORY) == 0)
    run->is_out_of_reach = session->outcome == MILTER_OUTCOME_BROKEN;
  g_hash_table_replace (run->probes, g_strdup (session->name), why);
}

/* a rule of the protocol, whoever's session it was broken in */
static void
take_finding (ConformanceRun *run, ConformanceJudged *owner, const ReportLint *lint)
{
  ConformanceJudged *judged = g_hash_table_lookup (run->by_id, lint->rule);
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
  if (judged->n_findings++ < CONFORMANCE_MAX_FINDINGS)
    report_case_add_failure (judged->report_case, &failure);
}

/* so often has the milter died since the batch began */
static guint
count_deaths (const ConformanceRun *run)
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
is_in_doubt (const ConformanceRun *run, const ReportCase *session)
{
  if (run->batch->kind != CONFORMANCE_BATCH_MIXED || session->outcome == MILTER_OUTCOME_HELD
      || session->outcome == MILTER_OUTCOME_SKIPPED)
    return false;
  return count_deaths (run) > 0
         || (tool_chain_get_pid (run->chain) != 0 && was_left (session));
}

static void
on_session_ended (const ReportCase *session, gpointer user_data)
{
  ConformanceRun *run = user_data;
  ConformanceJudged *owner = g_ptr_array_index (run->batch->owners, session->number - 1);

  if (run->batch->kind == CONFORMANCE_BATCH_GOOD)
    run->is_lost = session->outcome == MILTER_OUTCOME_BROKEN;
  if (owner == NULL && run->batch->kind == CONFORMANCE_BATCH_GOOD)
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

/* --- sessions that are played together -------------------------------------------------------- */

void
conformance_batch_begin (ConformanceRun *run, guint jobs, ConformanceBatchKind kind)
{
  ConformanceBatch *batch = g_new0 (ConformanceBatch, 1);

  run->options.jobs = jobs;
  run->batch = batch;
  batch->kind = kind;
  batch->report = report_new ();
  batch->owners = g_ptr_array_new ();
  batch->deaths_before = tool_chain_mark_problems (run->chain);
  report_set_watcher (batch->report, on_session_ended, run);
  batch->all = run_all_new (&run->options, batch->report);
  run_all_keep_milters (batch->all);
  run_all_set_probes (batch->all, run->probes);
  if (run->quit_answered)
    run_all_let_answer_quit (batch->all);
}

static void
add_session (ConformanceRun *run,
             const MilterScenario *scenario,
             const MilterScenarioSession *session,
             ConformanceJudged *owner)
{
  run_all_add_session (run->batch->all, scenario, session, run->chain);
  for (guint n = MAX (session->repeat, 1) * MAX (session->parallel, 1); n > 0; n--)
    g_ptr_array_add (run->batch->owners, owner);
}

void
conformance_batch_add_case (ConformanceRun *run, ConformanceJudged *judged)
{
  const ConformanceCase *entry = judged->entry;

  for (guint i = 0; i < entry->sessions->len; i++)
    add_session (run, entry->scenario, g_ptr_array_index (entry->sessions, i), judged);
}

void
conformance_batch_add_all (ConformanceRun *run,
                           const MilterScenario *scenario,
                           ConformanceJudged *owner)
{
  for (guint i = 0; i < scenario->sessions->len; i++)
    add_session (run, scenario, g_ptr_array_index (scenario->sessions, i), owner);
}

void
conformance_batch_play (ConformanceRun *run)
{
  ConformanceBatch *batch = g_steal_pointer (&run->batch);

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
