/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-options.c: the command line of milter-test-client.
 */
#include "test-client-options.h"

#include <string.h>

#include "tool-values.h"

#define MAX_WORKERS 1000

/* GOption hands callbacks the group's data */
typedef TestClientOptions Options;

static gboolean
set_n_workers (const char *name, const char *value, gpointer data, GError **error)
{
  guint64 number;

  if (!tool_parse_number (value, 0, MAX_WORKERS, &number, error))
    {
      g_prefix_error (error, "%s: ", name);
      return FALSE;
    }
  ((Options *) data)->n_workers = number;
  return TRUE;
}

static gboolean
set_n_sessions (const char *name, const char *value, gpointer data, GError **error)
{
  if (tool_parse_number (value, 0, G_MAXUINT32, &((Options *) data)->n_sessions, error))
    return TRUE;
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static gboolean
set_mode (const char *name, const char *value, gpointer data, GError **error)
{
  guint64 mode;

  if (!g_ascii_string_to_unsigned (value, 8, 1, 0777, &mode, NULL))
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   "%s: \"%s\" is no mode from 0001 to 0777 in octal digits",
                   name,
                   value);
      return FALSE;
    }
  ((Options *) data)->unix_socket_mode = mode;
  return TRUE;
}

static gboolean
set_color (const char *name, const char *value, gpointer data, GError **error)
{
  /* --color alone means yes */
  if (tool_color_from_string (value != NULL ? value : "always", &((Options *) data)->color))
    return TRUE;
  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               "%s: \"%s\" is none of auto, always, never, yes, no",
               name,
               value);
  return FALSE;
}

/* options of the reference tool that ours has no need of */

static gboolean
check_event_loop (const char *name, const char *value, gpointer data, GError **error)
{
  if (strcmp (value, "glib") == 0)
    return TRUE;
  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               "%s: \"%s\" is not there; the only event loop is glib",
               name,
               value);
  return FALSE;
}

static gboolean
check_packet_buffer (const char *name, const char *value, gpointer data, GError **error)
{
  guint64 size;

  if (tool_parse_number (value, 0, G_MAXUINT32, &size, error))
    return TRUE;
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static bool
parse (Options *options, int argc, char **argv, gboolean *version, GError **error)
{
  /* clang-format off */
  const GOptionEntry direct[] = {
    { "connection-spec", 's', 0, G_OPTION_ARG_STRING, &options->spec, "Listen on SPEC: unix:PATH, inet:PORT[@HOST] or inet6:PORT[@HOST]", "SPEC" },
    { "unix-socket-group", 0, 0, G_OPTION_ARG_STRING, &options->unix_socket_group, "Give a unix socket to GROUP", "GROUP" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "Print no events", NULL },
    { "no-report-request", 0, 0, G_OPTION_ARG_NONE, &options->quiet, "The same", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose, "Say more about connections", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, version, "Print the version", NULL },
    G_OPTION_ENTRY_NULL
  };
  const GOptionEntry checked[] = {
    { "n-workers", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_n_workers, "Serve connections in N threads, 0 to 1000; 0 is one", "N" },
    { "workers", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, (gpointer) set_n_workers, NULL, "N" },
    { "sessions", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_n_sessions, "End after N sessions", "N" },
    { "unix-socket-mode", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_mode, "Permissions of a unix socket (0660)", "MODE" },
    { "color", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, (gpointer) set_color, "Use colours: auto, always, never, yes or no", "WHEN" },
    { "event-loop-backend", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, (gpointer) check_event_loop, NULL, "NAME" },
    { "packet-buffer-size", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, (gpointer) check_packet_buffer, NULL, "SIZE" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  GOptionGroup *group = g_option_group_new ("", "", "", options, NULL);

  g_option_context_set_summary (context,
                                "The reference milter: shows what an MTA sends, and lets it pass.");
  g_option_group_add_entries (group, direct);
  g_option_group_add_entries (group, checked);
  g_option_context_set_main_group (context, group);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return false;
  if (argc > 1)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_FAILED,
                   "\"%s\" is no option; nothing else is taken",
                   argv[1]);
      return false;
    }
  return true;
}

bool
test_client_options_parse (TestClientOptions *options, int argc, char **argv, ToolExit *status)
{
  g_autoptr (GError) error = NULL;
  gboolean version = FALSE;

  if (!parse (options, argc, argv, &version, &error))
    {
      tool_usage_error ("%s", error->message);
      *status = TOOL_EXIT_USAGE;
      return false;
    }
  if (version)
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
  g_free (options->spec);
  g_free (options->unix_socket_group);
}
