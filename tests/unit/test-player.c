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

/* what was said, one word a frame, macros left out: `>mail <continue` */
static char *
words (const FakeRun *run)
{
  g_auto (GStrv) lines = g_strsplit (run->said->str, "\n", -1);
  GString *text = g_string_new (NULL);

  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      g_auto (GStrv) line = g_strsplit (lines[i], " ", 3);

      if (strcmp (line[1], "macro") == 0)
        continue;
      g_string_append_printf (text, "%s%s%s", text->len > 0 ? " " : "", line[0], line[1]);
    }
  return g_string_free (text, FALSE);
}

typedef struct
{
  const char *name, *scenario;
  const char *const *rules;
  const char *words;
} Order;

#define NEGOTIATED ">negotiate <negotiate "
#define ENVELOPE                                                                                   \
  ">connect <continue >helo <continue >mail <continue >rcpt <continue >data <continue "
#define FIELDS  ">header <continue >header <continue >header <continue "
#define CONTENT FIELDS ">eoh <continue "

static const Order orders[] = {
  { "a session without lines at least negotiates", "session\n", NULL, NEGOTIATED ">quit" },
  { "nothing is filled in for exact",
    "mta exact\nsession\n negotiate\n eom\n",
    NULL,
    NEGOTIATED ">eom <continue" },
  { "only what is missing",
    "session\n helo\n rcpt\n data\n quit\n",
    NULL,
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >rcpt <continue >data <continue "
               ">quit" },
  { "own fields are enough",
    "session\n header X: y\n eom\n",
    NULL,
    NEGOTIATED ENVELOPE ">header <continue >eoh <continue >eom <continue >quit" },
  { "never a body", "session\n eom\n", NULL, NEGOTIATED ENVELOPE CONTENT ">eom <continue >quit" },
  { "never the end of a message",
    "session\n body \"x\"\n",
    NULL,
    NEGOTIATED ENVELOPE CONTENT ">body <continue >quit" },
  { "a second message needs no second helo",
    "session\n eom\n eom\n",
    NULL,
    NEGOTIATED ENVELOPE CONTENT
    ">eom <continue >mail <continue >rcpt <continue >data <continue " CONTENT
    ">eom <continue >quit" },
  { "Postfix aborts after each message",
    "mta postfix\nsession\n eom\n mail\n",
    NULL,
    NEGOTIATED ENVELOPE CONTENT ">eom <continue >abort >mail <continue >abort >abort >quit" },
  { "sendmail does not",
    "mta sendmail\nsession\n eom\n",
    NULL,
    NEGOTIATED ENVELOPE CONTENT ">eom <continue >quit" },
  { "a message that is cut short",
    "session\n mail\n message second\n mail\n",
    NULL,
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >abort >mail <continue >quit" },
  { "a refused message, then the next",
    "session\n mail => reject\n rcpt\n eom\n mail\n",
    R ("M1:r"),
    NEGOTIATED ">connect <continue >helo <continue >mail <reject >mail <continue >quit" },
  { "a refused message, then one that is named",
    "mta sendmail\nsession\n mail => reject\n message second\n rcpt => continue\n",
    R ("M1:r"),
    NEGOTIATED ">connect <continue >helo <continue >mail <reject >mail <continue >rcpt <continue "
               ">quit" },
  { "the same with Postfix",
    "mta postfix\nsession\n mail => reject\n rcpt\n eom\n mail\n",
    R ("M1:r"),
    NEGOTIATED
    ">connect <continue >helo <continue >mail <reject >abort >mail <continue >abort >abort "
    ">quit" },
  { "all recipients refused, then the next message, Postfix",
    "mta postfix\nsession\n rcpt => reject\n mail\n quit\n",
    R ("R:r"),
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >rcpt <reject >abort "
               ">mail <continue >quit" },
  { "a refused message and its lines, Postfix says so at once",
    "mta postfix\nsession\n mail => reject\n unknown FOO\n rcpt\n",
    R ("M1:r"),
    NEGOTIATED ">connect <continue >helo <continue >mail <reject >abort >unknown <continue "
               ">abort >quit" },
  { "discarded at rcpt, sendmail keeps the message open",
    "mta sendmail\nsession\n rcpt => discard\n mail\n",
    R ("R:d"),
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >rcpt <discard >abort "
               ">mail <continue >quit" },
  { "accepted at rcpt, sendmail",
    "mta sendmail\nsession\n rcpt => accept\n mail\n",
    R ("R:a"),
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >rcpt <accept "
               ">mail <continue >quit" },
  { "HELO again, Postfix",
    "mta postfix\nsession\n helo\n helo\n",
    NULL,
    NEGOTIATED ">connect <continue >helo <continue >helo <continue >abort >abort >quit" },
  { "HELO again, sendmail",
    "mta sendmail\nsession\n helo\n helo\n",
    NULL,
    NEGOTIATED ">connect <continue >helo <continue >helo <continue >quit" },
  { "HELO in a message, Postfix",
    "mta postfix\nsession\n mail\n helo\n mail\n",
    NULL,
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >helo <continue >abort >abort "
               ">mail <continue >abort >abort >quit" },
  { "HELO in a message, sendmail",
    "mta sendmail\nsession\n mail\n helo\n mail\n",
    NULL,
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >abort >helo <continue "
               ">mail <continue >quit" },
  { "HELO again that is refused, Postfix",
    "mta postfix\nsession\n helo\n helo => reject\n",
    R ("H2:r"),
    NEGOTIATED ">connect <continue >helo <continue >helo <reject" },
  { "no HELO, Postfix",
    "mta postfix\nsession\n connect\n",
    NULL,
    NEGOTIATED ">connect <continue >quit" },
  { "Postfix skips until there was something else",
    "mta postfix\nsession\n unknown A\n => skip\n unknown B\n helo\n unknown C\n",
    R ("U1:s"),
    NEGOTIATED ">connect <continue >unknown <skip >helo <continue >unknown <continue "
               ">abort >quit" },
  { "Postfix skips beyond ABORT",
    "mta postfix\nsession\n mail => skip\n abort\n mail\n rcpt\n",
    R ("M1:s"),
    NEGOTIATED ">connect <continue >helo <continue >mail <skip >abort >rcpt <continue "
               ">abort >abort >quit" },
  { "mail that a program hands in to Postfix",
    "mta postfix-local\nsession\n eom\n",
    R ("O:neg 6 0 0x27f"),
    NEGOTIATED ">eom <continue >quit" },
  { "accepted at connect",
    "session\n connect => accept\n mail\n eom\n",
    R ("C:a"),
    NEGOTIATED ">connect <accept >quit" },
  { "accepted at connect, Postfix",
    "mta postfix\nsession\n connect => accept\n mail\n",
    R ("C:a"),
    NEGOTIATED ">connect <accept" },
  { "421 to a recipient, Postfix",
    "mta postfix\nsession\n rcpt => 421\n",
    R ("R:y421 4.3.0 bye|"),
    NEGOTIATED
    ">connect <continue >helo <continue >mail <continue >rcpt <421 >abort >abort >quit" },
  { "accepted at connect, with a quit of its own",
    "session\n connect => accept\n quit => closed\n",
    R ("C:a"),
    NEGOTIATED ">connect <accept >quit" },
  { "another client on the same connection",
    "session\n mail\n quit-nc\n mail\n",
    NULL,
    NEGOTIATED
    ">connect <continue >helo <continue >mail <continue >quit-nc >connect <continue >helo "
    "<continue >mail <continue >quit" },
  { "a new client after a refusal",
    "session\n connect => reject\n quit-nc\n helo\n",
    R ("C1:r"),
    NEGOTIATED ">connect <reject >quit-nc >connect <continue >helo <continue >quit" },
  { "lines out of order go out as written",
    "session\n eom\n data\n body \"x\"\n eoh\n",
    NULL,
    NEGOTIATED ENVELOPE CONTENT
    ">eom <continue >mail <continue >rcpt <continue >data <continue " CONTENT
    ">body <continue >eoh <continue >quit" },
  { "what the milter does not want",
    "session\n eom\n",
    R ("O:neg 6 0 0x27f"),
    NEGOTIATED ">eom <continue >quit" },
  { "what is too new for the milter",
    "session\n unknown FOO\n data\n quit-nc\n",
    R ("O:neg 2 0 0"),
    NEGOTIATED ">connect <continue >helo <continue >mail <continue >rcpt <continue >quit" },
  { "a skipped body",
    "session\n body \"x\"\n body \"y\"\n eom\n body \"z\"\n",
    R ("B1:s"),
    NEGOTIATED ENVELOPE CONTENT ">body <skip >eom <continue >mail <continue >rcpt <continue >data "
                                "<continue " CONTENT ">body <continue >quit" },
  { "unknown needs a client, no message",
    "session\n unknown FOO\n",
    NULL,
    NEGOTIATED ">connect <continue >unknown <continue >quit" },
};

Test (player, what_is_sent_in_which_order)
{
  for (gsize i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      g_autoptr (FakeRun) run = fake_run (orders[i].scenario, orders[i].rules);
      g_autofree char *text = words (run);

      cr_expect_str_eq (
          text, orders[i].words, "%s:\n%s\n%s", orders[i].name, text, run->report->str);
      cr_expect_eq (run->outcome, HELD, "%s: %s", orders[i].name, run->report->str);
    }
}

/* the lines of @run that begin with @start */
static char *
said_lines (const FakeRun *run, const char *start)
{
  g_auto (GStrv) lines = g_strsplit (run->said->str, "\n", -1);
  GString *text = g_string_new (NULL);

  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], start))
      g_string_append_printf (text, "%s\n", lines[i] + strlen (start));
  return g_string_free (text, FALSE);
}

static const struct
{
  const char *name, *scenario;
  const char *const *rules;
  const char *start, *lines;
} macros[] = {
  { "set and taken out, for the next command only",
    "session\n message\n macro rcpt {x}=1 {rcpt_mailer}=local -{rcpt_host}\n rcpt <a@b>\n rcpt\n",
    NULL,
    "> macro rcpt ",
    "{rcpt_mailer}=local {rcpt_addr}=a@b {x}=1\n"
    "{rcpt_mailer}=rcpt_mailer {rcpt_host}=rcpt_host {rcpt_addr}=recipient@example.net\n" },
  { "at the top, for all",
    "macro mail -{mail_host} -{mail_mailer} {y}=2\nsession\n mail\n message\n mail\n",
    NULL,
    "> macro mail ",
    "{mail_addr}=mail_addr {y}=2\n{mail_addr}=mail_addr {y}=2\n" },
  { "all taken out: no frame", "macro data -i\nsession\n data\n", NULL, "> macro data", "" },
  { "all taken out: an empty frame where the MTA sends empty ones",
    "mta postfix\nmacro data -i\nsession\n data\n",
    NULL,
    "> macro data",
    "\n" },
  { "exact: where it stands, as it is",
    "mta exact\nsession\n negotiate\n macro mail i=4F1\n macro rcpt\n mail\n",
    NULL,
    "> macro ",
    "mail i=4F1\nrcpt\n" },
  { "the milter's own list",
    "mta postfix\nsession\n connect h.example.com 192.0.2.5\n",
    R ("O:neg 6 0x100 0 0={client_addr},j,{nothing}"),
    "> macro connect ",
    "{client_addr}=192.0.2.5 j=mx.example.com\n" },
  { "also in front of what the milter does not want",
    "session\n rcpt <a@b>\n",
    R ("O:neg 6 0 8"),
    "> macro rcpt",
    " {rcpt_mailer}=rcpt_mailer {rcpt_host}=rcpt_host {rcpt_addr}=a@b\n" },
  { "not in front of what its version does not know",
    "mta postfix\nsession\n data\n",
    R ("O:neg 3 0 0"),
    "> macro data",
    "" },
  { "but not in the content", "session\n eoh\n", R ("O:neg 6 0 0x40"), "> macro eoh", "" },
  { "not for a message that was decided",
    "mta exact\nsession\n negotiate\n mail => reject\n macro rcpt x=y\n rcpt\n",
    R ("M:r"),
    "> macro",
    "" },
  { "nor kept from it for the next one",
    "session\n rcpt => reject\n macro data {x}=1\n mail\n rcpt\n data\n",
    R ("R1:r"),
    "> macro data",
    " i=i\n" },
  { "what stands behind the name of a message is that message's",
    "session\n mail => reject\n message b\n macro data {x}=1\n data\n",
    R ("M1:r"),
    "> macro data",
    " i=i {x}=1\n" },
  { "each message has an id of its own",
    "mta sendmail\nsession\n mail <a@b>\n message\n mail <>\n",
    NULL,
    "> macro mail ",
    "i=6AMF4530004246 {mail_mailer}=esmtp {mail_host}=b. {mail_addr}=a@b\n"
    "i=6AMF4531004246 {mail_mailer}=local {mail_host}=\"\" {mail_addr}=\"\"\n" },
  { "i comes with the second recipient",
    "mta postfix\nsession\n rcpt <a@b>\n rcpt <c@d>\n",
    NULL,
    "> macro rcpt ",
    "{rcpt_addr}=a@b {rcpt_host}=b {rcpt_mailer}=smtp\n"
    "i=4F1C2D03E50 {rcpt_addr}=c@d {rcpt_host}=d {rcpt_mailer}=smtp\n" },
};

Test (player, macros_by_profile_line_and_list)
{
  for (gsize i = 0; i < G_N_ELEMENTS (macros); i++)
    {
      g_autoptr (FakeRun) run = fake_run (macros[i].scenario, macros[i].rules);
      g_autofree char *text = said_lines (run, macros[i].start);

      cr_expect_str_eq (text, macros[i].lines, "%s:\n%s", macros[i].name, text);
      cr_expect_eq (run->outcome, HELD, "%s: %s", macros[i].name, run->report->str);
    }
}

static const struct
{
  const char *scenario, *start, *lines;
} arguments[] = {
  { "session\n connect\n", "> connect ", "client.example.com 192.0.2.1 port=50443\n" },
  { "session\n connect h ::1 port=25\n", "> connect ", "h ::1 port=25\n" },
  { "mta sendmail\nsession\n connect h ::1 port=25\n", "> connect ", "h IPv6:::1 port=25\n" },
  { "mta sendmail\nsession\n connect h IPv6:::1 port=25\n", "> connect ", "h IPv6:::1 port=25\n" },
  { "session\n connect localhost unknown\n", "> connect ", "localhost unknown\n" },
  { "session\n connect h unix:/run/x\n", "> connect ", "h unix:/run/x\n" },
  { "session\n mail <a@b> SIZE=1 BODY=8BITMIME\n", "> mail ", "<a@b> SIZE=1 BODY=8BITMIME\n" },
  { "session\n mail \"\"\n", "> mail", " \"\"\n" },
  { "session\n unknown FOO  bar\n", "> unknown ", "FOO  bar\n" },
  { "session\n negotiate version=2\n",
    "> negotiate ",
    "version=2 actions=ADDHDRS,CHGBODY,ADDRCPT,DELRCPT,CHGHDRS,QUARANTINE "
    "steps=NOCONNECT,NOHELO,NOMAIL,NORCPT,NOBODY,NOHDRS,NOEOH\n" },
  { "session\n negotiate steps=-SKIP,+0x40000000 actions=none\n",
    "> negotiate ",
    "version=6 actions=none "
    "steps=NOCONNECT,NOHELO,NOMAIL,NORCPT,NOBODY,NOHDRS,NOEOH,NR_HDR,NOUNKNOWN,"
    "NODATA,RCPT_REJ,NR_CONN,NR_HELO,NR_MAIL,NR_RCPT,NR_DATA,NR_UNKN,NR_EOH,NR_BODY,HDR_LEADSPC,"
    "0x40000000\n" },
};

Test (player, arguments_as_the_profile_writes_them)
{
  for (gsize i = 0; i < G_N_ELEMENTS (arguments); i++)
    {
      g_autoptr (FakeRun) run = fake_run (arguments[i].scenario, NULL);
      g_autofree char *text = said_lines (run, arguments[i].start);

      cr_expect_str_eq (text, arguments[i].lines, "%s:\n%s", arguments[i].scenario, run->said->str);
    }
}

Test (player, header_values_lose_one_blank_unless_it_was_agreed)
{
  const char *text = "session\n header A: v\n header B:v\n header C:  v\n eom\n => result <<END\n"
                     "  A: v\n  B:v\n  C:  v\n\n  END\n";
  g_autoptr (FakeRun) without = fake_run (text, NULL);
  g_autoptr (FakeRun) with = fake_run (text, R ("O:neg 6 0 0x100000"));

  cr_expect (strstr (without->said->str, "> header A: v\n") != NULL, "%s", without->said->str);
  cr_expect (strstr (without->said->str, "> header C: \" v\"\n") != NULL, "%s", without->said->str);
  cr_expect (strstr (with->said->str, "> header A: \" v\"\n") != NULL, "%s", with->said->str);
  cr_expect (strstr (with->said->str, "> header B: v\n") != NULL, "%s", with->said->str);
  cr_expect_eq (without->outcome, HELD, "%s", without->report->str);
  cr_expect_eq (with->outcome, HELD, "%s", with->report->str);
}

Test (player, a_long_body_is_cut_and_its_first_decision_counts)
{
  const struct
  {
    const char *scenario;
    const char *const *rules;
    guint n_chunks;
    MilterOutcome outcome;
  } cases[] = {
    { "session\n body \"x\"*65535 => continue\n eom\n", NULL, 1, HELD },
    { "session\n body \"x\"*65536 => continue\n eom\n", NULL, 2, HELD },
    { "session\n body \"x\"*131071 => skip\n eom\n", R ("B2:s"), 2, HELD },
    { "session\n body \"x\"*131071 => continue\n eom\n", R ("B2:s"), 2, FAILED },
    { "session\n body \"x\"*131071 => reject\n eom\n", R ("B2:r"), 2, HELD },
    { "session\n body \"x\"*131071 => accept\n eom\n", R ("B3:a"), 3, HELD },
    { "session\n body \"x\"*131071 => none\n eom\n", R ("O:neg 6 0 0x80000"), 3, HELD },
    { "session\n eom \"x\"*65536 => continue\n", NULL, 0, HELD },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FakeRun) run = fake_run (cases[i].scenario, cases[i].rules);
      g_autofree char *chunks = said_lines (run, "> body ");
      g_auto (GStrv) lines = g_strsplit (chunks, "\n", -1);

      cr_expect_eq (*chunks == '\0' ? 0 : g_strv_length (lines) - 1,
                    cases[i].n_chunks,
                    "%s",
                    cases[i].scenario);
      cr_expect_eq (run->outcome, cases[i].outcome, "%s:\n%s", cases[i].scenario, run->report->str);
    }
}

Test (player, a_mail_file_goes_out_as_an_mta_sends_it)
{
  g_autoptr (FakeRun) run = fake_run ("session\n eml <<END\n"
                                      "  From x y\n"
                                      "  From: a@b\n"
                                      "  Subject: a\n"
                                      "   b\n"
                                      "\n"
                                      "  hi\n"
                                      "  END\n"
                                      " => continue\n"
                                      " eom\n",
                                      NULL);
  g_autofree char *text = words (run);

  cr_expect_eq (run->outcome, HELD, "%s", run->report->str);
  cr_expect_str_eq (text,
                    NEGOTIATED ENVELOPE ">header <continue >header <continue >eoh <continue >body "
                                        "<continue >eom <continue >quit");
  cr_expect (
      strstr (run->said->str, "> header Subject: \"a\\n b\"\n") != NULL, "%s", run->said->str);
  cr_expect (strstr (run->said->str, "> body \"hi\\r\\n\"\n") != NULL);
}

Test (player, what_is_not_answered_leaves_in_one_write)
{
  g_autoptr (FakeRun) run = fake_run ("session\n eml <<END\n  A: 1\n  B: 2\n\n  hi\n  END\n eom\n",
                                      R ("O:neg 6 0 0xff080"));

  cr_expect_eq (run->outcome, HELD, "%s", run->report->str);
  cr_expect_eq (run->n_writes, 3, "negotiate, all up to eom, quit: %u", run->n_writes);
}

static char *
message_text (const MilterMail *mail)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  milter_mail_append_message (mail, bytes);
  return g_strndup ((const char *) bytes->data, bytes->len);
}

Test (player, only_the_latest_messages_keep_their_mails)
{
  g_autoptr (FakeRun) run = fake_run (
      "session\n repeat 9 message\n mail\n body \"hi\"\n eom\n", R ("E1:hZ|1|;a"));
  const GPtrArray *messages = milter_player_get_messages (run->player);

  cr_assert_eq (messages->len, 9);
  for (guint i = 0; i < messages->len; i++)
    {
      const MilterPlayedMessage *message = g_ptr_array_index (messages, i);
      bool kept = i >= messages->len - MILTER_PLAYER_KEPT_MAILS;

      cr_expect_eq (message->before != NULL, kept, "before of %u", i);
      cr_expect_eq (message->after != NULL, kept, "after of %u", i);
      cr_expect_neq (message->verdict, 0, "%u", i);
    }
}

Test (player, messages_are_kept_before_and_after)
{
  g_autoptr (FakeRun) run = fake_run (
      "session\n mail <a@b>\n rcpt <no@d> => reject\n rcpt <c@d>\n header X: y\n body "
      "\"hi\\r\\n\"\n "
      "eom\n mail => 550\n mail <e@f>\n rcpt => tempfail\n eom\n mail => accept\n eom\n",
      R ("R1:r", "R3:t", "E1:hZ|1|;+g@h|;bho\r\n;a", "M2:y550 5.7.1 no|", "M4:a"));
  const GPtrArray *messages = milter_player_get_messages (run->player);
  const MilterPlayedMessage *first;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  static const char verdicts[] = "aMyMtRaM";

  cr_assert_eq (messages->len, 4);
  first = g_ptr_array_index (messages, 0);
  before = message_text (first->before);
  after = message_text (first->after);
  cr_expect_str_eq (before, "X: y\r\n\r\nhi\r\n");
  cr_expect_str_eq (after, "X: y\r\nZ: 1\r\n\r\nho\r\n");
  cr_expect_eq (first->before->recipients->len, 1, "the refused one is none");
  cr_expect_eq (first->after->recipients->len, 2);
  cr_expect_eq (first->verdict, 'a');
  cr_expect_eq (first->verdict_command, 'E');
  cr_expect_gt (first->ended_us, first->started_us);
  for (guint i = 1; i < messages->len; i++)
    {
      const MilterPlayedMessage *message = g_ptr_array_index (messages, i);

      cr_expect_eq (message->verdict, verdicts[2 * i], "%u: %c", i, message->verdict);
      cr_expect_eq (message->verdict_command, verdicts[2 * i + 1], "%u", i);
      cr_expect_not_null (message->after);
    }
  cr_expect_str_eq (
      ((const MilterPlayedMessage *) g_ptr_array_index (messages, 1))->reply_text->str,
      "550 5.7.1 no");
}

Test (player, failures_know_their_message)
{
  g_autoptr (FakeRun) run = fake_run (
      "session\n message one\n mail => reject\n message\n mail => reject\n mail => reject\n", NULL);
  const GPtrArray *failures = milter_player_get_failures (run->player);

  cr_assert_eq (failures->len, 3);
  cr_expect_str_eq (((const MilterFailure *) g_ptr_array_index (failures, 0))->message, "one");
  cr_expect_null (((const MilterFailure *) g_ptr_array_index (failures, 1))->message);
  cr_expect_null (((const MilterFailure *) g_ptr_array_index (failures, 2))->message);
}

/* a source that breaks off */
static gboolean
damaged_next (gpointer source, const MilterStep **step, GError **error)
{
  g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "frame 7 is cut short");
  return FALSE;
}

static void
damaged_free (gpointer source)
{
}

Test (player, a_damaged_source_is_broken)
{
  static const MilterStepSourceClass klass = { damaged_next, damaged_free };
  MilterPlayerConfig config = { .profile = milter_profile_get ("exact"), .n_peers = 1 };
  g_autoptr (MilterPlayer) player
      = milter_player_new ("x", (MilterStepSource){ &klass, NULL }, &config);
  MilterPlayerAction action;

  milter_player_next (player, 0, &action);
  cr_expect_eq (action.kind, MILTER_PLAYER_DONE);
  cr_expect_eq (milter_player_get_outcome (player), BROKEN);
}
