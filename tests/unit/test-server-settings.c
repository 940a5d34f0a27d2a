/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-server-settings.c: what a server context is told and tells again.
 */
#include <criterion/criterion.h>

#include <milter/server.h>

Test (server_settings, the_library_is_set_up_more_than_once)
{
  milter_init ();
  milter_server_init ();
  milter_server_init ();
  cr_expect_eq (g_type_from_name ("MilterServerContext"), milter_server_context_get_type ());
  milter_server_quit ();
  milter_quit ();
  cr_expect_str_eq (g_quark_to_string (milter_server_context_error_quark ()),
                    "milter-server-context-error-quark");
}

Test (server_settings, each_timeout_is_a_property_of_its_own)
{
  static const struct
  {
    const char *name;
    void (*set) (MilterServerContext *context, gdouble timeout);
    double standard;
  } cases[] = {
    { "connection-timeout", milter_server_context_set_connection_timeout, 300.0 },
    { "writing-timeout", milter_server_context_set_writing_timeout, 10.0 },
    { "reading-timeout", milter_server_context_set_reading_timeout, 10.0 },
    { "end-of-message-timeout", milter_server_context_set_end_of_message_timeout, 300.0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterServerContext) context = milter_server_context_new ();

      cases[i].set (context, 2.5);
      for (gsize k = 0; k < G_N_ELEMENTS (cases); k++)
        {
          double timeout = 0.0;

          g_object_get (context, cases[k].name, &timeout, NULL);
          cr_expect_float_eq (timeout, k == i ? 2.5 : cases[k].standard, 0.0, "%s", cases[k].name);
        }
      milter_server_context_set_all_timeouts (context, 4.0);
      for (gsize k = 0; k < G_N_ELEMENTS (cases); k++)
        {
          double timeout = 0.0;

          g_object_get (context, cases[k].name, &timeout, NULL);
          cr_expect_float_eq (timeout, 4.0, 0.0, "%s", cases[k].name);
        }
    }
}

Test (server_settings, a_context_holds_what_was_set)
{
  g_autoptr (MilterServerContext) context = milter_server_context_new ();
  g_autoptr (MilterMessageResult) result = g_object_new (MILTER_TYPE_MESSAGE_RESULT, NULL);

  milter_server_context_set_name (context, "opendkim");
  cr_expect_str_eq (milter_server_context_get_name (context), "opendkim");
  milter_server_context_set_status (context, MILTER_STATUS_ACCEPT);
  cr_expect_eq (milter_server_context_get_status (context), MILTER_STATUS_ACCEPT);
  milter_server_context_set_state (context, MILTER_SERVER_CONTEXT_STATE_HELO);
  cr_expect_eq (milter_server_context_get_state (context), MILTER_SERVER_CONTEXT_STATE_HELO);
  milter_server_context_set_state (context, MILTER_SERVER_CONTEXT_STATE_DATA);
  cr_expect_eq (milter_server_context_get_last_state (context), MILTER_SERVER_CONTEXT_STATE_HELO);
  milter_server_context_set_quitted (context, TRUE);
  cr_expect (milter_server_context_is_quitted (context));
  milter_server_context_set_message_result (context, result);
  cr_expect_eq (milter_server_context_get_message_result (context), result);
  cr_expect_not (milter_server_context_is_processing (context));
  cr_expect_not (milter_server_context_is_negotiated (context));
  cr_expect_not (milter_server_context_get_skip_body (context));
  cr_expect_not (milter_server_context_has_accepted_recipient (context));
  cr_expect_float_eq (milter_server_context_get_elapsed (context), 0.0, 0.0);
}

Test (server_settings, steps_are_those_of_the_option)
{
  g_autoptr (MilterServerContext) context = milter_server_context_new ();
  g_autoptr (MilterOption) option = milter_option_new (6, 0, MILTER_STEP_NO_HELO);

  cr_expect_not (milter_server_context_is_enable_step (context, MILTER_STEP_NO_HELO));
  milter_server_context_set_option (context, option);
  cr_expect (milter_option_equal (milter_server_context_get_option (context), option));
  cr_expect (milter_server_context_is_enable_step (context, MILTER_STEP_NO_HELO));
  cr_expect_not (milter_server_context_is_enable_step (context, MILTER_STEP_NO_BODY));
}

Test (server_settings, what_belongs_to_a_message_is_forgotten_on_request)
{
  g_autoptr (MilterServerContext) context = milter_server_context_new ();

  milter_server_context_set_status (context, MILTER_STATUS_REJECT);
  milter_server_context_set_processing_message (context, TRUE);
  cr_expect (milter_server_context_is_processing_message (context));
  milter_server_context_reset_message_related_data (context);
  cr_expect_not (milter_server_context_is_processing_message (context));
  cr_expect_eq (milter_server_context_get_status (context), MILTER_STATUS_DEFAULT);
}

Test (server_settings, an_abort_is_not_answered_and_the_end_of_a_message_is)
{
  g_autoptr (MilterServerContext) context = milter_server_context_new ();

  cr_expect (
      milter_server_context_need_reply (context, MILTER_SERVER_CONTEXT_STATE_END_OF_MESSAGE));
  cr_expect_not (milter_server_context_need_reply (context, MILTER_SERVER_CONTEXT_STATE_ABORT));
  cr_expect_not (milter_server_context_need_reply (context, MILTER_SERVER_CONTEXT_STATE_INVALID));
}
