/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-worker-private.h: a thread that serves connections, and those connections.
 */
#pragma once

#include <stdbool.h>

#include "milter-client-handlers.h"
#include "milter-handover-private.h"
#include "milter-io-private.h"

G_BEGIN_DECLS

typedef struct _MilterClientWorker MilterClientWorker;

/* What the next negotiation can use again: two objects, made and freed, take as long as all the
 * rest of it. */
typedef struct
{
  MilterOption *option;           /* (nullable) */
  MilterMacrosRequests *requests; /* (nullable): without a list */
  GByteArray *answer;             /* (nullable): room to write it in */
} MilterClientSpare;

/* what a worker, or the program, tells the thread of milter_client_run() */
typedef enum
{
  MILTER_CLIENT_NOTE_SESSIONS_FINISHED,
  MILTER_CLIENT_NOTE_OWN_SESSION_FINISHED,
  MILTER_CLIENT_NOTE_ERROR,
  MILTER_CLIENT_NOTE_WORKER_ENDED
} MilterClientNoteKind;

typedef struct
{
  MilterClientNoteKind kind;
  guint n;       /* sessions, which are not processed any more */
  GError *error; /* (nullable) */
  int *counted;  /* (nullable): where they count until this has been received, or thrown away */
} MilterClientNote;

/* its sessions count no more */
G_GNUC_INTERNAL void milter_client_note_settle (MilterClientNote *note);
G_GNUC_INTERNAL void milter_client_note_free (gpointer note);

/* Starts a thread, whose number @id is; it tells @notes what happens. @listener: -1, or a socket
 * that becomes the worker's, also on failure; it accepts on it when it is told to. */
G_GNUC_INTERNAL MilterClientWorker *milter_client_worker_new (MilterClient *client,
                                                              guint id,
                                                              MilterHandover *notes,
                                                              int listener,
                                                              GError **error);
G_GNUC_INTERNAL MilterClientWorker *milter_client_worker_ref (MilterClientWorker *worker);
G_GNUC_INTERNAL void milter_client_worker_unref (MilterClientWorker *worker);
/* it begins to accept on its socket, if it has one */
G_GNUC_INTERNAL void milter_client_worker_accept (MilterClientWorker *worker);
/* there may be room again for the connections of milter_client_set_max_connections() */
G_GNUC_INTERNAL void milter_client_worker_look_for_room (MilterClientWorker *worker);
/* hands an accepted socket over; the worker owns it, also if it is too late */
G_GNUC_INTERNAL void milter_client_worker_serve (MilterClientWorker *worker,
                                                 int fd,
                                                 const struct sockaddr *address,
                                                 socklen_t address_size);
/* ends it when its messages are over, at the latest after @shutdown_time seconds; it then tells
 * MILTER_CLIENT_NOTE_WORKER_ENDED */
G_GNUC_INTERNAL void milter_client_worker_end (MilterClientWorker *worker, guint shutdown_time);
/* waits for the thread, after that note */
G_GNUC_INTERNAL void milter_client_worker_join (MilterClientWorker *worker);

/* (nullable): the worker that the calling thread is, of any client */
G_GNUC_INTERNAL MilterClientWorker *milter_client_worker_get_current (void);
/* which of this client's workers the calling thread is; 0: none */
G_GNUC_INTERNAL guint milter_client_worker_get_id (MilterClient *client);
/* calls @func for each context, in the worker's thread; what comes or goes meanwhile is left out */
G_GNUC_INTERNAL void
milter_client_worker_for_each (MilterClientWorker *worker,
                               void (*func) (MilterClientContext *context, gpointer data),
                               gpointer data);
/* calls @func in the worker's thread, then @done; that alone if the worker has ended */
G_GNUC_INTERNAL void
milter_client_worker_visit (MilterClientWorker *worker,
                            void (*func) (MilterClientWorker *worker, gpointer data),
                            gpointer data,
                            GDestroyNotify done);
/* whether the calling thread is the worker's */
G_GNUC_INTERNAL bool milter_client_worker_is_here (MilterClientWorker *worker);
/* of its thread */
G_GNUC_INTERNAL MilterClientSpare *milter_client_worker_get_spare (MilterClientWorker *worker);
/* calls @func in the worker's thread; frees @data if it ended before */
G_GNUC_INTERNAL void
milter_client_worker_post (MilterClientWorker *worker,
                           MilterClientContext *context,
                           void (*func) (MilterClientContext *context, gpointer data),
                           gpointer data,
                           GDestroyNotify free_data);
/* the context is over: the worker lets it go */
G_GNUC_INTERNAL void
milter_client_worker_forget (MilterClientWorker *worker, MilterClientContext *context);
/* a context of the worker's has been connected: the program meets it, in the worker's thread */
G_GNUC_INTERNAL void
milter_client_worker_meet (MilterClientWorker *worker, MilterClientContext *context);

G_END_DECLS
