/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-both-sides.c: one process loads the shared libraries of both sides and runs a session
 * between them, through what is installed alone: <milter/client.h> and <milter/server.h>.
 *
 * It fails if a type is registered twice (core and io exist once, in milter-core), if a public
 * function is not exported, or if the two sides do not understand each other.
 */
#include <milter/client.h>
#include <milter/server.h>

#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>

typedef struct
{
  MilterServerContext *context;
  GMainLoop *loop;
  char *added;
  MilterStatus status;
  bool failed;
} Session;

static MilterStatus
milter_end_of_message (MilterClientContext *context,
                       const char *chunk,
                       gsize size,
                       gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!milter_client_context_add_header (context, "X-Seen", "both sides", &error))
    g_error ("add_header: %s", error->message);
  return MILTER_STATUS_ACCEPT;
}

static MilterStatus
milter_negotiate (MilterClientContext *context,
                  MilterOption *option,
                  MilterMacrosRequests *requests,
                  gpointer user_data)
{
  milter_option_set_action (option, MILTER_ACTION_ADD_HEADERS);
  milter_option_set_step (option, MILTER_STEP_NONE);
  return MILTER_STATUS_CONTINUE;
}

static const MilterClientHandlers handlers = {
  .negotiate = milter_negotiate,
  .end_of_message = milter_end_of_message,
};

static gpointer
run_milter (gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!milter_client_run (user_data, &error))
    g_error ("the milter: %s", error->message);
  return NULL;
}

/* what the MTA says next, by what was answered last */
static void
say_next (Session *session)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (50443) };
  gboolean said = FALSE;

  switch ((int) milter_server_context_get_state (session->context))
    {
    case MILTER_SERVER_CONTEXT_STATE_NEGOTIATE:
      address.sin_addr.s_addr = htonl (0xc0000207);
      said = milter_server_context_connect (
          session->context, "client.example.com", (struct sockaddr *) &address, sizeof address);
      break;
    case MILTER_SERVER_CONTEXT_STATE_CONNECT:
      said = milter_server_context_helo (session->context, "client.example.com");
      break;
    case MILTER_SERVER_CONTEXT_STATE_HELO:
      said = milter_server_context_envelope_from (session->context, "<alice@example.com>");
      break;
    case MILTER_SERVER_CONTEXT_STATE_ENVELOPE_FROM:
      said = milter_server_context_envelope_recipient (session->context, "<bob@example.net>");
      break;
    case MILTER_SERVER_CONTEXT_STATE_ENVELOPE_RECIPIENT:
      said = milter_server_context_data (session->context);
      break;
    case MILTER_SERVER_CONTEXT_STATE_DATA:
      said = milter_server_context_header (session->context, "Subject", "hello");
      break;
    case MILTER_SERVER_CONTEXT_STATE_HEADER:
      said = milter_server_context_end_of_header (session->context);
      break;
    case MILTER_SERVER_CONTEXT_STATE_END_OF_HEADER:
      said = milter_server_context_body (session->context, "Hi.\r\n", 5);
      break;
    case MILTER_SERVER_CONTEXT_STATE_BODY:
      said = milter_server_context_end_of_message (session->context, NULL, 0);
      break;
    }
  if (!said)
    {
      session->failed = true;
      g_main_loop_quit (session->loop);
    }
}

static void
on_ready (MilterServerContext *context, Session *session)
{
  g_autoptr (MilterOption) option
      = milter_option_new (6, MILTER_ACTIONS_ALL, MILTER_STEPS_ALL & ~MILTER_STEP_NO_MASK);

  if (!milter_server_context_negotiate (context, option))
    g_error ("negotiate was refused");
}

static void
on_negotiate_reply (MilterServerContext *context,
                    MilterOption *option,
                    MilterMacrosRequests *requests,
                    Session *session)
{
  say_next (session);
}

static void
on_continue (MilterServerContext *context, Session *session)
{
  say_next (session);
}

static void
on_add_header (MilterServerContext *context, const char *name, const char *value, Session *session)
{
  session->added = g_strdup_printf ("%s: %s", name, value);
}

static void
on_accept (MilterServerContext *context, Session *session)
{
  session->status = MILTER_STATUS_ACCEPT;
  milter_server_context_quit (context);
  g_main_loop_quit (session->loop);
}

static void
on_error (MilterServerContext *context, GError *error, Session *session)
{
  g_printerr ("the MTA: %s\n", error->message);
  session->failed = true;
  g_main_loop_quit (session->loop);
}

static gboolean
on_timeout (gpointer user_data)
{
  g_error ("no end after 30 seconds");
  return G_SOURCE_REMOVE;
}

int
main (void)
{
  g_autofree char *folder = g_dir_make_tmp ("milter-both-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "s", NULL);
  g_autofree char *spec = g_strconcat ("unix:", path, NULL);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  Session session = { .loop = loop };
  MilterClient *client;
  GThread *thread;

  milter_init ();
  milter_client_init ();
  milter_server_init ();

  client = milter_client_new ();
  milter_client_set_handlers (client, &handlers, NULL, NULL);
  if (!milter_client_set_connection_spec (client, spec, &error)
      || !milter_client_listen (client, &error))
    g_error ("%s", error->message);
  thread = g_thread_new ("milter", run_milter, client);

  session.context = milter_server_context_new ();
  g_signal_connect (session.context, "ready", G_CALLBACK (on_ready), &session);
  g_signal_connect (
      session.context, "negotiate-reply", G_CALLBACK (on_negotiate_reply), &session);
  g_signal_connect (session.context, "continue", G_CALLBACK (on_continue), &session);
  g_signal_connect (session.context, "add-header", G_CALLBACK (on_add_header), &session);
  g_signal_connect (session.context, "accept", G_CALLBACK (on_accept), &session);
  g_signal_connect (session.context, "error", G_CALLBACK (on_error), &session);
  if (!milter_server_context_set_connection_spec (session.context, spec, &error)
      || !milter_server_context_establish_connection (session.context, &error))
    g_error ("%s", error->message);
  g_timeout_add_seconds (30, on_timeout, NULL);
  g_main_loop_run (loop);
  g_object_unref (session.context);

  milter_client_shutdown (client);
  g_thread_join (thread);
  g_object_unref (client);
  milter_server_quit ();
  milter_client_quit ();
  milter_quit ();
  g_rmdir (folder);

  if (session.failed || session.status != MILTER_STATUS_ACCEPT
      || g_strcmp0 (session.added, "X-Seen: both sides") != 0)
    {
      g_printerr ("status %d, added %s\n", session.status, session.added);
      return 1;
    }
  g_free (session.added);
  return 0;
}
