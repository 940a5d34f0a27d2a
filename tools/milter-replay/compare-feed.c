/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-feed.c: see compare-feed.h.
 */
#include "compare-feed.h"

#include <pthread.h>

#include "milter-recorded-builder.h"
#include "read-recording.h"
#include "tool-console.h"

struct _CompareFeed
{
  char *path;
  pthread_t thread;
  bool has_thread;
  MilterRecordedBuilder *builder; /* the thread's */

  pthread_mutex_t lock; /* of all that follows */
  pthread_cond_t changed;
  GQueue items; /* of CompareItem */
  gsize size;   /* of them */
  bool has_start;
  gint64 start_ns;
  bool ended;
  ToolExit status;
  bool unwanted; /* nobody takes items any more */
};

void
compare_item_free (CompareItem *item)
{
  if (item == NULL)
    return;
  milter_recorded_message_free (item->message);
  milter_recorded_session_free (item->session);
  g_free (item);
}

/* --- the thread
 * ----------------------------------------------------------------------------------- */

/* Takes the item; waits while enough is ahead. */
static void
push (CompareFeed *feed, CompareItem *item)
{
  pthread_mutex_lock (&feed->lock);
  while (!feed->unwanted && feed->items.length > 0
         && (feed->items.length >= COMPARE_FEED_MAX_ITEMS
             || feed->size + item->size > COMPARE_FEED_MAX_SIZE))
    pthread_cond_wait (&feed->changed, &feed->lock);
  if (feed->unwanted)
    g_clear_pointer (&item, compare_item_free);
  else
    {
      feed->size += item->size;
      g_queue_push_tail (&feed->items, item);
    }
  pthread_cond_broadcast (&feed->changed);
  pthread_mutex_unlock (&feed->lock);
}

/* what tells milters apart; the session itself goes on */
static MilterRecordedSession *
copy_negotiation (const MilterRecordedSession *session)
{
  MilterRecordedSession *copy = milter_recorded_session_new (session->connection, session->number);

  copy->has_answer = session->has_answer;
  copy->answer = session->answer;
  copy->symbols = session->symbols != NULL ? g_byte_array_ref (session->symbols) : NULL;
  return copy;
}

static void
on_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  CompareItem *item = g_new0 (CompareItem, 1);

  item->message = message;
  item->session = copy_negotiation (session);
  item->size = message->kept;
  push (data, item);
}

static void
on_session (MilterRecordedSession *session, gpointer data)
{
  CompareItem *item = g_new0 (CompareItem, 1);

  item->session = session;
  push (data, item);
}

static const MilterRecordedEvents events = { .message = on_message, .session = on_session };

/* The recording says when it began, or does so with the first thing that it tells. */
static void
on_started (gint64 time_ns, gpointer data)
{
  CompareFeed *feed = data;

  pthread_mutex_lock (&feed->lock);
  if (!feed->has_start)
    feed->start_ns = time_ns;
  feed->has_start = true;
  pthread_mutex_unlock (&feed->lock);
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  CompareFeed *feed = data;

  on_started (place->moment.time_ns, feed);
  milter_recorded_sink.opened (place, opening, feed->builder);
}

static void
on_frame (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  milter_recorded_sink.message (place, frame, behind_hole, ((CompareFeed *) data)->builder);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  milter_recorded_sink.raw (place, bytes, ((CompareFeed *) data)->builder);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  milter_recorded_sink.hole (place, size, letter, ((CompareFeed *) data)->builder);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  milter_recorded_sink.closed (place, reset, ((CompareFeed *) data)->builder);
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  on_started (place->moment.time_ns, data);
}

static gpointer
read_all (gpointer data)
{
  static const MilterCaptureSink sink = {
    .started = on_started,
    .opened = on_opened,
    .message = on_frame,
    .raw = on_raw,
    .hole = on_hole,
    .closed = on_closed,
    .note = on_note,
  };
  CompareFeed *feed = data;
  char *paths[] = { feed->path, NULL };
  ToolExit status = read_recordings (paths, &sink, feed);

  milter_recorded_builder_finish (feed->builder);
  pthread_mutex_lock (&feed->lock);
  feed->ended = true;
  feed->status = status;
  pthread_cond_broadcast (&feed->changed);
  pthread_mutex_unlock (&feed->lock);
  return NULL;
}

/* --- who takes
 * ------------------------------------------------------------------------------------ */

CompareFeed *
compare_feed_new (const char *path)
{
  CompareFeed *feed = g_new0 (CompareFeed, 1);
  int failure;

  feed->path = g_strdup (path);
  feed->builder = milter_recorded_builder_new (/* limits= */ NULL, &events, feed);
  pthread_mutex_init (&feed->lock, /* attributes= */ NULL);
  pthread_cond_init (&feed->changed, /* attributes= */ NULL);
  g_queue_init (&feed->items);
  failure = pthread_create (&feed->thread, /* attributes= */ NULL, read_all, feed);
  feed->has_thread = failure == 0;
  if (feed->has_thread)
    return feed;
  tool_error ("%s cannot be read: there is no thread for it: %s", path, g_strerror (failure));
  feed->ended = true;
  feed->status = TOOL_EXIT_USAGE;
  return feed;
}

void
compare_feed_free (CompareFeed *feed)
{
  if (feed == NULL)
    return;
  pthread_mutex_lock (&feed->lock);
  feed->unwanted = true;
  pthread_cond_broadcast (&feed->changed);
  pthread_mutex_unlock (&feed->lock);
  if (feed->has_thread)
    pthread_join (feed->thread, /* result= */ NULL);
  g_queue_clear_full (&feed->items, (GDestroyNotify) compare_item_free);
  milter_recorded_builder_free (feed->builder);
  pthread_mutex_destroy (&feed->lock);
  pthread_cond_destroy (&feed->changed);
  g_free (feed->path);
  g_free (feed);
}

CompareItem *
compare_feed_next (CompareFeed *feed)
{
  CompareItem *item;

  pthread_mutex_lock (&feed->lock);
  while (feed->items.length == 0 && !feed->ended)
    pthread_cond_wait (&feed->changed, &feed->lock);
  item = g_queue_pop_head (&feed->items);
  if (item != NULL)
    feed->size -= item->size;
  pthread_cond_broadcast (&feed->changed);
  pthread_mutex_unlock (&feed->lock);
  return item;
}

ToolExit
compare_feed_get_status (CompareFeed *feed)
{
  ToolExit status;

  pthread_mutex_lock (&feed->lock);
  status = feed->status;
  pthread_mutex_unlock (&feed->lock);
  return status;
}

gint64
compare_feed_get_start_ns (CompareFeed *feed)
{
  gint64 start_ns;

  pthread_mutex_lock (&feed->lock);
  start_ns = feed->start_ns;
  pthread_mutex_unlock (&feed->lock);
  return start_ns;
}
