/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-macros-requests.c: the macros that a milter asks for.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

static void
check (MilterMacrosRequests *requests, MilterCommand command, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (GList *node = milter_macros_requests_get_symbols (requests, command); node != NULL;
       node = node->next)
    g_string_append_printf (text, "%s ", (const char *) node->data);
  cr_assert_str_eq (text->str, expected);
}

Test (macros_requests, lists_are_kept_by_stage_without_braces)
{
  g_autoptr (MilterMacrosRequests) requests = milter_macros_requests_new ();
  const char *names[] = { "{auth_authen}", "i", "i", "", NULL };

  milter_macros_requests_set_symbols (
      requests, MILTER_COMMAND_CONNECT, "j", "{daemon_name}", "{j}", NULL);
  milter_macros_requests_set_symbols_string_array (requests, MILTER_COMMAND_ENVELOPE_FROM, names);
  check (requests, MILTER_COMMAND_CONNECT, "j daemon_name ");
  check (requests, MILTER_COMMAND_ENVELOPE_FROM, "auth_authen i ");
  check (requests, MILTER_COMMAND_HELO, "");
  check (requests, MILTER_COMMAND_BODY, "");
  milter_macros_requests_set_symbols (requests, MILTER_COMMAND_CONNECT, "v", NULL);
  check (requests, MILTER_COMMAND_CONNECT, "v ");
}

Test (macros_requests, an_empty_list_is_a_request_too)
{
  g_autoptr (MilterMacrosRequests) requests = milter_macros_requests_new ();

  cr_assert_not (milter_macros_requests_has_symbols (requests, MILTER_COMMAND_HELO));
  milter_macros_requests_set_symbols (requests, MILTER_COMMAND_HELO, NULL);
  milter_macros_requests_set_symbols_string_array (requests, MILTER_COMMAND_DATA, NULL);
  cr_assert (milter_macros_requests_has_symbols (requests, MILTER_COMMAND_HELO));
  cr_assert (milter_macros_requests_has_symbols (requests, MILTER_COMMAND_DATA));
  cr_assert_null (milter_macros_requests_get_symbols (requests, MILTER_COMMAND_HELO));
  cr_assert_not (milter_macros_requests_has_symbols (requests, MILTER_COMMAND_UNKNOWN));
}

static void
collect (MilterCommand command, GList *symbols, gpointer user_data)
{
  GString *text = user_data;

  g_string_append_printf (text, "%c%u ", command, g_list_length (symbols));
}

Test (macros_requests, foreach_tells_each_list_once)
{
  g_autoptr (MilterMacrosRequests) requests = milter_macros_requests_new ();
  g_autoptr (GString) text = g_string_new (NULL);

  milter_macros_requests_set_symbols (requests, MILTER_COMMAND_END_OF_HEADER, "i", NULL);
  milter_macros_requests_set_symbols (
      requests, MILTER_COMMAND_END_OF_MESSAGE, "i", "{msg_id}", "{a}", NULL);
  milter_macros_requests_set_symbols (requests, MILTER_COMMAND_HELO, NULL);
  milter_macros_requests_foreach (requests, collect, text);
  cr_assert_str_eq (text->str, "H0 E3 N1 ");
}

Test (macros_requests, merge_asks_for_what_either_asked_for)
{
  g_autoptr (MilterMacrosRequests) dest = milter_macros_requests_new ();
  g_autoptr (MilterMacrosRequests) src = milter_macros_requests_new ();

  milter_macros_requests_set_symbols (dest, MILTER_COMMAND_CONNECT, "j", "v", NULL);
  milter_macros_requests_set_symbols (src, MILTER_COMMAND_CONNECT, "{v}", "{daemon_name}", NULL);
  milter_macros_requests_set_symbols (src, MILTER_COMMAND_DATA, "i", NULL);
  milter_macros_requests_set_symbols (src, MILTER_COMMAND_HELO, NULL);
  milter_macros_requests_merge (dest, src);
  milter_macros_requests_merge (dest, dest);
  check (dest, MILTER_COMMAND_CONNECT, "j v daemon_name ");
  check (dest, MILTER_COMMAND_DATA, "i ");
  cr_assert (milter_macros_requests_has_symbols (dest, MILTER_COMMAND_HELO));
  check (src, MILTER_COMMAND_CONNECT, "v daemon_name ");
}

static void
set_symbols (MilterMacrosRequests *requests, MilterCommand command, const char *first, ...)
{
  va_list args;

  va_start (args, first);
  milter_macros_requests_set_symbols_va_list (requests, command, first, args);
  va_end (args);
}

Test (macros_requests, a_list_may_come_as_arguments_of_another_function)
{
  g_autoptr (MilterMacrosRequests) requests = milter_macros_requests_new ();
  GList *symbols;

  set_symbols (requests, MILTER_COMMAND_HELO, "j", "{tls_version}", NULL);
  symbols = milter_macros_requests_get_symbols (requests, MILTER_COMMAND_HELO);
  cr_assert_eq (g_list_length (symbols), 2);
  cr_expect_str_eq (symbols->data, "j");
}
