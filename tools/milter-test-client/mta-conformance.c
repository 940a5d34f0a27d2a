/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-conformance.c: the MTA against the requirements of the protocol.
 *
 * The main thread is the milter, as ever. A second one is the SMTP client of the MTA, one case after the
 * other: each connection of the milter that comes meanwhile belongs to the case that is played. First the
 * probe, a message that has to pass; then the cases; then it waits for what is delivered. Nothing is judged
 * before both have ended.
 *
 * Without --smtp others are the clients, and the name that one says in HELO tells whose case it plays:
 * `rcp-12.example.com`.
 */
#include "mta-conformance.h"

#include <string.h>

#include "mta-play.h"
#include "mta-sink.h"
#include "tell-ready.h"
#include "tool-data.h"

/* how long a message may take until it is delivered */
#define DELIVERY_US (20 * G_TIME_SPAN_SECOND)
/* how much longer than the last message one may take, and how long we wait for those that must not be */
#define LATE_US  (3 * G_TIME_SPAN_SECOND)
#define GRACE_US (500 * G_TIME_SPAN_MILLISECOND)

/* a case, and what has become of it */
typedef struct
{
  const ConformanceCase *entry;
  MtaTurn *turn;
  char *skipped; /* (nullable) why it is not played */
} Judged;

typedef struct
{
  const TestClientOptions *options;
  const ConformanceSuite *suite;
  MilterClient *client;
  Report *report;
  MtaSink *sink; /* (nullable) */
  MtaSmtpPeer peer;
  MtaTurn *probe;
  MtaTurn *last;     /* the probe's message once more, behind all others */
  GPtrArray *judged; /* of Judged */
  guint64 n_sessions; /* that are over */
  gint stop;         /* atomic: the program is to end */
  bool has_thread;
  pthread_t thread;

  pthread_mutex_t lock;
  MtaTurn *current; /* under the lock: whose a connection is */
} Run;

static void
judged_free (gpointer data)
{
  Judged *judged = data;

  mta_turn_free (judged->turn);
  g_free (judged->skipped);
  g_free (judged);
}

/* --- the thread that talks SMTP --------------------------------------------------------------- */

static void
play (Run *run, MtaTurn *turn)
{
  pthread_mutex_lock (&run->lock);
  run->current = turn;
  pthread_mutex_unlock (&run->lock);
  mta_play (turn, &run->peer);
}

static bool
probe_holds (const Run *run)
{
  return run->probe->played && run->probe->problem == NULL && run->probe->has_offer;
}

/* what the probe tells decides what can be asked */
static void
choose_cases (Run *run)
{
  for (guint i = 0; i < run->judged->len; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);

      if (judged->skipped == NULL)
        judged->skipped
            = mta_judge_applies (judged->turn, judged->entry->scenario, &run->probe->offer);
    }
}

/* Deliveries take their time; what was not delivered when a later message was will not be. */
static void
wait_for_deliveries (Run *run)
{
  gint64 deadline_us = g_get_monotonic_time () + DELIVERY_US;

  if (run->sink == NULL || g_atomic_int_get (&run->stop) != 0)
    return;
  play (run, run->last);
  if (run->last->problem == NULL
      && mta_sink_wait (run->sink, run->last->entry->id, deadline_us, &run->stop))
    deadline_us = MIN (deadline_us, g_get_monotonic_time () + LATE_US);
  for (guint i = 0; i < run->judged->len; i++)
    {
      const Judged *judged = g_ptr_array_index (run->judged, i);

      if (judged->turn->played && judged->turn->problem == NULL
          && mta_judge_awaits_delivery (judged->entry->entry))
        mta_sink_wait (run->sink, judged->entry->entry->id, deadline_us, &run->stop);
    }
  g_usleep (GRACE_US);
}

static void
play_cases (Run *run, bool hostile)
{
  for (guint i = 0; i < run->judged->len && g_atomic_int_get (&run->stop) == 0; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);

      if (judged->skipped == NULL && judged->entry->entry->hostile == hostile)
        play (run, judged->turn);
    }
}

/* An MTA that dies of a case may be slow to come again: such cases are the last ones. */
static void *
play_all (void *data)
{
  Run *run = data;

  play (run, run->probe);
  if (probe_holds (run))
    {
      choose_cases (run);
      play_cases (run, /* hostile= */ false);
      wait_for_deliveries (run);
      play_cases (run, /* hostile= */ true);
    }
  milter_client_shutdown (run->client);
  return NULL;
}

/* --- clients of others ------------------------------------------------------------------------ */

/* the run whose milter is asked; there is one in a program */
static const Run *choosing;

static Rules *
choose_case (const char *helo, gpointer watched)
{
  g_autofree char *label = g_strndup (helo, strcspn (helo, "."));
  g_autofree char *id = g_ascii_strup (label, -1);

  for (guint i = 0; i < choosing->judged->len; i++)
    {
      const Judged *judged = g_ptr_array_index (choosing->judged, i);

      if (judged->skipped != NULL || strcmp (judged->entry->entry->id, id) != 0)
        continue;
      mta_turn_hand_over (watched, judged->turn);
      return judged->turn->rules;
    }
  return NULL;
}

static void
wait_for_others (Run *run)
{
  gint64 deadline_us = g_get_monotonic_time () + LATE_US;
  gint stop = 0;

  for (guint i = 0; run->sink != NULL && i < run->judged->len; i++)
    {
      const Judged *judged = g_ptr_array_index (run->judged, i);

      if (judged->turn->played && mta_judge_awaits_delivery (judged->entry->entry))
        mta_sink_wait (run->sink, judged->entry->entry->id, deadline_us, &stop);
    }
}

/* nobody came for it */
static void
skip_unseen (Run *run)
{
  for (guint i = 0; i < run->judged->len; i++)
    {
      Judged *judged = g_ptr_array_index (run->judged, i);
      const char *id = judged->entry->entry->id;
      g_autofree char *name = g_ascii_strdown (id, -1);

      if (judged->skipped == NULL && !judged->turn->played)
        judged->skipped = g_strdup_printf ("no client said EHLO %s.example.com", name);
    }
}

/* --- the milter ------------------------------------------------------------------------------- */

static void
on_sessions_finished (MilterClient *client, guint n_sessions, Run *run)
{
  run->n_sessions += n_sessions;
  if (run->options->n_sessions > 0 && run->n_sessions >= run->options->n_sessions)
    milter_client_shutdown (client);
}

static void
on_listen_started (MilterClient *client, struct sockaddr *address, guint size, Run *run)
{
  tell_ready (run->options, address);
  if (run->options->smtp == NULL)
    return;
  run->has_thread = pthread_create (&run->thread, /* attributes= */ NULL, play_all, run) == 0;
  if (run->has_thread)
    return;
  tool_error ("no thread can be had");
  milter_client_shutdown (client);
}

static void
on_connection_established (MilterClient *client, MilterClientContext *context, Run *run)
{
  pthread_mutex_lock (&run->lock);
  mta_turn_attach (run->current, context);
  pthread_mutex_unlock (&run->lock);
}

static bool
serve (Run *run)
{
  MilterClient *client = run->client;
  g_autoptr (GError) error = NULL;
  bool served;

  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), run);
  if (run->options->smtp == NULL)
    {
      choosing = run;
      rules_choose_by_helo (run->probe->rules, choose_case);
      g_signal_connect (client, "sessions-finished", G_CALLBACK (on_sessions_finished), run);
    }
  g_signal_connect (
      client, "connection-established", G_CALLBACK (on_connection_established), run);
  served = milter_client_listen (client, &error) && milter_client_run (client, &error);
  if (!served)
    tool_error ("%s", error->message);
  /* it may be the program that ends, and not the suite */
  g_atomic_int_set (&run->stop, 1);
  if (run->has_thread)
    pthread_join (run->thread, NULL);
  g_signal_handlers_disconnect_by_data (client, run);
  if (run->options->smtp == NULL)
    {
      wait_for_others (run);
      skip_unseen (run);
    }
  return served && (run->has_thread || run->options->smtp == NULL);
}

/* --- the report ------------------------------------------------------------------------------- */

static Report *
make_report (const TestClientOptions *options)
{
  g_autoptr (Report) report = report_new ();
  g_autoptr (GError) error = NULL;

  report_set_conformance (report);
  report_set_strict (report, options->strict);
  for (char **spec = options->reports; spec != NULL && *spec != NULL; spec++)
    if (!report_add_file (report, *spec, &error))
      {
        tool_usage_error ("--report: %s", error->message);
        return NULL;
      }
  report_add_text (report,
                   report_choose_stream (report),
                   report_choose_detail (options->verbose, options->quiet),
                   options->color,
                   REPORT_NO_PROGRESS);
  return g_steal_pointer (&report);
}

static void
report_judged (Run *run, const Judged *judged)
{
  ReportCase *report_case = conformance_case_add_to (judged->entry, run->report);
  g_autofree char *delivered
      = run->sink != NULL ? mta_sink_describe (run->sink, judged->entry->entry->id) : NULL;

  if (judged->skipped != NULL)
    report_case_skip (report_case, judged->skipped);
  else if (!judged->turn->played)
    report_case_leave_out (report_case, "interrupted");
  else
    mta_judge (judged->turn, delivered, report_case);
  if (judged->skipped == NULL && run->options->smtp == NULL)
    report_case_add_note (report_case, "in part: what the client was told is seen with --smtp alone");
  report_case_end (report_case);
}

/* the probe's problem, with what was said */
static void
tell_probe (const Run *run)
{
  const MtaTurn *probe = run->probe;

  if (probe->problem != NULL && probe->problem->expected == NULL)
    tool_error ("%s: %s", run->options->smtp, probe->problem->got);
  else if (probe->problem != NULL)
    tool_error ("a message that should pass did not: %s: expected %s, got %s; -D sender=ADDRESS and -D "
                "recipient=ADDRESS name others",
                probe->problem->what,
                probe->problem->expected,
                probe->problem->got);
  else
    tool_error ("a message passed, but the MTA did not ask the milter: it has to be one of its milters");
}

static ToolExit
report_all (Run *run)
{
  bool complete = run->judged->len == 0;

  if (run->options->smtp != NULL && !probe_holds (run))
    {
      if (run->probe->played)
        tell_probe (run);
      return TOOL_EXIT_BROKEN;
    }
  report_expect_more (run->report, run->judged->len);
  report_begin (run->report, g_get_prgname ());
  for (guint i = 0; i < run->judged->len; i++)
    {
      const Judged *judged = g_ptr_array_index (run->judged, i);

      report_judged (run, judged);
      complete = judged->skipped != NULL || judged->turn->played;
    }
  if (!complete)
    report_interrupt (run->report);
  report_finish (run->report);
  return report_get_status (run->report);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* (nullable) (transfer full) why it is not played, as far as the command line tells */
static char *
find_reason (const TestClientOptions *options,
             const MtaTurn *turn,
             const MilterScenario *scenario)
{
  const MilterScenarioCase *entry = turn->entry;
  const char *reason;

  if (entry->slow && !options->slow)
    return g_strdup ("it waits for long: --slow plays it");
  if (entry->mta != NULL && g_strcmp0 (entry->mta, options->mta) != 0)
    return g_strdup_printf ("it is asked of %s only: --mta %s", entry->mta, entry->mta);
  if (mta_judge_needs_delivery (entry) && options->delivery == NULL)
    return g_strdup ("it is about what is delivered: --delivery SPEC takes that");
  reason = options->smtp == NULL ? mta_judge_needs_client (turn, scenario) : NULL;
  return g_strdup (reason);
}

static GPtrArray *
make_judged (const TestClientOptions *options, const ConformanceSuite *suite)
{
  GPtrArray *all = g_ptr_array_new_with_free_func (judged_free);

  for (guint i = 0; i < suite->cases->len; i++)
    {
      Judged *judged = g_new0 (Judged, 1);

      judged->entry = g_ptr_array_index (suite->cases, i);
      judged->turn = mta_turn_new (judged->entry->scenario, judged->entry->entry);
      judged->skipped = find_reason (options, judged->turn, judged->entry->scenario);
      g_ptr_array_add (all, judged);
    }
  return all;
}

/* the last message is found by its own name when it is delivered */
static const MilterScenarioCase *
get_probe (const ConformanceSuite *suite, guint number)
{
  return suite->probe->cases->len > number ? g_ptr_array_index (suite->probe->cases, number) : NULL;
}

static bool
open_places (Run *run)
{
  const TestClientOptions *options = run->options;
  g_autoptr (GError) error = NULL;

  run->peer = (MtaSmtpPeer){ .timeout_us = options->smtp_timeout_us, .stop = &run->stop };
  if (options->smtp != NULL
      && !milter_connection_parse_spec (
          options->smtp, /* domain= */ NULL, &run->peer.address, &run->peer.size, &error))
    {
      tool_usage_error ("--smtp: %s", error->message);
      return false;
    }
  if (options->delivery == NULL)
    return true;
  run->sink = mta_sink_new (options->delivery, &error);
  if (run->sink == NULL)
    tool_usage_error ("--delivery: %s", error->message);
  return run->sink != NULL;
}

/* whom the suite is played by */
typedef struct
{
  const TestClientOptions *options;
  MilterClient *client;
} Player;

static ToolExit
judge_mta (const ConformanceSuite *suite, gconstpointer user_data)
{
  const Player *player = user_data;
  const TestClientOptions *options = player->options;
  g_autoptr (Report) report = make_report (options);
  Run run = { .options = options, .suite = suite, .client = player->client, .report = report };
  ToolExit status = TOOL_EXIT_USAGE;

  if (report == NULL)
    return TOOL_EXIT_USAGE;
  run.probe = mta_turn_new (suite->probe, get_probe (suite, 0));
  run.last = mta_turn_new (suite->probe, get_probe (suite, 1));
  run.current = run.probe;
  run.judged = make_judged (options, suite);
  pthread_mutex_init (&run.lock, NULL);
  if (open_places (&run) && serve (&run))
    status = report_all (&run);
  g_clear_pointer (&run.sink, mta_sink_free);
  g_free (run.peer.address);
  g_ptr_array_unref (run.judged);
  mta_turn_free (run.probe);
  mta_turn_free (run.last);
  pthread_mutex_destroy (&run.lock);
  return status;
}

ToolExit
mta_conformance (const TestClientOptions *options, MilterClient *client)
{
  const Player player = { options, client };
  const ConformanceSource source = { .use = MILTER_SCENARIO_RULES,
                                     .list = options->list,
                                     .paths = options->paths,
                                     .variables = options->variables,
                                     .deviations = options->deviations,
                                     .filter = options->filter };

  return conformance_suite_use (&source, judge_mta, &player);
}
