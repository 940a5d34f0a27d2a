/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-port-private.h: a MilterServerContext driven frame by frame.
 *
 * The tools play sessions that a well-behaved MTA would not: they send any bytes and want to see
 * every frame that comes back. With a port set, a context passes frames on unjudged and emits no
 * signal; connecting, reading, framing, time limits and closing remain its own.
 */
#pragma once

#include "milter-message.h"
#include "milter-server-context.h"

G_BEGIN_DECLS

typedef struct
{
  /* connected; or could not be: @error */
  void (*ready) (MilterServerContext *context, const GError *error, gpointer user_data);
  /* a whole frame; a view, valid during the call. What came in one read is told in a row, and then
   * @settled: what was there already cannot answer what is sent only now */
  void (*message) (MilterServerContext *context, const MilterMessage *message, gpointer user_data);
  void (*settled) (MilterServerContext *context, gpointer user_data);
  /* no frame; nothing more is read */
  void (*garbage) (MilterServerContext *context,
                   const GError *error,
                   MilterBytes head,
                   gpointer user_data);
  void (*ended) (MilterServerContext *context,
                 gboolean reset,
                 MilterBytes leftover,
                 gpointer user_data);
  /* the time set with _milter_server_context_set_deadline() has passed */
  void (*deadline) (MilterServerContext *context, gpointer user_data);
  /* the peer did not read what was sent to it within the writing timeout */
  void (*stalled) (MilterServerContext *context, gpointer user_data);
} MilterServerPort;

/* before milter_server_context_establish_connection() */
MILTER_AVAILABLE void _milter_server_context_set_port (MilterServerContext *context,
                                                       const MilterServerPort *port,
                                                       gpointer user_data);
/* Bytes of one turn leave together. */
MILTER_AVAILABLE void
_milter_server_context_send_raw (MilterServerContext *context, MilterBytes bytes);
/* Writes what is queued now, as far as the socket takes it: what is sent next is a write of its own. */
MILTER_AVAILABLE void _milter_server_context_flush (MilterServerContext *context);
/* FIN behind what was sent; reading goes on */
MILTER_AVAILABLE void _milter_server_context_half_close (MilterServerContext *context);
/* FALSE: nothing is read until TRUE, so that the peer's writes fill up */
MILTER_AVAILABLE void
_milter_server_context_set_reading (MilterServerContext *context, gboolean reading);
MILTER_AVAILABLE void
_milter_server_context_set_deadline (MilterServerContext *context, gint64 time_us);
/* reset: RST instead of FIN */
MILTER_AVAILABLE void _milter_server_context_close (MilterServerContext *context, gboolean reset);
MILTER_AVAILABLE void
_milter_server_context_set_limits (MilterServerContext *context, const MilterLimits *limits);

G_END_DECLS
