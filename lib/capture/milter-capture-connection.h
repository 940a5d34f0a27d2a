/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-connection.h: a TCP connection of a capture: whether it is a milter's, and what was
 * said on it.
 */
#pragma once

#include "milter-capture-flows.h"
#include "milter-capture-frames.h"
#include "milter-capture-sink.h"

G_BEGIN_DECLS

/* what a connection keeps until it is clear whether it is a milter's */
#define MILTER_CONNECTION_MAX_KEPT ((gsize) 64 << 10)

/* what connections of a capture share */
typedef struct
{
  const MilterCaptureSink *sink; /* unowned */
  gpointer data;                 /* … for its functions */
  gsize held;                    /* bytes that wait for others, on all connections */
  guint n_milters;
  guint latest_number;           /* of a connection */
} MilterCaptureContext;

typedef struct _MilterCaptureConnection MilterCaptureConnection;

/* The first segment of a connection; it is not taken yet. @context: lives longer */
MilterCaptureConnection *milter_capture_connection_new (MilterCaptureContext *context,
                                                        const MilterSegment *segment,
                                                        const MilterCaptureMoment *moment);
/* What is not told is dropped. */
void milter_capture_connection_free (MilterCaptureConnection *connection);

static inline MilterFlow *
milter_capture_connection_get_flow (MilterCaptureConnection *connection)
{
  return (MilterFlow *) connection;
}

/* A segment will come soon: has the processor fetch what it needs of the connection … */
void milter_capture_connection_fetch (const MilterCaptureConnection *connection);
/* … and when that is there, what the sink needs (MilterCaptureSink.soon) */
void milter_capture_connection_fetch_for_sink (const MilterCaptureConnection *connection,
                                               guint step);
/* FALSE: the segment opens another connection between the same ends */
bool milter_capture_connection_is_same (const MilterCaptureConnection *connection,
                                        const MilterSegment *segment);
void milter_capture_connection_take (MilterCaptureConnection *connection,
                                     const MilterSegment *segment,
                                     const MilterCaptureMoment *moment);
/* Nothing follows: tells all that is left. */
void milter_capture_connection_finish (MilterCaptureConnection *connection);
/* Nothing that follows matters: both sides have closed, or it is not a milter's. */
bool milter_capture_connection_is_over (const MilterCaptureConnection *connection);

G_END_DECLS
