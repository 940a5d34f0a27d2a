/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open-report.c: the reports that the command line asks for.
 */
#include "open-report.h"

Report *
open_report (const ServerOptions *options)
{
  g_autoptr (Report) report = report_new ();
  g_autoptr (GError) error = NULL;

  if (options->conformance)
    report_set_conformance (report);
  else
    report_set_lint_fails (report, options->lint == SERVER_LINT_ERROR);
  for (guint i = 0; i < options->reports->len; i++)
    {
      if (!report_add_file (report, g_ptr_array_index (options->reports, i), &error))
        {
          tool_usage_error ("--report: %s", error->message);
          return NULL;
        }
    }
  if (options->json && !report_add_frames (report, &error))
    {
      tool_usage_error ("--json: %s", error->message);
      return NULL;
    }
  return g_steal_pointer (&report);
}

void
open_report_add_text (Report *report, const ServerOptions *options)
{
  report_add_text (report,
                   report_choose_stream (report),
                   report_choose_detail (options->verbose, options->quiet),
                   options->color,
                   REPORT_PROGRESS);
}
