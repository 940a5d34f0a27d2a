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
 * brackets), {sender-host}, {recipient}, {recipient-host}, {client-name} (of CONNECT, `unknown` if
 * that is an address in brackets), {address} and {port} (the client's), {helo}, {id} (queue id),
 * {message-id}. {fact|text}: text, if the fact is unknown. Else a macro whose fact is unknown is
 * left out. */
typedef struct
{
  guint8 command;      /* before which command it travels */
  const char *name;    /* as on the wire: "j", "{mail_addr}" */
  const char *value;
  gboolean on_request; /* only if a symbol list asks for it */
} MilterProfileMacro;

/* what an MTA does after ABORT-worthy moments, as sequences of command letters */
typedef struct
{
  const char *name;                 /* "postfix" */
  const char *summary;              /* which MTA, which version, measured how */
  MilterOffer offer;
  gboolean fills_in;                /* missing commands are sent with defaults */
  const MilterProfileMacro *macros; /* ends with a row whose name is NULL */
  const char *queue_id;             /* what {id} is, if the caller does not say */
  const char *macros_by_request;    /* letters of commands whose macros a symbol list replaces */
  const char *empty_macro_frames;   /* letters of commands before which a macro frame goes out even
                                       if no macro has a value: "CHMRTLNBEU" for Postfix */
  guint id_from_recipient;          /* {id} is known from the Nth RCPT on; 0: from MAIL on */
  gboolean empty_list_is_default;   /* an empty symbol list is ignored (Postfix) */
  const char *after_message;        /* sent when a message was answered at its end: "A" or "" */
  const char *after_cut_message;    /* when a message is cut short (RSET): "A" */
  const char *at_end;               /* at the end of the session: "AQ" or "Q" */
  const char *at_end_in_message;    /* the same while in a message: "AAQ" or "Q" */
  const char *after_accept;         /* after accept or refusal at connect or helo, before
                                       closing: "" or "Q" */
  const char *ipv6_prefix;          /* "" or "IPv6:" */
  MilterEditRules edit_rules;
  const char *const *hidden_headers;/* fields that it adds on top and does not show, from the top:
                                       they count for insert positions */
  gboolean stray_cr_is_blank;       /* a CR inside a line of the client's becomes a blank (Postfix
                                       from 3.7.10) */
  gboolean nul_ends_header;         /* a header field of the client's ends at a NUL (Postfix) */
  gboolean skip_everywhere;         /* SKIP outside BODY: no more of that command (Postfix) */
} MilterProfile;

/* (nullable) by name: postfix, sendmail, plain, exact */
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
  guint n_recipients;       /* of this message: those that were accepted, and the present one */
  const char *queue_id;     /* (nullable) else the profile's */
  guint port;               /* the client's */
  MilterBytes message_id;   /* the value of Message-Id, without its blank */
} MilterProfileFacts;

/* Appends the packed pairs of the macros that travel before @command. @symbols: (nullable) the
 * milter's own list for that command's stage, milter_profile_macro_stage() (names between blanks or
 * commas). Returns whether a macro frame is sent at all. */
gboolean milter_profile_append_macros (const MilterProfile *profile,
                                       guint8 command,
                                       const MilterProfileFacts *facts,
                                       const MilterBytes *symbols,
                                       GByteArray *pairs);
/* The stage whose symbol list decides about the macros of @command, -1 if none does: Postfix's
 * HEADER goes with the end of the header, BODY with the end of the message (milter-protocol
 * 2.5). */
int milter_profile_macro_stage (guint8 command);

/* Takes a mail file as this MTA hands it over: milter_mail_parse(), and what the row says of CRs
 * and NULs. */
void milter_profile_parse_mail (const MilterProfile *profile, MilterMail *mail, MilterBytes file);

/* Puts the fields that the MTA adds itself on top of a mail whose header is complete, hidden. To be
 * called once, before the first edit. */
void milter_profile_hide_headers (const MilterProfile *profile, MilterMail *mail);

G_END_DECLS
