/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-settings.c: what a client and a context are told and tell again, where a client
 * listens, and what it counts.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <milter/client.h>

typedef struct
{
  char *folder;
  char *path;
  char *spec;
  MilterClient *client;
} Place;

static Place
place_new (void)
{
  Place place = { g_dir_make_tmp ("client-settings-XXXXXX", NULL), NULL, NULL, NULL };

  place.path = g_build_filename (place.folder, "socket", NULL);
  place.spec = g_strconcat ("unix:", place.path, NULL);
  place.client = milter_client_new ();
  return place;
}

static void
place_clear (Place *place)
{
  g_object_unref (place->client);
  g_unlink (place->path);
  cr_expect_eq (g_rmdir (place->folder), 0);
  g_free (place->folder);
  g_free (place->path);
  g_free (place->spec);
}

Test (client_settings, the_library_is_set_up_more_than_once)
{
  milter_init ();
  milter_client_init ();
  milter_client_init ();
  cr_expect_neq (g_type_from_name ("MilterClientContext"), 0);
  milter_client_quit ();
  milter_quit ();
  cr_expect_str_eq (g_quark_to_string (milter_client_error_quark ()), "milter-client-error-quark");
  cr_expect_str_eq (g_quark_to_string (milter_client_context_error_quark ()),
                    "milter-client-context-error-quark");
}

Test (client_settings, numbers_have_defaults_and_hold_what_was_set)
{
  static const struct
  {
    const char *name;
    guint (*get) (MilterClient *client);
    void (*set) (MilterClient *client, guint value);
    guint standard;
  } cases[] = {
    { "timeout", milter_client_get_timeout, milter_client_set_timeout, 7210 },
    { "suspend time",
      milter_client_get_suspend_time_on_unacceptable,
      milter_client_set_suspend_time_on_unacceptable,
      5 },
    { "connections", milter_client_get_max_connections, milter_client_set_max_connections, 0 },
    { "interval",
      milter_client_get_maintenance_interval,
      milter_client_set_maintenance_interval,
      0 },
    { "pending",
      milter_client_get_max_pending_finished_sessions,
      milter_client_set_max_pending_finished_sessions,
      0 },
    { "workers", milter_client_get_n_workers, milter_client_set_n_workers, 0 },
    { "mode", milter_client_get_unix_socket_mode, milter_client_set_unix_socket_mode, 0660 },
  };
  g_autoptr (MilterClient) client = milter_client_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      cr_expect_eq (cases[i].get (client), cases[i].standard, "%s", cases[i].name);
      cases[i].set (client, 0600);
      cr_expect_eq (cases[i].get (client), 0600, "%s", cases[i].name);
    }
}

Test (client_settings, mode_and_group_of_the_socket_fall_back_on_the_default_ones)
{
  g_autoptr (MilterClient) client = milter_client_new ();

  milter_client_set_default_unix_socket_mode (client, 0666);
  cr_expect_eq (milter_client_get_default_unix_socket_mode (client), 0666);
  cr_expect_eq (milter_client_get_unix_socket_mode (client), 0666);
  milter_client_set_unix_socket_mode (client, 0600);
  cr_expect_eq (milter_client_get_unix_socket_mode (client), 0600);
  milter_client_set_unix_socket_mode (client, 0);
  cr_expect_eq (milter_client_get_unix_socket_mode (client), 0666);

  cr_expect_null (milter_client_get_unix_socket_group (client));
  milter_client_set_default_unix_socket_group (client, "mail");
  cr_expect_str_eq (milter_client_get_default_unix_socket_group (client), "mail");
  cr_expect_str_eq (milter_client_get_unix_socket_group (client), "mail");
  milter_client_set_unix_socket_group (client, "postfix");
  cr_expect_str_eq (milter_client_get_unix_socket_group (client), "postfix");
  milter_client_set_unix_socket_group (client, NULL);
  cr_expect_str_eq (milter_client_get_unix_socket_group (client), "mail");
}

Test (client_settings, texts_hold_what_was_set_and_are_taken_back)
{
  static const struct
  {
    const char *text;
    const char *(*get) (MilterClient *client);
    void (*set) (MilterClient *client, const char *text);
  } cases[] = {
    { "nobody", milter_client_get_effective_user, milter_client_set_effective_user },
    { "mail", milter_client_get_effective_group, milter_client_set_effective_group },
    { "/run/m.pid", milter_client_get_pid_file, milter_client_set_pid_file },
    { "my-milter", milter_client_get_syslog_identify, milter_client_set_syslog_identify },
    { "local5", milter_client_get_syslog_facility, milter_client_set_syslog_facility },
  };
  g_autoptr (MilterClient) client = milter_client_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      cr_expect_null (cases[i].get (client));
      cases[i].set (client, cases[i].text);
      cr_expect_str_eq (cases[i].get (client), cases[i].text);
      cases[i].set (client, cases[i].get (client));
      cr_expect_str_eq (cases[i].get (client), cases[i].text);
      cases[i].set (client, NULL);
      cr_expect_null (cases[i].get (client));
    }
}

Test (client_settings, choices_have_defaults_and_hold_what_was_set)
{
  static const struct
  {
    gboolean (*get) (MilterClient *client);
    void (*set) (MilterClient *client, gboolean value);
    gboolean standard;
  } cases[] = {
    { milter_client_is_remove_unix_socket_on_create,
      milter_client_set_remove_unix_socket_on_create,
      TRUE },
    { milter_client_is_remove_unix_socket_on_close,
      milter_client_set_default_remove_unix_socket_on_close,
      TRUE },
    { milter_client_get_default_remove_unix_socket_on_close,
      milter_client_set_default_remove_unix_socket_on_close,
      TRUE },
    { milter_client_is_remove_pid_file_on_exit, milter_client_set_remove_pid_file_on_exit, TRUE },
    { milter_client_is_run_as_daemon, milter_client_set_run_as_daemon, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterClient) client = milter_client_new ();

      cr_expect_eq (cases[i].get (client), cases[i].standard);
      cases[i].set (client, !cases[i].standard);
      cr_expect_eq (cases[i].get (client), !cases[i].standard);
    }
}

Test (client_settings, properties_have_the_documented_defaults)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autofree char *spec = NULL;
  g_autofree char *pid_file = NULL;
  MilterClientEventLoopBackend backend = MILTER_CLIENT_EVENT_LOOP_BACKEND_LIBEV;
  guint buffer_size = 1;
  guint worker_id = 1;
  gboolean remove = FALSE;
  gboolean daemon = TRUE;

  g_object_get (client,
                "connection-spec",
                &spec,
                "pid-file",
                &pid_file,
                "event-loop-backend",
                &backend,
                "default-packet-buffer-size",
                &buffer_size,
                "worker-id",
                &worker_id,
                "remove-pid-file-on-exit",
                &remove,
                "run-as-daemon",
                &daemon,
                NULL);
  cr_expect_null (spec);
  cr_expect_null (pid_file);
  cr_expect_eq (backend, MILTER_CLIENT_EVENT_LOOP_BACKEND_DEFAULT);
  cr_expect_eq (buffer_size, 0);
  cr_expect_eq (worker_id, milter_client_get_worker_id (client));
  cr_expect_eq (worker_id, 0);
  cr_expect (remove);
  cr_expect_not (daemon);
}

Test (client_settings, the_default_spec_is_the_environments)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *local = NULL;
  g_autofree char *given = NULL;

  g_unsetenv ("MILTER_DEFAULT_CONNECTION_SPEC");
  local = milter_client_get_default_connection_spec (client);
  cr_expect_str_eq (local, "inet:10025@[127.0.0.1]");
  g_setenv ("MILTER_DEFAULT_CONNECTION_SPEC", "inet:x", TRUE);
  given = milter_client_get_default_connection_spec (client);
  cr_expect_str_eq (given, "inet:x");
  cr_expect_not (milter_client_listen (client, &error));
  cr_expect (g_str_has_prefix (error->message, "MILTER_DEFAULT_CONNECTION_SPEC: "));
  g_unsetenv ("MILTER_DEFAULT_CONNECTION_SPEC");
}

Test (client_settings, a_spec_that_does_not_parse_leaves_the_one_before)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (GError) error = NULL;

  cr_expect (milter_client_set_connection_spec (client, "inet:10026", NULL));
  cr_expect_not (milter_client_set_connection_spec (client, "inet:99999", &error));
  cr_expect_not_null (error);
  cr_expect_str_eq (milter_client_get_connection_spec (client), "inet:10026");
}

Test (client_settings, the_socket_has_its_mode_and_is_removed_when_the_client_goes)
{
  Place place = place_new ();
  struct stat file;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_unix_socket_mode (place.client, 0604);
  milter_client_set_listen_backlog (place.client, 3);
  cr_expect_null (milter_client_get_listen_channel (place.client));
  cr_assert (milter_client_listen (place.client, NULL));
  cr_expect_not_null (milter_client_get_listen_channel (place.client));
  cr_assert_eq (stat (place.path, &file), 0);
  cr_expect_eq (file.st_mode & 07777, 0604);
  g_object_unref (place.client);
  cr_expect_neq (stat (place.path, &file), 0);
  place.client = milter_client_new ();
  place_clear (&place);
}

Test (client_settings, a_relative_socket_is_removed_from_another_directory)
{
  Place place = place_new ();
  g_autofree char *before = g_get_current_dir ();

  cr_assert_eq (g_chdir (place.folder), 0);
  cr_assert (milter_client_set_connection_spec (place.client, "unix:socket", NULL));
  cr_assert (milter_client_listen (place.client, NULL));
  cr_assert_eq (g_chdir ("/"), 0);
  g_object_unref (place.client);
  cr_expect_not (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place.client = milter_client_new ();
  cr_assert_eq (g_chdir (before), 0);
  place_clear (&place);
}

Test (client_settings, what_is_no_dead_socket_is_never_removed)
{
  Place place = place_new ();
  g_autoptr (MilterClient) first = milter_client_new ();
  g_autoptr (GError) error = NULL;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  cr_assert (milter_client_set_connection_spec (first, place.spec, NULL));
  /* a plain file */
  cr_assert (g_file_set_contents (place.path, "mine", -1, NULL));
  cr_expect_not (milter_client_listen (place.client, &error));
  cr_expect_not_null (strstr (error->message, "something that is not a socket"));
  cr_expect (g_file_test (place.path, G_FILE_TEST_IS_REGULAR));
  g_clear_error (&error);
  g_unlink (place.path);
  /* one that lives */
  cr_assert (milter_client_listen (first, NULL));
  cr_expect_not (milter_client_listen (place.client, &error));
  cr_expect_not_null (strstr (error->message, "somebody listens on it already"));
  cr_expect (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place_clear (&place);
}

Test (client_settings, a_dead_socket_is_removed_if_that_may_be)
{
  Place place = place_new ();
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, place.path, sizeof address.sun_path);
  cr_assert_eq (bind (fd, (const struct sockaddr *) &address, sizeof address), 0);
  close (fd);
  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_remove_unix_socket_on_create (place.client, FALSE);
  cr_expect_not (milter_client_listen (place.client, NULL));
  milter_client_set_remove_unix_socket_on_create (place.client, TRUE);
  cr_expect (milter_client_listen (place.client, NULL));
  place_clear (&place);
}

Test (client_settings, a_socket_that_was_handed_over_is_listened_on_and_left)
{
  Place place = place_new ();
  g_autoptr (GIOChannel) channel
      = milter_connection_listen (place.spec, -1, NULL, NULL, FALSE, NULL);

  milter_client_set_listen_channel (place.client, channel);
  cr_expect_eq (milter_client_get_listen_channel (place.client), channel);
  cr_expect (milter_client_listen (place.client, NULL));
  g_object_unref (place.client);
  cr_expect (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place.client = milter_client_new ();
  place_clear (&place);
}

Test (client_settings, a_group_that_is_not_there_leaves_no_socket)
{
  Place place = place_new ();
  g_autoptr (GError) error = NULL;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_unix_socket_group (place.client, "no-such-group");
  cr_expect_not (milter_client_listen (place.client, &error));
  cr_expect_eq (error->code, MILTER_CLIENT_ERROR_GROUP_ENTRY);
  cr_expect_not (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place_clear (&place);
}

Test (client_settings, sessions_of_the_program_are_counted)
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

Test (client_settings, the_end_of_a_session_of_the_program_is_told)
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
note_code (MilterClient *client, GError *error, int *code)
{
  *code = error->code;
}

Test (client_settings, main_serves_only_where_somebody_listens)
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

Test (client_settings, the_pid_file_is_there_while_the_client_runs)
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

Test (client_settings, a_pid_file_that_cannot_be_written_keeps_the_client_from_running)
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

Test (client_settings, each_worker_is_told_in_its_own_thread_under_its_number)
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

Test (client_settings, all_contexts_are_visited_in_their_own_threads, .timeout = 60)
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

Test (client_settings, who_is_not_root_can_only_stay_who_it_is)
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

Test (client_settings, a_process_with_threads_does_not_lose_them)
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

/* A context. */

Test (client_settings, a_context_holds_what_was_set)
{
  g_autoptr (MilterClientContext) context = milter_client_context_new (NULL);
  g_autoptr (MilterMessageResult) result = g_object_new (MILTER_TYPE_MESSAGE_RESULT, NULL);
  g_autoptr (MilterOption) option = milter_option_new (6, MILTER_ACTION_ADD_HEADERS, 0);
  MilterGenericSocketAddress address = { .inet.sin_family = AF_INET };
  guint buffer_size = 1;

  cr_expect_eq (milter_client_context_get_timeout (context), 7210);
  milter_client_context_set_timeout (context, 3);
  cr_expect_eq (milter_client_context_get_timeout (context), 3);
  milter_client_context_set_state (context, MILTER_CLIENT_CONTEXT_STATE_HELO);
  cr_expect_eq (milter_client_context_get_state (context), MILTER_CLIENT_CONTEXT_STATE_HELO);
  cr_expect_eq (milter_client_context_get_last_state (context), MILTER_CLIENT_CONTEXT_STATE_START);
  milter_client_context_set_status (context, MILTER_STATUS_REJECT);
  cr_expect_eq (milter_client_context_get_status (context), MILTER_STATUS_REJECT);
  milter_client_context_set_quarantine_reason (context, "odd");
  cr_expect_str_eq (milter_client_context_get_quarantine_reason (context), "odd");
  cr_expect_null (milter_client_context_get_socket_address (context));
  milter_client_context_set_socket_address (context, &address);
  cr_expect_eq (milter_client_context_get_socket_address (context)->base.sa_family, AF_INET);
  milter_client_context_set_message_result (context, result);
  cr_expect_eq (milter_client_context_get_message_result (context), result);
  milter_client_context_set_option (context, option);
  cr_expect_eq (milter_client_context_get_option (context), option);
  cr_expect_not (milter_client_context_get_use_bytes (context));
  milter_client_context_set_use_bytes (context, TRUE);
  cr_expect (milter_client_context_get_use_bytes (context));
  g_object_get (context, "packet-buffer-size", &buffer_size, NULL);
  cr_expect_eq (buffer_size, 0);
}

Test (client_settings, a_message_leaves_nothing_on_the_context_that_is_reset)
{
  g_autoptr (MilterClientContext) context = milter_client_context_new (NULL);

  milter_client_context_set_mail_transaction_shelf_value (context, "key", "value");
  milter_client_context_set_mail_transaction_shelf_value (context, "other", "value");
  cr_expect_eq (g_hash_table_size (milter_client_context_get_mail_transaction_shelf (context)), 2);
  milter_client_context_clear_mail_transaction_shelf (context);
  cr_expect_null (milter_client_context_get_mail_transaction_shelf_value (context, "key"));
  milter_client_context_set_mail_transaction_shelf_value (context, "key", "value");
  milter_client_context_set_quarantine_reason (context, "odd");
  milter_client_context_reset_message_related_data (context);
  cr_expect_null (milter_client_context_get_mail_transaction_shelf_value (context, "key"));
  cr_expect_null (milter_client_context_get_quarantine_reason (context));
}

Test (client_settings, a_context_is_fed_without_a_socket)
{
  g_autoptr (MilterClientContext) context = milter_client_context_new (NULL);
  g_autoptr (GError) error = NULL;

  cr_expect (milter_client_context_feed (context, "\0\0\0\1", 4, &error));
  cr_expect_not (milter_client_context_feed (context, "?", 1, &error));
  cr_expect_not_null (error);
}

Test (client_settings, syslog_is_of_the_client_that_started_it_last)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (MilterClient) other = milter_client_new ();

  milter_client_start_syslog (client);
  cr_expect (milter_client_get_syslog_enabled (client));
  milter_client_start_syslog (other);
  cr_expect_not (milter_client_get_syslog_enabled (client));
  cr_expect (milter_client_get_syslog_enabled (other));
  milter_client_stop_syslog (other);
  cr_expect_not (milter_client_get_syslog_enabled (other));
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

Test (client_settings, a_subclass_is_told_everything_without_connecting, .timeout = 60)
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
