/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handover-threads.c: threads that post, wake and close at the same time, under ThreadSanitizer.
 *
 * Its exit status is its verdict; the sanitizer's own is 66.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "milter-handover-private.h"

#define N_POSTERS 4
#define N_ITEMS   5000

typedef struct
{
  guint poster;
  guint number;
  guint payload[4]; /* written by the poster, read by the receiver */
} Item;

typedef struct
{
  GMainContext *context;
  MilterHandover *handover;
  guint next[N_POSTERS]; /* the receiver's thread only */
  guint n_received;
  guint n_woken;
  guint close_after; /* 0: never */
  bool failed;
} Receiver;

static atomic_uint n_freed;
static _Atomic (MilterHandover *) of_signals;

static void
free_item (gpointer data)
{
  atomic_fetch_add (&n_freed, 1);
  g_free (data);
}

static void
receive (gpointer data, gpointer user_data)
{
  Receiver *receiver = user_data;
  Item *item = data;

  if (item == NULL)
    {
      receiver->n_woken++;
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (item->payload); i++)
    if (item->payload[i] != item->number + i)
      receiver->failed = true;
  if (item->number != receiver->next[item->poster]++)
    receiver->failed = true;
  g_free (item);
  if (++receiver->n_received == receiver->close_after)
    _milter_handover_close (receiver->handover);
}

static void
make_receiver (Receiver *receiver, guint close_after)
{
  g_autoptr (GError) error = NULL;

  *receiver = (Receiver){ .context = g_main_context_new (), .close_after = close_after };
  receiver->handover
      = _milter_handover_new (receiver->context, receive, receiver, free_item, &error);
  if (receiver->handover == NULL)
    g_error ("%s", error->message);
}

static void
clear_receiver (Receiver *receiver)
{
  _milter_handover_close (receiver->handover);
  _milter_handover_unref (receiver->handover);
  g_main_context_unref (receiver->context);
}

static guint
count_wanted (const Receiver *receiver)
{
  return receiver->close_after > 0 ? receiver->close_after : N_POSTERS * N_ITEMS;
}

static void *
run_receiver (void *data)
{
  Receiver *receiver = data;

  g_main_context_push_thread_default (receiver->context);
  while (receiver->n_received < count_wanted (receiver) || receiver->n_woken == 0)
    {
      if (receiver->close_after > 0 && receiver->n_received >= receiver->close_after)
        break;
      g_main_context_iteration (receiver->context, TRUE);
    }
  g_main_context_pop_thread_default (receiver->context);
  return NULL;
}

typedef struct
{
  MilterHandover *handover; /* a reference of its own */
  guint number;
} Poster;

static void *
run_poster (void *data)
{
  Poster *poster = data;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      Item *item = g_new (Item, 1);
      item->poster = poster->number;
      item->number = i;
      for (guint k = 0; k < G_N_ELEMENTS (item->payload); k++)
        item->payload[k] = i + k;
      _milter_handover_post (poster->handover, item);
      if (i % 1000 == 0)
        _milter_handover_wake (poster->handover);
    }
  _milter_handover_unref (poster->handover);
  return NULL;
}

static void
on_signal (int number)
{
  _milter_handover_wake (atomic_load (&of_signals));
}

static bool
check (bool good, const char *what)
{
  if (!good)
    fprintf (stderr, "handover-threads: %s\n", what);
  return good;
}

static bool
play (guint close_after, const char *name)
{
  Receiver receiver;
  Poster posters[N_POSTERS];
  pthread_t threads[N_POSTERS];
  pthread_t receiving;

  atomic_store (&n_freed, 0);
  make_receiver (&receiver, close_after);
  atomic_store (&of_signals, receiver.handover);
  pthread_create (&receiving, NULL, run_receiver, &receiver);
  for (guint i = 0; i < N_POSTERS; i++)
    {
      posters[i] = (Poster){ _milter_handover_ref (receiver.handover), i };
      pthread_create (&threads[i], NULL, run_poster, &posters[i]);
    }
  for (guint i = 0; i < 20; i++)
    raise (SIGUSR1);
  for (guint i = 0; i < N_POSTERS; i++)
    pthread_join (threads[i], NULL);
  pthread_join (receiving, NULL);
  clear_receiver (&receiver);

  guint n_freed_now = atomic_load (&n_freed);
  return check (!receiver.failed, name)
         && check (receiver.n_received == count_wanted (&receiver), "wrong number of items")
         && check (receiver.n_received + n_freed_now == N_POSTERS * N_ITEMS,
                   "items were lost or freed twice");
}

int
main (void)
{
  signal (SIGUSR1, on_signal);
  bool good = play (0, "items out of order or torn")
              && play (N_ITEMS, "items out of order or torn before closing");
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
