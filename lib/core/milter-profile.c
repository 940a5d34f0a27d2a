/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-profile.c: the MTAs that can be played, a row each, and how they take in a mail.
 *
 * Where a macro depends on the machine (`j`, the mailer) it has a value from the example domains.
 */
#include "milter-profile-private.h"

#include <stdbool.h>
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
  { C_, "v",                    "Postfix {version}" },
  { C_, "_",                    "{client-name} [{address}]" },
  { C_, "{client_addr}",        "{address}",                 .on_request = TRUE },
  { C_, "{client_connections}", "0",                         .on_request = TRUE, .asked = "CHMRTU" },
  { C_, "{client_name}",        "{client-name}",             .on_request = TRUE },
  { C_, "{client_port}",        "{port}",                    .on_request = TRUE },
  { C_, "{client_ptr}",         "{client-name}",             .on_request = TRUE },
  { C_, "{client_resolve}",     "{client-name-found?OK|FAIL}", .on_request = TRUE, .asked = "CHMRTU" },
  { C_, "{daemon_port}",        "25",                        .on_request = TRUE },
  { M_, "i",                    "{id}" },
  { M_, "{mail_addr}",          "{sender}",                  .asked = "MRT" },
  { M_, "{mail_host}",          "{sender-host|" OWN_HOST "}", .asked = "MRT" },
  { M_, "{mail_mailer}",        "smtp",                      .asked = "MRT" },
  { R_, "i",                    "{id}" },
  { R_, "{rcpt_addr}",          "{recipient}",               .asked = "R" },
  { R_, "{rcpt_host}",          "{recipient-host|" OWN_HOST "}", .asked = "R" },
  { R_, "{rcpt_mailer}",        "smtp",                      .asked = "R" },
  { T_, "i",                    "{id}" },
  { T_, "{rcpt_addr}",          "{first-recipient}",         .on_request = TRUE, .asked = "T" },
  { T_, "{rcpt_host}",          "{first-recipient-host|" OWN_HOST "}", .on_request = TRUE, .asked = "T" },
  { T_, "{rcpt_mailer}",        "smtp",                      .on_request = TRUE, .asked = "T" },
  { L_, "i",                    "{id}" },
  { N_, "i",                    "{id}" },
  { B_, "i",                    "{id}" },
  { E_, "i",                    "{id}" },
  { 0 }
};

/* mail that a program of the machine hands in (sendmail -t, non_smtpd_milters): cleanup makes up
 * CONNECT and HELO and knows the queue id at once */
static const MilterProfileMacro postfix_local_macros[] = {
  { C_, "j",             OWN_HOST },
  { C_, "{daemon_name}", OWN_HOST },
  { C_, "{daemon_addr}", "127.0.0.1" },
  { C_, "v",             "Postfix {version}" },
  { C_, "_",             "{client-name} [{address}]" },
  { C_, "{client_addr}", "{address}",     .on_request = TRUE },
  { C_, "{client_name}", "{client-name}", .on_request = TRUE },
  { C_, "{client_port}", "{port}",        .on_request = TRUE },
  { C_, "{client_ptr}",  "{client-name}", .on_request = TRUE },
  { M_, "i",             "{id}" },
  { M_, "{mail_addr}",   "{sender}" },
  { R_, "i",             "{id}" },
  { R_, "{rcpt_addr}",   "{recipient}",   .asked = "R" },
  { T_, "i",             "{id}" },
  { L_, "i",             "{id}" },
  { N_, "i",             "{id}" },
  { B_, "i",             "{id}" },
  { E_, "i",             "{id}" },
  { 0 }
};

/* sendmail calls a client without a name by its address, where Postfix says `unknown` */
#define NAME_OR_ADDRESS "{client-name-found?{client-name}|[{address}]}"

static const MilterProfileMacro sendmail_macros[] = {
  { C_, "j",                    OWN_HOST },
  { C_, "_",                    "{client-name-found?{client-name} |}[{address}]" },
  { C_, "{daemon_name}",        "MTA" },
  { C_, "{if_name}",            "localhost" },
  { C_, "{client_addr}",        "{address}",                 .on_request = TRUE },
  { C_, "{client_connections}", "1",                         .on_request = TRUE },
  { C_, "{client_name}",        NAME_OR_ADDRESS,             .on_request = TRUE },
  { C_, "{client_port}",        "{port}",                    .on_request = TRUE },
  { C_, "{client_ptr}",         NAME_OR_ADDRESS,             .on_request = TRUE },
  { C_, "{client_resolve}",     "{client-name-found?OK|FAIL}", .on_request = TRUE },
  { C_, "{daemon_addr}",        "127.0.0.1",                 .on_request = TRUE },
  { C_, "{daemon_port}",        "25",                        .on_request = TRUE },
  { C_, "v",                    "{version}",                 .on_request = TRUE },
  { C_, "i",                    "{id}",                      .on_request = TRUE },
  { M_, "i",                    "{id}" },
  { M_, "{mail_mailer}",        "{sender-host?esmtp|local}", .asked = "MRTNE" },
  { M_, "{mail_host}",          "{sender-host?{sender-host}.|}", .asked = "MRTNE" },
  { M_, "{mail_addr}",          "{sender}",                  .asked = "MRTNE" },
  { M_, "f",                    "{sender}",                  .on_request = TRUE, .asked = "MRTNE" },
  { M_, "r",                    "ESMTP",                     .on_request = TRUE, .asked = "MRTNE" },
  { M_, "s",                    "{helo}",                    .on_request = TRUE, .asked = "MRTNE" },
  { M_, "{nrcpts}",             "{recipients}",              .on_request = TRUE, .asked = "MRTNE" },
  { R_, "{rcpt_mailer}",        "{recipient-host?esmtp|local}", .asked = "R" },
  { R_, "{rcpt_host}",          "{recipient-host?{recipient-host}.|}", .asked = "R" },
  { R_, "{rcpt_addr}",          "{recipient}",               .asked = "R" },
  { E_, "{msg_id}",             "{message-id|<202611221504.{id}@" OWN_HOST ">}", .asked = "NE" },
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

static const MilterEditRules postfix_edits = {
  .completes_line = TRUE,
  .loose_reason = TRUE,
};

/* refuses nothing that any MTA takes */
static const MilterEditRules exact_edits = {
  .ignores_nameless = TRUE,
  .takes_parts = TRUE,
  .completes_line = TRUE,
  .loose_reason = TRUE,
};

static const MilterEditRules postfix_3_12_edits = {
  .top_shows_own = TRUE,
  .completes_line = TRUE,
  .loose_reason = TRUE,
};

static const MilterEditRules sendmail_edits = {
  .deleted_counts = TRUE,
  .adds_before_same = TRUE,
  .replaces_own = TRUE,
  .joins_lines = TRUE,
  .keeps_name = TRUE,
  .index_has_sign = TRUE,
  .ignores_nameless = TRUE,
  .ignores_malformed = TRUE,
  .takes_parts = TRUE,
  .knows_once = TRUE,
  .drops_unknown = TRUE,
  .replaces_arguments = TRUE,
  .needs_sender = TRUE,
  .one_line_reason = TRUE,
};

/* what all ways into a Postfix have in common */
#define POSTFIX                                                                                    \
  .offer = OFFER, .fills_in = TRUE, .queue_id = "4F1C2D03E5#", .empty_macro_frames = "CHMRTLNBEU", \
  .macros_by_request = "CHMRTLNBE", .folds_addresses = TRUE, .local_host = OWN_HOST,               \
  .empty_list_is_default = TRUE, .after_cut_message = "A", .cut_after = "", .at_end = "Q",         \
  .after_accept = "", .ipv6_prefix = "", .hidden_headers = received, .stray_cr_is_blank = TRUE,    \
  .nul_ends_line = TRUE, .skip_everywhere = TRUE

#define POSTFIX_SMTP                                                                               \
  POSTFIX, .macros = postfix_macros, .id_from_recipient = 2, .after_message = "A",                 \
           .after_refused_mail = "A", .helo_goes_first = TRUE, .after_helo_again = "A",            \
           .at_end_in_message = "A", .at_end_greeted = "A"

/* no MTA sends more than these have to, and what they have to they send as sendmail does */
#define PLAIN_ORDER                                                                                \
  .after_message = "", .after_refused_mail = "", .after_cut_message = "A", .cut_after = "RT",      \
  .after_helo_again = "", .at_end_in_message = "", .at_end_greeted = "", .at_end = "Q",            \
  .after_accept = "Q"

static const MilterProfile profiles[] = {
  {
      POSTFIX_SMTP,
      .name = "postfix",
      .summary = "Debian's Postfix with its default settings",
      .version = "3.7.11",
      .measured = "recordings, and compared with a running one",
      .edit_rules = &postfix_edits,
  },
  {
      POSTFIX_SMTP,
      .name = "postfix-3.12",
      .summary = "a Postfix snapshot with its default settings",
      .version = "3.12-20260821",
      .measured = "its sources and a running one, as protocol.md tells",
      .edit_rules = &postfix_3_12_edits,
  },
  {
      POSTFIX,
      .name = "postfix-local",
      .summary = "the same Postfix, for mail that a program of the machine hands in",
      .version = "3.7.11",
      .measured = "recordings",
      .macros = postfix_local_macros,
      .after_message = "",
      .after_refused_mail = "",
      .after_helo_again = "",
      .at_end_in_message = "",
      .at_end_greeted = "",
      .edit_rules = &postfix_edits,
  },
  {
      PLAIN_ORDER,
      .name = "sendmail",
      .summary = "Debian's sendmail with its default settings",
      .version = "8.17.1.9",
      .measured = "recordings, and compared with a running one",
      .offer = OFFER,
      .fills_in = TRUE,
      .macros = sendmail_macros,
      .queue_id = "6AMF453#004246",
      .empty_macro_frames = "CHMRE",
      .macros_by_request = "CHMRTNE",
      .folds_hosts = TRUE,
      .eom_list_with_eoh = TRUE,
      .ipv6_prefix = "IPv6:",
      .edit_rules = &sendmail_edits,
      .hidden_headers = sendmail_defaults,
      .nul_is_dropped = TRUE,
  },
  {
      PLAIN_ORDER,
      .name = "plain",
      .summary = "no MTA: the macros that milter-manager's test server sends",
      .version = "",
      .measured = "its manual; edit rules as postfix",
      .offer = OFFER,
      .fills_in = TRUE,
      .macros = plain_macros,
      .queue_id = "i",
      .empty_macro_frames = "",
      .macros_by_request = "CHMRTNE",
      .makes_up_macros = TRUE,
      .ipv6_prefix = "",
      .edit_rules = &postfix_edits,
      .hidden_headers = received,
  },
  {
      .name = "exact",
      .summary = "no MTA: what is written is sent, nothing is added",
      .version = "",
      .measured = "edit rules as postfix, but it refuses no order of them; skip as postfix",
      .offer = OFFER,
      .macros = no_macros,
      .queue_id = "",
      .empty_macro_frames = "",
      .macros_by_request = "",
      .after_message = "",
      .after_refused_mail = "",
      .after_cut_message = "",
      .cut_after = "",
      .after_helo_again = "",
      .at_end_in_message = "",
      .at_end_greeted = "",
      .at_end = "",
      .after_accept = "",
      .ipv6_prefix = "",
      .edit_rules = &exact_edits,
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

/* what becomes of the NULs of a field: Postfix ends a line there, sendmail leaves them out */
static void
take_out_nuls (const MilterProfile *profile, GString *value)
{
  gsize kept = 0;
  bool cut = false;

  if (!profile->nul_ends_line && !profile->nul_is_dropped)
    return;
  for (gsize i = 0; i < value->len; i++)
    {
      char byte = value->str[i];

      cut = byte != '\n' && (cut || (byte == '\0' && profile->nul_ends_line));
      if (!cut && byte != '\0')
        value->str[kept++] = byte;
    }
  g_string_truncate (value, kept);
}

void
milter_profile_parse_mail (const MilterProfile *profile, MilterMail *mail, MilterBytes file)
{
  milter_mail_parse (mail, file);
  for (guint i = 0; i < mail->headers->len; i++)
    {
      GString *value = ((MilterMailHeader *) g_ptr_array_index (mail->headers, i))->value;

      take_out_nuls (profile, value);
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
