/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-mail-parse.c: mail files give the fields and the body that real MTAs sent to a milter for
 * them. The expectations for tests/data/mails are those of recordings of Postfix 3.7.11 and
 * sendmail 8.17.1.9 where the MTA was given that mail.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-mail-private.h"

/* a mail as a literal; the NUL that C adds is not part of it */
#define P(text) MILTER_BYTES_INIT (text)

/* parses a heap copy of exact size, so that a read past the end is caught */
static MilterMail *
parse (MilterBytes file)
{
  MilterMail *mail = milter_mail_new ();
  guint8 *copy = g_memdup2 (file.data, file.size);

  milter_mail_parse (mail, milter_bytes (copy, file.size));
  g_free (copy);
  return mail;
}

static MilterMail *
load (const char *name)
{
  g_autofree char *path = g_build_filename (TEST_DATA_DIR, "mails", name, NULL);
  g_autofree char *text = NULL;
  gsize size;

  cr_assert (g_file_get_contents (path, &text, &size, /* error= */ NULL), "%s", path);
  return parse (milter_bytes (text, size));
}

/* the fields as HEADER frames carry them, one a line: `name|value`, LF of folds as `^` */
static char *
fields (const MilterMail *mail, bool leading_space)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);
      MilterBytes value = milter_mail_wire_value (
          milter_bytes (header->value->str, header->value->len), leading_space);

      g_string_append_len (text, header->name->str, (gssize) header->name->len);
      g_string_append_c (text, '|');
      for (gsize k = 0; k < value.size; k++)
        g_string_append_c (text, value.data[k] == '\n' ? '^' : (char) value.data[k]);
      g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

static char *
body (const MilterMail *mail)
{
  GString *text = g_string_new (NULL);

  g_string_append_len (text, (const char *) mail->body->data, (gssize) mail->body->len);
  return g_string_free (text, FALSE);
}

/* what BODY frames carry together */
static const struct
{
  const char *name;
  guint n_fields;
  gsize body_size;
  const char *sha256; /* how it begins */
} mails[] = {
  { "01-plain.eml", 5, 61, "e89232fc850b" },
  { "02-crlf.eml", 5, 48, "9345aac4d3d9" },
  { "03-multipart-alternative.eml", 7, 385, "eaf22bed0e99" },
  { "04-multipart-mixed-nested.eml", 7, 483, "b11d2f514ce8" },
  { "05-8bit-utf8.eml", 8, 94, "fa0976cc65a3" },
  { "06-8bit-latin1.eml", 8, 168, "4051fe4b2501" },
  { "07-long-folded-headers.eml", 8, 7, "a2d763b548d4" },
  { "08-no-body.eml", 5, 0, "e3b0c44298fc" },
  { "09-no-separator.eml", 5, 0, "e3b0c44298fc" },
  { "10-no-headers.eml", 0, 73, "101f8403c425" },
  { "11-empty.eml", 0, 0, "e3b0c44298fc" },
  { "12-bare-lf-mixed.eml", 4, 64, "aa5cdf24a5fc" },
  { "13-nul-bytes.eml", 5, 24, "c0a7e17f3d35" },
  { "14-dots.eml", 5, 35, "20e161e37056" },
  { "15-many-received.eml", 29, 13, "daec064ff1a2" },
  { "16-header-oddities.eml", 14, 14, "2edd921be7c7" },
  { "17-not-a-header-line.eml", 2, 88, "783c79d6fd5c" },
  { "18-mbox-from-line.eml", 5, 31, "5bcde4b490e5" },
  { "19-gtube.eml", 5, 70, "89df38b833da" },
  { "20-local-test-virus.eml", 6, 52, "c5368ad21d98" },
  { "21-dkim-signed-good.eml", 6, 40, "774d184204c8" },
  { "22-dkim-signed-broken.eml", 6, 41, "6d043e754c91" },
};

Test (mail_parse, files_give_the_body_that_mtas_sent)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mails); i++)
    {
      g_autoptr (MilterMail) mail = load (mails[i].name);
      g_autofree char *sum
          = g_compute_checksum_for_data (G_CHECKSUM_SHA256, mail->body->data, mail->body->len);

      cr_assert_eq (mail->headers->len, mails[i].n_fields, "%s", mails[i].name);
      cr_assert_eq (mail->body->len, mails[i].body_size, "%s", mails[i].name);
      cr_assert (g_str_has_prefix (sum, mails[i].sha256), "%s", mails[i].name);
    }
}

Test (mail_parse, every_mail_of_the_folder_is_in_the_table)
{
  g_autofree char *path = g_build_filename (TEST_DATA_DIR, "mails", NULL);
  g_autoptr (GDir) folder = g_dir_open (path, 0, /* error= */ NULL);
  const char *name;
  gsize n_files = 0;

  while ((name = g_dir_read_name (folder)) != NULL)
    n_files += g_str_has_suffix (name, ".eml");
  cr_assert_eq (n_files, G_N_ELEMENTS (mails));
}

/* as recorded, without and with HDR_LEADSPC */
static const struct
{
  const char *name;
  bool leading_space;
  const char *fields;
} recorded[] = {
  { "01-plain.eml",
    false,
    "From|Alice Moser <alice@example.com>\n"
    "To|Bob <bob@example.net>\n"
    "Subject|Lunch on Thursday?\n"
    "Date|Sun, 22 Nov 2026 09:15:02 +0100\n"
    "Message-ID|<s01@example.com>\n" },
  { "12-bare-lf-mixed.eml",
    false,
    "From|alice@example.com\n"
    "To|bob@example.net\n"
    "Subject|mixed ends\n"
    "X-Fold|a^ b\n" },
  { "16-header-oddities.eml",
    false,
    "From|alice@example.com\n"
    "To|undisclosed-recipients:;\n"
    "subject|no space after the colon\n"
    "X-Space-Before|space before the colon\n"
    "X-Tab|\ttab after the colon\n"
    "X-Two| two spaces\n"
    "X-Empty|\n"
    "X-Blank|\n"
    "X-Same|1\n"
    "x-same|2\n"
    "X-SAME|3\n"
    "X-Percent|100% %s %n\n"
    "Date|Sun, 22 Nov 2026 09:15:02 +0100\n"
    "Message-ID|<s16@example.com>\n" },
  { "16-header-oddities.eml",
    true,
    "From| alice@example.com\n"
    "To| undisclosed-recipients:;\n"
    "subject|no space after the colon\n"
    "X-Space-Before| space before the colon\n"
    "X-Tab|\ttab after the colon\n"
    "X-Two|  two spaces\n"
    "X-Empty|\n"
    "X-Blank| \n"
    "X-Same| 1\n"
    "x-same| 2\n"
    "X-SAME| 3\n"
    "X-Percent| 100% %s %n\n"
    "Date| Sun, 22 Nov 2026 09:15:02 +0100\n"
    "Message-ID| <s16@example.com>\n" },
  { "17-not-a-header-line.eml",
    false,
    "From|alice@example.com\n"
    "Subject|broken header\n" },
  { "18-mbox-from-line.eml",
    false,
    "From|Alice Moser <alice@example.com>\n"
    "To|Bob <bob@example.net>\n"
    "Subject|with an mbox From_ line\n"
    "Date|Sun, 22 Nov 2026 09:15:02 +0100\n"
    "Message-ID|<s18@example.com>\n" },
};

Test (mail_parse, header_fields_are_those_that_mtas_sent)
{
  for (gsize i = 0; i < G_N_ELEMENTS (recorded); i++)
    {
      g_autoptr (MilterMail) mail = load (recorded[i].name);
      g_autofree char *text = fields (mail, recorded[i].leading_space);

      cr_assert_str_eq (text, recorded[i].fields, "%s:\n%s", recorded[i].name, text);
    }
}

Test (mail_parse, folds_are_line_feeds_with_their_white_space)
{
  g_autoptr (MilterMail) mail = load ("07-long-folded-headers.eml");
  g_autofree char *text = fields (mail, /* leading_space= */ false);

  cr_assert (strstr (text, "\nSubject|A subject^ that is folded^\tover three lines\n") != NULL);
  cr_assert (strstr (text, "\nReferences|^\t<part01.") != NULL);
  cr_assert (strstr (text, "abcdefghi \nX-Empty-Fold|one^ ^ two\n") != NULL);
}

/* edges that no recording has */
static const struct
{
  const char *what;
  MilterBytes file;
  const char *fields;
  const char *body;
} edges[] = {
  { "nothing", P (""), "", "" },
  { "one empty line", P ("\n"), "", "" },
  { "two empty lines", P ("\n\n"), "", "\r\n" },
  { "a field without line end", P ("X: y"), "X|y\n", "" },
  { "a field and a CR", P ("X: y\r"), "X|y\n", "" },
  { "CR CR LF ends a line", P ("X: y\r\r\n\r\r\nb\r\r\n"), "X|y\n", "b\r\n" },
  { "a CR inside a value stays", P ("X: y\rz\n\n"), "X|y\rz\n", "" },
  { "white space first is a body", P (" X: y\n\nb\n"), "", " X: y\r\n\r\nb\r\n" },
  { "no name is no field", P (": y\nX: z\n"), "", ": y\r\nX: z\r\n" },
  { "a blank in the name is no field", P ("X Y: z\n"), "", "X Y: z\r\n" },
  { "bytes above 0x7f are no name", P ("\xc3\xa4: z\n"), "", "\xc3\xa4: z\r\n" },
  { "a colon alone ends the name", P ("X::y\n\n"), "X|:y\n", "" },
  { "tabs before the colon", P ("X \t : y\n\n"), "X|y\n", "" },
  { "fold of white space alone", P ("X: y\n \t\n\nb\n"), "X|y^ \t\n", "b\r\n" },
  { "mbox lines, one quoted", P ("From a b\n>From c d\nX: y\n\nFrom z\n"), "X|y\n", "From z\r\n" },
  { "an mbox line alone", P ("From a b"), "", "" },
  { "From without a blank", P ("From:x\n\n"), "From|x\n", "" },
  { "a NUL ends what a frame can say", P ("X: a\0b\n\n"), "X|a\n", "" },
};

Test (mail_parse, edges)
{
  for (gsize i = 0; i < G_N_ELEMENTS (edges); i++)
    {
      g_autoptr (MilterMail) mail = parse (edges[i].file);
      g_autofree char *text = fields (mail, /* leading_space= */ false);
      g_autofree char *rest = body (mail);

      cr_assert_str_eq (text, edges[i].fields, "%s: %s", edges[i].what, text);
      cr_assert_str_eq (rest, edges[i].body, "%s: %s", edges[i].what, rest);
    }
}

Test (mail_parse, every_prefix_of_every_mail_is_taken)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mails); i++)
    {
      g_autofree char *path = g_build_filename (TEST_DATA_DIR, "mails", mails[i].name, NULL);
      g_autofree char *text = NULL;
      gsize size;

      cr_assert (g_file_get_contents (path, &text, &size, /* error= */ NULL));
      for (gsize cut = 0; cut < MIN (size, 300); cut++)
        milter_mail_free (parse (milter_bytes (text, cut)));
    }
}
