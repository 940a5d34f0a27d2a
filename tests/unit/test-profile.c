/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-profile.c: the rows send the macros that the recorded MTAs sent, and are complete.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-profile-private.h"

#define P(text) MILTER_BYTES_INIT (text)

/* a session like the recorded ones */
static MilterProfileFacts
facts (const char *command_recipient, guint n_recipients)
{
  return (MilterProfileFacts){
    .host = P ("[127.0.0.1]"),
    .address = P ("127.0.0.1"),
    .port = 49628,
    .helo = P ("client.example.com"),
    .sender = P ("<alice@example.com>"),
    .has_sender = TRUE,
    .recipient = milter_bytes_from_string (command_recipient),
    .has_recipient = command_recipient != NULL,
    .first_recipient = P ("<first@example.net>"),
    .n_recipients = n_recipients,
    .queue_id = "4F1",
  };
}

/* `name=value` of each pair, joined by blanks; "-" if no frame is sent */
static char *
macros (const char *profile, char command, const MilterProfileFacts *known, const char *symbols)
{
  g_autoptr (GByteArray) pairs = g_byte_array_new ();
  g_autoptr (GBytes) list = symbols == NULL ? NULL : g_bytes_new (symbols, strlen (symbols));
  /* a list for every stage, so that it counts for whatever command */
  GBytes *const lists[MILTER_N_MACRO_STAGES] = { list, list, list, list, list, list, list };
  GString *text = g_string_new (NULL);
  MilterBytes rest;
  MilterBytes name;
  MilterBytes value;
  gboolean sent = milter_profile_append_macros (milter_profile_get (profile),
                                                (guint8) command,
                                                known,
                                                lists,
                                                pairs);

  if (!sent)
    {
      cr_assert_eq (pairs->len, 0);
      return g_string_free (g_string_assign (text, "-"), FALSE);
    }
  rest = milter_bytes (pairs->data, pairs->len);
  while (milter_strings_next (&rest, &name) && milter_strings_next (&rest, &value))
    g_string_append_printf (text,
                            "%s%.*s=%.*s",
                            text->len > 0 ? " " : "",
                            (int) name.size,
                            (const char *) name.data,
                            (int) value.size,
                            (const char *) value.data);
  return g_string_free (text, FALSE);
}

static const struct
{
  const char *profile;
  char command;
  const char *recipient;
  guint n_recipients;
  const char *symbols; /* NULL: the milter asked for none */
  const char *expected;
} rows[] = {
  /* what Postfix sends of its own accord */
  { "postfix", 'C', NULL, 0, NULL,
    "j=mx.example.com {daemon_name}=mx.example.com {daemon_addr}=127.0.0.1 v=Postfix 3.7.11 "
    "_=unknown [127.0.0.1]" },
  { "postfix", 'H', NULL, 0, NULL, "" },
  { "postfix", 'M', NULL, 0, NULL,
    "{mail_addr}=alice@example.com {mail_host}=example.com {mail_mailer}=smtp" },
  { "postfix", 'R', "<bob@example.net>", 1, NULL,
    "{rcpt_addr}=bob@example.net {rcpt_host}=example.net {rcpt_mailer}=smtp" },
  { "postfix", 'R', "<carol@example.net>", 2, NULL,
    "i=4F1 {rcpt_addr}=carol@example.net {rcpt_host}=example.net {rcpt_mailer}=smtp" },
  { "postfix", 'T', "<bob@example.net>", 1, NULL, "i=4F1" },
  { "postfix", 'L', "<bob@example.net>", 1, NULL, "i=4F1" },
  { "postfix", 'N', "<bob@example.net>", 1, NULL, "i=4F1" },
  { "postfix", 'B', "<bob@example.net>", 1, NULL, "i=4F1" },
  { "postfix", 'E', "<bob@example.net>", 1, NULL, "i=4F1" },
  { "postfix", 'U', NULL, 0, NULL, "" },
  { "postfix", 'A', NULL, 0, NULL, "-" },
  /* what a milter asked for, as recorded */
  { "postfix", 'C', NULL, 0, "j {client_addr} {client_port}",
    "j=mx.example.com {client_addr}=127.0.0.1 {client_port}=49628" },
  { "postfix", 'H', NULL, 0, "{tls_version}", "" },
  { "postfix", 'M', NULL, 0, "i {mail_addr}", "{mail_addr}=alice@example.com" },
  { "postfix", 'R', "<bob@example.net>", 1, "{rcpt_addr} {rcpt_mailer}",
    "{rcpt_addr}=bob@example.net {rcpt_mailer}=smtp" },
  { "postfix", 'E', "<bob@example.net>", 1, "i {auth_type}", "i=4F1" },
  { "postfix", 'E', "<bob@example.net>", 1, ",, j,{i}\tnosuch,_ ",
    "j=mx.example.com i=4F1 _=unknown [127.0.0.1]" },
  { "postfix", 'R', "<@relay.example:Bob@EXAMPLE.net>", 1, NULL,
    "{rcpt_addr}=bob@example.net {rcpt_host}=EXAMPLE.net {rcpt_mailer}=smtp" },
  { "postfix", 'R', "<root>", 1, NULL,
    "{rcpt_addr}=root@mx.example.com {rcpt_host}=mx.example.com {rcpt_mailer}=smtp" },
  /* Postfix does not know everything everywhere */
  { "postfix", 'C', NULL, 0, "{client_resolve} {client_connections} i s {mail_addr}",
    "{client_resolve}=FAIL {client_connections}=0" },
  { "postfix", 'E', "<bob@example.net>", 1,
    "{client_resolve} {client_connections} i v {mail_addr} {rcpt_addr}", "i=4F1 v=Postfix 3.7.11" },
  { "postfix", 'T', "<bob@example.net>", 2, "{mail_addr} {rcpt_addr} {rcpt_host}",
    "{mail_addr}=alice@example.com {rcpt_addr}=first@example.net {rcpt_host}=example.net" },
  { "postfix-3.12", 'C', NULL, 0, "v", "v=Postfix 3.12-20260821" },
  { "postfix-local", 'M', NULL, 0, NULL, "i=4F1 {mail_addr}=alice@example.com" },
  { "postfix-local", 'R', "<bob@example.net>", 1, NULL, "i=4F1 {rcpt_addr}=bob@example.net" },
  { "postfix", 'T', "<bob@example.net>", 1, "", "i=4F1" },
  { "postfix", 'T', "<bob@example.net>", 1, " ,", "i=4F1" },
  /* sendmail */
  { "sendmail", 'C', NULL, 0, NULL,
    "j=mx.example.com _=[127.0.0.1] {daemon_name}=MTA {if_name}=localhost" },
  { "sendmail", 'H', NULL, 0, NULL, "" },
  { "sendmail", 'M', NULL, 0, NULL,
    "i=4F1 {mail_mailer}=esmtp {mail_host}=example.com. {mail_addr}=alice@example.com" },
  { "sendmail", 'R', "<bob@example.net>", 1, NULL,
    "{rcpt_mailer}=esmtp {rcpt_host}=example.net. {rcpt_addr}=bob@example.net" },
  { "sendmail", 'R', "<Bob@EXAMPLE.net>", 1, NULL,
    "{rcpt_mailer}=esmtp {rcpt_host}=example.net. {rcpt_addr}=Bob@EXAMPLE.net" },
  { "sendmail", 'T', "<bob@example.net>", 1, NULL, "-" },
  { "sendmail", 'L', "<bob@example.net>", 1, NULL, "-" },
  { "sendmail", 'N', "<bob@example.net>", 1, NULL, "-" },
  { "sendmail", 'B', "<bob@example.net>", 1, NULL, "-" },
  { "sendmail", 'E', "<bob@example.net>", 1, NULL,
    "{msg_id}=<202611221504.4F1@mx.example.com>" },
  { "sendmail", 'U', NULL, 0, NULL, "-" },
  { "sendmail", 'C', NULL, 0, "j {client_addr} {client_port}",
    "j=mx.example.com {client_addr}=127.0.0.1 {client_port}=49628" },
  { "sendmail", 'H', NULL, 0, "{tls_version}", "" },
  { "sendmail", 'T', "<bob@example.net>", 1, "i", "i=4F1" },
  { "sendmail", 'N', "<bob@example.net>", 1, "i", "i=4F1" },
  { "sendmail", 'L', "<bob@example.net>", 1, "i", "-" },
  { "sendmail", 'B', "<bob@example.net>", 1, "i", "-" },
  { "sendmail", 'C', NULL, 0, "{client_name} {client_ptr}",
    "{client_name}=[127.0.0.1] {client_ptr}=[127.0.0.1]" },
  { "sendmail", 'C', NULL, 0, "", "-" },
  { "sendmail", 'R', "<root>", 1, NULL, "{rcpt_mailer}=local {rcpt_host}= {rcpt_addr}=root" },
  { "sendmail", 'R', "<Bob@EXAMPLE.net>", 1, "{rcpt_addr} {nrcpts} f r s {msg_id}",
    "{rcpt_addr}=Bob@EXAMPLE.net {nrcpts}=1 f=alice@example.com r=ESMTP s=client.example.com" },
  { "sendmail", 'H', NULL, 0, "i s {client_resolve} v", "i=4F1 {client_resolve}=FAIL v=8.17.1.9" },
  { "sendmail", 'E', "<bob@example.net>", 1, "{rcpt_addr} {mail_addr}",
    "{mail_addr}=alice@example.com" },
  /* no MTA */
  { "plain", 'C', NULL, 0, NULL,
    "{daemon_name}=daemon_name {if_name}=localhost {if_addr}=127.0.0.1 j=mail.example.com" },
  { "plain", 'H', NULL, 0, NULL,
    "{tls_version}=0 {cipher}=0 {cipher_bits}=0 {cert_subject}=cert_subject "
    "{cert_issuer}=cert_issuer" },
  { "plain", 'R', "<bob@example.net>", 1, NULL,
    "{rcpt_mailer}=rcpt_mailer {rcpt_host}=rcpt_host {rcpt_addr}=bob@example.net" },
  { "plain", 'E', "<bob@example.net>", 1, NULL, "i=4F1" },
  { "plain", 'L', "<bob@example.net>", 1, NULL, "-" },
  { "exact", 'C', NULL, 0, NULL, "-" },
  { "exact", 'C', NULL, 0, "j", "-" },
};

Test (profile, macros_are_those_that_the_mta_sent)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      MilterProfileFacts known = facts (rows[i].recipient, rows[i].n_recipients);
      g_autofree char *text = macros (rows[i].profile, rows[i].command, &known, rows[i].symbols);

      cr_assert_str_eq (
          text, rows[i].expected, "%s %c %zu: %s", rows[i].profile, rows[i].command, i, text);
    }
}

/* sendmail 8.17 takes the list for the end of the message only if there is one for the end of the
 * header (milter-protocol 2.5) */
Test (profile, sendmail_asks_for_the_end_of_the_message_with_the_end_of_the_header)
{
  static const struct
  {
    const char *eoh, *eom;
    const char *expected; /* NULL: no frame */
  } cases[] = {
    { NULL, "i", "{msg_id}" },
    { "i", NULL, NULL },
    { "i", "i", "i" },
    { NULL, NULL, "{msg_id}" },
  };
  MilterProfileFacts known = facts ("<bob@example.net>", 1);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GBytes *lists[MILTER_N_MACRO_STAGES] = { NULL };
      g_autoptr (GByteArray) pairs = g_byte_array_new ();
      gboolean sent;

      if (cases[i].eoh != NULL)
        lists[MILTER_MACRO_STAGE_END_OF_HEADER] = g_bytes_new_static (cases[i].eoh, 1);
      if (cases[i].eom != NULL)
        lists[MILTER_MACRO_STAGE_END_OF_MESSAGE] = g_bytes_new_static (cases[i].eom, 1);
      sent = milter_profile_append_macros (
          milter_profile_get ("sendmail"), MILTER_COMMAND_END_OF_MESSAGE, &known, lists, pairs);
      cr_assert_eq (sent, cases[i].expected != NULL, "%zu", i);
      if (sent)
        cr_assert_str_eq ((const char *) pairs->data, cases[i].expected, "%zu", i);
      for (gsize k = 0; k < G_N_ELEMENTS (lists); k++)
        g_clear_pointer (&lists[k], g_bytes_unref);
    }
}

Test (profile, macros_of_a_null_sender)
{
  MilterProfileFacts known = { .sender = P ("<>"), .has_sender = TRUE };
  g_autofree char *postfix = macros ("postfix", 'M', &known, /* symbols= */ NULL);
  g_autofree char *sendmail = macros ("sendmail", 'M', &known, /* symbols= */ NULL);

  cr_assert_str_eq (postfix, "{mail_addr}= {mail_host}=mx.example.com {mail_mailer}=smtp");
  cr_assert_str_eq (sendmail, "i=6AMF4530004246 {mail_mailer}=local {mail_host}= {mail_addr}=");
}

Test (profile, a_macro_without_a_value_is_left_out)
{
  MilterProfileFacts nothing = { .host = P ("localhost") };
  g_autofree char *connect = macros ("postfix", 'C', &nothing, /* symbols= */ NULL);
  g_autofree char *rcpt = macros ("sendmail", 'R', &nothing, /* symbols= */ NULL);
  g_autofree char *end = macros ("postfix", 'E', &nothing, /* symbols= */ NULL);

  cr_assert_str_eq (
      connect,
      "j=mx.example.com {daemon_name}=mx.example.com {daemon_addr}=127.0.0.1 v=Postfix 3.7.11");
  cr_assert_str_eq (rcpt, "{rcpt_mailer}=local {rcpt_host}=");
  cr_assert_str_eq (end, "");
}

Test (profile, names_and_message_ids_are_facts)
{
  MilterProfileFacts known = facts ("<bob@example.net>", 1);
  g_autofree char *connect = NULL;
  g_autofree char *end = NULL;

  known.host = milter_bytes_from_string ("client.example.com");
  known.message_id = milter_bytes_from_string ("<s01@example.com>");
  connect = macros ("sendmail", 'C', &known, "_,{client_name}");
  end = macros ("sendmail", 'E', &known, /* symbols= */ NULL);
  cr_assert_str_eq (
      connect,
      "_=client.example.com [127.0.0.1] {client_name}=client.example.com");
  cr_assert_str_eq (end, "{msg_id}=<s01@example.com>");
}

Test (profile, every_row_is_complete)
{
  gsize n;
  const MilterProfile *list = milter_profile_list (&n);

  cr_assert_eq (n, 6);
  for (gsize i = 0; i < n; i++)
    {
      const char *const letters[]
          = { list[i].empty_macro_frames, list[i].macros_by_request, list[i].after_message,
              list[i].after_refused_mail, list[i].after_cut_message, list[i].cut_after,
              list[i].after_helo_again,   list[i].at_end_in_message, list[i].at_end_greeted,
              list[i].at_end,             list[i].after_accept };

      cr_assert_eq (milter_profile_get (list[i].name), &list[i]);
      cr_assert_not_null (list[i].summary);
      cr_assert_not_null (list[i].macros);
      cr_assert_not_null (list[i].queue_id);
      cr_assert_not_null (list[i].ipv6_prefix);
      cr_assert_not_null (list[i].hidden_headers);
      cr_assert_eq (list[i].offer.version, MILTER_PROTOCOL_VERSION_MAX);
      for (gsize k = 0; k < G_N_ELEMENTS (letters); k++)
        for (const char *letter = letters[k]; *letter != '\0'; letter++)
          cr_assert_not_null (milter_spec_get (MILTER_SIDE_MTA, (guint8) *letter));
    }
  cr_assert_null (milter_profile_get ("exim"));
}

Test (profile, every_macro_can_be_worked_out)
{
  gsize n;
  const MilterProfile *list = milter_profile_list (&n);
  MilterProfileFacts known = facts ("<bob@example.net>", 2);

  known.message_id = milter_bytes_from_string ("<s01@example.com>");
  known.first_recipient = known.recipient;
  for (gsize i = 0; i < n; i++)
    for (const MilterProfileMacro *row = list[i].macros; row->name != NULL; row++)
      {
        bool too_early = list[i].id_from_recipient > 0 && row->command == 'M'
                         && strcmp (row->name, "i") == 0;
        bool asked = row->asked == NULL || strchr (row->asked, row->command) != NULL;
        g_autofree char *text = macros (list[i].name, (char) row->command, &known, row->name);

        cr_assert (asked, "%s %s", list[i].name, row->name);
        cr_assert_eq (strchr (text, '=') == NULL, too_early, "%s %s", list[i].name, row->name);
      }
}

static const struct
{
  const char *profile;
  const char *fields; /* the mail's own, ended by blanks */
  const char *expected;
} hidden[] = {
  { "postfix", "Subject ", "Received Subject " },
  { "postfix", "", "Received " },
  { "plain", "Received X ", "Received Received X " },
  { "sendmail",
    "Date ",
    "Received Resent-Date Date Resent-From From Full-Name Resent-Message-Id Message-Id Date " },
};

Test (profile, hidden_fields_stand_on_top)
{
  for (gsize i = 0; i < G_N_ELEMENTS (hidden); i++)
    {
      g_autoptr (MilterMail) mail = milter_mail_new ();
      g_auto (GStrv) names = g_strsplit (hidden[i].fields, " ", -1);
      g_autoptr (GString) text = g_string_new (NULL);

      for (char **name = names; *name != NULL; name++)
        if (**name != '\0')
          milter_mail_append_header (
              mail, milter_bytes_from_string (*name), milter_bytes (NULL, 0), FALSE);
      milter_profile_hide_headers (milter_profile_get (hidden[i].profile), mail);
      for (guint k = 0; k < mail->headers->len; k++)
        {
          const MilterMailHeader *header = g_ptr_array_index (mail->headers, k);

          g_string_append_printf (text, "%s ", header->name->str);
        }
      cr_assert_str_eq (text->str, hidden[i].expected);
    }
}

static const struct
{
  const char *profile;
  MilterBytes file;
  MilterBytes value;
  const char *body;
} taken_in[] = {
  { "postfix", P ("A: b\rc\r\n\r\nd\re\r\r\n"), P (" b c"), "d e\r\n" },
  { "sendmail", P ("A: b\rc\r\n\r\nd\re\r\r\n"), P (" b\rc"), "d\re\r\n" },
  { "postfix", P ("A: b\0c\n d\n\ne\n"), P (" b\n d"), "e\r\n" },
  { "sendmail", P ("A: b\0c\n d\n\ne\n"), P (" bc\n d"), "e\r\n" },
  { "exact", P ("A: b\0c\n d\n\ne\n"), P (" b\0c\n d"), "e\r\n" },
};

Test (profile, mails_are_taken_in_as_the_mta_does)
{
  for (gsize i = 0; i < G_N_ELEMENTS (taken_in); i++)
    {
      g_autoptr (MilterMail) mail = milter_mail_new ();
      const MilterMailHeader *header;

      milter_profile_parse_mail (
          milter_profile_get (taken_in[i].profile), mail, taken_in[i].file);
      header = g_ptr_array_index (mail->headers, 0);
      cr_assert (milter_bytes_equal (milter_bytes (header->value->str, header->value->len),
                                     taken_in[i].value),
                 "%zu",
                 i);
      cr_assert (milter_bytes_equal_string (milter_bytes (mail->body->data, mail->body->len),
                                            taken_in[i].body),
                 "%zu",
                 i);
    }
}

/* the table of docs/scenarios.md */

static void
append_letters (GString *text, const char *letters)
{
  if (*letters == '\0')
    g_string_append (text, "nothing");
  for (const char *letter = letters; *letter != '\0'; letter++)
    g_string_append_printf (text,
                            "%s`%s`",
                            letter == letters ? "" : " ",
                            milter_spec_get (MILTER_SIDE_MTA, (guint8) *letter)->word);
}

static void
cell_version (const MilterProfile *row, GString *text)
{
  g_string_append (text, *row->version == '\0' ? "none" : row->version);
}

static void
cell_measured (const MilterProfile *row, GString *text)
{
  g_string_append (text, row->measured);
}

static void
cell_macros (const MilterProfile *row, GString *text)
{
  if (*row->empty_macro_frames == '\0')
    g_string_append (text, "none");
  else if (strlen (row->empty_macro_frames) == 10)
    g_string_append (text, "everywhere");
  else
    append_letters (text, row->empty_macro_frames);
}

static void
cell_lists (const MilterProfile *row, GString *text)
{
  g_string_append (text,
                   *row->macros_by_request == '\0' ? "no"
                   : row->empty_list_is_default   ? "yes, unless empty"
                   : row->eom_list_with_eoh       ? "yes; that of `eom` with that of `eoh`"
                                                  : "yes");
}

static void
cell_id (const MilterProfile *row, GString *text)
{
  if (*row->queue_id == '\0')
    g_string_append (text, "none");
  else if (row->id_from_recipient > 0)
    g_string_append_printf (text, "from `rcpt` %u on", row->id_from_recipient);
  else
    g_string_append (text, "always");
}

static void
cell_message (const MilterProfile *row, GString *text)
{
  append_letters (text, row->after_message);
}

static void
cell_cut (const MilterProfile *row, GString *text)
{
  append_letters (text, row->after_cut_message);
}

static void
cell_refused (const MilterProfile *row, GString *text)
{
  append_letters (text, row->after_refused_mail);
}

static void
cell_helo (const MilterProfile *row, GString *text)
{
  append_letters (text, row->after_helo_again);
}

static void
cell_end (const MilterProfile *row, GString *text)
{
  g_autofree char *letters = g_strconcat (row->at_end_greeted, row->at_end, NULL);

  append_letters (text, letters);
}

static void
cell_end_in_message (const MilterProfile *row, GString *text)
{
  g_autofree char *letters
      = g_strconcat (row->at_end_in_message, row->at_end_greeted, row->at_end, NULL);

  append_letters (text, letters);
}

static void
cell_accept (const MilterProfile *row, GString *text)
{
  append_letters (text, row->after_accept);
}

static void
cell_ipv6 (const MilterProfile *row, GString *text)
{
  g_string_append (text, *row->ipv6_prefix == '\0' ? "as written" : "with `IPv6:`");
}

static void
cell_skip (const MilterProfile *row, GString *text)
{
  g_string_append (text, row->skip_everywhere ? "any command" : "`body`");
}

static void
cell_nul (const MilterProfile *row, GString *text)
{
  g_string_append (text,
                   row->nul_ends_line    ? "ends its line"
                   : row->nul_is_dropped ? "is dropped"
                                         : "stays");
}

static void
cell_cr (const MilterProfile *row, GString *text)
{
  g_string_append (text, row->stray_cr_is_blank ? "becomes a blank" : "stays");
}

static void
cell_edits (const MilterProfile *row, GString *text)
{
  gsize n;
  const MilterProfile *list = milter_profile_list (&n);

  for (gsize i = 0; i < n; i++)
    if (list[i].edit_rules == row->edit_rules)
      {
        g_string_append (text, list[i].name);
        return;
      }
}

static const struct
{
  const char *title;
  void (*append) (const MilterProfile *row, GString *text);
} aspects[] = {
  { "version", cell_version },
  { "known from", cell_measured },
  { "macro frames that may be empty", cell_macros },
  { "macro lists of a milter count", cell_lists },
  { "queue id `i`", cell_id },
  { "after a message that was answered", cell_message },
  { "after one that was cut short", cell_cut },
  { "at once after a refused `mail`", cell_refused },
  { "after another `helo`", cell_helo },
  { "at the end of the session", cell_end },
  { "the same, in a message", cell_end_in_message },
  { "the same, after accept or a refusal at `connect`, `helo`", cell_accept },
  { "IPv6 addresses", cell_ipv6 },
  { "`skip` may answer", cell_skip },
  { "NUL in a field of an `eml`", cell_nul },
  { "CR inside a line of an `eml`", cell_cr },
  { "edit rules of `result`", cell_edits },
};

static void
append_line (GString *table, gsize aspect)
{
  gsize n;
  const MilterProfile *list = milter_profile_list (&n);

  g_string_append_printf (table, "| %s |", aspects[aspect].title);
  for (gsize i = 0; i < n; i++)
    {
      g_string_append_c (table, ' ');
      aspects[aspect].append (&list[i], table);
      g_string_append (table, " |");
    }
  g_string_append_c (table, '\n');
}

Test (profile, the_manual_has_what_the_rows_say)
{
  static const char *const files[] = { "scenarios.md", "milter-test-server.1" };
  g_autoptr (GString) table = g_string_new ("| |");
  g_autofree char *manual = NULL;
  gsize n;
  const MilterProfile *list = milter_profile_list (&n);

  for (gsize i = 0; i < n; i++)
    g_string_append_printf (table, " %s |", list[i].name);
  g_string_append (table, "\n|---|");
  for (gsize i = 0; i < n; i++)
    g_string_append (table, "---|");
  g_string_append_c (table, '\n');
  for (gsize i = 0; i < G_N_ELEMENTS (aspects); i++)
    append_line (table, i);
  cr_assert (g_file_get_contents (TEST_DATA_DIR "/../../docs/scenarios.md", &manual, NULL, NULL));
  cr_expect_not_null (strstr (manual, table->str), "docs/scenarios.md needs this table:\n%s", table->str);
  for (gsize i = 0; i < n * G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path
          = g_build_filename (TEST_DATA_DIR, "../../docs", files[i % G_N_ELEMENTS (files)], NULL);
      g_autofree char *text = NULL;
      const char *what = i % G_N_ELEMENTS (files) == 0 ? list[i / 2].summary : list[i / 2].name;

      cr_assert (g_file_get_contents (path, &text, NULL, NULL));
      cr_expect_not_null (strstr (text, what), "%s says nothing of %s", files[i % 2], what);
    }
}
