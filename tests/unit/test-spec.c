/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-spec.c: the table has exactly one row for each value of its two enums.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

#include "milter-message-private.h"

static void
check_enum_has_rows (GType type, MilterSide side)
{
  GEnumClass *klass = g_type_class_ref (type);
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (side, &n_rows);

  cr_assert_eq (n_rows, klass->n_values, "one row a value");
  for (guint i = 0; i < klass->n_values; i++)
    {
      guint found = 0;

      for (gsize row = 0; row < n_rows; row++)
        found += rows[row].letter == klass->values[i].value && rows[row].sender == side;
      cr_assert_eq (found, 1, "%s has %u rows", klass->values[i].value_name, found);
      cr_assert_eq (milter_spec_get (side, klass->values[i].value)->letter, klass->values[i].value);
    }
  g_type_class_unref (klass);
}

Test (spec, every_command_has_exactly_one_row)
{
  check_enum_has_rows (MILTER_TYPE_COMMAND, MILTER_SIDE_MTA);
}

Test (spec, every_reply_has_exactly_one_row)
{
  check_enum_has_rows (MILTER_TYPE_REPLY, MILTER_SIDE_MILTER);
}

Test (spec, letters_without_a_row_have_none)
{
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    for (guint letter = 0; letter < 256; letter++)
      {
        gsize n_rows;
        const MilterSpec *rows = milter_spec_list (side, &n_rows);
        const MilterSpec *expected = NULL;

        for (gsize i = 0; i < n_rows; i++)
          if (rows[i].letter == letter)
            expected = &rows[i];
        cr_assert_eq (milter_spec_get (side, letter), expected, "side %d letter %u", side, letter);
      }
}

Test (spec, words_and_names_lead_back_to_their_row)
{
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize i = 0; i < n_rows; i++)
        {
          cr_assert_str_eq (milter_spec_from_word (side, rows[i].word)->word, rows[i].word);
          cr_assert_eq (milter_spec_from_field_name (rows[i].field_name), &rows[i]);
          cr_assert_gt (strlen (rows[i].summary), 5);
        }
    }
  cr_assert_null (milter_spec_from_word (MILTER_SIDE_MTA, "no such word"));
  cr_assert_null (milter_spec_from_field_name ("SMFIC_NONE"));
}

Test (spec, stages_and_commands_agree)
{
  for (int stage = 0; stage < MILTER_N_MACRO_STAGES; stage++)
    {
      const MilterSpec *row
          = milter_spec_get (MILTER_SIDE_MTA, milter_macro_stage_to_command (stage));

      cr_assert_eq (row->stage, stage);
      cr_assert_eq (milter_macro_stage_from_word (milter_macro_stage_to_word (stage)), stage);
    }
  cr_assert_null (milter_macro_stage_to_word (7));
  cr_assert_eq (milter_macro_stage_from_word ("abort"), -1);
}

Test (spec, edits_and_only_edits_need_the_end_of_the_message)
{
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MILTER, &n_rows);

  for (gsize i = 0; i < n_rows; i++)
    if (rows[i].kind == MILTER_REPLY_KIND_EDIT)
      {
        cr_assert_str_eq (rows[i].answers, "E");
        cr_assert_neq (rows[i].action, 0);
      }
}

Test (spec, what_is_plain_by_its_first_two_fields_has_no_third)
{
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize i = 0; i < n_rows; i++)
        switch (milter_spec_get_shape (&rows[i]))
          {
          case MILTER_SHAPE (NONE, NONE):
          case MILTER_SHAPE (REST, NONE):
          case MILTER_SHAPE (STRING, NONE):
          case MILTER_SHAPE (STRING, STRING):
          case MILTER_SHAPE (STRING, STRINGS):
            cr_expect_eq (rows[i].fields[2].layout, MILTER_LAYOUT_NONE, "%s", rows[i].word);
            break;
          default:
            break;
          }
    }
}
