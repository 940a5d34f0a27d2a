/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-private.h: one event source of a main context for all connections of a thread.
 *
 * A loop is one GSource that holds an epoll descriptor. Connections are added to it, speak through
 * a table of handlers, and live in the loop's thread alone. Data is read into one large buffer of
 * the loop and handed on in place; only what a handler did not consume is kept. Everything written
 * during one turn leaves in one write. There is one deadline structure for all connections.
 *
 * A handler may iterate the context (a nested dispatch uses a buffer of its own and passes over
 * connections that are inside a handler), close its own connection or any other, and destroy the
 * loop.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "milter-connection-spec.h"
#include "milter-version-macros.h"

G_BEGIN_DECLS

typedef struct _MilterIoLoop MilterIoLoop;
typedef struct _MilterIoConnection MilterIoConnection;
typedef struct _MilterIoListener MilterIoListener;

/**
 * MilterIoTurn:
 * @served: (nullable): whose bytes are being handled; it sends what was written when that is done
 * @room: so many short answers it may put into @bytes, 0: none
 * @size: so many it has
 * @time: when the present turn of the loop began, if anybody asked; else 0
 * @bytes: what leaves when its `received` returns, without an output of its own
 *
 * What a loop is doing now. It is the beginning of a loop, and a connection begins with a pointer
 * to it, so that an answer can be written without a call.
 */
typedef struct
{
  gpointer served;
  guint room;
  guint size;
  gint64 time;
  guint8 bytes[2048];
} MilterIoTurn;

/**
 * MilterIoEnd:
 * @MILTER_IO_END_EOF: the peer closed (FIN)
 * @MILTER_IO_END_RESET: the peer reset the connection, or is not there any more to write to
 * @MILTER_IO_END_ERROR: any other error of the system
 */
typedef enum
{
  MILTER_IO_END_EOF,
  MILTER_IO_END_RESET,
  MILTER_IO_END_ERROR
} MilterIoEnd;

/**
 * MilterIoHandlers:
 * @connected: an outgoing connection is there, or an accepted one has its first turn, before anything
 *   is read of it
 * @received: bytes have come, together with what was left over; returns how many were consumed.
 *   It is called again at once while it consumes some and leaves some; with 0 it is called again
 *   when there are more, then with all that was left, in one piece however large. The bytes are
 *   valid during the call.
 * @ended: the peer will send no more (EOF) or the connection is broken. Called once, not after
 *   _milter_io_connection_close(). After EOF the connection can still be written to until it is
 *   closed; the handler closes it, or it stays half open. @leftover is how many bytes were never
 *   consumed; @error (nullable) says what the system said.
 * @deadline: the time set by _milter_io_connection_set_deadline() has passed; it is then unset
 * @gone: the peer has closed or reset the connection while it was paused: nothing that is written
 *   arrives any more, so that who prepares an answer need not go on. May be told more than once. What
 *   the peer had said, and the end, are told after the pause. Of a TCP peer a reset is seen, a FIN is
 *   not: it may still read.
 * @waits: the kernel has not taken all that was to be written; called from within whatever wrote or
 *   sent it, and again when it has taken only a part of what was left. Nothing may be written or closed in it
 * @drained: all that was to be written is with the kernel now (only after a write that had to wait)
 *
 * All are optional but @received and @ended. None is called for a closed connection.
 */
typedef struct
{
  void (*connected) (MilterIoConnection *connection, gpointer user_data);
  gsize (*received) (MilterIoConnection *connection,
                     const guint8 *data,
                     gsize size,
                     gpointer user_data);
  void (*ended) (MilterIoConnection *connection,
                 MilterIoEnd end,
                 gsize leftover,
                 const GError *error,
                 gpointer user_data);
  void (*deadline) (MilterIoConnection *connection, gpointer user_data);
  void (*gone) (MilterIoConnection *connection, gpointer user_data);
  void (*waits) (MilterIoConnection *connection, gpointer user_data);
  void (*drained) (MilterIoConnection *connection, gpointer user_data);
} MilterIoHandlers;

/* Attaches a new loop to @context (nullable: the thread-default one). It lives until
 * _milter_io_loop_free(), which closes its connections without calling their handlers. */
MILTER_AVAILABLE MilterIoLoop *_milter_io_loop_new (GMainContext *context, GError **error);
MILTER_AVAILABLE void _milter_io_loop_free (MilterIoLoop *loop);
/* those that were closed but are still writing count */
MILTER_AVAILABLE guint _milter_io_loop_get_n_connections (MilterIoLoop *loop);
/* For a thread that does nothing else that is urgent, as that of a program that plays sessions: a
 * dispatch waits for the peers' next bytes, a millisecond at a time and four in all, before it gives
 * the main context's other sources their turn. Of each it looks again and again for some microseconds,
 * without sleeping, where that is faster and there is another processor for the peer. */
MILTER_AVAILABLE void _milter_io_loop_set_linger (MilterIoLoop *loop, bool lingers);
/* For a thread that does nothing but serve the loop's connections, as a worker: its context waits in
 * the loop itself, which saves a system call each time it is woken. In that thread, when all of its
 * own sources have been attached, and before the first of them is destroyed (milter-io-waiting.h). */
MILTER_AVAILABLE void _milter_io_loop_begin_waiting (MilterIoLoop *loop, GMainContext *context);
MILTER_AVAILABLE void _milter_io_loop_end_waiting (MilterIoLoop *loop, GMainContext *context);
/* the loop of this thread's default main context, made when first asked for and shared by all who
 * ask; each call is paired with one of _milter_io_loop_unref(). With the last one its connections
 * are closed as by _milter_io_loop_free(), but for those that were closed before and are still
 * writing: as long as the context is iterated, they go on. */
MILTER_AVAILABLE MilterIoLoop *_milter_io_loop_ref_default (GError **error);
MILTER_AVAILABLE void _milter_io_loop_unref (MilterIoLoop *loop);

/* Takes a connected socket (becomes the connection's; set to non-blocking, close-on-exec,
 * TCP_NODELAY). quickack: re-arm TCP_QUICKACK before each read, as the side that waits for answers
 * should. The handlers table is not copied and must outlive the connection. On failure the socket
 * is closed, too. */
MILTER_AVAILABLE MilterIoConnection *_milter_io_connection_new (MilterIoLoop *loop,
                                                                int fd,
                                                                bool quickack,
                                                                const MilterIoHandlers *handlers,
                                                                gpointer user_data,
                                                                GError **error);
/* Takes a socket that a listener of ours accepted, over @tcp or not: what the system need not be told
 * about such a one is left out. `connected` follows from the main loop. On failure the socket is
 * closed, too. */
MILTER_AVAILABLE MilterIoConnection *
_milter_io_connection_accept (MilterIoLoop *loop,
                              int fd,
                              bool tcp,
                              const MilterIoHandlers *handlers,
                              gpointer user_data,
                              GError **error);
/* Whether what is read is acknowledged at once (as at first for connections that were made by
 * _milter_io_connection_connect()), or when the kernel thinks fit, which a peer with Nagle's
 * algorithm on feels. Over TCP. */
MILTER_AVAILABLE void _milter_io_connection_set_quickack (MilterIoConnection *connection,
                                                          bool quickack);
/* Begins to connect to @spec, without blocking but for looking up a name: all addresses of a name
 * are tried in turn. `connected` or `ended` follows from the main loop; an error that is known at
 * once (no such path, permission denied: the message says who we are and whose the socket is) is
 * returned. */
MILTER_AVAILABLE MilterIoConnection *
_milter_io_connection_connect (MilterIoLoop *loop,
                               const MilterConnectionSpec *spec,
                               const MilterIoHandlers *handlers,
                               gpointer user_data,
                               GError **error);
/* Appends to what is to be written; it leaves at the end of the present turn (or of the next
 * iteration of the loop when called from outside), in one write with the rest of it. */
MILTER_AVAILABLE void _milter_io_connection_write (MilterIoConnection *connection,
                                                   const guint8 *data,
                                                   gsize size);
/* The same for a short answer in `received`, which is what most writes are. */
static inline void
_milter_io_connection_answer (MilterIoConnection *connection, const guint8 *data, gsize size)
{
  MilterIoTurn *turn = *(MilterIoTurn **) connection;

  if (G_LIKELY (turn != NULL && turn->served == connection && size <= turn->room - turn->size))
    {
      memcpy (turn->bytes + turn->size, data, size);
      turn->size += (guint) size;
    }
  else
    _milter_io_connection_write (connection, data, size);
}
/* g_get_monotonic_time(), or in `received` when the present turn of the loop began, which is not asked for
 * each time */
static inline gint64
_milter_io_connection_get_time (MilterIoConnection *connection)
{
  MilterIoTurn *turn = *(MilterIoTurn **) connection;

  if (turn == NULL || turn->served != connection)
    return g_get_monotonic_time ();
  if (turn->time == 0)
    turn->time = g_get_monotonic_time ();
  return turn->time;
}
/* the buffer that _write() appends to, for encoders that append themselves; call
 * _milter_io_connection_written() afterwards, and do not keep it */
MILTER_AVAILABLE GByteArray *_milter_io_connection_get_output (MilterIoConnection *connection);
MILTER_AVAILABLE void _milter_io_connection_written (MilterIoConnection *connection);
/* Writes now what can be written now, instead of at the end of the turn. */
MILTER_AVAILABLE void _milter_io_connection_flush (MilterIoConnection *connection);
/* Both at once, for who passes on what another one said: without a copy if the kernel takes it. */
MILTER_AVAILABLE void _milter_io_connection_pass (MilterIoConnection *connection,
                                                  const guint8 *data,
                                                  gsize size);
/* bytes that the kernel has not taken yet */
MILTER_AVAILABLE gsize _milter_io_connection_get_pending (MilterIoConnection *connection);
/* Stops reading, and handing on what was read, while more than @size bytes wait for a peer that does
 * not read (0: never, as at first). For the side that answers: a peer that only asks would fill our
 * memory. The side that asks must go on reading, else both wait for each other. */
MILTER_AVAILABLE void _milter_io_connection_set_max_pending (MilterIoConnection *connection,
                                                             gsize size);
/* whether so many wait: `received` leaves what it has not answered yet, and is called again when
 * there is room */
MILTER_AVAILABLE bool _milter_io_connection_is_full (const MilterIoConnection *connection);
/* stop and resume reading: `received` is not called meanwhile, the kernel's buffer fills. On
 * resuming, what was left over is handed to `received` again from the main loop. */
MILTER_AVAILABLE void _milter_io_connection_pause (MilterIoConnection *connection, bool pause);
/* monotonic time in microseconds (g_get_monotonic_time()); 0 unsets */
MILTER_AVAILABLE void _milter_io_connection_set_deadline (MilterIoConnection *connection,
                                                          gint64 time_us);
/* `deadline` is called when nothing that `received` consumed has come for so long; it counts from
 * now, and anew from the end of each turn of the loop that brought something. 0: unset. It takes the
 * place of a deadline; there is one of both. */
MILTER_AVAILABLE void _milter_io_connection_set_timeout (MilterIoConnection *connection,
                                                         gint64 timeout_us);
/**
 * MilterIoClose:
 * @MILTER_IO_CLOSE_FLUSH: what is to be written still leaves, then FIN
 * @MILTER_IO_CLOSE_LAST: the same for a peer that has said its last word: what it sends nevertheless
 *   is not waited for
 * @MILTER_IO_CLOSE_NOW: FIN at once; unwritten bytes are dropped
 * @MILTER_IO_CLOSE_RESET: RST (TCP; a unix socket closes at once)
 */
typedef enum
{
  MILTER_IO_CLOSE_FLUSH,
  MILTER_IO_CLOSE_LAST,
  MILTER_IO_CLOSE_NOW,
  MILTER_IO_CLOSE_RESET
} MilterIoClose;

/* Ends the connection and frees it; no handler is called any more. Safe inside its own handlers.
 * A peer that takes nothing for ten seconds loses what was to be flushed. */
MILTER_AVAILABLE void _milter_io_connection_close (MilterIoConnection *connection,
                                                   MilterIoClose how);
/* FIN for sending only, after what is to be written; reading goes on */
MILTER_AVAILABLE void _milter_io_connection_shutdown_write (MilterIoConnection *connection);
MILTER_AVAILABLE int _milter_io_connection_get_fd (MilterIoConnection *connection);

/* A listening socket of @spec, non-blocking and close-on-exec. A unix path that is a socket nobody
 * listens on is removed first if @remove_stale; a live one, or anything that is no socket, is an
 * error and never deleted. mode: of a unix socket, 0 leaves the umask's. address: (out) (optional):
 * where it listens really (port 0 is resolved), free with g_free(). */
MILTER_AVAILABLE int _milter_io_listen (const MilterConnectionSpec *spec,
                                        int backlog,
                                        guint mode,
                                        bool remove_stale,
                                        struct sockaddr **address,
                                        socklen_t *address_size,
                                        GError **error);
/* `inet:PORT@[IP]`, `inet6:PORT@[IP]`, `unix:PATH`; `unknown` for none, `unexpected:FAMILY` for any
 * other or one that is cut short. (transfer full) */
MILTER_AVAILABLE char *_milter_io_address_to_text (const struct sockaddr *address, socklen_t size);

/* Accepts on @fd (becomes the listener's) in @loop's thread. accepted: a connected socket that the
 * handler owns. error: accept failed for lack of descriptors or memory; the listener pauses itself
 * for @suspend_ms and goes on. */
typedef struct
{
  void (*accepted) (MilterIoListener *listener,
                    int fd,
                    const struct sockaddr *address,
                    socklen_t address_size,
                    gpointer user_data);
  void (*error) (MilterIoListener *listener, const GError *error, gpointer user_data);
} MilterIoListenerHandlers;

MILTER_AVAILABLE MilterIoListener *
_milter_io_listener_new (MilterIoLoop *loop,
                         int fd,
                         guint suspend_ms,
                         const MilterIoListenerHandlers *handlers,
                         gpointer user_data,
                         GError **error);
/* accept nothing until resumed: a limit on connections was reached */
MILTER_AVAILABLE void _milter_io_listener_pause (MilterIoListener *listener, bool pause);
MILTER_AVAILABLE void _milter_io_listener_free (MilterIoListener *listener);

G_END_DECLS
