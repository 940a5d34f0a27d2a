/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-loop-private.h: what connections and listeners have in common: a descriptor that is
 * watched by a loop.
 *
 * A watch lives as long as it is open, and while one of its functions is running. The poller
 * knows it by a token of slot and generation, never by its address, so that what was ready before
 * a handler closed it finds nothing, even if another one has taken its slot.
 */
#pragma once

#include "milter-io-deadlines.h"
#include "milter-io-output.h"
#include "milter-io-poller.h"
#include "milter-io-private.h"

/* one read brings at most this much: it bounds what one connection gets of a turn of the loop, and
 * holds some whole frames of 64 KiB */
#define MILTER_IO_BUFFER_SIZE (256 * 1024)

typedef struct _MilterIoWatch MilterIoWatch;

typedef struct
{
  /* the descriptor is ready for some of the wanted events, or has hung up; buffer: MILTER_IO_BUFFER_SIZE bytes, of
   * nobody else during the call */
  void (*ready) (MilterIoWatch *watch, guint events, guint8 *buffer);
  /* the same for MILTER_IO_WRITABLE when one of its functions is running further up the stack, so
   * that no handler may be called */
  void (*writable_inside) (MilterIoWatch *watch);
  /* its `ready` is running, and a handler iterates the main context: what it wrote must leave now,
   * and what it will write goes through the queue */
  void (*interrupted) (MilterIoWatch *watch);
  /* its turn in the queue has come. inside: one of its functions is running further up the stack,
   * so that no handler may be called; it comes into the queue again afterwards */
  void (*queued) (MilterIoWatch *watch, bool inside, guint8 *buffer);
  void (*expired) (MilterIoWatch *watch, MilterIoDeadline *deadline);
  /* the loop goes away: close everything without calling handlers, as milter_io_watch_close() */
  void (*abandon) (MilterIoWatch *watch);
  void (*free) (MilterIoWatch *watch);
} MilterIoWatchClass;

struct _MilterIoWatch
{
  MilterIoLoop *loop; /* unowned; NULL when closed. The first: see MilterIoTurn */
  const MilterIoWatchClass *class;
  int fd; /* -1: has none at present */
  guint32 slot;
  guint32 generation;
  guint inside;   /* how many of its functions are running */
  guint8 wanted;  /* events */
  guint8 told;    /* events as the poller knows them */
  bool lingering; /* closed for its owner, but has still to write */
  bool in_queue;
  /* what is left to do when the last of its functions returns: nearly always nothing */
  union
  {
    struct
    {
      bool muted;         /* it was readable meanwhile: not told until then */
      bool deadline_kept; /* its time has passed */
      bool queue_kept;    /* its turn in the queue came */
      bool freed;         /* it was closed */
    };
    guint32 kept;
  };
  MilterIoWatch *next; /* in the queue */
  MilterIoWatch *previous;
  MilterIoDeadline deadline;
};

void milter_io_watch_init (MilterIoWatch *watch,
                           const MilterIoWatchClass *class,
                           MilterIoLoop *loop);
/* takes @fd when it succeeds */
bool milter_io_watch_set_fd (MilterIoWatch *watch, int fd, guint wanted, GError **error);
/* closes the descriptor */
void milter_io_watch_clear_fd (MilterIoWatch *watch);
void milter_io_watch_want (MilterIoWatch *watch, guint events);
/* `queued` is called before the loop's turn ends, or in its next one */
void milter_io_watch_enqueue (MilterIoWatch *watch);
void milter_io_watch_dequeue (MilterIoWatch *watch);
static inline MilterIoTurn *
milter_io_watch_get_turn (const MilterIoWatch *watch)
{
  return (MilterIoTurn *) watch->loop;
}
/* whether its `ready` is running, and nothing came between: what it writes leaves before that
 * returns */
static inline bool
milter_io_watch_is_served (const MilterIoWatch *watch)
{
  return milter_io_watch_get_turn (watch)->served == watch;
}
/* (transfer none): an array without bytes, maybe, for who needs one for a moment */
MilterIoSpare *milter_io_watch_get_spare (const MilterIoWatch *watch);
/* 0: unset */
void milter_io_watch_set_deadline (MilterIoWatch *watch, gint64 time);
/* so long after the end of what its loop is doing now: the clock is read once for all of a turn */
void milter_io_watch_set_timeout (MilterIoWatch *watch, gint64 timeout_us);
/* the same, quickly if it is served, and was timed before */
static inline void
milter_io_watch_move_timeout (MilterIoWatch *watch, gint64 timeout_us)
{
  gint64 begin = milter_io_watch_get_turn (watch)->time;

  if (begin == 0 || !milter_io_watch_is_served (watch)
      || !milter_io_deadline_move_on (&watch->deadline, begin + timeout_us))
    milter_io_watch_set_timeout (watch, timeout_us);
  else
    watch->deadline.from_turn = true;
}
/* a further deadline, for matters of the watch in which no handler is involved; unset it before
 * closing */
void milter_io_watch_set_own_deadline (MilterIoWatch *watch,
                                       MilterIoDeadline *deadline,
                                       gint64 time);
static inline bool
milter_io_watch_is_open (const MilterIoWatch *watch)
{
  return watch->loop != NULL;
}
/* leaves the loop and closes the descriptor; the memory goes when no function of it is running */
void milter_io_watch_close (MilterIoWatch *watch);

void milter_io_loop_count_connection (MilterIoLoop *loop, int change);

