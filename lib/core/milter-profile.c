/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-profile.c: the MTAs that can be played, a row each, and which macros a row sends.
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

/* what a template is filled in from */
typedef struct
{
  const MilterProfile *profile;
  const MilterProfileFacts *facts;
  guint8 command;
} Context;

typedef bool (*Fact) (const Context *context, GString *out);

static bool
append_bytes (MilterBytes bytes, GString *out)
{
  g_string_append_len (out, (const char *) bytes.data, (gssize) bytes.size);
  return bytes.size > 0;
}

static MilterBytes
without_brackets (MilterBytes address)
{
  if (address.size >= 2 && address.data[0] == '<' && address.data[address.size - 1] == '>')
    return milter_bytes (address.data + 1, address.size - 2);
  return address;
}

/* what stands behind the last @, nothing if there is none */
static MilterBytes
address_host (MilterBytes address)
{
  MilterBytes bare = without_brackets (address);
  const guint8 *at = bare.size == 0 ? NULL : memrchr (bare.data, '@', bare.size);

  if (at == NULL)
    return milter_bytes (NULL, 0);
  return milter_bytes (at + 1, bare.size - (gsize) (at + 1 - bare.data));
}

static bool
fact_address (const Context *context, GString *out)
{
  return append_bytes (context->facts->address, out);
}

static bool
fact_helo (const Context *context, GString *out)
{
  return append_bytes (context->facts->helo, out);
}

static bool
fact_message_id (const Context *context, GString *out)
{
  return append_bytes (context->facts->message_id, out);
}

/* a client without a verified name is called by its address in CONNECT, and "unknown" in macros */
static bool
fact_client_name (const Context *context, GString *out)
{
  MilterBytes host = context->facts->host;

  if (host.size > 0 && host.data[0] == '[')
    host = milter_bytes_from_string ("unknown");
  return append_bytes (host, out);
}

static bool
fact_port (const Context *context, GString *out)
{
  g_string_append_printf (out, "%u", context->facts->port);
  return context->facts->address.size > 0;
}

/* the null sender is known, and empty */
static bool
fact_sender (const Context *context, GString *out)
{
  append_bytes (without_brackets (context->facts->sender), out);
  return context->facts->has_sender;
}

static bool
fact_sender_host (const Context *context, GString *out)
{
  return append_bytes (address_host (context->facts->sender), out);
}

static bool
fact_recipient (const Context *context, GString *out)
{
  append_bytes (without_brackets (context->facts->recipient), out);
  return context->facts->has_recipient;
}

static bool
fact_recipient_host (const Context *context, GString *out)
{
  return append_bytes (address_host (context->facts->recipient), out);
}

/* Postfix opens a queue file with the first recipient that it takes, so that MAIL and the first
 * RCPT have no id yet (milter-protocol 5.2) */
static bool
fact_id (const Context *context, GString *out)
{
  const MilterProfile *profile = context->profile;
  const char *id = context->facts->queue_id;

  if (!context->facts->has_sender || context->command == C_ || context->command == H_)
    return false;
  if (profile->id_from_recipient > 0
      && (context->command == M_
          || (context->command == R_
              && context->facts->n_recipients < profile->id_from_recipient)))
    return false;
  g_string_append (out, id != NULL ? id : profile->queue_id);
  return true;
}

static const struct
{
  const char *name;
  Fact append;
} fact_table[] = {
  { "address", fact_address },
  { "client-name", fact_client_name },
  { "helo", fact_helo },
  { "id", fact_id },
  { "message-id", fact_message_id },
  { "port", fact_port },
  { "recipient", fact_recipient },
  { "recipient-host", fact_recipient_host },
  { "sender", fact_sender },
  { "sender-host", fact_sender_host },
};

static bool append_template (const Context *context, const char *text, gsize size, GString *out);

/* `name` or `name|what stands there if it is not known`, which may hold facts of its own */
static bool
append_fact (const Context *context, const char *text, gsize size, GString *out)
{
  const char *bar = memchr (text, '|', size);
  gsize name_size = bar == NULL ? size : (gsize) (bar - text);
  gsize start = out->len;

  for (gsize i = 0; i < G_N_ELEMENTS (fact_table); i++)
    if (strlen (fact_table[i].name) == name_size
        && memcmp (fact_table[i].name, text, name_size) == 0
        && fact_table[i].append (context, out))
      return true;
  g_string_truncate (out, start);
  return bar != NULL && append_template (context, bar + 1, size - name_size - 1, out);
}

/* the } of the { at the start of @text */
static const char *
closing_brace (const char *text)
{
  guint depth = 0;

  for (;; text++)
    {
      depth += *text == '{';
      depth -= *text == '}';
      if (depth == 0)
        return text;
    }
}

/* false if some fact is unknown */
static bool
append_template (const Context *context, const char *text, gsize size, GString *out)
{
  const char *end = text + size;

  while (text < end)
    {
      const char *close;

      if (*text != '{')
        {
          g_string_append_c (out, *text++);
          continue;
        }
      close = closing_brace (text);
      if (!append_fact (context, text + 1, (gsize) (close - text - 1), out))
        return false;
      text = close + 1;
    }
  return true;
}

static void
append_pair (const char *name, const GString *value, GByteArray *pairs)
{
  milter_strings_append (pairs, milter_bytes_from_string (name));
  milter_strings_append (pairs, milter_bytes (value->str, value->len));
}

/* true if the macro has a value now and was appended */
static bool
append_macro (const Context *context, const MilterProfileMacro *macro, GByteArray *pairs)
{
  GString *value = g_string_new (NULL);
  bool known = append_template (context, macro->value, strlen (macro->value), value);

  if (known)
    append_pair (macro->name, value, pairs);
  g_string_free (value, TRUE);
  return known;
}

static MilterBytes
without_braces (MilterBytes name)
{
  if (name.size >= 2 && name.data[0] == '{' && name.data[name.size - 1] == '}')
    return milter_bytes (name.data + 1, name.size - 2);
  return name;
}

/* an MTA looks a requested macro up by name alone, so that any command can have any of them; the
 * row of the command itself goes first */
static const MilterProfileMacro *
find_macro (const Context *context, MilterBytes name)
{
  const MilterProfileMacro *found = NULL;

  for (const MilterProfileMacro *row = context->profile->macros; row->name != NULL; row++)
    if (milter_bytes_equal (without_braces (milter_bytes_from_string (row->name)),
                            without_braces (name))
        && (found == NULL || row->command == context->command))
      found = row;
  return found;
}

/* the next name of a list: names stand between blanks or commas */
static bool
next_symbol (MilterBytes *list, MilterBytes *name)
{
  while (list->size > 0 && strchr (" \t,", list->data[0]) != NULL && list->data[0] != '\0')
    {
      list->data++;
      list->size--;
    }
  name->data = list->data;
  name->size = 0;
  while (list->size > 0 && (list->data[0] == '\0' || strchr (" \t,", list->data[0]) == NULL))
    {
      list->data++;
      list->size--;
      name->size++;
    }
  return name->size > 0;
}

static void
append_requested (const Context *context, MilterBytes symbols, GByteArray *pairs)
{
  MilterBytes name;

  while (next_symbol (&symbols, &name))
    {
      const MilterProfileMacro *row = find_macro (context, name);

      if (row != NULL)
        append_macro (context, row, pairs);
    }
}

static bool
append_own (const Context *context, GByteArray *pairs)
{
  bool any = false;

  for (const MilterProfileMacro *row = context->profile->macros; row->name != NULL; row++)
    if (row->command == context->command && !row->on_request)
      any |= append_macro (context, row, pairs);
  return any;
}

gboolean
milter_profile_append_macros (const MilterProfile *profile,
                              guint8 command,
                              const MilterProfileFacts *facts,
                              const MilterBytes *symbols,
                              GByteArray *pairs)
{
  Context context = { profile, facts, command };
  MilterBytes list = symbols != NULL ? *symbols : milter_bytes (NULL, 0);
  MilterBytes rest = list;
  MilterBytes first;
  bool empty = !next_symbol (&rest, &first);

  if (symbols == NULL || strchr (profile->macros_by_request, command) == NULL
      || (empty && profile->empty_list_is_default))
    return append_own (&context, pairs) || strchr (profile->empty_macro_frames, command) != NULL;
  /* sendmail: no frame for an empty list, and an empty frame if nothing on the list has a value */
  if (empty)
    return FALSE;
  append_requested (&context, list, pairs);
  return TRUE;
}

int
milter_profile_macro_stage (guint8 command)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command);

  if (command == MILTER_COMMAND_HEADER)
    return MILTER_MACRO_STAGE_END_OF_HEADER;
  if (command == MILTER_COMMAND_BODY)
    return MILTER_MACRO_STAGE_END_OF_MESSAGE;
  return spec == NULL ? -1 : spec->stage;
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
