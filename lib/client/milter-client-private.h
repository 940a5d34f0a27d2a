/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-private.h: a client from inside.
 *
 * milter-client.c      the object and its settings
 * milter-client-listen.c  the socket and its file
 * milter-client-run.c  accepting, workers, the end
 * milter-client-sessions.c  what is being served
 * milter-client-options.c  the options that programs have in common
 * milter-client-privilege.c, milter-client-daemon.c, milter-client-pid-file.c  the process
 * milter-client-log.c  messages
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "milter-client-worker-private.h"
#include "milter-client.h"
#include "milter-handover-private.h"
#include "milter-io-private.h"

G_BEGIN_DECLS

/* the highest number of workers that may be asked for */
#define MILTER_CLIENT_MAX_WORKERS 1000

struct _MilterClientPrivate
{
  /* settings: changed before the client runs */
  MilterConnectionSpec *spec; /* (nullable) */
  const MilterClientHandlers *handlers;
  gpointer handlers_data;
  GDestroyNotify handlers_destroy;
  MilterOption *option; /* (nullable): what is asked of every MTA */
  guint timeout;
  int listen_backlog;
  bool remove_on_create;
  bool remove_on_close;
  guint unix_socket_mode; /* 0: the default one */
  guint default_unix_socket_mode;
  char *unix_socket_group;         /* (nullable): the default one */
  char *default_unix_socket_group; /* (nullable): left as it is */
  guint suspend_time;
  guint max_connections;
  guint shutdown_time;
  guint maintenance_interval;
  guint max_pending_finished_sessions;
  guint n_workers;
  guint default_packet_buffer_size; /* without effect */
  MilterClientEventLoopBackend event_loop_backend;

  /* the process */
  char *effective_user;  /* (nullable) */
  char *effective_group; /* (nullable) */
  bool privilege_dropped;
  bool run_as_daemon;
  bool is_daemon;
  int started_fd;  /* -1, or what a waiting first process is told through */
  char *directory; /* (nullable): the one before the daemon's, which is the root */
  char *pid_file;  /* (nullable) */
  bool remove_pid_file;
  int pid_fd; /* -1, or the file that was written */
  char *pid_path;
  dev_t pid_device;
  ino_t pid_inode;
  char *syslog_identify; /* (nullable) */
  char *syslog_facility; /* (nullable) */
  bool start_syslog;     /* an option asked for it */

  /* the socket */
  GIOChannel *listen_channel; /* (nullable) */
  struct sockaddr *listen_address;
  socklen_t listen_address_size;
  char *socket_path; /* (nullable): ours, to be removed */
  dev_t socket_device;
  ino_t socket_inode;

  /* running; these belong to the thread of milter_client_run() */
  bool running;
  bool ending;
  GMainLoop *loop;
  MilterIoLoop *io;
  MilterIoListener *listener;
  bool listener_paused;
  GError *close_error; /* (nullable): the socket's file could not be removed */
  GPtrArray *workers;            /* changed under workers_mutex; others read it so */
  pthread_mutex_t workers_mutex; /* pthread's, so that ThreadSanitizer sees it */
  guint next_worker;
  guint n_workers_left;
  guint n_finished; /* and not yet told */
  guint n_finished_ever;
  GSource *tell_source; /* (nullable) */
  GSource *end_source;  /* (nullable): after it nothing holds up the end */
  bool time_is_up;      /* of the end */

  /* any thread */
  int shutdown_wanted;   /* atomic */
  MilterHandover *notes; /* atomic, (nullable) */
  int n_processing;      /* atomic */
  int n_own;             /* atomic: of them, the program's own */
};

/* milter-client.c */
/* sets a text anew; @text may be the old one, or a piece of it */
G_GNUC_INTERNAL void milter_client_replace_text (char **place, const char *text);
G_GNUC_INTERNAL void
milter_client_emit_connection_established (MilterClient *client, MilterClientContext *context);
G_GNUC_INTERNAL void milter_client_emit_listen_started (MilterClient *client);
G_GNUC_INTERNAL void milter_client_emit_maintain (MilterClient *client);
G_GNUC_INTERNAL void milter_client_emit_sessions_finished (MilterClient *client, guint n_sessions);
G_GNUC_INTERNAL void milter_client_emit_error (MilterClient *client, const GError *error);

G_GNUC_INTERNAL void milter_client_emit_workers_created (MilterClient *client, guint n_workers);
G_GNUC_INTERNAL void milter_client_emit_worker_created (MilterClient *client);

/* milter-client-properties.c */
G_GNUC_INTERNAL void milter_client_install_properties (GObjectClass *object_class);

/* milter-client-run.c */
/* whether no more connections are to be accepted; any thread */
G_GNUC_INTERNAL bool milter_client_is_full (MilterClient *client);
/* how long accepting rests when descriptors have run out */
G_GNUC_INTERNAL guint milter_client_get_suspend_ms (MilterClient *client);

/* milter-client-pid-file.c */
G_GNUC_INTERNAL gboolean milter_client_write_pid_file (MilterClient *client, GError **error);
G_GNUC_INTERNAL gboolean milter_client_remove_pid_file (MilterClient *client, GError **error);

/* milter-client-daemon.c */
/* (transfer full): a path from the directory that the program was started in */
G_GNUC_INTERNAL char *milter_client_make_path_absolute (MilterClient *client, const char *path);
/* returns in another process; the calling one waits for milter_client_detach() */
G_GNUC_INTERNAL gboolean milter_client_go_to_background (MilterClient *client, GError **error);
/* lets the standard streams go; nothing to do for one that is no daemon, or has done it */
G_GNUC_INTERNAL gboolean milter_client_detach (MilterClient *client, GError **error);

/* milter-client-privilege.c */
/* ... unless it was done before, or nobody was named */
G_GNUC_INTERNAL gboolean
milter_client_drop_privilege_if_asked (MilterClient *client, GError **error);

/* milter-client-listen.c */
/* closes the socket and removes its file */
G_GNUC_INTERNAL gboolean milter_client_close_socket (MilterClient *client, GError **error);

G_END_DECLS
