/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-json.c: one JSON object a line: the run, each case, the summary.
 *
 * A report without its last line, `"type":"summary"`, is that of a run that died.
 */
#include "message-json.h"
#include "report-lines.h"
#include "report-private.h"

static void
append_bytes (GString *text, const char *name, const GString *value)
{
  if (value == NULL || value->len == 0)
    return;
  g_string_append_c (text, ',');
  report_append_json (text, name, milter_bytes (value->str, value->len));
}

static void
append_seconds (GString *text, const char *name, gint64 us)
{
  g_string_append_printf (text, ",\"%s\":%.6f", name, (double) us / G_USEC_PER_SEC);
}

static void
append_where (GString *text, const MilterWhere *where)
{
  if (where->line == 0)
    return;
  report_append_json_member (text, "file", where->file);
  g_string_append_printf (text, ",\"line\":%u", where->line);
}

static void
append_time (GString *text, gint64 real_us)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (real_us / G_USEC_PER_SEC);
  g_autofree char *date = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");

  g_string_append_printf (
      text, ",\"started\":\"%s.%06dZ\"", date, (int) (real_us % G_USEC_PER_SEC));
}

/* an object in a list, whose members begin with a comma each */
static void
close_object (GString *text, gsize begin)
{
  if (text->str[begin] == ',')
    g_string_erase (text, (gssize) begin, 1);
  g_string_insert_c (text, (gssize) begin, '{');
  g_string_append_c (text, '}');
}

static void
begin_item (GString *text, guint i)
{
  if (i > 0)
    g_string_append_c (text, ',');
}

static void
append_failures (GString *text, const ReportCase *report_case)
{
  g_string_append (text, ",\"failures\":[");
  for (guint i = 0; i < report_case->failures->len; i++)
    {
      const ReportFailure *own = g_ptr_array_index (report_case->failures, i);
      const MilterFailure *failure = &own->failure;
      gsize begin;

      begin_item (text, i);
      begin = text->len;
      report_append_json_member (text, "outcome", report_result_get_word ((ReportResult) failure->outcome));
      append_where (text, &failure->where);
      report_append_json_member (text, "message", failure->message);
      report_append_json_member (text, "what", failure->what);
      report_append_json_member (text, "expected", failure->expected);
      report_append_json_member (text, "got", failure->got);
      report_append_json_member (text, "last", failure->last);
      close_object (text, begin);
    }
  g_string_append_c (text, ']');
}

static void
append_warnings (GString *text, const ReportCase *report_case)
{
  g_string_append (text, ",\"warnings\":[");
  for (guint i = 0; i < report_case->lints->len; i++)
    {
      const ReportLint *lint = g_ptr_array_index (report_case->lints, i);
      gsize begin;

      begin_item (text, i);
      begin = text->len;
      report_append_json_member (text, "rule", lint->rule);
      append_where (text, &lint->where);
      report_append_json_member (text, "what", lint->sentence);
      close_object (text, begin);
    }
  g_string_append_c (text, ']');
}

static void
append_notes (GString *text, const ReportCase *report_case)
{
  g_string_append (text, ",\"notes\":[");
  for (guint i = 0; i < report_case->notes->len; i++)
    {
      gsize begin;

      begin_item (text, i);
      begin = text->len;
      report_append_json_member (text, "text", g_ptr_array_index (report_case->notes, i));
      close_object (text, begin);
    }
  g_string_append_c (text, ']');
}

static void
append_messages (GString *text, const ReportCase *report_case)
{
  g_string_append_printf (text,
                          ",\"n_messages\":%" G_GUINT64_FORMAT ",\"messages\":[",
                          report_case->n_messages);
  for (guint i = 0; i < report_case->messages->len; i++)
    {
      const ReportMessage *message = &g_array_index (report_case->messages, ReportMessage, i);
      const MilterSpec *verdict = milter_spec_get (MILTER_SIDE_MILTER, message->verdict);
      const MilterSpec *command = milter_spec_get (MILTER_SIDE_MTA, message->verdict_command);
      gsize begin;

      begin_item (text, i);
      begin = text->len;
      report_append_json_member (text, "verdict", verdict != NULL ? verdict->word : NULL);
      report_append_json_member (text, "at", verdict != NULL && command != NULL ? command->word : NULL);
      append_seconds (text, "seconds", message->duration_us);
      close_object (text, begin);
    }
  g_string_append_c (text, ']');
}

static void
append_outputs (GString *text, const ReportCase *report_case)
{
  g_string_append (text, ",\"stderr\":[");
  for (guint i = 0; i < report_case->outputs->len; i++)
    {
      const ReportOutput *output = g_ptr_array_index (report_case->outputs, i);
      gsize begin;

      begin_item (text, i);
      begin = text->len;
      report_append_json_member (text, "milter", output->milter);
      append_bytes (text, "text", output->bytes);
      if (output->is_cut)
        g_string_append (text, ",\"cut\":true");
      close_object (text, begin);
    }
  g_string_append_c (text, ']');
}

static void
write_line (Reporter *reporter, GString *text)
{
  g_string_append (text, "}\n");
  fwrite (text->str, 1, text->len, reporter->out);
  fflush (reporter->out);
}

static void
json_begin (Reporter *reporter)
{
  const Report *report = reporter->report;
  g_autoptr (GString) text = g_string_new ("{\"type\":\"run\"");

  report_append_json_member (text, "name", report->name);
  report_append_json_member (text, "version", MILTERLAB_VERSION);
  append_time (text, report->began_real_us);
  write_line (reporter, text);
}

static void
append_requirement (GString *text, const ReportOwnRequirement *requirement)
{
  if (requirement == NULL)
    return;
  report_append_json_member (text, "id", requirement->id);
  report_append_json_member (text, "group", requirement->group);
  report_append_json_member (text, "severity", requirement->must ? "MUST" : "SHOULD");
  report_append_json_member (text, "requirement", requirement->text);
  report_append_json_member (text, "source", requirement->source);
  report_append_json_member (text, "known_deviation", requirement->deviation);
}

static void
json_case_ended (Reporter *reporter, const ReportCase *report_case)
{
  g_autoptr (GString) text = g_string_new ("{\"type\":\"case\"");
  bool is_bad = report_result_has_details (report_case_get_result (report_case));

  g_string_append_printf (text, ",\"number\":%u", report_case->number);
  report_append_json_member (text, "file", report_case->file);
  if (report_case->line > 0)
    g_string_append_printf (text, ",\"line\":%u", report_case->line);
  report_append_json_member (text, "name", report_case->name);
  append_requirement (text, report_case->requirement);
  report_append_json_member (
      text, "outcome", report_result_get_word (report_case_get_result (report_case)));
  report_append_json_member (text, "reason", report_case->skip_reason);
  if (report_case->begun)
    {
      append_time (text, report_case->began_real_us);
      append_seconds (text, "seconds", report_case->duration_us);
    }
  append_bytes (text, "problems", report_case->problems);
  append_failures (text, report_case);
  append_warnings (text, report_case);
  append_notes (text, report_case);
  append_messages (text, report_case);
  if (is_bad)
    {
      g_autoptr (GString) log = report_case_get_log (report_case);

      append_outputs (text, report_case);
      append_bytes (text, "log", log);
    }
  write_line (reporter, text);
}

static void
json_finish (Reporter *reporter)
{
  const Report *report = reporter->report;
  g_autoptr (GString) text = g_string_new ("{\"type\":\"summary\"");

  g_string_append_printf (text, ",\"cases\":%u", report->n_added);
  for (int i = 0; i < (report->conformance ? REPORT_N_RESULTS : REPORT_LAPSED); i++)
    g_string_append_printf (
        text, ",\"%s\":%u", report_result_get_word ((ReportResult) i), report->counts[i]);
  append_seconds (text, "seconds", report_get_duration_us (report));
  g_string_append_printf (text,
                          ",\"interrupted\":%s,\"status\":%d",
                          report->interrupted ? "true" : "false",
                          (int) report->status);
  write_line (reporter, text);
}

/* the members that frames have everywhere, and the session and the milter of a chain */
static void
json_frame (Reporter *reporter,
            const ReportCase *report_case,
            guint peer,
            const MilterMessage *message,
            guint number,
            gint64 at_us)
{
  g_autoptr (GString) text = g_string_new ("{\"type\":\"frame\"");

  g_string_append_printf (text, ",\"connection\":%u", report_case->number);
  report_append_json_member (text, "session", report_case->name);
  report_append_json_member (
      text, "milter", report_case->peer_names != NULL ? report_case->peer_names[peer] : NULL);
  if (number > 0)
    g_string_append_printf (text, ",\"message\":%u", number);
  append_seconds (text, "time", at_us);
  message_append_json (message, text);
  write_line (reporter, text);
}

const ReporterClass reporter_json_frames = {
  .format = "json",
  .in_order = true,
  .begin = json_begin,
  .frame = json_frame,
  .case_ended = json_case_ended,
  .finish = json_finish,
};

const ReporterClass reporter_json = {
  .format = "json",
  .in_order = true,
  .begin = json_begin,
  .case_ended = json_case_ended,
  .finish = json_finish,
};
