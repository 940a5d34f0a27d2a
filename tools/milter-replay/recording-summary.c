/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recording-summary.c: what a builder tells, counted.
 */
#include "recording-summary.h"

#include <string.h>

#include "latency-histogram.h"
#include "report-lines.h"
#include "tool-console.h"

/* kinds of verdicts that are told apart; what is beyond is one */
#define MAX_VERDICTS 64u

/* how messages ended that the milter did not decide, by MilterRecordedEnd */
static const char *const ends[] = {
  [MILTER_RECORDED_OPEN] = "no verdict: the recording ends",
  [MILTER_RECORDED_COMPLETE] = "no verdict: its answer is missing",
  [MILTER_RECORDED_DECIDED] = "no verdict: its answer is missing",
  [MILTER_RECORDED_ABORTED] = "no verdict: aborted by the MTA",
  [MILTER_RECORDED_LEFT] = "no verdict: left by the MTA",
  [MILTER_RECORDED_BROKEN_OFF] = "no verdict: the connection ended",
};

struct _RecordingSummary
{
  const RecordingFilter *filter; /* (nullable) */
  MilterRecordedBuilder *builder;
  guint64 n_connections, n_sessions, n_messages, n_recipients, n_edited;
  guint64 n_incomplete;          /* messages of which something is missing */
  guint64 n_body_bytes;
  GHashTable *verdicts;          /* of guint64 *, by name */
  guint64 n_dismissed;           /* sessions that ended before a message could */
  guint64 edits[256];            /* by letter */
  LatencyHistogram *latencies[256]; /* (nullable) by the command's letter */
  GHashTable *matched;           /* sessions that have a message which is asked for */
  GHashTable *waiting;           /* with a filter: arrays of Answer, by their message or session */
  guint64 n_unanswered;
  guint64 n_holes, hole_bytes, n_holes_unknown, n_notes, n_raw;
  gint64 first_ns, last_ns;      /* 0: nothing */
};

/* --- what is counted -------------------------------------------------------------------------------- */

static void
see (RecordingSummary *summary, const MilterCaptureMoment *moment)
{
  if (summary->first_ns == 0 || moment->time_ns < summary->first_ns)
    summary->first_ns = moment->time_ns;
  summary->last_ns = MAX (summary->last_ns, moment->time_ns);
}

static void
count_verdict (RecordingSummary *summary, const char *name)
{
  guint64 *count = g_hash_table_lookup (summary->verdicts, name);

  if (count == NULL && g_hash_table_size (summary->verdicts) >= MAX_VERDICTS)
    {
      name = "others";
      count = g_hash_table_lookup (summary->verdicts, name);
    }
  if (count == NULL)
    {
      count = g_new0 (guint64, 1);
      g_hash_table_insert (summary->verdicts, g_strdup (name), count);
    }
  (*count)++;
}

/* `550 5.7.1`: the code of a reply of the milter's own, and the other one if there is one; its words
 * differ from message to message */
static char *
get_codes (const GString *text)
{
  g_autofree char *code = g_utf8_make_valid (text->str, (gssize) MIN (text->len, 3));
  g_autofree char *extended = NULL;

  if (text->len <= 4 || text->str[4] != text->str[0])
    return g_steal_pointer (&code);
  extended = g_strndup (text->str + 4, strspn (text->str + 4, "0123456789."));
  return g_strdup_printf ("%s %s", code, extended);
}

static void
count_reply (RecordingSummary *summary, guint8 letter, const GString *text)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, letter);
  g_autofree char *codes = text != NULL ? get_codes (text) : NULL;

  count_verdict (summary, codes != NULL ? codes : spec != NULL ? spec->word : "an unknown letter");
}

/* an answer of a message that may be one of those that are asked for */
typedef struct
{
  guint8 letter;
  bool unanswered;
  gint64 latency_ns;
} Answer;

static void
count_answer (RecordingSummary *summary, const Answer *answer)
{
  LatencyHistogram **histogram = &summary->latencies[answer->letter];

  summary->n_unanswered += answer->unanswered;
  if (answer->latency_ns < 0)
    return;
  if (*histogram == NULL)
    *histogram = g_new0 (LatencyHistogram, 1);
  latency_histogram_add (*histogram, answer->latency_ns);
}

/* Without a filter each answer counts as it comes; else it waits for the end of what it belongs to. */
static void
on_answered (const MilterRecordedSession *session,
             const MilterRecordedMessage *message,
             const MilterRecordedCommand *command,
             gpointer data)
{
  RecordingSummary *summary = data;
  gconstpointer owner = message != NULL ? (gconstpointer) message : (gconstpointer) session;
  Answer answer = { .letter = command->letter,
                    .unanswered = command->answer == MILTER_RECORDED_UNANSWERED,
                    .latency_ns = command->latency_ns };
  GArray *waiting;

  if (summary->filter == NULL)
    {
      count_answer (summary, &answer);
      return;
    }
  waiting = g_hash_table_lookup (summary->waiting, owner);
  if (waiting == NULL)
    {
      waiting = g_array_new (FALSE, FALSE, sizeof (Answer));
      g_hash_table_insert (summary->waiting, (gpointer) owner, waiting);
    }
  g_array_append_val (waiting, answer);
}

/* of a message or a session, which is over */
static void
settle_answers (RecordingSummary *summary, gconstpointer owner, bool counts)
{
  const GArray *waiting
      = summary->filter != NULL ? g_hash_table_lookup (summary->waiting, owner) : NULL;

  for (guint i = 0; counts && waiting != NULL && i < waiting->len; i++)
    count_answer (summary, &g_array_index (waiting, Answer, i));
  if (waiting != NULL)
    g_hash_table_remove (summary->waiting, owner);
}

/* whether what was answered to its end is in a hole */
static bool
is_answer_lost (const MilterRecordedMessage *message)
{
  const GPtrArray *commands = message->commands;
  const MilterRecordedCommand *last
      = commands->len > 0 ? g_ptr_array_index (commands, commands->len - 1) : NULL;

  return last != NULL && last->letter == MILTER_COMMAND_END_OF_MESSAGE
         && last->answer == MILTER_RECORDED_LOST
         && (message->missing & MILTER_RECORDED_CUT_OFF) == 0;
}

static void
count_message (RecordingSummary *summary, const MilterRecordedMessage *message)
{
  summary->n_messages++;
  summary->n_recipients += message->recipients->len;
  summary->n_edited += message->edits->len > 0;
  summary->n_incomplete += message->missing != MILTER_RECORDED_WHOLE;
  summary->n_body_bytes += message->body.size;
  if (message->verdict != 0)
    count_reply (summary, message->verdict, message->verdict_text);
  else
    count_verdict (summary,
                   ends[is_answer_lost (message) ? MILTER_RECORDED_COMPLETE : message->end]);
  for (guint i = 0; i < message->edits->len; i++)
    summary->edits[((const MilterRecordedEdit *) g_ptr_array_index (message->edits, i))->letter]++;
  see (summary, &message->began);
  see (summary, &message->ended);
}

static void
on_recorded_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  RecordingSummary *summary = data;
  bool matches
      = summary->filter == NULL || recording_filter_matches (summary->filter, session, message);

  settle_answers (summary, message, matches);
  if (matches)
    {
      count_message (summary, message);
      g_hash_table_add (summary->matched, (gpointer) session);
    }
  milter_recorded_message_free (message);
}

static void
on_recorded_session (MilterRecordedSession *session, gpointer data)
{
  RecordingSummary *summary = data;
  bool matches = summary->filter == NULL || g_hash_table_remove (summary->matched, session)
                 || (session->n_messages == 0
                     && recording_filter_matches (summary->filter, session, /* message= */ NULL));

  g_hash_table_remove (summary->matched, session);
  settle_answers (summary, session, matches);
  if (matches)
    {
      summary->n_sessions++;
      summary->n_dismissed += session->n_messages == 0;
      see (summary, &session->began);
      see (summary, &session->ended);
    }
  milter_recorded_session_free (session);
}

static const MilterRecordedEvents recorded_events = {
  .answered = on_answered,
  .message = on_recorded_message,
  .session = on_recorded_session,
};

/* --- the sink --------------------------------------------------------------------------------------- */

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  RecordingSummary *summary = data;

  summary->n_connections++;
  milter_recorded_sink.opened (place, opening, summary->builder);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  RecordingSummary *summary = data;

  milter_recorded_sink.message (place, frame, behind_hole, summary->builder);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  RecordingSummary *summary = data;

  summary->n_raw++;
  milter_recorded_sink.raw (place, bytes, summary->builder);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  RecordingSummary *summary = data;

  summary->n_holes++;
  if (size == MILTER_HOLE_UNKNOWN)
    summary->n_holes_unknown++;
  else
    summary->hole_bytes += (guint64) size;
  milter_recorded_sink.hole (place, size, letter, summary->builder);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  RecordingSummary *summary = data;

  milter_recorded_sink.closed (place, reset, summary->builder);
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  ((RecordingSummary *) data)->n_notes++;
}

const MilterCaptureSink recording_summary_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .note = on_note,
};

RecordingSummary *
recording_summary_new (const RecordingFilter *filter)
{
  RecordingSummary *summary = g_new0 (RecordingSummary, 1);

  summary->filter = filter;
  summary->builder = milter_recorded_builder_new (
      filter != NULL ? &milter_recorded_limits_no_bodies : &milter_recorded_limits_bare,
      &recorded_events,
      summary);
  summary->verdicts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  summary->matched = g_hash_table_new (/* hash= */ NULL, /* equal= */ NULL);
  summary->waiting = g_hash_table_new_full (
      /* hash= */ NULL, /* equal= */ NULL, /* key= */ NULL, (GDestroyNotify) g_array_unref);
  return summary;
}

void
recording_summary_free (RecordingSummary *summary)
{
  if (summary == NULL)
    return;
  milter_recorded_builder_free (summary->builder);
  g_hash_table_unref (summary->verdicts);
  g_hash_table_unref (summary->matched);
  g_hash_table_unref (summary->waiting);
  for (gsize i = 0; i < G_N_ELEMENTS (summary->latencies); i++)
    g_free (summary->latencies[i]);
  g_free (summary);
}

bool
recording_summary_finish (RecordingSummary *summary)
{
  milter_recorded_builder_finish (summary->builder);
  return summary->n_messages > 0 || summary->n_sessions > 0;
}

/* --- for people -------------------------------------------------------------------------------------- */

/* the most frequent first */
typedef struct
{
  const char *name;
  guint64 count;
} Row;

static int
compare_rows (gconstpointer a, gconstpointer b)
{
  const Row *left = a, *right = b;

  if (left->count != right->count)
    return left->count > right->count ? -1 : 1;
  return strcmp (left->name, right->name);
}

static GArray *
get_verdicts (const RecordingSummary *summary)
{
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (Row));
  GHashTableIter iter;
  gpointer name, count;

  g_hash_table_iter_init (&iter, summary->verdicts);
  while (g_hash_table_iter_next (&iter, &name, &count))
    {
      Row row = { name, *(guint64 *) count };

      g_array_append_val (rows, row);
    }
  g_array_sort (rows, compare_rows);
  return rows;
}

/* letters can have one word: a recipient is added with arguments or without */
static void
add_row (GArray *rows, const char *name, guint64 count)
{
  Row row = { name, count };

  for (guint i = 0; i < rows->len; i++)
    if (strcmp (g_array_index (rows, Row, i).name, name) == 0)
      {
        g_array_index (rows, Row, i).count += count;
        return;
      }
  g_array_append_val (rows, row);
}

static GArray *
get_edits (const RecordingSummary *summary)
{
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (Row));

  for (guint letter = 0; letter < G_N_ELEMENTS (summary->edits); letter++)
    {
      const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, (guint8) letter);

      if (summary->edits[letter] > 0)
        add_row (rows, spec != NULL ? spec->word : "an unknown letter", summary->edits[letter]);
    }
  g_array_sort (rows, compare_rows);
  return rows;
}

static char *
format_time (gint64 time_ns)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (time_ns / 1000000000);
  g_autofree char *seconds = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");

  return g_strdup_printf ("%s.%06dZ", seconds, (int) (time_ns % 1000000000 / 1000));
}

static void
append_rows (const char *title, GArray *rows, guint64 of, GString *text)
{
  if (rows->len > 0)
    g_string_append_printf (text, "\n%s\n", title);
  for (guint i = 0; i < rows->len; i++)
    {
      const Row *row = &g_array_index (rows, Row, i);
      int width = 36 - (int) g_utf8_strlen (row->name, -1);

      g_string_append_printf (text,
                              "  %s%*s%10" G_GUINT64_FORMAT,
                              row->name,
                              MAX (width, 1),
                              "",
                              row->count);
      if (of > 0)
        g_string_append_printf (text, "  %5.1f%%", 100.0 * (double) row->count / (double) of);
      g_string_append_c (text, '\n');
    }
}

/* in three digits: `121 µs`, `3.14 ms`; beyond a minute as everywhere */
static char *
format_latency (gint64 ns)
{
  static const struct
  {
    double unit;
    const char *name;
  } units[] = { { 1e3, "µs" }, { 1e6, "ms" }, { 1e9, "s" } };
  gsize i = ns < 999500 ? 0 : ns < 999500000 ? 1 : 2;
  double value = (double) ns / units[i].unit;

  if (ns >= G_GINT64_CONSTANT (60000000000))
    return tool_format_duration (ns / 1000);
  return g_strdup_printf ("%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[i].name);
}

static void
append_latencies (const RecordingSummary *summary, GString *text)
{
  static const guint per_mille[] = { 500, 990, 1000 };
  gsize n;
  const MilterSpec *specs = milter_spec_list (MILTER_SIDE_MTA, &n);
  bool any = false;

  /* in the order of the protocol's table, which is that of a session */
  for (gsize i = 0; i < n; i++)
    {
      const LatencyHistogram *histogram = summary->latencies[specs[i].letter];

      if (histogram == NULL)
        continue;
      if (!any)
        g_string_append (text, "\nlatency                               answers         p50         p99         max\n");
      any = true;
      g_string_append_printf (text, "  %-36s%7" G_GUINT64_FORMAT, specs[i].word, histogram->count);
      for (gsize k = 0; k < G_N_ELEMENTS (per_mille); k++)
        {
          gint64 ns = latency_histogram_get (histogram, per_mille[k]);
          g_autofree char *time = format_latency (ns);

          g_string_append_printf (text, "%*s%s", 12 - (int) g_utf8_strlen (time, -1), "", time);
        }
      g_string_append_c (text, '\n');
    }
}

static void
append_missing (const RecordingSummary *summary, GString *text)
{
  if (summary->n_holes > 0)
    g_string_append_printf (text,
                            "\nmissing: %" G_GUINT64_FORMAT " holes, %" G_GUINT64_FORMAT " bytes",
                            summary->n_holes,
                            summary->hole_bytes);
  if (summary->n_holes_unknown > 0)
    g_string_append_printf (
        text, ", and %" G_GUINT64_FORMAT " of unknown size", summary->n_holes_unknown);
  if (summary->n_holes > 0)
    g_string_append_printf (
        text, "; %" G_GUINT64_FORMAT " messages are incomplete\n", summary->n_incomplete);
  if (summary->n_raw > 0)
    g_string_append_printf (
        text, "bytes that are no frame: %" G_GUINT64_FORMAT " times\n", summary->n_raw);
  if (summary->n_unanswered > 0)
    g_string_append_printf (
        text, "commands without an answer: %" G_GUINT64_FORMAT "\n", summary->n_unanswered);
  if (summary->n_notes > 0)
    g_string_append_printf (text,
                            "remarks: %" G_GUINT64_FORMAT " (shown without --summary)\n",
                            summary->n_notes);
}

void
recording_summary_append_text (const RecordingSummary *summary, GString *text)
{
  g_autoptr (GArray) verdicts = get_verdicts (summary);
  g_autoptr (GArray) edits = get_edits (summary);

  if (summary->first_ns != 0)
    {
      g_autofree char *from = format_time (summary->first_ns);
      g_autofree char *to = format_time (summary->last_ns);
      g_autofree char *time = tool_format_duration ((summary->last_ns - summary->first_ns) / 1000);

      g_string_append_printf (text, "%s to %s (%s)\n", from, to, time);
    }
  g_string_append_printf (text, "sessions    %10" G_GUINT64_FORMAT, summary->n_sessions);
  if (summary->n_dismissed > 0)
    g_string_append_printf (
        text, "  of which %" G_GUINT64_FORMAT " without a message", summary->n_dismissed);
  g_string_append_printf (text,
                          "\nmessages    %10" G_GUINT64_FORMAT "\nrecipients  %10" G_GUINT64_FORMAT
                          "\nbody bytes  %10" G_GUINT64_FORMAT "\nedited      %10" G_GUINT64_FORMAT "\n",
                          summary->n_messages,
                          summary->n_recipients,
                          summary->n_body_bytes,
                          summary->n_edited);
  append_rows ("verdicts (messages)", verdicts, summary->n_messages, text);
  append_rows ("edits", edits, /* of= */ 0, text);
  append_latencies (summary, text);
  append_missing (summary, text);
}

/* --- for programs ------------------------------------------------------------------------------------- */

static void
append_member (GString *text, const char *name, guint64 value)
{
  g_string_append_printf (text, ",\"%s\":%" G_GUINT64_FORMAT, name, value);
}

static void
append_counts (GString *text, const char *name, GArray *rows)
{
  g_string_append_printf (text, ",\"%s\":{", name);
  for (guint i = 0; i < rows->len; i++)
    {
      const Row *row = &g_array_index (rows, Row, i);

      if (i > 0)
        g_string_append_c (text, ',');
      report_append_json_string (text, milter_bytes_from_string (row->name));
      g_string_append_printf (text, ":%" G_GUINT64_FORMAT, row->count);
    }
  g_string_append_c (text, '}');
}

static void
append_seconds (GString *text, const char *name, gint64 ns)
{
  g_string_append_printf (
      text, ",\"%s\":%" G_GINT64_FORMAT ".%09d", name, ns / 1000000000, (int) (ns % 1000000000));
}

static void
append_json_latencies (const RecordingSummary *summary, GString *text)
{
  gsize n;
  const MilterSpec *specs = milter_spec_list (MILTER_SIDE_MTA, &n);
  const char *separator = "";

  g_string_append (text, ",\"latency\":{");
  for (gsize i = 0; i < n; i++)
    {
      const LatencyHistogram *histogram = summary->latencies[specs[i].letter];

      if (histogram == NULL)
        continue;
      g_string_append_printf (
          text, "%s\"%s\":{\"count\":%" G_GUINT64_FORMAT, separator, specs[i].word, histogram->count);
      append_seconds (text, "p50", latency_histogram_get (histogram, 500));
      append_seconds (text, "p99", latency_histogram_get (histogram, 990));
      append_seconds (text, "max", MAX (histogram->max_ns, 0));
      g_string_append_c (text, '}');
      separator = ",";
    }
  g_string_append_c (text, '}');
}

void
recording_summary_append_json (const RecordingSummary *summary, GString *text)
{
  g_autoptr (GArray) verdicts = get_verdicts (summary);
  g_autoptr (GArray) edits = get_edits (summary);

  g_string_append (text, "{\"type\":\"summary\"");
  if (summary->first_ns != 0)
    {
      g_autofree char *from = format_time (summary->first_ns);
      g_autofree char *to = format_time (summary->last_ns);

      g_string_append_printf (text, ",\"from\":\"%s\",\"to\":\"%s\"", from, to);
    }
  append_member (text, "connections", summary->n_connections);
  append_member (text, "sessions", summary->n_sessions);
  append_member (text, "sessions_without_message", summary->n_dismissed);
  append_member (text, "messages", summary->n_messages);
  append_member (text, "recipients", summary->n_recipients);
  append_member (text, "body_bytes", summary->n_body_bytes);
  append_member (text, "edited", summary->n_edited);
  append_member (text, "incomplete", summary->n_incomplete);
  append_counts (text, "verdicts", verdicts);
  append_counts (text, "edits", edits);
  append_json_latencies (summary, text);
  append_member (text, "holes", summary->n_holes);
  append_member (text, "hole_bytes", summary->hole_bytes);
  append_member (text, "holes_unknown", summary->n_holes_unknown);
  append_member (text, "raw", summary->n_raw);
  append_member (text, "unanswered", summary->n_unanswered);
  append_member (text, "notes", summary->n_notes);
  g_string_append (text, "}\n");
}
