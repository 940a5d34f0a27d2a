/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-message-diff.c: a message before and after, line by line.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "message-diff.h"

static MilterMail *
mail_of (const char *recipients, const char *body)
{
  MilterMail *mail = milter_mail_new ();
  g_auto (GStrv) words = g_strsplit (recipients, " ", -1);

  milter_mail_set_sender (mail, milter_bytes_from_string ("<a@b>"), milter_bytes (NULL, 0));
  for (char **word = words; *word != NULL; word++)
    milter_mail_add_recipient (mail, milter_bytes_from_string (*word), milter_bytes (NULL, 0));
  milter_mail_append_body (mail, milter_bytes_from_string (body));
  return mail;
}

/* the part called @title, without its rules */
static char *
part_of (const char *shown, const char *title)
{
  const char *begin = strstr (shown, title);
  const char *end;

  cr_assert_not_null (begin);
  begin = strchr (strchr (begin, '\n') + 1, '\n') + 1;
  end = strstr (begin, "---");
  return g_strndup (begin, (gsize) (end - begin));
}

static char *
body_diff (const char *before, const char *after)
{
  g_autoptr (MilterMail) old_mail = mail_of ("<r@s>", before);
  g_autoptr (MilterMail) new_mail = mail_of ("<r@s>", after);
  g_autoptr (GString) shown = g_string_new (NULL);

  message_diff_append (shown, old_mail, new_mail, false);
  return part_of (shown->str, "Body\n");
}

Test (diff, a_body_is_compared_line_by_line)
{
  static const struct
  {
    const char *before, *after, *shown;
  } rows[] = {
    { "a\r\nb\r\n", "a\r\nb\r\n", "  a\n  b\n" },
    { "", "a\r\n", "+ a\n" },
    { "a\r\n", "", "- a\n" },
    { "", "", "" },
    { "a\r\nb\r\nc\r\n", "a\r\nc\r\n", "  a\n- b\n  c\n" },
    { "a\r\nc\r\n", "a\r\nb\r\nc\r\n", "  a\n+ b\n  c\n" },
    { "a\r\nb\r\nc\r\n", "x\r\nb\r\ny\r\n", "- a\n+ x\n  b\n- c\n+ y\n" },
    { "a\r\nb\r\nc\r\nd\r\n", "b\r\nd\r\ne\r\n", "- a\n  b\n- c\n  d\n+ e\n" },
    { "a\r\na\r\na\r\n", "a\r\na\r\n", "  a\n  a\n- a\n" },
    { "\x1b[31m\r\n", "\x01\r\n", "- \\x1b[31m\n+ \\x01\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *shown = body_diff (rows[i].before, rows[i].after);

      cr_expect_str_eq (shown, rows[i].shown, "row %zu: %s", i, shown);
    }
}

/* what is shown as removed and kept is the old text, what is added and kept the new one; and no
 * shorter script exists (a table of all prefixes tells its length) */
Test (diff, any_two_texts_give_the_shortest_difference)
{
  enum
  {
    N_LINES = 12
  };
  g_autoptr (GRand) random = g_rand_new_with_seed (7);

  for (guint round = 0; round < 300; round++)
    {
      char old_lines[N_LINES], new_lines[N_LINES];
      gsize n_old = (gsize) g_rand_int_range (random, 0, N_LINES + 1);
      gsize n_new = (gsize) g_rand_int_range (random, 0, N_LINES + 1);
      guint common[N_LINES + 1][N_LINES + 1] = { 0 };
      g_autoptr (GString) before = g_string_new (NULL);
      g_autoptr (GString) after = g_string_new (NULL);
      g_autoptr (GString) kept = g_string_new (NULL);
      g_autoptr (GString) made = g_string_new (NULL);
      g_autofree char *shown = NULL;
      guint n_marks = 0;

      for (gsize i = 0; i < n_old; i++)
        g_string_append_printf (
            before, "%c\r\n", old_lines[i] = (char) g_rand_int_range (random, 'a', 'e'));
      for (gsize i = 0; i < n_new; i++)
        g_string_append_printf (
            after, "%c\r\n", new_lines[i] = (char) g_rand_int_range (random, 'a', 'e'));
      for (gsize i = 0; i < n_old; i++)
        for (gsize k = 0; k < n_new; k++)
          common[i + 1][k + 1] = old_lines[i] == new_lines[k]
                                     ? common[i][k] + 1
                                     : MAX (common[i][k + 1], common[i + 1][k]);

      shown = body_diff (before->str, after->str);
      for (const char *line = shown; *line != '\0'; line += 4)
        {
          if (*line != '+')
            g_string_append_printf (kept, "%c\r\n", line[2]);
          if (*line != '-')
            g_string_append_printf (made, "%c\r\n", line[2]);
          n_marks += *line != ' ';
        }
      cr_expect_str_eq (kept->str, before->str);
      cr_expect_str_eq (made->str, after->str);
      cr_expect_eq (n_marks, n_old + n_new - 2 * common[n_old][n_new], "%s", shown);
    }
}

Test (diff, a_deleted_first_recipient_is_one_line)
{
  g_autoptr (MilterMail) before = mail_of ("<x@y> <bob@example.net>", "");
  g_autoptr (MilterMail) after = mail_of ("<bob@example.net>", "");
  g_autoptr (GString) shown = g_string_new (NULL);
  g_autofree char *part = NULL;

  message_diff_append (shown, before, after, false);
  part = part_of (shown->str, "Envelope\n");
  cr_expect_str_eq (part, "  MAIL FROM:<a@b>\n- RCPT TO:<x@y>\n  RCPT TO:<bob@example.net>\n");
}

Test (diff, colours_are_there_if_asked_for)
{
  g_autoptr (MilterMail) before = mail_of ("<x@y>", "");
  g_autoptr (MilterMail) after = mail_of ("<z@y>", "");
  g_autoptr (GString) shown = g_string_new (NULL);

  message_diff_append (shown, before, after, true);
  cr_expect_not_null (strstr (shown->str, "\033[31m- RCPT TO:<x@y>\033[0m\n"));
  cr_expect_not_null (strstr (shown->str, "\033[32m+ RCPT TO:<z@y>\033[0m\n"));
}

/* nothing in common, and too much to search: all gone, all new, and soon done */
Test (diff, long_texts_without_a_common_line_are_shown_as_replaced)
{
  g_autoptr (GString) before = g_string_new (NULL);
  g_autoptr (GString) after = g_string_new (NULL);
  g_autofree char *shown = NULL;

  for (guint i = 0; i < 5000; i++)
    {
      g_string_append_printf (before, "old %u\r\n", i);
      g_string_append_printf (after, "new %u\r\n", i);
    }
  shown = body_diff (before->str, after->str);
  cr_expect (g_str_has_prefix (shown, "- old 0\n- old 1\n"));
  cr_expect (g_str_has_suffix (shown, "+ new 4998\n+ new 4999\n"));
}
