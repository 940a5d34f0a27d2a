/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rule-threads.c: connections of several threads that share one book of rules. What counts in the whole
 * run counts every event once, whoever saw it. Its exit status is its verdict; the sanitizer's own
 * is 66.
 */
#include "milter-responder.h"

#include <pthread.h>
#include <stdlib.h>

#include "threads.h"

#define N_THREADS     4
#define N_CONNECTIONS 200
#define N_RECIPIENTS  5

static const char rules[] = "on connect 400 => reject\n"
                            "on rcpt 2 <b> => tempfail\n"
                            "expect 4000 rcpt <b>\n"
                            "expect 1..3 connect\n"
                            "expect 1.. rcpt <c>\n";

static MilterRuleBook *book;
static atomic_uint n_rejected;
static atomic_uint n_deferred;

/* TRUE: a rule answered */
static bool
show (MilterResponder *responder, guint8 letter, MilterBytes payload)
{
  MilterMessage message;
  MilterPlayerAction action;

  milter_message_parse (MILTER_SIDE_MTA, letter, payload, &message);
  if (!milter_responder_received (responder, &message, NULL, 0))
    return false;
  do
    milter_responder_next (responder, 0, &action);
  while (action.kind != MILTER_PLAYER_DONE);
  return true;
}

static void
connect_once (void)
{
  MilterResponder *responder = milter_responder_new (book);

  if (show (responder, 'C', milter_bytes ("x\0U", 3)))
    atomic_fetch_add (&n_rejected, 1);
  show (responder, 'M', milter_bytes ("a", 2));
  for (guint i = 0; i < N_RECIPIENTS; i++)
    if (show (responder, 'R', milter_bytes ("b", 2)))
      atomic_fetch_add (&n_deferred, 1);
  milter_responder_free (responder);
}

static void *
run_thread (void *data)
{
  for (guint i = 0; i < N_CONNECTIONS; i++)
    connect_once ();
  return NULL;
}

static void
check_verdicts (void)
{
  g_autoptr (GPtrArray) verdicts = milter_rule_book_judge (book);
  const MilterExpectVerdict *const *verdict = (const MilterExpectVerdict *const *) verdicts->pdata;

  EXPECT (verdicts->len == 3);
  EXPECT (verdict[0]->count == N_THREADS * N_CONNECTIONS * N_RECIPIENTS);
  EXPECT (verdict[0]->failure == NULL);
  EXPECT (verdict[1]->count == N_THREADS * N_CONNECTIONS && verdict[1]->failure != NULL);
  EXPECT (verdict[2]->count == 0 && strstr (verdict[2]->failure->got, "rcpt b") != NULL);
}

int
main (void)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = milter_scenario_parse (
      "r.scenario", rules, sizeof rules - 1, NULL, MILTER_SCENARIO_RULES, messages);
  g_autoptr (GPtrArray) scenarios = g_ptr_array_new ();
  pthread_t threads[N_THREADS];

  g_assert (scenario != NULL);
  g_ptr_array_add (scenarios, scenario);
  book = milter_rule_book_new (scenarios);
  for (guint i = 0; i < N_THREADS; i++)
    if (pthread_create (&threads[i], NULL, run_thread, NULL) != 0)
      g_error ("no thread");
  for (guint i = 0; i < N_THREADS; i++)
    pthread_join (threads[i], NULL);
  EXPECT (atomic_load (&n_rejected) == 1);
  EXPECT (atomic_load (&n_deferred) == N_THREADS * N_CONNECTIONS);
  check_verdicts ();
  milter_rule_book_free (book);
  return atomic_load (&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
