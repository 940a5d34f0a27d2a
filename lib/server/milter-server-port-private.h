/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-port-private.h: a connection to a milter, frame by frame, nothing judged.
 *
 * The tools play sessions that a well-behaved MTA would not: they send any bytes and want to see
 * every frame that comes back. What a MilterServerContext adds, signals and the order of an SMTP
 * session, would be in the way and costs a start of the program a third of its time.
 */
#pragma once

#include <glib.h>

#include "milter-message.h"

G_BEGIN_DECLS

typedef struct _MilterServerPort MilterServerPort;

/* All are called in the thread of the main context; each may close the port. None is called once it
 * is closed. */
typedef struct
{
  /* connected; or could not be, or not in time: @error, and nothing follows */
  void (*ready) (MilterServerPort *port, const GError *error, gpointer user_data);
  /* (nullable) What came, before it is taken apart: returns how many bytes of it are dealt with, whole
   * frames; 0: none. Then `message` has the first frame, if it is whole. @now_us: about now */
  gsize (*take) (MilterServerPort *port, MilterBytes bytes, gint64 now_us, gpointer user_data);
  /* a whole frame; a view, valid during the call. What came in one read is told in a row, and then
   * @settled: what was there already cannot answer what is sent only now */
  void (*message) (MilterServerPort *port, const MilterMessage *message, gpointer user_data);
  void (*settled) (MilterServerPort *port, gpointer user_data);
  /* no frame; nothing more is read */
  void (*garbage) (MilterServerPort *port,
                   const GError *error,
                   MilterBytes head,
                   gpointer user_data);
  /* the peer closed, or reset the connection; leftover: of a frame that it did not end */
  void (*ended) (MilterServerPort *port,
                 gboolean reset,
                 MilterBytes leftover,
                 gpointer user_data);
  /* the peer did not read what was sent to it within the writing timeout */
  void (*stalled) (MilterServerPort *port, gpointer user_data);
  /* (nullable) the time that was set by _milter_server_port_set_deadline() has come; it is unset */
  void (*deadline) (MilterServerPort *port, gpointer user_data);
} MilterServerPortHandlers;

/**
 * MilterServerPortConfig:
 * @connection_timeout: seconds to connect in; 0: no limit
 * @writing_timeout: seconds in which the peer has to read what is sent; 0: no limit
 * @limits: of what comes; none of it 0
 * @delays_ack: what comes over TCP is acknowledged as late as an MTA's kernel does it, until the peer
 *   has stalled for that four times: a milter that writes in small pieces shows
 * @lingers: the thread does little else, and waits in place for answers that come at once, a few
 *   milliseconds at most; of all ports of a thread the latest one says so
 */
typedef struct
{
  double connection_timeout;
  double writing_timeout;
  MilterLimits limits;
  gboolean delays_ack;
  gboolean lingers;
} MilterServerPortConfig;

/* Begins to connect to @spec; `ready` follows from the thread-default main context of this thread,
 * in which the port lives from now on. NULL, with @error, if it is known at once that it cannot be
 * done. */
MILTER_AVAILABLE MilterServerPort *_milter_server_port_new (const char *spec,
                                                            const MilterServerPortConfig *config,
                                                            const MilterServerPortHandlers *handlers,
                                                            gpointer user_data,
                                                            GError **error);
/* Bytes of one turn leave together. */
MILTER_AVAILABLE void _milter_server_port_send (MilterServerPort *port, MilterBytes bytes);
/* The same at once, for who has nothing to add: without a copy if the kernel takes it. */
MILTER_AVAILABLE void _milter_server_port_pass (MilterServerPort *port, MilterBytes bytes);
/* Writes what is queued now, as far as the socket takes it: what is sent next is a write of its
 * own. */
MILTER_AVAILABLE void _milter_server_port_flush (MilterServerPort *port);
/* FIN behind what was sent; reading goes on */
MILTER_AVAILABLE void _milter_server_port_half_close (MilterServerPort *port);
/* FALSE: nothing is read until TRUE, so that the peer's writes fill up */
MILTER_AVAILABLE void _milter_server_port_set_reading (MilterServerPort *port, gboolean reading);
/* When the owner wants to be called, by the monotonic clock in microseconds; 0: not at all. All ports of a
 * thread share one structure for that: it costs hardly anything to move a time on. */
MILTER_AVAILABLE void _milter_server_port_set_deadline (MilterServerPort *port, gint64 time_us);
/* Ends the connection behind what was sent, by FIN, or by RST, and frees the port. */
MILTER_AVAILABLE void _milter_server_port_close (MilterServerPort *port, gboolean reset);

G_END_DECLS
