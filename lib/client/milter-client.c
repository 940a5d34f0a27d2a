/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client.c: the object: what it is made of, and its signals.
 */
#include "milter-client.h"

#include <sys/socket.h>
#include <unistd.h>

#include "milter-client-context-private.h"
#include "milter-client-private.h"

/* as libmilter's smfi_settimeout: longer than any MTA waits for its client */
#define DEFAULT_TIMEOUT 7210
/* readable and writable for owner and group: the MTA is usually put into the group */
#define DEFAULT_SOCKET_MODE 0660
/* how long accepting rests when descriptors have run out */
#define DEFAULT_SUSPEND_TIME 5
/* how long messages that are under way may hold up a shutdown */
#define DEFAULT_SHUTDOWN_TIME 5

/* milter_client_init is the function that sets the library up, so that the instance's needs another
 * name */
static GType milter_client_object_get_type (void);
G_DEFINE_TYPE_WITH_PRIVATE (MilterClient, milter_client_object, G_TYPE_OBJECT)

GType
milter_client_get_type (void)
{
  return milter_client_object_get_type ();
}

GQuark
milter_client_error_quark (void)
{
  return g_quark_from_static_string ("milter-client-error-quark");
}

enum
{
  CONNECTION_ESTABLISHED,
  LISTEN_STARTED,
  MAINTAIN,
  SESSIONS_FINISHED,
  ERROR,
  WORKERS_CREATED,
  WORKER_CREATED,
  N_CLIENT_SIGNALS
};

static guint signals[N_CLIENT_SIGNALS];

static void
milter_client_object_finalize (GObject *object)
{
  MilterClient *client = MILTER_CLIENT (object);
  MilterClientPrivate *priv = client->priv;

  /* a socket that was opened and never run */
  milter_client_close_socket (client, NULL);
  milter_client_set_handlers (client, NULL, NULL, NULL);
  g_clear_object (&priv->option);
  g_clear_pointer (&priv->spec, milter_connection_spec_free);
  g_free (priv->unix_socket_group);
  g_free (priv->default_unix_socket_group);
  milter_client_stop_syslog (client);
  g_free (priv->effective_user);
  g_free (priv->effective_group);
  g_free (priv->directory);
  g_free (priv->pid_file);
  g_free (priv->syslog_identify);
  g_free (priv->syslog_facility);
  if (priv->started_fd >= 0)
    close (priv->started_fd);
  pthread_mutex_destroy (&priv->workers_mutex);
  g_clear_pointer (&priv->notes, _milter_handover_unref);
  g_ptr_array_unref (priv->workers);
  G_OBJECT_CLASS (milter_client_object_parent_class)->finalize (object);
}

static MilterClientContext *
milter_client_real_create_context (MilterClient *client)
{
  return milter_client_context_new (client);
}

/**
 * MilterClient::connection-established:
 * @client: the client
 * @context: its context
 *
 * An MTA has connected. Emitted in the thread that will serve the context, before its first byte is
 * read: the place to connect handlers.
 */

/**
 * MilterClient::listen-started:
 * @client: the client
 * @address: (type gpointer): where it listens, a `struct sockaddr`
 * @address_size: its size
 *
 * The client listens. Emitted in the thread of milter_client_listen() or milter_client_run().
 */

/**
 * MilterClient::maintain:
 * @client: the client
 *
 * A time to tidy up: no connection is being served, or milter_client_get_maintenance_interval()
 * sessions have finished.
 */

/**
 * MilterClient::sessions-finished:
 * @client: the client
 * @n_sessions: how many since the last time
 *
 * Connections have ended.
 */

/**
 * MilterClient::workers-created:
 * @client: the client
 * @n_workers: how many
 *
 * The threads that serve connections run. Emitted in the thread of milter_client_run().
 */

/**
 * MilterClient::worker-created:
 * @client: the client
 *
 * A thread that serves connections has begun. Emitted in that thread, before its first connection;
 * milter_client_get_worker_id() tells which one it is.
 */

/**
 * MilterClient::error:
 * @client: the client
 * @error: what went wrong
 *
 * Something failed that concerns no single context: a socket that cannot be accepted or removed, a
 * context that could not be made.
 */

static void
milter_client_object_class_init (MilterClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GType type = G_TYPE_FROM_CLASS (klass);
  const GSignalFlags last = G_SIGNAL_RUN_LAST;

  object_class->finalize = milter_client_object_finalize;
  klass->create_context = milter_client_real_create_context;
  /* classes that workers use are there before any worker is */
  g_type_class_ref (MILTER_TYPE_CLIENT_CONTEXT);
  g_type_class_ref (MILTER_TYPE_OPTION);
  g_type_class_ref (MILTER_TYPE_MACROS_REQUESTS);
  milter_client_install_properties (object_class);

#define CLASS_FUNCTION(name)                                                                       \
  G_STRUCT_OFFSET (MilterClientClass, name), NULL, NULL, NULL, G_TYPE_NONE
  /* a connection came; emitted in the thread that serves it, before its first byte is read */
  signals[CONNECTION_ESTABLISHED] = g_signal_new ("connection-established",
                                                  type,
                                                  last,
                                                  CLASS_FUNCTION (connection_established),
                                                  1,
                                                  MILTER_TYPE_CLIENT_CONTEXT);
  /* the others come in the thread of milter_client_run(); the address is where it listens really */
  signals[LISTEN_STARTED] = g_signal_new ("listen-started",
                                          type,
                                          last,
                                          CLASS_FUNCTION (listen_started),
                                          2,
                                          G_TYPE_POINTER,
                                          G_TYPE_UINT);
  signals[MAINTAIN] = g_signal_new ("maintain", type, last, CLASS_FUNCTION (maintain), 0);
  signals[SESSIONS_FINISHED] = g_signal_new (
      "sessions-finished", type, last, CLASS_FUNCTION (sessions_finished), 1, G_TYPE_UINT);
  signals[ERROR] = g_signal_new ("error", type, last, CLASS_FUNCTION (error), 1, G_TYPE_ERROR);
  signals[WORKERS_CREATED] = g_signal_new (
      "workers-created", type, last, CLASS_FUNCTION (workers_created), 1, G_TYPE_UINT);
  /* this one in each worker's own thread, before it serves anything */
  signals[WORKER_CREATED]
      = g_signal_new ("worker-created", type, last, CLASS_FUNCTION (worker_created), 0);
#undef CLASS_FUNCTION
}

static void
milter_client_object_init (MilterClient *client)
{
  MilterClientPrivate *priv = milter_client_object_get_instance_private (client);

  client->priv = priv;
  priv->timeout = DEFAULT_TIMEOUT;
  priv->listen_backlog = -1;
  priv->remove_on_create = true;
  priv->remove_on_close = true;
  priv->default_unix_socket_mode = DEFAULT_SOCKET_MODE;
  priv->suspend_time = DEFAULT_SUSPEND_TIME;
  priv->shutdown_time = DEFAULT_SHUTDOWN_TIME;
  priv->remove_pid_file = true;
  priv->pid_fd = -1;
  priv->started_fd = -1;
  pthread_mutex_init (&priv->workers_mutex, NULL);
  priv->workers = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_client_worker_unref);
}

void
milter_client_replace_text (char **place, const char *text)
{
  char *old = *place;

  *place = g_strdup (text);
  g_free (old);
}

/* Signals. */

void
milter_client_emit_connection_established (MilterClient *client, MilterClientContext *context)
{
  g_signal_emit (client, signals[CONNECTION_ESTABLISHED], 0, context);
}

void
milter_client_emit_listen_started (MilterClient *client)
{
  g_signal_emit (client,
                 signals[LISTEN_STARTED],
                 0,
                 client->priv->listen_address,
                 (guint) client->priv->listen_address_size);
}

void
milter_client_emit_maintain (MilterClient *client)
{
  g_signal_emit (client, signals[MAINTAIN], 0);
}

void
milter_client_emit_sessions_finished (MilterClient *client, guint n_sessions)
{
  g_signal_emit (client, signals[SESSIONS_FINISHED], 0, n_sessions);
}

void
milter_client_emit_error (MilterClient *client, const GError *error)
{
  g_debug ("%s", error->message);
  g_signal_emit (client, signals[ERROR], 0, error);
}

void
milter_client_emit_workers_created (MilterClient *client, guint n_workers)
{
  g_signal_emit (client, signals[WORKERS_CREATED], 0, n_workers);
}

void
milter_client_emit_worker_created (MilterClient *client)
{
  g_signal_emit (client, signals[WORKER_CREATED], 0);
}

/* The library. */

/**
 * milter_client_init:
 *
 * Sets the library up; milter_init() comes first. More than once is harmless.
 */
void
milter_client_init (void)
{
  g_type_ensure (MILTER_TYPE_CLIENT);
  g_type_ensure (MILTER_TYPE_CLIENT_CONTEXT);
}

/**
 * milter_client_quit:
 *
 * The counterpart of milter_client_init(), before milter_quit().
 */
void
milter_client_quit (void)
{
}

/**
 * milter_client_new:
 *
 * Returns: (transfer full): a client that listens nowhere yet
 */
MilterClient *
milter_client_new (void)
{
  return g_object_new (MILTER_TYPE_CLIENT, NULL);
}

/**
 * milter_client_set_handlers:
 * @client: a client
 * @handlers: (nullable): functions for the events of its connections; not copied
 * @user_data: what they are given
 * @destroy: (nullable): frees @user_data when it is replaced or the client goes
 *
 * Sets the handlers of all contexts that are made from now on. Set them before the client runs.
 */
void
milter_client_set_handlers (MilterClient *client,
                            const MilterClientHandlers *handlers,
                            gpointer user_data,
                            GDestroyNotify destroy)
{
  MilterClientPrivate *priv;
  GDestroyNotify old_destroy;
  gpointer old_data;

  g_return_if_fail (MILTER_IS_CLIENT (client));
  priv = client->priv;
  old_data = priv->handlers_data;
  old_destroy = priv->handlers_destroy;
  priv->handlers = handlers;
  priv->handlers_data = user_data;
  priv->handlers_destroy = destroy;
  if (old_destroy != NULL)
    old_destroy (old_data);
}

/**
 * milter_client_set_option:
 * @client: a client
 * @option: (nullable): what the program needs of an MTA; %NULL: every action that is offered
 *
 * Declares what is asked of an MTA where no handler of "negotiate" edits its offer: the actions of
 * @option and no others, its steps besides those that keep away the events that nobody listens to,
 * and its version, if it is lower than the offered one. An MTA that does not offer an action, or a
 * step without which it would send what it should not, is refused, as libmilter does: "error" tells
 * which, and the connection is closed. Set it before the client runs.
 *
 * Macros are asked for with milter_protocol_agent_set_macros_requests().
 *
 * Since: 0.1
 */
void
milter_client_set_option (MilterClient *client, MilterOption *option)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_return_if_fail (option == NULL || MILTER_IS_OPTION (option));
  g_set_object (&client->priv->option, option);
}

/**
 * milter_client_get_option:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): what milter_client_set_option() was given
 *
 * Since: 0.1
 */
MilterOption *
milter_client_get_option (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->option;
}

/**
 * milter_client_create_context:
 * @client: a client
 *
 * Returns: (transfer full): a context as the client's class makes them
 */
MilterClientContext *
milter_client_create_context (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return MILTER_CLIENT_GET_CLASS (client)->create_context (client);
}
