/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-flow.c: sessions begin in the order in which they were recorded, each when there is room
 * for it.
 *
 * As fast as can be, there are as many at once as were open in the recording when one was opened,
 * or as the user said. At a given speed each begins, and says each word, at its time; there a limit
 * is only what the user said.
 */
#include "replay-flow.h"

#include <string.h>

#include "milter-text-private.h"
#include "tool-source.h"

/* sessions that wait for their turn, before the reader does; below, it goes on */
#define MAX_WAITING 128u
/* what may wait in memory, while those that play have something to do … */
#define MAX_HELD ((gsize) 32 << 20)
/* … and at all: connections of a recording that overlap, played one after the other */
#define MAX_HELD_AT_ALL ((gsize) 1 << 30)
/* Events that are read between two looks at what else there is to do. Reading and playing take
 * turns: each is faster if it goes on for a while; but what was read should still be in the
 * processor's cache when it is played. */
#define BATCH 512u
/* With more than these at once there is something to read while the milter works, and to wait for its answers would
 * be to wait for nobody when all that was read has been played. */
#define MAX_LINGERING 2u
/* at a given speed the reader is ahead by so much */
#define LEAD_US (50 * G_TIME_SPAN_MILLISECOND)
/* connections that cannot be made, one after the other, before all is given up */
#define MAX_UNREACHABLE 10u

/* of a case: words, two numbers, and what ends it */
#define MAX_NAME 48u
/* connections that the recording told of last are found without a look into the table */
#define RECENT 1024u

typedef struct
{
  ReplaySession *session;
  guint index;   /* among those that are not over */
  guint number;  /* of the connection in the recording */
  guint limit;   /* it may play if there are less than so many at once; 0: any */
  gint64 due_us; /* … from then on; 0: at once */
  bool in_round; /* the recording may have more of it */
  bool was_open; /* … and has not closed it yet */
  bool settled;  /* it is over, and that was taken note of */
} Entry;

/* what most events are for, without a look at the entry */
typedef struct
{
  guint number;
  Entry *entry; /* NULL: none; unowned */
  ReplaySession *session;
} Recent;

struct _ReplayFlow
{
  ReplaySetup *setup;
  ReplayPace pace;
  GPtrArray *entries;    /* of Entry: all that are not over */
  GHashTable *by_number; /* of Entry, unowned: of this round */
  Recent recent[RECENT]; /* … by the end of the number */
  GQueue waiting;        /* of Entry, unowned */
  GSource *clock;
  guint n_playing;
  guint n_open; /* in the recording, where the reader is */
  guint round, n_rounds;
  bool has_start;
  gint64 first_ns, base_us;
  GPtrArray *hungry; /* of ReplaySession, unowned: those that are to be fed */
  GPtrArray *over;   /* of Entry, unowned: they are, and not swept yet */
  gsize may_hold;    /* no more waits: what was counted last, and all that was added since */
  guint n_events;    /* since the last look … */
  guint batch;       /* … of so many */
  bool starting;
  bool stopped;
  char *failure;
  guint n_unreachable;
  ReplayTotals totals;
};

static void start_waiting (ReplayFlow *flow);

/* --- what ends -------------------------------------------------------------------------------- */

static void
count (ReplayFlow *flow, const Entry *entry)
{
  const MilterReplayCounts *counts = replay_session_get_counts (entry->session);
  const ReplayJudgeCounts *findings = replay_session_get_findings (entry->session);
  ReplayTotals *totals = &flow->totals;

  totals->counts.n_commands += counts->n_commands;
  totals->counts.n_messages += counts->n_messages;
  totals->counts.n_answers += counts->n_answers;
  totals->n_sessions += counts->n_commands > 0;
  if (findings == NULL)
    return;
  totals->findings.n_messages += findings->n_messages;
  totals->findings.n_different += findings->n_different;
  totals->findings.n_differences += findings->n_differences;
  totals->findings.n_ignored += findings->n_ignored;
  totals->findings.n_not_compared += findings->n_not_compared;
}

static void
count_unreachable (ReplayFlow *flow, bool unreachable)
{
  flow->n_unreachable = unreachable ? flow->n_unreachable + 1 : 0;
  if (flow->n_unreachable < MAX_UNREACHABLE || flow->stopped)
    return;
  flow->failure
      = g_strdup_printf ("%u connections in a row could not be made to %s; the rest is not played",
                         MAX_UNREACHABLE,
                         flow->setup->spec);
  replay_flow_stop (flow, "the milter cannot be reached");
}

static void
settle (ReplayFlow *flow, Entry *entry)
{
  if (entry->settled || !replay_session_is_over (entry->session))
    return;
  entry->settled = true;
  count (flow, entry);
  if (replay_session_is_started (entry->session))
    count_unreachable (flow, replay_session_is_unreachable (entry->session));
}

static void
forget_number (ReplayFlow *flow, const Entry *entry)
{
  Recent *recent = &flow->recent[entry->number % RECENT];

  if (recent->entry == entry)
    recent->entry = NULL;
  g_hash_table_remove (flow->by_number, GUINT_TO_POINTER (entry->number));
}

static void
note_recent (ReplayFlow *flow, Entry *entry)
{
  flow->recent[entry->number % RECENT] = (Recent){ entry->number, entry, entry->session };
}

/* (nullable) until the next one is found */
static const Recent *
find_number (ReplayFlow *flow, guint number)
{
  const Recent *recent = &flow->recent[number % RECENT];
  Entry *entry;

  if (G_LIKELY (recent->entry != NULL && recent->number == number))
    return recent;
  entry = g_hash_table_lookup (flow->by_number, GUINT_TO_POINTER (number));
  if (entry == NULL)
    return NULL;
  note_recent (flow, entry);
  return recent;
}

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  replay_session_free (entry->session);
  g_free (entry);
}

static void
close_in_recording (ReplayFlow *flow, Entry *entry)
{
  if (entry->was_open)
    flow->n_open--;
  entry->was_open = false;
}

static void
forget_entry (ReplayFlow *flow, Entry *entry)
{
  Entry *last = g_ptr_array_index (flow->entries, flow->entries->len - 1);

  if (entry->in_round)
    forget_number (flow, entry);
  close_in_recording (flow, entry);
  /* the last one takes its place */
  last->index = entry->index;
  g_ptr_array_remove_index_fast (flow->entries, entry->index);
}

/* frees those that are over: not from within them */
static void
sweep (ReplayFlow *flow)
{
  for (guint i = 0; i < flow->over->len; i++)
    {
      Entry *entry = g_ptr_array_index (flow->over, i);

      settle (flow, entry);
      forget_entry (flow, entry);
    }
  g_ptr_array_set_size (flow->over, 0);
}

static void
on_over (ReplaySession *session, gpointer data)
{
  ReplayFlow *flow = data;

  g_ptr_array_add (flow->over, replay_session_get_owner (session));
  if (replay_session_is_started (session))
    flow->n_playing--;
  start_waiting (flow);
}

/* --- what begins ------------------------------------------------------------------------------ */

/* One that ends while it begins makes room for the next one: no recursion is needed for that. */
static void
start_waiting (ReplayFlow *flow)
{
  gint64 now_us = g_get_monotonic_time ();

  if (flow->starting || flow->stopped)
    return;
  flow->starting = true;
  while (!g_queue_is_empty (&flow->waiting) && !flow->stopped)
    {
      Entry *entry = g_queue_peek_head (&flow->waiting);

      if (entry->limit != 0 && flow->n_playing >= entry->limit)
        break;
      if (entry->due_us > now_us)
        {
          tool_clock_set (flow->clock, entry->due_us);
          break;
        }
      g_queue_pop_head (&flow->waiting);
      flow->n_playing++;
      flow->setup->lingers = flow->n_playing <= MAX_LINGERING;
      replay_session_start (entry->session);
      settle (flow, entry);
    }
  flow->starting = false;
}

static gboolean
on_clock (gpointer data)
{
  start_waiting (data);
  return G_SOURCE_CONTINUE;
}

/* --- how far the reader may be ahead ---------------------------------------------------------- */

/* nothing goes on unless more is read */
static bool
is_starving (const ReplayFlow *flow)
{
  for (guint i = 0; i < flow->entries->len; i++)
    {
      const ReplaySession *session
          = ((const Entry *) g_ptr_array_index (flow->entries, i))->session;

      if (replay_session_is_started (session) && !replay_session_is_hungry (session))
        return false;
    }
  return flow->n_playing > 0;
}

static gsize
count_held (const ReplayFlow *flow)
{
  gsize held = 0;

  for (guint i = 0; i < flow->entries->len; i++)
    held += replay_session_get_held (
        ((const Entry *) g_ptr_array_index (flow->entries, i))->session);
  return held;
}

/* To count is to look at all sessions, which are nowhere near in memory: only when it may be too much. */
static bool
holds_too_much (ReplayFlow *flow)
{
  if (flow->may_hold > MAX_HELD)
    flow->may_hold = count_held (flow);
  return flow->may_hold > MAX_HELD;
}

static void
feed (ReplayFlow *flow)
{
  gint64 now_us = flow->hungry->len > 0 ? g_get_monotonic_time () : 0;

  for (guint i = 0; i < flow->hungry->len; i++)
    replay_session_feed (g_ptr_array_index (flow->hungry, i), now_us);
  g_ptr_array_set_size (flow->hungry, 0);
}

static void
iterate (ReplayFlow *flow, bool may_block)
{
  feed (flow);
  /* for the end of what is over already nobody would wake up */
  g_main_context_iteration (/* context= */ NULL, may_block && flow->over->len == 0);
  sweep (flow);
}

static void
hold_back (ReplayFlow *flow, gint64 due_us)
{
  gsize held;

  while (!flow->stopped && due_us != 0 && due_us > g_get_monotonic_time () + LEAD_US)
    {
      tool_clock_set (flow->clock, due_us - LEAD_US);
      iterate (flow, /* may_block= */ true);
      start_waiting (flow);
    }
  if (flow->n_events < flow->batch || flow->stopped)
    return;
  flow->n_events = 0;
  iterate (flow, /* may_block= */ false);
  while (!flow->stopped && flow->n_playing > 0
         && (flow->waiting.length > MAX_WAITING || holds_too_much (flow)) && !is_starving (flow))
    iterate (flow, /* may_block= */ true);
  if (flow->stopped || flow->may_hold <= MAX_HELD_AT_ALL)
    return;
  held = count_held (flow);
  if (held <= MAX_HELD_AT_ALL)
    return;
  flow->failure = g_strdup_printf ("%zu MB of connections wait for their turn, more than are held; "
                                   "allow more of them at once (--connections)",
                                   held >> 20);
  replay_flow_stop (flow, "too much was waiting");
}

/* --- what is read ----------------------------------------------------------------------------- */

static gint64
find_due (ReplayFlow *flow, gint64 time_ns)
{
  if (!flow->has_start)
    {
      flow->has_start = true;
      flow->first_ns = time_ns;
      flow->base_us = g_get_monotonic_time ();
    }
  return flow->base_us
         + (gint64) ((double) MAX (time_ns - flow->first_ns, 0) / 1000 / flow->pace.speed);
}

static void
add (ReplayFlow *flow, const MilterCapturePlace *place, MilterReplayEvent *event)
{
  const Recent *recent;

  if (flow->stopped)
    return;
  recent = find_number (flow, place->connection);
  event->from = place->from;
  event->number = place->moment.frame;
  event->time_ns = place->moment.time_ns;
  event->due_us = flow->pace.speed > 0 ? find_due (flow, place->moment.time_ns) : 0;
  if (recent != NULL)
    {
      if (replay_session_add (recent->session, event))
        g_ptr_array_add (flow->hungry, recent->session);
      flow->may_hold += sizeof *event + event->bytes.size;
      if (event->kind == MILTER_REPLAY_END)
        close_in_recording (flow, recent->entry);
    }
  if (++flow->n_events >= flow->batch || event->due_us != 0)
    hold_back (flow, event->due_us);
}

static void
write_name (const ReplayFlow *flow, guint number, char name[MAX_NAME])
{
  char *at = _milter_text_write_number (number, g_stpcpy (name, "connection "));

  if (flow->n_rounds > 1)
    at = _milter_text_write_number (flow->round, g_stpcpy (at, ", round "));
  *at = '\0';
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  ReplayFlow *flow = data;
  char name[MAX_NAME];
  Entry *entry;

  if (flow->stopped)
    return;
  write_name (flow, place->connection, name);
  entry = g_new0 (Entry, 1);
  entry->session = replay_session_new (flow->setup, entry, name, place, opening);
  entry->index = flow->entries->len;
  entry->number = place->connection;
  entry->in_round = entry->was_open = true;
  entry->due_us = flow->pace.speed > 0 ? find_due (flow, place->moment.time_ns) : 0;
  flow->n_open++;
  entry->limit = flow->pace.connections != 0 ? flow->pace.connections
                 : flow->pace.speed > 0      ? 0
                                             : flow->n_open;
  g_ptr_array_add (flow->entries, entry);
  g_hash_table_replace (flow->by_number, GUINT_TO_POINTER (entry->number), entry);
  g_queue_push_tail (&flow->waiting, entry);
  note_recent (flow, entry);
  start_waiting (flow);
  flow->n_events++;
  hold_back (flow, entry->due_us);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  MilterReplayEvent event
      = { .kind = MILTER_REPLAY_FRAME, .bytes = frame, .behind_hole = behind_hole };

  add (data, place, &event);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  MilterReplayEvent event = { .kind = MILTER_REPLAY_RAW, .bytes = bytes };

  add (data, place, &event);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  MilterReplayEvent event = { .kind = MILTER_REPLAY_HOLE, .hole = size, .letter = letter };

  add (data, place, &event);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  MilterReplayEvent event = { .kind = MILTER_REPLAY_END, .reset = reset };

  add (data, place, &event);
}

static void
on_soon (guint connection, guint step, gpointer data)
{
  const ReplayFlow *flow = data;
  const Recent *recent = &flow->recent[connection % RECENT];

  if (recent->entry != NULL)
    replay_session_fetch (recent->session, step);
}

static bool
on_asked_to_stop (gpointer data)
{
  return ((const ReplayFlow *) data)->stopped;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  *(bool *) data = true;
  return G_SOURCE_CONTINUE;
}

/* a pipe: what is played goes on while nothing more is recorded */
static bool
on_wait (int fd, gpointer data)
{
  ReplayFlow *flow = data;
  bool readable = false;
  GSource *reader;

  if (!flow->pace.is_live || flow->stopped)
    return !flow->stopped;
  reader = tool_reader_new (fd, on_readable, &readable);
  while (!readable && !flow->stopped)
    {
      iterate (flow, /* may_block= */ true);
      start_waiting (flow);
    }
  tool_source_free (reader);
  return !flow->stopped;
}

const MilterCaptureSink replay_flow_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .soon = on_soon,
  .stopped = on_asked_to_stop,
  .wait = on_wait,
};

/* --- from outside ----------------------------------------------------------------------------- */

ReplayFlow *
replay_flow_new (ReplaySetup *setup, const ReplayPace *pace)
{
  ReplayFlow *flow = g_new0 (ReplayFlow, 1);

  flow->setup = setup;
  setup->over = on_over;
  setup->data = flow;
  flow->pace = *pace;
  flow->entries = g_ptr_array_new_with_free_func (entry_free);
  flow->by_number = g_hash_table_new (/* hash= */ NULL, /* equal= */ NULL);
  flow->over = g_ptr_array_new ();
  flow->hungry = g_ptr_array_new ();
  setup->spares = g_ptr_array_new_with_free_func (replay_session_free_spare);
  setup->out = milter_replayer_make_out ();
  flow->batch = pace->is_live ? 1 : BATCH;
  flow->clock = tool_clock_new (on_clock, flow);
  return flow;
}

void
replay_flow_free (ReplayFlow *flow)
{
  if (flow == NULL)
    return;
  tool_source_free (flow->clock);
  g_queue_clear (&flow->waiting);
  g_ptr_array_unref (flow->over);
  g_ptr_array_unref (flow->hungry);
  g_hash_table_unref (flow->by_number);
  g_ptr_array_unref (flow->entries);
  g_clear_pointer (&flow->setup->spares, g_ptr_array_unref);
  g_clear_pointer (&flow->setup->out, g_byte_array_unref);
  g_free (flow->failure);
  g_free (flow);
}

void
replay_flow_begin_round (ReplayFlow *flow, guint round, guint n_rounds)
{
  flow->round = round;
  flow->n_rounds = n_rounds;
  flow->has_start = false;
}

void
replay_flow_end_round (ReplayFlow *flow)
{
  for (guint i = 0; i < flow->entries->len; i++)
    {
      Entry *entry = g_ptr_array_index (flow->entries, i);

      entry->in_round = false;
      close_in_recording (flow, entry);
      replay_session_finish (entry->session);
    }
  g_hash_table_remove_all (flow->by_number);
  memset (flow->recent, 0, sizeof flow->recent);
}

void
replay_flow_drain (ReplayFlow *flow)
{
  while (flow->entries->len > 0)
    {
      start_waiting (flow);
      iterate (flow, /* may_block= */ !flow->stopped);
    }
}

void
replay_flow_stop (ReplayFlow *flow, const char *why)
{
  if (flow->stopped)
    return;
  flow->stopped = true;
  g_queue_clear (&flow->waiting);
  for (guint i = 0; i < flow->entries->len; i++)
    replay_session_stop (((const Entry *) g_ptr_array_index (flow->entries, i))->session, why);
}

bool
replay_flow_is_stopped (const ReplayFlow *flow)
{
  return flow->stopped;
}

const char *
replay_flow_get_failure (const ReplayFlow *flow)
{
  return flow->failure;
}

const ReplayTotals *
replay_flow_get_totals (const ReplayFlow *flow)
{
  return &flow->totals;
}
