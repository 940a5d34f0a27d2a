/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-record-file.c: the file of a recording: what stays, and what stands behind it for now.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "record-file.h"

static char *folder, *path;

static void
setup (void)
{
  folder = g_dir_make_tmp ("record-file-XXXXXX", NULL);
  path = g_build_filename (folder, "file", NULL);
}

static void
teardown (void)
{
  g_remove (path);
  g_rmdir (folder);
  g_free (path);
  g_free (folder);
}

TestSuite (record_file, .init = setup, .fini = teardown);

static void
write_text (RecordFile *file, const char *lasting, const char *provisional)
{
  record_file_write (
      file, milter_bytes_from_string (lasting), milter_bytes_from_string (provisional));
}

/* blank lines mean nothing, wherever they are */
static void
expect_lines (const char *wanted)
{
  g_autofree char *text = NULL;
  g_autoptr (GString) bare = g_string_new (NULL);
  gsize size;

  cr_assert (g_file_get_contents (path, &text, &size, NULL));
  cr_expect_eq (strlen (text), size);
  for (const char *at = text; *at != '\0'; at++)
    if (*at != '\n' || (bare->len > 0 && bare->str[bare->len - 1] != '\n'))
      g_string_append_c (bare, *at);
  cr_expect_str_eq (bare->str, wanted);
}

Test (record_file, what_is_provisional_is_written_over)
{
  g_autoptr (RecordFile) file = record_file_open (path, RECORD_FILE_EXISTING_REFUSE, NULL);

  cr_assert (record_file_may_be_rewritten (file));
  write_text (file, "one\n", "");
  expect_lines ("one\n");
  write_text (file, "two\n", "maybe three\nmaybe four\n");
  expect_lines ("one\ntwo\nmaybe three\nmaybe four\n");
  write_text (file, "", "3\n");
  expect_lines ("one\ntwo\n3\n");
  write_text (file, "three\n", "maybe a longer line than all before\n");
  expect_lines ("one\ntwo\nthree\nmaybe a longer line than all before\n");
  write_text (file, "four\n", "");
  expect_lines ("one\ntwo\nthree\nfour\n");
  cr_expect (record_file_finish (file));
}

Test (record_file, is_exactly_what_stays_at_the_end)
{
  g_autoptr (RecordFile) file = record_file_open (path, RECORD_FILE_EXISTING_REFUSE, NULL);
  g_autofree char *text = NULL;

  write_text (file, "one\n", "something that did not happen\n");
  write_text (file, "two\n", "no\n");
  cr_expect (record_file_finish (file));
  cr_assert (g_file_get_contents (path, &text, NULL, NULL));
  cr_expect_str_eq (text, "one\ntwo\n");
}

Test (record_file, much_that_was_provisional_is_cut_off)
{
  g_autoptr (RecordFile) file = record_file_open (path, RECORD_FILE_EXISTING_REFUSE, NULL);
  g_autofree char *much = g_strnfill (200000, 'x');
  g_autofree char *text = NULL;

  write_text (file, "one\n", much);
  write_text (file, "two\n", "");
  cr_assert (g_file_get_contents (path, &text, NULL, NULL));
  cr_expect_str_eq (text, "one\ntwo\n");
  write_text (file, much, "tail\n");
  write_text (file, "\nlast\n", "");
  cr_expect (record_file_finish (file));
  g_free (g_steal_pointer (&text));
  cr_assert (g_file_get_contents (path, &text, NULL, NULL));
  cr_expect_eq (strlen (text), 8 + 200000 + 6);
  cr_expect (g_str_has_suffix (text, "x\nlast\n"));
}

Test (record_file, an_old_file_stays_unless_it_is_to_be_replaced)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RecordFile) file = NULL;

  cr_assert (g_file_set_contents (path, "old and long\n", -1, NULL));
  cr_expect_null (record_file_open (path, RECORD_FILE_EXISTING_REFUSE, &error));
  cr_expect_not_null (strstr (error->message, "is there already; --force replaces it"));
  expect_lines ("old and long\n");

  file = record_file_open (path, RECORD_FILE_EXISTING_REPLACE, NULL);
  write_text (file, "new\n", "");
  cr_expect (record_file_finish (file));
  expect_lines ("new\n");
}

Test (record_file, a_new_file_is_for_its_owner_alone)
{
  G_GNUC_UNUSED g_autoptr (RecordFile) file = record_file_open (path, RECORD_FILE_EXISTING_REFUSE, NULL);
  struct stat status;

  cr_assert_eq (stat (path, &status), 0);
  cr_expect_eq (status.st_mode & 0777, 0600);
}

Test (record_file, what_cannot_be_rewritten_gets_what_stays_alone)
{
  g_autoptr (RecordFile) file = record_file_open ("/dev/null", RECORD_FILE_EXISTING_REFUSE, NULL);

  cr_expect_not (record_file_may_be_rewritten (file));
  write_text (file, "one\n", "maybe\n");
  cr_expect (record_file_finish (file));
}

Test (record_file, a_folder_cannot_be_written)
{
  g_autoptr (GError) error = NULL;

  cr_expect_null (record_file_open (folder, RECORD_FILE_EXISTING_REPLACE, &error));
  cr_expect_not_null (strstr (error->message, "cannot be written"));
}
