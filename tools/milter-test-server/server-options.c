/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-options.c: the command line of milter-test-server, read by its tables.
 */
#include "server-options-private.h"

#include <string.h>

#include "tool-spawn.h"
#include "tool-values.h"

static const ServerOptionTable *const tables[]
    = { &server_options_common, &server_options_scenarios, &server_options_plain };

/* --- what rows set ---------------------------------------------------------------------------- */

bool
server_option_refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_clear_error (error);
  if (error != NULL)
    *error = g_error_new_valist (G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, arguments);
  va_end (arguments);
  return false;
}

bool
server_option_set_text (ServerOptions *options,
                        const ServerOptionRow *row,
                        const char *value,
                        GError **error)
{
  char **where = G_STRUCT_MEMBER_P (options, row->offset);

  g_free (*where);
  *where = g_strdup (value);
  return true;
}

bool
server_option_set_flag (ServerOptions *options,
                        const ServerOptionRow *row,
                        const char *value,
                        GError **error)
{
  G_STRUCT_MEMBER (bool, options, row->offset) = true;
  return true;
}

bool
server_option_set_duration (ServerOptions *options,
                            const ServerOptionRow *row,
                            const char *value,
                            GError **error)
{
  return tool_parse_duration (
      value, (gint64 *) G_STRUCT_MEMBER_P (options, row->offset), error);
}

/* --- from rows to GLib ------------------------------------------------------------------------ */

static bool
is_called (const ServerOptionRow *row, const char *option)
{
  if (g_str_has_prefix (option, "--"))
    return strcmp (option + 2, row->name) == 0;
  return row->letter != 0 && option[1] == row->letter && option[2] == '\0';
}

/* options that belong to one kind of run are remembered: they are refused in the other */
static void
note_run (ServerOptions *options, ServerRun run, const ServerOptionRow *row)
{
  if (run == SERVER_RUN_PLAIN && options->plain_option == NULL)
    options->plain_option = row->name;
  if (run == SERVER_RUN_SCENARIOS && options->scenario_option == NULL)
    options->scenario_option = row->name;
}

static gboolean
on_option (const char *option, const char *value, gpointer data, GError **error)
{
  ServerOptions *options = data;

  for (gsize i = 0; i < G_N_ELEMENTS (tables); i++)
    {
      for (gsize k = 0; k < tables[i]->n_rows; k++)
        {
          const ServerOptionRow *row = &tables[i]->rows[k];

          if (!is_called (row, option))
            continue;
          note_run (options, tables[i]->run, row);
          if (row->set (options, row, value, error))
            return TRUE;
          /* who types -h may have wanted help */
          g_prefix_error (error, "%s: ", strcmp (option, "-h") == 0 ? "-h (--header)" : option);
          return FALSE;
        }
    }
  g_assert_not_reached ();
}

static GOptionEntry
entry_of (const ServerOptionRow *row)
{
  GOptionFlags flags = G_OPTION_FLAG_FILENAME;

  if (row->hint == NULL)
    flags = G_OPTION_FLAG_NO_ARG;
  if (row->optional)
    flags |= G_OPTION_FLAG_OPTIONAL_ARG;
  if (row->show == SERVER_OPTION_HIDDEN)
    flags |= G_OPTION_FLAG_HIDDEN;
  return (GOptionEntry){ .long_name = row->name,
                         .short_name = row->letter,
                         .flags = (int) flags,
                         .arg = G_OPTION_ARG_CALLBACK,
                         .arg_data = (gpointer) on_option,
                         .description = row->text,
                         .arg_description = row->hint };
}

static void
add_table (GOptionGroup *group, const ServerOptionTable *table)
{
  g_autofree GOptionEntry *entries = g_new0 (GOptionEntry, table->n_rows + 1);

  for (gsize i = 0; i < table->n_rows; i++)
    entries[i] = entry_of (&table->rows[i]);
  g_option_group_add_entries (group, entries);
}

static GOptionContext *
make_context (ServerOptions *options)
{
  const GOptionEntry rest[] = {
    { G_OPTION_REMAINING,
      0,
      0,
      G_OPTION_ARG_FILENAME_ARRAY,
      &options->paths,
      NULL,
      "[SCENARIO|FOLDER…]" },
    { 0 },
  };
  GOptionContext *context = g_option_context_new (NULL);
  GOptionGroup *group = g_option_group_new ("main", NULL, NULL, options, /* destroy= */ NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (tables); i++)
    add_table (group, tables[i]);
  g_option_group_add_entries (group, rest);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (
      context,
      "Plays the MTA: sends what SCENARIO files say to a milter and judges its answers. Without a\n"
      "scenario, one message that the options describe. SPEC is unix:PATH, inet:PORT@HOST or\n"
      "inet6:PORT@HOST; TIME is 200ms, 1.5s, 2m or a number of seconds, 0 for no limit.");
  g_option_context_set_description (
      context,
      "Without -f and -r, sender and recipients are those of From and To of the mail file.\n\n"
      "Exit status: 0 all held; 1 an expectation failed, or the message was refused; 2 wrong "
      "usage,\n"
      "or a scenario that cannot be read; 3 the milter could not be reached, died, was silent or\n"
      "broke the protocol; 77 everything was skipped.");
  return context;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void
server_milter_free (gpointer data)
{
  ServerMilter *milter = data;

  g_free (milter->text);
  g_free (milter);
}

static ServerOptions *
server_options_new (void)
{
  ServerOptions *options = g_new0 (ServerOptions, 1);

  options->milters = g_ptr_array_new_with_free_func (server_milter_free);
  options->spawn_timeout_us = TOOL_SPAWN_TIMEOUT_US;
  options->spawn_grace_us = TOOL_SPAWN_GRACE_US;
  options->recipients = g_ptr_array_new_with_free_func (g_free);
  options->macros = g_ptr_array_new_with_free_func ((GDestroyNotify) server_macro_free);
  options->reports = g_ptr_array_new_with_free_func (g_free);
  options->deviations = g_ptr_array_new_with_free_func (g_free);
  options->variables
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  options->mail = milter_mail_new ();
  options->version = MILTER_PROTOCOL_VERSION_MAX;
  options->timeout_us = -1;
  options->connection_timeout_us = 300 * G_TIME_SPAN_SECOND;
  options->writing_timeout_us = 10 * G_TIME_SPAN_SECOND;
  options->reading_timeout_us = 10 * G_TIME_SPAN_SECOND;
  options->end_of_message_timeout_us = 300 * G_TIME_SPAN_SECOND;
  return options;
}

void
server_options_free (ServerOptions *options)
{
  if (options == NULL)
    return;
  g_ptr_array_unref (options->milters);
  g_ptr_array_unref (options->recipients);
  g_ptr_array_unref (options->macros);
  g_ptr_array_unref (options->reports);
  g_ptr_array_unref (options->deviations);
  g_hash_table_unref (options->variables);
  milter_mail_free (options->mail);
  g_free (options->filter);
  g_free (options->init);
  g_strfreev (options->paths);
  g_free (options->name);
  g_free (options->connect_host);
  g_free (options->connect_address);
  g_free (options->helo_fqdn);
  g_free (options->envelope_from);
  g_free (options->unknown);
  g_free (options->save_message);
  g_free (options);
}

/* what options say together */
static bool
check_together (const ServerOptions *options)
{
  if (options->init != NULL
      && (options->milters->len > 0 || options->paths != NULL || options->plain_option != NULL
          || options->scenario_option != NULL))
    {
      tool_usage_error ("--init stands alone: it starts one milter, and writes a scenario for it");
      return false;
    }
  if (options->init != NULL)
    return true;
  if (!options->conformance && (options->slow || options->strict || options->deviations->len > 0))
    {
      tool_usage_error ("--%s goes with --conformance",
                        options->slow     ? "slow"
                        : options->strict ? "strict"
                                          : "deviations");
      return false;
    }
  if (options->conformance && (options->format || options->update))
    {
      tool_usage_error ("--conformance and --%s do not go together",
                        options->format ? "format" : "update");
      return false;
    }
  if (options->conformance && options->milters->len != 1 && !options->list)
    {
      tool_usage_error ("--conformance tests one milter: say where it listens, as -s unix:PATH, or how it "
                        "is started, as --spawn 'COMMAND $socket'");
      return false;
    }
  if (options->milters->len == 0 && options->paths == NULL && options->scenario_option == NULL)
    {
      tool_usage_error ("no milter to speak with: say where it listens, as -s unix:PATH or "
                        "-s inet:PORT@HOST, or how it is started, as --spawn 'COMMAND $socket'");
      return false;
    }
  if (options->verbose && options->quiet)
    {
      tool_usage_error ("--verbose and --quiet do not go together");
      return false;
    }
  if (options->paths == NULL && options->scenario_option != NULL && !options->conformance)
    {
      tool_usage_error ("--%s is about scenarios, and none is given", options->scenario_option);
      return false;
    }
  if (options->format && options->paths[1] != NULL)
    {
      tool_usage_error ("--format prints one scenario, and several are given");
      return false;
    }
  if (options->conformance && options->plain_option != NULL)
    {
      tool_usage_error ("--%s describes the one message of a run without a scenario, and --conformance has "
                        "its own",
                        options->plain_option);
      return false;
    }
  if (options->paths == NULL || options->plain_option == NULL)
    return true;
  tool_usage_error ("--%s describes the one message of a run without a scenario; in \"%s\" the "
                    "scenario says it",
                    options->plain_option,
                    options->paths[0]);
  return false;
}

/* `-h` alone is what people type who want help */
static bool
ends_in_h (char **argv)
{
  guint n = g_strv_length (argv);

  return n > 1 && strcmp (argv[n - 1], "-h") == 0;
}

ServerOptions *
server_options_parse (int argc, char **argv, ToolExit *status)
{
  g_autoptr (ServerOptions) options = server_options_new ();
  g_autoptr (GOptionContext) context = NULL;
  g_auto (GStrv) words = tool_complete_words (argv);
  g_autoptr (GError) error = NULL;
  bool wants_help = ends_in_h (words);

  *status = TOOL_EXIT_USAGE;
  context = make_context (options);
  if (!g_option_context_parse_strv (context, &words, &error))
    {
      if (wants_help)
        tool_error ("-h is --header and needs NAME:VALUE; --help tells the options");
      else
        tool_usage_error ("%s", error->message);
      return NULL;
    }
  if (options->version_wanted)
    {
      printf ("%s %s\n", g_get_prgname (), MILTERLAB_VERSION);
      *status = TOOL_EXIT_OK;
      return NULL;
    }
  if (!check_together (options))
    return NULL;
  server_options_complete_message (options);
  *status = TOOL_EXIT_OK;
  return g_steal_pointer (&options);
}
