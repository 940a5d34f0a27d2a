/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-mail-private.h: a mail as an MTA holds it, and what a milter's edits make of it.
 *
 * Header fields carry their value exactly as it stands behind the colon in the message, leading
 * blank and all, folds as LF and white space. Fields that the MTA adds itself and does not show to
 * the milter are marked hidden: they count for insert positions as the profile says and are never
 * written out. The edit rules are those of milter-protocol 3.8 to 3.10, as the profile has them.
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/* What an MTA does with edits, where MTAs differ; an MTA is a set of these (the rows stand beside the
 * profiles). milter-protocol 3.8 header, 3.9 body, 3.10 envelope. */
typedef struct
{
  /* header */
  gboolean deleted_counts;    /* a deleted field keeps its place; else later ones move up */
  gboolean adds_before_same;  /* an added field goes before the first of its name; else to the end */
  gboolean replaces_own;      /* one that the MTA made itself is replaced, but for Received */
  gboolean joins_lines;       /* lines without white space in front are joined by blanks; else
                                 indented by a tab */
  gboolean keeps_name;        /* of a changed field only the value is new */
  gboolean top_shows_own;     /* once a field was inserted on top, the MTA's own fields are counted */
  gboolean index_has_sign;    /* 0xffffffff is -1 */
  gboolean ignores_nameless;  /* an empty name; else it is an error in change-header */
  gboolean ignores_malformed; /* a frame of wrong structure; else it is an error */
  /* body */
  gboolean takes_parts;       /* another edit may stand between frames; else that is an error */
  gboolean completes_line;    /* the last line of a replaced body gets its end */
  /* envelope */
  gboolean knows_once;        /* an address that is a recipient already is not added */
  gboolean drops_unknown;     /* a recipient with arguments it does not know is not added; else the
                                 arguments are passed over */
  gboolean replaces_arguments;/* the sender's arguments replace the old ones, all; else those of the
                                 same name */
  gboolean needs_sender;      /* an empty string is no sender */
  gboolean one_line_reason;   /* of a quarantine */
  gboolean loose_reason;      /* of a quarantine: also without its NUL */
} MilterEditRules;

/* one header field; name and value own their bytes */
typedef struct
{
  GString *name;
  GString *value;      /* as in the message, with the blank behind the colon */
  gboolean hidden;     /* the MTA's own: not shown, not written */
  gboolean deleted;    /* it still counts */
  gboolean counted;    /* hidden, and yet counted by change-header */
} MilterMailHeader;

/* a sender or recipient: the address as sent (brackets as written), ESMTP arguments in one string,
 * joined by blanks (NULL if there are none) */
typedef struct
{
  GString *address;
  GString *arguments;
  gboolean added;              /* by a milter */
} MilterMailAddress;

typedef struct _MilterMail MilterMail;
struct _MilterMail
{
  MilterMailAddress sender;
  GPtrArray *recipients;       /* of MilterMailAddress, owned */
  GPtrArray *headers;          /* of MilterMailHeader, owned, in order, hidden ones included */
  GByteArray *body;            /* CRLF line ends as the MTA sends them */
  GString *quarantine;         /* (nullable) the reason */
  gboolean body_replaced;      /* a replacement has begun: further frames are appended */
  gboolean body_closed;        /* another edit came behind the replacement */
};

MilterMail *milter_mail_new (void);
MilterMail *milter_mail_copy (const MilterMail *mail);
void milter_mail_free (MilterMail *mail);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterMail, milter_mail_free)

void milter_mail_set_sender (MilterMail *mail, MilterBytes address, MilterBytes packed_arguments);
void milter_mail_add_recipient (MilterMail *mail,
                                MilterBytes address,
                                MilterBytes packed_arguments);
/* appends a field as it stands in a message */
void milter_mail_append_header (MilterMail *mail,
                                MilterBytes name,
                                MilterBytes value,
                                gboolean hidden);
/* puts one in; a position (hidden fields counted) beyond the end means the end */
void milter_mail_insert_header (MilterMail *mail,
                                guint position,
                                MilterBytes name,
                                MilterBytes value,
                                gboolean hidden);
void milter_mail_append_body (MilterMail *mail, MilterBytes bytes);
/* takes out headers, body, sender and recipients */
void milter_mail_clear (MilterMail *mail);

/* Takes a mail file as an MTA would: leading "From " lines are dropped, LF becomes CRLF in the body
 * and folds become LF, the last line is completed, header and body are found. A first line that is
 * no field means no header (RFC 5322 2.2; as Postfix takes it). Any bytes are taken, NUL included;
 * there is no error. */
void milter_mail_parse (MilterMail *mail, MilterBytes file);

/* A field's value, as it stands behind the colon, as it travels in HEADER frames: without
 * HDR_LEADSPC one blank is left out on the way to the milter. A view of @value. */
MilterBytes milter_mail_wire_value (MilterBytes value, gboolean leading_space);

/**
 * MilterMailError:
 *
 * Why an MTA refuses an edit. The mail is then unchanged.
 */
typedef enum
{
  MILTER_MAIL_ERROR_BODY_INTERLEAVED,  /* Postfix: a body replacement after another edit */
  MILTER_MAIL_ERROR_HEADER,            /* Postfix: change-header with an empty name */
  MILTER_MAIL_ERROR_MALFORMED          /* Postfix: the frame has a fault; both: it is no edit */
} MilterMailError;
#define MILTER_MAIL_ERROR (milter_mail_error_quark ())
GQuark milter_mail_error_quark (void);

/* Applies one edit (add-header … quarantine). leading_space: HDR_LEADSPC was agreed. Progress may
 * be shown too: to Postfix it is another request that ends a body replacement. */
gboolean milter_mail_edit (MilterMail *mail,
                           const MilterMessage *edit,
                           const MilterEditRules *rules,
                           gboolean leading_space,
                           GError **error);
/* All edits have come: what the MTA still does (Postfix completes the last line of a replaced
 * body; fields marked deleted go). */
void milter_mail_finish_edits (MilterMail *mail, const MilterEditRules *rules);

/* Appends the message as it would be delivered: visible fields, CRLF everywhere, an empty line and
 * the body. */
void milter_mail_append_message (const MilterMail *mail, GByteArray *out);

G_END_DECLS
