/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare.c: two recordings in, what differs out.
 */
#include "compare.h"

#include <stdio.h>

#include "compare-feed.h"
#include "compare-match.h"
#include "compare-options.h"
#include "compare-report.h"

typedef struct
{
  CompareOptions options;
  CompareFeed *feeds[2];
  CompareMatch *match;
  Report *report;
  CompareCounts counts;
  GString *json;
  FILE *out; /* what people read */
} Compare;

static void
on_pair (const ComparePair *pair, gpointer data)
{
  Compare *compare = data;
  gint64 starts[2];

  for (guint side = 0; side < 2; side++)
    starts[side] = compare_feed_get_start_ns (compare->feeds[side]);
  compare_report_pair (compare->report, pair, starts, compare->options.verbose, &compare->counts);
  if (!compare->options.json)
    return;
  compare_json_append_pair (compare->json, pair, starts);
  fwrite (compare->json->str, 1, compare->json->len, stdout);
  g_string_truncate (compare->json, 0);
}

/* The side of which less waits is read on, so that both stay near each other. */
static guint
choose_side (const Compare *compare, const bool ended[2])
{
  if (ended[0] || ended[1])
    return ended[0];
  return compare_match_get_n_waiting (compare->match, 0)
         > compare_match_get_n_waiting (compare->match, 1);
}

static void
match_all (Compare *compare)
{
  bool ended[2] = { false, false };

  while (!ended[0] || !ended[1])
    {
      guint side = choose_side (compare, ended);
      g_autoptr (CompareItem) item = compare_feed_next (compare->feeds[side]);

      if (item == NULL)
        ended[side] = true;
      else if (item->message != NULL)
        compare_match_take_message (
            compare->match, side, item->session, g_steal_pointer (&item->message));
      else
        compare_match_take_session (compare->match, side, g_steal_pointer (&item->session));
    }
  compare_match_finish (compare->match);
}

static bool
open_reports (Compare *compare)
{
  const CompareOptions *options = &compare->options;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < options->reports->len; i++)
    if (!report_add_file (compare->report, g_ptr_array_index (options->reports, i), &error))
      {
        tool_usage_error ("--report: %s", error->message);
        return false;
      }
  if (options->json && report_uses_stdout (compare->report))
    {
      tool_usage_error ("--json: the standard output is taken by a report");
      return false;
    }
  compare->out = report_choose_stream (compare->report);
  if (!options->json)
    report_add_text (compare->report,
                     compare->out,
                     report_choose_detail (/* verbose= */ false, options->quiet),
                     options->color,
                     REPORT_NO_PROGRESS);
  report_begin (compare->report, "milter-replay compare");
  return true;
}

static void
print_summary (Compare *compare)
{
  const CompareOptions *options = &compare->options;
  g_autofree char *text = compare_counts_to_string (&compare->counts);

  if (options->json)
    {
      compare_json_append_counts (compare->json, &compare->counts);
      fwrite (compare->json->str, 1, compare->json->len, stdout);
    }
  else if (!options->quiet)
    fprintf (compare->out, "%s\n", text);
}

/* what all of it amounts to */
static ToolExit
get_status (const Compare *compare)
{
  ToolExit status = report_get_status (compare->report);

  for (guint side = 0; side < 2; side++)
    status = tool_exit_worse (status, compare_feed_get_status (compare->feeds[side]));
  if (status != TOOL_EXIT_OK && status != TOOL_EXIT_SKIPPED)
    return status;
  if (compare->counts.n_messages + compare->counts.n_sessions > 0)
    return TOOL_EXIT_OK;
  tool_error ("nothing could be compared");
  return TOOL_EXIT_FAILED;
}

static ToolExit
compare_recordings (Compare *compare)
{
  ToolExit status;

  if (!open_reports (compare))
    return TOOL_EXIT_USAGE;
  for (guint side = 0; side < 2; side++)
    compare->feeds[side] = compare_feed_new (compare->options.paths[side]);
  compare->match
      = compare_match_new (compare->options.rules, COMPARE_MATCH_MAX_WAITING, on_pair, compare);
  match_all (compare);
  status = report_finish (compare->report) ? TOOL_EXIT_OK : TOOL_EXIT_USAGE;
  print_summary (compare);
  status = tool_exit_worse (status, get_status (compare));
  compare_match_free (compare->match);
  for (guint side = 0; side < 2; side++)
    compare_feed_free (compare->feeds[side]);
  return status;
}

ToolExit
compare_run (int argc, char **argv)
{
  Compare compare = { 0 };
  ToolExit status;

  if (compare_options_parse (&compare.options, argc, argv, &status))
    {
      compare.report = report_new ();
      compare.json = g_string_new (NULL);
      compare_counts_init (&compare.counts);
      status = compare_recordings (&compare);
      compare_counts_clear (&compare.counts);
      g_string_free (compare.json, TRUE);
      report_free (compare.report);
    }
  compare_options_clear (&compare.options);
  return status;
}
