/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-handover.c: a queue between threads, emptied by a GSource of the receiver's context.
 *
 * What the receiver has taken off the shared queue stands in a queue of its own, not on the stack:
 * one that iterates its context while it receives goes on with the same queue, in the same order.
 *
 * A pthread mutex rather than GLib's, so that ThreadSanitizer sees it.
 */
#include "milter-handover-private.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* items that are received before other sources of the context have their turn */
#define BATCH_SIZE 256

typedef struct _Node Node;
struct _Node
{
  Node *next;
  gpointer item;
};

typedef struct
{
  Node *first;
  Node *last;
} Queue;

struct _MilterHandover
{
  atomic_uint refs;
  int fd; /* eventfd */
  MilterHandoverFunc receive;
  gpointer user_data; /* unowned */
  GDestroyNotify free_item;
  atomic_bool woken; /* without an item */

  pthread_mutex_t mutex; /* of the next two */
  Queue posted;
  bool closed;

  /* the receiver's thread only */
  GSource *source; /* NULL when closed */
  gpointer tag;
  Queue taken;
};

typedef struct
{
  GSource source;
  MilterHandover *handover;
} HandoverSource;

static void
queue_push (Queue *queue, gpointer item)
{
  Node *node = g_new (Node, 1);

  *node = (Node){ .item = item };
  if (queue->last != NULL)
    queue->last->next = node;
  else
    queue->first = node;
  queue->last = node;
}

static gpointer
queue_pop (Queue *queue)
{
  Node *node = queue->first;
  gpointer item = node->item;

  queue->first = node->next;
  if (queue->first == NULL)
    queue->last = NULL;
  g_free (node);
  return item;
}

static void
queue_clear (Queue *queue, GDestroyNotify free_item)
{
  while (queue->first != NULL)
    {
      gpointer item = queue_pop (queue);
      if (free_item != NULL)
        free_item (item);
    }
}

/* Takes what was posted; false: nothing was. */
static bool
take_posted (MilterHandover *handover)
{
  pthread_mutex_lock (&handover->mutex);
  handover->taken = handover->posted;
  handover->posted = (Queue){ NULL, NULL };
  pthread_mutex_unlock (&handover->mutex);
  return handover->taken.first != NULL;
}

static gboolean
source_prepare (GSource *source, int *timeout)
{
  *timeout = -1;
  return ((HandoverSource *) source)->handover->taken.first != NULL;
}

static gboolean
source_check (GSource *source)
{
  MilterHandover *handover = ((HandoverSource *) source)->handover;

  return handover->taken.first != NULL || g_source_query_unix_fd (source, handover->tag) != 0;
}

static gboolean
source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  MilterHandover *handover = _milter_handover_ref (((HandoverSource *) source)->handover);
  guint64 count;

  /* before the queue is looked at: what is posted from now on wakes us again */
  (void) !read (handover->fd, &count, sizeof count);
  for (guint n = 0; n < BATCH_SIZE && handover->source != NULL; n++)
    {
      if (handover->taken.first == NULL && !take_posted (handover))
        break;
      handover->receive (queue_pop (&handover->taken), handover->user_data);
    }
  if (handover->source != NULL && atomic_exchange (&handover->woken, false))
    handover->receive (NULL, handover->user_data);

  /* the batch was too small for all that was posted, which we have been woken for already */
  if (handover->source != NULL && handover->taken.first == NULL)
    take_posted (handover);
  bool closed = handover->source == NULL;
  _milter_handover_unref (handover);
  return closed ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
source_finalize (GSource *source)
{
  _milter_handover_unref (((HandoverSource *) source)->handover);
}

static GSourceFuncs source_funcs = {
  .prepare = source_prepare,
  .check = source_check,
  .dispatch = source_dispatch,
  .finalize = source_finalize,
};

static void
attach_source (MilterHandover *handover, GMainContext *context)
{
  GSource *source = g_source_new (&source_funcs, sizeof (HandoverSource));

  ((HandoverSource *) source)->handover = _milter_handover_ref (handover);
  g_source_set_static_name (source, "milterlab-handover");
  g_source_set_can_recurse (source, TRUE);
  handover->tag = g_source_add_unix_fd (source, handover->fd, G_IO_IN);
  handover->source = source;
  g_source_attach (source, context);
}

MilterHandover *
_milter_handover_new (GMainContext *context,
                      MilterHandoverFunc receive,
                      gpointer user_data,
                      GDestroyNotify free_item,
                      GError **error)
{
  int fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0)
    {
      int errsv = errno;
      g_set_error (error,
                   G_FILE_ERROR,
                   g_file_error_from_errno (errsv),
                   "cannot make an event descriptor: %s",
                   g_strerror (errsv));
      return NULL;
    }

  MilterHandover *handover = g_new0 (MilterHandover, 1);
  atomic_init (&handover->refs, 1);
  atomic_init (&handover->woken, false);
  pthread_mutex_init (&handover->mutex, NULL);
  handover->fd = fd;
  handover->receive = receive;
  handover->user_data = user_data;
  handover->free_item = free_item;
  attach_source (handover, context);
  return handover;
}

void
_milter_handover_reopen (MilterHandover *handover, GMainContext *context)
{
  g_return_if_fail (handover->source == NULL);
  pthread_mutex_lock (&handover->mutex);
  handover->closed = false;
  pthread_mutex_unlock (&handover->mutex);
  attach_source (handover, context);
}

MilterHandover *
_milter_handover_ref (MilterHandover *handover)
{
  atomic_fetch_add (&handover->refs, 1);
  return handover;
}

void
_milter_handover_unref (MilterHandover *handover)
{
  if (handover == NULL || atomic_fetch_sub (&handover->refs, 1) > 1)
    return;

  queue_clear (&handover->posted, handover->free_item);
  queue_clear (&handover->taken, handover->free_item);
  pthread_mutex_destroy (&handover->mutex);
  close (handover->fd);
  g_free (handover);
}

bool
_milter_handover_post (MilterHandover *handover, gpointer item)
{
  pthread_mutex_lock (&handover->mutex);
  bool closed = handover->closed;
  bool first = handover->posted.first == NULL;
  if (!closed)
    queue_push (&handover->posted, item);
  pthread_mutex_unlock (&handover->mutex);

  if (closed)
    {
      if (handover->free_item != NULL)
        handover->free_item (item);
      return false;
    }
  /* who posted the first one wakes for all that follow */
  if (first)
    (void) !write (handover->fd, &(guint64){ 1 }, sizeof (guint64));
  return true;
}

void
_milter_handover_wake (MilterHandover *handover)
{
  /* this may stand in the middle of anything */
  int errsv = errno;

  atomic_store (&handover->woken, true);
  (void) !write (handover->fd, &(guint64){ 1 }, sizeof (guint64));
  errno = errsv;
}

void
_milter_handover_close (MilterHandover *handover)
{
  GSource *source = g_steal_pointer (&handover->source);
  if (source == NULL)
    return;

  pthread_mutex_lock (&handover->mutex);
  handover->closed = true;
  Queue posted = handover->posted;
  handover->posted = (Queue){ NULL, NULL };
  pthread_mutex_unlock (&handover->mutex);

  /* those that were taken are older */
  queue_clear (&handover->taken, handover->free_item);
  queue_clear (&posted, handover->free_item);
  g_source_destroy (source);
  g_source_unref (source);
}
