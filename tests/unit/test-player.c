/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-player.c: the engine: what is sent in which order, and how sessions end.
 */
#include "fake-peer.h"

#include <criterion/criterion.h>
#include <string.h>

#define R FAKE_RULES

Test (player, a_session_is_filled_in_in_the_order_of_smtp)
{
  g_autoptr (FakeRun) run = fake_run ("session\n eom\n", R ("O:neg 6 0 0x80"));

  cr_expect_str_eq (run->report->str, "");
  cr_expect_eq (run->outcome, HELD);
  cr_expect_str_eq (
      run->said->str,
      "> negotiate version=6 actions=all steps=all\n"
      "< negotiate version=6 actions=none steps=NR_HDR\n"
      "> macro connect {daemon_name}=daemon_name {if_name}=localhost {if_addr}=127.0.0.1 "
      "j=mail.example.com\n"
      "> connect client.example.com 192.0.2.1 port=50443\n"
      "< continue\n"
      "> macro helo {tls_version}=0 {cipher}=0 {cipher_bits}=0 {cert_subject}=cert_subject "
      "{cert_issuer}=cert_issuer\n"
      "> helo client.example.com\n"
      "< continue\n"
      "> macro mail {mail_mailer}=mail_mailer {mail_host}=mail_host {mail_addr}=mail_addr\n"
      "> mail <sender@example.com>\n"
      "< continue\n"
      "> macro rcpt {rcpt_mailer}=rcpt_mailer {rcpt_host}=rcpt_host "
      "{rcpt_addr}=recipient@example.net\n"
      "> rcpt <recipient@example.net>\n"
      "< continue\n"
      "> macro data i=i\n"
      "> data\n"
      "< continue\n"
      "> header From: <sender@example.com>\n"
      "> header To: <recipient@example.net>\n"
      "> header Subject: test\n"
      "> macro eoh i=i\n"
      "> eoh\n"
      "< continue\n"
      "> macro eom i=i\n"
      "> eom\n"
      "< continue\n"
      "> quit\n");
  cr_expect_eq (run->n_closed, 0);
}
