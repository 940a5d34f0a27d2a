/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame-log.h: all that passes on all connections, frame by frame, for those who asked for it.
 *
 *   FrameLog *log = frame_log_new (options);
 *
 *   frame_log_set_address (log, address, size);    in "listen-started"
 *   frame_log_watch (log, context, &data);    in "connection-established", any thread
 *
 *   frame_log_finish (log);                   milter_client_run() has returned
 *   frame_log_free (log);
 *
 * Lines of several threads do not mix, and stand in the order in which things happened.
 */
#pragma once

#include <milter/client.h>

#include "milter-client-tap-private.h"
#include "test-client-options.h"

G_BEGIN_DECLS

typedef struct _FrameLog FrameLog;

/* Opens what --trace, --json and --verbose write to. NULL: it cannot be written, which has been told. */
FrameLog *frame_log_new (const TestClientOptions *options);
void frame_log_free (FrameLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FrameLog, frame_log_free)

/* where the milter listens, before anybody comes */
void frame_log_set_address (FrameLog *log, const struct sockaddr *address, socklen_t size);
/* What follows the context: a tap, with @data for its functions, which is freed when the connection
 * ends. NULL: nobody wants to know. */
const MilterClientTap *
frame_log_watch (FrameLog *log, MilterClientContext *context, gpointer *data);

/* Completes what is written. FALSE: not all of it could be, which has been told. */
bool frame_log_finish (FrameLog *log);

G_END_DECLS
