/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-mail.c: a mail keeps its parts, copies are of their own, and the message is written as it
 * would be delivered.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-mail-private.h"

#define P(text) ((MilterBytes) MILTER_BYTES_INIT (text))

static MilterMail *
sample (void)
{
  MilterMail *mail = milter_mail_new ();

  milter_mail_set_sender (mail, P ("<alice@example.com>"), P ("BODY=8BITMIME\0SIZE=500\0"));
  milter_mail_add_recipient (mail, P ("<bob@example.net>"), P (""));
  milter_mail_add_recipient (mail, P ("<carol@example.net>"), P ("NOTIFY=NEVER\0"));
  milter_mail_append_header (mail, P ("Received"), P (" own"), /* hidden= */ TRUE);
  milter_mail_append_header (mail, P ("Subject"), P (" a\n\tb"), /* hidden= */ FALSE);
  milter_mail_append_header (mail, P ("X-Empty"), P (""), /* hidden= */ FALSE);
  milter_mail_append_body (mail, P ("one\r\n"));
  milter_mail_append_body (mail, P ("t\0o\r\n"));
  return mail;
}

static void
check_message (const MilterMail *mail, MilterBytes expected)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  milter_mail_append_message (mail, out);
  cr_assert (milter_bytes_equal (milter_bytes (out->data, out->len), expected),
             "%.*s",
             (int) out->len,
             (const char *) out->data);
}

Test (mail, message_has_visible_fields_crlf_and_the_body)
{
  g_autoptr (MilterMail) mail = sample ();

  check_message (mail, P ("Subject: a\r\n\tb\r\nX-Empty:\r\n\r\none\r\nt\0o\r\n"));
}

Test (mail, arguments_are_one_string_and_none_is_none)
{
  g_autoptr (MilterMail) mail = sample ();
  const MilterMailAddress *bob = g_ptr_array_index (mail->recipients, 0);
  const MilterMailAddress *carol = g_ptr_array_index (mail->recipients, 1);

  cr_assert_str_eq (mail->sender.address->str, "<alice@example.com>");
  cr_assert_str_eq (mail->sender.arguments->str, "BODY=8BITMIME SIZE=500");
  cr_assert_null (bob->arguments);
  cr_assert_str_eq (carol->arguments->str, "NOTIFY=NEVER");
}

Test (mail, a_copy_lives_on_its_own)
{
  g_autoptr (MilterMail) mail = sample ();
  g_autoptr (MilterMail) copy = milter_mail_copy (mail);
  const MilterMailAddress *carol;

  milter_mail_clear (mail);
  milter_mail_append_header (mail, P ("X"), P (" y"), /* hidden= */ FALSE);
  check_message (mail, P ("X: y\r\n\r\n"));
  check_message (copy, P ("Subject: a\r\n\tb\r\nX-Empty:\r\n\r\none\r\nt\0o\r\n"));
  cr_assert_str_eq (copy->sender.arguments->str, "BODY=8BITMIME SIZE=500");
  carol = g_ptr_array_index (copy->recipients, 1);
  cr_assert_str_eq (carol->address->str, "<carol@example.net>");
}

Test (mail, clear_leaves_nothing)
{
  g_autoptr (MilterMail) mail = sample ();

  milter_mail_clear (mail);
  check_message (mail, P ("\r\n"));
  cr_assert_eq (mail->recipients->len, 0);
  cr_assert_eq (mail->sender.address->len, 0);
  cr_assert_null (mail->sender.arguments);
  cr_assert_null (mail->quarantine);
}

Test (mail, wire_values_leave_out_one_blank)
{
  static const struct
  {
    MilterBytes value;
    const char *plain;
    const char *leading;
  } values[] = {
    { MILTER_BYTES_INIT (" v"), "v", " v" },
    { MILTER_BYTES_INIT ("v"), "v", "v" },
    { MILTER_BYTES_INIT ("  v "), " v ", "  v " },
    { MILTER_BYTES_INIT ("\tv"), "\tv", "\tv" },
    { MILTER_BYTES_INIT ("\n v"), "\n v", "\n v" },
    { MILTER_BYTES_INIT (" "), "", " " },
    { MILTER_BYTES_INIT (""), "", "" },
    { MILTER_BYTES_INIT (" a\0b"), "a", " a" },
    { MILTER_BYTES_INIT ("\0b"), "", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (MilterMail) mail = milter_mail_new ();
      const MilterMailHeader *header;
      MilterBytes value;

      milter_mail_append_header (mail, P ("X"), values[i].value, /* hidden= */ FALSE);
      header = g_ptr_array_index (mail->headers, 0);
      value = milter_bytes (header->value->str, header->value->len);
      cr_assert (milter_bytes_equal_string (milter_mail_wire_value (value, FALSE),
                                            values[i].plain),
                 "%zu",
                 i);
      cr_assert (milter_bytes_equal_string (milter_mail_wire_value (value, TRUE),
                                            values[i].leading),
                 "%zu",
                 i);
    }
  /* no bytes need no place */
  cr_assert_eq (milter_mail_wire_value (milter_bytes (NULL, 0), FALSE).size, 0);
}

Test (mail, insert_beyond_the_end_appends)
{
  g_autoptr (MilterMail) mail = sample ();

  milter_mail_insert_header (mail, G_MAXUINT, P ("X-End"), P (" e"), /* hidden= */ FALSE);
  milter_mail_insert_header (mail, 1, P ("X-One"), P (" o"), /* hidden= */ FALSE);
  check_message (mail,
                 P ("X-One: o\r\nSubject: a\r\n\tb\r\nX-Empty:\r\nX-End: e\r\n\r\n"
                    "one\r\nt\0o\r\n"));
}
