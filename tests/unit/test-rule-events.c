/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rule-events.c: every command that is an event has a row.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-rule-events.h"

Test (rule_events, every_command_but_macro_is_an_event_and_so_is_the_end_of_the_connection)
{
  gsize n_rows, n_events;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MTA, &n_rows);

  milter_rule_event_list (&n_events);
  for (gsize i = 0; i < n_rows; i++)
    {
      const MilterRuleEvent *event = milter_rule_event_get (&rows[i]);

      cr_assert_eq (
          event == NULL, rows[i].letter == MILTER_COMMAND_DEFINE_MACRO, "%s", rows[i].word);
      cr_assert (event == NULL || strcmp (event->word, rows[i].word) == 0);
    }
  cr_assert_str_eq (milter_rule_event_get (NULL)->word, "close");
  /* macro is none; close, frame and garbage are more */
  cr_assert_eq (n_events, n_rows + 2);
}

Test (rule_events, each_is_counted_in_a_span)
{
  static const struct
  {
    const char *word;
    const char *span;
  } rows[] = {
    { "negotiate", "run" },   { "connect", "run" },    { "helo", "connection" },
    { "mail", "connection" }, { "eom", "connection" }, { "unknown", "connection" },
    { "rcpt", "message" },    { "header", "message" }, { "body", "message" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const MilterSpec *spec = milter_spec_from_word (MILTER_SIDE_MTA, rows[i].word);

      cr_expect_str_eq (milter_rule_span_to_string (milter_rule_event_get (spec)->span),
                        rows[i].span,
                        "%s",
                        rows[i].word);
    }
}
