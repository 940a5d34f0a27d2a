/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client.h: a milter: where it listens, and what serves the connections that come.
 *
 * milter_client_run() serves in one thread more, which accepts as well, or accepts in the thread
 * that calls it and serves in as many as milter_client_set_n_workers() says.
 * "connection-established" is emitted in the thread that serves the context, before its first byte
 * is read; the other signals of a client come in the thread of milter_client_run(). With one worker
 * all contexts share one thread, so that a program written for one loop needs no locks.
 */
#pragma once

#include <milter/core.h>
#include <sys/socket.h>

#include "milter-client-context.h"
#include "milter-client-enums.h"
#include "milter-client-handlers.h"

G_BEGIN_DECLS

#define MILTER_TYPE_CLIENT (milter_client_get_type ())
#define MILTER_CLIENT(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), MILTER_TYPE_CLIENT, MilterClient))
#define MILTER_CLIENT_CLASS(klass)                                                                 \
  (G_TYPE_CHECK_CLASS_CAST ((klass), MILTER_TYPE_CLIENT, MilterClientClass))
#define MILTER_IS_CLIENT(obj)         (G_TYPE_CHECK_INSTANCE_TYPE ((obj), MILTER_TYPE_CLIENT))
#define MILTER_IS_CLIENT_CLASS(klass) (G_TYPE_CHECK_CLASS_TYPE ((klass), MILTER_TYPE_CLIENT))
#define MILTER_CLIENT_GET_CLASS(obj)                                                               \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), MILTER_TYPE_CLIENT, MilterClientClass))

typedef struct _MilterClientClass MilterClientClass;
typedef struct _MilterClientPrivate MilterClientPrivate;

/**
 * MilterClient:
 *
 * A milter: where it listens, and what serves the connections that come.
 *
 * milter_client_run() serves in one thread more, which accepts as well, or accepts in the thread
 * that calls it and serves in as many as milter_client_set_n_workers() says.
 * "connection-established" is emitted in the thread that serves the context, before its first byte
 * is read; the other signals of a client come in the thread of milter_client_run().
 */
struct _MilterClient
{
  GObject parent_instance;

  /*< private >*/
  MilterClientPrivate *priv;
};

/**
 * MilterClientClass:
 * @create_context: makes the context of a new connection; a subclass returns contexts of its own
 *   class here. Called in the thread that will serve it.
 *
 * The other class functions are those of the signals of the same names.
 */
struct _MilterClientClass
{
  GObjectClass parent_class;

  MilterClientContext *(*create_context) (MilterClient *client);

  void (*connection_established) (MilterClient *client, MilterClientContext *context);
  void (*listen_started) (MilterClient *client, struct sockaddr *address, guint address_size);
  void (*maintain) (MilterClient *client);
  void (*sessions_finished) (MilterClient *client, guint n_sessions);
  void (*error) (MilterClient *client, GError *error);
  void (*workers_created) (MilterClient *client, guint n_workers);
  void (*worker_created) (MilterClient *client);

  /*< private >*/
  gpointer padding[6];
};

/**
 * MilterClientContextFunc:
 * @context: a context
 * @user_data: what milter_client_processing_context_foreach() was given
 *
 * Is called for each context that a client serves, in the context's own thread.
 */
typedef void (*MilterClientContextFunc) (MilterClientContext *context, gpointer user_data);

#define MILTER_CLIENT_ERROR (milter_client_error_quark ())
MILTER_AVAILABLE GQuark milter_client_error_quark (void);
MILTER_AVAILABLE GType milter_client_get_type (void);

MILTER_AVAILABLE void milter_client_init (void);
MILTER_AVAILABLE void milter_client_quit (void);

MILTER_AVAILABLE MilterClient *milter_client_new (void);
MILTER_AVAILABLE void milter_client_set_handlers (MilterClient *client,
                                                  const MilterClientHandlers *handlers,
                                                  gpointer user_data,
                                                  GDestroyNotify destroy);
MILTER_AVAILABLE void milter_client_set_option (MilterClient *client, MilterOption *option);
MILTER_AVAILABLE MilterOption *milter_client_get_option (MilterClient *client);
MILTER_AVAILABLE MilterClientContext *milter_client_create_context (MilterClient *client);

/* where it listens */
MILTER_AVAILABLE char *milter_client_get_default_connection_spec (MilterClient *client);
MILTER_AVAILABLE const char *milter_client_get_connection_spec (MilterClient *client);
MILTER_AVAILABLE gboolean milter_client_set_connection_spec (MilterClient *client,
                                                             const char *spec,
                                                             GError **error);
MILTER_AVAILABLE GIOChannel *milter_client_get_listen_channel (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_listen_channel (MilterClient *client, GIOChannel *channel);
MILTER_AVAILABLE void milter_client_set_listen_backlog (MilterClient *client, int backlog);
MILTER_AVAILABLE gboolean milter_client_listen (MilterClient *client, GError **error);

/* the file of a unix socket */
MILTER_AVAILABLE gboolean milter_client_is_remove_unix_socket_on_create (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_remove_unix_socket_on_create (MilterClient *client, gboolean remove);
MILTER_AVAILABLE gboolean milter_client_is_remove_unix_socket_on_close (MilterClient *client);
MILTER_AVAILABLE gboolean
milter_client_get_default_remove_unix_socket_on_close (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_default_remove_unix_socket_on_close (MilterClient *client, gboolean remove);
MILTER_AVAILABLE guint milter_client_get_unix_socket_mode (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_unix_socket_mode (MilterClient *client, guint mode);
MILTER_AVAILABLE guint milter_client_get_default_unix_socket_mode (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_default_unix_socket_mode (MilterClient *client, guint mode);
MILTER_AVAILABLE const char *milter_client_get_unix_socket_group (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_unix_socket_group (MilterClient *client, const char *group);
MILTER_AVAILABLE const char *milter_client_get_default_unix_socket_group (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_default_unix_socket_group (MilterClient *client, const char *group);

/* limits */
MILTER_AVAILABLE void milter_client_set_timeout (MilterClient *client, guint timeout);
MILTER_AVAILABLE guint milter_client_get_timeout (MilterClient *client);
MILTER_AVAILABLE guint milter_client_get_suspend_time_on_unacceptable (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_suspend_time_on_unacceptable (MilterClient *client, guint suspend_time);
MILTER_AVAILABLE guint milter_client_get_max_connections (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_max_connections (MilterClient *client, guint max_connections);
MILTER_AVAILABLE guint milter_client_get_shutdown_time (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_shutdown_time (MilterClient *client, guint shutdown_time);
MILTER_AVAILABLE guint milter_client_get_maintenance_interval (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_maintenance_interval (MilterClient *client, guint maintenance_interval);
MILTER_AVAILABLE guint milter_client_get_max_pending_finished_sessions (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_max_pending_finished_sessions (MilterClient *client, guint n_sessions);
MILTER_AVAILABLE guint milter_client_get_n_workers (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_n_workers (MilterClient *client, guint n_workers);
MILTER_AVAILABLE guint milter_client_get_worker_id (MilterClient *client);

/* the process */
MILTER_AVAILABLE GOptionGroup *milter_client_get_option_group (MilterClient *client);
MILTER_AVAILABLE const char *milter_client_get_effective_user (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_effective_user (MilterClient *client, const char *effective_user);
MILTER_AVAILABLE const char *milter_client_get_effective_group (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_effective_group (MilterClient *client, const char *effective_group);
MILTER_AVAILABLE gboolean milter_client_drop_privilege (MilterClient *client, GError **error);
MILTER_AVAILABLE gboolean milter_client_is_run_as_daemon (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_run_as_daemon (MilterClient *client, gboolean daemon);
MILTER_AVAILABLE gboolean milter_client_daemonize (MilterClient *client, GError **error);
MILTER_AVAILABLE const char *milter_client_get_pid_file (MilterClient *client);
MILTER_AVAILABLE void milter_client_set_pid_file (MilterClient *client, const char *pid_file);
MILTER_AVAILABLE gboolean milter_client_is_remove_pid_file_on_exit (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_remove_pid_file_on_exit (MilterClient *client, gboolean remove);
MILTER_AVAILABLE const char *milter_client_get_syslog_identify (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_syslog_identify (MilterClient *client, const char *identify);
MILTER_AVAILABLE const char *milter_client_get_syslog_facility (MilterClient *client);
MILTER_AVAILABLE void
milter_client_set_syslog_facility (MilterClient *client, const char *facility);
MILTER_AVAILABLE void milter_client_start_syslog (MilterClient *client);
MILTER_AVAILABLE void milter_client_stop_syslog (MilterClient *client);
MILTER_AVAILABLE gboolean milter_client_get_syslog_enabled (MilterClient *client);

/* running */
MILTER_AVAILABLE gboolean milter_client_run (MilterClient *client, GError **error);
MILTER_AVAILABLE gboolean milter_client_main (MilterClient *client);
MILTER_AVAILABLE void milter_client_shutdown (MilterClient *client);
MILTER_AVAILABLE void milter_client_processing_context_foreach (MilterClient *client,
                                                                MilterClientContextFunc func,
                                                                gpointer user_data);
MILTER_AVAILABLE void milter_client_session_started (MilterClient *client);
MILTER_AVAILABLE void milter_client_session_finished (MilterClient *client);
MILTER_AVAILABLE guint milter_client_get_n_processing_sessions (MilterClient *client);
MILTER_AVAILABLE gboolean milter_client_is_processing (MilterClient *client);

#if !defined(__cplusplus) && !defined(__GI_SCANNER__)
/* milter_client_run (client) is the older form of milter_client_run (client, NULL) */
#define milter_client_run(...)                      _milter_client_run_with (__VA_ARGS__, NULL, 0)
#define _milter_client_run_with(client, error, ...) (milter_client_run) ((client), (error))
#endif

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterClient, g_object_unref)

G_END_DECLS
