/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-body.c: bodies with parts, in one chunk and in many.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "anonymizer-test.h"
#include "milter-anonymizer-body.h"

/* clang-format off */
static const char type[] = "multipart/mixed; boundary=\"=_outer 1\"";
static const char mail[] =
  "preamble alice\r\n"
  "--=_outer 1\r\n"
  "Content-Type: text/plain; charset=utf-8\r\n"
  "X-Origin: alice\r\n"
  "\r\n"
  "Dear alice,\r\n"
  "--=_outer 10\r\n"
  "--=_outer 1\r\n"
  "Content-Type: multipart/related;\r\n"
  "\tboundary=inner\r\n"
  "\r\n"
  "--inner\r\n"
  "Content-Transfer-Encoding: base64\r\n"
  "\r\n"
  "RGVhciBhbGljZSwgbGljZW5jZSBhbGljZQ0K\r\n"
  "--inner\r\n"
  "Content-Transfer-Encoding: quoted-printable\r\n"
  "Content-Disposition: attachment; filename=alice.txt\r\n"
  "\r\n"
  "alice =C3=A4 ali=\r\nce\r\n"
  "--inner--\r\n"
  "--=_outer 1\r\n"
  "Content-Type: message/rfc822\r\n"
  "\r\n"
  "From: alice@example.com\r\n"
  "Content-Type: text/plain\r\n"
  "\r\n"
  "alice inside\r\n"
  "alice: a line\r\n"
  "--=_outer 1--\r\n"
  "alice behind\r\n";
static const char picture[] =
  "~~~~~~~~ ~~~~~\r\n"
  "--=_~~~~~ ~\r\n"
  "Content-Type: text/plain; charset=utf-8\r\n"
  "X-Origin: ~~~~~\r\n"
  "\r\n"
  "~~~~ ~~~~~,\r\n"
  "--=_~~~~~ ~~\r\n"
  "--=_~~~~~ ~\r\n"
  "Content-Type: multipart/related;\r\n"
  "\tboundary=~~~~~\r\n"
  "\r\n"
  "--~~~~~\r\n"
  "Content-Transfer-Encoding: base64\r\n"
  "\r\n";
/* clang-format on */

static char *
replace (const char *body_type, const char *text, gsize piece)
{
  g_autoptr (MilterAnonymizerBody) body = milter_anonymizer_body_new (test_pseudonyms ());
  char *copy = g_strdup (text);
  gsize size = strlen (text);

  milter_anonymizer_body_begin (body, milter_bytes_from_string (body_type), milter_bytes (NULL, 0));
  for (gsize at = 0; at < size; at += piece)
    {
      gsize n = MIN (piece, size - at);
      /* chunks are read no further than they reach */
      g_autofree guint8 *chunk = g_memdup2 (copy + at, n);

      milter_anonymizer_body_replace (body, chunk, n);
      memcpy (copy + at, chunk, n);
    }
  return copy;
}

Test (anonymizer_body, parts_keep_their_structure)
{
  g_autofree char *after = replace (type, mail, G_MAXSIZE), *head = g_strndup (after, strlen (picture));
  g_autofree char *before = g_strndup (mail, strlen (picture));

  cr_assert_eq (strlen (after), strlen (mail));
  test_compare ("the beginning", before, head, picture);
  cr_assert_null (strstr (after, "alice"));
  cr_assert_not_null (strstr (after, "Content-Disposition: attachment; filename="));
  cr_assert_not_null (strstr (after, "Content-Type: message/rfc822\r\n\r\nFrom: "));
}

Test (anonymizer_body, encoded_parts_have_the_words_of_the_others)
{
  g_autofree char *after = replace (type, mail, G_MAXSIZE), *word = g_strdup ("alice");
  const char *base64 = strstr (after, "base64\r\n\r\n") + strlen ("base64\r\n\r\n");
  g_autofree char *line = g_strndup (base64, 36);
  gsize size;
  g_autofree guint8 *decoded = g_base64_decode (line, &size);

  milter_pseudonyms_text (test_pseudonyms (), MILTER_CONTEXT_TEXT, (guint8 *) word, 5);
  cr_assert_eq (size, 27);
  cr_assert_eq (memcmp (decoded + 5, word, 5), 0);
  cr_assert_eq (memcmp (decoded + 20, word, 5), 0);
}

/* words that a border cuts become others than whole ones, and all else is the same */
Test (anonymizer_body, borders_of_chunks_hide_nothing)
{
  g_autofree char *whole = replace (type, mail, G_MAXSIZE);

  for (gsize piece = 1; piece < strlen (mail); piece += piece < 80 ? 1 : 17)
    {
      g_autofree char *after = replace (type, mail, piece);
      guint n_same = 0;

      cr_assert_eq (strlen (after), strlen (mail));
      cr_assert_null (strstr (after, "alice"), "pieces of %zu: %s", piece, after);
      cr_assert_null (strstr (after, "inside"), "pieces of %zu", piece);
      cr_assert_null (strstr (after, "RGVhciBhbGlj"), "pieces of %zu", piece);
      for (gsize i = 0; i < strlen (mail); i++)
        {
          cr_assert_eq (after[i] == '\n', mail[i] == '\n');
          n_same += after[i] == whole[i];
        }
      if (piece > 60)
        cr_assert_gt (n_same, strlen (mail) * 7 / 10, "pieces of %zu: %s", piece, after);
    }
}

static gsize
count (const char *text, const char *part)
{
  gsize n = 0;

  for (const char *at = strstr (text, part); at != NULL; at = strstr (at + 1, part))
    n++;
  return n;
}

Test (anonymizer_body, delimiters_stay_those_of_the_field_wherever_they_are_cut)
{
  g_autofree char *field = g_strdup (type), *delimiter = NULL;
  char *end;

  milter_pseudonyms_text (test_pseudonyms (), MILTER_CONTEXT_MIME, (guint8 *) field, strlen (field));
  delimiter = g_strdup_printf ("--%s", strchr (field, '"') + 1);
  end = strrchr (delimiter, '"');
  *end = '\0';
  for (gsize piece = 1; piece < strlen (mail); piece++)
    {
      g_autofree char *after = replace (type, mail, piece);

      cr_assert_geq (count (after, delimiter), 4, "pieces of %zu: %s in %s", piece, delimiter, after);
    }
}

/* a message ends its fields, and what follows is text */
Test (anonymizer_body, a_message_in_a_message_has_a_body)
{
  static const char text[] = "From: alice@x\r\nalice: a line\r\n\r\nalice: another line\r\nFrom: alice\r\n";
  g_autofree char *after = replace ("message/rfc822", text, G_MAXSIZE);

  test_compare ("message", text, after, "From: ~~~~~@~\r\n~~~~~: ~ ~~~~\r\n\r\n~~~~~: ~~~~~~~ ~~~~\r\n~~~~: ~~~~~\r\n");
}

Test (anonymizer_body, marks_of_uuencode_are_replaced)
{
  /* alice, alice, and so on; not all of a line that only looks so */
  static const char text[] = "begin 644 a\r\n486QI8V4L(&%L:6-E+\"!A;&EC92P@\r\n(AA) 'B' #C# ,D, .E.\r\n`\r\nend\r\n";
  g_autofree char *after = replace ("", text, G_MAXSIZE);

  cr_assert_eq (strlen (after), strlen (text));
  cr_assert_null (strstr (after, "486QI"));
  cr_assert_null (strstr (after, "(&%"));
  cr_assert_null (strstr (after, "@\r\n("));
  cr_assert_not_null (strstr (after, ") '"));
}

Test (anonymizer_body, without_a_type_all_is_text)
{
  g_autofree char *after = replace ("", "--a\r\nContent-Type: text/plain\r\n\r\nalice\r\n", G_MAXSIZE);

  test_compare ("text", "--a\r\nContent-Type: text/plain\r\n\r\nalice\r\n", after,
                "--~\r\n~~~~~~~-~~~~: ~~~~/~~~~~\r\n\r\n~~~~~\r\n");
}

Test (anonymizer_body, parts_may_be_as_deep_as_they_like)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *after = NULL;

  for (guint i = 0; i < 100; i++)
    g_string_append_printf (text, "--b%u\r\nContent-Type: multipart/mixed; boundary=b%u\r\n\r\n", i, i + 1);
  g_string_append (text, "alice\r\n");
  after = replace ("multipart/mixed; boundary=b0", text->str, 1000);
  cr_assert_eq (strlen (after), text->len);
  cr_assert_null (strstr (after, "alice"));
}

Test (anonymizer_body, quoted_printable_that_a_border_cuts_stays_valid)
{
  static const char text[] = "Gr=C3=BC=C3=9Fe =41lice =3D\r\n";

  for (gsize piece = 1; piece < strlen (text); piece++)
    {
      g_autoptr (MilterAnonymizerBody) body = milter_anonymizer_body_new (test_pseudonyms ());
      g_autofree char *after = g_strdup (text);

      milter_anonymizer_body_begin (body, milter_bytes (NULL, 0), (MilterBytes) MILTER_BYTES_INIT ("quoted-printable"));
      for (gsize at = 0; at < strlen (text); at += piece)
        milter_anonymizer_body_replace (body, (guint8 *) after + at, MIN (piece, strlen (text) - at));
      for (const char *at = strchr (after, '='); at != NULL; at = strchr (at + 1, '='))
        cr_assert (g_ascii_isxdigit (at[1]) && g_ascii_isxdigit (at[2]), "pieces of %zu: %s", piece, after);
      cr_assert_null (strstr (after, "lice"), "pieces of %zu: %s", piece, after);
      cr_assert_null (strstr (after, "=C3=BC=C3"), "pieces of %zu: %s", piece, after);
    }
}
