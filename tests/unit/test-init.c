/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-init.c: the types are known by name.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

Test (init, types_are_known_by_name)
{
  static const char *const names[]
      = { "MilterCommand", "MilterStatus",         "MilterState",
          "MilterOption",  "MilterMacrosRequests", "MilterProtocolAgent",
          "MilterHeaders", "MilterMessageResult",  "MilterSessionResult" };

  milter_init ();
  milter_init ();
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    cr_assert_neq (g_type_from_name (names[i]), 0, "%s", names[i]);
  milter_quit ();
  milter_quit ();
}

Test (init, types_and_the_domain_of_addresses_have_their_names)
{
  cr_expect_str_eq (g_type_name (milter_option_get_type ()), "MilterOption");
  cr_expect_str_eq (g_type_name (milter_macros_requests_get_type ()), "MilterMacrosRequests");
  cr_expect_str_eq (g_type_name (milter_message_result_get_type ()), "MilterMessageResult");
  cr_expect_str_eq (g_type_name (milter_session_result_get_type ()), "MilterSessionResult");
  cr_expect_str_eq (g_quark_to_string (milter_esmtp_error_quark ()), "milter-esmtp-error-quark");
  cr_expect_str_eq (g_quark_to_string (milter_connection_error_quark ()),
                    "milter-connection-error-quark");
}
