/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-protocol-agent.c: macros as programs see them.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

#include "milter-protocol-agent-private.h"

/* the base class cannot do anything alone, but it is no abstract one: a test may have it */
static MilterProtocolAgent *
new_agent (void)
{
  return g_object_new (MILTER_TYPE_PROTOCOL_AGENT, NULL);
}

static void
check (GHashTable *macros, const char *name, const char *expected)
{
  const char *value = g_hash_table_lookup (macros, name);

  if (expected == NULL)
    cr_assert_null (value, "%s is %s", name, value);
  else
    {
      cr_assert_not_null (value, "%s is absent", name);
      cr_assert_str_eq (value, expected);
    }
}

Test (protocol_agent, macros_of_the_current_stage_are_told_apart_from_the_available)
{
  g_autoptr (MilterProtocolAgent) agent = new_agent ();
  GHashTable *macros;

  cr_assert_eq (g_hash_table_size (milter_protocol_agent_get_macros (agent)), 0);
  milter_protocol_agent_set_macros (agent, MILTER_COMMAND_CONNECT, "j", "mx", "{i}", "C", NULL);
  milter_protocol_agent_set_macros (
      agent, MILTER_COMMAND_ENVELOPE_FROM, "{mail_addr}", "a@b", "i", "M", NULL);
  milter_protocol_agent_set_macros (agent, MILTER_COMMAND_DATA, "i", "T", NULL);
  milter_protocol_agent_set_macro_context (agent, MILTER_COMMAND_ENVELOPE_FROM);
  cr_assert_eq (milter_protocol_agent_get_macro_context (agent), MILTER_COMMAND_ENVELOPE_FROM);

  macros = milter_protocol_agent_get_macros (agent);
  cr_assert_eq (g_hash_table_size (macros), 2);
  check (macros, "mail_addr", "a@b");
  check (macros, "i", "M");
  check (macros, "j", NULL);

  macros = milter_protocol_agent_get_available_macros (agent);
  cr_assert_eq (g_hash_table_size (macros), 3);
  check (macros, "mail_addr", "a@b");
  check (macros, "i", "M");
  check (macros, "j", "mx");
  check (macros, "{mail_addr}", NULL);

  cr_assert_str_eq (milter_protocol_agent_get_macro (agent, "mail_addr"), "a@b");
  cr_assert_str_eq (milter_protocol_agent_get_macro (agent, "{mail_addr}"), "a@b");
  cr_assert_str_eq (milter_protocol_agent_get_macro (agent, "{i}"), "M");
  cr_assert_null (milter_protocol_agent_get_macro (agent, "rcpt_addr"));
}

Test (protocol_agent, macros_are_set_replaced_and_cleared)
{
  g_autoptr (MilterProtocolAgent) agent = new_agent ();
  g_autoptr (GHashTable) table = g_hash_table_new (g_str_hash, g_str_equal);

  milter_protocol_agent_set_macro_context (agent, MILTER_COMMAND_HELO);
  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_HELO, "{cipher}", "x");
  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_HELO, "cipher", "y");
  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_HELO, "b", "");
  check (milter_protocol_agent_get_macros (agent), "cipher", "y");
  check (milter_protocol_agent_get_macros (agent), "b", "");
  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_HELO, "{b}", NULL);
  check (milter_protocol_agent_get_macros (agent), "b", NULL);

  g_hash_table_insert (table, (gpointer) "{tls_version}", (gpointer) "1.3");
  g_hash_table_insert (table, (gpointer) "a", (gpointer) "b");
  milter_protocol_agent_set_macros_hash_table (agent, MILTER_COMMAND_HELO, table);
  cr_assert_eq (g_hash_table_size (milter_protocol_agent_get_macros (agent)), 2);
  check (milter_protocol_agent_get_macros (agent), "tls_version", "1.3");
  cr_assert (milter_bytes_equal (
      milter_macros_get_stage (_milter_protocol_agent_get_store (agent), MILTER_COMMAND_HELO),
      (MilterBytes) MILTER_BYTES_INIT ("a\0b\0{tls_version}\0"
                                       "1.3\0")));

  milter_protocol_agent_clear_macros (agent, MILTER_COMMAND_HELO);
  cr_assert_eq (g_hash_table_size (milter_protocol_agent_get_macros (agent)), 0);
  milter_protocol_agent_set_macros_hash_table (agent, MILTER_COMMAND_HELO, NULL);
}

Test (protocol_agent, message_related_macros_are_those_from_mail_on)
{
  g_autoptr (MilterProtocolAgent) agent = new_agent ();

  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_CONNECT, "j", "mx");
  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_HELO, "h", "h");
  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_ENVELOPE_FROM, "m", "m");
  milter_protocol_agent_set_macro (agent, MILTER_COMMAND_END_OF_MESSAGE, "e", "e");
  milter_protocol_agent_set_macro_context (agent, MILTER_COMMAND_END_OF_MESSAGE);
  milter_protocol_agent_clear_message_related_macros (agent);
  cr_assert_not_null (milter_protocol_agent_get_macro (agent, "j"));
  cr_assert_not_null (milter_protocol_agent_get_macro (agent, "h"));
  cr_assert_null (milter_protocol_agent_get_macro (agent, "m"));
  cr_assert_null (milter_protocol_agent_get_macro (agent, "e"));
}

Test (protocol_agent, what_was_handed_out_may_be_kept)
{
  g_autoptr (MilterProtocolAgent) agent = new_agent ();
  g_autoptr (GHashTable) kept = NULL;

  milter_protocol_agent_set_macro_context (agent, MILTER_COMMAND_CONNECT);
  milter_macros_set (_milter_protocol_agent_get_store (agent),
                     MILTER_COMMAND_CONNECT,
                     (MilterBytes) MILTER_BYTES_INIT ("{j}\0mx"));
  kept = g_hash_table_ref (milter_protocol_agent_get_macros (agent));
  milter_protocol_agent_clear_macros (agent, MILTER_COMMAND_CONNECT);
  cr_assert_eq (g_hash_table_size (milter_protocol_agent_get_macros (agent)), 0);
  check (kept, "j", "mx");
}

Test (protocol_agent, requests_are_held)
{
  g_autoptr (MilterProtocolAgent) agent = new_agent ();
  g_autoptr (MilterMacrosRequests) requests = milter_macros_requests_new ();

  cr_assert_null (milter_protocol_agent_get_macros_requests (agent));
  milter_protocol_agent_set_macros_requests (agent, requests);
  cr_assert_eq (milter_protocol_agent_get_macros_requests (agent), requests);
  milter_protocol_agent_set_macros_requests (agent, NULL);
  cr_assert_null (milter_protocol_agent_get_macros_requests (agent));
}

Test (protocol_agent, the_context_is_a_property)
{
  g_autoptr (MilterProtocolAgent) agent = new_agent ();
  MilterCommand command;

  g_object_set (agent, "macro-context", MILTER_COMMAND_DATA, NULL);
  g_object_get (agent, "macro-context", &command, NULL);
  cr_assert_eq (command, MILTER_COMMAND_DATA);
}
