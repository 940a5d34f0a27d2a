/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-text.c: what people read of a run.
 */
#include "report-text.h"

#include <string.h>

#include "milter-text.h"

#define PLAIN "\033[0m"

/* how a session ended: what its line begins with, the word in the summary, the exit status */
static const struct
{
  const char *mark;
  const char *color;
  const char *summary;
  ToolExit status;
} outcomes[] = {
  [MILTER_OUTCOME_HELD] = { "ok", "\033[32m", "held", TOOL_EXIT_OK },
  [MILTER_OUTCOME_SKIPPED] = { "skip", "\033[33m", "skipped", TOOL_EXIT_SKIPPED },
  [MILTER_OUTCOME_FAILED] = { "FAIL", "\033[1;31m", "failed", TOOL_EXIT_FAILED },
  [MILTER_OUTCOME_BROKEN] = { "BROKEN", "\033[1;31m", "broken", TOOL_EXIT_BROKEN },
};

struct _ReportText
{
  FILE *out;
  ReportDetail detail;
  bool color;
  guint n_peers;
  guint counts[G_N_ELEMENTS (outcomes)];
};

ReportText *
report_text_new (FILE *out, ReportDetail detail, bool color, guint n_peers)
{
  ReportText *report = g_new0 (ReportText, 1);

  report->out = out;
  report->detail = detail;
  report->color = color;
  report->n_peers = n_peers;
  return report;
}

void
report_text_free (ReportText *report)
{
  g_free (report);
}

static void
print_safe (ReportText *report, const char *text)
{
  g_autoptr (GString) safe = g_string_new (NULL);

  tool_append_safe (safe, milter_bytes_from_string (text));
  fputs (safe->str, report->out);
}

/* text of several lines stands below itself */
static void
print_indented (ReportText *report, const char *label, const char *text)
{
  g_autofree char *trimmed = NULL;
  g_auto (GStrv) lines = NULL;

  if (text == NULL || *text == '\0')
    return;
  trimmed = g_strchomp (g_strdup (text));
  lines = g_strsplit (trimmed, "\n", /* max_tokens= */ -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      fprintf (report->out, "  %-9s ", i == 0 ? label : "");
      print_safe (report, lines[i]);
      fputc ('\n', report->out);
    }
}

static void
print_mark (ReportText *report, MilterOutcome outcome, int width)
{
  if (report->color)
    fprintf (report->out, "%s%-*s" PLAIN, outcomes[outcome].color, width, outcomes[outcome].mark);
  else
    fprintf (report->out, "%-*s", width, outcomes[outcome].mark);
}

static void
on_frame (guint peer,
          MilterSide from,
          const MilterMessage *message,
          MilterTextFlags flags,
          gint64 now_us,
          gpointer user_data)
{
  ReportText *report = user_data;
  g_autoptr (GString) text = g_string_new (NULL);

  milter_message_append_text (message, flags, text);
  fprintf (report->out, "  %c ", from == MILTER_SIDE_MTA ? '>' : '<');
  if (report->n_peers > 1)
    fprintf (report->out, "%u: ", peer + 1);
  print_safe (report, text->str);
  fputc ('\n', report->out);
}

void
report_text_follow (ReportText *report, MilterPlayer *player)
{
  if (report->detail == REPORT_VERBOSE)
    milter_player_set_trace (player, on_frame, report);
}

void
report_text_begin (ReportText *report, const char *file, MilterPlayer *player)
{
  if (report->detail != REPORT_VERBOSE)
    return;
  fputs ("session ", report->out);
  print_safe (report, milter_player_get_name (player));
  fputc ('\n', report->out);
  report_text_follow (report, player);
}

/* `FILE:LINE: FAIL SESSION/MESSAGE: what`, expected, got, last */
static void
print_failure (ReportText *report,
               const char *file,
               const MilterPlayer *player,
               const MilterFailure *failure)
{
  if (failure->where.line > 0)
    {
      print_safe (report, failure->where.file);
      fprintf (report->out, ":%u: ", failure->where.line);
    }
  else if (file != NULL)
    {
      print_safe (report, file);
      fputs (": ", report->out);
    }
  print_mark (report, failure->outcome, 0);
  fputc (' ', report->out);
  print_safe (report, milter_player_get_name (player));
  if (failure->message != NULL)
    {
      fputc ('/', report->out);
      print_safe (report, failure->message);
    }
  fputs (": ", report->out);
  print_safe (report, failure->what);
  fputc ('\n', report->out);
  print_indented (report, "expected", failure->expected);
  print_indented (report, "got", failure->got);
  print_indented (report, "last", failure->last);
}

void
report_text_failures (ReportText *report, const char *file, const MilterPlayer *player)
{
  const GPtrArray *failures = milter_player_get_failures (player);

  for (guint i = 0; i < failures->len; i++)
    print_failure (report, file, player, g_ptr_array_index (failures, i));
  fflush (report->out);
}

void
report_text_end (ReportText *report,
                 const char *file,
                 const MilterPlayer *player,
                 gint64 elapsed_us)
{
  MilterOutcome outcome = milter_player_get_outcome (player);
  bool is_good = outcome == MILTER_OUTCOME_HELD || outcome == MILTER_OUTCOME_SKIPPED;
  g_autofree char *duration = tool_format_duration (elapsed_us);

  report->counts[outcome]++;
  if (report->detail != REPORT_QUIET || !is_good)
    {
      print_mark (report, outcome, 6);
      fputc (' ', report->out);
      print_safe (report, file);
      fputs (": ", report->out);
      print_safe (report, milter_player_get_name (player));
      fprintf (report->out, " (%s)\n", duration);
    }
  report_text_failures (report, file, player);
}

void
report_text_summary (ReportText *report, gint64 elapsed_us)
{
  g_autofree char *duration = tool_format_duration (elapsed_us);
  guint n = 0;
  const char *separator = ": ";

  if (report->detail == REPORT_QUIET)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (outcomes); i++)
    n += report->counts[i];
  fprintf (report->out, "%u session%s", n, n == 1 ? "" : "s");
  for (gsize i = 0; i < G_N_ELEMENTS (outcomes); i++)
    {
      if (report->counts[i] == 0)
        continue;
      fprintf (report->out, "%s%u %s", separator, report->counts[i], outcomes[i].summary);
      separator = ", ";
    }
  fprintf (report->out, " (%s)\n", duration);
  fflush (report->out);
}

ToolExit
report_text_get_status (const ReportText *report)
{
  ToolExit status = TOOL_EXIT_SKIPPED;

  for (gsize i = 0; i < G_N_ELEMENTS (outcomes); i++)
    {
      if (report->counts[i] > 0)
        status = tool_exit_worse (status, outcomes[i].status);
    }
  return status;
}
