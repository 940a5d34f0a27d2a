/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-threads.c: a client with several workers under ThreadSanitizer: connections that idle,
 * others that are busy, answers and edits from a thread of the program, and a shutdown by a signal.
 *
 * Bounded by counts, not by time. Its exit status is its verdict; the sanitizer's own is 66.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <milter/client.h>

#define N_WORKERS  3
#define N_IDLE     1000
#define N_BUSY     16
#define N_MESSAGES 100
/* a peer that hears nothing for so long has found a deadlock */
#define PATIENCE_S 60

/* GLib's own, by means that the sanitizer does not see: locks that are made when they are first taken,
 * arrays of signals and handlers that grow under a lock, and references: the last one of a context
 * may be dropped by the thread that answers, and the counter orders that */
const char *__tsan_default_suppressions (void);

const char *
__tsan_default_suppressions (void)
{
  return "race:g_rw_lock_reader_lock\n"
         "race:g_rw_lock_writer_lock\n"
         "race:g_rec_mutex_lock\n"
         "race:g_realloc\n"
         "race:g_object_unref\n";
}

static MilterClient *client;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static atomic_uint n_established;
static atomic_uint n_finished;
static atomic_uint n_messages;
static atomic_bool failed;

static void
fail (const char *what)
{
  fprintf (stderr, "client-threads: %s\n", what);
  atomic_store (&failed, true);
}

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

static int
connect_one (void)
{
  const struct timeval patience = { .tv_sec = PATIENCE_S };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    {
      perror ("client-threads: connect");
      atomic_store (&failed, true);
      return fd;
    }
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

#define FRAMES(bytes) bytes, sizeof (bytes) - 1
static const char negotiation[] = "\0\0\0\015O\0\0\0\6\0\0\1\377\0\37\377\377";
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

static void
expect (int fd, const char *bytes, gsize size)
{
  char buffer[256];
  gsize n = 0;

  while (n < size)
    {
      gssize more = recv (fd, buffer + n, size - n, 0);

      if (more <= 0)
        {
          fail ("an answer did not come");
          return;
        }
      n += more;
    }
  if (bytes != NULL && memcmp (buffer, bytes, size) != 0)
    fail ("an answer is not what it should be");
}

static void
expect_end (int fd)
{
  char byte;

  if (recv (fd, &byte, 1, 0) != 0)
    fail ("a connection was not closed");
  close (fd);
}

static void *
be_busy (void *data)
{
  int fd = connect_one ();

  send (fd, FRAMES (negotiation), MSG_NOSIGNAL);
  expect (fd, NULL, 17);
  for (guint i = 0; i < N_MESSAGES && !atomic_load (&failed); i++)
    {
      send (fd, FRAMES (one_message), MSG_NOSIGNAL);
      expect (fd, FRAMES (answers));
      atomic_fetch_add (&n_messages, 1);
    }
  send (fd, FRAMES ("\0\0\0\1Q"), MSG_NOSIGNAL);
  expect_end (fd);
  return NULL;
}

/* all of the traffic; then the signal */
static void *
drive (void *data)
{
  static int idle[N_IDLE];
  pthread_t busy[N_BUSY];

  for (guint i = 0; i < N_IDLE; i++)
    idle[i] = connect_one ();
  for (guint i = 0; i < N_BUSY; i++)
    pthread_create (&busy[i], NULL, be_busy, NULL);
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
  g_autofree char *folder = g_dir_make_tmp ("milterlab-threads-XXXXXX", NULL);
  g_autofree char *spec = NULL;
  pthread_t answerer;
  pthread_t driver;
  GError *error = NULL;

  if (!has_enough_descriptors ())
    {
      fprintf (stderr, "client-threads: needs 2,200 open files, the system allows fewer\n");
      return 77;
    }
  g_snprintf (address.sun_path, sizeof address.sun_path, "%s/s", folder);
  spec = g_strconcat ("unix:", address.sun_path, NULL);

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
  rmdir (folder);

  if (atomic_load (&n_established) != N_IDLE + N_BUSY
      || atomic_load (&n_finished) != N_IDLE + N_BUSY)
    fail ("not every connection was established and finished once");
  if (atomic_load (&n_messages) != N_BUSY * N_MESSAGES)
    fail ("not every message was answered");
  return atomic_load (&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
