/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-json.c: what a comparison found, as lines of JSON.
 */
#include "compare-report.h"
#include "report-lines.h"

static const char *const names[] = { "a", "b" };

static void
append_gstring (GString *text, const char *name, const GString *value)
{
  if (value == NULL)
    return;
  g_string_append_c (text, ',');
  report_append_json (text, name, milter_bytes (value->str, value->len));
}

/* `"frame_number":12,"time":0.031000000` */
static void
append_moment (GString *text, const MilterCaptureMoment *at, gint64 start_ns)
{
  gint64 time_ns = at->time_ns - start_ns;

  if (at->frame != 0)
    g_string_append_printf (text, "\"frame_number\":%" G_GUINT64_FORMAT ",", at->frame);
  g_string_append_printf (text,
                          "\"time\":%s%" G_GINT64_FORMAT ".%09d",
                          time_ns < 0 ? "-" : "",
                          ABS (time_ns) / 1000000000,
                          (int) (ABS (time_ns) % 1000000000));
}

static void
append_place (GString *text,
              guint side,
              const MilterRecordedSession *session,
              const MilterCaptureMoment *at,
              const gint64 starts[2])
{
  if (session == NULL)
    return;
  g_string_append_printf (text, ",\"%s\":{\"connection\":%u", names[side], session->connection);
  if (session->number > 1)
    g_string_append_printf (text, ",\"session\":%u", session->number);
  if (at->frame != 0 || at->time_ns != 0)
    {
      g_string_append_c (text, ',');
      append_moment (text, at, starts[side]);
    }
  g_string_append_c (text, '}');
}

static void
append_finding (GString *text, const char *type, const ComparePair *pair, const char *message)
{
  g_string_append_printf (text, "{\"type\":\"%s\"", type);
  report_append_json_member (text, "message", message);
}

static void
append_difference (GString *text,
                   const ComparePair *pair,
                   const char *message,
                   const MilterDifference *difference,
                   const gint64 starts[2])
{
  append_finding (text, "difference", pair, message);
  report_append_json_member (text, "kind", milter_difference_kind_to_word (difference->kind));
  report_append_json_member (text, "what", difference->what);
  report_append_json_member (text, "expected", difference->expected);
  report_append_json_member (text, "got", difference->got);
  report_append_json_member (text, "ignored_by", difference->ignored_by);
  for (guint side = 0; side < 2; side++)
    append_place (text, side, pair->sessions[side], &difference->at[side], starts);
  g_string_append (text, "}\n");
}

static void
append_comparison (GString *text,
                   const ComparePair *pair,
                   const CompareFinding *finding,
                   const gint64 starts[2])
{
  const MilterComparison *comparison = finding->comparison;

  if (comparison->not_compared != NULL)
    {
      append_finding (text, "not_compared", pair, finding->message);
      report_append_json_member (text, "why", comparison->not_compared);
      for (guint side = 0; side < 2; side++)
        append_place (text, side, pair->sessions[side], &pair->sessions[side]->began, starts);
      g_string_append (text, "}\n");
    }
  for (guint i = 0; i < comparison->differences->len; i++)
    append_difference (
        text, pair, finding->message, g_ptr_array_index (comparison->differences, i), starts);
}

static void
append_session (GString *text, const ComparePair *pair, const gint64 starts[2])
{
  const MilterRecordedSession *any
      = pair->sessions[0] != NULL ? pair->sessions[0] : pair->sessions[1];

  g_string_append (text, "{\"type\":\"session\"");
  append_gstring (text, "host", any->host);
  append_gstring (text, "address", any->address);
  g_string_append_printf (text,
                          ",\"compared\":%s,\"n_messages\":%u,\"n_not_compared\":%u,\"n_alone\":%u",
                          pair->session_compared ? "true" : "false",
                          pair->n_compared,
                          pair->n_not_compared,
                          pair->n_alone);
  for (guint side = 0; side < 2; side++)
    append_place (text,
                  side,
                  pair->sessions[side],
                  pair->sessions[side] != NULL ? &pair->sessions[side]->began : NULL,
                  starts);
  g_string_append (text, "}\n");
}

void
compare_json_append_pair (GString *text, const ComparePair *pair, const gint64 starts[2])
{
  append_session (text, pair, starts);
  for (guint i = 0; i < pair->findings->len; i++)
    {
      const CompareFinding *finding = g_ptr_array_index (pair->findings, i);

      if (finding->comparison != NULL)
        {
          append_comparison (text, pair, finding, starts);
          continue;
        }
      append_finding (text, "alone", pair, finding->message);
      append_place (text, finding->side, pair->sessions[finding->side], &finding->at, starts);
      g_string_append (text, "}\n");
    }
}

void
compare_json_append_counts (GString *text, const CompareCounts *counts)
{
  GHashTableIter iter;
  gpointer name, count;
  const char *separator = "";

  g_string_append_printf (text,
                          "{\"type\":\"summary\",\"n_sessions\":%" G_GUINT64_FORMAT
                          ",\"n_messages\":%" G_GUINT64_FORMAT
                          ",\"n_not_compared\":%" G_GUINT64_FORMAT ",\"n_alone\":%" G_GUINT64_FORMAT
                          ",\"n_differences\":%" G_GUINT64_FORMAT
                          ",\"n_ignored\":%" G_GUINT64_FORMAT ",\"ignored_by\":{",
                          counts->n_sessions,
                          counts->n_messages,
                          counts->n_not_compared,
                          counts->n_alone,
                          counts->n_found,
                          counts->n_ignored);
  g_hash_table_iter_init (&iter, counts->by_rule);
  for (; g_hash_table_iter_next (&iter, &name, &count); separator = ",")
    g_string_append_printf (
        text, "%s\"%s\":%" G_GUINT64_FORMAT, separator, (const char *) name, *(guint64 *) count);
  g_string_append (text, "}}\n");
}
