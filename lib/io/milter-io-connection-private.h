/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-connection-private.h: a connection from inside, for the files that make it up.
 *
 * milter-io-connection.c        reading, writing, telling the handlers
 * milter-io-connection-begin.c  connections of ours
 * milter-io-connection-end.c    closing
 */
#pragma once

#include "milter-io-attempt.h"
#include "milter-io-loop-private.h"
#include "milter-io-output.h"
#include "milter-io-rest.h"

/* what is to be done when the loop has its turn */
enum
{
  DUE_CONNECTED = 1 << 0, /* tell that the connection is there */
  DUE_REST = 1 << 1,      /* hand on what was left */
  DUE_DRAINED = 1 << 2    /* tell that all was written */
};

/* what a connection seldom has: most commands come in one piece, and their answers leave at once */
typedef struct
{
  MilterIoAttempt *attempt; /* while connecting */
  MilterIoRest rest;
  MilterIoOutput output;
  int write_errno; /* writing has failed: nothing is written any more */
} MilterIoExtra;

struct _MilterIoConnection
{
  MilterIoWatch watch;
  const MilterIoHandlers *handlers; /* unowned */
  gpointer user_data;               /* unowned */
  MilterIoExtra *extra;             /* (nullable) */

  /* what a connection mostly is not: nearly all commands come and are answered without a look at
   * each of these */
  union
  {
    struct
    {
      guint8 due;
      bool closing; /* closed, but still writing */
      bool paused;
      bool deaf;      /* there is nothing more to read */
      bool told;      /* `ended` was called */
      bool must_wait; /* the kernel's buffer is full */
      bool shut;      /* no more to write but what is in the output; then FIN */
      bool shut_done;
    };
    guint64 unusual;
  };

  gint64 timeout_us; /* (0: none): without anything that `received` consumes */
  guint max_pending; /* of the output, before reading stops; 0: any */

  bool quickack;
  bool delays_ack; /* on request; a connection's first packets would not be delayed by itself */
  bool tcp;
};

/* handlers may be called, memory may be looked at */
static inline bool
milter_io_connection_is_live (const MilterIoConnection *connection)
{
  return milter_io_watch_is_open (&connection->watch) && !connection->closing;
}

/* made when first asked for */
static inline MilterIoExtra *
milter_io_connection_get_extra (MilterIoConnection *connection)
{
  if (connection->extra == NULL)
    connection->extra = g_new0 (MilterIoExtra, 1);
  return connection->extra;
}

/* (nullable) */
static inline MilterIoAttempt *
milter_io_connection_get_attempt (const MilterIoConnection *connection)
{
  return connection->extra != NULL ? connection->extra->attempt : NULL;
}

/* bytes that were not consumed */
static inline gsize
milter_io_connection_count_rest (const MilterIoConnection *connection)
{
  return connection->extra != NULL ? connection->extra->rest.size : 0;
}

/* bytes in the output */
static inline gsize
milter_io_connection_count_pending (const MilterIoConnection *connection)
{
  return connection->extra != NULL ? milter_io_output_count (&connection->extra->output) : 0;
}

static inline int
milter_io_connection_get_write_errno (const MilterIoConnection *connection)
{
  return connection->extra != NULL ? connection->extra->write_errno : 0;
}

/* milter-io-connection.c */
MilterIoConnection *milter_io_connection_make (MilterIoLoop *loop,
                                               const MilterIoHandlers *handlers,
                                               gpointer user_data);
void milter_io_connection_update_wanted (MilterIoConnection *connection);
/* the socket is connected */
void milter_io_connection_adopt_socket (MilterIoConnection *connection);
ssize_t milter_io_connection_receive (MilterIoConnection *connection, guint8 *data, gsize size);
/* Sends what can be sent. Calls no handler: it may be called from anywhere. */
void milter_io_connection_send_output (MilterIoConnection *connection);
void milter_io_connection_tell_end (MilterIoConnection *connection,
                                    MilterIoEnd end,
                                    const GError *error);

/* milter-io-connection-begin.c; all while there is an attempt */
void milter_io_connection_tell_connected (MilterIoConnection *connection);
/* a descriptor of it is ready … */
void milter_io_connection_step (MilterIoConnection *connection);
/* … or the time of a pause is over */
void milter_io_connection_try_next (MilterIoConnection *connection);

/* milter-io-connection-end.c */
/* leaves the loop, without another word to the peer or to anybody */
void milter_io_connection_finish (MilterIoConnection *connection);
/* one that was closed, and has still to write, is ready */
void milter_io_connection_linger_on (MilterIoConnection *connection, guint events, guint8 *buffer);
