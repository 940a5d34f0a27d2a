/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-private.h: a client from inside.
 *
 * milter-client.c      the object and its settings
 * milter-client-listen.c  the socket and its file
 * milter-client-run.c  accepting, workers, the end
 */
#pragma once

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
  GPtrArray *workers;
  guint next_worker;
  guint n_workers_left;
  guint n_finished; /* and not yet told */
  guint n_finished_ever;
  GSource *tell_source; /* (nullable) */
  GPtrArray *old_notes; /* of earlier runs: a signal handler may still hold one */

  /* any thread */
  int shutdown_wanted;   /* atomic */
  MilterHandover *notes; /* atomic, (nullable) */
  int n_processing;      /* atomic */
};

/* milter-client.c */
G_GNUC_INTERNAL void
milter_client_emit_connection_established (MilterClient *client, MilterClientContext *context);
G_GNUC_INTERNAL void milter_client_emit_listen_started (MilterClient *client);
G_GNUC_INTERNAL void milter_client_emit_maintain (MilterClient *client);
G_GNUC_INTERNAL void milter_client_emit_sessions_finished (MilterClient *client, guint n_sessions);
G_GNUC_INTERNAL void milter_client_emit_error (MilterClient *client, const GError *error);

/* milter-client-listen.c */
/* closes the socket and removes its file */
G_GNUC_INTERNAL gboolean milter_client_close_socket (MilterClient *client, GError **error);

G_END_DECLS
