/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-hostile.c: how and when bytes travel, and mails made up of a number.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

static const struct
{
  const char *line;
  const char *step;
} lines[] = {
  { "generate size=0", "GENERATE seed=1" },
  { "generate size=200k seed=7", "GENERATE 204800 seed=7" },
  { "generate seed=0 size=1M", "GENERATE 1048576 seed=0" },
  { "generate size=\"200\"", "GENERATE 200 seed=1" },
  { "barrier mid", "BARRIER mid" },
  { "barrier \"all of us\"", "BARRIER \"all of us\"" },
  { "send-as whole", "SEND-AS whole" },
  { "send-as split 1", "SEND-AS split 1" },
  { "send-as split 64k", "SEND-AS split 65536" },
  { "send-as random 0", "SEND-AS random" },
  { "send-as random 7", "SEND-AS random 7" },
  { "send-as together", "SEND-AS together" },
  { "stall 2s", "STALL 2000000" },
  { "stall 200ms reading", "STALL 200000 reading" },
  { "stall 1s after 3 bytes", "STALL 1000000 after 3" },
  { "stall 1s reading after 1k bytes", "STALL 1000000 reading after 1024" },
  { "close", "CLOSE" },
  { "reset", "RESET" },
  { "half-close", "HALF-CLOSE" },
  { "close after 0 bytes # now", "CLOSE after 0" },
  { "reset after 3 bytes", "RESET after 3" },
  { "half-close after 1M bytes", "HALF-CLOSE after 1048576" },
  { "lost", "LOST" },
  { "lost 144", "LOST 144" },
};

Test (parser_hostile, each_line_is_a_step)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = g_strdup_printf ("session\n%s\n", lines[i].line);
      g_autofree char *expected = g_strdup_printf ("session 1\n  %s\n", lines[i].step);
      g_autofree char *dump = dump_text ("t", text, strlen (text));

      cr_expect_str_eq (dump, expected, "%s gave %s", lines[i].line, dump);
    }
}

Test (parser_hostile, expectations_stand_below_them)
{
  static const char text[] = "session\n"
                             "half-close => closed | reset\n"
                             "stall 1s\n"
                             "  => none\n"
                             "reset after 3 bytes\n"
                             "  => continue\n"
                             "generate size=1\n"
                             "  => 4xx\n";
  g_autofree char *dump = dump_text ("t", text, strlen (text));

  cr_assert_str_eq (dump,
                    "session 1\n"
                    "  HALF-CLOSE\n"
                    "    => CLOSED | RESET\n"
                    "  STALL 1000000\n"
                    "    => NONE\n"
                    "  RESET after 3\n"
                    "    => REPLY c\n"
                    "  GENERATE 1 seed=1\n"
                    "    => CODE y 4xx\n");
}

Test (parser_hostile, the_last_send_as_above_the_sessions_is_that_of_the_file)
{
  static const char text[] = "send-as whole\nsend-as split 3\nsession\nsend-as together\n";
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_parse ("t", text, strlen (text), NULL, MILTER_SCENARIO_SESSIONS, errors);

  cr_assert_not_null (scenario, "%s", errors->str);
  cr_assert_not_null (scenario->send_as);
  cr_expect_eq (scenario->send_as->send_as, MILTER_SEND_AS_SPLIT);
  cr_expect_eq (scenario->send_as->number, 3);
}

#define GENERATE_SIZE                                                                              \
  "size=N or seed=N, as size=200k, once each, with a size of at most 256 MiB"
#define BYTES "how many bytes, as after 3 bytes"

static const struct
{
  const char *line;
  const char *error;
} mistakes[] = {
  { "generate", "9: expected the size of the body as size=200k, got the end of the line" },
  { "generate seed=1", "16: expected the size of the body as size=200k, got the end of the line" },
  { "generate 200", "10: expected " GENERATE_SIZE ", got \"200\"" },
  { "generate size=-1", "10: expected " GENERATE_SIZE ", got \"size=-1\"" },
  { "generate size=257M", "10: expected " GENERATE_SIZE ", got \"size=257M\"" },
  { "generate size=1 size=2", "17: expected " GENERATE_SIZE ", got \"size=2\"" },
  { "barrier", "8: expected the name of the barrier, got the end of the line" },
  { "barrier a b", "11: expected the end of the line behind \"barrier NAME\", got \"b\"" },
  { "barrier a => accept", "11: expected the end of the line behind \"barrier NAME\", got \"=>\"" },
  { "send-as", "8: expected whole, split N, random SEED or together, got the end of the line" },
  { "send-as one", "9: expected whole, split N, random SEED or together, got \"one\"" },
  { "send-as split", "14: expected how many bytes a piece has, from 1, got the end of the line" },
  { "send-as split 0", "15: expected how many bytes a piece has, from 1, got \"0\"" },
  { "send-as random x",
    "16: expected a number that the sizes of the pieces are made of, got \"x\"" },
  { "stall", "6: expected a duration with its unit, as 200ms, 1.5s or 2m, got the end of the line" },
  { "stall 1s after", "15: expected " BYTES ", got the end of the line" },
  { "stall 1s after 3 reading", "18: expected \"bytes\" behind the number, got \"reading\"" },
  { "close after x bytes", "13: expected " BYTES ", got \"x\"" },
  { "close now",
    "7: expected \"=>\" or the end of the line behind \"close [after N bytes]\", got \"now\"" },
  { "lost 0", "6: expected how many bytes are missing, from 1, got \"0\"" },
};

Test (parser_hostile, every_mistake_has_its_line)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *text = g_strdup_printf ("session\n%s\n", mistakes[i].line);
      g_autofree char *expected = g_strdup_printf ("t:2:%s\n", mistakes[i].error);
      g_autofree char *dump = dump_text ("t", text, strlen (text));

      cr_expect_str_eq (dump, expected, "%s gave %s", mistakes[i].line, dump);
    }
}
