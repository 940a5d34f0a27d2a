/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filter-sink.c: two sinks at once: a builder finds out what messages are, and what was told it is kept.
 */
#include "filter-sink.h"

#include "milter-recorded-builder.h"

/* a message alone is waited for so long; then it is passed on, whatever it is */
#define MAX_MESSAGE (4 * FILTER_SINK_MAX_KEPT)

typedef enum
{
  KEPT_OPENED,
  KEPT_MESSAGE,
  KEPT_RAW,
  KEPT_HOLE,
  KEPT_CLOSED,
  KEPT_NOTE
} KeptKind;

/* something that was told */
typedef struct
{
  KeptKind kind;
  MilterCapturePlace place;
  GBytes *bytes;       /* MESSAGE, RAW */
  bool flag;           /* MESSAGE: behind a hole; CLOSED: reset; OPENED: from the start */
  gint64 size;         /* HOLE */
  guint8 letter;       /* HOLE */
  char *text, *other;  /* (nullable) NOTE: its text; OPENED: the MTA, the milter */
} Kept;

typedef struct
{
  guint number;
  bool passes;        /* what comes is passed on */
  GQueue kept;        /* of Kept, unless it passes */
  gsize size;         /* … of so many bytes */
  guint n_head;       /* so many of them came before the first message */
  guint n_old;        /* behind those, so many are of messages that do not match … */
  guint n_old_messages;
  guint n_forgotten;  /* messages that are not kept any more */
  bool begun;         /* the first message has */
  bool ended[2];
} Connection;

struct _FilterSink
{
  const RecordingFilter *filter;
  const MilterCaptureSink *sink;
  gpointer data;
  MilterRecordedBuilder *builder;
  GHashTable *connections; /* of Connection, by number */
  bool started;            /* something has come … */
  gint64 start_ns;         /* … first then */
  bool told;               /* the start has been passed on */
  guint n_passed;
};

static void
kept_free (gpointer data)
{
  Kept *kept = data;

  g_clear_pointer (&kept->bytes, g_bytes_unref);
  g_free (kept->text);
  g_free (kept->other);
  g_free (kept);
}

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  g_queue_clear_full (&connection->kept, kept_free);
  g_free (connection);
}

static gsize
cost_of (const Kept *kept)
{
  return sizeof *kept + sizeof (GList) + (kept->bytes != NULL ? g_bytes_get_size (kept->bytes) : 0);
}

/* --- passing on -------------------------------------------------------------------------------------- */

static void
pass (FilterSink *filter, const Kept *kept)
{
  const MilterCaptureSink *sink = filter->sink;
  MilterCaptureOpening opening = { kept->text, kept->other, kept->flag };
  MilterBytes bytes = milter_bytes (NULL, 0);

  if (!filter->told && sink->started != NULL)
    sink->started (filter->start_ns, filter->data);
  filter->told = true;
  if (kept->bytes != NULL)
    bytes.data = g_bytes_get_data (kept->bytes, &bytes.size);
  if (kept->kind == KEPT_OPENED && sink->opened != NULL)
    sink->opened (&kept->place, &opening, filter->data);
  else if (kept->kind == KEPT_MESSAGE && sink->message != NULL)
    sink->message (&kept->place, bytes, kept->flag, filter->data);
  else if (kept->kind == KEPT_RAW && sink->raw != NULL)
    sink->raw (&kept->place, bytes, filter->data);
  else if (kept->kind == KEPT_HOLE && sink->hole != NULL)
    sink->hole (&kept->place, kept->size, kept->letter, filter->data);
  else if (kept->kind == KEPT_CLOSED && sink->closed != NULL)
    sink->closed (&kept->place, kept->flag, filter->data);
  else if (kept->kind == KEPT_NOTE && sink->note != NULL)
    sink->note (&kept->place, kept->text, filter->data);
}

static void
tell_forgotten (const FilterSink *filter, const Connection *connection, const Kept *before)
{
  g_autofree char *text = NULL;

  if (connection->n_forgotten == 0 || filter->sink->note == NULL)
    return;
  text = g_strdup_printf ("%u messages before are left out, which do not match", connection->n_forgotten);
  filter->sink->note (&before->place, text, filter->data);
}

/* All that is kept is passed on, and what comes. */
static void
let_pass (FilterSink *filter, Connection *connection)
{
  guint n = 0;

  if (connection->passes)
    return;
  connection->passes = true;
  filter->n_passed++;
  for (GList *i = connection->kept.head; i != NULL; i = i->next, n++)
    {
      if (n == connection->n_head)
        tell_forgotten (filter, connection, i->data);
      pass (filter, i->data);
    }
  g_queue_clear_full (&connection->kept, kept_free);
  connection->size = 0;
}

/* messages that are over and do not match; what was negotiated stays, or nobody could read the rest */
static void
forget_old (Connection *connection)
{
  GList *at = g_queue_peek_nth_link (&connection->kept, connection->n_head);

  for (; connection->n_old > 0; connection->n_old--)
    {
      GList *next = at->next;

      connection->size -= cost_of (at->data);
      kept_free (at->data);
      g_queue_delete_link (&connection->kept, at);
      at = next;
    }
  connection->n_forgotten += connection->n_old_messages;
  connection->n_old_messages = 0;
}

static bool
begins_message (const Kept *kept)
{
  gsize size;
  const guint8 *frame = kept->bytes != NULL ? g_bytes_get_data (kept->bytes, &size) : NULL;

  if (kept->kind != KEPT_MESSAGE || kept->place.from != MILTER_SIDE_MTA)
    return false;
  return frame[4] == MILTER_COMMAND_ENVELOPE_FROM
         || (frame[4] == MILTER_COMMAND_DEFINE_MACRO && size > 5
             && frame[5] == MILTER_COMMAND_ENVELOPE_FROM);
}

/* (transfer full) @kept */
static void
take (FilterSink *filter, Kept *kept)
{
  Connection *connection
      = g_hash_table_lookup (filter->connections, GUINT_TO_POINTER (kept->place.connection));

  if (connection == NULL || connection->passes)
    {
      if (connection != NULL || kept->place.connection == 0)
        pass (filter, kept);
      kept_free (kept);
      return;
    }
  connection->begun = connection->begun || begins_message (kept);
  if (!connection->begun)
    connection->n_head++;
  g_queue_push_tail (&connection->kept, kept);
  connection->size += cost_of (kept);
  if (connection->size > FILTER_SINK_MAX_KEPT)
    forget_old (connection);
  if (connection->size > MAX_MESSAGE)
    let_pass (filter, connection);
}

/* --- what messages are --------------------------------------------------------------------------------- */

/* what has passed until now belongs to a message that is over, but for macros of the next one */
static void
note_old (Connection *connection)
{
  guint n = connection->kept.length;

  if (n > connection->n_head && begins_message (g_queue_peek_tail (&connection->kept)))
    n--;
  connection->n_old = n - MIN (connection->n_head, n);
  connection->n_old_messages++;
}

static void
on_recorded_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  FilterSink *filter = data;
  Connection *connection
      = g_hash_table_lookup (filter->connections, GUINT_TO_POINTER (message->connection));

  if (connection != NULL && !connection->passes)
    {
      if (recording_filter_matches (filter->filter, session, message))
        let_pass (filter, connection);
      else
        {
          note_old (connection);
        }
    }
  milter_recorded_message_free (message);
}

static void
on_recorded_session (MilterRecordedSession *session, gpointer data)
{
  FilterSink *filter = data;
  Connection *connection
      = g_hash_table_lookup (filter->connections, GUINT_TO_POINTER (session->connection));

  if (connection != NULL && session->n_messages == 0
      && recording_filter_matches (filter->filter, session, /* message= */ NULL))
    let_pass (filter, connection);
  milter_recorded_session_free (session);
}

static const MilterRecordedEvents recorded_events = {
  .message = on_recorded_message,
  .session = on_recorded_session,
};

/* --- the sink ------------------------------------------------------------------------------------------ */

static void
on_started (gint64 time_ns, gpointer data)
{
  FilterSink *filter = data;

  if (!filter->started)
    filter->start_ns = time_ns;
  filter->started = true;
}

/* The first event is the start if nobody tells it, whether it passes or not: times are those that are
 * shown without a filter. */
static Kept *
kept_new (FilterSink *filter, KeptKind kind, const MilterCapturePlace *place)
{
  Kept *kept = g_new0 (Kept, 1);

  on_started (place->moment.time_ns, filter);
  kept->kind = kind;
  kept->place = *place;
  return kept;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  FilterSink *filter = data;
  Connection *connection = g_new0 (Connection, 1);
  Kept *kept = kept_new (filter, KEPT_OPENED, place);

  connection->number = place->connection;
  g_queue_init (&connection->kept);
  g_hash_table_replace (filter->connections, GUINT_TO_POINTER (place->connection), connection);
  kept->text = g_strdup (opening->mta);
  kept->other = g_strdup (opening->milter);
  kept->flag = opening->from_start;
  take (filter, kept);
  milter_recorded_sink.opened (place, opening, filter->builder);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  FilterSink *filter = data;
  Kept *kept = kept_new (filter, KEPT_MESSAGE, place);

  kept->bytes = g_bytes_new (frame.data, frame.size);
  kept->flag = behind_hole;
  /* a reply may end its own message, a command the one before */
  if (place->from == MILTER_SIDE_MILTER)
    take (filter, kept);
  milter_recorded_sink.message (place, frame, behind_hole, filter->builder);
  if (place->from == MILTER_SIDE_MTA)
    take (filter, kept);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  FilterSink *filter = data;
  Kept *kept = kept_new (filter, KEPT_RAW, place);

  kept->bytes = g_bytes_new (bytes.data, bytes.size);
  milter_recorded_sink.raw (place, bytes, filter->builder);
  take (filter, kept);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  FilterSink *filter = data;
  Kept *kept = kept_new (filter, KEPT_HOLE, place);

  kept->size = size;
  kept->letter = letter;
  milter_recorded_sink.hole (place, size, letter, filter->builder);
  take (filter, kept);
}

/* When both sides have closed, or one has reset it, a connection that did not match until then does not
 * any more. */
static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  FilterSink *filter = data;
  gpointer key = GUINT_TO_POINTER (place->connection);
  Connection *connection = g_hash_table_lookup (filter->connections, key);
  Kept *kept = kept_new (filter, KEPT_CLOSED, place);

  kept->flag = reset;
  milter_recorded_sink.closed (place, reset, filter->builder);
  take (filter, kept);
  if (connection == NULL)
    return;
  connection->ended[place->from] = true;
  if (reset || connection->ended[!place->from])
    g_hash_table_remove (filter->connections, key);
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  FilterSink *filter = data;
  Kept *kept = kept_new (filter, KEPT_NOTE, place);

  kept->text = g_strdup (text);
  take (filter, kept);
  if (milter_recorded_sink.note != NULL)
    milter_recorded_sink.note (place, text, filter->builder);
}

static bool
on_stopped (gpointer data)
{
  const FilterSink *filter = data;

  return filter->sink->stopped != NULL && filter->sink->stopped (filter->data);
}

static bool
on_wait (int fd, gpointer data)
{
  const FilterSink *filter = data;

  return filter->sink->wait == NULL || filter->sink->wait (fd, filter->data);
}

const MilterCaptureSink filter_sink = {
  .started = on_started,
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .note = on_note,
  .stopped = on_stopped,
  .wait = on_wait,
};

FilterSink *
filter_sink_new (const RecordingFilter *filter, const MilterCaptureSink *sink, gpointer data)
{
  FilterSink *made = g_new0 (FilterSink, 1);

  made->filter = filter;
  made->sink = sink;
  made->data = data;
  made->builder = milter_recorded_builder_new (
      &milter_recorded_limits_no_bodies, &recorded_events, made);
  made->connections
      = g_hash_table_new_full (/* hash= */ NULL, /* equal= */ NULL, NULL, connection_free);
  return made;
}

void
filter_sink_free (FilterSink *sink)
{
  if (sink == NULL)
    return;
  milter_recorded_builder_free (sink->builder);
  g_hash_table_unref (sink->connections);
  g_free (sink);
}

guint
filter_sink_finish (FilterSink *sink)
{
  milter_recorded_builder_finish (sink->builder);
  return sink->n_passed;
}
