/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-trace.c: lines of a trace, in the order of their times, to frames.
 */
#include "read-trace.h"

#include <stdio.h>
#include <string.h>

#include "milter-scenario.h"
#include "milter-trace-reader.h"
#include "tool-console.h"

/* what an event costs besides its bytes */
#define EVENT_COST 192

/* how much later than the one side the other one closes, if only the first end is told */
#define REACTION_NS ((gint64) 50000)

typedef struct
{
  ToldConnection told;
  guint n_references;    /* its name, and events that wait */
  guint wanted;          /* the number that it has in the trace, or 0 */
  char *mta, *milter;    /* (nullable) */
  guint64 order;         /* of its line */
  gint64 opened_ns;
  gint64 latest_ns[2];   /* by side: no event of it is put before another one */
} Connection;

/* an event that waits for earlier ones */
typedef struct
{
  gint64 key_ns;
  guint64 order;          /* of lines: those of one time stay in it */
  MilterTraceEventKind kind;
  Connection *connection; /* (nullable) of a note */
  MilterSide from;
  gint64 time_ns;
  GBytes *bytes;          /* BYTES */
  guint64 size;           /* LOST */
  bool reset;
  char *text;             /* (nullable) */
} Event;

typedef struct
{
  TellingTo *to;
  GHashTable *names;  /* of Connection, by name */
  GPtrArray *heap;    /* of Event: the earliest first */
  gsize held;
  guint64 n_events;
  bool started;
  gint64 start_ns;
  gint64 latest_ns;   /* the latest of all lines so far */
} Trace;

static Connection *
connection_ref (Connection *connection)
{
  connection->n_references++;
  return connection;
}

static void
connection_unref (gpointer data)
{
  Connection *connection = data;

  if (connection == NULL || --connection->n_references > 0)
    return;
  told_connection_clear (&connection->told);
  g_free (connection->mta);
  g_free (connection->milter);
  g_free (connection);
}

static void
event_free (gpointer data)
{
  Event *event = data;

  connection_unref (event->connection);
  g_clear_pointer (&event->bytes, g_bytes_unref);
  g_free (event->text);
  g_free (event);
}

static gsize
get_cost (const Event *event)
{
  return EVENT_COST + (event->bytes != NULL ? g_bytes_get_size (event->bytes) : 0)
         + (event->text != NULL ? strlen (event->text) : 0);
}

/* --- the earliest first ---------------------------------------------------------------------------- */

static bool
is_before (const GPtrArray *heap, guint a, guint b)
{
  const Event *left = g_ptr_array_index (heap, a), *right = g_ptr_array_index (heap, b);

  return left->key_ns != right->key_ns ? left->key_ns < right->key_ns : left->order < right->order;
}

static void
exchange (GPtrArray *heap, guint a, guint b)
{
  gpointer event = heap->pdata[a];

  heap->pdata[a] = heap->pdata[b];
  heap->pdata[b] = event;
}

static void
heap_push (GPtrArray *heap, Event *event)
{
  guint at = heap->len;

  g_ptr_array_add (heap, event);
  for (; at > 0 && is_before (heap, at, (at - 1) / 2); at = (at - 1) / 2)
    exchange (heap, at, (at - 1) / 2);
}

/* (transfer full) */
static Event *
heap_pop (GPtrArray *heap)
{
  guint at = 0;
  Event *event;

  exchange (heap, 0, heap->len - 1);
  event = g_ptr_array_steal_index (heap, heap->len - 1);
  while (2 * at + 1 < heap->len)
    {
      guint child = 2 * at + 1;

      if (child + 1 < heap->len && is_before (heap, child + 1, child))
        child++;
      if (!is_before (heap, child, at))
        break;
      exchange (heap, child, at);
      at = child;
    }
  return event;
}

/* --- what the sink is told -------------------------------------------------------------------------- */

/* Whether its beginning is there is told by what comes first. */
static void
tell_opened (Connection *connection, bool from_start)
{
  MilterCaptureOpening opening = { connection->mta, connection->milter, from_start };

  told_connection_open (&connection->told, connection->wanted, &opening, connection->opened_ns);
}

/* `frame 25, from the MTA, in header`, the first and the last part if they are known: what `show` writes
 * behind a hole. Without it nobody knows which side lacks the bytes. */
static bool
parse_hole (const char *text, guint64 *frame, MilterSide *side, guint8 *letter)
{
  static const char *const froms[] = {
    [MILTER_SIDE_MTA] = "from the MTA",
    [MILTER_SIDE_MILTER] = "from the milter",
  };
  char *end = (char *) text;

  *letter = 0;
  *frame = 0;
  if (text != NULL && g_str_has_prefix (text, "frame "))
    {
      *frame = g_ascii_strtoull (text + strlen ("frame "), &end, 10);
      if (!g_str_has_prefix (end, ", "))
        return false;
      end += strlen (", ");
    }
  for (int i = MILTER_SIDE_MTA; end != NULL && i <= MILTER_SIDE_MILTER; i++)
    if (g_str_has_prefix (end, froms[i]))
      {
        const MilterSpec *spec = NULL;

        *side = i;
        end += strlen (froms[i]);
        if (g_str_has_prefix (end, ", in "))
          spec = milter_spec_from_word (*side, end + strlen (", in "));
        *letter = spec != NULL ? spec->letter : 0;
        return true;
      }
  return false;
}

static void
take_hole (const Event *event)
{
  Connection *connection = event->connection;
  bool at_start = connection->told.number == 0 && event->size == 0;
  gint64 size = event->size > 0 ? (gint64) event->size : MILTER_HOLE_UNKNOWN;
  MilterCaptureMoment moment = { .time_ns = event->time_ns };
  MilterSide side;
  guint8 letter;
  bool known = parse_hole (event->text, &moment.frame, &side, &letter);

  tell_opened (connection, !at_start);
  if (known && !at_start)
    {
      told_connection_lose (&connection->told, side, size, letter, &moment);
      return;
    }
  told_connection_lose (&connection->told, MILTER_SIDE_MTA, MILTER_HOLE_UNKNOWN, 0, &moment);
  told_connection_lose (&connection->told, MILTER_SIDE_MILTER, MILTER_HOLE_UNKNOWN, 0, &moment);
}

/* `frame 7: @2: an IP fragment`: as `show` writes remarks */
static void
take_note (Trace *trace, const Event *event)
{
  const char *text = event->text;
  MilterCapturePlace place = { .moment = { .time_ns = event->time_ns } };
  char *end;

  if (trace->to->sink->note == NULL)
    return;
  if (g_str_has_prefix (text, "frame "))
    {
      place.moment.frame = g_ascii_strtoull (text + strlen ("frame "), &end, 10);
      if (g_str_has_prefix (end, ": "))
        text = end + 2;
      else
        place.moment.frame = 0;
    }
  if (text[0] == '@')
    {
      place.connection = (guint) g_ascii_strtoull (text + 1, &end, 10);
      if (g_str_has_prefix (end, ": "))
        text = end + 2;
      else
        place.connection = 0;
    }
  trace->to->sink->note (&place, text, trace->to->data);
}

static void
tell (Trace *trace, const Event *event)
{
  MilterCaptureMoment moment = { .time_ns = event->time_ns };
  Connection *connection = event->connection;
  gsize size;
  const guint8 *data;

  if (event->kind == MILTER_TRACE_LOST)
    take_hole (event);
  else if (connection != NULL)
    tell_opened (connection, /* from_start= */ true);
  switch (event->kind)
    {
    case MILTER_TRACE_STARTED:
    case MILTER_TRACE_LOST:
      return;
    case MILTER_TRACE_OPENED:
      /* another one has its name */
      told_connection_finish (&connection->told, &moment);
      return;
    case MILTER_TRACE_BYTES:
      data = g_bytes_get_data (event->bytes, &size);
      told_connection_take (&connection->told, event->from, milter_bytes (data, size), &moment);
      return;
    case MILTER_TRACE_CLOSED:
      told_connection_close (&connection->told, event->from, event->reset, &moment);
      return;
    case MILTER_TRACE_NOTE:
      take_note (trace, event);
      return;
    }
}

static void
tell_earliest (Trace *trace)
{
  Event *event = heap_pop (trace->heap);

  trace->held -= get_cost (event);
  tell (trace, event);
  event_free (event);
}

/* --- lines ------------------------------------------------------------------------------------------ */

static Connection *
connection_new (Trace *trace, const MilterTraceEvent *line, gint64 time_ns)
{
  Connection *connection = g_new0 (Connection, 1);
  guint64 wanted = g_ascii_strtoull (line->connection, NULL, 10);

  told_connection_init (&connection->told, trace->to);
  connection->order = trace->n_events;
  connection->n_references = 1;
  connection->wanted = wanted < G_MAXUINT32 / 2 ? (guint) wanted : 0;
  connection->mta = g_strdup (line->mta);
  connection->milter = g_strdup (line->milter);
  connection->opened_ns = time_ns;
  connection->latest_ns[MILTER_SIDE_MTA] = connection->latest_ns[MILTER_SIDE_MILTER] = time_ns;
  return connection;
}

/* Where it is put: an answer not before its command, nothing before what its side said before. */
static gint64
get_key (Connection *connection, const MilterTraceEvent *line, gint64 time_ns)
{
  gint64 *latest = &connection->latest_ns[line->from];

  *latest = MAX (*latest, time_ns);
  if (line->answers)
    *latest = MAX (*latest, connection->latest_ns[MILTER_SIDE_MTA]);
  return *latest;
}

static Event *
event_new (const Trace *trace, const MilterTraceEvent *line, Connection *connection)
{
  Event *event = g_new0 (Event, 1);

  event->kind = line->kind;
  event->connection = connection != NULL ? connection_ref (connection) : NULL;
  event->from = line->from;
  event->time_ns = trace->start_ns + line->time_ns;
  event->key_ns
      = connection != NULL ? get_key (connection, line, event->time_ns) : trace->latest_ns;
  event->size = line->size;
  event->reset = line->reset;
  event->text = g_strdup (line->text);
  if (line->kind == MILTER_TRACE_BYTES)
    event->bytes = g_bytes_new (line->bytes.data, line->bytes.size);
  return event;
}

static void
push (Trace *trace, Event *event)
{
  event->order = trace->n_events++;
  trace->latest_ns = MAX (trace->latest_ns, event->key_ns);
  trace->held += get_cost (event);
  heap_push (trace->heap, event);
  while (trace->held > READ_TRACE_MAX_HELD)
    tell_earliest (trace);
}

/* Who ended it is told; that the other side has closed, too, goes without saying, and was so when the
 * line was written. It takes a program a moment to see the end. */
static void
push_end (Trace *trace, const MilterTraceEvent *line, Connection *connection)
{
  MilterTraceEvent other = *line;
  Event *event;

  push (trace, event_new (trace, line, connection));
  if (!line->over)
    return;
  if (!line->reset)
    {
      other.from = line->from == MILTER_SIDE_MTA ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA;
      event = event_new (trace, &other, connection);
      event->key_ns = MAX (trace->latest_ns, event->time_ns + REACTION_NS);
      event->time_ns = event->key_ns;
      push (trace, event);
    }
  g_hash_table_remove (trace->names, line->connection);
}

static void
push_opening (Trace *trace, const MilterTraceEvent *line)
{
  Connection *before = g_hash_table_lookup (trace->names, line->connection);

  if (before != NULL)
    push (trace, event_new (trace, line, before));
  g_hash_table_replace (trace->names,
                        g_strdup (line->connection),
                        connection_new (trace, line, trace->start_ns + line->time_ns));
}

static void
start (Trace *trace, gint64 time_ns)
{
  trace->started = true;
  trace->start_ns = trace->latest_ns = time_ns;
  if (trace->to->sink->started != NULL)
    trace->to->sink->started (time_ns, trace->to->data);
}

static void
on_line (const MilterTraceEvent *line, gpointer data)
{
  Trace *trace = data;

  if (line->kind == MILTER_TRACE_STARTED)
    start (trace, line->time_ns);
  else if (line->kind == MILTER_TRACE_OPENED)
    push_opening (trace, line);
  else if (line->kind == MILTER_TRACE_CLOSED)
    push_end (trace, line, g_hash_table_lookup (trace->names, line->connection));
  else if (line->kind != MILTER_TRACE_NOTE)
    push (trace,
          event_new (trace, line, g_hash_table_lookup (trace->names, line->connection)));
  /* a remark above the start belongs to no time */
  else if (trace->started)
    push (trace, event_new (trace, line, /* connection= */ NULL));
}

/* The next line, without looking twice at what has been looked at; false: there is none. */
static bool
next_line (MilterCaptureInput *input, MilterBytes *line)
{
  gsize scanned = 0;

  for (;;)
    {
      gsize left = input->left;
      const guint8 *end = left > scanned ? memchr (input->at + scanned, '\n', left - scanned) : NULL;

      /* no line is longer: what is wrong with it is said by who reads it */
      if (end != NULL || input->over || left > MILTER_SCENARIO_MAX_LINE + 2u)
        {
          *line = milter_bytes (input->at, end != NULL ? (gsize) (end - input->at) + 1 : left);
          return line->size > 0;
        }
      scanned = left;
      milter_capture_input_fill (input, left * 2 > input->size ? left * 2 : left + 1);
    }
}

static bool
is_stopped (const Trace *trace)
{
  const MilterCaptureSink *sink = trace->to->sink;

  return sink->stopped != NULL && sink->stopped (trace->to->data);
}

static ToolExit
read_lines (MilterCaptureInput *input, const char *name, Trace *trace)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterTraceReader) lines = milter_trace_reader_new (name, messages, on_line, trace);
  MilterBytes line;

  while (!milter_trace_reader_gave_up (lines) && !is_stopped (trace) && next_line (input, &line))
    {
      milter_trace_reader_line (lines, line);
      milter_capture_input_take (input, line.size);
    }
  if (input->error != 0)
    tool_error ("%s cannot be read to its end: %s", name, g_strerror (input->error));
  if (messages->len > 0)
    fputs (messages->str, stderr);
  return messages->len == 0 && input->error == 0 ? TOOL_EXIT_OK : TOOL_EXIT_USAGE;
}

static int
compare_orders (gconstpointer a, gconstpointer b)
{
  guint64 left = ((const Connection *) a)->order, right = ((const Connection *) b)->order;

  return left < right ? -1 : left > right;
}

/* those that nobody has closed: the trace ends before they do */
static void
finish_open (Trace *trace)
{
  MilterCaptureMoment moment = { .time_ns = trace->latest_ns };
  GList *open = g_list_sort (g_hash_table_get_values (trace->names), compare_orders);

  for (GList *i = open; i != NULL; i = i->next)
    {
      tell_opened (i->data, /* from_start= */ true);
      told_connection_finish (&((Connection *) i->data)->told, &moment);
    }
  g_list_free (open);
}

ToolExit
read_trace (MilterCaptureInput *input, const char *name, TellingTo *to)
{
  g_autoptr (GHashTable) names
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, connection_unref);
  g_autoptr (GPtrArray) heap = g_ptr_array_new_with_free_func (event_free);
  Trace trace = { .to = to, .names = names, .heap = heap };
  ToolExit status = read_lines (input, name, &trace);

  while (heap->len > 0)
    tell_earliest (&trace);
  finish_open (&trace);
  return status;
}
