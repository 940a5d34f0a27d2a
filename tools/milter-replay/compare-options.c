/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-options.c: the command line of `milter-replay compare`.
 */
#include "compare-options.h"

#include <string.h>

char *
compare_options_describe_rules (void)
{
  gsize n;
  const MilterCompareRule *rules = milter_compare_rule_list (&n);
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < n; i++)
    {
      const MilterCompareRule *rule = &rules[i];
      g_autofree char *name = rule->argument == NULL ? g_strdup (rule->name)
                              : rule->needs_argument
                                  ? g_strdup_printf ("%s:%s", rule->name, rule->argument)
                                  : g_strdup_printf ("%s[:%s]", rule->name, rule->argument);

      g_string_append_printf (
          text, "  %-14s %s%s\n", name, rule->summary, rule->is_default ? " (by default)" : "");
    }
  return g_string_free (text, FALSE);
}

static gboolean
set_ignore (const char *name, const char *value, gpointer data, GError **error)
{
  if (milter_compare_rules_ignore (((CompareOptions *) data)->rules, value, error))
    return TRUE;
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static gboolean
set_no_ignore (const char *name, const char *value, gpointer data, GError **error)
{
  if (milter_compare_rules_heed (((CompareOptions *) data)->rules, value, error))
    return TRUE;
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static gboolean
set_report (const char *name, const char *value, gpointer data, GError **error)
{
  g_ptr_array_add (((CompareOptions *) data)->reports, g_strdup (value));
  return TRUE;
}

static gboolean
set_color (const char *name, const char *value, gpointer data, GError **error)
{
  if (tool_color_from_string (value, &((CompareOptions *) data)->color))
    return TRUE;
  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               "%s: \"%s\" is neither auto, always nor never",
               name,
               value);
  return FALSE;
}

static GOptionContext *
make_context (CompareOptions *options)
{
  /* clang-format off */
  const GOptionEntry entries[] = {
    { "ignore", 'i', 0, G_OPTION_ARG_CALLBACK, (gpointer) set_ignore, "What RULE names is no difference; may be repeated", "RULE[,RULE…]" },
    { "no-ignore", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_no_ignore, "… is one, though not by default", "RULE[,RULE…]" },
    { "report", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_report, "Report to FILE; FORMAT is text, junit, tap or json", "FORMAT:FILE" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print an object on a line for each session and each difference", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "Print nothing but sessions that differ", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose, "Print the differences that are ignored, too", NULL },
    { "color", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_color, "Colours: auto, always or never", "WHEN" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "A B" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  GOptionContext *context = g_option_context_new (NULL);
  GOptionGroup *group = g_option_group_new ("", "", "", options, /* destroy= */ NULL);
  g_autofree char *rules = compare_options_describe_rules ();
  g_autofree char *description = g_strdup_printf (
      "Rules:\n"
      "%s"
      "\n"
      "Exit status: 0 nothing differs; 1 something differs, is in one recording alone or cannot\n"
      "be compared; 2 wrong usage, or a recording could not be read.",
      rules);

  g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (context,
                                "Compares two recordings of the same traffic: A is what is "
                                "expected, B what came. Messages belong\n"
                                "together by their envelope and Message-ID or queue id, else by "
                                "their order. - is standard input.");
  g_option_context_set_description (context, description);
  return context;
}

static bool
check (const CompareOptions *options)
{
  if (options->paths == NULL || g_strv_length (options->paths) != 2)
    tool_usage_error ("two recordings are needed: milter-replay compare A B");
  else if (strcmp (options->paths[0], "-") == 0 && strcmp (options->paths[1], "-") == 0)
    tool_usage_error ("only one of the recordings can be standard input");
  else if (options->quiet && options->verbose)
    tool_usage_error ("--quiet and --verbose exclude each other");
  else
    return true;
  return false;
}

bool
compare_options_parse (CompareOptions *options, int argc, char **argv, ToolExit *status)
{
  g_autoptr (GOptionContext) context = make_context (options);
  g_autoptr (GError) error = NULL;

  g_set_prgname ("milter-replay compare");
  options->rules = milter_compare_rules_new ();
  options->reports = g_ptr_array_new_with_free_func (g_free);
  *status = TOOL_EXIT_USAGE;
  if (g_option_context_parse (context, &argc, &argv, &error))
    return check (options);
  tool_usage_error ("%s", error->message);
  return false;
}

void
compare_options_clear (CompareOptions *options)
{
  g_strfreev (options->paths);
  g_clear_pointer (&options->rules, milter_compare_rules_free);
  g_clear_pointer (&options->reports, g_ptr_array_unref);
}
