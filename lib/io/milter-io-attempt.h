/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-attempt.h: connecting to a spec: all its addresses, one after the other.
 */
#pragma once

#include "milter-io-deadlines.h"
#include "milter-io-private.h"

typedef struct _MilterIoAttempt MilterIoAttempt;

/**
 * MilterIoAttemptResult:
 * @MILTER_IO_ATTEMPT_CONNECTED: here is a connected socket
 * @MILTER_IO_ATTEMPT_PENDING: here is a socket that becomes writable when it is decided
 * @MILTER_IO_ATTEMPT_BUSY: the listener's queue is full: step again a little later
 * @MILTER_IO_ATTEMPT_FAILED: no address is left
 */
typedef enum
{
  MILTER_IO_ATTEMPT_CONNECTED,
  MILTER_IO_ATTEMPT_PENDING,
  MILTER_IO_ATTEMPT_BUSY,
  MILTER_IO_ATTEMPT_FAILED
} MilterIoAttemptResult;

/* Looks the name up. @spec is the caller's until the attempt keeps it. */
MilterIoAttempt *milter_io_attempt_new (const MilterConnectionSpec *spec, GError **error);
/* what is not over at once outlives the spec */
void milter_io_attempt_keep_spec (MilterIoAttempt *attempt);
void milter_io_attempt_free (MilterIoAttempt *attempt);
/* goes on with the next address; the socket is the caller's */
MilterIoAttemptResult milter_io_attempt_step (MilterIoAttempt *attempt, int *fd, GError **error);
/* a pending socket has become writable: is it connected? If not, the next step is due; the caller
 * closes the socket. */
bool milter_io_attempt_decide (MilterIoAttempt *attempt, int fd);
/* to a path in the file system */
bool milter_io_attempt_is_unix (const MilterIoAttempt *attempt);
/* of whoever is connecting, for the time to step again; unset it before the attempt is freed */
MilterIoDeadline *milter_io_attempt_get_retry (MilterIoAttempt *attempt);
/* how long to wait when busy, longer each time */
guint milter_io_attempt_get_pause_ms (MilterIoAttempt *attempt);
