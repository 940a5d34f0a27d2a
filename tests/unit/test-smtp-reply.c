/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-smtp-reply.c: SMTP replies taken apart and put together (milter-protocol 3.7).
 */
#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

#define LINE_980                                                                                   \
  X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10
#define X_10  "xxxxxxxxxx"
#define X_100 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10

/* clang-format off */
static const struct
{
  const char *wire;
  guint code;
  const char *extended;
  const char *message; /* lines joined by \n */
} good[] = {
  { "550 5.7.1 no", 550, "5.7.1", "no" },
  { "451 later", 451, NULL, "later" },
  { "421 4.3.2", 421, "4.3.2", "" },
  { "550 5.100.200 x", 550, "5.100.200", "x" },
  { "550 5.7.1000 x", 550, NULL, "5.7.1000 x" },
  { "550 192.0.2.1 is listed", 550, NULL, "192.0.2.1 is listed" },
  { "550 5.7.1.2 x", 550, NULL, "5.7.1.2 x" },
  { "550-5.7.1 line1\r\n550-5.7.1 100%% x\r\n550 5.7.1 line3", 550, "5.7.1",
    "line1\n100% x\nline3" },
  { "554-\r\n554 x", 554, NULL, "\nx" },
  { "554-x\r\n554 ", 554, NULL, "x\n" },
  { "450-4.1.1\r\n450 4.1.1 x", 450, "4.1.1", "\nx" },
  { "550 %%", 550, NULL, "%" },
  { "550 gr\xc3\xbc\xff", 550, NULL, "gr\xc3\xbc\xff" },
  { "550 " LINE_980, 550, NULL, LINE_980 },
  { "550 5.7.1 " LINE_980, 550, "5.7.1", LINE_980 },
};
/* clang-format on */

/* clang-format off */
static const struct
{
  const char *wire;
  MilterSmtpReplyError code;
} bad[] = {
  { "", MILTER_SMTP_REPLY_ERROR_CODE },
  { "no", MILTER_SMTP_REPLY_ERROR_CODE },
  { "55 x", MILTER_SMTP_REPLY_ERROR_CODE },
  { "250 ok", MILTER_SMTP_REPLY_ERROR_CODE },
  { "600 x", MILTER_SMTP_REPLY_ERROR_CODE },
  { "354 x", MILTER_SMTP_REPLY_ERROR_CODE },
  { "550", MILTER_SMTP_REPLY_ERROR_CODE },
  { "5500 x", MILTER_SMTP_REPLY_ERROR_LINE },
  { "550-x", MILTER_SMTP_REPLY_ERROR_LINE },
  { "550 4.7.1 x", MILTER_SMTP_REPLY_ERROR_EXTENDED },
  { "451 2.0.0 x", MILTER_SMTP_REPLY_ERROR_EXTENDED },
  { "550-x\r\n450 y", MILTER_SMTP_REPLY_ERROR_MIXED },
  { "550-5.7.1 x\r\n550 5.7.2 y", MILTER_SMTP_REPLY_ERROR_MIXED },
  { "550 x\r\n550 y", MILTER_SMTP_REPLY_ERROR_LINE },
  { "550-x\r\n550-y", MILTER_SMTP_REPLY_ERROR_LINE },
  { "550-x\n550 y", MILTER_SMTP_REPLY_ERROR_LINE },
  { "550 x\n", MILTER_SMTP_REPLY_ERROR_LINE },
  { "550 x\r", MILTER_SMTP_REPLY_ERROR_LINE },
  { "550-x\r\n", MILTER_SMTP_REPLY_ERROR_CODE },
  { "550 x" LINE_980, MILTER_SMTP_REPLY_ERROR_LINE },
  { "550 50% off", MILTER_SMTP_REPLY_ERROR_PERCENT },
  { "550 100%", MILTER_SMTP_REPLY_ERROR_PERCENT },
  { "550 %%%", MILTER_SMTP_REPLY_ERROR_PERCENT },
};
/* clang-format on */

static char *
joined (const MilterSmtpReply *reply)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < reply->lines->len; i++)
    {
      const GString *line = g_ptr_array_index (reply->lines, i);

      if (i > 0)
        g_string_append_c (text, '\n');
      g_string_append_len (text, line->str, (gssize) line->len);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* a heap copy of exact size, so that a read past the end is caught */
static MilterBytes
exact (const char *text, gsize size, guint8 **copy)
{
  *copy = g_malloc (size);
  if (size > 0)
    memcpy (*copy, text, size);
  return milter_bytes (*copy, size);
}

Test (smtp_reply, replies_are_taken_apart)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree guint8 *copy = NULL;
      g_autofree char *message = NULL;
      g_autoptr (MilterSmtpReply) reply
          = milter_smtp_reply_parse (exact (good[i].wire, strlen (good[i].wire), &copy), &error);

      cr_assert_not_null (reply, "%s: %s", good[i].wire, error == NULL ? "" : error->message);
      cr_assert_null (error);
      cr_assert_eq (reply->code, good[i].code);
      cr_assert_eq (g_strcmp0 (reply->extended, good[i].extended), 0, "%s", good[i].wire);
      message = joined (reply);
      cr_assert_str_eq (message, good[i].message);
    }
}

Test (smtp_reply, replies_are_put_together_to_the_same_bytes)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree guint8 *copy = NULL;
      g_autoptr (GString) text
          = milter_smtp_reply_format (good[i].code,
                                      good[i].extended,
                                      exact (good[i].message, strlen (good[i].message), &copy),
                                      &error);

      cr_assert_not_null (text, "%s: %s", good[i].wire, error == NULL ? "" : error->message);
      cr_assert_str_eq (text->str, good[i].wire);
    }
}

Test (smtp_reply, what_an_mta_refuses_or_mangles_is_refused)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree guint8 *copy = NULL;

      cr_assert_null (
          milter_smtp_reply_parse (exact (bad[i].wire, strlen (bad[i].wire), &copy), &error));
      cr_assert (g_error_matches (error, MILTER_SMTP_REPLY_ERROR, (int) bad[i].code),
                 "%s: %s",
                 bad[i].wire,
                 error->message);
    }
}

Test (smtp_reply, a_nul_in_the_text_is_refused)
{
  g_autoptr (GError) error = NULL;

  cr_assert_null (milter_smtp_reply_parse (milter_bytes ("550 a\0b", 7), &error));
  cr_assert (g_error_matches (error, MILTER_SMTP_REPLY_ERROR, MILTER_SMTP_REPLY_ERROR_LINE));
}

Test (smtp_reply, errors_tell_the_line)
{
  g_autoptr (GError) error = NULL;

  cr_assert_null (milter_smtp_reply_parse (milter_bytes_from_string ("550-a\r\n451 b"), &error));
  cr_assert_str_eq (error->message,
                    "reply text, line 2: the code differs from that of the first line");
}

static GString *
lines_of (guint n)
{
  GString *message = g_string_new ("x");

  for (guint i = 1; i < n; i++)
    g_string_append (message, "\nx");
  return message;
}

Test (smtp_reply, there_may_be_32_lines_and_no_more)
{
  g_autoptr (GString) most = lines_of (32);
  g_autoptr (GString) more = lines_of (33);
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text
      = milter_smtp_reply_format (550, NULL, milter_bytes (most->str, most->len), &error);

  cr_assert_not_null (text);
  cr_assert_null (
      milter_smtp_reply_format (550, NULL, milter_bytes (more->str, more->len), &error));
  cr_assert (g_error_matches (error, MILTER_SMTP_REPLY_ERROR, MILTER_SMTP_REPLY_ERROR_LINE));
}

Test (smtp_reply, a_code_alone_gets_an_extended_code)
{
  g_autoptr (GString) fatal = milter_smtp_reply_format (550, NULL, milter_bytes (NULL, 0), NULL);
  g_autoptr (GString) transient
      = milter_smtp_reply_format (421, NULL, milter_bytes (NULL, 0), NULL);

  cr_assert_str_eq (fatal->str, "550 5.0.0");
  cr_assert_str_eq (transient->str, "421 4.0.0");
}

Test (smtp_reply, what_cannot_be_put_together_is_refused)
{
  static const struct
  {
    guint code;
    const char *extended;
    const char *message;
    MilterSmtpReplyError error;
  } cases[] = {
    { 250, NULL, "x", MILTER_SMTP_REPLY_ERROR_CODE },
    { 600, NULL, "x", MILTER_SMTP_REPLY_ERROR_CODE },
    { 0, NULL, "x", MILTER_SMTP_REPLY_ERROR_CODE },
    { 550, "", "x", MILTER_SMTP_REPLY_ERROR_EXTENDED },
    { 550, "5.7", "x", MILTER_SMTP_REPLY_ERROR_EXTENDED },
    { 550, "5.7.1 x", "x", MILTER_SMTP_REPLY_ERROR_EXTENDED },
    { 550, "4.7.1", "x", MILTER_SMTP_REPLY_ERROR_EXTENDED },
    { 550, NULL, "4.7.1 x", MILTER_SMTP_REPLY_ERROR_EXTENDED },
    { 550, NULL, "a\rb", MILTER_SMTP_REPLY_ERROR_LINE },
    { 550, NULL, "a\r\nb", MILTER_SMTP_REPLY_ERROR_LINE },
    { 550, NULL, "x" LINE_980, MILTER_SMTP_REPLY_ERROR_LINE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      cr_assert_null (milter_smtp_reply_format (
          cases[i].code, cases[i].extended, milter_bytes_from_string (cases[i].message), &error));
      cr_assert (g_error_matches (error, MILTER_SMTP_REPLY_ERROR, (int) cases[i].error),
                 "%zu: %s",
                 i,
                 error->message);
    }
}
