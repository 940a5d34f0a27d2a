/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-options.c: the command line of `milter-replay record`.
 */
#include "record-options.h"

#include <string.h>

#include "tool-console.h"
#include "tool-ready.h"
#include "tool-values.h"

/* each takes two descriptors */
#define DEFAULT_CONNECTIONS 1000
#define MAX_CONNECTIONS     1000000

/* as milter-test-client has it */
#define DEFAULT_MODE 0660

/* what the values of options are read into */
typedef struct
{
  RecordOptions *options;
  char *format; /* (nullable) */
  gboolean force;
} Parsing;

static bool
refuse (GError **error, const char *name, const char *value, const char *what)
{
  g_set_error (
      error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: \"%s\" %s", name, value, what);
  return false;
}

static bool
prefix (GError **error, const char *name)
{
  g_prefix_error (error, "%s: ", name);
  return false;
}

/* --- values -------------------------------------------------------------------------------------- */

static gboolean
set_spec (MilterConnectionSpec **spec, const char *name, const char *value, GError **error)
{
  g_clear_pointer (spec, milter_connection_spec_free);
  *spec = milter_connection_spec_parse (value, error);
  return *spec != NULL || prefix (error, name);
}

static gboolean
set_listen (const char *name, const char *value, gpointer data, GError **error)
{
  return set_spec (&((Parsing *) data)->options->listen, name, value, error);
}

static gboolean
set_to (const char *name, const char *value, gpointer data, GError **error)
{
  return set_spec (&((Parsing *) data)->options->to, name, value, error);
}

static gboolean
set_mode (const char *name, const char *value, gpointer data, GError **error)
{
  guint64 mode;

  if (!g_ascii_string_to_unsigned (value, 8, 1, 0777, &mode, /* error= */ NULL))
    return refuse (error, name, value, "is no mode from 1 to 777, as 660");
  ((Parsing *) data)->options->socket_mode = (guint) mode;
  return TRUE;
}

static gboolean
set_connections (const char *name, const char *value, gpointer data, GError **error)
{
  return tool_parse_number (
             value, 1, MAX_CONNECTIONS, &((Parsing *) data)->options->max_connections, error)
         || prefix (error, name);
}

static gboolean
set_sessions (const char *name, const char *value, gpointer data, GError **error)
{
  return tool_parse_number (
             value, 0, G_MAXUINT32, &((Parsing *) data)->options->n_sessions, error)
         || prefix (error, name);
}

static gboolean
set_timeout (const char *name, const char *value, gpointer data, GError **error)
{
  return tool_parse_duration (value, &((Parsing *) data)->options->timeout_us, error)
         || prefix (error, name);
}

static gboolean
set_ready_fd (const char *name, const char *value, gpointer data, GError **error)
{
  return tool_ready_parse_fd (name, value, &((Parsing *) data)->options->ready_fd, error);
}

/* --- all of them --------------------------------------------------------------------------------- */

static GOptionContext *
make_context (Parsing *parsing)
{
  RecordOptions *options = parsing->options;
  /* clang-format off */
  const GOptionEntry entries[] = {
    { "listen", 'l', 0, G_OPTION_ARG_CALLBACK, (gpointer) set_listen, "Listen there for MTAs; port 0 is any, and printed", "SPEC" },
    { "to", 't', 0, G_OPTION_ARG_CALLBACK, (gpointer) set_to, "Pass what they say on to the milter there", "SPEC" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output, "Record to FILE; - is the standard output", "FILE" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &parsing->format, "trace or pcap; else FILE.pcap is pcap, and any other name a trace", "FORMAT" },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &parsing->force, "Replace FILE if it is there already", NULL },
    { "unix-socket-mode", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_mode, "The mode of the unix socket that it listens on (660)", "MODE" },
    { "unix-socket-group", 0, 0, G_OPTION_ARG_STRING, &options->socket_group, "Give that socket to GROUP", "GROUP" },
    { "max-connections", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_connections, "Pass on N connections at once (1000); more of them wait", "N" },
    { "sessions", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_sessions, "Take N connections and end when they are over; 0 is any number", "N" },
    { "timeout", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_timeout, "Close a connection on which nothing has passed for so long; 0 is never (0)", "TIME" },
    { "ready-fd", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_ready_fd, "Write SPEC and a line end to descriptor N when it listens, and close it", "N" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "Print neither where it listens nor how much was recorded", NULL },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  GOptionContext *context = g_option_context_new (NULL);
  GOptionGroup *group = g_option_group_new ("", "", "", parsing, /* destroy= */ NULL);

  g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (
      context,
      "Stands between MTAs and a milter, passes on what they say as it comes, and records it.\n"
      "SPEC is unix:PATH, inet:PORT[@HOST] or inet6:PORT[@HOST]; TIME is 200ms, 1.5s, 2m or a\n"
      "number of seconds. SIGINT and SIGTERM end it.");
  g_option_context_set_description (
      context,
      "Exit status: 0 all that passed was recorded; 2 wrong usage, it cannot listen, or the file\n"
      "could not be written to its end; 3 the milter could not be reached, if only once.");
  return context;
}

static bool
choose_kind (const Parsing *parsing, GError **error)
{
  RecordOptions *options = parsing->options;

  if (parsing->format == NULL)
    options->kind = g_str_has_suffix (options->output, ".pcap") ? RECORD_LOG_PCAP : RECORD_LOG_TRACE;
  else if (strcmp (parsing->format, "pcap") == 0)
    options->kind = RECORD_LOG_PCAP;
  else if (strcmp (parsing->format, "trace") == 0)
    options->kind = RECORD_LOG_TRACE;
  else
    return refuse (error, "--format", parsing->format, "is neither trace nor pcap");
  return true;
}

static bool
miss (GError **error, const char *what)
{
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, what);
  return false;
}

static bool
check (const Parsing *parsing, int argc, char **argv, GError **error)
{
  const RecordOptions *options = parsing->options;

  if (argc > 1)
    return refuse (error, "record", argv[1], "is one argument too many; the file is given by -o");
  if (options->listen == NULL)
    return miss (error, "--listen SPEC is missing: where MTAs are to connect to");
  if (options->to == NULL)
    return miss (error, "--to SPEC is missing: where the milter listens");
  if (options->output == NULL)
    return miss (error, "-o FILE is missing: what to record to");
  /* each connection would become one more */
  if (strcmp (options->listen->text, options->to->text) == 0)
    return refuse (error, "--to", options->to->text, "is where it listens itself");
  return choose_kind (parsing, error);
}

bool
record_options_parse (RecordOptions *options, int argc, char **argv, ToolExit *status)
{
  Parsing parsing = { .options = options };
  g_autoptr (GOptionContext) context = make_context (&parsing);
  g_autoptr (GError) error = NULL;
  bool ok;

  g_set_prgname ("milter-replay record");
  options->max_connections = DEFAULT_CONNECTIONS;
  options->socket_mode = DEFAULT_MODE;
  options->ready_fd = -1;
  ok = g_option_context_parse (context, &argc, &argv, &error)
       && check (&parsing, argc, argv, &error);
  options->existing = parsing.force ? RECORD_FILE_EXISTING_REPLACE : RECORD_FILE_EXISTING_REFUSE;
  g_free (parsing.format);
  *status = TOOL_EXIT_USAGE;
  if (!ok)
    tool_usage_error ("%s", error->message);
  return ok;
}

void
record_options_clear (RecordOptions *options)
{
  milter_connection_spec_free (options->listen);
  milter_connection_spec_free (options->to);
  g_free (options->socket_group);
  g_free (options->output);
}
