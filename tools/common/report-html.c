/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-html.c: the requirements of the conformance suite as one page that can be published: no script,
 * and nothing from elsewhere.
 */
#include <string.h>

#include "report-lines.h"
#include "report-private.h"

/* what a result is called, and the class that colours it; without a class it is no column */
static const struct
{
  const char *name;
  const char *kind;
} results[REPORT_N_RESULTS] = {
  [REPORT_HELD] = { "passed", "good" },
  [REPORT_SKIPPED] = { "not applicable", "none" },
  [REPORT_FAILED] = { "failed", "bad" },
  [REPORT_BROKEN] = { "broken", "bad" },
  [REPORT_UNPLAYED] = { "not played", "none" },
  [REPORT_UNREAD] = { "unread", "bad" },
  [REPORT_LAPSED] = { "failed SHOULD", "warn" },
  [REPORT_DEVIATES] = { "known deviation", "warn" },
  [REPORT_RECOVERED] = { "unexpected pass", "good" },
};

static const ReportResult columns[] = { REPORT_HELD,     REPORT_FAILED,    REPORT_LAPSED,
                                        REPORT_DEVIATES, REPORT_RECOVERED, REPORT_SKIPPED,
                                        REPORT_UNPLAYED };

typedef struct
{
  char *name, *title;
  guint counts[REPORT_N_RESULTS];
} Group;

typedef struct
{
  GPtrArray *groups; /* of Group */
  guint counts[REPORT_N_RESULTS];
  GString *body;  /* the tables of the groups */
  GString *wrong; /* links to what does not hold */
} Html;

static const char style[]
    = ":root{color-scheme:light dark}"
      "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;"
      "color:#1c1c1c;background:#fff}"
      "h1{font-size:1.5em}h2{font-size:1.15em;margin:1.8em 0 .4em}"
      "code,pre,dd{font-family:ui-monospace,monospace;font-size:.92em;overflow-wrap:anywhere}"
      ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}"
      "th,td{text-align:left;vertical-align:top;padding:.3em .6em;border-bottom:1px solid #ddd}"
      "th.id{font-weight:400}tr:target{background:#fff6d6}"
      "td.n,th.n{text-align:right}th.id,td.result,.source{white-space:nowrap}td.text{width:100%}"
      "pre{white-space:pre-wrap;background:#f5f5f5;padding:.5em;margin:.3em 0}"
      "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em .8em;margin:.5em 0}"
      "dt{font-weight:600}dd{margin:0;line-height:1.6}summary{cursor:pointer}"
      ".good{color:#0a6b2d}.bad{color:#b00020;font-weight:600}.warn{color:#8a5a00}.none{color:#666}"
      "@media(max-width:45em){body{font-size:13px;margin:1em auto;padding:0 .6em}"
      "th,td{padding:.25em .35em}td.result{white-space:normal}"
      "dl{grid-template-columns:1fr}dd{margin-left:1em}}"
      "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}"
      "th,td{border-color:#3a3a3a}tr:target{background:#3a3420}pre{background:#222}"
      ".good{color:#6fcf8f}.bad{color:#ff7a85}.warn{color:#e0b050}.none{color:#999}a{color:#8ab4f8}}"
      "@media print{body{margin:0;max-width:none;font-size:10pt}tr,dl{break-inside:avoid}"
      "thead{display:table-header-group}h2{break-after:avoid}}";

static void
group_free (gpointer data)
{
  Group *group = data;

  g_free (group->name);
  g_free (group->title);
  g_free (group);
}

static void
html_begin (Reporter *reporter)
{
  Html *html = g_new0 (Html, 1);

  html->groups = g_ptr_array_new_with_free_func (group_free);
  html->body = g_string_new (NULL);
  html->wrong = g_string_new (NULL);
  reporter->data = html;
}

static void
html_free (Reporter *reporter)
{
  Html *html = reporter->data;

  if (html == NULL)
    return;
  g_ptr_array_unref (html->groups);
  g_string_free (html->body, TRUE);
  g_string_free (html->wrong, TRUE);
  g_free (html);
}

static void
append_text (GString *out, const char *text)
{
  report_append_xml (out, milter_bytes_from_string (text));
}

/* --- a requirement ---------------------------------------------------------------------------- */

static void
append_pair (GString *out, const char *label, const char *text)
{
  if (text == NULL)
    return;
  g_string_append_printf (out, "<dt>%s<dd>", label);
  append_text (out, text);
  g_string_append_c (out, '\n');
}

static void
append_failure (GString *out, const ReportCase *report_case, const MilterFailure *failure)
{
  g_autofree char *path = report_where_to_string (report_case, &failure->where);
  /* a page that is published tells nothing of the folders here */
  g_autofree char *where = path != NULL ? g_path_get_basename (path) : NULL;

  g_string_append (out, "<dl>");
  append_pair (out, "what", failure->what);
  append_pair (out, "expected", failure->expected);
  append_pair (out, "actual", failure->got);
  append_pair (out, "at", where);
  g_string_append (out, "</dl>\n");
}

static void
append_block (GString *out, const char *summary, const GString *text)
{
  if (text == NULL || text->len == 0)
    return;
  g_string_append_printf (out, "<details><summary>%s</summary><pre>", summary);
  report_append_xml (out, milter_bytes (text->str, text->len));
  g_string_append (out, "</pre></details>\n");
}

static void
append_details (GString *out, const ReportCase *report_case, ReportResult result)
{
  g_autofree char *excuse = report_case_get_excuse (report_case);
  g_autoptr (GString) log = report_case_get_log (report_case);
  g_autoptr (GString) output = report_case_get_output (report_case);

  if (excuse != NULL)
    {
      g_string_append (out, "<div class=\"none\">");
      append_text (out, excuse);
      g_string_append (out, "</div>\n");
    }
  if (report_result_has_details (result))
    {
      append_block (out, "problems", report_case->problems);
      for (guint i = 0; i < report_case->failures->len; i++)
        append_failure (out,
                        report_case,
                        &((ReportFailure *) g_ptr_array_index (report_case->failures, i))->failure);
      append_block (out, "what was said", log);
      append_block (out, "standard error", output);
    }
  for (guint i = 0; i < report_case->notes->len; i++)
    {
      g_string_append (out, "<div class=\"none\">");
      append_text (out, g_ptr_array_index (report_case->notes, i));
      g_string_append (out, "</div>\n");
    }
  for (guint i = 0; i < report_case->lints->len; i++)
    {
      const ReportLint *lint = g_ptr_array_index (report_case->lints, i);

      g_string_append_printf (out, "<div class=\"warn\">[%s] ", lint->rule);
      append_text (out, lint->sentence);
      g_string_append (out, "</div>\n");
    }
}

static Group *
enter_group (Html *html, const ReportOwnRequirement *requirement)
{
  Group *group = html->groups->len > 0
                     ? g_ptr_array_index (html->groups, html->groups->len - 1)
                     : NULL;

  if (group != NULL && strcmp (group->name, requirement->group) == 0)
    return group;
  if (group != NULL)
    g_string_append (html->body, "</tbody></table>\n");
  group = g_new0 (Group, 1);
  group->name = g_strdup (requirement->group);
  group->title = g_strdup (requirement->title);
  g_ptr_array_add (html->groups, group);
  g_string_append_printf (html->body, "<h2 id=\"%s\">%s ", group->name, group->name);
  append_text (html->body, group->title);
  g_string_append (html->body,
                   "</h2>\n<table>\n<thead><tr><th scope=\"col\">id<th scope=\"col\">level"
                   "<th scope=\"col\">requirement<th scope=\"col\">result</thead>\n<tbody>\n");
  return group;
}

/* the list at the top, for who wants to know no more */
static void
append_wrong (Html *html, const ReportOwnRequirement *requirement, ReportResult result)
{
  if (!report_result_has_details (result))
    return;
  g_string_append_printf (html->wrong,
                          "<li><a href=\"#%s\">%s</a> <span class=\"%s\">%s</span>: ",
                          requirement->id,
                          requirement->id,
                          results[result].kind,
                          results[result].name);
  append_text (html->wrong, requirement->text);
  g_string_append_c (html->wrong, '\n');
}

static void
html_case_ended (Reporter *reporter, const ReportCase *report_case)
{
  Html *html = reporter->data;
  const ReportOwnRequirement *requirement = report_case->requirement;
  ReportResult result = report_case_get_result (report_case);

  if (requirement == NULL)
    return;
  enter_group (html, requirement)->counts[result]++;
  html->counts[result]++;
  append_wrong (html, requirement, result);
  g_string_append_printf (
      html->body,
      "<tr id=\"%s\"><th scope=\"row\" class=\"id\">%s<td>%s<td class=\"text\">",
      requirement->id,
      requirement->id,
      requirement->must ? "MUST" : "SHOULD");
  append_text (html->body, requirement->text);
  if (requirement->source != NULL)
    {
      g_string_append (html->body, " <span class=\"none source\">(");
      append_text (html->body, requirement->source);
      g_string_append (html->body, ")</span>");
    }
  g_string_append_c (html->body, '\n');
  append_details (html->body, report_case, result);
  g_string_append_printf (html->body,
                          "<td class=\"result %s\">%s\n",
                          results[result].kind,
                          results[result].name);
}

/* --- the page --------------------------------------------------------------------------------- */

static void
append_row (GString *out, const Html *html, const guint *counts)
{
  guint n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    n += counts[columns[i]];
  g_string_append_printf (out, "<td class=\"n\">%u", n);
  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    if (html->counts[columns[i]] > 0)
      g_string_append_printf (out,
                              "<td class=\"n %s\">%u",
                              counts[columns[i]] > 0 ? results[columns[i]].kind : "none",
                              counts[columns[i]]);
  g_string_append_c (out, '\n');
}

static void
append_counts (GString *out, const Html *html)
{
  g_string_append (out,
                   "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">group"
                   "<th scope=\"col\" class=\"n\">cases");
  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    if (html->counts[columns[i]] > 0)
      g_string_append_printf (
          out, "<th scope=\"col\" class=\"n %s\">%s", results[columns[i]].kind, results[columns[i]].name);
  g_string_append (out, "</thead>\n<tbody>\n");
  for (guint i = 0; i < html->groups->len; i++)
    {
      const Group *group = g_ptr_array_index (html->groups, i);

      g_string_append_printf (out, "<tr><th scope=\"row\" class=\"id\"><a href=\"#%s\">%s</a> ", group->name, group->name);
      append_text (out, group->title);
      append_row (out, html, group->counts);
    }
  g_string_append (out, "<tr><th scope=\"row\">all");
  append_row (out, html, html->counts);
  g_string_append (out, "</tbody></table></div>\n");
}

static void
append_paragraph (GString *out, const char *text)
{
  g_string_append (out, "<p>");
  append_text (out, text);
  g_string_append (out, "</p>\n");
}

static void
append_what_is_wrong (GString *out, const Html *html)
{
  if (html->wrong->len == 0)
    return;
  g_string_append (out, "<h2 id=\"wrong\">What does not hold</h2>\n<ul>\n");
  g_string_append_len (out, html->wrong->str, (gssize) html->wrong->len);
  g_string_append (out,
                   "</ul>\n<p>One of them again, with all that is said: <code>--conformance --filter ID "
                   "-v</code>.</p>\n");
}

static void
html_finish (Reporter *reporter)
{
  Html *html = reporter->data;
  const Report *report = reporter->report;
  g_autoptr (GDateTime) time
      = g_date_time_new_from_unix_utc (report->began_real_us / G_USEC_PER_SEC);
  g_autofree char *date = g_date_time_format (time, "%Y-%m-%d %H:%M UTC");
  g_autofree char *duration = tool_format_duration (report_get_duration_us (report));
  g_autoptr (GString) out = g_string_new ("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                                          "<meta charset=\"utf-8\">\n"
                                          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                                          "<title>Milter conformance</title>\n<style>");

  g_string_append (out, style);
  g_string_append_printf (out,
                          "</style>\n</head>\n<body>\n<main>\n<h1>Milter conformance</h1>\n"
                          "<p>milterlab %s, %s, %s%s</p>\n",
                          MILTERLAB_VERSION,
                          date,
                          duration,
                          report->interrupted ? ", <b class=\"bad\">interrupted</b>" : "");
  append_counts (out, html);
  for (guint i = 0; i < report->notes->len; i++)
    append_paragraph (out, g_ptr_array_index (report->notes, i));
  append_what_is_wrong (out, html);
  g_string_append_len (out, html->body->str, (gssize) html->body->len);
  if (html->groups->len > 0)
    g_string_append (out, "</tbody></table>\n");
  g_string_append (out, "</main>\n</body>\n</html>\n");
  fwrite (out->str, 1, out->len, reporter->out);
}

const ReporterClass reporter_html = {
  .format = "html",
  .in_order = true,
  .begin = html_begin,
  .case_ended = html_case_ended,
  .finish = html_finish,
  .free = html_free,
};
