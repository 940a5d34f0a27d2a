/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-options.c: options that any milter may have.
 */
#include "milter-options.h"

#include <string.h>

#include "tool-values.h"

#define MAX_WORKERS 1000

static gboolean
prefix (const char *name, GError **error)
{
  g_prefix_error (error, "%s: ", name);
  return FALSE;
}

static gboolean
set_spec (const char *name, const char *value, gpointer client, GError **error)
{
  return milter_client_set_connection_spec (client, value, error) || prefix (name, error);
}

static gboolean
set_n_workers (const char *name, const char *value, gpointer client, GError **error)
{
  guint64 number;

  if (!tool_parse_number (value, 0, MAX_WORKERS, &number, error))
    return prefix (name, error);
  milter_client_set_n_workers (client, (guint) number);
  return TRUE;
}

static gboolean
set_socket_mode (const char *name, const char *value, gpointer client, GError **error)
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
  milter_client_set_unix_socket_mode (client, (guint) mode);
  return TRUE;
}

static gboolean
set_socket_group (const char *name, const char *value, gpointer client, GError **error)
{
  milter_client_set_unix_socket_group (client, value);
  return TRUE;
}

/* options of the reference tool that ours has no need of */

static gboolean
check_event_loop (const char *name, const char *value, gpointer client, GError **error)
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
check_packet_buffer (const char *name, const char *value, gpointer client, GError **error)
{
  guint64 size;

  return tool_parse_number (value, 0, G_MAXUINT32, &size, error) || prefix (name, error);
}

GOptionGroup *
milter_options_new_group (MilterClient *client)
{
  /* clang-format off */
  static const GOptionEntry entries[] = {
    { "connection-spec", 's', 0, G_OPTION_ARG_CALLBACK, (gpointer) set_spec, "Listen at SPEC: unix:PATH, inet:PORT[@HOST] or inet6:PORT[@HOST]", "SPEC" },
    { "unix-socket-mode", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_socket_mode, "Give a unix socket MODE (0660)", "MODE" },
    { "unix-socket-group", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_socket_group, "Give a unix socket to GROUP", "GROUP" },
    { "n-workers", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) set_n_workers, "Serve connections in N threads, 0 to 1000; 0 is one", "N" },
    { "event-loop-backend", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) check_event_loop, "Only glib; for programs that ask", "NAME" },
    { "packet-buffer-size", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer) check_packet_buffer, "Without effect: what is due at once is sent at once", "SIZE" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  GOptionGroup *group = g_option_group_new (
      "milter", "Milter Common Options", "Show the options that milters have in common", client, NULL);

  g_option_group_add_entries (group, entries);
  return group;
}
