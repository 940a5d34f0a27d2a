/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-settings.c: what a client and a context are told, and tell again.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <unistd.h>

#include <milter/client.h>

Test (client_settings, the_library_is_set_up_more_than_once)
{
  milter_init ();
  milter_client_init ();
  milter_client_init ();
  cr_expect_neq (g_type_from_name ("MilterClientContext"), 0);
  milter_client_quit ();
  milter_quit ();
  cr_expect_str_eq (g_quark_to_string (milter_client_error_quark ()), "milter-client-error-quark");
  cr_expect_str_eq (g_quark_to_string (milter_client_context_error_quark ()),
                    "milter-client-context-error-quark");
}

Test (client_settings, numbers_have_defaults_and_hold_what_was_set)
{
  static const struct
  {
    const char *name;
    guint (*get) (MilterClient *client);
    void (*set) (MilterClient *client, guint value);
    guint standard;
  } cases[] = {
    { "timeout", milter_client_get_timeout, milter_client_set_timeout, 7210 },
    { "suspend time",
      milter_client_get_suspend_time_on_unacceptable,
      milter_client_set_suspend_time_on_unacceptable,
      5 },
    { "connections", milter_client_get_max_connections, milter_client_set_max_connections, 0 },
    { "interval",
      milter_client_get_maintenance_interval,
      milter_client_set_maintenance_interval,
      0 },
    { "pending",
      milter_client_get_max_pending_finished_sessions,
      milter_client_set_max_pending_finished_sessions,
      0 },
    { "workers", milter_client_get_n_workers, milter_client_set_n_workers, 0 },
    { "mode", milter_client_get_unix_socket_mode, milter_client_set_unix_socket_mode, 0660 },
  };
  g_autoptr (MilterClient) client = milter_client_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      cr_expect_eq (cases[i].get (client), cases[i].standard, "%s", cases[i].name);
      cases[i].set (client, 0600);
      cr_expect_eq (cases[i].get (client), 0600, "%s", cases[i].name);
    }
}

Test (client_settings, mode_and_group_of_the_socket_fall_back_on_the_default_ones)
{
  g_autoptr (MilterClient) client = milter_client_new ();

  milter_client_set_default_unix_socket_mode (client, 0666);
  cr_expect_eq (milter_client_get_default_unix_socket_mode (client), 0666);
  cr_expect_eq (milter_client_get_unix_socket_mode (client), 0666);
  milter_client_set_unix_socket_mode (client, 0600);
  cr_expect_eq (milter_client_get_unix_socket_mode (client), 0600);
  milter_client_set_unix_socket_mode (client, 0);
  cr_expect_eq (milter_client_get_unix_socket_mode (client), 0666);

  cr_expect_null (milter_client_get_unix_socket_group (client));
  milter_client_set_default_unix_socket_group (client, "mail");
  cr_expect_str_eq (milter_client_get_default_unix_socket_group (client), "mail");
  cr_expect_str_eq (milter_client_get_unix_socket_group (client), "mail");
  milter_client_set_default_unix_socket_group (client,
                                               milter_client_get_unix_socket_group (client));
  cr_expect_str_eq (milter_client_get_default_unix_socket_group (client), "mail");
  milter_client_set_unix_socket_group (client, "postfix");
  milter_client_set_unix_socket_group (client, milter_client_get_unix_socket_group (client));
  cr_expect_str_eq (milter_client_get_unix_socket_group (client), "postfix");
  milter_client_set_unix_socket_group (client, NULL);
  cr_expect_str_eq (milter_client_get_unix_socket_group (client), "mail");
}

Test (client_settings, texts_hold_what_was_set_and_are_taken_back)
{
  static const struct
  {
    const char *text;
    const char *(*get) (MilterClient *client);
    void (*set) (MilterClient *client, const char *text);
  } cases[] = {
    { "nobody", milter_client_get_effective_user, milter_client_set_effective_user },
    { "mail", milter_client_get_effective_group, milter_client_set_effective_group },
    { "/run/m.pid", milter_client_get_pid_file, milter_client_set_pid_file },
    { "my-milter", milter_client_get_syslog_identify, milter_client_set_syslog_identify },
    { "local5", milter_client_get_syslog_facility, milter_client_set_syslog_facility },
  };
  g_autoptr (MilterClient) client = milter_client_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      cr_expect_null (cases[i].get (client));
      cases[i].set (client, cases[i].text);
      cr_expect_str_eq (cases[i].get (client), cases[i].text);
      cases[i].set (client, cases[i].get (client));
      cr_expect_str_eq (cases[i].get (client), cases[i].text);
      cases[i].set (client, NULL);
      cr_expect_null (cases[i].get (client));
    }
}

Test (client_settings, choices_have_defaults_and_hold_what_was_set)
{
  static const struct
  {
    gboolean (*get) (MilterClient *client);
    void (*set) (MilterClient *client, gboolean value);
    gboolean standard;
  } cases[] = {
    { milter_client_is_remove_unix_socket_on_create,
      milter_client_set_remove_unix_socket_on_create,
      TRUE },
    { milter_client_is_remove_unix_socket_on_close,
      milter_client_set_default_remove_unix_socket_on_close,
      TRUE },
    { milter_client_get_default_remove_unix_socket_on_close,
      milter_client_set_default_remove_unix_socket_on_close,
      TRUE },
    { milter_client_is_remove_pid_file_on_exit, milter_client_set_remove_pid_file_on_exit, TRUE },
    { milter_client_is_run_as_daemon, milter_client_set_run_as_daemon, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterClient) client = milter_client_new ();

      cr_expect_eq (cases[i].get (client), cases[i].standard);
      cases[i].set (client, !cases[i].standard);
      cr_expect_eq (cases[i].get (client), !cases[i].standard);
    }
}

Test (client_settings, properties_have_the_documented_defaults)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autofree char *spec = NULL;
  g_autofree char *pid_file = NULL;
  MilterClientEventLoopBackend backend = MILTER_CLIENT_EVENT_LOOP_BACKEND_LIBEV;
  guint buffer_size = 1;
  guint worker_id = 1;
  gboolean remove = FALSE;
  gboolean daemon = TRUE;

  g_object_get (client,
                "connection-spec",
                &spec,
                "pid-file",
                &pid_file,
                "event-loop-backend",
                &backend,
                "default-packet-buffer-size",
                &buffer_size,
                "worker-id",
                &worker_id,
                "remove-pid-file-on-exit",
                &remove,
                "run-as-daemon",
                &daemon,
                NULL);
  cr_expect_null (spec);
  cr_expect_null (pid_file);
  cr_expect_eq (backend, MILTER_CLIENT_EVENT_LOOP_BACKEND_DEFAULT);
  cr_expect_eq (buffer_size, 0);
  cr_expect_eq (worker_id, milter_client_get_worker_id (client));
  cr_expect_eq (worker_id, 0);
  cr_expect (remove);
  cr_expect_not (daemon);
}

Test (client_settings, syslog_is_of_the_client_that_started_it_last)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (MilterClient) other = milter_client_new ();

  milter_client_start_syslog (client);
  cr_expect (milter_client_get_syslog_enabled (client));
  milter_client_start_syslog (other);
  cr_expect_not (milter_client_get_syslog_enabled (client));
  cr_expect (milter_client_get_syslog_enabled (other));
  milter_client_stop_syslog (other);
  cr_expect_not (milter_client_get_syslog_enabled (other));
}

/* A context. */

Test (client_settings, a_context_holds_what_was_set)
{
  g_autoptr (MilterClientContext) context = milter_client_context_new (NULL);
  g_autoptr (MilterMessageResult) result = g_object_new (MILTER_TYPE_MESSAGE_RESULT, NULL);
  g_autoptr (MilterOption) option = milter_option_new (6, MILTER_ACTION_ADD_HEADERS, 0);
  MilterGenericSocketAddress address = { .inet.sin_family = AF_INET };
  guint buffer_size = 1;

  cr_expect_eq (milter_client_context_get_timeout (context), 7210);
  milter_client_context_set_timeout (context, 3);
  cr_expect_eq (milter_client_context_get_timeout (context), 3);
  milter_client_context_set_state (context, MILTER_CLIENT_CONTEXT_STATE_HELO);
  cr_expect_eq (milter_client_context_get_state (context), MILTER_CLIENT_CONTEXT_STATE_HELO);
  cr_expect_eq (milter_client_context_get_last_state (context), MILTER_CLIENT_CONTEXT_STATE_START);
  milter_client_context_set_status (context, MILTER_STATUS_REJECT);
  cr_expect_eq (milter_client_context_get_status (context), MILTER_STATUS_REJECT);
  milter_client_context_set_quarantine_reason (context, "odd");
  cr_expect_str_eq (milter_client_context_get_quarantine_reason (context), "odd");
  cr_expect_null (milter_client_context_get_socket_address (context));
  milter_client_context_set_socket_address (context, &address);
  milter_client_context_set_socket_address (context,
                                            milter_client_context_get_socket_address (context));
  cr_expect_eq (milter_client_context_get_socket_address (context)->base.sa_family, AF_INET);
  milter_client_context_set_message_result (context, result);
  cr_expect_eq (milter_client_context_get_message_result (context), result);
  milter_client_context_set_option (context, option);
  cr_expect_eq (milter_client_context_get_option (context), option);
  cr_expect_not (milter_client_context_get_use_bytes (context));
  milter_client_context_set_use_bytes (context, TRUE);
  cr_expect (milter_client_context_get_use_bytes (context));
  g_object_get (context, "packet-buffer-size", &buffer_size, NULL);
  cr_expect_eq (buffer_size, 0);
}

Test (client_settings, a_message_leaves_nothing_on_the_context_that_is_reset)
{
  g_autoptr (MilterClientContext) context = milter_client_context_new (NULL);

  milter_client_context_set_mail_transaction_shelf_value (context, "key", "value");
  milter_client_context_set_mail_transaction_shelf_value (context, "other", "value");
  cr_expect_eq (g_hash_table_size (milter_client_context_get_mail_transaction_shelf (context)), 2);
  milter_client_context_clear_mail_transaction_shelf (context);
  cr_expect_null (milter_client_context_get_mail_transaction_shelf_value (context, "key"));
  milter_client_context_set_mail_transaction_shelf_value (context, "key", "value");
  milter_client_context_set_quarantine_reason (context, "odd");
  milter_client_context_reset_message_related_data (context);
  cr_expect_null (milter_client_context_get_mail_transaction_shelf_value (context, "key"));
  cr_expect_null (milter_client_context_get_quarantine_reason (context));
}

Test (client_settings, a_context_is_fed_without_a_socket)
{
  g_autoptr (MilterClientContext) context = milter_client_context_new (NULL);
  g_autoptr (GError) error = NULL;

  cr_expect (milter_client_context_feed (context, "\0\0\0\1", 4, &error));
  cr_expect_not (milter_client_context_feed (context, "?", 1, &error));
  cr_expect_not_null (error);
}
