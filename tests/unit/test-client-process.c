/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-process.c: a client that runs: sessions that it counts, its pid file, workers, threads and user, and what
 * a subclass is told.
 */
#include <string.h>
#include <unistd.h>

#include "client-place.h"

Test (client_process, sessions_of_the_program_are_counted)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (MilterClientContext) context = milter_client_context_new (client);

  cr_expect_not (milter_client_is_processing (client));
  milter_client_session_started (client);
  milter_client_session_started (client);
  cr_expect_eq (milter_client_get_n_processing_sessions (client), 2);
  cr_expect_eq (milter_client_context_get_n_processing_sessions (context), 2);
  milter_client_session_finished (client);
  cr_expect (milter_client_is_processing (client));
  milter_client_session_finished (client);
  cr_expect_not (milter_client_is_processing (client));
}

/* Running. */

static void
count_and_end (MilterClient *client, guint n, guint *sum)
{
  *sum += n;
  milter_client_shutdown (client);
}

static void
finish_session (MilterClient *client, struct sockaddr *address, guint size, gpointer data)
{
  milter_client_session_finished (client);
}

Test (client_process, the_end_of_a_session_of_the_program_is_told)
{
  Place place = place_new ();
  guint sum = 0;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_session_started (place.client);
  g_signal_connect (place.client, "listen-started", G_CALLBACK (finish_session), NULL);
  g_signal_connect (place.client, "sessions-finished", G_CALLBACK (count_and_end), &sum);
  cr_expect (milter_client_run (place.client, NULL));
  cr_expect_eq (sum, 1);
  place_clear (&place);
}

static void
finish_one_and_end (MilterClient *client, struct sockaddr *address, guint size, gpointer data)
{
  milter_client_session_finished (client);
  milter_client_shutdown (client);
}

static void
finish_another (MilterClient *client, guint n, gpointer data)
{
  milter_client_session_finished (client);
}

static gboolean
do_for_ever (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

Test (client_process, a_session_of_the_program_that_ends_while_the_client_ends_counts_no_more)
{
  Place place = place_new ();
  /* what is told when there is nothing else to do is told at the very end then */
  guint source = g_idle_add_full (G_PRIORITY_DEFAULT, do_for_ever, NULL, NULL);

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_shutdown_time (place.client, 0);
  milter_client_session_started (place.client);
  milter_client_session_started (place.client);
  g_signal_connect (place.client, "listen-started", G_CALLBACK (finish_one_and_end), NULL);
  g_signal_connect (place.client, "sessions-finished", G_CALLBACK (finish_another), NULL);
  cr_expect (milter_client_run (place.client, NULL));
  cr_expect_eq (milter_client_get_n_processing_sessions (place.client), 0);
  g_source_remove (source);
  place_clear (&place);
}

static void
note_code (MilterClient *client, GError *error, int *code)
{
  *code = error->code;
}

Test (client_process, main_serves_only_where_somebody_listens)
{
  Place place = place_new ();
  int code = -1;

  g_signal_connect (place.client, "error", G_CALLBACK (note_code), &code);
  cr_expect_not (milter_client_main (place.client));
  cr_expect_eq (code, MILTER_CLIENT_ERROR_NOT_LISTENED_YET);
  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  cr_assert (milter_client_listen (place.client, NULL));
  milter_client_shutdown (place.client);
  cr_expect (milter_client_main (place.client));
  cr_expect_not (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place_clear (&place);
}

static void
check_pid_file (MilterClient *client, struct sockaddr *address, guint size, Place *place)
{
  g_autofree char *content = NULL;
  g_autofree char *pid = g_strdup_printf ("%ld\n", (long) getpid ());

  cr_expect (g_file_get_contents (milter_client_get_pid_file (client), &content, NULL, NULL));
  cr_expect_str_eq (content, pid);
  milter_client_shutdown (client);
}

Test (client_process, the_pid_file_is_there_while_the_client_runs)
{
  Place place = place_new ();
  g_autofree char *pid_file = g_build_filename (place.folder, "pid", NULL);

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_pid_file (place.client, pid_file);
  g_signal_connect (place.client, "listen-started", G_CALLBACK (check_pid_file), &place);
  cr_expect (milter_client_run (place.client, NULL));
  cr_expect_not (g_file_test (pid_file, G_FILE_TEST_EXISTS));
  milter_client_set_remove_pid_file_on_exit (place.client, FALSE);
  cr_expect (milter_client_run (place.client, NULL));
  cr_expect (g_file_test (pid_file, G_FILE_TEST_EXISTS));
  g_unlink (pid_file);
  place_clear (&place);
}

Test (client_process, a_pid_file_that_cannot_be_written_keeps_the_client_from_running)
{
  Place place = place_new ();
  g_autofree char *link = g_build_filename (place.folder, "link", NULL);
  g_autofree char *target = g_build_filename (place.folder, "target", NULL);
  const char *files[] = { place.folder, "/nowhere/at/all", link, "/dev/null" };

  cr_assert_eq (symlink (target, link), 0);
  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autoptr (GError) error = NULL;

      milter_client_set_pid_file (place.client, files[i]);
      cr_assert_not (milter_client_run (place.client, &error), "%s", files[i]);
      cr_expect_eq (error->code, MILTER_CLIENT_ERROR_PID_FILE);
      cr_expect_not_null (strstr (error->message, files[i]));
      cr_expect_not (g_file_test (place.path, G_FILE_TEST_EXISTS));
    }
  cr_expect_not (g_file_test (target, G_FILE_TEST_EXISTS));
  g_unlink (link);
  place_clear (&place);
}

static void
note_worker (MilterClient *client, gpointer ids)
{
  g_atomic_int_or ((guint *) ids, 1U << milter_client_get_worker_id (client));
}

static void
note_workers (MilterClient *client, guint n, guint *sum)
{
  *sum = n;
  cr_expect_eq (milter_client_get_worker_id (client), 0);
  milter_client_shutdown (client);
}

Test (client_process, each_worker_is_told_in_its_own_thread_under_its_number)
{
  Place place = place_new ();
  guint ids = 0;
  guint n = 0;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_n_workers (place.client, 3);
  g_signal_connect (place.client, "worker-created", G_CALLBACK (note_worker), &ids);
  g_signal_connect (place.client, "workers-created", G_CALLBACK (note_workers), &n);
  cr_expect (milter_client_run (place.client, NULL));
  cr_expect_eq (n, 3);
  cr_expect_eq (ids, 2 | 4 | 8);
  place_clear (&place);
}

/* All contexts: three connections on two workers, asked from the thread of the client. */

typedef struct
{
  Place place;
  int fds[3];
  guint n_established;
  guint n_visited;
  guint n_elsewhere;
} Visits;

static void
visit (MilterClientContext *context, gpointer data)
{
  Visits *visits = data;

  g_atomic_int_inc (&visits->n_visited);
  /* the context's own thread */
  if (milter_client_get_worker_id (milter_client_context_get_client (context)) == 0)
    g_atomic_int_inc (&visits->n_elsewhere);
}

static gboolean
visit_all (gpointer data)
{
  Visits *visits = data;

  milter_client_processing_context_foreach (visits->place.client, visit, visits);
  milter_client_shutdown (visits->place.client);
  return G_SOURCE_REMOVE;
}

static void
on_established (MilterClient *client, MilterClientContext *context, Visits *visits)
{
  /* a worker waits for the other one, which may wait for it */
  milter_client_processing_context_foreach (client, visit, visits);
  if (g_atomic_int_add (&visits->n_established, 1) + 1 == 3)
    {
      g_atomic_int_set (&visits->n_visited, 0);
      g_idle_add (visit_all, visits);
    }
}

static void
connect_all (MilterClient *client, struct sockaddr *address, guint size, Visits *visits)
{
  for (gsize i = 0; i < 3; i++)
    {
      visits->fds[i] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      cr_assert_eq (connect (visits->fds[i], address, size), 0);
    }
}

Test (client_process, all_contexts_are_visited_in_their_own_threads, .timeout = 60)
{
  Visits visits = { .place = place_new () };
  MilterClient *client = visits.place.client;

  cr_assert (milter_client_set_connection_spec (client, visits.place.spec, NULL));
  milter_client_set_n_workers (client, 2);
  g_signal_connect (client, "listen-started", G_CALLBACK (connect_all), &visits);
  g_signal_connect (client, "connection-established", G_CALLBACK (on_established), &visits);
  cr_expect (milter_client_run (client, NULL));
  cr_expect_geq (visits.n_visited, 3);
  cr_expect_eq (visits.n_elsewhere, 0);
  for (gsize i = 0; i < 3; i++)
    close (visits.fds[i]);
  /* nobody is there, and nothing is called */
  visits.n_visited = 0;
  milter_client_processing_context_foreach (client, visit, &visits);
  cr_expect_eq (visits.n_visited, 0);
  place_clear (&visits.place);
}

Test (client_process, who_is_not_root_can_only_stay_who_it_is)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (GError) error = NULL;

  /* criterion runs each test in a process of its own */
  if (geteuid () == 0)
    cr_assert_eq (setresuid (65534, 65534, 65534), 0);
  cr_expect (milter_client_drop_privilege (client, NULL));
  milter_client_set_effective_user (client, "0");
  cr_expect_not (milter_client_drop_privilege (client, &error));
  cr_expect_eq (error->code, MILTER_CLIENT_ERROR_DROP_PRIVILEGE);
}

static gpointer
wait_for_the_end (gpointer mutex)
{
  g_mutex_lock (mutex);
  g_mutex_unlock (mutex);
  return NULL;
}

Test (client_process, a_process_with_threads_does_not_lose_them)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (GError) error = NULL;
  GMutex mutex;
  GThread *thread;

  g_mutex_init (&mutex);
  g_mutex_lock (&mutex);
  thread = g_thread_new ("other", wait_for_the_end, &mutex);
  cr_expect_not (milter_client_daemonize (client, &error));
  cr_expect_eq (error->code, MILTER_CLIENT_ERROR_DAEMONIZE);
  g_mutex_unlock (&mutex);
  g_thread_join (thread);
  g_mutex_clear (&mutex);
}

/* A subclass, without anything connected. */

typedef struct
{
  MilterClient parent_instance;
  guint seen; /* a bit for each class function */
} TestClient;

typedef struct
{
  MilterClientClass parent_class;
} TestClientClass;

static GType test_client_get_type (void);
G_DEFINE_TYPE (TestClient, test_client, MILTER_TYPE_CLIENT)

static void
see (MilterClient *client, guint bit)
{
  g_atomic_int_or (&((TestClient *) client)->seen, bit);
}

static void
class_workers_created (MilterClient *client, guint n)
{
  see (client, 1);
}

static void
class_worker_created (MilterClient *client)
{
  see (client, 2);
}

static void
class_listen_started (MilterClient *client, struct sockaddr *address, guint size)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  see (client, 4);
  cr_assert_eq (connect (fd, address, size), 0);
  close (fd);
}

static void
class_connection_established (MilterClient *client, MilterClientContext *context)
{
  see (client, 8);
}

static void
class_sessions_finished (MilterClient *client, guint n)
{
  see (client, 16);
}

static void
class_maintain (MilterClient *client)
{
  see (client, 32);
  milter_client_shutdown (client);
}

static void
class_error (MilterClient *client, GError *error)
{
  see (client, 64);
}

static void
test_client_class_init (TestClientClass *klass)
{
  MilterClientClass *client_class = MILTER_CLIENT_CLASS (klass);

  client_class->workers_created = class_workers_created;
  client_class->worker_created = class_worker_created;
  client_class->listen_started = class_listen_started;
  client_class->connection_established = class_connection_established;
  client_class->sessions_finished = class_sessions_finished;
  client_class->maintain = class_maintain;
  client_class->error = class_error;
}

static void
test_client_init (TestClient *self)
{
}

Test (client_process, a_subclass_is_told_everything_without_connecting, .timeout = 60)
{
  Place place = place_new ();

  g_object_unref (place.client);
  place.client = g_object_new (test_client_get_type (), NULL);
  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  /* "error": nothing listens yet */
  cr_expect_not (milter_client_main (place.client));
  cr_expect (milter_client_run (place.client, NULL));
  cr_expect_eq (((TestClient *) place.client)->seen, 127);
  place_clear (&place);
}
