/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-profile-private.h: what tells one MTA from another, as data.
 *
 * A profile decides offer, macros, order and edit rules (scenario-language, "What a profile
 * decides"; milter-protocol 5.2 and 6). The rows stand in milter-profile.c; a new one needs
 * no code.
 */
#pragma once

#include "milter-flags.h"
#include "milter-mail-private.h"
#include "milter-message.h"

G_BEGIN_DECLS

/* One macro of a stage. In `value`, {…} stands for a fact of the session: {sender} (address without
 * brackets), {sender-host}, {recipient}, {recipient-host}, {first-recipient} (the first that was
 * accepted), {first-recipient-host}, {recipients} (their number), {client-name} (of CONNECT, `unknown` if that is an address
 * in brackets), {client-name-found} (known unless it is), {address} and {port} (the client's),
 * {helo}, {id} (queue id), {message-id}, {version} (the MTA's).
 * {fact|text}: text, if the fact is unknown; {fact?text|other}: text if it is known, else other
 * (texts may hold facts of their own). Otherwise a macro whose fact is unknown is left out. */
typedef struct
{
  guint8 command;      /* before which command it travels */
  const char *name;    /* as on the wire: "j", "{mail_addr}" */
  const char *value;
  gboolean on_request; /* only if a symbol list asks for it */
  const char *asked;   /* (nullable) letters of the commands whose lists may ask for it; NULL: all */
} MilterProfileMacro;

/* An MTA. Strings of letters are commands, in the order in which they are sent. */
typedef struct
{
  const char *name;                 /* "postfix" */
  const char *summary;              /* which MTA */
  const char *version;              /* of it; "" for none */
  const char *measured;             /* how it is known what the row says */
  MilterOffer offer;
  gboolean fills_in;                /* missing commands are sent with defaults */
  const MilterProfileMacro *macros; /* ends with a row whose name is NULL */
  const char *queue_id;             /* what {id} is, if the caller does not say; # is the number of
                                       the message in the session, from 0, in hexadecimal digits */
  const char *macros_by_request;    /* letters of commands whose macros a symbol list replaces */
  const char *empty_macro_frames;   /* letters of commands before which a macro frame goes out even
                                       if no macro has a value: "CHMRTLNBEU" for Postfix */
  gboolean folds_addresses;         /* sender and recipients are in lower case in macros */
  gboolean folds_hosts;             /* and so are their hosts */
  const char *local_host;           /* (nullable) … and an address without host gets this one */
  guint id_from_recipient;          /* {id} is known from the Nth RCPT on; 0: always */
  gboolean empty_list_is_default;   /* an empty symbol list is ignored (Postfix) */
  gboolean eom_list_with_eoh;       /* there is a list for the end of the message if there is one
                                       for the end of the header, and only then (sendmail) */
  gboolean makes_up_macros;         /* a macro that was asked for and has no row has its own name as
                                       value */
  const char *after_message;        /* sent when a message was answered at its end, or decided
                                       before: "A" or "" */
  const char *after_refused_mail;   /* the same, at once, when MAIL was refused */
  const char *after_cut_message;    /* when a message is cut short (RSET): "A" */
  const char *cut_after;            /* commands at which a decision, unless it is accept, leaves the
                                       message to be cut short */
  gboolean helo_goes_first;         /* HELO in a message: what ends the message follows it */
  const char *after_helo_again;     /* after a HELO that is not the first: "A" or "" */
  const char *at_end_in_message;    /* at the end of the session: in a message, then … */
  const char *at_end_greeted;       /* … after a HELO, then … */
  const char *at_end;               /* … in any case: "Q" */
  const char *after_accept;         /* after accept or refusal at connect or helo, before
                                       closing: "" or "Q" */
  const char *ipv6_prefix;          /* "" or "IPv6:" */
  const MilterEditRules *edit_rules;
  const char *const *hidden_headers;/* fields that it adds on top and does not show, from the top:
                                       they count for insert positions */
  gboolean stray_cr_is_blank;       /* a CR inside a line of the client's becomes a blank (Postfix
                                       from 3.7.10) */
  gboolean nul_ends_line;           /* a line of the client's header ends at a NUL (Postfix); else, if … */
  gboolean nul_is_dropped;          /* … NULs are taken out of it (sendmail) */
  gboolean skip_everywhere;         /* SKIP outside BODY: no more of that command until there was
                                       another one (Postfix) */
} MilterProfile;

/* (nullable) by name */
const MilterProfile *milter_profile_get (const char *name);
const MilterProfile *milter_profile_list (gsize *n);

/* What a session knows so far; empty bytes are unknown. */
typedef struct
{
  MilterBytes host;
  MilterBytes address;
  MilterBytes helo;
  MilterBytes sender;       /* as sent, brackets and all; also `<>` */
  gboolean has_sender;
  MilterBytes recipient;
  gboolean has_recipient;
  MilterBytes first_recipient; /* that was accepted */
  guint n_recipients;       /* of this message: those that were accepted, and the present one */
  guint n_message;          /* number of the message in the session, from 0 */
  const char *queue_id;     /* (nullable) else the profile's */
  guint port;               /* the client's */
  MilterBytes message_id;   /* the value of the last Message-Id, without white space in front */
} MilterProfileFacts;

/* Appends the packed pairs of the macros that travel before @command. @symbols: the milter's own
 * lists by stage (names between blanks or commas), NULL where it has none. Returns whether a macro
 * frame is sent at all. */
gboolean milter_profile_append_macros (const MilterProfile *profile,
                                       guint8 command,
                                       const MilterProfileFacts *facts,
                                       GBytes *const symbols[MILTER_N_MACRO_STAGES],
                                       GByteArray *pairs);

/* Takes a mail file as this MTA hands it over: milter_mail_parse(), and what the row says of CRs
 * and NULs. */
void milter_profile_parse_mail (const MilterProfile *profile, MilterMail *mail, MilterBytes file);

/* Puts the fields that the MTA adds itself on top of a mail whose header is complete, hidden. To be
 * called once, before the first edit. */
void milter_profile_hide_headers (const MilterProfile *profile, MilterMail *mail);

G_END_DECLS
