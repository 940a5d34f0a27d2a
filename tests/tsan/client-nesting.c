/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-nesting.c: handlers that iterate the main context of their thread while others have data,
 * that close themselves or a neighbour, and that shut the client down. Once as a table of functions,
 * once as signals, one run of the client after the other.
 *
 * The sender of a message says what its handler does. Bounded by counts, not by time. Its exit
 * status is its verdict; the sanitizer's own is 66.
 */
#include <milter/client.h>

#include <pthread.h>
#include <stdlib.h>

#include "threads.h"

#define N_OTHERS   10
#define N_MESSAGES 20

static MilterClient *client;
static atomic_uint n_inside;  /* handlers that have begun to wait */
static atomic_uint n_allowed; /* ... and may go on */
static atomic_uint n_established;
static atomic_uint n_finished;
static atomic_uint n_late; /* handled after they were closed */

/* the worker's own */
typedef struct
{
  guint n_handlers; /* of the context that are on the stack */
  bool is_finished;
} Session;

static MilterClientContext *target; /* holds a reference */
static guint n_plain;
static bool target_is_closed;

static void
iterate_once (void)
{
  g_main_context_iteration (g_main_context_get_thread_default (), FALSE);
}

/* What handlers do. */

static MilterStatus
do_nothing (MilterClientContext *context)
{
  iterate_once ();
  return MILTER_STATUS_CONTINUE;
}

/* until all messages of the others are through */
static MilterStatus
do_iterate (MilterClientContext *context)
{
  n_plain = 0;
  atomic_fetch_add (&n_inside, 1);
  while (n_plain < N_OTHERS * N_MESSAGES)
    iterate_once ();
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
do_close_self (MilterClientContext *context)
{
  milter_client_context_shutdown (context);
  for (guint i = 0; i < 5; i++)
    iterate_once ();
  milter_client_context_shutdown (context);
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
do_become_target (MilterClientContext *context)
{
  target = g_object_ref (context);
  target_is_closed = false;
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
do_become_pending_target (MilterClientContext *context)
{
  do_become_target (context);
  atomic_fetch_add (&n_inside, 1);
  return MILTER_STATUS_PROGRESS;
}

/* a target that is further up the stack when it is closed */
static MilterStatus
do_become_nested_target (MilterClientContext *context)
{
  do_become_target (context);
  atomic_fetch_add (&n_inside, 1);
  while (!target_is_closed)
    iterate_once ();
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
do_close_target (MilterClientContext *context)
{
  milter_client_context_shutdown (target);
  iterate_once ();
  /* nobody waits for it any more, and nobody minds */
  g_signal_emit_by_name (target, "envelope-from-response", MILTER_STATUS_REJECT);
  target_is_closed = true;
  g_clear_object (&target);
  return MILTER_STATUS_CONTINUE;
}

/* waits until the target has something to read, without a look at it */
static MilterStatus
do_close_target_with_data (MilterClientContext *context)
{
  guint number = atomic_fetch_add (&n_inside, 1) + 1;

  while (atomic_load (&n_allowed) < number)
    g_usleep (100);
  return do_close_target (context);
}

static MilterStatus
do_be_late (MilterClientContext *context)
{
  atomic_fetch_add (&n_late, 1);
  return MILTER_STATUS_CONTINUE;
}

/* until the end has begun: then those that are idle are closed */
static MilterStatus
do_shut_down (MilterClientContext *context)
{
  guint before = atomic_load (&n_finished);

  milter_client_shutdown (client);
  milter_client_shutdown (client);
  while (atomic_load (&n_finished) == before)
    iterate_once ();
  return MILTER_STATUS_CONTINUE;
}

static const struct
{
  const char *from;
  MilterStatus (*act) (MilterClientContext *context);
} acts[] = {
  { "<a>", do_nothing },
  { "<iterate>", do_iterate },
  { "<close-self>", do_close_self },
  { "<target>", do_become_target },
  { "<pending-target>", do_become_pending_target },
  { "<nested-target>", do_become_nested_target },
  { "<close-target>", do_close_target },
  { "<close-target-with-data>", do_close_target_with_data },
  { "<late>", do_be_late },
  { "<shut-down>", do_shut_down },
};

static MilterStatus
on_envelope_from (MilterClientContext *context, const char *from, gpointer data)
{
  Session *session = milter_client_context_get_private_data (context);
  MilterStatus status = MILTER_STATUS_REJECT;

  EXPECT (session->n_handlers == 0);
  session->n_handlers++;
  for (gsize i = 0; i < G_N_ELEMENTS (acts); i++)
    if (strcmp (acts[i].from, from) == 0)
      status = acts[i].act (context);
  session->n_handlers--;
  return status;
}

static MilterStatus
on_envelope_recipient (MilterClientContext *context, const char *recipient, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  n_plain++;
  return MILTER_STATUS_CONTINUE;
}

static const MilterClientHandlers handlers = {
  .envelope_from = on_envelope_from,
  .envelope_recipient = on_envelope_recipient,
  .end_of_message = on_end_of_message,
};

static void
on_finished (MilterClientContext *context, gpointer data)
{
  Session *session = data;

  EXPECT (!session->is_finished);
  EXPECT (session->n_handlers == 0);
  session->is_finished = true;
  atomic_fetch_add (&n_finished, 1);
}

static void
on_established (MilterClient *self, MilterClientContext *context, gpointer with_signals)
{
  Session *session = g_new0 (Session, 1);

  milter_client_context_set_private_data (context, session, g_free);
  g_signal_connect (context, "finished", G_CALLBACK (on_finished), session);
  if (with_signals != NULL)
    {
      g_signal_connect (context, "envelope-from", G_CALLBACK (on_envelope_from), NULL);
      g_signal_connect (context, "envelope-recipient", G_CALLBACK (on_envelope_recipient), NULL);
      g_signal_connect (context, "end-of-message", G_CALLBACK (on_end_of_message), NULL);
    }
  atomic_fetch_add (&n_established, 1);
  iterate_once ();
}

/* The MTAs. */

#define REST_OF_MESSAGE                                                                            \
  "\0\0\0\5R<b>\0"                                                                                 \
  "\0\0\0\1E"

/* the beginning of a message, or all of it, in one write */
static void
say_mail (int fd, const char *from, bool is_whole)
{
  char frames[64] = { 0, 0, 0, (char) (strlen (from) + 2), 'M' };
  gsize size = 5 + strlen (from) + 1;

  strcpy (frames + 5, from);
  if (is_whole)
    {
      memcpy (frames + size, FRAMES (REST_OF_MESSAGE));
      size += sizeof REST_OF_MESSAGE - 1;
    }
  say (fd, frames, size);
}

#define CONTINUE "\0\0\0\1c"

static void
expect_continues (int fd, guint n)
{
  for (guint i = 0; i < n; i++)
    expect (fd, FRAMES (CONTINUE));
}

static void
wait_until_inside (guint number)
{
  for (guint i = 0; i < PATIENCE_S * 1000 && atomic_load (&n_inside) < number; i++)
    g_usleep (1000);
  if (atomic_load (&n_inside) < number)
    fail ("a handler was not called");
}

static void
play_iterating (void)
{
  guint number = atomic_load (&n_inside) + 1;
  int fd = negotiate_one ();
  int others[N_OTHERS];

  for (guint i = 0; i < N_OTHERS; i++)
    others[i] = negotiate_one ();
  /* the rest waits until the first has been answered */
  say_mail (fd, "<iterate>", true);
  wait_until_inside (number);
  for (guint i = 0; i < N_OTHERS; i++)
    for (guint k = 0; k < N_MESSAGES; k++)
      say_mail (others[i], "<a>", true);
  for (guint i = 0; i < N_OTHERS; i++)
    {
      expect_continues (others[i], 3 * N_MESSAGES);
      close (others[i]);
    }
  expect_continues (fd, 3);
  close (fd);
}

static void
play_closing_oneself (void)
{
  int fd = negotiate_one ();

  say_mail (fd, "<close-self>", true);
  expect_end (fd);
}

/* what the target says, and what the one that closes it */
static void
play_closing_a_neighbour (const char *what, const char *closer)
{
  bool is_answered = strcmp (what, "<target>") == 0;
  bool has_data = strcmp (closer, "<close-target-with-data>") == 0;
  guint number = atomic_load (&n_inside) + 1;
  int closed = negotiate_one ();
  int fd = negotiate_one ();

  say_mail (closed, what, false);
  if (is_answered)
    expect_continues (closed, 1);
  else
    wait_until_inside (number);
  say_mail (fd, closer, false);
  if (has_data)
    {
      wait_until_inside (number);
      say_mail (closed, "<late>", false);
      atomic_store (&n_allowed, number);
    }
  expect_continues (fd, 1);
  expect_end (closed);
  say (fd, FRAMES (REST_OF_MESSAGE));
  expect_continues (fd, 2);
  close (fd);
}

static void
play_shutting_down (void)
{
  int fd = negotiate_one ();
  int idle = negotiate_one ();

  say_mail (fd, "<shut-down>", false);
  expect_end (idle);
  expect_continues (fd, 1);
  /* a message that is under way is brought to its end */
  say (fd, FRAMES (REST_OF_MESSAGE));
  expect_continues (fd, 2);
  expect_end (fd);
}

static void *
drive (void *data)
{
  play_iterating ();
  play_closing_oneself ();
  play_closing_a_neighbour ("<target>", "<close-target>");
  play_closing_a_neighbour ("<target>", "<close-target-with-data>");
  play_closing_a_neighbour ("<pending-target>", "<close-target>");
  play_closing_a_neighbour ("<nested-target>", "<close-target>");
  play_shutting_down ();
  return NULL;
}

static void
on_listen_started (MilterClient *self, struct sockaddr *where, guint size, pthread_t *driver)
{
  pthread_create (driver, NULL, drive, NULL);
}

static void
run (const char *spec, bool with_signals)
{
  pthread_t driver;
  GError *error = NULL;

  client = milter_client_new ();
  milter_client_set_handlers (client, with_signals ? NULL : &handlers, NULL, NULL);
  g_signal_connect (client,
                    "connection-established",
                    G_CALLBACK (on_established),
                    GINT_TO_POINTER (with_signals));
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), &driver);
  if (!milter_client_set_connection_spec (client, spec, &error)
      || !milter_client_run (client, &error))
    g_error ("%s", error->message);
  pthread_join (driver, NULL);
  EXPECT (!milter_client_is_processing (client));
  EXPECT (atomic_load (&n_established) == atomic_load (&n_finished));
  EXPECT (atomic_load (&n_late) == 0);
  g_object_unref (client);
}

int
main (int argc, char **argv)
{
  g_autofree char *spec = make_spec ();

  g_set_prgname ("client-nesting");
  milter_init ();
  milter_client_init ();
  run (spec, /* with_signals= */ false);
  run (spec, /* with_signals= */ true);
  leave_folder ();
  return atomic_load (&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
