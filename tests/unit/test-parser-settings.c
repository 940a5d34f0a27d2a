/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-settings.c: the lines of other files, and what has to be there.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>

#include "scenario-dump.h"

static char *folder;

static void
write_file (const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  cr_assert_eq (g_mkdir_with_parents (parent, 0700), 0);
  cr_assert (g_file_set_contents (path, content, -1, NULL));
}

static void
set_up (void)
{
  folder = g_dir_make_tmp ("settings-XXXXXX", NULL);
}

static void
remove_all (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);

  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_all (child);
    }
  if (dir != NULL)
    g_dir_close (dir);
  g_remove (path);
}

static void
tear_down (void)
{
  remove_all (folder);
  g_free (folder);
}

TestSuite (parser_settings, .init = set_up, .fini = tear_down);

/* what t.scenario gives, its folder left out */
static void
check (const char *expected)
{
  g_autofree char *path = g_build_filename (folder, "t.scenario", NULL);
  g_autofree char *prefix = g_strconcat (folder, "/", NULL);
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario
      = milter_scenario_load (path, NULL, MILTER_SCENARIO_SESSIONS, errors);
  g_autofree char *dump = dump_scenario (scenario, errors);
  g_autoptr (GString) text = g_string_new (dump);

  g_string_replace (text, prefix, "", 0);
  cr_expect_str_eq (text->str, expected, "gave\n%s-- instead of --\n%s", text->str, expected);
}

/* ---- include ---- */

Test (parser_settings, an_included_file_stands_for_its_line)
{
  write_file ("t.scenario", "include head\nsession\nmail $who\ninclude sub/body # here\n=> accept\n"
                            "include sub/body\nrcpt $who\n");
  write_file ("head", "\xef\xbb\xbfmta exact\nlet who me\n");
  write_file ("sub/body", "eml a.eml\r\nlet who you\r\ndata");
  write_file ("sub/a.eml", "A: b\n");
  check ("session 1 mta=exact\n"
         "  mail me\n"
         "  EML a.eml \"A: b\\n\"\n"
         "  data\n"
         "    => REPLY a\n"
         "  EML a.eml \"A: b\\n\"\n"
         "  data\n"
         "  rcpt you\n");
}

Test (parser_settings, sessions_and_repeated_messages_may_go_on_in_other_files)
{
  write_file ("t.scenario", "session\nrepeat 2 message\ninclude a\nquit\n");
  write_file ("a", "mail <$n>\neom\n  => accept\n");
  check ("session 1\n  REPEAT 2\n    MESSAGE\n    mail <1> (varies)\n    eom\n    => REPLY a\n  quit\n");
}

Test (parser_settings, places_are_those_of_the_included_file)
{
  g_autofree char *path = g_build_filename (folder, "t.scenario", NULL);
  g_autofree char *other = g_build_filename (folder, "a", NULL);
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = NULL;
  const MilterScenarioSession *session;
  const MilterStep *step;

  write_file ("t.scenario", "session\ninclude a\n data\n");
  write_file ("a", "\n  mail\n");
  scenario = milter_scenario_load (path, NULL, MILTER_SCENARIO_SESSIONS, errors);
  session = g_ptr_array_index (scenario->sessions, 0);
  step = g_ptr_array_index (session->steps, 0);
  cr_expect_str_eq (step->where.file, other);
  cr_expect (step->where.line == 2 && step->where.column == 3);
  step = g_ptr_array_index (session->steps, 1);
  cr_expect_str_eq (step->where.file, path);
  cr_expect (step->where.line == 3 && step->where.column == 2);
}

Test (parser_settings, errors_name_the_included_file_and_reading_goes_on)
{
  write_file ("t.scenario", "session\ninclude a\nfoo\neom <<END\n");
  write_file ("a", "bar\nbody <<END\nx\n");
  check ("a:1:1: expected a verb, got \"bar\"\n"
         "a:2:6: expected a line \"END\" below that ends the here-document, got the end of the "
         "file\n"
         "t.scenario:3:1: expected a verb, got \"foo\"\n"
         "t.scenario:4:5: expected a line \"END\" below that ends the here-document, got the end "
         "of the file\n");
}

Test (parser_settings, files_that_include_each_other_are_an_error_that_names_them)
{
  write_file ("t.scenario", "session\n  include sub/a\ninclude ./t.scenario\n");
  write_file ("sub/a", "include b\n");
  write_file ("sub/b", "include ../sub/../t.scenario\n");
  check ("sub/b:1:9: expected a file that does not include itself, got \"t.scenario\", which "
         "includes \"sub/a\", which includes \"sub/b\", which includes \"sub/../sub/../t.scenario\"\n"
         "t.scenario:3:9: expected a file that does not include itself, got \"t.scenario\", which "
         "includes \"./t.scenario\"\n");
}

Test (parser_settings, sixteen_levels_are_the_most)
{
  for (int i = 0; i < 17; i++)
    {
      g_autofree char *name = i == 0 ? g_strdup ("t.scenario") : g_strdup_printf ("%d", i);
      g_autofree char *text = g_strdup_printf (
          i == 16 ? "session\n" : "include %d\n", i + 1);

      write_file (name, text);
    }
  check ("session 1\n");
  write_file ("16", "include 17\n");
  write_file ("17", "session\n");
  check ("16:1:9: expected files that include each other over at most 16 levels, got one more with "
         "\"17\"\n");
}

Test (parser_settings, many_files_in_many_files_are_bounded)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *comment = g_strnfill (1 << 16, '#');

  for (int i = 0; i < 2000; i++)
    g_string_append (text, "include b\n");
  write_file ("a", text->str);
  g_string_replace (text, "include b", "include c", 0);
  write_file ("b", text->str);
  write_file ("c", comment);
  write_file ("t.scenario", "session\ninclude a\n");
  check ("b:1023:10: expected a scenario of at most 64 MiB with all that it includes, got a larger one\n");
  write_file ("c", "");
  check ("b:502:8: expected a scenario that takes at most 256 MiB of memory, got a larger one: use "
         "fewer or shorter texts and files\n");
}

Test (parser_settings, mistakes_of_include)
{
  write_file ("t.scenario", "include\ninclude none\ninclude .\ninclude \"a\\0\"\ninclude a b\n"
                            "include a => accept\n@1 session\n@1 include a\n");
  check ("t.scenario:1:8: expected the name of a file, got the end of the line\n"
         "t.scenario:2:9: expected a file that can be read, got \"none\": No such file or directory\n"
         "t.scenario:3:9: expected a file that can be read, got a directory\n"
         "t.scenario:4:9: expected the name of a file, got \"\"a\\0\"\"\n"
         "t.scenario:5:11: expected the end of the line behind the name of a file, got \"b\"\n"
         "t.scenario:6:11: expected the end of the line behind the name of a file, got \"=>\"\n"
         "t.scenario:8:1: expected \"include\" without @CONN (the lines of the file have their own), got \"@1\"\n");
}

/* ---- require ---- */

Test (parser_settings, what_has_to_be_there_is_kept_for_the_file_and_for_the_session)
{
  write_file ("t.scenario", "require ipv6\nrequire program spamd\ninclude sub/a\nsession\nrequire unix\n"
                            "data\nrequire negotiate version=6 steps=+SKIP # so\nsession\n");
  write_file ("sub/a", "require root\nrequire file 'x y'\n");
  check ("require ipv6 \"ipv6\"\n"
         "require program \"spamd\"\n"
         "require root \"root\"\n"
         "require file \"sub/x y\"\n"
         "session 1\n"
         "  require unix \"unix\"\n"
         "  require negotiate \"negotiate version=6 steps=+SKIP\" version=6 steps+0x400-0x0\n"
         "  data\n"
         "session 2\n");
}

Test (parser_settings, mistakes_of_require)
{
  write_file ("t.scenario", "require\nrequire foo\nrequire program\nrequire file \"\"\nrequire ipv6 unix\n"
                            "require negotiate\nrequire negotiate foo=1\nrequire root => accept\n");
  check ("t.scenario:1:8: expected ipv6, unix, root, program NAME, file PATH, negotiate "
         "KEY=PATTERN or probe NAME, got the end of the line\n"
         "t.scenario:2:9: expected ipv6, unix, root, program NAME, file PATH, negotiate "
         "KEY=PATTERN or probe NAME, got \"foo\"\n"
         "t.scenario:3:16: expected the name of a program, got the end of the line\n"
         "t.scenario:4:14: expected the name of a file, got \"\"\"\"\n"
         "t.scenario:5:14: expected the end of the line behind \"require "
         "ipv6|unix|root|program NAME|file PATH|negotiate KEY=PATTERN…|probe NAME\", got \"unix\"\n"
         "t.scenario:6:18: expected what the milter has to answer, as steps=SKIP or "
         "actions=+ADDHDRS, got the end of the line\n"
         "t.scenario:7:19: expected version=, actions=, steps=, symbols-STAGE= or tail=, got "
         "\"foo=1\"\n"
         "t.scenario:8:14: expected the end of the line behind \"require "
         "ipv6|unix|root|program NAME|file PATH|negotiate KEY=PATTERN…|probe NAME\", got \"=>\"\n");
}
