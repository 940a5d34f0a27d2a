/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-table.c: what people read of a run of the conformance suite: its requirements by group.
 */
#include <string.h>

#include "report-private.h"

/* what a line begins with, and in which colour; the titles of the columns of the last table */
static const struct
{
  const char *mark;
  const char *color;
  const char *title;
} results[REPORT_N_RESULTS] = {
  [REPORT_HELD] = { "ok", "\033[32m", "passed" },
  [REPORT_SKIPPED] = { "n/a", "\033[33m", "not applicable" },
  [REPORT_FAILED] = { "FAIL", "\033[1;31m", "failed" },
  [REPORT_BROKEN] = { "BROKEN", "\033[1;31m", "broken" },
  [REPORT_UNPLAYED] = { "unplayed", "\033[33m", "not played" },
  [REPORT_UNREAD] = { "UNREAD", "\033[1;31m", "unread" },
  [REPORT_LAPSED] = { "should", "\033[33m", "failed SHOULD" },
  [REPORT_DEVIATES] = { "known", "\033[33m", "known deviation" },
  [REPORT_RECOVERED] = { "fixed", "\033[32m", "unexpected pass" },
};

/* the order of the columns */
static const ReportResult columns[] = { REPORT_HELD,    REPORT_FAILED,   REPORT_LAPSED,
                                        REPORT_DEVIATES, REPORT_RECOVERED, REPORT_SKIPPED,
                                        REPORT_UNPLAYED };

/* how much of a value is shown without -v */
#define MAX_SHOWN 300

typedef struct
{
  char *name;
  guint counts[REPORT_N_RESULTS];
} Group;

typedef struct
{
  ReportDetail detail;
  bool color;
  GPtrArray *groups; /* of Group */
  Group all;
} Table;

static void
group_free (gpointer data)
{
  Group *group = data;

  g_free (group->name);
  g_free (group);
}

gpointer
report_table_new (ReportDetail detail, bool color)
{
  Table *table = g_new0 (Table, 1);

  table->detail = detail;
  table->color = color;
  table->groups = g_ptr_array_new_with_free_func (group_free);
  return table;
}

static void
table_free (Reporter *reporter)
{
  Table *table = reporter->data;

  g_ptr_array_unref (table->groups);
  g_free (table);
}

/* --- a requirement ---------------------------------------------------------------------------- */

static void
print_safe (FILE *out, const char *text, gsize max)
{
  g_autoptr (GString) safe = g_string_new (NULL);
  gsize size = strlen (text);

  tool_append_safe (safe, milter_bytes (text, MIN (size, max)));
  fprintf (out, "%s%s\n", safe->str, size > max ? "…" : "");
}

static void
print_labelled (const Reporter *reporter, const char *label, const char *text)
{
  const Table *table = reporter->data;

  if (text == NULL)
    return;
  fprintf (reporter->out, "          %-9s ", label);
  print_safe (reporter->out, text, table->detail == REPORT_VERBOSE ? G_MAXSIZE : MAX_SHOWN);
}

static void
print_failure (const Reporter *reporter,
               const ReportCase *report_case,
               const MilterFailure *failure)
{
  g_autofree char *where = report_where_to_string (report_case, &failure->where);
  g_autofree char *what = g_strdup_printf (
      "%s%s%s", where != NULL ? where : "", where != NULL ? ": " : "", failure->what);

  print_labelled (reporter, "at", what);
  print_labelled (reporter, "expected", failure->expected);
  print_labelled (reporter, "actual", failure->got);
  print_labelled (reporter, "last", failure->last);
}

/* where what is required is explained; "protocol 3.4" is a section of docs/protocol.md */
static void
print_source (const Reporter *reporter, const char *source)
{
  g_autofree char *where = NULL;

  if (source != NULL && g_str_has_prefix (source, "protocol "))
    where = g_strdup_printf ("docs/protocol.md, section %s", source + strlen ("protocol "));
  print_labelled (reporter, "see", where != NULL ? where : source);
}

/* each line of a text */
static void
print_lines (const Reporter *reporter, const char *label, const GString *text)
{
  g_auto (GStrv) lines = NULL;

  if (text == NULL || text->len == 0)
    return;
  lines = g_strsplit (text->str, "\n", /* max_tokens= */ -1);
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0')
      print_labelled (reporter, line == lines ? label : "", *line);
}

static void
print_details (const Reporter *reporter, const ReportCase *report_case)
{
  print_lines (reporter, "problem", report_case->problems);
  for (guint i = 0; i < report_case->failures->len; i++)
    print_failure (reporter,
                   report_case,
                   &((ReportFailure *) g_ptr_array_index (report_case->failures, i))->failure);
}

static void
print_log (const Reporter *reporter, const ReportCase *report_case)
{
  g_autoptr (GString) log = report_case_get_log (report_case);
  g_autoptr (GString) output = report_case_get_output (report_case);

  print_lines (reporter, "stderr", output);
  print_lines (reporter, "log", log);
}

static void
print_mark (const Reporter *reporter, ReportResult result)
{
  const Table *table = reporter->data;

  if (table->color)
    fprintf (reporter->out, "  %s%-6s\033[0m ", results[result].color, results[result].mark);
  else
    fprintf (reporter->out, "  %-6s ", results[result].mark);
}

static void
print_case (const Reporter *reporter, const ReportCase *report_case, ReportResult result)
{
  const Table *table = reporter->data;
  const ReportOwnRequirement *requirement = report_case->requirement;
  g_autofree char *excuse = report_case_get_excuse (report_case);

  print_mark (reporter, result);
  if (requirement != NULL)
    fprintf (
        reporter->out, "%-7s %-6s  ", requirement->id, requirement->must ? "MUST" : "SHOULD");
  print_safe (
      reporter->out, requirement != NULL ? requirement->text : report_case->name, G_MAXSIZE);
  print_labelled (reporter, "because", excuse);
  if (result == REPORT_RECOVERED || (result == REPORT_FAILED && report_case->failures->len == 0
                                     && report_case->problems == NULL))
    print_labelled (reporter, "but", "it is listed as a known deviation, and holds");
  if (report_result_has_details (result))
    print_details (reporter, report_case);
  if (requirement != NULL && (result == REPORT_LAPSED || report_result_is_bad (result)))
    print_source (reporter, requirement->source);
  for (guint i = 0; i < report_case->notes->len; i++)
    print_labelled (reporter, "note", g_ptr_array_index (report_case->notes, i));
  for (guint i = 0; i < report_case->lints->len; i++)
    {
      const ReportLint *lint = g_ptr_array_index (report_case->lints, i);
      g_autofree char *warning = g_strdup_printf ("[%s] %s", lint->rule, lint->sentence);

      print_labelled (reporter, "warning", warning);
    }
  if (table->detail == REPORT_VERBOSE)
    print_log (reporter, report_case);
}

/* --- all -------------------------------------------------------------------------------------- */

static Group *
enter_group (const Reporter *reporter, const ReportOwnRequirement *requirement)
{
  Table *table = reporter->data;
  Group *group = table->groups->len > 0
                     ? g_ptr_array_index (table->groups, table->groups->len - 1)
                     : NULL;

  if (group != NULL && strcmp (group->name, requirement->group) == 0)
    return group;
  group = g_new0 (Group, 1);
  group->name = g_strdup (requirement->group);
  g_ptr_array_add (table->groups, group);
  if (table->detail != REPORT_QUIET)
    fprintf (reporter->out,
             "%s%s  %s\n",
             table->groups->len > 1 ? "\n" : "",
             requirement->group,
             requirement->title);
  return group;
}

static void
table_case_ended (Reporter *reporter, const ReportCase *report_case)
{
  Table *table = reporter->data;
  ReportResult result = report_case_get_result (report_case);

  if (report_case->requirement != NULL)
    enter_group (reporter, report_case->requirement)->counts[result]++;
  table->all.counts[result]++;
  if (table->detail != REPORT_QUIET || report_result_is_bad (result))
    print_case (reporter, report_case, result);
}

static void
print_row (const Reporter *reporter, const char *name, const Group *group)
{
  const Table *table = reporter->data;
  guint n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    n += group->counts[columns[i]];
  fprintf (reporter->out, "%-6s %6u", name, n);
  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    if (table->all.counts[columns[i]] > 0)
      fprintf (reporter->out,
               "  %*u",
               (int) strlen (results[columns[i]].title),
               group->counts[columns[i]]);
  fputc ('\n', reporter->out);
}

static void
print_counts (const Reporter *reporter)
{
  const Table *table = reporter->data;

  fputs ("\ngroup   cases", reporter->out);
  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    if (table->all.counts[columns[i]] > 0)
      fprintf (reporter->out, "  %s", results[columns[i]].title);
  fputc ('\n', reporter->out);
  for (guint i = 0; i < table->groups->len; i++)
    {
      const Group *group = g_ptr_array_index (table->groups, i);

      print_row (reporter, group->name, group);
    }
  print_row (reporter, "all", &table->all);
}

/* so that nobody has to look for the options */
static void
print_what_next (const Reporter *reporter)
{
  const Table *table = reporter->data;

  if (table->all.counts[REPORT_FAILED] + table->all.counts[REPORT_LAPSED] > 0
      && table->detail != REPORT_VERBOSE)
    fputs ("one of them again, with all that is said: --filter ID -v\n", reporter->out);
}

static void
table_finish (Reporter *reporter)
{
  const Table *table = reporter->data;
  const Report *report = reporter->report;
  g_autofree char *duration = tool_format_duration (report_get_duration_us (report));
  const char *gap = "";

  if (table->detail != REPORT_QUIET)
    print_counts (reporter);
  for (guint i = 0; i < report->notes->len; i++)
    fprintf (reporter->out, "%s\n", (const char *) g_ptr_array_index (report->notes, i));
  print_what_next (reporter);
  fprintf (reporter->out, "%u requirement%s: ", report->n_added, report->n_added == 1 ? "" : "s");
  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    if (table->all.counts[columns[i]] > 0)
      {
        fprintf (
            reporter->out, "%s%u %s", gap, table->all.counts[columns[i]], results[columns[i]].title);
        gap = ", ";
      }
  fprintf (reporter->out, " (%s)%s\n", duration, report->interrupted ? ", interrupted" : "");
}

const ReporterClass reporter_table = {
  .format = "text",
  .in_order = true,
  .case_ended = table_case_ended,
  .finish = table_finish,
  .free = table_free,
};
