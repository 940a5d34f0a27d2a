/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client.c: the object: settings, properties, signals.
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
  PROP_0,
  PROP_CONNECTION_SPEC,
  PROP_N_WORKERS,
  PROP_MAINTENANCE_INTERVAL,
  PROP_MAX_PENDING_FINISHED_SESSIONS,
  PROP_EVENT_LOOP_BACKEND,
  PROP_DEFAULT_PACKET_BUFFER_SIZE,
  PROP_WORKER_ID,
  PROP_PID_FILE,
  PROP_REMOVE_PID_FILE_ON_EXIT,
  PROP_SYSLOG_IDENTIFY,
  PROP_SYSLOG_FACILITY,
  PROP_START_SYSLOG,
  PROP_RUN_AS_DAEMON,
  N_PROPERTIES
};

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

static GParamSpec *properties[N_PROPERTIES];
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
  g_ptr_array_unref (priv->old_notes);
  g_ptr_array_unref (priv->workers);
  G_OBJECT_CLASS (milter_client_object_parent_class)->finalize (object);
}

static void
milter_client_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MilterClient *client = MILTER_CLIENT (object);

  switch (id)
    {
    case PROP_CONNECTION_SPEC:
      g_value_set_string (value, milter_client_get_connection_spec (client));
      break;
    case PROP_N_WORKERS:
      g_value_set_uint (value, client->priv->n_workers);
      break;
    case PROP_MAINTENANCE_INTERVAL:
      g_value_set_uint (value, client->priv->maintenance_interval);
      break;
    case PROP_MAX_PENDING_FINISHED_SESSIONS:
      g_value_set_uint (value, client->priv->max_pending_finished_sessions);
      break;
    case PROP_EVENT_LOOP_BACKEND:
      g_value_set_enum (value, client->priv->event_loop_backend);
      break;
    case PROP_DEFAULT_PACKET_BUFFER_SIZE:
      g_value_set_uint (value, client->priv->default_packet_buffer_size);
      break;
    case PROP_WORKER_ID:
      g_value_set_uint (value, milter_client_get_worker_id (client));
      break;
    case PROP_PID_FILE:
      g_value_set_string (value, client->priv->pid_file);
      break;
    case PROP_REMOVE_PID_FILE_ON_EXIT:
      g_value_set_boolean (value, client->priv->remove_pid_file);
      break;
    case PROP_SYSLOG_IDENTIFY:
      g_value_set_string (value, client->priv->syslog_identify);
      break;
    case PROP_SYSLOG_FACILITY:
      g_value_set_string (value, client->priv->syslog_facility);
      break;
    case PROP_RUN_AS_DAEMON:
      g_value_set_boolean (value, client->priv->run_as_daemon);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
set_event_loop_backend (MilterClient *client, MilterClientEventLoopBackend backend)
{
  g_return_if_fail (backend != MILTER_CLIENT_EVENT_LOOP_BACKEND_LIBEV);
  client->priv->event_loop_backend = backend;
  g_object_notify_by_pspec (G_OBJECT (client), properties[PROP_EVENT_LOOP_BACKEND]);
}

static void
milter_client_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  MilterClient *client = MILTER_CLIENT (object);

  switch (id)
    {
    case PROP_N_WORKERS:
      milter_client_set_n_workers (client, g_value_get_uint (value));
      break;
    case PROP_MAINTENANCE_INTERVAL:
      milter_client_set_maintenance_interval (client, g_value_get_uint (value));
      break;
    case PROP_MAX_PENDING_FINISHED_SESSIONS:
      milter_client_set_max_pending_finished_sessions (client, g_value_get_uint (value));
      break;
    case PROP_EVENT_LOOP_BACKEND:
      set_event_loop_backend (client, g_value_get_enum (value));
      break;
    case PROP_DEFAULT_PACKET_BUFFER_SIZE:
      client->priv->default_packet_buffer_size = g_value_get_uint (value);
      g_object_notify_by_pspec (object, pspec);
      break;
    case PROP_PID_FILE:
      milter_client_set_pid_file (client, g_value_get_string (value));
      break;
    case PROP_REMOVE_PID_FILE_ON_EXIT:
      milter_client_set_remove_pid_file_on_exit (client, g_value_get_boolean (value));
      break;
    case PROP_SYSLOG_IDENTIFY:
      milter_client_set_syslog_identify (client, g_value_get_string (value));
      break;
    case PROP_SYSLOG_FACILITY:
      milter_client_set_syslog_facility (client, g_value_get_string (value));
      break;
    case PROP_START_SYSLOG:
      if (g_value_get_boolean (value))
        milter_client_start_syslog (client);
      break;
    case PROP_RUN_AS_DAEMON:
      milter_client_set_run_as_daemon (client, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static MilterClientContext *
milter_client_real_create_context (MilterClient *client)
{
  return milter_client_context_new (client);
}

static void
install_process_properties (GParamFlags plain)
{
  const GParamFlags strings = G_PARAM_STATIC_STRINGS;

  properties[PROP_EVENT_LOOP_BACKEND]
      = g_param_spec_enum ("event-loop-backend",
                           NULL,
                           NULL,
                           MILTER_TYPE_CLIENT_EVENT_LOOP_BACKEND,
                           MILTER_CLIENT_EVENT_LOOP_BACKEND_DEFAULT,
                           plain);
  /* without effect: what is due in one turn always leaves in one write */
  properties[PROP_DEFAULT_PACKET_BUFFER_SIZE]
      = g_param_spec_uint ("default-packet-buffer-size", NULL, NULL, 0, G_MAXUINT, 0, plain);
  properties[PROP_WORKER_ID] = g_param_spec_uint (
      "worker-id", NULL, NULL, 0, MILTER_CLIENT_MAX_WORKERS, 0, G_PARAM_READABLE | strings);
  properties[PROP_PID_FILE] = g_param_spec_string ("pid-file", NULL, NULL, NULL, plain);
  properties[PROP_REMOVE_PID_FILE_ON_EXIT]
      = g_param_spec_boolean ("remove-pid-file-on-exit", NULL, NULL, TRUE, plain);
  properties[PROP_SYSLOG_IDENTIFY]
      = g_param_spec_string ("syslog-identify", NULL, NULL, NULL, plain);
  properties[PROP_SYSLOG_FACILITY]
      = g_param_spec_string ("syslog-facility", NULL, NULL, NULL, plain);
  properties[PROP_START_SYSLOG] = g_param_spec_boolean (
      "start-syslog", NULL, NULL, FALSE, G_PARAM_WRITABLE | strings);
  properties[PROP_RUN_AS_DAEMON] = g_param_spec_boolean ("run-as-daemon", NULL, NULL, FALSE, plain);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags plain = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  properties[PROP_CONNECTION_SPEC] = g_param_spec_string (
      "connection-spec", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_N_WORKERS]
      = g_param_spec_uint ("n-workers", NULL, NULL, 0, MILTER_CLIENT_MAX_WORKERS, 0, plain);
  properties[PROP_MAINTENANCE_INTERVAL]
      = g_param_spec_uint ("maintenance-interval", NULL, NULL, 0, G_MAXUINT, 0, plain);
  properties[PROP_MAX_PENDING_FINISHED_SESSIONS]
      = g_param_spec_uint ("max-pending-finished-sessions", NULL, NULL, 0, G_MAXUINT, 0, plain);
  install_process_properties (plain);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
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

/**
 * MilterClient:connection-spec:
 *
 * Where the client listens, as `unix:PATH` or `inet:PORT@HOST`.
 */

/**
 * MilterClient:n-workers:
 *
 * How many threads serve connections; 0 is one.
 */

/**
 * MilterClient:worker-id:
 *
 * Which of the client's workers the thread is that asks, from 1 on; 0 in any other thread.
 */

/**
 * MilterClient:event-loop-backend:
 *
 * Which main loop serves; there is only GLib's, so that the value changes nothing.
 */

/**
 * MilterClient:default-packet-buffer-size:
 *
 * Without effect: what is due in one turn always leaves in one write.
 */

/**
 * MilterClient:pid-file:
 *
 * The file that milter_client_run() writes the process id into; %NULL for none.
 */

/**
 * MilterClient:remove-pid-file-on-exit:
 *
 * Whether milter_client_run() removes the pid file at its end.
 */

/**
 * MilterClient:run-as-daemon:
 *
 * Whether milter_client_run() goes to the background.
 */

/**
 * MilterClient:syslog-identify:
 *
 * The name that the system's log shows; %NULL is the program's.
 */

/**
 * MilterClient:syslog-facility:
 *
 * The facility of the system's log, as "mail"; %NULL is "mail".
 */

/**
 * MilterClient:start-syslog:
 *
 * Set to %TRUE it does what milter_client_start_syslog() does; %FALSE does nothing.
 */

/**
 * MilterClient:maintenance-interval:
 *
 * After how many finished sessions "maintain" is emitted; 0: only when none is being served.
 */

/**
 * MilterClient:max-pending-finished-sessions:
 *
 * After how many finished sessions they are told at once, instead of when the thread is idle; 0 is
 * never.
 */

static void
milter_client_object_class_init (MilterClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GType type = G_TYPE_FROM_CLASS (klass);
  const GSignalFlags last = G_SIGNAL_RUN_LAST;

  object_class->finalize = milter_client_object_finalize;
  object_class->get_property = milter_client_get_property;
  object_class->set_property = milter_client_set_property;
  klass->create_context = milter_client_real_create_context;
  /* classes that workers use are there before any worker is */
  g_type_class_ref (MILTER_TYPE_CLIENT_CONTEXT);
  g_type_class_ref (MILTER_TYPE_OPTION);
  g_type_class_ref (MILTER_TYPE_MACROS_REQUESTS);
  install_properties (object_class);

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
  priv->old_notes = g_ptr_array_new_with_free_func ((GDestroyNotify) _milter_handover_unref);
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

/* Limits. */

/**
 * milter_client_set_timeout:
 * @client: a client
 * @timeout: seconds that an MTA may be silent, 0 for ever
 *
 * Sets the timeout of all contexts that are made from now on.
 */
void
milter_client_set_timeout (MilterClient *client, guint timeout)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->timeout = timeout;
}

/**
 * milter_client_get_timeout:
 * @client: a client
 *
 * Returns: seconds that an MTA may be silent; 0 is for ever
 */
guint
milter_client_get_timeout (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->timeout;
}

/**
 * milter_client_set_suspend_time_on_unacceptable:
 * @client: a client
 * @suspend_time: seconds that accepting rests when descriptors or memory have run out
 */
void
milter_client_set_suspend_time_on_unacceptable (MilterClient *client, guint suspend_time)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->suspend_time = suspend_time;
}

/**
 * milter_client_get_suspend_time_on_unacceptable:
 * @client: a client
 *
 * Returns: seconds for which nothing is accepted after the system had no descriptor left
 */
guint
milter_client_get_suspend_time_on_unacceptable (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->suspend_time;
}

/**
 * milter_client_set_max_connections:
 * @client: a client
 * @max_connections: connections that are served at a time, 0 for any number
 *
 * Those that come while there are so many wait in the system's queue.
 */
void
milter_client_set_max_connections (MilterClient *client, guint max_connections)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->max_connections = max_connections;
}

/**
 * milter_client_get_max_connections:
 * @client: a client
 *
 * Returns: how many connections are served at once; 0 is any number
 */
guint
milter_client_get_max_connections (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->max_connections;
}

/**
 * milter_client_set_shutdown_time:
 * @client: a client
 * @shutdown_time: seconds
 *
 * How long messages that are under way, and MTAs that are slow to read what was answered, may hold
 * up milter_client_shutdown(); then their connections are closed.
 */
void
milter_client_set_shutdown_time (MilterClient *client, guint shutdown_time)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->shutdown_time = shutdown_time;
}

/**
 * milter_client_get_shutdown_time:
 * @client: a client
 *
 * Returns: seconds that milter_client_shutdown() leaves to messages under way
 */
guint
milter_client_get_shutdown_time (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->shutdown_time;
}

/**
 * milter_client_set_maintenance_interval:
 * @client: a client
 * @maintenance_interval: sessions, 0 for off
 *
 * "maintain" is emitted each time so many sessions more have finished, besides whenever none is
 * left.
 */
void
milter_client_set_maintenance_interval (MilterClient *client, guint maintenance_interval)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->maintenance_interval = maintenance_interval;
  g_object_notify_by_pspec (G_OBJECT (client), properties[PROP_MAINTENANCE_INTERVAL]);
}

/**
 * milter_client_get_maintenance_interval:
 * @client: a client
 *
 * Returns: after how many finished sessions "maintain" is emitted; 0: only when none is being
 *   served
 */
guint
milter_client_get_maintenance_interval (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->maintenance_interval;
}

/**
 * milter_client_set_max_pending_finished_sessions:
 * @client: a client
 * @n_sessions: sessions, 0 for any number
 *
 * "sessions-finished" tells of the sessions that finished since the last time as soon as neither
 * the thread that served them nor the main loop has anything else to do, or there are so many.
 */
void
milter_client_set_max_pending_finished_sessions (MilterClient *client, guint n_sessions)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  client->priv->max_pending_finished_sessions = n_sessions;
  g_object_notify_by_pspec (G_OBJECT (client), properties[PROP_MAX_PENDING_FINISHED_SESSIONS]);
}

/**
 * milter_client_get_max_pending_finished_sessions:
 * @client: a client
 *
 * Returns: after how many finished sessions they are told at once; 0 is never
 */
guint
milter_client_get_max_pending_finished_sessions (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->max_pending_finished_sessions;
}

/**
 * milter_client_set_n_workers:
 * @client: a client
 * @n_workers: threads that serve connections, at most 1000; 0 counts as 1
 */
void
milter_client_set_n_workers (MilterClient *client, guint n_workers)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_return_if_fail (n_workers <= MILTER_CLIENT_MAX_WORKERS);
  client->priv->n_workers = n_workers;
  g_object_notify_by_pspec (G_OBJECT (client), properties[PROP_N_WORKERS]);
}

/**
 * milter_client_get_n_workers:
 * @client: a client
 *
 * Returns: how many threads serve connections; 0 is one
 */
guint
milter_client_get_n_workers (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return client->priv->n_workers;
}
