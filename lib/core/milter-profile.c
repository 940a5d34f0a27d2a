/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-profile.c: the MTAs that can be played, a row each, and how they take in a mail.
 *
 * Sources: milter-protocol 5.2 and 6.1, and recordings of Debian's Postfix 3.7.11 and of sendmail
 * 8.17.1.9 with their default settings. Where a macro depends on the machine (`j`, the mailer) it
 * has a value from the example domains.
 */
#include "milter-profile-private.h"

#include <string.h>

#define OWN_HOST "mx.example.com"

#define C_ MILTER_COMMAND_CONNECT
#define H_ MILTER_COMMAND_HELO
#define M_ MILTER_COMMAND_ENVELOPE_FROM
#define R_ MILTER_COMMAND_ENVELOPE_RECIPIENT
#define T_ MILTER_COMMAND_DATA
#define L_ MILTER_COMMAND_HEADER
#define N_ MILTER_COMMAND_END_OF_HEADER
#define B_ MILTER_COMMAND_BODY
#define E_ MILTER_COMMAND_END_OF_MESSAGE

/* clang-format off */
static const MilterProfileMacro postfix_macros[] = {
  { C_, "j",                    OWN_HOST },
  { C_, "{daemon_name}",        OWN_HOST },
  { C_, "{daemon_addr}",        "127.0.0.1" },
  { C_, "v",                    "Postfix 3.7.11" },
  { C_, "_",                    "{client-name} [{address}]" },
  { C_, "{client_addr}",        "{address}",                 .on_request = TRUE },
  { C_, "{client_connections}", "0",                         .on_request = TRUE },
  { C_, "{client_name}",        "{client-name}",             .on_request = TRUE },
  { C_, "{client_port}",        "{port}",                    .on_request = TRUE },
  { C_, "{client_ptr}",         "{client-name}",             .on_request = TRUE },
  { C_, "{daemon_port}",        "25",                        .on_request = TRUE },
  { M_, "i",                    "{id}" },
  { M_, "{mail_addr}",          "{sender}" },
  { M_, "{mail_host}",          "{sender-host|" OWN_HOST "}" },
  { M_, "{mail_mailer}",        "smtp" },
  { R_, "i",                    "{id}" },
  { R_, "{rcpt_addr}",          "{recipient}" },
  { R_, "{rcpt_host}",          "{recipient-host|" OWN_HOST "}" },
  { R_, "{rcpt_mailer}",        "smtp" },
  { T_, "i",                    "{id}" },
  { L_, "i",                    "{id}" },
  { N_, "i",                    "{id}" },
  { B_, "i",                    "{id}" },
  { E_, "i",                    "{id}" },
  { 0 }
};

static const MilterProfileMacro sendmail_macros[] = {
  { C_, "j",                    OWN_HOST },
  { C_, "_",                    "{client-name} [{address}]" },
  { C_, "{daemon_name}",        "MTA" },
  { C_, "{if_name}",            "localhost" },
  { C_, "{client_addr}",        "{address}",                 .on_request = TRUE },
  { C_, "{client_connections}", "1",                         .on_request = TRUE },
  { C_, "{client_name}",        "{client-name}",             .on_request = TRUE },
  { C_, "{client_port}",        "{port}",                    .on_request = TRUE },
  { C_, "{client_ptr}",         "{client-name}",             .on_request = TRUE },
  { C_, "{client_resolve}",     "OK",                        .on_request = TRUE },
  { C_, "{daemon_addr}",        "127.0.0.1",                 .on_request = TRUE },
  { C_, "{daemon_port}",        "25",                        .on_request = TRUE },
  { C_, "v",                    "8.17.1.9",                  .on_request = TRUE },
  { H_, "s",                    "{helo}",                    .on_request = TRUE },
  { M_, "i",                    "{id}" },
  { M_, "{mail_mailer}",        "esmtp" },
  { M_, "{mail_host}",          "{sender-host}." },
  { M_, "{mail_addr}",          "{sender}" },
  { M_, "f",                    "{sender}",                  .on_request = TRUE },
  { M_, "r",                    "ESMTP",                     .on_request = TRUE },
  { R_, "{rcpt_mailer}",        "esmtp" },
  { R_, "{rcpt_host}",          "{recipient-host}." },
  { R_, "{rcpt_addr}",          "{recipient}" },
  { E_, "{msg_id}",             "{message-id|<202611221504.{id}@" OWN_HOST ">}" },
  { 0 }
};

/* the reference tool gives a macro that has no better value its own name */
static const MilterProfileMacro plain_macros[] = {
  { C_, "{daemon_name}",  "daemon_name" },
  { C_, "{if_name}",      "localhost" },
  { C_, "{if_addr}",      "127.0.0.1" },
  { C_, "j",              "mail.example.com" },
  { H_, "{tls_version}",  "0" },
  { H_, "{cipher}",       "0" },
  { H_, "{cipher_bits}",  "0" },
  { H_, "{cert_subject}", "cert_subject" },
  { H_, "{cert_issuer}",  "cert_issuer" },
  { M_, "{mail_mailer}",  "mail_mailer" },
  { M_, "{mail_host}",    "mail_host" },
  { M_, "{mail_addr}",    "mail_addr" },
  { R_, "{rcpt_mailer}",  "rcpt_mailer" },
  { R_, "{rcpt_host}",    "rcpt_host" },
  { R_, "{rcpt_addr}",    "{recipient}" },
  { T_, "i",              "{id}" },
  { N_, "i",              "{id}" },
  { E_, "i",              "{id}" },
  { 0 }
};

static const MilterProfileMacro no_macros[] = { { 0 } };
/* clang-format on */

#define OFFER                                                                                      \
  {                                                                                                \
    MILTER_PROTOCOL_VERSION_MAX, MILTER_ACTIONS_ALL, MILTER_STEPS_ALL                              \
  }

static const char *const received[] = { "Received", NULL };
/* the fields that its configuration names, in that order. It has them in every mail and fills in
 * those that it needs; all of them count, and the client's fields stand behind them. */
static const char *const sendmail_defaults[] = {
  "Received",  "Resent-Date",       "Date",       "Resent-From", "From",
  "Full-Name", "Resent-Message-Id", "Message-Id", NULL,
};

static const MilterProfile profiles[] = {
  {
      .name = "postfix",
      .summary = "Debian's Postfix 3.7.11 with its default settings",
      .offer = OFFER,
      .fills_in = TRUE,
      .macros = postfix_macros,
      .queue_id = "4F1C2D03E5A",
      .empty_macro_frames = "CHMRTLNBEU",
      .macros_by_request = "CHMRTLNBE",
      .id_from_recipient = 2,
      .empty_list_is_default = TRUE,
      .after_message = "A",
      .after_cut_message = "A",
      .at_end = "AQ",
      .at_end_in_message = "AAQ",
      .after_accept = "",
      .ipv6_prefix = "",
      .edit_rules = MILTER_EDIT_RULES_POSTFIX,
      .hidden_headers = received,
      .stray_cr_is_blank = TRUE,
      .nul_ends_header = TRUE,
      .skip_everywhere = TRUE,
  },
  {
      .name = "sendmail",
      .summary = "sendmail 8.17.1.9 with its default settings",
      .offer = OFFER,
      .fills_in = TRUE,
      .macros = sendmail_macros,
      .queue_id = "6AMF453f004246",
      .empty_macro_frames = "CHMRE",
      .macros_by_request = "CHMRTNE",
      .after_message = "",
      .after_cut_message = "A",
      .at_end = "Q",
      .at_end_in_message = "Q",
      .after_accept = "Q",
      .ipv6_prefix = "IPv6:",
      .edit_rules = MILTER_EDIT_RULES_SENDMAIL,
      .hidden_headers = sendmail_defaults,
  },
  {
      .name = "plain",
      .summary = "no MTA: the macros that milter-manager's test server sends, Postfix's edit rules",
      .offer = OFFER,
      .fills_in = TRUE,
      .macros = plain_macros,
      .queue_id = "i",
      .empty_macro_frames = "",
      .macros_by_request = "CHMRTNE",
      .after_message = "",
      .after_cut_message = "A",
      .at_end = "Q",
      .at_end_in_message = "Q",
      .after_accept = "Q",
      .ipv6_prefix = "",
      .edit_rules = MILTER_EDIT_RULES_POSTFIX,
      .hidden_headers = received,
  },
  {
      .name = "exact",
      .summary = "no MTA: what is written is sent, nothing is added",
      .offer = OFFER,
      .macros = no_macros,
      .queue_id = "",
      .empty_macro_frames = "",
      .macros_by_request = "",
      .after_message = "",
      .after_cut_message = "",
      .at_end = "",
      .at_end_in_message = "",
      .after_accept = "",
      .ipv6_prefix = "",
      .edit_rules = MILTER_EDIT_RULES_POSTFIX,
      .hidden_headers = received,
      .skip_everywhere = TRUE,
  },
};

const MilterProfile *
milter_profile_list (gsize *n)
{
  *n = G_N_ELEMENTS (profiles);
  return profiles;
}

const MilterProfile *
milter_profile_get (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
    if (strcmp (profiles[i].name, name) == 0)
      return &profiles[i];
  return NULL;
}

/* a CR of a line end stays: parsing has left none but in the body */
static void
blank_stray_crs (guint8 *text, gsize size)
{
  for (gsize i = 0; i < size; i++)
    if (text[i] == '\r' && (i + 1 == size || text[i + 1] != '\n'))
      text[i] = ' ';
}

void
milter_profile_parse_mail (const MilterProfile *profile, MilterMail *mail, MilterBytes file)
{
  milter_mail_parse (mail, file);
  for (guint i = 0; i < mail->headers->len; i++)
    {
      GString *value = ((MilterMailHeader *) g_ptr_array_index (mail->headers, i))->value;

      if (profile->nul_ends_header)
        g_string_truncate (value, strnlen (value->str, value->len));
      if (profile->stray_cr_is_blank)
        blank_stray_crs ((guint8 *) value->str, value->len);
    }
  if (profile->stray_cr_is_blank)
    blank_stray_crs (mail->body->data, mail->body->len);
}

void
milter_profile_hide_headers (const MilterProfile *profile, MilterMail *mail)
{
  MilterBytes no_value = { NULL, 0 };
  guint position = 0;

  for (const char *const *name = profile->hidden_headers; *name != NULL; name++)
    milter_mail_insert_header (
        mail, position++, milter_bytes_from_string (*name), no_value, /* hidden= */ TRUE);
}
