/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-message-result.c: what became of one message.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

#include "milter-message-result-private.h"

static void
check (GList *list, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (GList *node = list; node != NULL; node = node->next)
    g_string_append_printf (text, "%s ", (const char *) node->data);
  cr_assert_str_eq (text->str, expected);
}

Test (message_result, a_new_one_knows_nothing)
{
  g_autoptr (MilterMessageResult) result = _milter_message_result_new ();

  cr_assert_null (milter_message_result_get_from (result));
  cr_assert_null (milter_message_result_get_recipients (result));
  cr_assert_eq (milter_headers_length (milter_message_result_get_headers (result)), 0);
  cr_assert_eq (milter_message_result_get_body_size (result), 0);
  cr_assert_eq (milter_message_result_get_state (result), MILTER_STATE_START);
  cr_assert_eq (milter_message_result_get_status (result), MILTER_STATUS_DEFAULT);
  cr_assert_eq (milter_message_result_get_elapsed_time (result), 0);
  cr_assert_not (milter_message_result_is_quarantine (result));
}

Test (message_result, refused_recipients_are_listed_apart)
{
  g_autoptr (MilterMessageResult) result = _milter_message_result_new ();

  _milter_message_result_add_recipient (result, "<a@x>");
  _milter_message_result_add_recipient (result, "<b@x>");
  _milter_message_result_refuse_recipient (result, "<b@x>", MILTER_STATUS_REJECT);
  _milter_message_result_add_recipient (result, "<c@x>");
  _milter_message_result_refuse_recipient (result, "<c@x>", MILTER_STATUS_TEMPORARY_FAILURE);
  _milter_message_result_add_recipient (result, "<a@x>");
  _milter_message_result_refuse_recipient (result, "<a@x>", MILTER_STATUS_REJECT);
  _milter_message_result_refuse_recipient (result, "<never@x>", MILTER_STATUS_REJECT);
  check (milter_message_result_get_recipients (result), "<a@x> ");
  check (milter_message_result_get_rejected_recipients (result), "<b@x> <a@x> <never@x> ");
  check (milter_message_result_get_temporary_failed_recipients (result), "<c@x> ");
}

Test (message_result, tells_what_it_was_told)
{
  g_autoptr (MilterMessageResult) result = _milter_message_result_new ();

  _milter_message_result_start (result, 1000000);
  _milter_message_result_set_from (result, "<a@x>");
  _milter_message_result_set_from (result, "<b@x>");
  _milter_message_result_add_body_size (result, 65535);
  _milter_message_result_add_body_size (result, G_MAXUINT32);
  _milter_message_result_set_state (result, MILTER_STATE_BODY);
  _milter_message_result_set_status (result, MILTER_STATUS_DISCARD);
  _milter_message_result_set_quarantine (result, TRUE);
  cr_assert_eq (milter_message_result_get_elapsed_time (result), 0);
  _milter_message_result_stop (result, 3500000);

  cr_assert_str_eq (milter_message_result_get_from (result), "<b@x>");
  cr_assert_eq (milter_message_result_get_body_size (result), G_GUINT64_CONSTANT (4295032830));
  cr_assert_eq (milter_message_result_get_state (result), MILTER_STATE_BODY);
  cr_assert_eq (milter_message_result_get_status (result), MILTER_STATUS_DISCARD);
  cr_assert (milter_message_result_is_quarantine (result));
  cr_assert_float_eq (milter_message_result_get_elapsed_time (result), 2.5, 0.0001);
}

Test (message_result, headers_are_three_lists)
{
  g_autoptr (MilterMessageResult) result = _milter_message_result_new ();

  milter_headers_append_header (milter_message_result_get_headers (result), "A", "1");
  milter_headers_append_header (milter_message_result_get_added_headers (result), "B", "1");
  milter_headers_append_header (milter_message_result_get_added_headers (result), "B", "2");
  cr_assert_eq (milter_headers_length (milter_message_result_get_headers (result)), 1);
  cr_assert_eq (milter_headers_length (milter_message_result_get_added_headers (result)), 2);
  cr_assert_eq (milter_headers_length (milter_message_result_get_removed_headers (result)), 0);
}
