/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-failure.c: words for what went wrong.
 */
#include <criterion/criterion.h>

#include "fake-peer.h"
#include "milter-player-private.h"

static const struct
{
  const char *head;
  gsize size;
  const char *text;
} strangers[] = {
  { "220 mx.example.com ESMTP Postfix\r\n", 34, "an SMTP server answered" },
  { "220-mx.example.com", 18, "an SMTP server answered" },
  { "554 no", 6, "an SMTP server answered" },
  { "220 FTP server ready", 20, "an FTP server answered" },
  { "HTTP/1.1 400 Bad Request", 24, "an HTTP server answered" },
  { "SSH-2.0-OpenSSH_9.2", 19, "an SSH server answered" },
  { "+OK ready", 9, "a POP3 server answered" },
  { "* OK [CAPABILITY]", 17, "an IMAP server answered" },
  { "\x15\x03\x01\0\2\2F", 7, "a TLS server answered (an alert)" },
  { "\x16\x03\x03", 3, "a TLS server answered (a handshake)" },
  { "\0\0\0\1c", 5, NULL },
  { "2200", 4, NULL },
  { "22", 2, NULL },
  { "", 0, NULL },
};

/* libmilter drops a new client without a word (milter-protocol 7) */
Test (failure, a_client_that_libmilter_drops_is_told_to_be_that)
{
  g_autoptr (FakeRun) run = fake_run ("session\n timeout 2s\n mail\n quit-nc\n connect\n", FAKE_RULES ("C2:"));

  cr_assert_eq (run->outcome, BROKEN);
  cr_assert_not_null (strstr (run->report->str, "did not answer connect after quit-nc, which libmilter"),
                      "%s",
                      run->report->str);
}

/* … and what is too long for it, as header fields are that MTAs take (milter-protocol 1.2) */
Test (failure, a_milter_that_goes_for_a_long_command_is_told_with_its_size)
{
  static const gsize sizes[] = { 65534, 65535 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *address = g_strnfill (sizes[i], 'a');
      g_autofree char *scenario = g_strdup_printf ("session\n rcpt %s\n", address);
      g_autoptr (FakeRun) run = fake_run (scenario, FAKE_RULES ("R:close"));

      cr_assert_eq (run->outcome, BROKEN);
      cr_expect_eq (strstr (run->report->str,
                            "closed the connection instead of answering rcpt of 65536 bytes "
                            "(libmilter takes no more than 65535)")
                        != NULL,
                    sizes[i] == 65535,
                    "%s",
                    run->report->str);
    }
}

Test (failure, peers_that_are_no_milters_are_named)
{
  for (gsize i = 0; i < G_N_ELEMENTS (strangers); i++)
    {
      /* exactly as many bytes, so that a look behind them is caught */
      g_autofree guint8 *copy = g_memdup2 (strangers[i].head, strangers[i].size);
      g_autofree char *text = milter_failure_identify (milter_bytes (copy, strangers[i].size));

      cr_expect (g_strcmp0 (text, strangers[i].text) == 0, "%zu: %s", i, text);
    }
}

Test (failure, durations_are_short)
{
  static const struct
  {
    gint64 us;
    const char *text;
  } cases[] = {
    { 0, "0 ms" },        { 3100, "3.1 ms" },   { 200000, "200 ms" },    { 1500000, "1.5 s" },
    { 30000000, "30 s" }, { 30001000, "30 s" }, { 999999, "1000.0 ms" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = milter_failure_duration (cases[i].us);

      cr_expect_str_eq (text, cases[i].text);
    }
}

Test (failure, the_last_exchanges_are_shown)
{
  g_autoptr (FakeRun) run = fake_run ("session\n rcpt <a@b> => continue\n", FAKE_RULES ("R:t"));

  cr_expect_str_eq (
      run->last->str,
      "> macro mail {mail_mailer}=mail_mailer {mail_host}=mail_host "
      "{mail_addr}=mail_addr  > mail <sender@example.com>  < continue  > macro rcpt "
      "{rcpt_mailer}=rcpt_mailer {rcpt_host}=rcpt_host {rcpt_addr}=a@b  > rcpt <a@b>  "
      "< tempfail");
}
