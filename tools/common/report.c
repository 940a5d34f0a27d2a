/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.c: tells the reporters what happens, in the order in which each wants it.
 */
#include "report-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* what each way to end does to the exit status */
static const ToolExit statuses[REPORT_N_RESULTS] = {
  [REPORT_HELD] = TOOL_EXIT_OK,       [REPORT_SKIPPED] = TOOL_EXIT_SKIPPED,
  [REPORT_FAILED] = TOOL_EXIT_FAILED, [REPORT_BROKEN] = TOOL_EXIT_BROKEN,
  [REPORT_UNPLAYED] = TOOL_EXIT_FAILED, [REPORT_UNREAD] = TOOL_EXIT_USAGE,
  [REPORT_LAPSED] = TOOL_EXIT_OK,     [REPORT_DEVIATES] = TOOL_EXIT_OK,
  [REPORT_RECOVERED] = TOOL_EXIT_OK,
};

static const ReporterClass *const classes[]
    = { &reporter_text, &reporter_junit, &reporter_tap, &reporter_json, &reporter_html };

static void
reporter_free (gpointer data)
{
  Reporter *reporter = data;

  if (reporter->klass->free != NULL)
    reporter->klass->free (reporter);
  if (reporter->path != NULL && reporter->out != NULL)
    fclose (reporter->out);
  g_free (reporter->path);
  g_free (reporter);
}

Report *
report_new (void)
{
  Report *report = g_new0 (Report, 1);

  report->reporters = g_ptr_array_new_with_free_func (reporter_free);
  report->status = TOOL_EXIT_SKIPPED;
  report->noun = "session";
  report->notes = g_ptr_array_new_with_free_func (g_free);
  report->began_us = g_get_monotonic_time ();
  report->began_real_us = g_get_real_time ();
  g_queue_init (&report->cases);
  return report;
}

void
report_free (Report *report)
{
  if (report == NULL)
    return;
  g_queue_clear_full (&report->cases, (GDestroyNotify) report_case_free);
  report_free_spare_cases (report);
  g_ptr_array_unref (report->notes);
  g_ptr_array_unref (report->reporters);
  g_free (report->name);
  g_free (report);
}

/* --- reporters -------------------------------------------------------------------------------- */

static Reporter *
add_reporter (Report *report, const ReporterClass *klass, FILE *out, const char *path)
{
  Reporter *reporter = g_new0 (Reporter, 1);

  reporter->klass = klass;
  reporter->report = report;
  reporter->out = out;
  reporter->path = g_strdup (path);
  g_ptr_array_add (report->reporters, reporter);
  return reporter;
}

ReportDetail
report_choose_detail (bool verbose, bool quiet)
{
  if (verbose)
    return REPORT_VERBOSE;
  return quiet ? REPORT_QUIET : REPORT_NORMAL;
}

void
report_add_text (
    Report *report, FILE *out, ReportDetail detail, ToolColor color, ReportProgress progress)
{
  bool colored = tool_color_is_on (color, out);
  Reporter *reporter;

  if (report->conformance)
    {
      reporter = add_reporter (report, &reporter_table, out, /* path= */ NULL);
      reporter->data = report_table_new (detail, colored);
      return;
    }
  reporter = add_reporter (report, &reporter_text, out, /* path= */ NULL);
  reporter->data = report_text_for_people (out, detail, colored, progress);
}

bool
report_uses_stdout (const Report *report)
{
  for (guint i = 0; i < report->reporters->len; i++)
    {
      const Reporter *reporter = g_ptr_array_index (report->reporters, i);

      if (reporter->out == stdout)
        return true;
    }
  return false;
}

FILE *
report_choose_stream (const Report *report)
{
  return report_uses_stdout (report) ? stderr : stdout;
}

static bool G_GNUC_PRINTF (2, 3) bad_spec (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, arguments);
  va_end (arguments);
  return false;
}

static const ReporterClass *
find_class (const char *spec, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    {
      if (strlen (classes[i]->format) == size && strncmp (classes[i]->format, spec, size) == 0)
        return classes[i];
    }
  return NULL;
}

/* two in one file would be none; a device or a FIFO takes what comes */
static bool
is_taken (const Report *report, FILE *out)
{
  struct stat wanted, taken;

  if (fstat (fileno (out), &wanted) != 0 || !S_ISREG (wanted.st_mode))
    return false;
  for (guint i = 0; i < report->reporters->len; i++)
    {
      const Reporter *reporter = g_ptr_array_index (report->reporters, i);

      if (reporter->path != NULL && fstat (fileno (reporter->out), &taken) == 0
          && taken.st_dev == wanted.st_dev && taken.st_ino == wanted.st_ino)
        return true;
    }
  return false;
}

bool
report_add_file (Report *report, const char *spec, GError **error)
{
  gsize size = strcspn (spec, ":");
  const char *path = spec[size] == ':' ? spec + size + 1 : "";
  const ReporterClass *klass = find_class (spec, size);
  FILE *out = stdout;
  Reporter *reporter;

  if (klass == NULL || *path == '\0')
    return bad_spec (error,
                     "\"%s\" is not FORMAT:FILE, where FORMAT is text, junit, tap, json or html", spec);
  if (klass == &reporter_html && !report->conformance)
    return bad_spec (error, "%s: a page is made of the conformance suite only", spec);
  if (strcmp (path, "-") == 0)
    {
      if (report_uses_stdout (report))
        return bad_spec (error, "%s: only one report can go to the standard output", spec);
      path = NULL;
    }
  else
    {
      /* in place: a device, a FIFO or a link must not be replaced by a file of its name. What
       * stood there is gone at once: an old report must not be taken for that of a run that died */
      out = fopen (path, "wbe");
      if (out == NULL)
        return bad_spec (error, "%s cannot be written: %s", path, g_strerror (errno));
      if (is_taken (report, out))
        {
          fclose (out);
          return bad_spec (error, "%s: another report is written to this file", spec);
        }
    }
  if (klass == &reporter_text && report->conformance)
    klass = &reporter_table;
  reporter = add_reporter (report, klass, out, path);
  if (klass == &reporter_text)
    reporter->data = report_text_for_file (out);
  if (klass == &reporter_table)
    reporter->data = report_table_new (REPORT_NORMAL, /* color= */ false);
  return true;
}

bool
report_add_frames (Report *report, GError **error)
{
  if (report_uses_stdout (report))
    return bad_spec (error, "the standard output is taken by a report");
  add_reporter (report, &reporter_json_frames, stdout, /* path= */ NULL);
  return true;
}

void
report_set_lint_fails (Report *report, bool fails)
{
  report->lint_fails = fails;
}

void
report_set_conformance (Report *report)
{
  report->conformance = true;
  report->noun = "requirement";
}

void
report_set_strict (Report *report, bool strict)
{
  report->strict = strict;
}

void
report_add_note (Report *report, const char *sentence)
{
  g_ptr_array_add (report->notes, g_strdup (sentence));
}

void
report_set_watcher (Report *report, ReportCaseFunc func, gpointer user_data)
{
  report->watcher = func;
  report->watcher_data = user_data;
}

void
report_set_noun (Report *report, const char *noun)
{
  report->noun = noun;
}

/* --- the run ---------------------------------------------------------------------------------- */

gint64
report_get_duration_us (const Report *report)
{
  return g_get_monotonic_time () - report->began_us;
}

void
report_begin (Report *report, const char *name)
{
  g_free (report->name);
  report->name = g_strdup (name);
  for (guint i = 0; i < report->reporters->len; i++)
    {
      Reporter *reporter = g_ptr_array_index (report->reporters, i);

      if (reporter->klass->begin != NULL)
        reporter->klass->begin (reporter);
    }
}

void
report_expect_more (Report *report, guint n_cases)
{
  report->n_expected += n_cases;
}

bool
report_has_failed (const Report *report)
{
  for (int i = 0; i < REPORT_N_RESULTS; i++)
    {
      if (report->counts[i] > 0 && report_result_is_bad ((ReportResult) i))
        return true;
    }
  return false;
}

void
report_interrupt (Report *report)
{
  report->interrupted = true;
  report->status = tool_exit_worse (report->status, TOOL_EXIT_FAILED);
}

/* all that was written has arrived; a reader that has gone, as `head`, is none of our business */
static bool
complete_file (Reporter *reporter)
{
  bool written;

  if (reporter->path == NULL)
    {
      /* the standard output is looked after by the program, once for all that writes to it */
      fflush (reporter->out);
      return true;
    }
  written = !ferror (reporter->out);
  errno = 0;
  written = fclose (g_steal_pointer (&reporter->out)) == 0 && written;
  if (written)
    return true;
  tool_error ("the report %s:%s cannot be written: %s",
              reporter->klass->format,
              reporter->path,
              errno != 0 ? g_strerror (errno) : "an error while writing");
  return false;
}

bool
report_finish (Report *report)
{
  ReportCase *open;
  bool good = true;

  if (report->finished)
    return true;
  /* what has ended leaves the queue as soon as it is at its head */
  while ((open = g_queue_peek_head (&report->cases)) != NULL)
    {
      report_case_leave_out (open, "the run ended before it was over");
      report_case_end (open);
    }
  report->finished = true;
  for (guint i = 0; i < report->reporters->len; i++)
    {
      Reporter *reporter = g_ptr_array_index (report->reporters, i);

      reporter->klass->finish (reporter);
      good = complete_file (reporter) && good;
    }
  if (!good)
    report->status = tool_exit_worse (report->status, TOOL_EXIT_USAGE);
  return good;
}

ToolExit
report_get_status (const Report *report)
{
  return report->status;
}

/* --- cases ------------------------------------------------------------------------------------ */

ReportCase *
report_add_case (Report *report, const char *file, guint line, const char *name)
{
  ReportCase *report_case = report_case_new (report, file, line, name);

  report_case->number = ++report->n_added;
  g_queue_push_tail (&report->cases, report_case);
  return report_case;
}

void
report_case_begin (ReportCase *report_case)
{
  Report *report = report_case->report;

  report_case->begun = true;
  report_case->began_us = g_get_monotonic_time ();
  report_case->began_real_us = g_get_real_time ();
  report_case->transcript = report_transcript_new ();
  /* the log of one case may be shown while it is played; those of several would be mixed */
  report->live = report->n_running++ == 0 ? report_case : NULL;
  for (guint i = 0; i < report->reporters->len; i++)
    {
      Reporter *reporter = g_ptr_array_index (report->reporters, i);

      if (reporter->klass->case_begun != NULL)
        reporter->klass->case_begun (reporter, report_case);
    }
}

/* those that want each frame, whatever case it is of */
static void
tell_frame (ReportCase *report_case, guint peer, const MilterMessage *message, gint64 at_us)
{
  const Report *report = report_case->report;

  for (guint i = 0; i < report->reporters->len; i++)
    {
      Reporter *reporter = g_ptr_array_index (report->reporters, i);

      if (reporter->klass->frame != NULL)
        reporter->klass->frame (reporter,
                                report_case,
                                peer,
                                message,
                                report_case_count_message (report_case, peer, message),
                                at_us);
    }
}

void
report_case_add_message (ReportCase *report_case,
                         guint peer,
                         const MilterMessage *message,
                         MilterTextFlags flags,
                         gint64 now_us)
{
  Report *report = report_case->report;
  bool shown = false;

  if (report_case->transcript == NULL)
    return;
  report_transcript_add (
      report_case->transcript, peer, message, flags, now_us - report_case->began_us);
  tell_frame (report_case, peer, message, now_us - report_case->began_us);
  if (report->live != report_case)
    return;
  for (guint i = 0; i < report->reporters->len; i++)
    {
      Reporter *reporter = g_ptr_array_index (report->reporters, i);

      if (reporter->klass->line != NULL && reporter->klass->line (reporter, report_case))
        shown = true;
    }
  if (shown)
    report_case->n_streamed = report_transcript_get_size (report_case->transcript);
}

static void
tell_ended (const Report *report, const ReportCase *report_case, bool in_order)
{
  for (guint i = 0; i < report->reporters->len; i++)
    {
      Reporter *reporter = g_ptr_array_index (report->reporters, i);

      if (reporter->klass->in_order == in_order)
        reporter->klass->case_ended (reporter, report_case);
    }
}

void
report_case_end (ReportCase *report_case)
{
  Report *report = report_case->report;
  ReportResult result = report_case_get_result (report_case);
  ReportCase *head;

  report_case->ended = true;
  if (report_case->begun)
    {
      report_case->duration_us = g_get_monotonic_time () - report_case->began_us;
      report->n_running--;
      if (report->live == report_case)
        report->live = NULL;
    }
  report->n_ended++;
  report->counts[result]++;
  report->status = tool_exit_worse (report->status, statuses[result]);
  tell_ended (report, report_case, /* in_order= */ false);
  if (report->watcher != NULL)
    report->watcher (report_case, report->watcher_data);
  /* it may wait for long behind one that is still played */
  if (!report_result_is_bad (result))
    g_clear_pointer (&report_case->transcript, report_transcript_free);
  while ((head = g_queue_peek_head (&report->cases)) != NULL && head->ended)
    {
      g_queue_pop_head (&report->cases);
      tell_ended (report, head, /* in_order= */ true);
      report_case_retire (head);
    }
}
