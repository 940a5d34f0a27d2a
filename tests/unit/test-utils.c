/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-utils.c: names of enum and flags values.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

static void
check (char *text, const char *expected)
{
  cr_assert_str_eq (text, expected);
  g_free (text);
}

Test (utils, enum_values_have_names)
{
  check (milter_utils_get_enum_name (MILTER_TYPE_STATUS, MILTER_STATUS_REJECT),
         "MILTER_STATUS_REJECT");
  check (milter_utils_get_enum_nick_name (MILTER_TYPE_STATUS, MILTER_STATUS_TEMPORARY_FAILURE),
         "temporary-failure");
  check (milter_utils_get_enum_nick_name (MILTER_TYPE_STATUS, MILTER_STATUS_NOT_CHANGE),
         "not-change");
  check (milter_utils_get_enum_nick_name (MILTER_TYPE_COMMAND, MILTER_COMMAND_END_OF_HEADER),
         "end-of-header");
}

Test (utils, values_without_a_name_are_numbers)
{
  check (milter_utils_get_enum_name (MILTER_TYPE_STATUS, 99), "99");
  check (milter_utils_get_enum_nick_name (MILTER_TYPE_STATUS, -1), "-1");
}

Test (utils, flags_have_names)
{
  check (milter_utils_get_flags_names (MILTER_TYPE_ACTION_FLAGS, 0), "none");
  check (milter_utils_get_flags_names (MILTER_TYPE_ACTION_FLAGS,
                                       MILTER_ACTION_CHANGE_BODY | MILTER_ACTION_ADD_HEADERS),
         "add-headers|change-body");
  check (milter_utils_get_flags_names (MILTER_TYPE_STEP_FLAGS,
                                       MILTER_STEP_NO_REPLY_BODY | 0x80000000u | 0x8000000u),
         "no-reply-body|0x88000000");
  check (milter_utils_get_flags_names (MILTER_TYPE_ACTION_FLAGS, 0x1000), "0x1000");
}
