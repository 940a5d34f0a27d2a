/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-run.c: a client that runs, from the first connection to its end: who is told what, and when.
 */
#include <string.h>
#include <sys/resource.h>

#include "client-stage.h"

/* What the last handler of a thread still has to do there. */

static gboolean
note_idle (gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "idle");
  return G_SOURCE_REMOVE;
}

static gboolean
do_for_ever (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static void
attach_idle (GSourceFunc func, gpointer data)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, func, data, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

static void
leave_something_to_do (MilterClientContext *context, gpointer data)
{
  attach_idle (do_for_ever, NULL);
  attach_idle (note_idle, data);
  g_async_queue_push (((Stage *) data)->events, (gpointer) "finished");
}

static void
expect_something_to_do (MilterClient *client, MilterClientContext *context, gpointer data)
{
  g_signal_connect (context, "finished", G_CALLBACK (leave_something_to_do), data);
  g_async_queue_push (((Stage *) data)->events, (gpointer) "established");
}

Test (client_run, what_is_ready_in_a_worker_at_the_end_is_done_and_does_not_hold_it_up)
{
  Stage *stage = stage_new ();

  g_signal_connect (
      stage->client, "connection-established", G_CALLBACK (expect_something_to_do), stage);
  stage_start (stage);
  stage_expect (stage, "established");
  milter_client_shutdown (stage->client);
  stage_expect (stage, "finished");
  stage_expect (stage, "idle");
  stage_free (stage);
}

static void
note_gone (gpointer data, GObject *context)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "gone");
}

static void
leave_a_timeout (MilterClient *client, MilterClientContext *context, gpointer data)
{
  g_autoptr (GSource) source = g_timeout_source_new_seconds (3600);

  g_object_weak_ref (G_OBJECT (context), note_gone, data);
  g_source_set_callback (source, do_for_ever, g_object_ref (context), g_object_unref);
  g_source_attach (source, g_main_context_get_thread_default ());
  g_async_queue_push (((Stage *) data)->events, (gpointer) "established");
}

Test (client_run, a_timeout_that_is_left_in_a_worker_goes_with_it, .timeout = 60)
{
  Stage *stage = stage_new ();

  g_signal_connect (stage->client, "connection-established", G_CALLBACK (leave_a_timeout), stage);
  stage_start (stage);
  stage_expect (stage, "established");
  milter_client_shutdown (stage->client);
  stage_expect (stage, "gone");
  stage_free (stage);
}

/* Several runs. */

static guint
count_descriptors (void)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  cr_assert_not_null (folder);
  while (g_dir_read_name (folder) != NULL)
    n++;
  return n;
}

static void
end_at_once (MilterClient *client, gpointer address, guint size, gpointer data)
{
  milter_client_shutdown (client);
}

Test (client_run, a_run_leaves_no_descriptor_behind, .timeout = 60)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  guint n = 0;

  cr_assert (milter_client_set_connection_spec (client, "inet:0@127.0.0.1", NULL));
  g_signal_connect (client, "listen-started", G_CALLBACK (end_at_once), NULL);
  for (guint i = 0; i < 5; i++)
    {
      cr_expect (milter_client_run (client, NULL));
      /* the first one makes what a client keeps */
      if (i == 0)
        n = count_descriptors ();
    }
  cr_expect_eq (count_descriptors (), n);
}

/* A handler of "connection-established" that iterates the main context of its thread. */

static MilterStatus
note_negotiate (MilterClientContext *context,
                MilterOption *option,
                MilterMacrosRequests *requests,
                gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "negotiate");
  return MILTER_STATUS_ALL_OPTIONS;
}

static const MilterClientHandlers noting = { .negotiate = note_negotiate };

static gboolean
set_flag (gpointer flag)
{
  *(bool *) flag = true;
  return G_SOURCE_REMOVE;
}

static void
iterate_a_while (MilterClient *client, MilterClientContext *context, gpointer data)
{
  g_autoptr (GMainContext) main_context = g_main_context_ref_thread_default ();
  g_autoptr (GSource) source = g_timeout_source_new (200);
  bool is_over = false;

  g_async_queue_push (((Stage *) data)->events, (gpointer) "established");
  g_source_set_callback (source, set_flag, &is_over, NULL);
  g_source_attach (source, main_context);
  while (!is_over)
    g_main_context_iteration (main_context, TRUE);
  milter_client_context_set_handlers (context, &noting, data);
  g_async_queue_push (((Stage *) data)->events, (gpointer) "introduced");
}

Test (client_run, nothing_is_read_before_connection_established_has_returned)
{
  Stage *stage = stage_new ();
  char bytes[64];

  milter_client_set_handlers (stage->client, &noting, stage, NULL);
  g_signal_connect (stage->client, "connection-established", G_CALLBACK (iterate_a_while), stage);
  stage_start (stage);
  SAY (stage, OFFER);
  stage_expect (stage, "established");
  stage_expect (stage, "introduced");
  stage_expect (stage, "negotiate");
  cr_expect_gt (hear (stage, bytes, sizeof bytes, PATIENCE_MS), 0);
  stage_free (stage);
}

/* A handler of "worker-created" that does the same, and a shutdown meanwhile. */

static void
shut_down_and_iterate (MilterClient *client, gpointer data)
{
  g_autoptr (GMainContext) main_context = g_main_context_ref_thread_default ();
  g_autoptr (GSource) source = g_timeout_source_new (200);
  bool is_over = false;

  milter_client_shutdown (client);
  g_source_set_callback (source, set_flag, &is_over, NULL);
  g_source_attach (source, main_context);
  while (!is_over)
    g_main_context_iteration (main_context, TRUE);
}

Test (client_run, a_worker_that_was_ended_in_its_first_handler_ends, .timeout = 60)
{
  for (guint n_workers = 1; n_workers <= 2; n_workers++)
    {
      Stage *stage = stage_new ();

      stage->fd = -1;
      milter_client_set_n_workers (stage->client, n_workers);
      g_signal_connect (
          stage->client, "worker-created", G_CALLBACK (shut_down_and_iterate), NULL);
      cr_expect (milter_client_run (stage->client, NULL));
      g_object_unref (stage->client);
      g_async_queue_unref (stage->events);
      g_rmdir (stage->folder);
      g_free (stage->path);
      g_free (stage->folder);
      g_free (stage);
    }
}

Test (client_run, a_long_timeout_is_as_long_as_was_asked_for)
{
  Stage *stage = stage_new ();
  char bytes[64];

  milter_client_set_handlers (stage->client, &noting, stage, NULL);
  /* the microseconds of which are 32704 more than 32 bits hold */
  milter_client_set_timeout (stage->client, 4295);
  stage_start (stage);
  cr_expect_eq (hear (stage, bytes, sizeof bytes, 200), -1);
  stage_free (stage);
}

static rlim_t old_limit;

static void
leave_no_descriptors (MilterClient *client, gpointer address, guint size, gpointer data)
{
  struct rlimit limit;

  stage_connect (data);
  cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
  old_limit = limit.rlim_cur;
  /* the highest that is open */
  limit.rlim_cur = (rlim_t) ((Stage *) data)->fd + 1;
  cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
}

static void
on_error (MilterClient *client, const GError *error, gpointer data)
{
  struct rlimit limit;

  cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = old_limit;
  cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
  cr_expect_not_null (strstr (error->message, "trying again in 4294967000 ms"));
  milter_client_shutdown (client);
}

Test (client_run, a_rest_without_descriptors_is_as_long_as_can_be_counted)
{
  Stage *stage = stage_new ();

  milter_client_set_suspend_time_on_unacceptable (stage->client, G_MAXUINT / 1000 + 1);
  g_signal_connect (stage->client, "listen-started", G_CALLBACK (leave_no_descriptors), stage);
  g_signal_connect (stage->client, "error", G_CALLBACK (on_error), stage);
  stage->thread = g_thread_new ("client", stage_run, stage);
  stage_expect (stage, "listening");
  stage_free (stage);
}

/* Sessions are told together. */

typedef struct
{
  gint n_established; /* atomic, as the next */
  gint n_finished;
  guint n_told;
  guint n_emissions;
} Sessions;

static void
count_finished (MilterClientContext *context, gpointer data)
{
  g_atomic_int_inc (&((Sessions *) data)->n_finished);
}

static void
count_established (MilterClient *client, MilterClientContext *context, gpointer data)
{
  g_atomic_int_inc (&((Sessions *) data)->n_established);
  g_signal_connect (context, "finished", G_CALLBACK (count_finished), data);
}

static void
count_told (MilterClient *client, guint n, gpointer data)
{
  Sessions *sessions = data;

  sessions->n_told += n;
  sessions->n_emissions++;
}

static void
stage_count (Stage *stage, Sessions *sessions)
{
  g_signal_connect (
      stage->client, "connection-established", G_CALLBACK (count_established), sessions);
  g_signal_connect (stage->client, "sessions-finished", G_CALLBACK (count_told), sessions);
}

/* until there were so many, and at most one is left */
static void
wait_for_sessions (Sessions *sessions, int n, MilterClient *client)
{
  for (guint wait = 0; wait < PATIENCE_MS / 10; wait++)
    if (g_atomic_int_get (&sessions->n_established) >= n
        && milter_client_get_n_processing_sessions (client) <= 1)
      return;
    else
      g_usleep (10 * 1000);
}

/* connections that come and go */
static void
connect_often (Stage *stage, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      close (stage->fd);
      stage_connect (stage);
      SAY (stage, OFFER);
    }
}

Test (client_run, each_session_that_has_finished_is_told_whoever_accepts)
{
  static const struct
  {
    guint n_workers;
    guint max_connections;
    guint max_pending;
  } cases[] = { { 1, 0, 0 }, { 1, 3, 0 }, { 1, 0, 1 }, { 3, 0, 0 }, { 3, 2, 0 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Stage *stage = stage_new ();
      MilterClient *client = g_object_ref (stage->client);
      Sessions sessions = { 0 };

      milter_client_set_n_workers (client, cases[i].n_workers);
      milter_client_set_max_connections (client, cases[i].max_connections);
      milter_client_set_max_pending_finished_sessions (client, cases[i].max_pending);
      stage_count (stage, &sessions);
      stage_start (stage);
      connect_often (stage, 150);
      wait_for_sessions (&sessions, 151, client);
      cr_expect_eq (milter_client_get_n_processing_sessions (client), 1);
      stage_free (stage);
      cr_expect_eq (sessions.n_established, 151);
      cr_expect_eq (sessions.n_finished, 151);
      cr_expect_eq (sessions.n_told, 151, "%zu: %u", i, sessions.n_told);
      cr_expect (cases[i].max_pending != 1 || sessions.n_emissions == 151);
      cr_expect_eq (milter_client_get_n_processing_sessions (client), 0);
      g_object_unref (client);
    }
}

static void
end_with_the_first (MilterClient *client, MilterClientContext *context, gpointer data)
{
  milter_client_shutdown (client);
  /* so that the end may come before others are told */
  g_main_context_iteration (g_main_context_get_thread_default (), FALSE);
}

static void
connect_some (MilterClient *client, gpointer address, guint size, gpointer data)
{
  int *fds = data;
  struct sockaddr_un peer;

  memcpy (&peer, address, MIN (size, sizeof peer));
  for (guint i = 0; i < 40; i++)
    {
      fds[i] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      cr_assert_eq (connect (fds[i], (const struct sockaddr *) &peer, sizeof peer), 0);
    }
}

Test (client_run, who_was_told_of_a_connection_hears_of_its_end_though_the_client_shuts_down)
{
  Stage *stage = stage_new ();
  Sessions sessions = { 0 };
  int fds[40];

  stage_count (stage, &sessions);
  g_signal_connect_after (
      stage->client, "connection-established", G_CALLBACK (end_with_the_first), NULL);
  g_signal_connect (stage->client, "listen-started", G_CALLBACK (connect_some), fds);
  stage->fd = -1;
  stage->thread = g_thread_new ("client", stage_run, stage);
  wait_for_sessions (&sessions, 1, stage->client);
  stage_free (stage);
  cr_expect_geq (sessions.n_established, 1);
  cr_expect_eq (sessions.n_finished, sessions.n_established);
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

/* Negotiations share objects, and nobody sees that. */

typedef struct
{
  guint n;
  guint n_destroyed; /* data of options that were freed */
  MilterOption *kept;
} Offers;

static void
count_destroyed (gpointer data)
{
  ((Offers *) data)->n_destroyed++;
}

/* each handler but the last leaves a trace of its own kind */
static MilterStatus
leave_traces (MilterClientContext *context,
              MilterOption *option,
              MilterMacrosRequests *requests,
              gpointer data)
{
  Offers *offers = data;

  cr_expect_eq (milter_option_get_step (option), 0x1fffff);
  cr_expect_eq (milter_option_get_action (option), 0x1ff);
  cr_expect_null (milter_macros_requests_get_symbols (requests, MILTER_COMMAND_HELO));
  cr_expect_null (g_object_get_data (G_OBJECT (option), "trace"));
  cr_expect (option != offers->kept);
  switch (offers->n++)
    {
    case 1:
      milter_option_set_step (option, MILTER_STEP_NO_BODY);
      break;
    case 2:
      milter_macros_requests_set_symbols (requests, MILTER_COMMAND_HELO, "a", NULL);
      break;
    case 3:
      g_object_set_data_full (G_OBJECT (option), "trace", offers, count_destroyed);
      break;
    case 4:
      offers->kept = g_object_ref (option);
      break;
    default:
      break;
    }
  return MILTER_STATUS_CONTINUE;
}

Test (client_run, what_a_negotiation_leaves_is_not_seen_by_the_next)
{
  static const MilterClientHandlers leaving = { .negotiate = leave_traces };
  Stage *stage = stage_new ();
  Offers offers = { 0 };

  milter_client_set_handlers (stage->client, &leaving, &offers, NULL);
  stage_start (stage);
  for (guint i = 0; i < 8; i++)
    {
      char bytes[256];

      SAY (stage, OFFER);
      /* the third asks for a list: a stage, and "a" */
      cr_expect_eq (hear (stage, bytes, sizeof bytes, PATIENCE_MS), i == 2 ? 17 + 4 + 2 : 17);
      close (stage->fd);
      stage_connect (stage);
    }
  stage_free (stage);
  cr_expect_eq (offers.n, 8);
  cr_expect_eq (offers.n_destroyed, 1);
  cr_expect_eq (milter_option_get_step (offers.kept), 0x1fffff);
  g_object_unref (offers.kept);
}
