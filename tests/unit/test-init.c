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
