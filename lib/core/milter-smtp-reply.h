/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-smtp-reply.h: the SMTP reply that a REPLYCODE frame carries, taken apart and put together.
 *
 * On the wire: `ddd[ d.d.d][ text]` lines between CRLF, all but the last with `-` behind the code,
 * a percent sign doubled (milter-protocol 3.7).
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MILTER_SMTP_REPLY_MAX_LINE:
 *
 * The most bytes in the text of one line: libmilter's limit (smfi_setmlreply).
 */
#define MILTER_SMTP_REPLY_MAX_LINE 980
/**
 * MILTER_SMTP_REPLY_MAX_LINES:
 *
 * The most lines of one reply: libmilter's limit.
 */
#define MILTER_SMTP_REPLY_MAX_LINES 32

/**
 * MilterSmtpReply:
 * @code: 400 to 599
 * @extended: (nullable): as `5.7.1`
 * @lines: the texts without codes, `%%` already one `%`; at least one, may be empty
 *
 * An SMTP reply, taken apart.
 */
typedef struct
{
  guint code;
  char *extended;
  GPtrArray *lines;   /* of GString, so that any byte fits */
} MilterSmtpReply;

/**
 * MilterSmtpReplyError:
 * @MILTER_SMTP_REPLY_ERROR_CODE: not three digits, or neither 4xx nor 5xx
 * @MILTER_SMTP_REPLY_ERROR_EXTENDED: not d.d.d, or of another class than the code
 * @MILTER_SMTP_REPLY_ERROR_MIXED: codes differ between lines
 * @MILTER_SMTP_REPLY_ERROR_LINE: a line end where none may be, a line too long, too many
 * @MILTER_SMTP_REPLY_ERROR_PERCENT: a percent sign that is not doubled
 *
 * What no MTA takes, in the domain %MILTER_SMTP_REPLY_ERROR.
 */
typedef enum
{
  MILTER_SMTP_REPLY_ERROR_CODE,
  MILTER_SMTP_REPLY_ERROR_EXTENDED,
  MILTER_SMTP_REPLY_ERROR_MIXED,
  MILTER_SMTP_REPLY_ERROR_LINE,
  MILTER_SMTP_REPLY_ERROR_PERCENT
} MilterSmtpReplyError;

#define MILTER_SMTP_REPLY_ERROR (milter_smtp_reply_error_quark ())
MILTER_AVAILABLE GQuark milter_smtp_reply_error_quark (void);

/**
 * milter_smtp_reply_free: (skip)
 * @reply: (nullable): a reply
 *
 * Frees a reply.
 */
MILTER_AVAILABLE void milter_smtp_reply_free (MilterSmtpReply *reply);
/* Takes the text of a `y` frame apart. NULL with @error for what an MTA refuses or mangles. */
MILTER_AVAILABLE MilterSmtpReply *milter_smtp_reply_parse (MilterBytes text, GError **error);
/* Puts one together: @message may have several lines, separated by \n. Percent signs are doubled;
 * the code must be 4xx or 5xx, @extended (nullable) of the same class. */
MILTER_AVAILABLE GString *milter_smtp_reply_format (guint code,
                                                    const char *extended,
                                                    MilterBytes message,
                                                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterSmtpReply, milter_smtp_reply_free)

G_END_DECLS
