/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * io-connection-test.h: what the tests of connections share: a loop with one connection, and its far end.
 */
#pragma once

#include "io-test.h"

static GMainContext *context;
static MilterIoLoop *loop;
static Peer peer;
static int far_end;

static inline void
io_connection_setup (void)
{
  context = g_main_context_new ();
  loop = make_loop (context);
  peer_init (&peer);
  far_end = peer_open (&peer, loop);
}

static inline void
io_connection_teardown (void)
{
  _milter_io_loop_free (loop);
  peer_clear (&peer);
  if (far_end >= 0)
    close (far_end);
  g_main_context_unref (context);
}

static inline void
write_text (MilterIoConnection *connection, const char *text)
{
  _milter_io_connection_write (connection, (const guint8 *) text, strlen (text));
}

/* bytes in which a lost or a swapped one shows */
static inline void
fill_pattern (guint8 *data, gsize size)
{
  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 7 + i / 251);
}
