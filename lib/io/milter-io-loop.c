/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-loop.c: one GSource for all connections of a thread.
 *
 * A GSource for each connection makes every iteration of the main context linear in the number of
 * connections, idle ones included; one that holds a poller does not. It may recurse: GLib takes
 * the descriptor of a source that may not out of its poll set around each dispatch, which costs
 * three system calls.
 */
#include "milter-io-loop-private.h"

#include <unistd.h>

#include "milter-io-looks.h"
#include "milter-io-waiting.h"

/* connections that are served before other sources of the context have their turn */
#define BATCH_SIZE 256

typedef struct
{
  MilterIoWatch *watch; /* unowned; NULL: free */
  guint32 generation;
  guint32 next_free; /* 0: none */
} Slot;

/* With so many ready at once, more are when they have been served: they are looked for before the
 * main context has its turn, until so many were served in all. A turn of it costs as much as some
 * commands do; so many commands take some milliseconds. */
#define BUSY     8
#define BUSY_MAX 1024

/* a turn that took so long is one in which a handler waited for something */
#define SLOW_TURN_US 4000

/* how long a loop that lingers waits for the next bytes, and how long it may go on in all before it
 * lets the main context's other sources have their turn */
#define LINGER_WAIT_MS 1
#define LINGER_MAX_US  (4 * 1000)
/* How long it looks again and again first, where that pays, and for how many connections: with more
 * of them there is always something to do. */
#define LOOK_US          40
#define LOOK_CONNECTIONS 2

struct _MilterIoLoop
{
  MilterIoTurn turn;
  guint refs;  /* of the structure: its owner's and running dispatches' */
  guint users; /* of a thread's default loop */
  bool closed;
  bool lingers;
  long n_processors; /* 0: not asked for */
  MilterIoLooks looks;
  GSource *source;
  gpointer tag;
  MilterIoPoller *poller;
  GArray *slots; /* Slot; the first is not used */
  guint32 free_slot;
  guint n_watches;
  guint n_connections;
  MilterIoWatch *first; /* the queue */
  MilterIoWatch *last;
  guint n_queued;
  guint8 *buffer; /* NULL while a dispatch uses it */
  MilterIoSpare spare;
  MilterIoDeadlines deadlines;
};

typedef struct
{
  GSource source;
  MilterIoLoop *loop; /* unowned; NULL when the loop is closed */
} LoopSource;

/* what MilterIoTurn says of loops and connections */
G_STATIC_ASSERT (G_STRUCT_OFFSET (MilterIoLoop, turn) == 0);
G_STATIC_ASSERT (G_STRUCT_OFFSET (MilterIoWatch, loop) == 0);

static GSourceFuncs source_funcs;

/* marks a source as the one that _milter_io_loop_ref_default() looks for */
static const char default_mark[] = "default";

static void
loop_unref (MilterIoLoop *loop)
{
  if (--loop->refs > 0)
    return;
  milter_io_poller_free (loop->poller);
  milter_io_deadlines_clear (&loop->deadlines);
  g_clear_pointer (&loop->slots, g_array_unref);
  g_free (loop->buffer);
  g_clear_pointer (&loop->spare, g_byte_array_unref);
  g_free (loop);
}

/* slots */

static guint64
watch_token (const MilterIoWatch *watch)
{
  return (guint64) watch->generation << 32 | watch->slot;
}

static Slot *
slot_at (MilterIoLoop *loop, guint32 index)
{
  return &g_array_index (loop->slots, Slot, index);
}

static MilterIoWatch *
watch_of_token (MilterIoLoop *loop, guint64 token)
{
  Slot *slot = slot_at (loop, (guint32) token);

  return slot->generation == token >> 32 ? slot->watch : NULL;
}

static void
take_slot (MilterIoLoop *loop, MilterIoWatch *watch)
{
  watch->slot = loop->free_slot;
  if (watch->slot == 0)
    {
      watch->slot = loop->slots->len;
      g_array_set_size (loop->slots, watch->slot + 1);
    }

  Slot *slot = slot_at (loop, watch->slot);
  loop->free_slot = slot->next_free;
  slot->next_free = 0;
  slot->watch = watch;
  watch->generation = slot->generation;
  loop->n_watches++;
}

static void
give_slot (MilterIoLoop *loop, MilterIoWatch *watch)
{
  Slot *slot = slot_at (loop, watch->slot);

  slot->watch = NULL;
  slot->generation++;
  slot->next_free = loop->free_slot;
  loop->free_slot = watch->slot;
  loop->n_watches--;
}

/* watches */

void
milter_io_watch_init (MilterIoWatch *watch, const MilterIoWatchClass *class, MilterIoLoop *loop)
{
  watch->class = class;
  watch->loop = loop;
  watch->fd = -1;
  watch->deadline.owner = watch;
  take_slot (loop, watch);
}

bool
milter_io_watch_set_fd (MilterIoWatch *watch, int fd, guint wanted, GError **error)
{
  if (!milter_io_poller_add (watch->loop->poller, fd, watch_token (watch), wanted, error))
    return false;
  watch->fd = fd;
  watch->wanted = watch->told = (guint8) wanted;
  return true;
}

void
milter_io_watch_clear_fd (MilterIoWatch *watch)
{
  if (watch->fd < 0)
    return;
  /* a descriptor that was duplicated would stay in the poller otherwise */
  milter_io_poller_remove (watch->loop->poller, watch->fd);
  close (watch->fd);
  watch->fd = -1;
}

static void
watch_tell (MilterIoWatch *watch)
{
  guint events = watch->muted ? watch->wanted & MILTER_IO_WRITABLE : watch->wanted;

  if (watch->fd < 0 || watch->told == events)
    return;
  milter_io_poller_set (watch->loop->poller, watch->fd, watch_token (watch), events);
  watch->told = (guint8) events;
}

void
milter_io_watch_want (MilterIoWatch *watch, guint events)
{
  watch->wanted = (guint8) events;
  watch_tell (watch);
}

MilterIoSpare *
milter_io_watch_get_spare (const MilterIoWatch *watch)
{
  return &watch->loop->spare;
}

void
milter_io_watch_enqueue (MilterIoWatch *watch)
{
  MilterIoLoop *loop = watch->loop;
  if (watch->in_queue)
    return;

  watch->in_queue = true;
  watch->next = NULL;
  watch->previous = loop->last;
  if (loop->last != NULL)
    loop->last->next = watch;
  else
    loop->first = watch;
  loop->last = watch;
  loop->n_queued++;
}

void
milter_io_watch_dequeue (MilterIoWatch *watch)
{
  MilterIoLoop *loop = watch->loop;
  if (!watch->in_queue)
    return;

  if (watch->previous != NULL)
    watch->previous->next = watch->next;
  else
    loop->first = watch->next;
  if (watch->next != NULL)
    watch->next->previous = watch->previous;
  else
    loop->last = watch->previous;
  watch->in_queue = false;
  loop->n_queued--;
}

void
milter_io_watch_set_deadline (MilterIoWatch *watch, gint64 time)
{
  watch->deadline_kept = false;
  watch->deadline.from_turn = false;
  milter_io_deadlines_set (&watch->loop->deadlines, &watch->deadline, time);
}

void
milter_io_watch_set_timeout (MilterIoWatch *watch, gint64 timeout_us)
{
  MilterIoLoop *loop = watch->loop;

  if (!milter_io_watch_is_served (watch))
    {
      milter_io_watch_set_deadline (watch, g_get_monotonic_time () + timeout_us);
      return;
    }
  if (loop->turn.time == 0)
    loop->turn.time = g_get_monotonic_time ();
  milter_io_watch_set_deadline (watch, loop->turn.time + timeout_us);
  watch->deadline.from_turn = true;
}

void
milter_io_watch_set_own_deadline (MilterIoWatch *watch, MilterIoDeadline *deadline, gint64 time)
{
  deadline->owner = watch;
  if (time != 0)
    milter_io_deadlines_set (&watch->loop->deadlines, deadline, time);
  else
    milter_io_deadlines_remove (&watch->loop->deadlines, deadline);
}

void
milter_io_watch_close (MilterIoWatch *watch)
{
  MilterIoLoop *loop = watch->loop;

  milter_io_watch_clear_fd (watch);
  milter_io_watch_dequeue (watch);
  milter_io_deadlines_remove (&loop->deadlines, &watch->deadline);
  give_slot (loop, watch);
  watch->loop = NULL;
  watch->freed = true;
  if (watch->inside == 0)
    watch->class->free (watch);
}

/* around each call of a function of the watch */
static inline void
watch_enter (MilterIoWatch *watch)
{
  watch->inside++;
}

/* what nested dispatches have kept away from it */
static void
catch_up (MilterIoWatch *watch)
{
  if (watch->freed)
    {
      watch->class->free (watch);
      return;
    }
  watch->muted = false;
  watch_tell (watch);
  if (watch->deadline_kept)
    milter_io_watch_set_deadline (watch, watch->deadline.time);
  if (watch->queue_kept)
    milter_io_watch_enqueue (watch);
  watch->queue_kept = false;
}

static inline void
watch_leave (MilterIoWatch *watch)
{
  watch->inside--;
  if (G_UNLIKELY (watch->kept != 0) && watch->inside == 0)
    catch_up (watch);
}

/* dispatching */

/* One that is inside a handler would be readable again and again; that waits for the handler. What
 * it has written leaves. */
static void
serve_inside (MilterIoWatch *watch, guint events)
{
  watch->muted = true;
  watch_tell (watch);
  if (events & MILTER_IO_WRITABLE)
    watch->class->writable_inside (watch);
}

static void
serve (MilterIoLoop *loop, MilterIoWatch *watch, guint events, guint8 *buffer)
{
  loop->turn.served = watch;
  watch->deadline.from_turn = false;
  watch_enter (watch);
  watch->class->ready (watch, events, buffer);
  loop->turn.served = NULL;
  watch_leave (watch);
}

static void
interrupt_served (MilterIoLoop *loop)
{
  MilterIoWatch *watch = loop->turn.served;

  if (milter_io_watch_is_open (watch) && watch->class->interrupted != NULL)
    watch->class->interrupted (watch);
  loop->turn.served = NULL;
}

/* Timeouts were counted from the beginning of a turn. It took so long that this makes a difference,
 * because a handler did: they count from now on. */
static void
make_up_for_slow_turn (MilterIoLoop *loop, const MilterIoReady *ready, guint n)
{
  gint64 late = g_get_monotonic_time () - loop->turn.time;

  loop->turn.time = 0;
  if (late < SLOW_TURN_US)
    return;
  for (guint i = 0; i < n; i++)
    {
      MilterIoWatch *watch = watch_of_token (loop, ready[i].token);

      if (watch != NULL && watch->deadline.from_turn)
        milter_io_watch_set_deadline (watch, watch->deadline.time + late);
    }
}

/* returns how many were ready */
static guint
serve_ready (MilterIoLoop *loop, guint8 *buffer, guint wait_ms)
{
  MilterIoReady ready[BATCH_SIZE];
  guint n = milter_io_poller_collect (loop->poller, ready, G_N_ELEMENTS (ready), wait_ms);
  gint64 outer_time = loop->turn.time;

  loop->turn.time = 0;
  for (guint i = 0; i < n && !loop->closed; i++)
    {
      MilterIoWatch *watch = watch_of_token (loop, ready[i].token);
      if (watch == NULL)
        continue;

      guint events = ready[i].events & (watch->wanted | MILTER_IO_HANGUP);
      if (G_UNLIKELY (watch->inside > 0))
        serve_inside (watch, events);
      else if (events != 0)
        serve (loop, watch, events, buffer);
    }
  if (loop->turn.time != 0 && !loop->closed)
    make_up_for_slow_turn (loop, ready, n);
  loop->turn.time = outer_time;
  return n;
}

static void
serve_deadlines (MilterIoLoop *loop, guint8 *buffer)
{
  if (milter_io_deadlines_next (&loop->deadlines) == 0)
    return;

  gint64 now = g_get_monotonic_time ();
  if (milter_io_deadlines_next (&loop->deadlines) > now)
    return;
  /* on a busy machine much time may have passed since we looked: who spoke meanwhile is not late */
  serve_ready (loop, buffer, /* wait_ms= */ 0);
  /* a handler that sets a time in the past again gets it in the next turn */
  for (guint n = loop->n_watches; n > 0 && !loop->closed; n--)
    {
      MilterIoDeadline *deadline = milter_io_deadlines_pop (&loop->deadlines, now);
      if (deadline == NULL)
        return;

      MilterIoWatch *watch = deadline->owner;
      if (watch->inside > 0 && deadline == &watch->deadline)
        {
          watch->deadline_kept = true;
          continue;
        }
      deadline->time = 0;
      watch_enter (watch);
      watch->class->expired (watch, deadline);
      watch_leave (watch);
    }
}

static void
serve_queue (MilterIoLoop *loop, guint8 *buffer)
{
  /* what comes into the queue meanwhile waits for the next turn */
  for (guint n = loop->n_queued; n > 0 && loop->first != NULL && !loop->closed; n--)
    {
      MilterIoWatch *watch = loop->first;
      bool inside = watch->inside > 0;

      milter_io_watch_dequeue (watch);
      watch->queue_kept = inside;
      watch_enter (watch);
      watch->class->queued (watch, inside, buffer);
      watch_leave (watch);
    }
}

/* Falling asleep and being woken takes longer than most answers do. Returns how many were ready. */
static guint
look (MilterIoLoop *loop, guint8 *buffer, gint64 end_us)
{
  guint n;

  do
    n = serve_ready (loop, buffer, /* wait_ms= */ 0);
  while (n == 0 && g_get_monotonic_time () < end_us);
  return n;
}

/* the same for what comes next, in the way that pays */
static guint
wait_for_answer (MilterIoLoop *loop, guint8 *buffer)
{
  gint64 begin_us;
  guint n = 0;

  if (loop->n_processors < 2 || loop->n_connections > LOOK_CONNECTIONS)
    return serve_ready (loop, buffer, LINGER_WAIT_MS);
  begin_us = g_get_monotonic_time ();
  if (milter_io_looks_now (&loop->looks))
    n = look (loop, buffer, begin_us + LOOK_US);
  if (n == 0)
    n = serve_ready (loop, buffer, LINGER_WAIT_MS);
  milter_io_looks_note (&loop->looks, g_get_monotonic_time () - begin_us);
  return n;
}

/* Peers that answer at once are served in one dispatch: a turn of the main context costs more than a
 * command does. The context's other sources wait for so long at most. */
static void
linger (MilterIoLoop *loop, guint8 *buffer)
{
  gint64 end_us = g_get_monotonic_time () + LINGER_MAX_US;

  while (!loop->closed && loop->n_connections > 0 && loop->first == NULL
         && wait_for_answer (loop, buffer) > 0)
    {
      if (!loop->closed)
        serve_queue (loop, buffer);
      if (g_get_monotonic_time () >= end_us)
        return;
    }
}

/* a default loop that nobody uses any more, when the last of its connections has written all */
static void
free_if_unused (MilterIoLoop *loop)
{
  if (loop->users == 0 && loop->n_connections == 0)
    _milter_io_loop_free (loop);
}

static gboolean
source_prepare (GSource *source, int *timeout)
{
  MilterIoLoop *loop = ((LoopSource *) source)->loop;

  *timeout = -1;
  if (loop == NULL)
    return FALSE;
  if (loop->turn.served != NULL)
    interrupt_served (loop);
  if (loop->first != NULL)
    return TRUE;

  /* not g_source_set_ready_time(): each change of it wakes the context, with three system calls */
  gint64 next = milter_io_deadlines_next (&loop->deadlines);
  if (next != 0)
    {
      gint64 left = next - g_source_get_time (source);
      if (left <= 0)
        return TRUE;
      *timeout = (int) MIN ((left + 999) / 1000, G_MAXINT);
    }
  return FALSE;
}

static gboolean
source_check (GSource *source)
{
  MilterIoLoop *loop = ((LoopSource *) source)->loop;
  if (loop == NULL)
    return FALSE;
  if (loop->first != NULL || g_source_query_unix_fd (source, loop->tag) != 0)
    return TRUE;

  gint64 next = milter_io_deadlines_next (&loop->deadlines);
  return next != 0 && next <= g_source_get_time (source);
}

static gboolean
source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  MilterIoLoop *loop = ((LoopSource *) source)->loop;
  if (loop == NULL)
    return G_SOURCE_REMOVE;

  loop->refs++;
  /* a nested dispatch finds none, and takes one of its own */
  guint8 *buffer = g_steal_pointer (&loop->buffer);
  if (buffer == NULL)
    buffer = g_malloc (MILTER_IO_BUFFER_SIZE);

  bool was_ready = g_source_query_unix_fd (source, loop->tag) != 0;
  guint n = was_ready ? serve_ready (loop, buffer, /* wait_ms= */ 0) : 0;
  for (guint served = n; n >= BUSY && served < BUSY_MAX && !loop->closed; served += n)
    {
      /* accepted connections that were not told yet would be ready again and again */
      serve_queue (loop, buffer);
      n = loop->closed ? 0 : serve_ready (loop, buffer, /* wait_ms= */ 0);
    }
  if (!loop->closed)
    serve_deadlines (loop, buffer);
  if (!loop->closed)
    serve_queue (loop, buffer);
  if (loop->lingers && was_ready)
    linger (loop, buffer);

  if (loop->buffer == NULL)
    loop->buffer = buffer;
  else
    g_free (buffer);
  free_if_unused (loop);
  bool closed = loop->closed;
  loop_unref (loop);
  return closed ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
  .prepare = source_prepare,
  .check = source_check,
  .dispatch = source_dispatch,
};

/* the source is never called back: the callback's data is its mark */
static gboolean
no_callback (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

MilterIoLoop *
_milter_io_loop_new (GMainContext *context, GError **error)
{
  MilterIoPoller *poller = milter_io_poller_new (error);
  if (poller == NULL)
    return NULL;

  MilterIoLoop *loop = g_new0 (MilterIoLoop, 1);
  loop->refs = 1;
  loop->users = 1;
  loop->poller = poller;
  loop->slots = g_array_new (/* zero_terminated= */ FALSE, /* clear= */ TRUE, sizeof (Slot));
  g_array_set_size (loop->slots, 1);
  milter_io_deadlines_init (&loop->deadlines);

  loop->source = g_source_new (&source_funcs, sizeof (LoopSource));
  ((LoopSource *) loop->source)->loop = loop;
  g_source_set_static_name (loop->source, "milterlab-io");
  g_source_set_can_recurse (loop->source, TRUE);
  loop->tag = g_source_add_unix_fd (loop->source, milter_io_poller_get_fd (poller), G_IO_IN);
  g_autoptr (GMainContext) own = context ? NULL : g_main_context_ref_thread_default ();
  g_source_attach (loop->source, context ? context : own);
  return loop;
}

static void
abandon_watches (MilterIoLoop *loop, bool lingering_too)
{
  for (guint32 i = 1; i < loop->slots->len; i++)
    {
      MilterIoWatch *watch = slot_at (loop, i)->watch;
      if (watch != NULL && (lingering_too || !watch->lingering))
        watch->class->abandon (watch);
    }
}

void
_milter_io_loop_free (MilterIoLoop *loop)
{
  if (loop == NULL || loop->closed)
    return;

  loop->closed = true;
  abandon_watches (loop, /* lingering_too= */ true);
  ((LoopSource *) loop->source)->loop = NULL;
  g_source_destroy (loop->source);
  g_clear_pointer (&loop->source, g_source_unref);
  loop_unref (loop);
}

MilterIoLoop *
_milter_io_loop_ref_default (GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  GSource *source = g_main_context_find_source_by_funcs_user_data (
      context, &source_funcs, (gpointer) default_mark);
  if (source != NULL)
    {
      MilterIoLoop *loop = ((LoopSource *) source)->loop;
      loop->users++;
      return loop;
    }

  MilterIoLoop *loop = _milter_io_loop_new (context, error);
  if (loop != NULL)
    g_source_set_callback (loop->source, no_callback, (gpointer) default_mark, NULL);
  return loop;
}

void
_milter_io_loop_unref (MilterIoLoop *loop)
{
  if (loop == NULL || --loop->users > 0)
    return;
  abandon_watches (loop, /* lingering_too= */ false);
  free_if_unused (loop);
}

void
_milter_io_loop_set_linger (MilterIoLoop *loop, bool lingers)
{
  loop->lingers = lingers;
  /* Each connection of a program says so again, and the question costs three system calls. Not those that we may
   * use: the peer may use others. */
  if (lingers && loop->n_processors == 0)
    loop->n_processors = sysconf (_SC_NPROCESSORS_ONLN);
}

void
_milter_io_loop_begin_waiting (MilterIoLoop *loop, GMainContext *context)
{
  milter_io_waiting_begin (loop->poller, context);
}

void
_milter_io_loop_end_waiting (MilterIoLoop *loop, GMainContext *context)
{
  milter_io_waiting_end (loop->poller, context);
}

guint
_milter_io_loop_get_n_connections (MilterIoLoop *loop)
{
  return loop->n_connections;
}

void
milter_io_loop_count_connection (MilterIoLoop *loop, int change)
{
  loop->n_connections = (guint) ((int) loop->n_connections + change);
}
