/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-report.c: see compare-report.h.
 */
#include "compare-report.h"

#include <string.h>

static const char *const ordinals[] = { "first", "second" };

/* --- counts
 * --------------------------------------------------------------------------------------- */

void
compare_counts_init (CompareCounts *counts)
{
  *counts = (CompareCounts){
    .by_rule = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
  };
}

void
compare_counts_clear (CompareCounts *counts)
{
  g_clear_pointer (&counts->by_rule, g_hash_table_unref);
}

static void
count_rules (CompareCounts *counts, const char *names)
{
  g_auto (GStrv) words = g_strsplit (names, ",", /* max_tokens= */ -1);

  for (char **word = words; *word != NULL; word++)
    {
      guint64 *count = g_hash_table_lookup (counts->by_rule, *word);

      if (count == NULL)
        g_hash_table_insert (counts->by_rule, g_strdup (*word), count = g_new0 (guint64, 1));
      (*count)++;
    }
}

static void
count_differences (CompareCounts *counts, const MilterComparison *comparison)
{
  for (guint i = 0; i < comparison->differences->len; i++)
    {
      const MilterDifference *difference = g_ptr_array_index (comparison->differences, i);

      if (difference->ignored_by == NULL)
        {
          counts->n_found++;
          continue;
        }
      counts->n_ignored++;
      count_rules (counts, difference->ignored_by);
    }
}

static void
append_count (GString *text, guint64 n, const char *noun, const char *rest)
{
  g_string_append_printf (text,
                          "%s%" G_GUINT64_FORMAT " %s%s%s",
                          text->len > 0 ? ", " : "",
                          n,
                          noun,
                          n == 1 ? "" : "s",
                          rest);
}

char *
compare_counts_to_string (const CompareCounts *counts)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GList) names
      = g_list_sort (g_hash_table_get_keys (counts->by_rule), (GCompareFunc) strcmp);

  append_count (text, counts->n_messages, "message", " compared");
  if (counts->n_not_compared > 0)
    append_count (text, counts->n_not_compared, "message", " not compared");
  if (counts->n_alone > 0)
    append_count (text, counts->n_alone, "message", " and sessions in one recording alone");
  append_count (text, counts->n_found, "difference", "");
  if (counts->n_ignored > 0)
    append_count (text, counts->n_ignored, "difference", " ignored");
  for (GList *node = names; node != NULL; node = node->next)
    g_string_append_printf (text,
                            "%s%s %" G_GUINT64_FORMAT,
                            node == names ? " (" : ", ",
                            (const char *) node->data,
                            *(guint64 *) g_hash_table_lookup (counts->by_rule, node->data));
  if (names != NULL)
    g_string_append_c (text, ')');
  return g_string_free (text, FALSE);
}

/* --- a case
 * --------------------------------------------------------------------------------------- */

/* `frame 12, +0.0310` */
static void
append_moment (GString *text, const MilterCaptureMoment *at, gint64 start_ns)
{
  if (at->frame != 0)
    g_string_append_printf (text, "frame %" G_GUINT64_FORMAT ", ", at->frame);
  g_string_append_printf (text, "%+.4f", (double) (at->time_ns - start_ns) / 1e9);
}

static bool
is_known (const MilterCaptureMoment *at)
{
  return at->frame != 0 || at->time_ns != 0;
}

/* ` (A: frame 12, +0.0310; B: frame 14, +0.0302)` */
static void
append_places (GString *text, const MilterCaptureMoment at[2], const gint64 starts[2])
{
  bool any = false;

  for (guint side = 0; side < 2; side++)
    {
      if (!is_known (&at[side]))
        continue;
      g_string_append_printf (text, "%s%s: ", any ? "; " : " (", side == 0 ? "A" : "B");
      append_moment (text, &at[side], starts[side]);
      any = true;
    }
  if (any)
    g_string_append_c (text, ')');
}

static void
add_failure (ReportCase *report_case,
             const char *message,
             const char *what,
             const char *expected,
             const char *got)
{
  const MilterFailure failure = {
    .outcome = MILTER_OUTCOME_FAILED,
    .message = (char *) message,
    .what = (char *) what,
    .expected = (char *) expected,
    .got = (char *) got,
  };

  report_case_add_failure (report_case, &failure);
}

static void
add_difference (ReportCase *report_case,
                const char *message,
                const MilterDifference *difference,
                const gint64 starts[2],
                bool verbose)
{
  g_autoptr (GString) what = g_string_new (difference->what);

  append_places (what, difference->at, starts);
  if (difference->ignored_by == NULL)
    {
      add_failure (report_case, message, what->str, difference->expected, difference->got);
      return;
    }
  if (!verbose)
    return;
  g_string_prepend (what, ": ");
  g_string_prepend (what, message != NULL ? message : "the session");
  g_string_append_printf (what,
                          ", ignored by %s: %s became %s",
                          difference->ignored_by,
                          difference->expected,
                          difference->got);
  report_case_add_note (report_case, what->str);
}

static void
add_not_compared (ReportCase *report_case, const char *message, const MilterComparison *comparison)
{
  g_autofree char *note = NULL;

  if (!comparison->lets_holes_pass)
    {
      add_failure (report_case,
                   message,
                   "it cannot be compared",
                   "two whole recordings",
                   comparison->not_compared);
      return;
    }
  note = g_strdup_printf ("%s was not compared: %s",
                          message != NULL ? message : "what belongs to no message",
                          comparison->not_compared);
  report_case_add_note (report_case, note);
}

/* Adds a comparison to a case: its differences, or why there is none; and counts. @message:
 * (nullable): what it is of. @starts: when each recording began, in ns. @verbose: notes tell of the
 * ignored ones, too. */
static void
add_comparison (ReportCase *report_case,
                    const char *message,
                    const MilterComparison *comparison,
                    const gint64 starts[2],
                    bool verbose,
                    CompareCounts *counts)
{
  count_differences (counts, comparison);
  if (comparison->not_compared != NULL)
    add_not_compared (report_case, message, comparison);
  for (guint i = 0; i < comparison->differences->len; i++)
    add_difference (
        report_case, message, g_ptr_array_index (comparison->differences, i), starts, verbose);
}

static void
append_client (GString *name, const MilterRecordedSession *session)
{
  if (session->host == NULL && session->address == NULL)
    {
      g_string_append (name, "a client that is not known");
      return;
    }
  if (session->host != NULL)
    g_string_append_len (name, session->host->str, (gssize) session->host->len);
  if (session->address != NULL)
    g_string_append_printf (name, " [%s]", session->address->str);
}

/* `client.example.com [192.0.2.7], connection 1 and 3` */
static GString *
name_of_pair (const ComparePair *pair)
{
  GString *name = g_string_new (NULL);
  const MilterRecordedSession *any
      = pair->sessions[0] != NULL ? pair->sessions[0] : pair->sessions[1];

  append_client (name, any);
  g_string_append (name, ", connection ");
  for (guint side = 0; side < 2; side++)
    {
      const MilterRecordedSession *session = pair->sessions[side];

      if (session == NULL)
        continue;
      g_string_append_printf (
          name, "%s%u", side == 1 && pair->sessions[0] != NULL ? " and " : "", session->connection);
      if (session->number > 1)
        g_string_append_printf (name, " (session %u)", session->number);
    }
  return name;
}

static void
add_alone (ReportCase *report_case, const CompareFinding *finding, const gint64 starts[2])
{
  g_autoptr (GString) where = g_string_new (NULL);
  g_autofree char *what
      = g_strdup_printf ("it is in the %s recording alone", ordinals[finding->side]);

  append_moment (where, &finding->at, starts[finding->side]);
  add_failure (report_case,
               finding->message,
               what,
               finding->side == 0 ? where->str : "no such message",
               finding->side == 1 ? where->str
               : finding->gave_up ? "none among so many others that they could not be kept"
                                  : "no such message");
}

static void
add_lone_session (ReportCase *report_case, const ComparePair *pair, const gint64 starts[2])
{
  guint side = pair->sessions[0] == NULL;
  const MilterRecordedSession *session = pair->sessions[side];
  g_autoptr (GString) where = g_string_new (NULL);
  g_autofree char *what
      = g_strdup_printf ("the session is in the %s recording alone", ordinals[side]);

  append_moment (where, &session->began, starts[side]);
  add_failure (report_case,
               /* message= */ NULL,
               what,
               side == 0 ? where->str : "no such session",
               side == 1 ? where->str : "no such session");
}

/* Nothing was compared, and nothing is held against it. */
static bool
says_nothing (const ComparePair *pair)
{
  return pair->sessions[0] != NULL && pair->sessions[1] != NULL && pair->n_compared == 0
         && !pair->session_compared;
}

void
compare_report_pair (Report *report,
                     const ComparePair *pair,
                     const gint64 starts[2],
                     bool verbose,
                     CompareCounts *counts)
{
  GString *name = name_of_pair (pair);
  ReportCase *report_case = report_add_case (report, /* file= */ NULL, /* line= */ 0, name->str);

  g_string_free (name, TRUE);
  counts->n_sessions += pair->session_compared;
  counts->n_messages += pair->n_compared;
  counts->n_not_compared += pair->n_not_compared;
  counts->n_alone += pair->n_alone;
  if (pair->sessions[0] == NULL || pair->sessions[1] == NULL)
    {
      counts->n_alone += pair->n_alone == 0;
      add_lone_session (report_case, pair, starts);
    }
  for (guint i = 0; i < pair->findings->len; i++)
    {
      const CompareFinding *finding = g_ptr_array_index (pair->findings, i);

      if (finding->comparison == NULL)
        add_alone (report_case, finding, starts);
      else
        add_comparison (
            report_case, finding->message, finding->comparison, starts, verbose, counts);
    }
  if (says_nothing (pair) && !report_case_is_bad (report_case))
    report_case_skip (report_case, "nothing of it could be compared");
  report_case_end (report_case);
}
