/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-mime.c: types of parts.
 */
#include <criterion/criterion.h>

#include "anonymizer-test.h"
#include "milter-anonymizer-mime.h"

Test (anonymizer_mime, type_and_encoding_tell_the_kind)
{
  static const struct
  {
    const char *type, *encoding;
    MilterPartKind kind;
    const char *boundary;
  } rows[] = {
    { "", "", MILTER_PART_TEXT, "" },
    { "text/plain", "7bit", MILTER_PART_TEXT, "" },
    { "text/plain; charset=utf-8", "8bit", MILTER_PART_TEXT, "" },
    { "text/plain; charset=\"iso-2022-jp\"", "7bit", MILTER_PART_CHARACTERS, "" },
    { "text/plain; charset=x-unknown", "", MILTER_PART_CHARACTERS, "" },
    { " TEXT/html", " Quoted-Printable", MILTER_PART_QUOTED_PRINTABLE, "" },
    { "text/plain", "BASE64", MILTER_PART_BASE64_TEXT, "" },
    { "text/plain; charset=utf-16", "base64", MILTER_PART_BASE64_CHARACTERS, "" },
    { "", "base64", MILTER_PART_BASE64_TEXT, "" },
    { "application/pdf", "base64", MILTER_PART_BASE64_BYTES, "" },
    { "image/png", "binary", MILTER_PART_CHARACTERS, "" },
    { "message/rfc822", "", MILTER_PART_HEADERS, "" },
    { "multipart/mixed; boundary=inner", "", MILTER_PART_TEXT, "inner" },
    { "multipart/mixed;\r\n\tx=\"a;boundary=no\"; Boundary = \"a b\\\"c\"; z", "", MILTER_PART_TEXT, "a b\"c" },
    { "multipart/mixed; boundary", "", MILTER_PART_TEXT, "" },
    { "multipart/mixed; boundary=\"", "", MILTER_PART_TEXT, "" },
    { "multipart/mixed; boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", MILTER_PART_TEXT, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GString) boundary = g_string_new ("before");
      MilterPartKind kind = milter_mime_read (test_pseudonyms (), milter_bytes_from_string (rows[i].type),
                                              milter_bytes_from_string (rows[i].encoding), boundary);

      cr_assert_eq (kind, rows[i].kind, "%s, %s", rows[i].type, rows[i].encoding);
      cr_assert_str_eq (boundary->str, rows[i].boundary, "%s", rows[i].type);
    }
}
