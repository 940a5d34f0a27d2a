/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-tap-private.h: looks at what a context reads and writes, and answers in its place.
 *
 * For the tools: a recording needs every byte as it passed, and a milter that misbehaves on request
 * sends what the library never would. A context without a tap pays one comparison a command.
 */
#pragma once

#include "milter-client-context.h"
#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterClientTap:
 * @passed: these bytes were read (@from the MTA) or are being sent (@from the milter), in order. What
 *   was read comes frame by frame, before the frame is handled; bytes that make no frame, and frames
 *   that nobody handles any more, come when the connection ends or is given up
 * @command: a whole command came, and the handlers and signals of the context have been asked; also
 *   macros, abort, quit and quit-nc, a command that is passed over because its message is decided
 *   already, and what the library would close the connection for (an unknown letter, a malformed
 *   payload, a command out of order): then nobody else was asked. TRUE: it is taken: the library
 *   sends no answer, does not close, and handles nothing more until
 *   _milter_client_context_answered(), though it reads on; FALSE: the library does what it always does
 * @garbage: bytes came that make no frame. TRUE: this is taken as a command is; these bytes and all that
 *   follow are thrown away, and the connection stays until the MTA ends it; FALSE: it is closed
 * @closed: the MTA has said FIN, and all it said before is handled. TRUE: it is taken as a command
 *   is, and the connection is over when it is answered; FALSE: it is over now. Not asked when the MTA
 *   has reset the connection
 * @ended: the connection is over: the MTA has closed or reset it, or we did (@by_us); the last call.
 *   An MTA that says FIN while a command is taken is over when that, and what came behind it, has been
 *   answered: it may have said that it sends no more, and still listen
 *
 * All are optional and are called in the context's thread. Views are valid during the call.
 */
typedef struct
{
  void (*passed) (MilterClientContext *context,
                  MilterSide from,
                  MilterBytes bytes,
                  gpointer user_data);
  gboolean (*command) (MilterClientContext *context,
                       const MilterMessage *message,
                       gpointer user_data);
  gboolean (*garbage) (MilterClientContext *context, MilterBytes bytes, gpointer user_data);
  gboolean (*closed) (MilterClientContext *context, gpointer user_data);
  void (*ended) (MilterClientContext *context, gboolean by_us, gboolean reset, gpointer user_data);
} MilterClientTap;

/* In the context's thread, best in "connection-established". The table is not copied. */
MILTER_AVAILABLE void _milter_client_context_set_tap (MilterClientContext *context,
                                                      const MilterClientTap *tap,
                                                      gpointer user_data);

/* The following may be called from `command` on, also later, until `ended`. */

/* Sends bytes, whatever they are. Bytes of one turn leave together … */
MILTER_AVAILABLE void _milter_client_context_send (MilterClientContext *context, MilterBytes bytes);
/* … but for what was flushed before: the next bytes are a write of their own. */
MILTER_AVAILABLE void _milter_client_context_flush (MilterClientContext *context);
/* FIN behind what was sent; reading goes on */
MILTER_AVAILABLE void _milter_client_context_half_close (MilterClientContext *context);
/* FIN, or RST, behind what was sent; the context is over */
MILTER_AVAILABLE void _milter_client_context_end (MilterClientContext *context, gboolean reset);
/* FALSE: nothing is read until TRUE, so that the MTA's writes fill up */
MILTER_AVAILABLE void _milter_client_context_set_reading (MilterClientContext *context,
                                                          gboolean reading);
/* The taken command is answered with what was sent for it: @frames, which may be empty and need not be
 * whole frames. The session goes on by the first legal reply among them; by "continue", or by the
 * offer without any step, if there is none. May be called in `command`, too. Called from elsewhere it
 * handles what has come meanwhile before it returns, and the context may be over then. A quit that was
 * taken leaves the connection open. */
MILTER_AVAILABLE void _milter_client_context_answered (MilterClientContext *context,
                                                       MilterBytes frames);

G_END_DECLS
