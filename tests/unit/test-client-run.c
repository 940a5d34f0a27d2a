/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-run.c: a client that runs in a thread, and an MTA that does as it likes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <milter/client.h>

/* nothing that should happen takes so long */
#define PATIENCE_MS 20000
#define BODY_SIZE   (4 * 1024 * 1024)
/* more than the kernel and the client together keep for a peer that does not read */
#define FLOOD_SIZE (16 * 1024 * 1024)

typedef struct
{
  char *folder;
  char *path;
  MilterClient *client;
  GThread *thread;
  GAsyncQueue *events; /* words, in the order in which they happened */
  int fd;              /* the MTA's */
} Stage;

static void
on_listen_started (MilterClient *client, gpointer address, guint size, gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "listening");
}

static gpointer
run (gpointer data)
{
  Stage *stage = data;

  cr_expect (milter_client_run (stage->client, NULL));
  return NULL;
}

static void
stage_expect (Stage *stage, const char *event)
{
  const char *next = g_async_queue_timeout_pop (stage->events, PATIENCE_MS * (guint64) 1000);

  cr_assert_not_null (next);
  cr_assert_str_eq (next, event);
}

static Stage *
stage_new (void)
{
  Stage *stage = g_new0 (Stage, 1);
  g_autofree char *spec = NULL;

  stage->folder = g_dir_make_tmp ("client-run-XXXXXX", NULL);
  stage->path = g_build_filename (stage->folder, "socket", NULL);
  spec = g_strconcat ("unix:", stage->path, NULL);
  stage->events = g_async_queue_new ();
  stage->client = milter_client_new ();
  cr_assert (milter_client_set_connection_spec (stage->client, spec, NULL));
  g_signal_connect (stage->client, "listen-started", G_CALLBACK (on_listen_started), stage);
  return stage;
}

static void
stage_connect (Stage *stage)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, stage->path, sizeof address.sun_path);
  stage->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq (connect (stage->fd, (const struct sockaddr *) &address, sizeof address), 0);
}

static void
stage_start (Stage *stage)
{
  stage->thread = g_thread_new ("client", run, stage);
  stage_expect (stage, "listening");
  stage_connect (stage);
}

static void
stage_free (Stage *stage)
{
  milter_client_shutdown (stage->client);
  g_thread_join (stage->thread);
  if (stage->fd >= 0)
    close (stage->fd);
  g_object_unref (stage->client);
  g_async_queue_unref (stage->events);
  g_rmdir (stage->folder);
  g_free (stage->path);
  g_free (stage->folder);
  g_free (stage);
}

static void
say (Stage *stage, const void *bytes, gsize size)
{
  cr_assert_eq (send (stage->fd, bytes, size, MSG_NOSIGNAL), (gssize) size);
}

#define SAY(stage, text) say (stage, text, sizeof text - 1)

/* what comes before the time is up, at most @size; 0: the end */
static gssize
hear (Stage *stage, char *bytes, gsize size, int time_ms)
{
  struct pollfd poll_fd = { .fd = stage->fd, .events = POLLIN };

  if (poll (&poll_fd, 1, time_ms) != 1)
    return -1;
  return recv (stage->fd, bytes, size, 0);
}

#define OFFER "\0\0\0\015O\0\0\0\6\0\0\1\377\0\37\377\377"

static MilterStatus
on_unknown (MilterClientContext *context, const char *command, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  g_autofree char *body = g_strnfill (BODY_SIZE, 'x');

  milter_client_context_replace_body (context, body, BODY_SIZE, NULL);
  milter_client_shutdown (((Stage *) data)->client);
  return MILTER_STATUS_ACCEPT;
}

static void
on_finished (MilterClientContext *context, gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "finished");
}

static void
on_established (MilterClient *client, MilterClientContext *context, gpointer data)
{
  g_signal_connect (context, "finished", G_CALLBACK (on_finished), data);
}

static const MilterClientHandlers handlers
    = { .unknown = on_unknown, .end_of_message = on_end_of_message };

Test (client_run, what_was_answered_reaches_a_slow_mta_though_the_client_shuts_down)
{
  Stage *stage = stage_new ();
  g_autofree char *bytes = g_malloc (BODY_SIZE);
  char end = 0;
  gsize total = 0;
  gssize n;

  milter_client_set_handlers (stage->client, &handlers, stage, NULL);
  milter_client_set_shutdown_time (stage->client, PATIENCE_MS / 1000);
  g_signal_connect (stage->client, "connection-established", G_CALLBACK (on_established), stage);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, BODY_SIZE, PATIENCE_MS), 0);
  SAY (stage,
       "\0\0\0\5M<a>\0"
       "\0\0\0\5R<b>\0"
       "\0\0\0\5Bbody"
       "\0\0\0\1E");
  /* nothing has been read so far */
  stage_expect (stage, "finished");
  while ((n = hear (stage, bytes, BODY_SIZE, PATIENCE_MS)) > 0)
    {
      total += (gsize) n;
      end = bytes[n - 1];
    }
  cr_expect_eq (n, 0);
  cr_expect_gt (total, BODY_SIZE);
  cr_expect_eq (end, 'a');
  stage_free (stage);
}

/* commands until the client takes no more for a while; FALSE: it took all */
static gboolean
flood (Stage *stage, gsize *n_said)
{
  static const char command[] = "\0\0\0\3UX";
  g_autoptr (GByteArray) commands = g_byte_array_new ();
  gsize said = 0;

  for (guint i = 0; i < 4096; i++)
    g_byte_array_append (commands, (const guint8 *) command, sizeof command);
  while (said < FLOOD_SIZE)
    {
      gsize from = said % commands->len;
      gssize n = send (
          stage->fd, commands->data + from, commands->len - from, MSG_NOSIGNAL | MSG_DONTWAIT);
      struct pollfd poll_fd = { .fd = stage->fd, .events = POLLOUT };

      if (n < 0 && poll (&poll_fd, 1, 500) == 0)
        break;
      said += n > 0 ? (gsize) n : 0;
    }
  *n_said = said / sizeof command;
  return said < FLOOD_SIZE;
}

Test (client_run, a_peer_that_asks_and_never_reads_is_not_read_until_it_does)
{
  Stage *stage = stage_new ();
  char bytes[4096];
  gsize n_said = 0;
  gsize total = 0;

  milter_client_set_handlers (stage->client, &handlers, stage, NULL);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, sizeof bytes, PATIENCE_MS), 0);
  cr_expect (flood (stage, &n_said));
  /* nothing is lost by that: each continue has five bytes */
  while (total < 5 * n_said)
    {
      gssize n = hear (stage, bytes, sizeof bytes, PATIENCE_MS);

      cr_assert_gt (n, 0);
      total += (gsize) n;
    }
  cr_expect_eq (total, 5 * n_said);
  stage_free (stage);
}

static int n_bodies; /* atomic */

static MilterStatus
replace_with_64k (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  g_autofree char *body = g_strnfill (65535, 'x');

  g_atomic_int_inc (&n_bodies);
  milter_client_context_replace_body (context, body, 65535, NULL);
  return MILTER_STATUS_ACCEPT;
}

static MilterStatus
on_text (MilterClientContext *context, const char *text, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_event (MilterClientContext *context, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_body (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

/* nothing is answered but the end of a message */
static MilterStatus
on_negotiate (MilterClientContext *context,
              MilterOption *option,
              MilterMacrosRequests *requests,
              gpointer data)
{
  milter_option_set_step (option, MILTER_STEP_NO_REPLY_MASK);
  return MILTER_STATUS_CONTINUE;
}

static const MilterClientHandlers long_answers = { .end_of_message = replace_with_64k };
static const MilterClientHandlers long_answers_alone = {
  .negotiate = on_negotiate,
  .helo = on_text,
  .envelope_from = on_text,
  .envelope_recipient = on_text,
  .data = on_event,
  .unknown = on_text,
  .header = on_header,
  .end_of_header = on_event,
  .body = on_body,
  .end_of_message = replace_with_64k,
};

#define N_MESSAGES 500

static void
check_large_answers (const MilterClientHandlers *large, MilterBytes message)
{
  Stage *stage = stage_new ();
  g_autofree char *bytes = g_malloc (BODY_SIZE);
  g_autoptr (GByteArray) messages = g_byte_array_new ();
  const gsize answer_size = 5 + 65535 + 5;
  gsize total = 0;

  g_atomic_int_set (&n_bodies, 0);
  for (guint i = 0; i < N_MESSAGES; i++)
    g_byte_array_append (messages, message.data, (guint) message.size);
  milter_client_set_handlers (stage->client, large, stage, NULL);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, BODY_SIZE, PATIENCE_MS), 0);
  say (stage, messages->data, messages->len);
  /* until it answers no more: what the kernel holds, and what it may hold itself */
  for (int before = -1; before != g_atomic_int_get (&n_bodies);)
    {
      before = g_atomic_int_get (&n_bodies);
      poll (NULL, 0, 300);
    }
  cr_expect_gt (g_atomic_int_get (&n_bodies), 0);
  cr_expect_lt (g_atomic_int_get (&n_bodies), 50);
  while (total < N_MESSAGES * answer_size)
    {
      gssize n = hear (stage, bytes, BODY_SIZE, PATIENCE_MS);

      cr_assert_gt (n, 0);
      total += (gsize) n;
    }
  cr_expect_eq (total, N_MESSAGES * answer_size);
  cr_expect_eq (g_atomic_int_get (&n_bodies), N_MESSAGES);
  stage_free (stage);
}

Test (client_run, one_read_of_many_small_messages_with_large_answers_does_not_fill_our_memory)
{
  /* nothing but this is left of a message when nobody listens to the rest */
  static const MilterBytes message = MILTER_BYTES_INIT ("\0\0\0\1E");

  check_large_answers (&long_answers, message);
}

Test (client_run, nor_does_one_read_of_many_whole_messages)
{
  static const MilterBytes message = MILTER_BYTES_INIT ("\0\0\0\5M<a>\0"
                                                        "\0\0\0\5R<b>\0"
                                                        "\0\0\0\1T"
                                                        "\0\0\0\1N"
                                                        "\0\0\0\1E");

  check_large_answers (&long_answers_alone, message);
}

/* An answer that is never given. */

static MilterStatus
never_answer (MilterClientContext *context, const char *command, gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "asked");
  return MILTER_STATUS_PROGRESS;
}

static const MilterClientHandlers never_answering = { .unknown = never_answer };

Test (client_run, an_mta_that_goes_while_an_answer_is_pending_is_noticed)
{
  Stage *stage = stage_new ();
  char bytes[64];

  milter_client_set_handlers (stage->client, &never_answering, stage, NULL);
  g_signal_connect (stage->client, "connection-established", G_CALLBACK (on_established), stage);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, sizeof bytes, PATIENCE_MS), 0);
  /* what it asked besides is never handled */
  SAY (stage,
       "\0\0\0\3UX\0"
       "\0\0\0\3UY\0");
  stage_expect (stage, "asked");
  close (stage->fd);
  stage->fd = -1;
  stage_expect (stage, "finished");
  stage_free (stage);
}

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

Test (client_run, a_long_timeout_is_as_long_as_was_asked_for)
{
  Stage *stage = stage_new ();
  char bytes[64];

  milter_client_set_handlers (stage->client, &handlers, stage, NULL);
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
  stage->thread = g_thread_new ("client", run, stage);
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
  stage->thread = g_thread_new ("client", run, stage);
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
