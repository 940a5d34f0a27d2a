/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-properties.c: what can be set on a client: its properties, and its numbers.
 */
#include "milter-client-private.h"

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

static GParamSpec *properties[N_PROPERTIES];

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

void
milter_client_install_properties (GObjectClass *object_class)
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
  object_class->get_property = milter_client_get_property;
  object_class->set_property = milter_client_set_property;
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
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
