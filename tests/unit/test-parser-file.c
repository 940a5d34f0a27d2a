/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-file.c: scenarios, and the files that they name, are read from disk or refused.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario-dump.h"

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
write_file (const char *name, const char *content)
{
  g_autofree char *path = in_folder (name);

  cr_assert (g_file_set_contents (path, content, -1, NULL));
}

static void
set_up (void)
{
  g_autofree char *sub = NULL;

  folder = g_dir_make_tmp ("scenario-XXXXXX", NULL);
  sub = in_folder ("sub");
  cr_assert_eq (g_mkdir (sub, 0700), 0);
}

static void
tear_down (void)
{
  static const char *const names[] = { "sub/a.eml", "sub", "t.scenario", "a.eml", "fifo", "large" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = in_folder (names[i]);

      g_remove (path);
    }
  cr_assert_eq (g_rmdir (folder), 0);
  g_free (folder);
}

TestSuite (parser_file, .init = set_up, .fini = tear_down);

/* what a file gives, its folder left out of messages */
static char *
load (const char *name)
{
  g_autofree char *path = in_folder (name);
  g_autofree char *prefix = g_strconcat (folder, "/", NULL);
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = milter_scenario_load (path, NULL, MILTER_SCENARIO_SESSIONS, errors);

  g_string_replace (errors, prefix, "", 0);
  return dump_scenario (scenario, errors);
}

static void
check (const char *name, const char *expected)
{
  g_autofree char *got = load (name);

  cr_assert_str_eq (got, expected);
}

Test (parser_file, names_are_relative_to_the_scenario)
{
  write_file ("sub/a.eml", "A: b\n\nx");
  write_file ("t.scenario", "session\neml sub/a.eml\neml 'sub/a.eml'\n");
  check ("t.scenario", "session 1\n  EML sub/a.eml \"A: b\\n\\nx\"\n  EML sub/a.eml \"A: b\\n\\nx\"\n");
}

Test (parser_file, names_may_be_absolute)
{
  g_autofree char *text = g_strdup_printf ("session\neml %s/a.eml\n", folder);
  g_autofree char *expected = g_strdup_printf ("session 1\n  EML %s/a.eml x\n", folder);

  write_file ("a.eml", "x");
  write_file ("t.scenario", text);
  check ("t.scenario", expected);
}

Test (parser_file, results_have_crlf_and_the_place_of_their_file)
{
  g_autofree char *path = in_folder ("t.scenario");
  g_autofree char *expected = in_folder ("sub/a.eml");
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = NULL;
  const MilterStep *step;
  const MilterExpectation *expectation;

  write_file ("sub/a.eml", "\nA: b\r\n\rc\nd");
  write_file ("t.scenario", "session\neom\n=> result sub/a.eml\n");
  check ("t.scenario", "session 1\n  eom\n    => result \"\\r\\nA: b\\r\\n\\rc\\r\\nd\"\n");

  scenario = milter_scenario_load (path, NULL, MILTER_SCENARIO_SESSIONS, errors);
  step = g_ptr_array_index (
      ((MilterScenarioSession *) g_ptr_array_index (scenario->sessions, 0))->steps, 0);
  expectation = g_ptr_array_index (step->expectations, 0);
  cr_assert_str_eq (expectation->path, expected);
}

Test (parser_file, what_is_no_file_is_refused_without_waiting)
{
  g_autofree char *fifo = in_folder ("fifo");

  cr_assert_eq (mkfifo (fifo, 0600), 0);
  write_file ("t.scenario", "session\neml fifo\neml sub\neml none.eml\neom => result fifo\n"
                            "eml /dev/zero\n");
  check ("t.scenario",
         "t.scenario:2:5: expected a file that can be read, got a FIFO\n"
         "t.scenario:3:5: expected a file that can be read, got a directory\n"
         "t.scenario:4:5: expected a file that can be read, got \"none.eml\": No such file or "
         "directory\n"
         "t.scenario:5:15: expected a file that can be read, got a FIFO\n"
         "t.scenario:6:5: expected a file that can be read, got a device\n");
  check ("fifo", "fifo:1:1: expected a scenario that can be read, got a FIFO\n");
  check ("sub", "sub:1:1: expected a scenario that can be read, got a directory\n");
  check ("none", "none:1:1: expected a scenario that can be read, got \"none\": No such file or "
                 "directory\n");
}

Test (parser_file, an_empty_file_has_no_session)
{
  write_file ("t.scenario", "");
  check ("t.scenario", "t.scenario:1:1: expected a session, got the end of the file\n");
}

Test (parser_file, a_file_may_be_as_large_as_the_limit)
{
  g_autofree char *large = in_folder ("large");

  write_file ("large", "");
  cr_assert_eq (truncate (large, (off_t) MILTER_SCENARIO_MAX_FILE + 1), 0);
  write_file ("t.scenario", "session\neml large\n");
  check ("t.scenario", "t.scenario:2:5: expected a file that can be read, got more than 64 MiB\n");
  check ("large", "large:1:1: expected a scenario that can be read, got more than 64 MiB\n");

  cr_assert_eq (truncate (large, (off_t) MILTER_SCENARIO_MAX_FILE), 0);
  check ("t.scenario", "session 1\n  EML large (67108864 bytes)\n");
}

Test (parser_file, a_file_that_is_named_often_is_held_once)
{
  g_autofree char *large = in_folder ("large");
  g_autoptr (GString) text = g_string_new ("session\n");
  g_autofree char *got = NULL;

  write_file ("large", "");
  cr_assert_eq (truncate (large, 1 << 20), 0);
  for (guint i = 0; i < 2 * (MILTER_SCENARIO_MAX_MEMORY >> 20); i++)
    g_string_append (text, "eml large\n");
  write_file ("t.scenario", text->str);
  got = load ("t.scenario");
  cr_assert (g_str_has_prefix (got, "session 1\n  EML large (1048576 bytes)\n"));
}
