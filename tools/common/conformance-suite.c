/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-suite.c: the cases of the conformance suite, from its files.
 */
#include "conformance-suite.h"

#include <stdlib.h>
#include <string.h>

#include "tool-data.h"
#include "tool-scenarios.h"

/* in the order of reports */
static const struct
{
  const char *group;
  const char *title;
} groups[] = {
  { "FRM", "frames" },
  { "NEG", "negotiation" },
  { "CON", "connect" },
  { "HLO", "helo" },
  { "MAI", "mail" },
  { "RCP", "rcpt" },
  { "DAT", "data" },
  { "HDR", "header fields" },
  { "EOH", "end of the header" },
  { "BOD", "body" },
  { "EOM", "end of the message" },
  { "MOD", "edits and replies" },
  { "ABT", "abort" },
  { "QUI", "quit" },
  { "QNC", "quit, and another client" },
  { "MAC", "macros" },
  { "UNK", "unknown commands" },
  { "TMO", "time" },
  { "CCY", "connections at once" },
};

static guint
find_group (const char *group)
{
  for (guint i = 0; i < G_N_ELEMENTS (groups); i++)
    if (strcmp (groups[i].group, group) == 0)
      return i;
  return G_N_ELEMENTS (groups);
}

/* --- cases ------------------------------------------------------------------------------------ */

static void
case_free (gpointer data)
{
  ConformanceCase *entry = data;

  g_ptr_array_unref (entry->sessions);
  g_free (entry->group);
  g_free (entry->deviation);
  g_free (entry);
}

static guint
number_of (const ConformanceCase *entry)
{
  return (guint) atoi (strchr (entry->entry->id, '-') + 1);
}

static int
compare_cases (gconstpointer a, gconstpointer b)
{
  const ConformanceCase *first = *(const ConformanceCase *const *) a;
  const ConformanceCase *second = *(const ConformanceCase *const *) b;
  int order = (int) find_group (first->group) - (int) find_group (second->group);

  if (order == 0)
    order = strcmp (first->group, second->group);
  return order != 0 ? order : (int) number_of (first) - (int) number_of (second);
}

static bool
add_case (ConformanceSuite *suite,
          const ConformanceSource *source,
          const MilterScenario *scenario,
          const MilterScenarioCase *line)
{
  ConformanceCase *entry = g_new0 (ConformanceCase, 1);
  guint group;

  entry->entry = line;
  entry->scenario = scenario;
  entry->group = g_strndup (line->id, strcspn (line->id, "-"));
  group = find_group (entry->group);
  entry->title = group < G_N_ELEMENTS (groups) ? groups[group].title : "";
  entry->sessions = g_ptr_array_new ();
  for (guint i = 0; i < scenario->sessions->len; i++)
    {
      MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, i);

      if (session->requirement == line)
        g_ptr_array_add (entry->sessions, session);
    }
  g_ptr_array_add (suite->cases, entry);
  if (entry->sessions->len == 0 && line->smtp->len == 0)
    tool_error ("%s:%u: expected %s below the case %s",
                scenario->path,
                line->where.line,
                source->use == MILTER_SCENARIO_RULES ? "\"smtp\"" : "a session",
                line->id);
  else if (!g_hash_table_insert (suite->by_id, line->id, entry))
    tool_error ("%s:%u: there is another case %s", scenario->path, line->where.line, line->id);
  else
    return true;
  return false;
}

/* --- files ------------------------------------------------------------------------------------ */

static void
on_unread (const char *path, const char *sentence, gpointer data)
{
  tool_usage_error ("%s", sentence);
  *(bool *) data = false;
}

/* the two files without cases are known by their names */
static bool
add_scenario (ConformanceSuite *suite, const ConformanceSource *source, MilterScenario *scenario)
{
  g_autofree char *name = g_path_get_basename (scenario->path);

  g_ptr_array_add (suite->scenarios, scenario);
  if (strcmp (name, "probe.scenario") == 0)
    {
      suite->probe = scenario;
      return true;
    }
  if (strcmp (name, "good.scenario") == 0)
    suite->good = scenario;
  else if (scenario->cases->len == 0)
    {
      tool_error ("%s: expected cases, as \"case NEG-02 must \"…\"\", got none", scenario->path);
      return false;
    }
  for (guint i = 0; i < scenario->cases->len; i++)
    if (!add_case (suite, source, scenario, g_ptr_array_index (scenario->cases, i)))
      return false;
  return true;
}

static bool
read_file (ConformanceSuite *suite,
           const ConformanceSource *source,
           const char *path,
           const MilterScenarioHost *host)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  MilterScenario *scenario = milter_scenario_load (path, host, source->use, messages);

  if (scenario != NULL)
    return add_scenario (suite, source, scenario);
  fputs (messages->str, stderr);
  return false;
}

/* the suite's own probe and good message serve other cases, too */
static bool
read_own (ConformanceSuite *suite,
          const ConformanceSource *source,
          const char *folder,
          const char *name,
          const MilterScenarioHost *host)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return read_file (suite, source, path, host);
}

/* where the suite's own files are */
static const char *const folders[] = {
  [MILTER_SCENARIO_SESSIONS] = "conformance/milter",
  [MILTER_SCENARIO_RULES] = "conformance/mta",
};

static bool
read_files (ConformanceSuite *suite, const ConformanceSource *source, const MilterScenarioHost *host)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *own = tool_data_find (folders[source->use]);
  bool good = true;

  if (source->paths == NULL)
    tool_scenarios_find (own, files, on_unread, &good);
  for (char *const *path = source->paths; path != NULL && *path != NULL; path++)
    tool_scenarios_find (*path, files, on_unread, &good);
  for (guint i = 0; i < files->len; i++)
    good = read_file (suite, source, g_ptr_array_index (files, i), host) && good;
  if (good && suite->probe == NULL)
    good = read_own (suite, source, own, "probe.scenario", host);
  if (good && suite->good == NULL && source->use == MILTER_SCENARIO_SESSIONS)
    good = read_own (suite, source, own, "good.scenario", host);
  return good;
}

static bool
check_variables (const ConformanceSource *source, GHashTable *known)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, source->variables);
  while (g_hash_table_iter_next (&iter, &name, /* value= */ NULL))
    {
      if (g_hash_table_contains (known, name))
        continue;
      tool_usage_error ("-D: the suite has no variable $%s", (const char *) name);
      return false;
    }
  return true;
}

/* --- filter, deviations ----------------------------------------------------------------------- */

static bool
is_meant (const ConformanceCase *entry, const char *filter)
{
  g_autofree char *whole = g_strdup_printf ("%s %s", entry->entry->id, entry->entry->text);

  if (strpbrk (filter, "*?") != NULL)
    return g_pattern_match_simple (filter, whole) || g_pattern_match_simple (filter, entry->entry->id);
  return strstr (whole, filter) != NULL;
}

static bool
filter_cases (ConformanceSuite *suite, const char *filter)
{
  for (guint i = suite->cases->len; filter != NULL && i > 0; i--)
    {
      const ConformanceCase *entry = g_ptr_array_index (suite->cases, i - 1);

      if (is_meant (entry, filter))
        continue;
      g_hash_table_remove (suite->by_id, entry->entry->id);
      g_ptr_array_remove_index (suite->cases, i - 1);
    }
  if (suite->cases->len > 0)
    return true;
  tool_usage_error ("--filter: no requirement holds \"%s\"; --list shows them", filter);
  return false;
}

static bool
take_deviation (const char *id, const char *reason, gpointer data)
{
  ConformanceSuite *suite = data;
  ConformanceCase *entry = g_hash_table_lookup (suite->by_id, id);

  if (entry == NULL)
    return false;
  g_free (entry->deviation);
  entry->deviation = g_strdup (reason);
  return true;
}

static void
suite_free (ConformanceSuite *suite)
{
  if (suite == NULL)
    return;
  g_hash_table_unref (suite->by_id);
  g_ptr_array_unref (suite->cases);
  g_ptr_array_unref (suite->scenarios);
  g_free (suite);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConformanceSuite, suite_free)

/* NULL: something is wrong, which has been told */
static ConformanceSuite *
read_suite (const ConformanceSource *source)
{
  g_autoptr (ConformanceSuite) suite = g_new0 (ConformanceSuite, 1);
  g_autoptr (GHashTable) known = g_hash_table_new_full (
      g_str_hash, g_str_equal, g_free, /* value_destroy= */ NULL);
  MilterScenarioHost host = { .variables = source->variables, .known_variables = known };

  suite->scenarios = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_scenario_free);
  suite->cases = g_ptr_array_new_with_free_func (case_free);
  suite->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  if (!read_files (suite, source, &host) || !check_variables (source, known))
    return NULL;
  for (guint i = 0; i < source->deviations->len; i++)
    if (!conformance_deviations_read (
            g_ptr_array_index (source->deviations, i), take_deviation, suite))
      return NULL;
  g_ptr_array_sort (suite->cases, compare_cases);
  return filter_cases (suite, source->filter) ? g_steal_pointer (&suite) : NULL;
}

/* --- for people ------------------------------------------------------------------------------- */

static void
print_list (const ConformanceSuite *suite)
{
  for (guint i = 0; i < suite->cases->len; i++)
    {
      const ConformanceCase *entry = g_ptr_array_index (suite->cases, i);

      printf ("%-7s %-6s  %s%s%s\n",
              entry->entry->id,
              entry->entry->must ? "MUST" : "SHOULD",
              entry->entry->text,
              entry->entry->slow ? " (slow)" : "",
              entry->deviation != NULL ? " (known deviation)" : "");
    }
}

ReportCase *
conformance_case_add_to (const ConformanceCase *entry, Report *report)
{
  const ReportRequirement requirement = { .id = entry->entry->id,
                                          .group = entry->group,
                                          .title = entry->title,
                                          .must = entry->entry->must,
                                          .text = entry->entry->text,
                                          .source = entry->entry->source };
  g_autofree char *name = g_strdup_printf ("%s %s", requirement.id, requirement.text);
  ReportCase *report_case
      = report_add_case (report, entry->scenario->path, entry->entry->where.line, name);

  report_case_set_requirement (report_case, &requirement);
  if (entry->deviation != NULL)
    report_case_set_deviation (report_case, entry->deviation);
  return report_case;
}

ToolExit
conformance_suite_use (const ConformanceSource *source, ConformancePlay play, gconstpointer user_data)
{
  g_autoptr (ConformanceSuite) suite = read_suite (source);

  if (suite == NULL)
    return TOOL_EXIT_USAGE;
  if (!source->list)
    return play (suite, user_data);
  print_list (suite);
  return TOOL_EXIT_OK;
}
