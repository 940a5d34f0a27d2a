/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-port.c: bytes to frames and back, and two time limits.
 */
#include "milter-server-port-private.h"

#include <stdbool.h>
#include <string.h>

#include "milter-connection-spec.h"
#include "milter-io-private.h"

/* enough to tell a greeting of another protocol, or which frame was cut */
#define MAX_HEAD 64
/* more is as good as for ever, and fits an int64 of microseconds */
#define MAX_TIMEOUT 1e9
/* a pause in which a peer with Nagle's algorithm waits for our acknowledgement: the kernel gives it
 * after 40 ms */
#define STALL_MIN_US (30 * 1000)
#define STALL_MAX_US (60 * 1000)
/* so many show what there is to know; more would only cost time */
#define MAX_STALLS 4

/* first what each command needs */
struct _MilterServerPort
{
  MilterIoConnection *connection; /* NULL: closed, or never there */
  gpointer user_data;
  const MilterServerPortHandlers *handlers;
  guint references; /* the owner's, and one of each handler that runs */
  bool connected;
  bool closed; /* by its owner */
  bool delays_ack;
  guint8 leftover_size;
  gint64 last_us; /* when something came last; 0: nothing since we last sent */
  gint64 writing_until_us; /* (0: none) the peer has to read what was sent */
  gint64 owner_until_us;   /* (0: none) what the owner waits for */
  gint64 armed_us;         /* (0: none) when the connection tells that the earlier of both may have come */
  guint n_stalls;
  guint8 leftover[MAX_HEAD];
  MilterServerPortConfig config;
  MilterConnectionSpec *spec;
  MilterIoLoop *loop;
};

static void
release (MilterServerPort *port, MilterIoClose how)
{
  MilterIoConnection *connection = g_steal_pointer (&port->connection);

  if (connection != NULL)
    {
      if (how == MILTER_IO_CLOSE_FLUSH)
        _milter_io_connection_flush (connection);
      _milter_io_connection_close (connection, how);
    }
  g_clear_pointer (&port->loop, _milter_io_loop_unref);
}

static MilterServerPort *
hold (MilterServerPort *port)
{
  port->references++;
  return port;
}

static void
drop (MilterServerPort *port)
{
  if (--port->references > 0)
    return;
  release (port, MILTER_IO_CLOSE_NOW);
  milter_connection_spec_free (port->spec);
  g_free (port);
}

static gint64
deadline_in (double seconds)
{
  return seconds > 0 ? g_get_monotonic_time ()
                           + (gint64) (MIN (seconds, MAX_TIMEOUT) * G_USEC_PER_SEC)
                     : 0;
}

/* The connection has one deadline for both. One that is moved on, as with each answer, is looked at
 * when the old one has come. */
static void
arm (MilterServerPort *port)
{
  gint64 first = port->writing_until_us, second = port->owner_until_us;
  gint64 until_us = first == 0 ? second : second == 0 ? first : MIN (first, second);

  if (until_us == 0 || (port->armed_us != 0 && port->armed_us <= until_us)
      || port->connection == NULL || !port->connected)
    return;
  port->armed_us = until_us;
  _milter_io_connection_set_deadline (port->connection, until_us);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void
on_connected (MilterIoConnection *connection, gpointer user_data)
{
  MilterServerPort *port = hold (user_data);

  port->connected = true;
  _milter_io_connection_set_deadline (connection, 0);
  port->delays_ack = port->config.delays_ack;
  if (port->delays_ack)
    _milter_io_connection_set_quickack (connection, false);
  port->handlers->ready (port, /* error= */ NULL, port->user_data);
  drop (port);
}

/* keeps the head of a frame that is not whole: the peer may end here */
static void
remember (MilterServerPort *port, const guint8 *data, gsize size)
{
  port->leftover_size = (guint8) MIN (size, sizeof port->leftover);
  if (port->leftover_size > 0)
    memcpy (port->leftover, data, port->leftover_size);
}

/* one frame; FALSE: there is no whole one, or none at all. @used is moved past it. */
static bool
receive_frame (MilterServerPort *port, const guint8 *data, gsize size, gsize *used)
{
  g_autoptr (GError) error = NULL;
  MilterMessage message;
  gsize consumed = 0;

  switch (milter_message_decode (MILTER_SIDE_MILTER,
                                 data + *used,
                                 size - *used,
                                 &port->config.limits,
                                 &message,
                                 &consumed,
                                 &error))
    {
    case MILTER_DECODE_NEED_MORE:
      remember (port, data + *used, size - *used);
      return false;
    case MILTER_DECODE_ERROR:
      _milter_io_connection_pause (port->connection, true);
      port->handlers->garbage (port,
                               error,
                               milter_bytes (data + *used, MIN (size - *used, MAX_HEAD)),
                               port->user_data);
      *used = size;
      return false;
    case MILTER_DECODE_COMPLETE:
      break;
    }
  *used += consumed;
  port->handlers->message (port, &message, port->user_data);
  return true;
}

/* the same, of those that the owner knows without a look at what they mean */
static inline bool
offer_frames (MilterServerPort *port, const guint8 *data, gsize size, gsize *used)
{
  gsize n = 0;

  if (port->handlers->take != NULL)
    n = port->handlers->take (port,
                              milter_bytes (data + *used, size - *used),
                              _milter_io_connection_get_time (port->connection),
                              port->user_data);
  *used += n;
  return n > 0;
}

/* a pause between two reads, nothing sent between them */
static void
count_stall (MilterServerPort *port)
{
  gint64 now_us = g_get_monotonic_time ();
  gint64 pause_us = port->last_us != 0 ? now_us - port->last_us : 0;

  port->last_us = now_us;
  if (pause_us < STALL_MIN_US || pause_us > STALL_MAX_US || ++port->n_stalls < MAX_STALLS)
    return;
  port->delays_ack = false;
  _milter_io_connection_set_quickack (port->connection, true);
}

static gsize
on_received (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  MilterServerPort *port = hold (user_data);
  gsize used = 0;

  port->leftover_size = 0;
  if (port->delays_ack)
    count_stall (port);
  while (used < size && port->connection == connection
         && (offer_frames (port, data, size, &used) || receive_frame (port, data, size, &used)))
    ;
  if (port->connection == connection)
    port->handlers->settled (port, port->user_data);
  drop (port);
  return used;
}

static void
on_ended (MilterIoConnection *connection,
          MilterIoEnd end,
          gsize leftover,
          const GError *error,
          gpointer user_data)
{
  MilterServerPort *port = hold (user_data);
  g_autoptr (GError) unreachable = NULL;

  if (port->connected)
    {
      MilterBytes rest = milter_bytes (port->leftover, MIN (leftover, port->leftover_size));

      port->handlers->ended (port, end != MILTER_IO_END_EOF, rest, port->user_data);
    }
  else
    {
      unreachable = error != NULL ? g_error_copy (error)
                                  : g_error_new_literal (G_FILE_ERROR,
                                                         G_FILE_ERROR_FAILED,
                                                         "the connection could not be made");
      release (port, MILTER_IO_CLOSE_NOW);
      port->handlers->ready (port, unreachable, port->user_data);
    }
  drop (port);
}

/* takes a time that has come */
static bool
take_passed (gint64 *until_us, gint64 now_us)
{
  if (*until_us == 0 || now_us < *until_us)
    return false;
  *until_us = 0;
  return true;
}

static void
tell_late_connection (MilterServerPort *port)
{
  g_autoptr (GError) error = g_error_new (G_FILE_ERROR,
                                          G_FILE_ERROR_FAILED,
                                          "no connection to %s within %g seconds",
                                          port->spec->text,
                                          port->config.connection_timeout);

  release (port, MILTER_IO_CLOSE_NOW);
  port->handlers->ready (port, error, port->user_data);
}

static void
on_deadline (MilterIoConnection *connection, gpointer user_data)
{
  MilterServerPort *port = hold (user_data);
  gint64 now_us = g_get_monotonic_time ();

  port->armed_us = 0;
  if (!port->connected)
    tell_late_connection (port);
  else if (take_passed (&port->writing_until_us, now_us)
           && _milter_io_connection_get_pending (connection) > 0)
    port->handlers->stalled (port, port->user_data);
  else if (take_passed (&port->owner_until_us, now_us) && port->handlers->deadline != NULL)
    port->handlers->deadline (port, port->user_data);
  arm (port);
  drop (port);
}

/* the first bytes that the peer does not take are those that wait longest */
static void
on_waits (MilterIoConnection *connection, gpointer user_data)
{
  MilterServerPort *port = user_data;

  if (port->writing_until_us != 0)
    return;
  port->writing_until_us = deadline_in (port->config.writing_timeout);
  arm (port);
}

static void
on_drained (MilterIoConnection *connection, gpointer user_data)
{
  MilterServerPort *port = user_data;

  port->writing_until_us = 0;
  /* what was written meanwhile waits again */
  if (_milter_io_connection_get_pending (connection) > 0)
    on_waits (connection, port);
}

static const MilterIoHandlers io_handlers = {
  .connected = on_connected,
  .received = on_received,
  .ended = on_ended,
  .deadline = on_deadline,
  .waits = on_waits,
  .drained = on_drained,
};

/* --- what is done ----------------------------------------------------------------------------- */

MilterServerPort *
_milter_server_port_new (const char *spec,
                         const MilterServerPortConfig *config,
                         const MilterServerPortHandlers *handlers,
                         gpointer user_data,
                         GError **error)
{
  MilterServerPort *port;
  MilterConnectionSpec *parsed = milter_connection_spec_parse (spec, error);

  if (parsed == NULL)
    return NULL;
  port = g_new0 (MilterServerPort, 1);
  port->references = 1;
  port->config = *config;
  port->handlers = handlers;
  port->user_data = user_data;
  port->spec = parsed;
  port->loop = _milter_io_loop_ref_default (error);
  if (port->loop != NULL)
    _milter_io_loop_set_linger (port->loop, config->lingers);
  if (port->loop != NULL)
    port->connection
        = _milter_io_connection_connect (port->loop, parsed, &io_handlers, port, error);
  if (port->connection == NULL)
    {
      drop (port);
      return NULL;
    }
  _milter_io_connection_set_deadline (port->connection, deadline_in (config->connection_timeout));
  return port;
}

void
_milter_server_port_send (MilterServerPort *port, MilterBytes bytes)
{
  if (port->connection == NULL || !port->connected || bytes.size == 0)
    return;
  port->last_us = 0;
  _milter_io_connection_answer (port->connection, bytes.data, bytes.size);
}

void
_milter_server_port_pass (MilterServerPort *port, MilterBytes bytes)
{
  if (port->connection == NULL || !port->connected || bytes.size == 0)
    return;
  port->last_us = 0;
  _milter_io_connection_pass (port->connection, bytes.data, bytes.size);
}

void
_milter_server_port_flush (MilterServerPort *port)
{
  if (port->connection != NULL && port->connected)
    _milter_io_connection_flush (port->connection);
}

void
_milter_server_port_half_close (MilterServerPort *port)
{
  if (port->connection != NULL && port->connected)
    _milter_io_connection_shutdown_write (port->connection);
}

void
_milter_server_port_set_reading (MilterServerPort *port, gboolean reading)
{
  if (port->connection != NULL)
    _milter_io_connection_pause (port->connection, !reading);
}

void
_milter_server_port_set_deadline (MilterServerPort *port, gint64 time_us)
{
  if (port->owner_until_us == time_us)
    return;
  port->owner_until_us = time_us;
  arm (port);
}

void
_milter_server_port_close (MilterServerPort *port, gboolean reset)
{
  g_return_if_fail (!port->closed);

  port->closed = true;
  release (port, reset ? MILTER_IO_CLOSE_RESET : MILTER_IO_CLOSE_FLUSH);
  drop (port);
}
