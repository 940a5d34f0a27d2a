/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-template.c: lines with $n and $p are read again, with the variables as they stood there.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>

#include "scenario-dump.h"

static MilterScenario *
parse (const char *text)
{
  g_autoptr (GString) errors = g_string_new (NULL);
  /* what was parsed is gone when it is read again */
  g_autofree char *copy = g_strdup (text);
  MilterScenario *scenario = milter_scenario_parse (
      TEST_DATA_DIR "/scenarios/t", copy, strlen (copy), NULL, MILTER_SCENARIO_SESSIONS, errors);

  cr_assert_not_null (scenario, "%s", errors->str);
  return scenario;
}

static const MilterStep *
step_at (const MilterScenario *scenario, guint i)
{
  const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, 0);

  cr_assert_lt (i, session->steps->len);
  return g_ptr_array_index (session->steps, i);
}

/* what the first line below `session` is in round 20, copy 3 */
static void
check (const char *lines, const char *expected)
{
  g_autofree char *text = g_strdup_printf ("session\n%s\n", lines);
  g_autoptr (MilterScenario) scenario = parse (text);
  const MilterStep *step = step_at (scenario, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterStep) again = NULL;
  g_autoptr (GString) dump = g_string_new (NULL);

  cr_assert_not_null (step->template_, "%s", lines);
  again = milter_step_instantiate (step, 20, 3, &error);
  cr_assert_not_null (again, "%s", error != NULL ? error->message : "no error");
  cr_expect_null (again->template_);
  cr_expect_eq (again->where.line, step->where.line);
  cr_expect_eq (again->where.column, step->where.column);
  cr_expect_str_eq (again->where.file, step->where.file);
  dump_step (again, 0, dump);
  cr_expect_str_eq (dump->str, expected, "%s\n-- gave --\n%s", lines, dump->str);
}

Test (template, numbers_are_filled_in_wherever_variables_are)
{
  check ("mail <u$n@x> A=$p", "mail <u20@x> A=3\n");
  check ("mail \"<${n}$p>\"*2", "mail <203><203>\n");
  check ("macro mail i=$n {a$p}=b -c$n", "macro M i=20 {a3}=b -c20\n");
  check ("connect h$n 192.0.2.$p port=$n", "connect h20 192.0.2.3 port=20\n");
  check ("header X$p: \"v$n\" # c", "header X3 \" v20\"\n");
  check ("body \"$n\\r\\n\"", "body \"20\\r\\n\"\n");
  check ("generate size=${n}k seed=$p", "GENERATE 20480 seed=3\n");
  check ("timeout ${n}s", "TIMEOUT 20000000\n");
  check ("stall ${n}ms", "STALL 20000\n");
  check ("barrier b$n", "BARRIER b20\n");
  check ("message m$n", "MESSAGE m20\n");
  check ("frame X \"$p\"", "FRAME X 3\n");
}

Test (template, nothing_else_of_the_line_changes)
{
  check ("unknown \"$n $$n \\$n\"", "unknown \"20 \\$n \\$n\"\n");
  check ("mail $n '$n'", "mail 20 \"\\$n\"\n");
}

Test (template, expectations_are_read_again_with_their_command)
{
  check ("mail <a> => 451 \"x$n*\" within ${p}s\n  => and not /$n/\n  => and $n",
         "mail <a>\n"
         "    => CODE y 451 x20* within 3000000\n"
         "    => and not /$n/\n"
         "    => and 20\n");
  check ("eom\n  => add-header X$n: a\n  # nothing\n\n  => result <<END\n    a$n\n    END\n  => accept",
         "eom\n"
         "    => EDIT h X20: a\n"
         "    => result \"a\\$n\\r\\n\"\n"
         "    => REPLY a\n");
}

Test (template, files_are_read_once)
{
  g_autofree char *path = g_strdup ("/tmp/template-XXXXXX");
  int fd = g_mkstemp (path);
  g_autofree char *lines = g_strdup_printf ("eml %s => 451 $n", path);
  g_autofree char *text = g_strdup_printf ("session\n%s\n", lines);
  g_autoptr (MilterScenario) scenario = NULL;
  g_autoptr (MilterStep) again = NULL;

  g_close (fd, NULL);
  cr_assert (g_file_set_contents (path, "before", -1, NULL));
  scenario = parse (text);
  g_remove (path);
  again = milter_step_instantiate (step_at (scenario, 0), 2, 1, NULL);
  cr_assert_not_null (again);
  cr_expect_eq (g_bytes_get_size (again->bytes), strlen ("before"));
}

Test (template, the_file_of_another_round_is_read_then)
{
  g_autofree char *folder = g_dir_make_tmp ("template-XXXXXX", NULL);
  g_autofree char *first = g_build_filename (folder, "m1", NULL);
  g_autofree char *second = g_build_filename (folder, "m2", NULL);
  g_autofree char *text = g_strdup_printf ("session\neml %s/m$n\n", folder);
  g_autoptr (MilterScenario) scenario = NULL;
  g_autoptr (MilterStep) again = NULL;
  g_autoptr (GError) error = NULL;

  cr_assert (g_file_set_contents (first, "1", -1, NULL));
  cr_assert (g_file_set_contents (second, "22", -1, NULL));
  scenario = parse (text);
  again = milter_step_instantiate (step_at (scenario, 0), 2, 1, &error);
  cr_assert_not_null (again);
  cr_expect_eq (g_bytes_get_size (again->bytes), 2);
  cr_expect_null (milter_step_instantiate (step_at (scenario, 0), 3, 1, &error));
  cr_expect_not_null (strstr (error->message, "scenarios/t:2:5: expected a file that can be read"));
  cr_expect_not_null (strstr (error->message, "(in round 3, copy 1)"));
  cr_expect_null (strchr (error->message, '\n'));
  g_remove (first);
  g_remove (second);
  g_rmdir (folder);
}

Test (template, words_that_make_no_sense_in_a_round_are_told)
{
  g_autoptr (MilterScenario) scenario = parse ("session\n  connect a port=6553$n\n");
  g_autoptr (GError) error = NULL;

  cr_expect_null (milter_step_instantiate (step_at (scenario, 0), 6, 1, &error));
  cr_expect_str_eq (error->message,
                    TEST_DATA_DIR "/scenarios/t:2:13: expected a port from 0 to 65535, got "
                                  "\"port=6553$n\" (in round 6, copy 1)");
}

Test (template, variables_are_those_that_stood_there)
{
  check ("let a 1$n\nlet b x\nmail $a $b\nlet a 2\nlet b y\n=> 451 $a$b$p\nlet a 3",
         "mail 120 x\n    => CODE y 451 2y3\n");
}

Test (template, variables_may_hold_numbers)
{
  check ("let a x$n\nlet b \"<$a$p>\"*2\nlet c $b.\nmail $c", "mail <x203><x203>.\n");
  check ("let a \"-\"*3\nlet a $n$a\nmail $a", "mail 20---\n");
}

Test (template, other_lines_are_none)
{
  static const char *const lines[]
      = { "mail $$n", "mail '$n'", "unknown $n", "header X: $n", "eml <<END\n$n\nEND",
          "let a $n\nmail b" };

  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = g_strdup_printf ("session\n%s\n", lines[i]);
      g_autoptr (MilterScenario) scenario = parse (text);

      cr_expect_null (step_at (scenario, 0)->template_, "%s", lines[i]);
    }
}

Test (template, lines_that_a_repeated_command_consists_of)
{
  g_autoptr (MilterScenario) scenario = parse ("session\nrepeat 3 rcpt <$n>\n  => 451 $p\n");
  const MilterStep *repeat = step_at (scenario, 0);
  g_autoptr (MilterStep) again = NULL;
  g_autoptr (GString) dump = g_string_new (NULL);

  again = milter_step_instantiate (g_ptr_array_index (repeat->body, 0), 2, 9, NULL);
  cr_assert_not_null (again);
  dump_step (again, 0, dump);
  cr_expect_str_eq (dump->str, "rcpt <2>\n    => CODE y 451 9\n");
}

Test (template, times_of_a_recording_stay)
{
  g_autoptr (MilterScenario) scenario
      = parse ("+0 @1 session\n+1.5 @1 mail <$n>\n+2 @1 => 451 $n\n");
  g_autoptr (MilterStep) again = milter_step_instantiate (step_at (scenario, 0), 2, 1, NULL);

  cr_assert_not_null (again);
  cr_expect (again->has_time && again->time_ns == 1500000000);
  cr_expect (((MilterExpectation *) g_ptr_array_index (again->expectations, 0))->has_time);
}

static const struct
{
  const char *text;
  const char *errors;
} mistakes[] = {
  { "macro mail i=$n\nsession\n",
    "t:1:14: expected a line that is the same in every round and every copy, got \"$n\"\n" },
  { "send-as split $p\nsession\n",
    "t:1:15: expected a line that is the same in every round and every copy, got \"$p\"\n" },
  { "session\nrequire program x$p\n",
    "t:2:18: expected a line that is the same in every round and every copy, got \"$p\"\n" },
  { "include a$n\nsession\n",
    "t:1:10: expected a line that is the same in every round and every copy, got \"$n\"\n" },
  { "on rcpt <$n> => accept\n",
    "t:1:10: expected a line that is the same in every round and every copy, got \"$n>\"\n" },
  { "on rcpt\n=> 451 $n\n",
    "t:2:8: expected a line that is the same in every round and every copy, got \"$n\"\n" },
  { "session\nmail\ntimeout ${n}s\n=> 451 $n\n",
    "t:4:8: expected answers with $n and $p directly below the line that they belong to, got \"$n\"\n" },
};

Test (template, lines_that_cannot_vary_are_refused)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *dump = dump_text ("t", mistakes[i].text, strlen (mistakes[i].text));

      cr_expect_str_eq (dump, mistakes[i].errors, "%s gave %s", mistakes[i].text, dump);
    }
}
