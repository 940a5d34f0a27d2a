/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-tap.c: TAP version 13, one point a case, with what went wrong as YAML below it.
 *
 * The plan stands at the end: a run that died has none, and counts as failed wherever TAP is read.
 */
#include "report-lines.h"
#include "report-private.h"

static void
write_out (Reporter *reporter, GString *text)
{
  fwrite (text->str, 1, text->len, reporter->out);
  /* `prove` shows what has come so far */
  fflush (reporter->out);
}

static void
append_member (GString *text, const char *indent, const char *name, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_printf (text, "%s%s: ", indent, name);
  report_append_yaml (text, milter_bytes_from_string (value));
  g_string_append_c (text, '\n');
}

static void
append_text (GString *text, const char *name, const GString *value)
{
  if (value == NULL || value->len == 0)
    return;
  g_string_append_printf (text, "  %s: ", name);
  report_append_yaml (text, milter_bytes (value->str, value->len));
  g_string_append_c (text, '\n');
}

/* The log as a block, which can be read. Its lines are never empty and never begin with a blank, as
 * such a block would need. (Of a list of lines Perl's reader takes those for maps that have a colon
 * behind their first word.) */
static void
append_log (GString *text, const GString *log)
{
  g_auto (GStrv) lines = g_strsplit (log->str, "\n", /* max_tokens= */ -1);

  if (log->len == 0)
    return;
  g_string_append (text, "  log: |\n");
  for (char **line = lines; *line != NULL; line++)
    {
      if (**line == '\0')
        continue;
      g_string_append (text, "    ");
      report_append_shown (text, milter_bytes_from_string (*line));
      g_string_append_c (text, '\n');
    }
}

static void
append_failure (GString *text, const ReportCase *report_case, const MilterFailure *failure)
{
  g_autofree char *where = report_where_to_string (report_case, &failure->where);

  append_member (text, "    - ", "what", failure->what);
  append_member (text, "      ", "at", where);
  append_member (text, "      ", "message", failure->message);
  append_member (text, "      ", "expected", failure->expected);
  append_member (text, "      ", "got", failure->got);
  append_member (text, "      ", "last", failure->last);
}

static void
append_lints (GString *text, const ReportCase *report_case)
{
  if (report_case->lints->len > 0)
    g_string_append (text, "  warnings:\n");
  for (guint i = 0; i < report_case->lints->len; i++)
    {
      const ReportLint *lint = g_ptr_array_index (report_case->lints, i);
      g_autofree char *where = report_where_to_string (report_case, &lint->where);

      append_member (text, "    - ", "what", lint->sentence);
      append_member (text, "      ", "rule", lint->rule);
      append_member (text, "      ", "at", where);
    }
}

static void
append_requirement (GString *text, const ReportOwnRequirement *requirement)
{
  if (requirement == NULL)
    return;
  append_member (text, "  ", "id", requirement->id);
  append_member (text, "  ", "severity", requirement->must ? "MUST" : "SHOULD");
  append_member (text, "  ", "requirement", requirement->text);
  append_member (text, "  ", "source", requirement->source);
  append_member (text, "  ", "known_deviation", requirement->deviation);
}

static void
append_diagnostics (GString *text, const ReportCase *report_case)
{
  bool is_bad = report_result_has_details (report_case_get_result (report_case));

  g_string_append (text, "  ---\n");
  append_member (
      text, "  ", "outcome", report_result_get_word (report_case_get_result (report_case)));
  append_requirement (text, report_case->requirement);
  append_member (text, "  ", "file", report_case->file);
  if (report_case->line > 0)
    g_string_append_printf (text, "  line: %u\n", report_case->line);
  if (report_case->begun)
    g_string_append_printf (
        text, "  duration_ms: %.3f\n", (double) report_case->duration_us / 1000);
  append_text (text, "problems", report_case->problems);
  if (report_case->failures->len > 0)
    g_string_append (text, "  failures:\n");
  for (guint i = 0; i < report_case->failures->len; i++)
    append_failure (text,
                    report_case,
                    &((ReportFailure *) g_ptr_array_index (report_case->failures, i))->failure);
  append_lints (text, report_case);
  if (report_case->notes->len > 0)
    g_string_append (text, "  notes:\n");
  for (guint i = 0; i < report_case->notes->len; i++)
    append_member (text, "    - ", "text", g_ptr_array_index (report_case->notes, i));
  if (is_bad)
    {
      g_autoptr (GString) log = report_case_get_log (report_case);
      g_autoptr (GString) output = report_case_get_output (report_case);

      append_text (text, "stderr", output);
      append_log (text, log);
    }
  g_string_append (text, "  ...\n");
}

static void
tap_begin (Reporter *reporter)
{
  fputs ("TAP version 13\n", reporter->out);
}

static void
tap_case_ended (Reporter *reporter, const ReportCase *report_case)
{
  ReportResult result = report_case_get_result (report_case);
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (
      text, "%sok %u - ", report_result_has_details (result) ? "not " : "", report_case->number);
  if (report_case->file != NULL)
    {
      report_append_tap (text, milter_bytes_from_string (report_case->file));
      g_string_append (text, ": ");
    }
  report_append_tap (text, milter_bytes_from_string (report_case->name));
  if (result == REPORT_SKIPPED || result == REPORT_UNPLAYED)
    {
      g_string_append (text, result == REPORT_UNPLAYED ? " # SKIP not played: " : " # SKIP ");
      report_append_tap (text, milter_bytes_from_string (report_case->skip_reason));
    }
  /* who reads TAP takes no offence at these */
  if (result == REPORT_LAPSED || result == REPORT_DEVIATES)
    {
      g_autofree char *excuse = report_case_get_excuse (report_case);

      /* in two pieces: in our own code the word would mean that something is left undone */
      g_string_append (text, " # TO" "DO ");
      report_append_tap (text, milter_bytes_from_string (excuse));
    }
  g_string_append_c (text, '\n');
  append_diagnostics (text, report_case);
  write_out (reporter, text);
}

static void
tap_finish (Reporter *reporter)
{
  const Report *report = reporter->report;

  fprintf (reporter->out, "1..%u\n", report->n_added);
  /* skips are no failure for who reads TAP, but a run that was cut short is */
  if (report->interrupted)
    fputs ("Bail out! interrupted\n", reporter->out);
}

const ReporterClass reporter_tap = {
  .format = "tap",
  .in_order = true,
  .begin = tap_begin,
  .case_ended = tap_case_ended,
  .finish = tap_finish,
};
