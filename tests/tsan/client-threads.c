/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-threads.c: a client with several workers under ThreadSanitizer: connections that idle,
 * others that are busy, answers and edits from a thread of the program, and a shutdown by a signal.
 *
 * Bounded by counts, not by time. Its exit status is its verdict; the sanitizer's own is 66.
 */
#include <milter/client.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "threads.h"

#define N_WORKERS  3
#define N_IDLE     1000
#define N_BUSY     16
#define N_MESSAGES 100
#define N_VISITS   50

static MilterClient *client;
static atomic_uint n_established;
static atomic_uint n_finished;
static atomic_uint n_messages;

static void
on_signal (int number)
{
  milter_client_shutdown (client);
}

/* A thread of the program that answers. */

typedef struct Job Job;
struct Job
{
  Job *next;
  MilterClientContext *context; /* NULL: the end */
  const char *response;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER;
static Job *first;
static Job **last = &first;

static void
post_job (MilterClientContext *context, const char *response)
{
  Job *job = g_new (Job, 1);

  *job = (Job){ NULL, context != NULL ? g_object_ref (context) : NULL, response };
  pthread_mutex_lock (&mutex);
  *last = job;
  last = &job->next;
  pthread_cond_signal (&posted);
  pthread_mutex_unlock (&mutex);
}

static Job *
take_job (void)
{
  Job *job;

  pthread_mutex_lock (&mutex);
  while (first == NULL)
    pthread_cond_wait (&posted, &mutex);
  job = first;
  first = job->next;
  if (first == NULL)
    last = &first;
  pthread_mutex_unlock (&mutex);
  return job;
}

static void *
answer (void *data)
{
  for (;;)
    {
      Job *job = take_job ();
      MilterClientContext *context = job->context;

      if (context == NULL)
        {
          g_free (job);
          return NULL;
        }
      if (strcmp (job->response, "end-of-message-response") == 0)
        {
          milter_client_context_progress (context);
          milter_client_context_add_header (context, "X-Thread", "other", NULL);
          milter_client_context_set_reply (context, 451, "4.7.1", "later", NULL);
        }
      g_signal_emit_by_name (context, job->response, MILTER_STATUS_TEMPORARY_FAILURE);
      g_object_unref (context);
      g_free (job);
    }
}

/* The milter. */

/* of HELO and MAIL */
static MilterStatus
on_string (MilterClientContext *context, const char *string, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_envelope_recipient (MilterClientContext *context, const char *recipient, gpointer data)
{
  post_job (context, "envelope-recipient-response");
  return MILTER_STATUS_PROGRESS;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  post_job (context, "end-of-message-response");
  return MILTER_STATUS_PROGRESS;
}

static const MilterClientHandlers handlers = {
  .helo = on_string,
  .envelope_from = on_string,
  .envelope_recipient = on_envelope_recipient,
  .end_of_message = on_end_of_message,
};

static void
on_finished (MilterClientContext *context, gpointer data)
{
  atomic_fetch_add (&n_finished, 1);
}

static void
on_established (MilterClient *self, MilterClientContext *context, gpointer data)
{
  atomic_fetch_add (&n_established, 1);
  g_signal_connect (context, "finished", G_CALLBACK (on_finished), NULL);
}

/* The MTAs. */

static const char one_message[] = "\0\0\0\3Hx\0"
                                  "\0\0\0\5M<a>\0"
                                  "\0\0\0\5R<b>\0"
                                  "\0\0\0\1E";
/* answers to HELO, MAIL and RCPT, and progress, edit and reply code at the end */
static const char answers[] = "\0\0\0\1c"
                              "\0\0\0\1c"
                              "\0\0\0\1t"
                              "\0\0\0\1p"
                              "\0\0\0\020hX-Thread\0other\0"
                              "\0\0\0\021y451 4.7.1 later\0";

static void *
be_busy (void *data)
{
  int fd = negotiate_one ();

  for (guint i = 0; i < N_MESSAGES && !atomic_load (&failed); i++)
    {
      say (fd, FRAMES (one_message));
      expect (fd, FRAMES (answers));
      atomic_fetch_add (&n_messages, 1);
    }
  say (fd, FRAMES ("\0\0\0\1Q"));
  expect_end (fd);
  return NULL;
}

/* each in its own thread, some of which are busy */
static void
visit (MilterClientContext *context, gpointer n_visited)
{
  if (milter_client_get_worker_id (client) == 0)
    fail ("a context was visited in a thread that serves none");
  milter_client_context_set_timeout (context, milter_client_context_get_timeout (context));
  atomic_fetch_add ((atomic_uint *) n_visited, 1);
}

static void
visit_all (void)
{
  for (guint i = 0; i < N_VISITS; i++)
    {
      atomic_uint n_visited = 0;

      milter_client_processing_context_foreach (client, visit, &n_visited);
      if (atomic_load (&n_visited) < N_IDLE || atomic_load (&n_visited) > N_IDLE + N_BUSY)
        fail ("not every context was visited once");
    }
}

/* all of the traffic; then the signal */
static void *
drive (void *data)
{
  static int idle[N_IDLE];
  pthread_t busy[N_BUSY];

  for (guint i = 0; i < N_IDLE; i++)
    idle[i] = connect_one ();
  /* the system takes them before the client does */
  while (atomic_load (&n_established) < N_IDLE)
    sched_yield ();
  for (guint i = 0; i < N_BUSY; i++)
    pthread_create (&busy[i], NULL, be_busy, NULL);
  visit_all ();
  for (guint i = 0; i < N_BUSY; i++)
    pthread_join (busy[i], NULL);
  kill (getpid (), SIGTERM);
  for (guint i = 0; i < N_IDLE; i++)
    expect_end (idle[i]);
  return NULL;
}

static gboolean
has_enough_descriptors (void)
{
  struct rlimit limit;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = MIN (limit.rlim_max, 4096);
  setrlimit (RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > 2 * (N_IDLE + N_BUSY) + 100;
}

static void
on_listen_started (MilterClient *self, struct sockaddr *where, guint size, pthread_t *driver)
{
  pthread_create (driver, NULL, drive, NULL);
}

int
main (void)
{
  g_autofree char *spec = make_spec ();
  pthread_t answerer;
  pthread_t driver;
  GError *error = NULL;

  if (!has_enough_descriptors ())
    {
      fprintf (stderr, "client-threads: needs 2,200 open files, the system allows fewer\n");
      return 77;
    }
  milter_init ();
  milter_client_init ();
  client = milter_client_new ();
  milter_client_set_n_workers (client, N_WORKERS);
  milter_client_set_handlers (client, &handlers, NULL, NULL);
  g_signal_connect (client, "connection-established", G_CALLBACK (on_established), NULL);
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), &driver);
  signal (SIGTERM, on_signal);
  pthread_create (&answerer, NULL, answer, NULL);

  if (!milter_client_set_connection_spec (client, spec, &error)
      || !milter_client_run (client, &error))
    {
      fprintf (stderr, "client-threads: %s\n", error->message);
      return EXIT_FAILURE;
    }
  pthread_join (driver, NULL);
  post_job (NULL, NULL);
  pthread_join (answerer, NULL);
  if (milter_client_is_processing (client))
    fail ("sessions are counted that have finished");
  g_object_unref (client);
  leave_folder ();

  if (atomic_load (&n_established) != N_IDLE + N_BUSY
      || atomic_load (&n_finished) != N_IDLE + N_BUSY)
    fail ("not every connection was established and finished once");
  if (atomic_load (&n_messages) != N_BUSY * N_MESSAGES)
    fail ("not every message was answered");
  return atomic_load (&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
