/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-answers.c: answers, edits, reply texts and the end of a connection from a timeout of the
 * main thread and from threads of tasks; which thread emits what; and a shutdown from everywhere at
 * once.
 *
 * The recipient says who answers. Bounded by counts, not by time. Its exit status is its verdict;
 * the sanitizer's own is 66.
 */
#include <milter/client.h>

#include <gio/gio.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* Tasks go to GLib's pool of threads and come back as sources of the worker's main context, under
 * locks of GLib:
 *
 * g_queue_pop_tail     the pool's queue frees what another thread has put into it
 * g_malloc, g_malloc0  the source of a task that is done is made in one thread and freed in
 *                      another. It is the making alone that is passed over: what anybody of us
 *                      writes into such a piece of memory later is seen
 */
#define MORE_SUPPRESSIONS                                                                          \
  "race:g_queue_pop_tail\n"                                                                        \
  "race:^g_malloc$\n"                                                                              \
  "race:^g_malloc0$\n"

#include "threads.h"

#define N_WORKERS     3
#define N_CONNECTIONS 12
#define N_MESSAGES    8
#define N_ENDERS      3

static MilterClient *client;
static pthread_t main_thread;
static atomic_uint n_established;
static atomic_uint n_finished;
static atomic_uint n_processed;
static atomic_uint n_refused; /* answers that nobody waited for */
static atomic_uint n_tasks;
static atomic_uint n_told; /* sessions, by "sessions-finished" */

/* Threads. */

typedef struct
{
  pthread_t thread;
  GMainContext *main_context; /* unowned */
} Home;

static void
expect_home (MilterClientContext *context)
{
  const Home *home = milter_client_context_get_private_data (context);

  EXPECT (pthread_equal (home->thread, pthread_self ()));
  EXPECT (home->main_context == g_main_context_get_thread_default ());
  EXPECT (g_main_context_is_owner (home->main_context));
}

static void
expect_main_thread (void)
{
  EXPECT (pthread_equal (main_thread, pthread_self ()));
}

/* Answers. */

typedef struct Job Job;
typedef void (*AnswerFunc) (MilterClientContext *context);

struct Job
{
  Job *next;
  MilterClientContext *context;
  AnswerFunc answer;
  atomic_uint n_done; /* what a task's thread has done is seen by who frees it */
};

static void
answer_recipient (MilterClientContext *context)
{
  milter_client_context_set_reply (context, 451, "4.7.1", "later", NULL);
  g_signal_emit_by_name (
      context, "envelope-recipient-response", MILTER_STATUS_TEMPORARY_FAILURE);
}

/* the first one is to a question that was not asked */
static void
answer_twice (MilterClientContext *context)
{
  g_signal_emit_by_name (context, "helo-response", MILTER_STATUS_REJECT);
  g_signal_emit_by_name (context, "envelope-recipient-response", MILTER_STATUS_CONTINUE);
}

static void
answer_by_closing (MilterClientContext *context)
{
  milter_client_context_shutdown (context);
  g_signal_emit_by_name (context, "envelope-recipient-response", MILTER_STATUS_REJECT);
}

static void
answer_end_of_message (MilterClientContext *context)
{
  char number[] = "0";

  milter_client_context_progress (context);
  for (; *number < '5'; ++*number)
    milter_client_context_add_header (context, "X-N", number, NULL);
  milter_client_context_quarantine (context, "why");
  milter_client_context_set_reply (context, 550, "5.7.1", "never", NULL);
  g_signal_emit_by_name (context, "end-of-message-response", MILTER_STATUS_REJECT);
}

static Job *
job_new (MilterClientContext *context, AnswerFunc answer)
{
  Job *job = g_new0 (Job, 1);

  job->context = g_object_ref (context);
  job->answer = answer;
  return job;
}

static void
job_free (gpointer data)
{
  Job *job = data;

  (void) atomic_load (&job->n_done);
  g_object_unref (job->context);
  g_free (job);
}

/* in a thread of GLib's pool */
static void
run_task (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Job *job = data;

  (void) atomic_load (&job->n_done);
  job->answer (job->context);
  atomic_fetch_add (&job->n_done, 1);
  g_task_return_boolean (task, TRUE);
}

/* back in the thread that began it: GLib goes by the thread-default main context */
static void
on_task_done (GObject *source, GAsyncResult *result, gpointer context)
{
  expect_home (context);
  EXPECT (g_task_propagate_boolean (G_TASK (result), NULL));
  atomic_fetch_add (&n_tasks, 1);
  g_object_unref (context);
}

static void
answer_by_task (MilterClientContext *context, AnswerFunc answer)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_task_done, g_object_ref (context));
  Job *job = job_new (context, answer);

  atomic_fetch_add (&job->n_done, 1);
  g_task_set_task_data (task, job, job_free);
  g_task_run_in_thread (task, run_task);
}

/* for the timeout of the main thread */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Job *jobs;

static void
answer_by_main_thread (MilterClientContext *context, AnswerFunc answer)
{
  Job *job = job_new (context, answer);

  pthread_mutex_lock (&mutex);
  job->next = jobs;
  jobs = job;
  pthread_mutex_unlock (&mutex);
}

static gboolean
answer_jobs (gpointer data)
{
  Job *mine;

  expect_main_thread ();
  pthread_mutex_lock (&mutex);
  mine = jobs;
  jobs = NULL;
  pthread_mutex_unlock (&mutex);
  while (mine != NULL)
    {
      Job *job = mine;

      mine = job->next;
      job->answer (job->context);
      job_free (job);
    }
  return G_SOURCE_CONTINUE;
}

/* a thread that is over before the handler has returned */
static void *
answer_at_once (void *context)
{
  answer_recipient (context);
  return NULL;
}

/* The milter. */

static MilterStatus
on_envelope_from (MilterClientContext *context, const char *from, gpointer data)
{
  expect_home (context);
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_envelope_recipient (MilterClientContext *context, const char *recipient, gpointer data)
{
  pthread_t thread;

  expect_home (context);
  switch (recipient[1])
    {
    case 'm':
      answer_by_main_thread (context, answer_recipient);
      break;
    case 't':
      answer_by_task (context, answer_recipient);
      break;
    case '2':
      answer_by_task (context, answer_twice);
      break;
    case 'q':
      answer_by_task (context, answer_by_closing);
      break;
    default:
      pthread_create (&thread, NULL, answer_at_once, context);
      pthread_join (thread, NULL);
      break;
    }
  return MILTER_STATUS_PROGRESS;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  guint turn = atomic_fetch_add (&n_processed, 1);

  expect_home (context);
  if (turn % 2 == 0)
    answer_by_main_thread (context, answer_end_of_message);
  else
    answer_by_task (context, answer_end_of_message);
  return MILTER_STATUS_PROGRESS;
}

static const MilterClientHandlers handlers = {
  .envelope_from = on_envelope_from,
  .envelope_recipient = on_envelope_recipient,
  .end_of_message = on_end_of_message,
};

static void
on_message_processed (MilterClientContext *context, MilterMessageResult *result, gpointer data)
{
  expect_home (context);
}

static void
on_error (MilterClientContext *context, GError *error, gpointer data)
{
  expect_home (context);
  atomic_fetch_add (&n_refused, 1);
}

static void
on_finished (MilterClientContext *context, gpointer data)
{
  expect_home (context);
  atomic_fetch_add (&n_finished, 1);
}

static void
on_established (MilterClient *self, MilterClientContext *context, gpointer data)
{
  GMainContext *main_context = g_main_context_get_thread_default ();
  Home *home = g_new (Home, 1);

  EXPECT (main_context != NULL && main_context != g_main_context_default ());
  EXPECT (!pthread_equal (main_thread, pthread_self ()));
  *home = (Home){ pthread_self (), main_context };
  milter_client_context_set_private_data (context, home, g_free);
  g_signal_connect (context, "message-processed", G_CALLBACK (on_message_processed), NULL);
  g_signal_connect (context, "error", G_CALLBACK (on_error), NULL);
  g_signal_connect (context, "finished", G_CALLBACK (on_finished), NULL);
  atomic_fetch_add (&n_established, 1);
}

/* The MTAs. */

#define AN_ANSWER "\0\0\0\021y451 4.7.1 later\0"
static const char message[] = "\0\0\0\5M<a>\0"
                              "\0\0\0\5R<m>\0"
                              "\0\0\0\5R<t>\0"
                              "\0\0\0\5R<o>\0"
                              "\0\0\0\5R<2>\0"
                              "\0\0\0\1E";
static const char answers[] = "\0\0\0\1c" AN_ANSWER AN_ANSWER AN_ANSWER "\0\0\0\1c"
                              "\0\0\0\1p"
                              "\0\0\0\007hX-N\0000\0"
                              "\0\0\0\007hX-N\0001\0"
                              "\0\0\0\007hX-N\0002\0"
                              "\0\0\0\007hX-N\0003\0"
                              "\0\0\0\007hX-N\0004\0"
                              "\0\0\0\005qwhy\0"
                              "\0\0\0\021y550 5.7.1 never\0";

static void *
be_busy (void *data)
{
  int fd = negotiate_one ();

  for (guint i = 0; i < N_MESSAGES && !atomic_load (&failed); i++)
    {
      say (fd, FRAMES (message));
      expect (fd, FRAMES (answers));
    }
  say (fd, FRAMES ("\0\0\0\5M<a>\0\0\0\0\5R<q>\0"));
  expect (fd, FRAMES ("\0\0\0\1c"));
  expect_end (fd);
  return NULL;
}

static void *
end_client (void *data)
{
  milter_client_shutdown (client);
  return NULL;
}

static gboolean
end_client_from_main (gpointer data)
{
  end_client (NULL);
  return G_SOURCE_REMOVE;
}

static void
on_signal (int number)
{
  milter_client_shutdown (client);
}

static void *
drive (void *data)
{
  pthread_t busy[N_CONNECTIONS];
  pthread_t enders[N_ENDERS];

  for (guint i = 0; i < N_CONNECTIONS; i++)
    pthread_create (&busy[i], NULL, be_busy, NULL);
  for (guint i = 0; i < N_CONNECTIONS; i++)
    pthread_join (busy[i], NULL);
  for (guint i = 0; i < N_ENDERS; i++)
    pthread_create (&enders[i], NULL, end_client, NULL);
  kill (getpid (), SIGTERM);
  g_idle_add (end_client_from_main, NULL);
  for (guint i = 0; i < N_ENDERS; i++)
    pthread_join (enders[i], NULL);
  return NULL;
}

static void
expect_nobody (MilterClientContext *context, gpointer data)
{
  fail ("somebody was there before the first connection");
}

static void
on_listen_started (MilterClient *self, struct sockaddr *where, guint size, pthread_t *driver)
{
  expect_main_thread ();
  /* some workers have begun by now, others not */
  milter_client_processing_context_foreach (self, expect_nobody, NULL);
  pthread_create (driver, NULL, drive, NULL);
}

static void
on_sessions_finished (MilterClient *self, guint n_sessions, gpointer data)
{
  expect_main_thread ();
  atomic_fetch_add (&n_told, n_sessions);
}

static void
on_maintain (MilterClient *self, gpointer data)
{
  expect_main_thread ();
}

int
main (int argc, char **argv)
{
  g_autofree char *spec = make_spec ();
  pthread_t driver;
  GError *error = NULL;
  guint timeout;

  g_set_prgname ("client-answers");
  main_thread = pthread_self ();
  milter_init ();
  milter_client_init ();
  client = milter_client_new ();
  milter_client_set_n_workers (client, N_WORKERS);
  milter_client_set_handlers (client, &handlers, NULL, NULL);
  g_signal_connect (client, "connection-established", G_CALLBACK (on_established), NULL);
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), &driver);
  g_signal_connect (client, "sessions-finished", G_CALLBACK (on_sessions_finished), NULL);
  g_signal_connect (client, "maintain", G_CALLBACK (on_maintain), NULL);
  signal (SIGTERM, on_signal);
  timeout = g_timeout_add (1, answer_jobs, NULL);

  if (!milter_client_set_connection_spec (client, spec, &error)
      || !milter_client_run (client, &error))
    g_error ("%s", error->message);
  pthread_join (driver, NULL);
  g_source_remove (timeout);
  EXPECT (!milter_client_is_processing (client));

  /* a shutdown before the run; the run's own thread is not started any more */
  milter_client_shutdown (client);
  milter_client_shutdown (client);
  EXPECT (milter_client_run (client, NULL));
  g_object_unref (client);
  leave_folder ();

  EXPECT (atomic_load (&n_established) == N_CONNECTIONS);
  EXPECT (atomic_load (&n_finished) == N_CONNECTIONS);
  EXPECT (atomic_load (&n_told) == N_CONNECTIONS);
  EXPECT (atomic_load (&n_processed) == N_CONNECTIONS * N_MESSAGES);
  EXPECT (atomic_load (&n_refused) == N_CONNECTIONS * N_MESSAGES);
  return atomic_load (&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
