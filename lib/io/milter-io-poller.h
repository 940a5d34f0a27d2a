/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-poller.h: which of many descriptors are ready.
 *
 * All that the loop needs of epoll; another system's mechanism takes the place of
 * milter-io-poller.c. A poller has one descriptor of its own that a main context can watch, and it
 * tells of a ready descriptor again and again until it is not ready any more.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _MilterIoPoller MilterIoPoller;

enum
{
  MILTER_IO_READABLE = 1 << 0,
  MILTER_IO_WRITABLE = 1 << 1,
  MILTER_IO_HANGUP = 1 << 2
};

/* events: what is possible now; after a hangup or an error both, so that the next call tells it, and
 * MILTER_IO_HANGUP, which is told whatever was asked for: nothing that is written arrives any more */
typedef struct
{
  guint64 token;
  guint events;
} MilterIoReady;

MilterIoPoller *milter_io_poller_new (GError **error);
void milter_io_poller_free (MilterIoPoller *poller);
/* readable when a descriptor is ready */
int milter_io_poller_get_fd (MilterIoPoller *poller);
/* what to tell of @fd. 0 is nothing; it stays known then, so that only adding can fail */
bool milter_io_poller_add (MilterIoPoller *poller,
                           int fd,
                           guint64 token,
                           guint events,
                           GError **error);
void milter_io_poller_set (MilterIoPoller *poller, int fd, guint64 token, guint events);
/* before @fd is closed */
void milter_io_poller_remove (MilterIoPoller *poller, int fd);
/* waits for so long at most, 0: not at all; returns how many of @ready were filled */
guint
milter_io_poller_collect (MilterIoPoller *poller, MilterIoReady *ready, guint max, guint wait_ms);

/* Others' descriptors that wake who waits for the poller: up to MILTER_IO_MAX_GUESTS, each known by
 * its number, until it is closed. A collect() passes over them. */
#define MILTER_IO_MAX_GUESTS 8
bool milter_io_poller_add_guest (MilterIoPoller *poller, int fd, guint number);
void milter_io_poller_remove_guest (MilterIoPoller *poller, int fd);
/* Waits for what is ready, and keeps it for the next collect(), which asks nothing then. Nothing may
 * be kept any more. timeout_ms: -1 is for ever; guests: a bit for each readable one, by its number.
 * Returns how many of the poller's own are ready, or -1 and errno. */
int milter_io_poller_wait (MilterIoPoller *poller, int timeout_ms, guint *guests);
bool milter_io_poller_has_kept (const MilterIoPoller *poller);
