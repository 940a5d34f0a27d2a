/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-text.c: what stays of a text, and what does not.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "anonymizer-test.h"

static char *
replace (MilterContextId context, const char *text)
{
  /* behind it nothing may be read */
  gsize size = strlen (text);
  g_autofree guint8 *copy = g_memdup2 (text, size);

  milter_pseudonyms_text (test_pseudonyms (), context, copy, size);
  return size == 0 ? g_strdup ("") : g_strndup ((const char *) copy, size);
}

#define TEXT      MILTER_CONTEXT_TEXT
#define ADDRESS   MILTER_CONTEXT_ADDRESS
#define RECEIVED  MILTER_CONTEXT_RECEIVED
#define MIME      MILTER_CONTEXT_MIME
#define SIGNATURE MILTER_CONTEXT_SIGNATURE
#define RESULTS   MILTER_CONTEXT_RESULTS
#define PARAMETER MILTER_CONTEXT_PARAMETER
#define REPLY     MILTER_CONTEXT_REPLY

/* clang-format off */
static const struct
{
  MilterContextId context;
  const char *before;
  const char *picture; /* `~`: replaced */
} rows[] = {
  { TEXT, "Lunch on Thursday?", "~~~~~ ~~ ~~~~~~~~?" },
  { TEXT, "from localhost with pass, unknown", "~~~~ ~~~~~~~~~ ~~~~ ~~~~, ~~~~~~~" },
  { TEXT, "Sun, 22 Nov 2026 09:15:02 +0100", "~~~, ~~ ~~~ ~~~~ ~~:~~:~~ +~~~~" },
  { TEXT, "550 5.7.1 no", "~~~ ~.~.~ ~~" },
  { TEXT, "127.0.0.1", "127.0.0.1" },
  { ADDRESS, "Bob <bob@example.com>", "~~~ <~~~@~~~~~~~.~~~>" },
  { ADDRESS, "<postmaster@example.com>", "<postmaster@~~~~~~~.~~~>" },
  { ADDRESS, "<bob@localhost>", "<~~~@localhost>" },
  { ADDRESS, "<localhost@example.com>", "<~~~~~~~~~@~~~~~~~.~~~>" },
  { ADDRESS, "<>", "<>" },
  { ADDRESS, "unknown [127.0.0.1]", "unknown [127.0.0.1]" },
  { ADDRESS, "undisclosed-recipients:;", "undisclosed-recipients:;" },
  { RECEIVED, "from a.example (b.example) by with.example (Postfix) with ESMTPS id 4Q02 for <x@y>; Sun, 22 Nov 2026 09:15:02 +0100",
              "from ~.~~~~~~~ (~.~~~~~~~) by ~~~~.~~~~~~~ (Postfix) with ESMTPS id ~~~~ for <~@~>; Sun, 22 Nov 2026 09:15:02 +0100" },
  { RECEIVED, "from x (unknown [127.0.0.1])", "from ~ (unknown [127.0.0.1])" },
  { MIME, "multipart/mixed;\r\n\tboundary=\"ab=_c\"", "multipart/mixed;\r\n\tboundary=\"~~=_~\"" },
  { MIME, "text/plain; charset=utf-8; name*0*=utf-8''ab%C3%A4.pdf", "text/plain; charset=utf-8; name*0*=utf-8''~~%~~%~~.~~~" },
  { MIME, "attachment; filename=\"bob.exe\"; size=17", "attachment; filename=\"~~~.~~~\"; size=17" },
  { MIME, "application/x-company; charset=x-bob", "~~~~~~~~~~~/~-~~~~~~~; charset=~-~~~" },
  { SIGNATURE, "v=1; a=rsa-sha256; c=relaxed/simple; d=ab.example; h=From : To:X-Ab;\r\n b=aGk=; i=@ab.example",
               "v=1; a=rsa-sha256; c=relaxed/simple; d=~~.~~~~~~~; h=From : To:X-Ab;\r\n b=~~~=; i=@~~.~~~~~~~" },
  { SIGNATURE, "i=2; cv=pass; t=1795358129; s=pass", "i=2; cv=pass; t=~~~~~~~~~~; s=pass" },
  { RESULTS, "mx.example; dkim=pass (ok) header.d=dkim.example; spf=none smtp.mailfrom=pass@x",
             "~~.~~~~~~~; dkim=pass (~~) header.d=~~~~.~~~~~~~; spf=none smtp.mailfrom=~~~~@~" },
  { PARAMETER, "ORCPT=rfc822;bob+2Bab@x", "ORCPT=rfc822;~~~+2B~~@~" },
  { PARAMETER, "SIZE=1000", "SIZE=1000" },
  { PARAMETER, "ENVID=1000", "ENVID=~~~~" },
  { PARAMETER, "NOTIFY=SUCCESS,DELAY", "NOTIFY=SUCCESS,DELAY" },
  { REPLY, "550 5.7.1 command rejected by bob@example.com", "550 5.7.1 command rejected ~~ ~~~@~~~~~~~.~~~" },
  { REPLY, "450-4.7.1 ab\r\n450 4.7.1 127.0.0.1", "450-4.7.1 ~~\r\n450 4.7.1 127.0.0.1" },
  { REPLY, "5501 550", "~~~~ ~~~" },
  { MILTER_CONTEXT_DATE, "Sun, 22 Nov 2026 09:15:02 +0100 (CET)", "Sun, 22 Nov 2026 09:15:02 +0100 (~~~)" },
  { MILTER_CONTEXT_COMMAND, "AUTH PLAIN AGJvYgBz", "AUTH PLAIN ~~~~~~~~" },
  { MILTER_CONTEXT_KEYWORD, "Infected (Some.Virus-1)", "Infected (~~~~.~~~~~-~)" },
  { MILTER_CONTEXT_COUNT, "17", "17" },
  { MILTER_CONTEXT_COUNT, "a17", "~~~" },
  { MILTER_CONTEXT_CLIENT_PORT, "34290", "~~~~~" },
  { MILTER_CONTEXT_CLIENT_PORT, "25", "25" },
  { MILTER_CONTEXT_NOTE, "link type 77 is not known here", "link type 77 is not known here" },
  { MILTER_CONTEXT_NOTE, "bob was here", "~~~ was here" },
  { MILTER_CONTEXT_LIST, "<mailto:bob@x>, <https://example/bob?a=1>", "<mailto:~~~@~>, <https://~~~~~~~/~~~?~=~>" },
  { TEXT, "", "" },
};
/* clang-format on */

Test (anonymizer_text, only_known_words_stay_and_only_where_they_mean_something)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *after = replace (rows[i].context, rows[i].before);

      /* digits of characters that are written with % may become letters */
      if (strstr (rows[i].before, "%C3") == NULL)
        test_compare (rows[i].before, rows[i].before, after, rows[i].picture);
    }
}

Test (anonymizer_text, a_word_becomes_the_same_however_it_is_written)
{
  /* each with the word alice, which stands for itself in the first */
  static const struct
  {
    MilterContextId context;
    const char *text, *before, *behind;
  } spellings[] = {
    { ADDRESS, "<alice@x.example>", "<", "@" },
    { TEXT, "see alice, there", "see ", ", there" },
    { SIGNATURE, "i=alice@x", "i=", "@" },
    { TEXT, "%61lice", "%", "" },
  };
  g_autofree char *word = replace (TEXT, "alice");
  g_autofree char *encoded = replace (TEXT, "=?utf-8?B?YWxpY2U=?="), *quoted = replace (TEXT, "=?us-ascii?q?alic=65?=");
  g_autofree char *base64 = g_base64_encode ((const guchar *) word, 5);
  g_autofree char *hex = g_strdup_printf ("=?us-ascii?q?%.4s=%02X?=", word, word[4]);
  g_autofree char *as_base64 = g_strdup_printf ("=?utf-8?B?%s?=", base64);

  for (gsize i = 0; i < 3; i++)
    {
      g_autofree char *after = replace (spellings[i].context, spellings[i].text);

      cr_assert_eq (strncmp (strstr (spellings[i].text, "alice") - spellings[i].text + after, word, 5), 0, "%s", after);
    }
  cr_assert_str_eq (encoded, as_base64);
  cr_assert_str_eq (quoted, hex);
}

Test (anonymizer_text, characters_written_as_numbers_stay_so)
{
  g_autofree char *after = replace (TEXT, "a%40b %6f%6F 100%"), *plain = replace (TEXT, "oo");
  g_autofree char *encoded = g_strdup_printf ("%%%02x%%%02X", plain[0], plain[1]);

  cr_assert_eq (memcmp (after + 1, "%40", 3), 0);
  cr_assert_eq (strncmp (after + 6, encoded, 6), 0, "%s, not %s", after, encoded);
}

Test (anonymizer_text, an_encoded_word_of_a_script_is_replaced_byte_by_byte)
{
  static const char text[] = "=?iso-2022-jp?B?GyRCJDMbKEI=?= =?x-bob?Q?=24=33?= =?utf-16?Q?a=00b=00a=00?=";
  g_autofree char *after = replace (TEXT, text);

  cr_assert_eq (strlen (after), strlen (text));
  cr_assert (g_str_has_prefix (after, "=?iso-2022-jp?B?"));
  cr_assert_null (strstr (after, "JDMb"));
  cr_assert_null (strstr (after, "x-bob"));
  cr_assert_null (strstr (after, "=24"));
  cr_assert_null (strstr (after, "a=00b"));
}

Test (anonymizer_text, unfinished_encoded_words_are_text)
{
  static const char *const texts[] = { "=?utf-8?Q?bob", "=?utf-8?Q", "=?", "=?utf-8?Q?bob?", "=?a?b?c?d?=", "=?" "?Q?" "?=" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *after = replace (TEXT, texts[i]);

      cr_assert_eq (strlen (after), strlen (texts[i]));
      cr_assert_null (strstr (after, "bob"));
    }
}

Test (anonymizer_text, letters_of_two_bytes_are_no_alphabet_of_their_own)
{
  guint8 text[] = "a\0a\0a\0a\0a\0a\0a\0a\0a\0a\0a\0a";
  guint n_different = 0;

  milter_pseudonyms_text (test_pseudonyms (), TEXT, text, sizeof text - 1);
  for (gsize i = 0; i < sizeof text - 1; i += 2)
    {
      cr_assert_neq (text[i], 'a');
      n_different += text[i] != text[0];
    }
  cr_assert_gt (n_different, 3);
}

Test (anonymizer_text, what_follows_an_escape_is_replaced_byte_by_byte)
{
  g_autofree char *after = replace (TEXT, "ab \033$B!!$3$s\033(B\r\ncd");
  g_autofree char *plain = replace (TEXT, "cd");

  cr_assert_null (strstr (after, "!!"));
  cr_assert_null (strstr (after, "$3"));
  cr_assert_str_eq (after + strlen (after) - 2, plain);
  cr_assert_eq (after[strlen (after) - 4], '\r');
}

Test (anonymizer_text, quoted_printable_keeps_its_lines)
{
  guint8 text[] = "exam=\r\nple =C3=A4=20\r\n=\nplain=3D";
  guint8 word[] = "example";

  milter_pseudonyms_quoted_printable (test_pseudonyms (), text, sizeof text - 1);
  milter_pseudonyms_text (test_pseudonyms (), TEXT, word, sizeof word - 1);
  cr_assert_eq (memcmp (text, word, 4), 0);
  cr_assert_eq (memcmp (text + 4, "=\r\n", 3), 0);
  cr_assert_eq (memcmp (text + 7, word + 4, 3), 0);
  cr_assert_eq (memcmp (text + 17, "=20\r\n=\n", 7), 0, "%s", text);
  cr_assert_eq (memcmp (text + 29, "=3D", 3), 0, "%s", text);
}

Test (anonymizer_text, names_of_fields_stay_unless_they_name_somebody)
{
  static const struct
  {
    const char *before, *picture;
  } names[] = {
    { "Subject", "Subject" },
    { "X-Act", "X-Act" },
    { "X-Company-MailScanner-From", "X-~~~~~~~-MailScanner-From" },
    { "X-MailScanner", "X-MailScanner" },
    { "X-mail.example.com", "~-~~~~.~~~~~~~.~~~" },
    { "X-12345-Id", "X-~~~~~-Id" },
    { "bob@example", "~~~@~~~~~~~" },
    { "X-Gr\xfc\xdf", "~-~~~~" },
    { "X-Field ", "X-Field " },
    { "a line that ends with From", "~ ~~~~ ~~~~ ~~~~ ~~~~ ~~~~" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *after = g_strdup (names[i].before);

      milter_pseudonyms_header_name (test_pseudonyms (), (guint8 *) after, strlen (after));
      test_compare (names[i].before, names[i].before, after, names[i].picture);
    }
}

Test (anonymizer_text, bytes_keep_their_kind_or_nothing)
{
  guint8 kinds[256], all[256];

  for (guint i = 0; i < 256; i++)
    kinds[i] = all[i] = (guint8) i;
  milter_pseudonyms_bytes (test_pseudonyms (), kinds, 256);
  milter_pseudonyms_all_bytes (test_pseudonyms (), all, 256);
  for (guint i = 0; i < 256; i++)
    {
      cr_assert_eq (kinds[i] == i, i <= ' ' || i == 0x7f, "%u", i);
      cr_assert_eq (kinds[i] >= 0x80, i >= 0x80);
      cr_assert_eq (g_ascii_isalpha (kinds[i]) != 0, g_ascii_isalpha ((char) i) != 0);
      cr_assert_eq (g_ascii_isdigit (kinds[i]) != 0, g_ascii_isdigit ((char) i) != 0);
      cr_assert_neq (all[i], i);
    }
}
