/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-text.c: what people read of a run.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report-lines.h"
#include "report-private.h"

/* how a case ended: what its line begins with, and in which colour */
static const struct
{
  const char *mark;
  const char *color;
} results[REPORT_N_RESULTS] = {
  [REPORT_HELD] = { "ok", "\033[32m" },           [REPORT_SKIPPED] = { "skip", "\033[33m" },
  [REPORT_FAILED] = { "FAIL", "\033[1;31m" },     [REPORT_BROKEN] = { "BROKEN", "\033[1;31m" },
  [REPORT_UNPLAYED] = { "unplayed", "\033[33m" },     [REPORT_UNREAD] = { "UNREAD", "\033[1;31m" },
  [REPORT_LAPSED] = { "should", "\033[33m" },    [REPORT_DEVIATES] = { "known", "\033[33m" },
  [REPORT_RECOVERED] = { "fixed", "\033[32m" },
};

#define PLAIN "\033[0m"

typedef struct
{
  ReportDetail detail;
  FILE *unread; /* where it says what is wrong with files */
  bool color;
  bool progress; /* a live line is wanted and possible */
  bool has_line; /* … and stands there */
} Text;

/* a live line needs a terminal that can clear it */
static bool
can_clear (FILE *out)
{
  const char *terminal = g_getenv ("TERM");

  return isatty (fileno (out)) && terminal != NULL && strcmp (terminal, "dumb") != 0;
}

gpointer
report_text_for_people (FILE *out, ReportDetail detail, bool color, ReportProgress progress)
{
  Text *text = g_new0 (Text, 1);

  text->detail = detail;
  text->unread = stderr;
  text->color = color;
  text->progress = progress == REPORT_PROGRESS && can_clear (out)
                   && (detail == REPORT_NORMAL || detail == REPORT_VERBOSE);
  return text;
}

gpointer
report_text_for_file (FILE *out)
{
  Text *text = g_new0 (Text, 1);

  text->detail = REPORT_NORMAL;
  text->unread = out;
  return text;
}

static void
text_free (Reporter *reporter)
{
  g_free (reporter->data);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void
print_safe (FILE *out, const char *text)
{
  g_autoptr (GString) safe = g_string_new (NULL);

  tool_append_safe (safe, milter_bytes_from_string (text));
  fputs (safe->str, out);
}

static void
print_mark_to (FILE *out, bool color, ReportResult result, int width)
{
  if (color)
    fprintf (out, "%s%-*s" PLAIN, results[result].color, width, results[result].mark);
  else
    fprintf (out, "%-*s", width, results[result].mark);
}

static void
print_mark (const Reporter *reporter, ReportResult result, int width)
{
  print_mark_to (reporter->out, ((const Text *) reporter->data)->color, result, width);
}

/* Text of several lines stands below itself. */
static void
print_labelled (FILE *out, const char *label, MilterBytes bytes)
{
  const guint8 *end = bytes.data + bytes.size;

  while (bytes.size > 0 && strchr ("\n\r ", end[-1]) != NULL)
    {
      bytes.size--;
      end--;
    }
  for (const guint8 *at = bytes.data; at != NULL && at < end;)
    {
      const guint8 *stop = memchr (at, '\n', (gsize) (end - at));
      gsize size = (gsize) ((stop != NULL ? stop : end) - at);
      g_autoptr (GString) safe = g_string_new (NULL);

      if (size > 0 && at[size - 1] == '\r')
        size--;
      tool_append_safe (safe, milter_bytes (at, size));
      fprintf (out, "  %-9s %s\n", at == bytes.data ? label : "", safe->str);
      at = stop != NULL ? stop + 1 : NULL;
    }
}

static void
print_text (FILE *out, const char *label, const char *text)
{
  print_labelled (out, label, milter_bytes_from_string (text));
}

/* `FILE:LINE: FAIL SESSION/MESSAGE: what`, expected, got, and last unless it is @last, told just before */
static void
print_failure (FILE *out,
               bool color,
               const ReportCase *report_case,
               const MilterFailure *failure,
               const char *last)
{
  g_autofree char *where = report_where_to_string (report_case, &failure->where);

  if (where != NULL)
    {
      print_safe (out, where);
      fputs (": ", out);
    }
  print_mark_to (out, color, (ReportResult) failure->outcome, 0);
  fputc (' ', out);
  print_safe (out, report_case->name);
  if (failure->message != NULL)
    {
      fputc ('/', out);
      print_safe (out, failure->message);
    }
  fputs (": ", out);
  print_safe (out, failure->what);
  fputc ('\n', out);
  print_text (out, "expected", failure->expected);
  print_text (out, "got", failure->got);
  if (g_strcmp0 (failure->last, last) != 0)
    print_text (out, "last", failure->last);
}

void
report_case_print_failures (const ReportCase *report_case, FILE *out, bool color)
{
  const char *last = NULL;

  for (guint i = 0; i < report_case->failures->len; i++)
    {
      const ReportFailure *told = g_ptr_array_index (report_case->failures, i);

      print_failure (out, color, report_case, &told->failure, last);
      last = told->failure.last;
    }
  fflush (out);
}

/* `FILE:LINE: warning SESSION: [RULE] sentence` */
static void
print_lint (FILE *out, bool color, const ReportCase *report_case, const ReportLint *lint)
{
  g_autofree char *where = report_where_to_string (report_case, &lint->where);

  if (where != NULL)
    {
      print_safe (out, where);
      fputs (": ", out);
    }
  if (report_case->report->lint_fails)
    print_mark_to (out, color, REPORT_FAILED, 0);
  else
    fputs ("warning", out);
  fputc (' ', out);
  print_safe (out, report_case->name);
  fprintf (out, ": [%s] ", lint->rule);
  print_safe (out, lint->sentence);
  fputc ('\n', out);
}

void
report_case_print_lint (const ReportCase *report_case, FILE *out, bool color)
{
  for (guint i = 0; i < report_case->lints->len; i++)
    print_lint (out, color, report_case, g_ptr_array_index (report_case->lints, i));
  fflush (out);
}

/* sentences that belong to no line of a session */
static void
print_problems (const Reporter *reporter, const ReportCase *report_case)
{
  const Text *text = reporter->data;
  MilterWhere where = { .file = report_case->file, .line = report_case->line };
  g_autofree char *shown = report_where_to_string (report_case, &where);
  g_auto (GStrv) lines = NULL;

  if (report_case->problems == NULL)
    return;
  lines = g_strsplit (report_case->problems->str, "\n", /* max_tokens= */ -1);
  for (char **line = lines; *line != NULL; line++)
    {
      if (**line == '\0')
        continue;
      /* what is wrong with a file says itself where */
      if (report_case->problem == TOOL_EXIT_USAGE)
        {
          fflush (reporter->out);
          print_safe (text->unread, *line);
          fputc ('\n', text->unread);
          continue;
        }
      if (shown != NULL)
        {
          print_safe (reporter->out, shown);
          fputs (": ", reporter->out);
        }
      print_mark (reporter, report_case_get_result (report_case), 0);
      fputc (' ', reporter->out);
      print_safe (reporter->out, report_case->name);
      fputs (": ", reporter->out);
      print_safe (reporter->out, *line);
      fputc ('\n', reporter->out);
    }
}

/* the log from the Nth line on */
static void
print_log (const Reporter *reporter, const ReportCase *report_case, guint64 from)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (GString) safe = g_string_new (NULL);
  g_auto (GStrv) lines = NULL;

  if (report_case->transcript == NULL)
    return;
  report_transcript_append_text (
      report_case->transcript, from, (const char *const *) report_case->peer_names, log);
  lines = g_strsplit (log->str, "\n", /* max_tokens= */ -1);
  for (char **line = lines; *line != NULL; line++)
    {
      if (**line == '\0')
        continue;
      g_string_assign (safe, "  ");
      tool_append_safe (safe, milter_bytes_from_string (*line));
      g_string_append_c (safe, '\n');
      fputs (safe->str, reporter->out);
    }
}

static void
print_outputs (const Reporter *reporter, const ReportCase *report_case)
{
  for (guint i = 0; i < report_case->outputs->len; i++)
    {
      const ReportOutput *output = g_ptr_array_index (report_case->outputs, i);
      g_autofree char *label = output->milter == NULL
                                   ? g_strdup ("stderr")
                                   : g_strdup_printf ("stderr of %s", output->milter);

      if (output->is_cut)
        print_text (reporter->out, label, "… (the beginning is left out)");
      print_labelled (reporter->out,
                      output->is_cut ? "" : label,
                      milter_bytes (output->bytes->str, output->bytes->len));
    }
}

/* --- the live line ---------------------------------------------------------------------------- */

static guint
terminal_width (FILE *out)
{
  struct winsize size = { 0 };

  return ioctl (fileno (out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

static void
clear_line (const Reporter *reporter)
{
  Text *text = reporter->data;

  if (!text->has_line)
    return;
  fputs ("\r\033[K", reporter->out);
  text->has_line = false;
}

static void
show_line (const Reporter *reporter, const ReportCase *report_case)
{
  Text *text = reporter->data;
  const Report *report = reporter->report;
  g_autoptr (GString) line = g_string_new (NULL);
  guint bad = report->counts[REPORT_FAILED] + report->counts[REPORT_BROKEN];

  if (!text->progress)
    return;
  clear_line (reporter);
  g_string_append_printf (line, "[%u", report->n_ended);
  if (report->n_expected > 0)
    g_string_append_printf (line, "/%u", report->n_expected);
  if (bad > 0)
    g_string_append_printf (line, ", %u bad", bad);
  g_string_append (line, "] ");
  if (report_case->file != NULL)
    {
      tool_append_safe (line, milter_bytes_from_string (report_case->file));
      g_string_append (line, ": ");
    }
  tool_append_safe (line, milter_bytes_from_string (report_case->name));
  report_fit_columns (line, terminal_width (reporter->out) - 1);
  fputs (line->str, reporter->out);
  fflush (reporter->out);
  text->has_line = true;
}

/* --- the reporter ----------------------------------------------------------------------------- */

static void
print_heading (const Reporter *reporter, const ReportCase *report_case)
{
  fputs ("session ", reporter->out);
  print_safe (reporter->out, report_case->name);
  fputc ('\n', reporter->out);
}

static void
text_case_begun (Reporter *reporter, const ReportCase *report_case)
{
  const Text *text = reporter->data;

  if (text->detail == REPORT_FRAMES)
    return;
  if (text->detail != REPORT_VERBOSE || reporter->report->live != report_case)
    {
      show_line (reporter, report_case);
      return;
    }
  clear_line (reporter);
  print_heading (reporter, report_case);
}

static bool
text_line (Reporter *reporter, const ReportCase *report_case)
{
  const Text *text = reporter->data;

  if (text->detail != REPORT_VERBOSE && text->detail != REPORT_FRAMES)
    return false;
  clear_line (reporter);
  print_log (reporter,
             report_case,
             /* from= */ report_transcript_get_size (report_case->transcript) - 1);
  return true;
}

/* the rest of the log, of a case that was not the only one */
static void
print_rest (const Reporter *reporter, const ReportCase *report_case)
{
  if (report_case->transcript == NULL
      || report_case->n_streamed == report_transcript_get_size (report_case->transcript))
    return;
  print_heading (reporter, report_case);
  print_log (reporter, report_case, report_case->n_streamed);
}

/* `ok     FILE: SESSION (3.1 ms)` */
static void
print_result (const Reporter *reporter, const ReportCase *report_case, ReportResult result)
{
  print_mark (reporter, result, 6);
  fputc (' ', reporter->out);
  if (report_case->file != NULL)
    {
      print_safe (reporter->out, report_case->file);
      fputs (": ", reporter->out);
    }
  print_safe (reporter->out, report_case->name);
  if (report_case->begun)
    {
      g_autofree char *duration = tool_format_duration (report_case->duration_us);

      fprintf (reporter->out, " (%s)", duration);
    }
  if ((result == REPORT_SKIPPED || result == REPORT_UNPLAYED) && report_case->skip_reason != NULL)
    {
      fputs (": ", reporter->out);
      print_safe (reporter->out, report_case->skip_reason);
    }
  fputc ('\n', reporter->out);
}

static void
print_details (const Reporter *reporter, const ReportCase *report_case, bool is_bad)
{
  const Text *text = reporter->data;

  print_problems (reporter, report_case);
  report_case_print_failures (report_case, reporter->out, text->color);
  if (is_bad || text->detail != REPORT_QUIET)
    report_case_print_lint (report_case, reporter->out, text->color);
  for (guint i = 0; i < report_case->notes->len && (is_bad || text->detail != REPORT_QUIET); i++)
    print_text (reporter->out, "note", g_ptr_array_index (report_case->notes, i));
  if (!is_bad)
    return;
  print_outputs (reporter, report_case);
  if (text->detail == REPORT_NORMAL && report_case->transcript != NULL
      && report_transcript_get_size (report_case->transcript) > 0)
    {
      fputs ("  log\n", reporter->out);
      print_log (reporter, report_case, /* from= */ 0);
    }
}

static void
text_case_ended (Reporter *reporter, const ReportCase *report_case)
{
  const Text *text = reporter->data;
  ReportResult result = report_case_get_result (report_case);
  bool is_bad = report_result_is_bad (result);

  if (text->detail == REPORT_FRAMES)
    return;
  clear_line (reporter);
  if (text->detail == REPORT_VERBOSE)
    print_rest (reporter, report_case);
  if (result != REPORT_UNREAD && (text->detail != REPORT_QUIET || is_bad))
    print_result (reporter, report_case, result);
  print_details (reporter, report_case, is_bad);
  fflush (reporter->out);
}

static void
text_finish (Reporter *reporter)
{
  const Text *text = reporter->data;
  const Report *report = reporter->report;
  g_autofree char *duration = tool_format_duration (report_get_duration_us (report));
  guint n = report->n_ended - report->counts[REPORT_UNREAD];
  const char *separator = ": ";

  clear_line (reporter);
  /* errors have been told; there is nothing to sum up */
  if (text->detail == REPORT_QUIET || text->detail == REPORT_FRAMES || n == 0)
    return;
  fprintf (reporter->out, "%u %s%s", n, report->noun, n == 1 ? "" : "s");
  for (gsize i = 0; i < REPORT_UNREAD; i++)
    {
      if (report->counts[i] == 0)
        continue;
      fprintf (reporter->out, "%s%u %s", separator, report->counts[i], report_result_get_word (i));
      separator = ", ";
    }
  if (report->counts[REPORT_UNREAD] > 0)
    fprintf (reporter->out, "; not read: %u", report->counts[REPORT_UNREAD]);
  fprintf (reporter->out, " (%s)\n", duration);
  fflush (reporter->out);
}

const ReporterClass reporter_text = {
  .format = "text",
  .in_order = false,
  .case_begun = text_case_begun,
  .line = text_line,
  .case_ended = text_case_ended,
  .finish = text_finish,
  .free = text_free,
};
