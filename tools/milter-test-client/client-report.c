/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-report.c: the verdict on the MTA, as --report asks for it, and for people.
 */
#include "client-report.h"

/* what people read stands where the program prints for people */
static FILE *
choose_stream (const TestClientOptions *options)
{
  bool for_people = options->prints == TEST_CLIENT_PRINTS_EVENTS
                    || options->prints == TEST_CLIENT_PRINTS_NOTHING;

  return for_people ? stdout : stderr;
}

/* without rules nothing is judged, and nothing is to be told */
static bool
judges (const TestClientOptions *options)
{
  return options->paths != NULL || options->lines != NULL || options->replay != NULL
         || options->strict;
}

Report *
client_report_open (const TestClientOptions *options)
{
  g_autoptr (Report) report = report_new ();
  g_autoptr (GError) error = NULL;

  for (char **spec = options->reports; spec != NULL && *spec != NULL; spec++)
    if (!report_add_file (report, *spec, &error))
      {
        tool_usage_error ("--report: %s", error->message);
        return NULL;
      }
  if (judges (options))
    report_add_text (report,
                     choose_stream (options),
                     report_choose_detail (/* verbose= */ false, options->quiet),
                     options->color,
                     REPORT_NO_PROGRESS);
  report_set_noun (report, "case");
  report_begin (report, g_get_prgname ());
  return g_steal_pointer (&report);
}

ToolExit
client_report_close (Report *report)
{
  report_finish (report);
  return report_get_status (report);
}
