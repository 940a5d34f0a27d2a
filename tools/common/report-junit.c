/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-junit.c: JUnit XML, of the elements that Jenkins and GitLab read.
 *
 * A file is a testsuite, a case a testcase whose class is the file. There is no standard of this
 * format; what we write is described by a schema that the tests hold it against. The counts stand
 * before what they count, so all of it is written at the end.
 */
#include <string.h>

#include "report-lines.h"
#include "report-private.h"

typedef struct
{
  guint tests, failures, errors, skipped;
  gint64 duration_us;
} Counts;

typedef struct
{
  GString *suites; /* those that are complete */
  GString *suite;  /* the testcases of the current one */
  char *file;      /* (nullable) of the current one */
  bool is_open;
  gint64 began_real_us;
  Counts counts, all;
} Junit;

static void
junit_begin (Reporter *reporter)
{
  Junit *junit = g_new0 (Junit, 1);

  junit->suites = g_string_new (NULL);
  junit->suite = g_string_new (NULL);
  reporter->data = junit;
}

static void
junit_free (Reporter *reporter)
{
  Junit *junit = reporter->data;

  if (junit == NULL)
    return;
  g_string_free (junit->suites, TRUE);
  g_string_free (junit->suite, TRUE);
  g_free (junit->file);
  g_free (junit);
}

static void
append_attribute (GString *text, const char *name, const char *value)
{
  g_string_append_printf (text, " %s=\"", name);
  report_append_xml_attribute (text, milter_bytes_from_string (value != NULL ? value : ""));
  g_string_append_c (text, '"');
}

static void
append_counts (GString *text, const Counts *counts)
{
  g_string_append_printf (text,
                          " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.6f\"",
                          counts->tests,
                          counts->failures,
                          counts->errors,
                          counts->skipped,
                          (double) counts->duration_us / G_USEC_PER_SEC);
}

static void
append_timestamp (GString *text, gint64 real_us)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (real_us / G_USEC_PER_SEC);
  g_autofree char *date = g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ");

  append_attribute (text, "timestamp", date);
}

static void
append_element (GString *text, const char *name, const GString *content)
{
  if (content->len == 0)
    return;
  g_string_append_printf (text, "      <%s>", name);
  report_append_xml (text, milter_bytes (content->str, content->len));
  g_string_append_printf (text, "</%s>\n", name);
}

/* --- suites ----------------------------------------------------------------------------------- */

static void
close_suite (Junit *junit)
{
  if (!junit->is_open)
    return;
  g_string_append (junit->suites, "  <testsuite");
  append_attribute (junit->suites, "name", junit->file);
  append_counts (junit->suites, &junit->counts);
  append_timestamp (junit->suites, junit->began_real_us);
  g_string_append (junit->suites, ">\n");
  g_string_append_len (junit->suites, junit->suite->str, (gssize) junit->suite->len);
  g_string_append (junit->suites, "  </testsuite>\n");
  g_string_truncate (junit->suite, 0);
  junit->is_open = false;
}

static void
open_suite (Junit *junit, const Reporter *reporter, const ReportCase *report_case)
{
  const char *file = report_case->file != NULL ? report_case->file : reporter->report->name;

  if (junit->is_open && g_strcmp0 (junit->file, file) == 0)
    return;
  close_suite (junit);
  g_free (junit->file);
  junit->file = g_strdup (file);
  junit->counts = (Counts){ 0 };
  junit->began_real_us = report_case->begun ? report_case->began_real_us : g_get_real_time ();
  junit->is_open = true;
}

/* also what does not hold and does not count: whoever reads the file shall not take it for green */
static bool
is_skipped (ReportResult result)
{
  return result == REPORT_SKIPPED || result == REPORT_UNPLAYED || result == REPORT_LAPSED
         || result == REPORT_DEVIATES;
}

static void
count (Counts *counts, ReportResult result, gint64 duration_us)
{
  counts->tests++;
  counts->failures += result == REPORT_FAILED;
  counts->errors += result == REPORT_BROKEN || result == REPORT_UNREAD;
  counts->skipped += is_skipped (result);
  counts->duration_us += duration_us;
}

/* --- testcases -------------------------------------------------------------------------------- */

static void
append_labelled (GString *text, const char *label, const char *value)
{
  if (value != NULL)
    g_string_append_printf (text, "\n  %-9s %s", label, value);
}

static void
append_failure (GString *text, const ReportCase *report_case, const MilterFailure *failure)
{
  g_autofree char *where = report_where_to_string (report_case, &failure->where);

  if (text->len > 0)
    g_string_append_c (text, '\n');
  if (where != NULL)
    g_string_append_printf (text, "%s: ", where);
  if (failure->message != NULL)
    g_string_append_printf (text, "%s: ", failure->message);
  g_string_append (text, failure->what);
  append_labelled (text, "expected", failure->expected);
  append_labelled (text, "got", failure->got);
  append_labelled (text, "last", failure->last);
}

static void
append_lint (GString *text, const ReportCase *report_case, const ReportLint *lint)
{
  g_autofree char *where = report_where_to_string (report_case, &lint->where);

  if (text->len > 0)
    g_string_append_c (text, '\n');
  if (where != NULL)
    g_string_append_printf (text, "%s: ", where);
  g_string_append_printf (text, "[%s] %s", lint->rule, lint->sentence);
}

/* the first thing that went wrong, in one line: what lists of failures show */
static char *
summarise (const ReportCase *report_case)
{
  if (report_case->problems != NULL)
    return g_strndup (report_case->problems->str, strcspn (report_case->problems->str, "\n"));
  if (report_case_get_result (report_case) == REPORT_FAILED && report_case->failures->len == 0
      && report_case->requirement != NULL && report_case->requirement->deviation != NULL)
    return g_strdup ("it is listed as a known deviation, and holds");
  if (report_case->failures->len > 0)
    {
      const ReportFailure *own = g_ptr_array_index (report_case->failures, 0);
      const MilterFailure *failure = &own->failure;

      if (failure->expected != NULL && failure->got != NULL)
        return g_strdup_printf (
            "%s: expected %s, got %s", failure->what, failure->expected, failure->got);
      return failure->got != NULL ? g_strdup_printf ("%s: %s", failure->what, failure->got)
                                  : g_strdup (failure->what);
    }
  if (report_case->lints->len > 0)
    return g_strdup (((const ReportLint *) g_ptr_array_index (report_case->lints, 0))->sentence);
  return g_strdup (report_result_get_word (report_case_get_result (report_case)));
}

static void
append_bad (GString *out, const ReportCase *report_case, ReportResult result)
{
  const char *element = result == REPORT_FAILED ? "failure" : "error";
  g_autofree char *summary = summarise (report_case);
  g_autoptr (GString) text = g_string_new (NULL);

  if (report_case->problems != NULL)
    g_string_append_len (
        text, report_case->problems->str, (gssize) report_case->problems->len - 1);
  for (guint i = 0; i < report_case->failures->len; i++)
    append_failure (text,
                    report_case,
                    &((ReportFailure *) g_ptr_array_index (report_case->failures, i))->failure);
  for (guint i = 0; i < report_case->lints->len && report_case->report->lint_fails; i++)
    append_lint (text, report_case, g_ptr_array_index (report_case->lints, i));
  g_string_append_printf (out, "      <%s", element);
  append_attribute (out, "message", summary);
  append_attribute (out, "type", report_result_get_word (result));
  g_string_append_c (out, '>');
  report_append_xml (out, milter_bytes (text->str, text->len));
  g_string_append_printf (out, "</%s>\n", element);
}

/* notes and warnings, and what was said if something went wrong */
static void
append_system_out (GString *out, const ReportCase *report_case, bool is_bad)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < report_case->notes->len; i++)
    g_string_append_printf (
        text, "note: %s\n", (const char *) g_ptr_array_index (report_case->notes, i));
  for (guint i = 0; i < report_case->lints->len; i++)
    {
      g_autoptr (GString) line = g_string_new (NULL);

      append_lint (line, report_case, g_ptr_array_index (report_case->lints, i));
      g_string_append_printf (text, "warning: %s\n", line->str);
    }
  if (is_bad)
    {
      g_autoptr (GString) log = report_case_get_log (report_case);

      g_string_append_len (text, log->str, (gssize) log->len);
    }
  append_element (out, "system-out", text);
}

static void
junit_case_ended (Reporter *reporter, const ReportCase *report_case)
{
  Junit *junit = reporter->data;
  ReportResult result = report_case_get_result (report_case);
  bool is_bad = report_result_is_bad (result);
  GString *out = junit->suite;

  open_suite (junit, reporter, report_case);
  count (&junit->counts, result, report_case->duration_us);
  count (&junit->all, result, /* duration_us= */ 0);

  g_string_append (out, "    <testcase");
  append_attribute (out, "name", report_case->name);
  append_attribute (
      out,
      "classname",
      report_case->requirement != NULL ? report_case->requirement->group : junit->file);
  if (report_case->file != NULL)
    append_attribute (out, "file", report_case->file);
  if (report_case->line > 0)
    g_string_append_printf (out, " line=\"%u\"", report_case->line);
  g_string_append_printf (
      out, " time=\"%.6f\">\n", (double) report_case->duration_us / G_USEC_PER_SEC);
  if (is_skipped (result))
    {
      g_autofree char *excuse = report_case_get_excuse (report_case);

      g_string_append (out, "      <skipped");
      append_attribute (out, "message", excuse);
      g_string_append (out, "/>\n");
    }
  else if (is_bad)
    append_bad (out, report_case, result);
  append_system_out (out, report_case, report_result_has_details (result));
  if (is_bad)
    {
      g_autoptr (GString) output = report_case_get_output (report_case);

      append_element (out, "system-err", output);
    }
  g_string_append (out, "    </testcase>\n");
}

static void
junit_finish (Reporter *reporter)
{
  Junit *junit = reporter->data;
  const Report *report = reporter->report;
  g_autoptr (GString) head = g_string_new ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");

  close_suite (junit);
  junit->all.duration_us = report_get_duration_us (report);
  g_string_append (head, "<testsuites");
  append_attribute (head, "name", report->name);
  append_counts (head, &junit->all);
  append_timestamp (head, report->began_real_us);
  g_string_append (head, ">\n");
  fwrite (head->str, 1, head->len, reporter->out);
  fwrite (junit->suites->str, 1, junit->suites->len, reporter->out);
  fputs ("</testsuites>\n", reporter->out);
}

const ReporterClass reporter_junit = {
  .format = "junit",
  .in_order = true,
  .begin = junit_begin,
  .case_ended = junit_case_ended,
  .finish = junit_finish,
  .free = junit_free,
};
