/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-options.c: the command line of milter-test-client.
 *
 * Options that any milter may have, as -s, are the library's (milter_client_get_option_group()).
 */
#include "test-client-options.h"

#include <string.h>

#include "milter-scenario.h"
#include "tool-ready.h"
#include "tool-values.h"

#define MAX_WORKERS 1000
/* an MTA asks its milters, and may wait for one that says nothing */
#define SMTP_TIMEOUT_US (40 * G_TIME_SPAN_SECOND)

/* what the values of options are read into */
typedef struct
{
  TestClientOptions *options;
  MilterClient *client;
  gboolean version;
} Parsing;

static gboolean G_GNUC_PRINTF (3, 4)
refuse (GError **error, const char *name, const char *format, ...)
{
  va_list arguments;
  g_autofree char *sentence = NULL;

  va_start (arguments, format);
  sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", name, sentence);
  return FALSE;
}

static gboolean
read_number (const char *name, const char *value, guint64 max, guint64 *number, GError **error)
{
  if (tool_parse_number (value, 0, max, number, error))
    return TRUE;
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static gboolean
set_n_workers (const char *name, const char *value, gpointer data, GError **error)
{
  guint64 number;

  if (!read_number (name, value, MAX_WORKERS, &number, error))
    return FALSE;
  milter_client_set_n_workers (((Parsing *) data)->client, (guint) number);
  return TRUE;
}

static gboolean
set_n_sessions (const char *name, const char *value, gpointer data, GError **error)
{
  return read_number (
      name, value, G_MAXUINT32, &((Parsing *) data)->options->n_sessions, error);
}

/* the library counts in seconds */
static gboolean
set_timeout (const char *name, const char *value, gpointer data, GError **error)
{
  gint64 duration_us;

  if (!tool_parse_duration (value, &duration_us, error))
    {
      g_prefix_error (error, "%s: ", name);
      return FALSE;
    }
  milter_client_set_timeout (((Parsing *) data)->client,
                             (guint) ((duration_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));
  return TRUE;
}

static gboolean
set_smtp_timeout (const char *name, const char *value, gpointer data, GError **error)
{
  if (tool_parse_duration (value, &((Parsing *) data)->options->smtp_timeout_us, error))
    return TRUE;
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static gboolean
add_deviations (const char *name, const char *value, gpointer data, GError **error)
{
  g_ptr_array_add (((Parsing *) data)->options->deviations, g_strdup (value));
  return TRUE;
}

static gboolean
set_ready_fd (const char *name, const char *value, gpointer data, GError **error)
{
  return tool_ready_parse_fd (name, value, &((Parsing *) data)->options->ready_fd, error);
}

static gboolean
set_color (const char *name, const char *value, gpointer data, GError **error)
{
  /* --color alone means yes */
  if (tool_color_from_string (value != NULL ? value : "always",
                              &((Parsing *) data)->options->color))
    return TRUE;
  return refuse (error, name, "\"%s\" is none of auto, always, never, yes, no", value);
}

static gboolean
define (const char *name, const char *value, gpointer data, GError **error)
{
  const char *equals = strchr (value, '=');
  g_autofree char *variable = NULL;

  if (equals == NULL)
    return refuse (error, name, "\"%s\" has no =; write NAME=VALUE", value);
  variable = g_strndup (value, (gsize) (equals - value));
  if (!milter_scenario_may_set_variable (variable))
    return refuse (error, name, "\"%s\" is no name of a variable that may be set", variable);
  g_hash_table_replace (((Parsing *) data)->options->variables,
                        g_steal_pointer (&variable),
                        g_bytes_new (equals + 1, strlen (equals + 1)));
  return TRUE;
}

static void
add_entries (GOptionGroup *group, Parsing *parsing)
{
  TestClientOptions *options = parsing->options;
  /* FILENAME: values are bytes as they were typed, whatever the locale, as those of milter-test-server */
  /* clang-format off */
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print each frame as a JSON object on a line, instead of events", NULL },
    { "trace", 0, 0, G_OPTION_ARG_FILENAME, &options->trace, "Record all that passes as a scenario that milter-test-server plays; - is stdout", "FILE" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "Print no events", NULL },
    { "no-report-request", 0, 0, G_OPTION_ARG_NONE, &options->quiet, "The same", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose, "Show on stderr what is said, > by the MTA and < to it", NULL },
    { "color", 0, G_OPTION_FLAG_OPTIONAL_ARG | G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) set_color, "Use colours: auto, always, never, yes or no", "WHEN" },
    { "sessions", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) set_n_sessions, "End after N sessions", "N" },
    { "timeout", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) set_timeout, "Close when an MTA is silent for so long (7210s); 0 is never", "TIME" },
    { "ready-fd", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) set_ready_fd, "Write SPEC and a line end to descriptor N when it listens, and close it", "N" },
    { "workers", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) set_n_workers, "Serve connections in N threads, as --n-workers", "N" },
    { "expression", 'e', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->lines, "A line of rules, as 'on rcpt => reject'; may be repeated", "LINE" },
    { "define", 'D', G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) define, "Set a variable of the rules; may be repeated", "NAME=VALUE" },
    { "replay", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->replay, "Answer as the milter of a recording did (pcap, pcapng, trace); may be repeated", "CAPTURE" },
    { "loop", 0, 0, G_OPTION_ARG_NONE, &options->loop, "With --replay: what has come may come again", NULL },
    { "report", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->reports, "A report: text, junit, tap, json or (with --conformance) html, - is stdout; may be repeated", "FORMAT:FILE" },
    { "strict", 0, 0, G_OPTION_ARG_NONE, &options->strict, "An MTA that breaks the protocol makes the exit status 3; with --conformance a SHOULD counts", NULL },
    { "conformance", 0, 0, G_OPTION_ARG_NONE, &options->conformance, "Test the MTA against the requirements of the protocol", NULL },
    { "smtp", 0, 0, G_OPTION_ARG_FILENAME, &options->smtp, "With --conformance: where the MTA listens, whose client we are", "SPEC" },
    { "delivery", 0, 0, G_OPTION_ARG_FILENAME, &options->delivery, "With --conformance: listen there for what the MTA delivers", "SPEC" },
    { "mta", 0, 0, G_OPTION_ARG_FILENAME, &options->mta, "With --conformance: also what is asked of postfix, or of sendmail, alone", "NAME" },
    { "filter", 0, 0, G_OPTION_ARG_FILENAME, &options->filter, "With --conformance: only requirements whose id and text hold PATTERN", "PATTERN" },
    { "list", 0, 0, G_OPTION_ARG_NONE, &options->list, "With --conformance: print the requirements", NULL },
    { "slow", 0, 0, G_OPTION_ARG_NONE, &options->slow, "With --conformance: also cases that wait for long", NULL },
    { "deviations", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) add_deviations, "With --conformance: what is known not to hold: a file, postfix or sendmail; may be repeated", "FILE" },
    { "smtp-timeout", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) set_smtp_timeout, "With --conformance: how long an SMTP reply may take (40s)", "TIME" },
    { "conformance-rules", 0, 0, G_OPTION_ARG_NONE, &options->conformance_rules, "Do what messages of the conformance suite ask for", NULL },
    { "mutant", 0, 0, G_OPTION_ARG_FILENAME, &options->mutant, "The same, but break requirements of the conformance suite", "ID[,ID…]" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &parsing->version, "Print the version", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "[RULES…]" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */

  g_option_group_add_entries (group, entries);
}

static GOptionContext *
make_context (Parsing *parsing)
{
  GOptionContext *context = g_option_context_new (NULL);
  GOptionGroup *group = g_option_group_new ("", "", "", parsing, /* destroy= */ NULL);

  add_entries (group, parsing);
  g_option_context_set_main_group (context, group);
  g_option_context_add_group (context, milter_client_get_option_group (parsing->client));
  g_option_context_set_summary (
      context,
      "The reference milter: listens at -s SPEC, shows what an MTA sends, answers by the rules of\n"
      "scenario files, and lets pass what no rule speaks of. SPEC is unix:PATH, inet:PORT[@HOST] or\n"
      "inet6:PORT[@HOST]; TIME is 200ms, 1.5s, 2m or a number of seconds.");
  g_option_context_set_description (
      context,
      "Exit status: 0 it was ended by a signal or by --sessions, and all held; 1 an expectation\n"
      "or a requirement failed; 2 wrong usage, rules that cannot be read, or it cannot listen; 3 with\n"
      "--strict, an MTA broke the protocol; with --conformance, it cannot be tested; 77 everything\n"
      "was skipped.");
  return context;
}

static bool
has_report_on_stdout (const TestClientOptions *options)
{
  for (char **report = options->reports; report != NULL && *report != NULL; report++)
    if (g_str_has_suffix (*report, ":-"))
      return true;
  return false;
}

/* one kind of lines goes to the standard output */
static gboolean
choose_output (TestClientOptions *options, GError **error)
{
  bool traces = g_strcmp0 (options->trace, "-") == 0;
  bool reports = has_report_on_stdout (options);

  if (options->json && traces)
    return refuse (error, "--trace", "\"-\" is where --json prints; give a file");
  if (reports && (options->json || traces))
    return refuse (error, "--report", "\"-\" is taken by --%s; give a file", traces ? "trace" : "json");
  options->prints = traces           ? TEST_CLIENT_PRINTS_TRACE
                    : options->json  ? TEST_CLIENT_PRINTS_JSON
                    : reports        ? TEST_CLIENT_PRINTS_REPORT
                    : options->quiet ? TEST_CLIENT_PRINTS_NOTHING
                                     : TEST_CLIENT_PRINTS_EVENTS;
  return TRUE;
}

/* what belongs to --conformance, and what does not go with it */
static gboolean
check_conformance (const TestClientOptions *options, GError **error)
{
  const char *alone = options->smtp != NULL          ? "--smtp"
                      : options->delivery != NULL    ? "--delivery"
                      : options->mta != NULL         ? "--mta"
                      : options->filter != NULL      ? "--filter"
                      : options->list                ? "--list"
                      : options->slow                ? "--slow"
                      : options->deviations->len > 0 ? "--deviations"
                                                     : NULL;
  const char *other = options->lines != NULL      ? "-e"
                      : options->replay != NULL   ? "--replay"
                      : options->trace != NULL    ? "--trace"
                      : options->json             ? "--json"
                      : options->conformance_rules ? "--conformance-rules"
                      : options->mutant != NULL   ? "--mutant"
                                                  : NULL;

  if (!options->conformance)
    return alone == NULL || refuse (error, alone, "goes with --conformance");
  return other == NULL || refuse (error, other, "does not go together with --conformance");
}

/* who answers */
static gboolean
check_sources (const TestClientOptions *options, GError **error)
{
  if (options->replay != NULL && (options->paths != NULL || options->lines != NULL))
    return refuse (error, "--replay", "rules cannot answer, too; leave them out");
  if (options->loop && options->replay == NULL)
    return refuse (error, "--loop", "there is no --replay");
  /* a milter that breaks nothing would be taken for one whose break nobody sees */
  if (options->mutant != NULL && *options->mutant == '\0')
    return refuse (error, "--mutant", "the id of a requirement is missing");
  return TRUE;
}

bool
test_client_options_parse (TestClientOptions *options,
                           MilterClient *client,
                           int argc,
                           char **argv,
                           ToolExit *status)
{
  Parsing parsing = { .options = options, .client = client };
  g_auto (GStrv) words = tool_complete_words (argv);
  g_autoptr (GOptionContext) context = NULL;
  g_autoptr (GError) error = NULL;

  options->ready_fd = -1;
  options->smtp_timeout_us = SMTP_TIMEOUT_US;
  options->deviations = g_ptr_array_new_with_free_func (g_free);
  options->variables
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  context = make_context (&parsing);
  if (!g_option_context_parse_strv (context, &words, &error) || !choose_output (options, &error)
      || !check_conformance (options, &error) || !check_sources (options, &error))
    {
      tool_usage_error ("%s", error->message);
      *status = TOOL_EXIT_USAGE;
      return false;
    }
  if (parsing.version)
    {
      printf ("%s\n", MILTERLAB_VERSION);
      *status = TOOL_EXIT_OK;
      return false;
    }
  return true;
}

void
test_client_options_clear (TestClientOptions *options)
{
  g_free (options->trace);
  g_strfreev (options->paths);
  g_strfreev (options->lines);
  g_strfreev (options->replay);
  g_strfreev (options->reports);
  g_free (options->mutant);
  g_free (options->smtp);
  g_free (options->delivery);
  g_free (options->mta);
  g_free (options->filter);
  g_clear_pointer (&options->deviations, g_ptr_array_unref);
  g_clear_pointer (&options->variables, g_hash_table_unref);
}
