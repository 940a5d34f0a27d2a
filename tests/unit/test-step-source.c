/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-step-source.c: lines one by one, those of `repeat` as often as it says, each with its number.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-player.h"

static const struct
{
  const char *name, *session;
  guint round, copy;
  const char *lines; /* first argument of each */
} cases[] = {
  { "as they stand", "session\n mail <a>\n rcpt <b>\n", 1, 1, "<a> <b>" },
  { "a line", "session\n repeat 3 rcpt <r>\n data\n", 1, 1, "<r> <r> <r> -" },
  { "a line with its round", "session\n repeat 3 rcpt <r$n>\n rcpt <last>\n", 1, 1, "<r1> <r2> <r3> <last>" },
  { "a message",
    "session\n repeat 2 message\n mail <m$n>\n rcpt <r>\n message\n mail <x>\n",
    1,
    1,
    "- <m1> <r> - <m2> <r> - <x>" },
  { "the innermost round counts",
    "session\n repeat 2 message\n mail <m$n>\n repeat 2 rcpt <r$n>\n rcpt <m$n>\n",
    1,
    1,
    "- <m1> <r1> <r2> <m1> - <m2> <r1> <r2> <m2>" },
  { "round and copy of the session", "parallel 9 session\n mail <m$n>\n repeat 2 rcpt <$n-$p>\n", 4, 7, "<m4> <1-7> <2-7>" },
  { "nothing", "session\n", 1, 1, "" },
};

static char *
walk (const MilterScenarioSession *session, guint round, guint copy, gboolean release)
{
  MilterStepSource source = milter_step_source_new_for_session (session, round, copy);
  GString *text = g_string_new (NULL);
  const MilterStep *step;
  g_autoptr (GError) error = NULL;

  while (source.klass->next (source.source, &step, &error))
    {
      if (text->len > 0)
        g_string_append_c (text, ' ');
      if (step->arguments->len == 0)
        g_string_append_c (text, '-');
      else
        {
          gsize size;
          const char *data = g_bytes_get_data (g_ptr_array_index (step->arguments, 0), &size);

          g_string_append_len (text, data, (gssize) size);
        }
      if (release)
        source.klass->release (source.source, step);
    }
  cr_expect_null (error);
  source.klass->free (source.source);
  return g_string_free (text, FALSE);
}

Test (step_source, lines_come_in_turn)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) messages = g_string_new (NULL);
      g_autoptr (MilterScenario) scenario = milter_scenario_parse ("t.scenario",
                                                                   cases[i].session,
                                                                   strlen (cases[i].session),
                                                                   NULL,
                                                                   MILTER_SCENARIO_SESSIONS,
                                                                   messages);

      cr_assert_not_null (scenario, "%s: %s", cases[i].name, messages->str);
      for (guint release = 0; release < 2; release++)
        {
          g_autofree char *lines = walk (g_ptr_array_index (scenario->sessions, 0),
                                         cases[i].round,
                                         cases[i].copy,
                                         release > 0);

          cr_expect_str_eq (lines, cases[i].lines, "%s: %s", cases[i].name, lines);
        }
    }
}
