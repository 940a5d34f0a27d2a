/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-session-result.c: what became of one connection.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

#include "milter-message-result-private.h"
#include "milter-session-result-private.h"

Test (session_result, keeps_its_messages_in_order)
{
  g_autoptr (MilterSessionResult) result = _milter_session_result_new ();
  g_autoptr (MilterMessageResult) first = _milter_message_result_new ();
  g_autoptr (MilterMessageResult) second = _milter_message_result_new ();
  GList *messages;

  cr_assert_null (milter_session_result_get_message_results (result));
  _milter_session_result_add_message (result, first);
  _milter_session_result_add_message (result, second);
  messages = milter_session_result_get_message_results (result);
  cr_assert_eq (g_list_length (messages), 2);
  cr_assert_eq (messages->data, first);
}

Test (session_result, tells_what_it_was_told)
{
  g_autoptr (MilterSessionResult) result = _milter_session_result_new ();

  cr_assert_not (milter_session_result_is_disconnected (result));
  _milter_session_result_set_disconnected (result, TRUE);
  cr_assert (milter_session_result_is_disconnected (result));
  _milter_session_result_start (result, 1000000);
  cr_assert_eq (milter_session_result_get_elapsed_time (result), 0);
  _milter_session_result_stop (result, 1250000);
  cr_assert_float_eq (milter_session_result_get_elapsed_time (result), 0.25, 0.0001);
}
