/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-options.c: the command line of `milter-replay convert`.
 */
#include "convert-options.h"

#include <string.h>

#include "tool-console.h"

/* Which format: what is said, or else what the file is called. */
static bool
choose_format (ConvertOptions *options)
{
  g_autofree char *names = convert_format_list ();

  if (options->to != NULL)
    {
      options->format = convert_format_get (options->to);
      if (options->format == NULL)
        tool_usage_error ("--to %s: it is %s", options->to, names);
      return options->format != NULL;
    }
  if (options->output != NULL)
    options->format = convert_format_guess (options->output);
  if (options->format == NULL)
    {
      if (options->split != NULL || strcmp (options->output, "-") == 0)
        tool_usage_error ("--to is missing: %s", names);
      else
        tool_usage_error (
            "what %s shall be is not told by its name; --to says it: %s", options->output, names);
    }
  return options->format != NULL;
}

static bool
choose_profile (ConvertOptions *options)
{
  if (options->mta == NULL)
    return true;
  options->profile = milter_profile_get (options->mta);
  if (options->profile == NULL || !options->profile->fills_in)
    {
      tool_usage_error ("--mta %s: there is no such MTA; milter-test-server --help lists them", options->mta);
      return false;
    }
  return true;
}

static gboolean
set_ignore (const char *name, const char *value, gpointer data, GError **error)
{
  ConvertOptions *options = data;

  if (options->ignored == NULL)
    options->ignored = milter_compare_rules_new ();
  if (milter_compare_rules_ignore (options->ignored, value, error))
    return TRUE;
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static bool
check (ConvertOptions *options)
{
  if (options->paths == NULL)
    {
      tool_usage_error ("no recording is given");
      return false;
    }
  if ((options->output == NULL) == (options->split == NULL))
    {
      tool_usage_error (options->output == NULL ? "-o FILE or --split FOLDER is missing"
                                                : "-o and --split exclude each other");
      return false;
    }
  return choose_format (options) && choose_profile (options);
}

bool
convert_options_parse (ConvertOptions *options, int argc, char **argv, ToolExit *status)
{
  /* clang-format off */
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output, "Write to this file; - is standard output", "FILE" },
    { "to", 0, 0, G_OPTION_ARG_STRING, &options->to, "What is written: scenario, trace or pcap; else the suffix of the file tells", "KIND" },
    { "split", 0, 0, G_OPTION_ARG_FILENAME, &options->split, "Write a file for each session to this folder: 0001.scenario …", "FOLDER" },
    { "mta", 0, 0, G_OPTION_ARG_STRING, &options->mta, "The MTA that a scenario plays; else the one that says most of it by itself", "NAME" },
    { "ignore", 'i', 0, G_OPTION_ARG_CALLBACK, (gpointer) set_ignore, "What RULE names (compare --help lists them) a scenario does not expect of header fields", "RULE[,RULE…]" },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &options->force, "Replace files that are there", NULL },
    { "anonymize", 0, 0, G_OPTION_ARG_NONE, &options->anonymize, "Replace addresses, hosts, texts and all else that could be personal", NULL },
    { "anonymize-key", 0, 0, G_OPTION_ARG_FILENAME, &options->anonymize_key, "The same, by the secret in FILE: each time with the same words", "FILE" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "RECORDING…" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  GOptionGroup *group = g_option_group_new ("", "", "", options, /* destroy= */ NULL);
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_set_prgname ("milter-replay convert");
  g_option_context_set_summary (
      context,
      "Writes recordings in another format: as a scenario that is kept as a test, with what the milter answered as\n"
      "expectations; as a trace, with times; or as a capture. Several recordings are read as one, in their order; - is\n"
      "standard input.");
  g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  *status = TOOL_EXIT_USAGE;
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      tool_usage_error ("%s", error->message);
      return false;
    }
  return check (options);
}

void
convert_options_clear (ConvertOptions *options)
{
  g_strfreev (options->paths);
  g_free (options->output);
  g_free (options->split);
  g_free (options->to);
  g_free (options->anonymize_key);
  g_free (options->mta);
  g_clear_pointer (&options->ignored, milter_compare_rules_free);
}
