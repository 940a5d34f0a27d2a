/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-options.c: the options that milter programs have in common.
 *
 * Each sets its property of the client at once; what is wrong reads "OPTION: detail".
 */
#include <string.h>

#include "milter-client-accounts-private.h"
#include "milter-client-log-private.h"
#include "milter-client-option-values-private.h"
#include "milter-client-private.h"

/* more than any machine has to give */
#define MAX_PACKET_BUFFER_SIZE       G_MAXINT32
#define MAX_PENDING_FINISHED_SESSIONS G_MAXINT32

/* an error of another domain, as one of this option */
static gboolean
fail_with (const char *option, GError *cause, GError **error)
{
  milter_client_value_fail (option, error, "%s", cause->message);
  g_error_free (cause);
  return FALSE;
}

static gboolean
set_spec (const char *option, const char *value, gpointer client, GError **error)
{
  GError *cause = NULL;

  return milter_client_set_connection_spec (client, value, &cause)
         || fail_with (option, cause, error);
}

/* Logs. */

static gboolean
set_log_level (const char *option, const char *value, gpointer client, GError **error)
{
  guint levels = 0;
  g_autofree char *wrong = milter_client_log_read_levels (value, &levels);

  if (wrong != NULL)
    return milter_client_value_fail (
        option,
        error,
        "<%s>: there is no level \"%s\"; there are critical, error, warning, message, info, debug, "
        "all, default and none, with | between them and + or - before them",
        value,
        wrong);
  milter_client_log_set_levels (levels);
  return TRUE;
}

static gboolean
set_log_path (const char *option, const char *value, gpointer client, GError **error)
{
  GError *cause = NULL;

  if (*value == '\0')
    return milter_client_value_fail (option, error, "a file name is missing");
  return milter_client_log_set_path (value, &cause) || fail_with (option, cause, error);
}

static gboolean
set_verbose (const char *option, const char *value, gpointer client, GError **error)
{
  milter_client_log_set_levels (MILTER_CLIENT_LOG_ALL);
  return TRUE;
}

static gboolean
set_quiet (const char *option, const char *value, gpointer client, GError **error)
{
  milter_client_log_set_levels (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
  return TRUE;
}

static gboolean
set_syslog (const char *option, const char *value, gpointer client, GError **error)
{
  ((MilterClient *) client)->priv->start_syslog = true;
  return TRUE;
}

static gboolean
set_syslog_facility (const char *option, const char *value, gpointer client, GError **error)
{
  int facility;

  if (!milter_client_log_read_facility (value, &facility))
    return milter_client_value_fail (
        option, error, "<%s>: syslog has no such facility; mail, daemon or local0 are some", value);
  milter_client_set_syslog_facility (client, value);
  return TRUE;
}

/* Users and groups. */

static gboolean
set_user (const char *option, const char *value, gpointer client, GError **error)
{
  GError *cause = NULL;
  g_autoptr (MilterClientUser) user = milter_client_user_find (value, &cause);

  if (user == NULL)
    return fail_with (option, cause, error);
  milter_client_set_effective_user (client, value);
  return TRUE;
}

static bool
check_id (const char *option, const char *value, GError **error)
{
  guint32 id;

  return milter_client_read_id (value, &id)
         || milter_client_value_fail (
             option, error, "<%s>: this is no number from 0 to %u", value, G_MAXUINT32 - 1);
}

static gboolean
set_user_id (const char *option, const char *value, gpointer client, GError **error)
{
  if (!check_id (option, value, error))
    return FALSE;
  milter_client_set_effective_user (client, value);
  return TRUE;
}

static gboolean
check_group (const char *option, const char *value, GError **error)
{
  GError *cause = NULL;
  gid_t gid;

  return milter_client_group_find (value, &gid, &cause) || fail_with (option, cause, error);
}

static gboolean
set_group (const char *option, const char *value, gpointer client, GError **error)
{
  if (!check_group (option, value, error))
    return FALSE;
  milter_client_set_effective_group (client, value);
  return TRUE;
}

static gboolean
set_group_id (const char *option, const char *value, gpointer client, GError **error)
{
  if (!check_id (option, value, error))
    return FALSE;
  milter_client_set_effective_group (client, value);
  return TRUE;
}

/* The unix socket. */

static gboolean
set_socket_group (const char *option, const char *value, gpointer client, GError **error)
{
  if (!check_group (option, value, error))
    return FALSE;
  milter_client_set_unix_socket_group (client, value);
  return TRUE;
}

static gboolean
set_deprecated_socket_group (const char *option, const char *value, gpointer client, GError **error)
{
  g_warning ("%s is deprecated: use --unix-socket-group", option);
  return set_socket_group (option, value, client, error);
}

static gboolean
set_socket_mode (const char *option, const char *value, gpointer client, GError **error)
{
  guint mode = 0;

  if (!milter_client_read_mode (option, value, &mode, error))
    return FALSE;
  milter_client_set_unix_socket_mode (client, mode);
  return TRUE;
}

/* The process. */

static gboolean
set_daemon (const char *option, const char *value, gpointer client, GError **error)
{
  milter_client_set_run_as_daemon (client, TRUE);
  return TRUE;
}

static gboolean
set_no_daemon (const char *option, const char *value, gpointer client, GError **error)
{
  milter_client_set_run_as_daemon (client, FALSE);
  return TRUE;
}

static gboolean
set_pid_file (const char *option, const char *value, gpointer client, GError **error)
{
  if (*value == '\0')
    return milter_client_value_fail (option, error, "a file name is missing");
  milter_client_set_pid_file (client, value);
  return TRUE;
}

static gboolean
set_n_workers (const char *option, const char *value, gpointer client, GError **error)
{
  guint n = 0;

  if (!milter_client_read_number (option, value, MILTER_CLIENT_MAX_WORKERS, &n, error))
    return FALSE;
  milter_client_set_n_workers (client, n);
  return TRUE;
}

static gboolean
set_event_loop_backend (const char *option, const char *value, gpointer client, GError **error)
{
  if (strcmp (value, "glib") == 0)
    {
      g_object_set (client, "event-loop-backend", MILTER_CLIENT_EVENT_LOOP_BACKEND_GLIB, NULL);
      return TRUE;
    }
  if (strcmp (value, "libev") == 0)
    return milter_client_value_fail (
        option, error, "this library has no loops of libev; leave the option out, or say glib");
  return milter_client_value_fail (option, error, "<%s>: there is no such backend; say glib", value);
}

static gboolean
set_packet_buffer_size (const char *option, const char *value, gpointer client, GError **error)
{
  guint size = 0;

  if (!milter_client_read_number (option, value, MAX_PACKET_BUFFER_SIZE, &size, error))
    return FALSE;
  g_object_set (client, "default-packet-buffer-size", size, NULL);
  return TRUE;
}

static gboolean
set_max_pending (const char *option, const char *value, gpointer client, GError **error)
{
  guint n = 0;

  if (!milter_client_read_number (option, value, MAX_PENDING_FINISHED_SESSIONS, &n, error))
    return FALSE;
  milter_client_set_max_pending_finished_sessions (client, n);
  return TRUE;
}

/* clang-format off: a table */
#define CALL(function) G_OPTION_ARG_CALLBACK, (gpointer) function
/* as they were typed: a path need not be text in the locale's encoding, nor has to be recoded */
#define BYTES G_OPTION_FLAG_FILENAME
static const GOptionEntry entries[] = {
  { "connection-spec", 's', BYTES, CALL (set_spec),
    "Listen at SPEC: unix:PATH, inet:PORT[@HOST] or inet6:PORT[@HOST]", "SPEC" },
  { "log-level", 0, BYTES, CALL (set_log_level),
    "Log these levels: critical, error, warning, message, info, debug, all, default, none", "LEVEL" },
  { "log-path", 0, BYTES, CALL (set_log_path),
    "Log to PATH; - is the standard output (standard error)", "PATH" },
  { "verbose", 'v', G_OPTION_FLAG_NO_ARG, CALL (set_verbose), "Log all levels", NULL },
  { "quiet", 'q', G_OPTION_FLAG_NO_ARG, CALL (set_quiet), "Log errors alone", NULL },
  { "syslog", 0, G_OPTION_FLAG_NO_ARG, CALL (set_syslog), "Log to syslog as well", NULL },
  { "syslog-facility", 0, BYTES, CALL (set_syslog_facility),
    "Log to this facility of syslog (mail)", "FACILITY" },
  { "daemon", 0, G_OPTION_FLAG_NO_ARG, CALL (set_daemon), "Run in the background", NULL },
  { "no-daemon", 0, G_OPTION_FLAG_NO_ARG, CALL (set_no_daemon), "Cancel a --daemon before it", NULL },
  { "user", 'u', BYTES, CALL (set_user), "Run as this user, if root starts it", "UID_OR_NAME" },
  { "user-id", 0, BYTES, CALL (set_user_id), "Run as the user of this number", "UID" },
  { "user-name", 0, BYTES, CALL (set_user), "Run as the user of this name", "NAME" },
  { "group", 'g', BYTES, CALL (set_group), "Run with this group (the user's own)", "GID_OR_NAME" },
  { "group-id", 0, BYTES, CALL (set_group_id), "Run with the group of this number", "GID" },
  { "group-name", 0, BYTES, CALL (set_group), "Run with the group of this name", "NAME" },
  { "unix-socket-group", 0, BYTES, CALL (set_socket_group), "Give the unix socket to GROUP", "GROUP" },
  { "socket-group-name", 0, G_OPTION_FLAG_HIDDEN | BYTES, CALL (set_deprecated_socket_group),
    "As --unix-socket-group (deprecated)", "GROUP" },
  { "unix-socket-mode", 0, BYTES, CALL (set_socket_mode),
    "Give the unix socket MODE, in octal or as u=rw,g=rw (0660)", "MODE" },
  { "n-workers", 0, BYTES, CALL (set_n_workers), "Serve connections in N threads, at most 1000", "N" },
  { "event-loop-backend", 0, BYTES, CALL (set_event_loop_backend),
    "Only glib; for programs that ask", "BACKEND" },
  { "packet-buffer-size", 0, BYTES, CALL (set_packet_buffer_size),
    "Without effect: what is due at once is always sent at once", "SIZE" },
  { "pid-file", 0, BYTES, CALL (set_pid_file), "Write the process id to FILE", "FILE" },
  { "max-pending-finished-sessions", 0, BYTES, CALL (set_max_pending),
    "Tell of finished sessions when there are N, or nothing else is to do", "N" },
  { NULL, 0, 0, 0, NULL, NULL, NULL }
};
/* clang-format on */

/* what the options mean together */
static gboolean
after_parsing (GOptionContext *context, GOptionGroup *group, gpointer data, GError **error)
{
  MilterClient *client = data;

  if (client->priv->start_syslog)
    milter_client_start_syslog (client);
  return TRUE;
}

/**
 * milter_client_get_option_group:
 * @client: a client
 *
 * Makes the options that milter programs have in common: where to listen, logs, user and group,
 * mode and group of a unix socket, threads, going to the background, a pid file. Each one is
 * checked, and sets its value of @client when it is parsed. `--help-milter` lists them.
 *
 * Errors are of the domain %G_OPTION_ERROR, with a message as `--n-workers: -1 is not from 0 to
 * 1000`.
 *
 * Returns: (transfer full): the group, for g_option_context_add_group(); it holds @client
 *
 * Since: 0.1
 */
GOptionGroup *
milter_client_get_option_group (MilterClient *client)
{
  GOptionGroup *group;

  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  group = g_option_group_new ("milter",
                              "Milter Common Options",
                              "Show the options that milters have in common",
                              g_object_ref (client),
                              g_object_unref);
  g_option_group_add_entries (group, entries);
  g_option_group_set_parse_hooks (group, NULL, after_parsing);
  return group;
}
