/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-options.c: the options that milter programs have in common, right ones and wrong
 * ones.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include <milter/client.h>

/* parses what is separated by blanks; %FALSE with *message (transfer full) */
static gboolean
parse (MilterClient *client, const char *words, char **message)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char *line = g_strconcat ("milter ", words, NULL);
  g_auto (GStrv) arguments = g_strsplit (line, " ", -1);
  g_autoptr (GError) error = NULL;
  gboolean parsed;

  g_option_context_add_group (context, milter_client_get_option_group (client));
  parsed = g_option_context_parse_strv (context, &arguments, &error);
  if (error != NULL)
    cr_expect_eq (error->domain, G_OPTION_ERROR);
  *message = error != NULL ? g_strdup (error->message) : NULL;
  return parsed;
}

static guint
get_mode (MilterClient *client)
{
  return milter_client_get_unix_socket_mode (client);
}

static guint
get_buffer_size (MilterClient *client)
{
  guint size = 0;

  g_object_get (client, "default-packet-buffer-size", &size, NULL);
  return size;
}

static guint
get_backend (MilterClient *client)
{
  MilterClientEventLoopBackend backend = MILTER_CLIENT_EVENT_LOOP_BACKEND_DEFAULT;

  g_object_get (client, "event-loop-backend", &backend, NULL);
  return backend;
}

static guint
is_daemon (MilterClient *client)
{
  return (guint) milter_client_is_run_as_daemon (client);
}

Test (client_options, each_number_and_mode_reaches_the_client)
{
  static const struct
  {
    const char *words;
    guint (*get) (MilterClient *client);
    guint value;
  } cases[] = {
    { "--n-workers 0", milter_client_get_n_workers, 0 },
    { "--n-workers=1000", milter_client_get_n_workers, 1000 },
    { "--unix-socket-mode 660", get_mode, 0660 },
    { "--unix-socket-mode 0600", get_mode, 0600 },
    { "--unix-socket-mode 777", get_mode, 0777 },
    { "--unix-socket-mode u=rw", get_mode, 0600 },
    { "--unix-socket-mode ug=rw,o=r", get_mode, 0664 },
    { "--unix-socket-mode a=rwx,o-wx", get_mode, 0774 },
    { "--unix-socket-mode u=rw,g+w", get_mode, 0620 },
    { "--packet-buffer-size 4096", get_buffer_size, 4096 },
    { "--max-pending-finished-sessions 7", milter_client_get_max_pending_finished_sessions, 7 },
    { "--daemon", is_daemon, 1 },
    { "--daemon --no-daemon", is_daemon, 0 },
    { "--event-loop-backend=glib", get_backend, MILTER_CLIENT_EVENT_LOOP_BACKEND_GLIB },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterClient) client = milter_client_new ();
      g_autofree char *message = NULL;

      cr_expect (parse (client, cases[i].words, &message), "%s: %s", cases[i].words, message);
      cr_expect_eq (cases[i].get (client), cases[i].value, "%s", cases[i].words);
    }
}

Test (client_options, each_name_reaches_the_client)
{
  static const struct
  {
    const char *words;
    const char *(*get) (MilterClient *client);
    const char *value;
  } cases[] = {
    { "-s inet:10030", milter_client_get_connection_spec, "inet:10030" },
    { "--connection-spec=unix:/run/m", milter_client_get_connection_spec, "unix:/run/m" },
    { "-u root", milter_client_get_effective_user, "root" },
    { "--user 4711", milter_client_get_effective_user, "4711" },
    { "--user-id 4711", milter_client_get_effective_user, "4711" },
    { "--user-name root", milter_client_get_effective_user, "root" },
    { "-g root", milter_client_get_effective_group, "root" },
    { "--group 4711", milter_client_get_effective_group, "4711" },
    { "--group-id 4711", milter_client_get_effective_group, "4711" },
    { "--group-name root", milter_client_get_effective_group, "root" },
    { "--unix-socket-group root", milter_client_get_unix_socket_group, "root" },
    { "--pid-file /run/m.pid", milter_client_get_pid_file, "/run/m.pid" },
    { "--syslog-facility local3", milter_client_get_syslog_facility, "local3" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterClient) client = milter_client_new ();
      g_autofree char *message = NULL;

      cr_expect (parse (client, cases[i].words, &message), "%s: %s", cases[i].words, message);
      cr_expect_str_eq (cases[i].get (client), cases[i].value, "%s", cases[i].words);
    }
}

Test (client_options, each_wrong_value_is_refused_with_its_option_and_the_reason)
{
  static const struct
  {
    const char *words;
    const char *message;
  } cases[] = {
    { "-s inet", "-s: " },
    { "--connection-spec=inet:99999", "--connection-spec: " },
    { "--n-workers=-1", "--n-workers: -1 is not from 0 to 1000" },
    { "--n-workers -1", "--n-workers: -1 is not from 0 to 1000" },
    { "--n-workers=1000000000", "--n-workers: 1000000000 is not from 0 to 1000" },
    { "--n-workers=99999999999999999999", "--n-workers: 99999999999999999999 is not from 0" },
    { "--n-workers=1001", "--n-workers: 1001 is not from 0 to 1000" },
    { "--n-workers=12x", "--n-workers: this is no whole number: <12|@|x>" },
    { "--n-workers=", "--n-workers: a number is missing" },
    { "--n-workers=-", "--n-workers: this is no whole number: <-|@|>" },
    { "--packet-buffer-size=-5", "--packet-buffer-size: -5 is not from 0 to 2147483647" },
    { "--max-pending-finished-sessions=1e3",
      "--max-pending-finished-sessions: this is no whole number: <1|@|e3>" },
    { "--unix-socket-mode=", "--unix-socket-mode: a mode is missing" },
    { "--unix-socket-mode=668", "--unix-socket-mode: this is no octal digit: <66|@|8>" },
    { "--unix-socket-mode=1777", "--unix-socket-mode: 1777 is not from 0 to 0777" },
    { "--unix-socket-mode=77777777777777777777777777", "--unix-socket-mode: 777" },
    { "--unix-socket-mode=0", "--unix-socket-mode: 0: nobody could connect" },
    { "--unix-socket-mode=a=", "--unix-socket-mode: a=: nobody could connect" },
    { "--unix-socket-mode=u=q",
      "--unix-socket-mode: this is neither an octal mode nor one like u=rw,g=r: <u=|@|q>" },
    { "--unix-socket-mode=u=r,", "--unix-socket-mode: this is neither" },
    { "--unix-socket-mode==r", "--unix-socket-mode: this is neither" },
    { "--unix-socket-mode=-7", "--unix-socket-mode: this is neither" },
    { "-u no-such-user", "-u: there is no user \"no-such-user\"" },
    { "--user-id root", "--user-id: <root>: this is no number" },
    { "--user-id=-1", "--user-id: <-1>: this is no number" },
    { "--user-id 4294967295", "--user-id: <4294967295>: this is no number" },
    { "--user-name=", "--user-name: there is no user \"\"" },
    { "--group no-such-group", "--group: there is no group \"no-such-group\"" },
    { "--group-id x", "--group-id: <x>: this is no number" },
    { "--group-name no-such-group", "--group-name: there is no group" },
    { "--unix-socket-group no-such-group", "--unix-socket-group: there is no group" },
    { "--event-loop-backend libev", "--event-loop-backend: this library has no loops of libev" },
    { "--event-loop-backend qt", "--event-loop-backend: <qt>: there is no such backend" },
    { "--syslog-facility pigeon", "--syslog-facility: <pigeon>: syslog has no such facility" },
    { "--log-level loud", "--log-level: <loud>: there is no level \"loud\"" },
    { "--log-level info|loud", "--log-level: <info|loud>: there is no level \"loud\"" },
    { "--log-level=", "--log-level: <>: there is no level \"\"" },
    { "--log-path /nowhere/at/all", "--log-path: the log /nowhere/at/all cannot be opened: " },
    { "--log-path=", "--log-path: a file name is missing" },
    { "--pid-file=", "--pid-file: a file name is missing" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterClient) client = milter_client_new ();
      g_autofree char *message = NULL;

      cr_expect_not (parse (client, cases[i].words, &message), "%s", cases[i].words);
      cr_expect (message != NULL && g_str_has_prefix (message, cases[i].message),
                 "%s: %s",
                 cases[i].words,
                 message);
    }
}

Test (client_options, a_wrong_value_leaves_what_was_set)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autofree char *message = NULL;

  milter_client_set_n_workers (client, 3);
  cr_expect_not (parse (client, "--n-workers=-1", &message));
  cr_expect_eq (milter_client_get_n_workers (client), 3);
}

Test (client_options, the_group_is_the_common_one_and_holds_its_client)
{
  MilterClient *client = milter_client_new ();
  gpointer weak = client;
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  GOptionGroup *group = milter_client_get_option_group (client);
  g_autofree char *help = NULL;

  g_object_add_weak_pointer (G_OBJECT (client), &weak);
  g_option_context_add_group (context, group);
  g_object_unref (client);
  cr_expect_not_null (weak);
  help = g_option_context_get_help (context, FALSE, group);
  cr_expect_not_null (strstr (help, "Milter Common Options"));
  cr_expect_not_null (strstr (help, "--max-pending-finished-sessions=N"));
  cr_expect_null (strstr (help, "--socket-group-name"));
  g_option_context_free (g_steal_pointer (&context));
  cr_expect_null (weak);
}

static void
count_messages (const char *domain, GLogLevelFlags level, const char *message, gpointer n)
{
  if (strstr (message, "--socket-group-name is deprecated") != NULL)
    (*(guint *) n)++;
}

Test (client_options, the_deprecated_name_works_and_warns)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autofree char *message = NULL;
  guint n = 0;
  guint handler
      = g_log_set_handler ("milterlab", G_LOG_LEVEL_WARNING, count_messages, &n);

  cr_expect (parse (client, "--socket-group-name root", &message));
  g_log_remove_handler ("milterlab", handler);
  cr_expect_eq (n, 1);
  cr_expect_str_eq (milter_client_get_unix_socket_group (client), "root");
}

/* a log file of its own, and what is in it afterwards */
static char *
log_with (const char *options, void (*log) (void))
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autofree char *path = NULL;
  g_autofree char *words = NULL;
  g_autofree char *message = NULL;
  char *content = NULL;
  int fd = g_file_open_tmp ("client-options-XXXXXX", &path, NULL);

  cr_assert_geq (fd, 0);
  close (fd);
  words = g_strdup_printf ("--log-path %s%s", path, options);
  cr_expect (parse (client, words, &message), "%s", message);
  log ();
  g_log_set_default_handler (g_log_default_handler, NULL);
  cr_assert (g_file_get_contents (path, &content, NULL, NULL));
  g_unlink (path);
  return content;
}

static void
log_all_levels (void)
{
  g_log ("test", G_LOG_LEVEL_WARNING, "a warning");
  g_log ("test", G_LOG_LEVEL_MESSAGE, "a message");
  g_log ("test", G_LOG_LEVEL_INFO, "an info");
  g_log (NULL, G_LOG_LEVEL_DEBUG, "a debug");
}

Test (client_options, the_log_holds_the_levels_that_were_asked_for)
{
  static const struct
  {
    const char *options;
    const char *seen; /* w, m, i, d */
  } cases[] = {
    { "", "wm" },
    { " --log-level default", "wm" },
    { " --log-level info", "i" },
    { " --log-level warning|debug", "wd" },
    { " --log-level +info", "wmi" },
    { " --log-level -warning", "m" },
    { " --log-level all", "wmid" },
    { " --log-level none", "" },
    { " -v", "wmid" },
    { " --verbose", "wmid" },
    { " -q", "" },
    { " --quiet", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *content = log_with (cases[i].options, log_all_levels);
      g_autoptr (GString) seen = g_string_new (NULL);

      if (strstr (content, "[warning] test: a warning\n") != NULL)
        g_string_append_c (seen, 'w');
      if (strstr (content, "[message] test: a message\n") != NULL)
        g_string_append_c (seen, 'm');
      if (strstr (content, "[info] test: an info\n") != NULL)
        g_string_append_c (seen, 'i');
      if (strstr (content, "[debug] a debug\n") != NULL)
        g_string_append_c (seen, 'd');
      cr_expect_str_eq (seen->str, cases[i].seen, "%s: %s", cases[i].options, content);
    }
}

Test (client_options, syslog_is_started_by_its_option_and_stopped_by_its_client_alone)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (MilterClient) other = milter_client_new ();
  g_autofree char *message = NULL;

  cr_expect_not (milter_client_get_syslog_enabled (client));
  cr_expect (parse (client, "--syslog --syslog-facility local7", &message));
  cr_expect (milter_client_get_syslog_enabled (client));
  cr_expect_not (milter_client_get_syslog_enabled (other));
  milter_client_stop_syslog (other);
  cr_expect (milter_client_get_syslog_enabled (client));
  milter_client_stop_syslog (client);
  cr_expect_not (milter_client_get_syslog_enabled (client));
  g_object_set (other, "start-syslog", FALSE, NULL);
  cr_expect_not (milter_client_get_syslog_enabled (other));
  g_object_set (other, "start-syslog", TRUE, NULL);
  cr_expect (milter_client_get_syslog_enabled (other));
  g_log_set_default_handler (g_log_default_handler, NULL);
}
