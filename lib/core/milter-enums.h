/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-enums.h: the numbers of the protocol, by readable name.
 *
 * The values are the ones on the wire. How each one looks there, what its name is in
 * <libmilter/mfdef.h> and in a scenario, is said once, in the rows of milter-spec.c.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MilterCommand:
 * @MILTER_COMMAND_NEGOTIATE: the offer: version, actions, steps (SMFIC_OPTNEG)
 * @MILTER_COMMAND_DEFINE_MACRO: macros for the command that follows (SMFIC_MACRO)
 * @MILTER_COMMAND_CONNECT: an SMTP client has connected (SMFIC_CONNECT)
 * @MILTER_COMMAND_HELO: HELO or EHLO (SMFIC_HELO)
 * @MILTER_COMMAND_ENVELOPE_FROM: the sender: a message begins (SMFIC_MAIL)
 * @MILTER_COMMAND_ENVELOPE_RECIPIENT: one recipient (SMFIC_RCPT)
 * @MILTER_COMMAND_DATA: the envelope is complete (SMFIC_DATA)
 * @MILTER_COMMAND_HEADER: one header field (SMFIC_HEADER)
 * @MILTER_COMMAND_END_OF_HEADER: the header is complete (SMFIC_EOH)
 * @MILTER_COMMAND_BODY: a piece of the body (SMFIC_BODY)
 * @MILTER_COMMAND_END_OF_MESSAGE: the message is complete (SMFIC_BODYEOB)
 * @MILTER_COMMAND_ABORT: the message is cancelled (SMFIC_ABORT)
 * @MILTER_COMMAND_QUIT: the connection ends (SMFIC_QUIT)
 * @MILTER_COMMAND_QUIT_NC: the SMTP client is gone, another one follows on this connection
 *   (SMFIC_QUIT_NC)
 * @MILTER_COMMAND_UNKNOWN: a command line that the MTA does not know (SMFIC_UNKNOWN)
 *
 * What an MTA sends to a milter. The value is the command's letter (SMFIC_…).
 */
typedef enum
{
  MILTER_COMMAND_NEGOTIATE = 'O',
  MILTER_COMMAND_DEFINE_MACRO = 'D',
  MILTER_COMMAND_CONNECT = 'C',
  MILTER_COMMAND_HELO = 'H',
  MILTER_COMMAND_ENVELOPE_FROM = 'M',
  MILTER_COMMAND_ENVELOPE_RECIPIENT = 'R',
  MILTER_COMMAND_DATA = 'T',
  MILTER_COMMAND_HEADER = 'L',
  MILTER_COMMAND_END_OF_HEADER = 'N',
  MILTER_COMMAND_BODY = 'B',
  MILTER_COMMAND_END_OF_MESSAGE = 'E',
  MILTER_COMMAND_ABORT = 'A',
  MILTER_COMMAND_QUIT = 'Q',
  MILTER_COMMAND_QUIT_NC = 'K',
  MILTER_COMMAND_UNKNOWN = 'U'
} MilterCommand;

/**
 * MilterReply:
 * @MILTER_REPLY_NEGOTIATE: the answer to the offer (SMFIC_OPTNEG)
 * @MILTER_REPLY_CONTINUE: go on (SMFIR_CONTINUE)
 * @MILTER_REPLY_ACCEPT: take it, and ask no more (SMFIR_ACCEPT)
 * @MILTER_REPLY_REJECT: refuse it with 5xx (SMFIR_REJECT)
 * @MILTER_REPLY_TEMPORARY_FAILURE: refuse it with 4xx (SMFIR_TEMPFAIL)
 * @MILTER_REPLY_DISCARD: take it and throw it away (SMFIR_DISCARD)
 * @MILTER_REPLY_REPLY_CODE: refuse it with this SMTP reply (SMFIR_REPLYCODE)
 * @MILTER_REPLY_SKIP: send no more of these for this message (SMFIR_SKIP)
 * @MILTER_REPLY_PROGRESS: still at work, wait on (SMFIR_PROGRESS)
 * @MILTER_REPLY_ADD_HEADER: add a header field (SMFIR_ADDHEADER)
 * @MILTER_REPLY_INSERT_HEADER: insert one at a position (SMFIR_INSHEADER)
 * @MILTER_REPLY_CHANGE_HEADER: change or delete one (SMFIR_CHGHEADER)
 * @MILTER_REPLY_REPLACE_BODY: a piece of the new body (SMFIR_REPLBODY)
 * @MILTER_REPLY_ADD_RECIPIENT: add a recipient (SMFIR_ADDRCPT)
 * @MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS: ... with ESMTP arguments (SMFIR_ADDRCPT_PAR)
 * @MILTER_REPLY_DELETE_RECIPIENT: take a recipient out (SMFIR_DELRCPT)
 * @MILTER_REPLY_CHANGE_FROM: change the sender (SMFIR_CHGFROM)
 * @MILTER_REPLY_QUARANTINE: hold the message (SMFIR_QUARANTINE)
 * @MILTER_REPLY_SHUTDOWN: refuse with 421 and close the SMTP connection (SMFIR_SHUTDOWN)
 * @MILTER_REPLY_CONNECTION_FAILURE: the milter failed (SMFIR_CONN_FAIL)
 * @MILTER_REPLY_SET_SYMBOL_LIST: reserved: lists of macros travel in the answer to the offer
 *   (SMFIR_SETSYMLIST)
 *
 * What a milter sends to an MTA. The value is the reply's letter (SMFIR_…).
 */
typedef enum
{
  MILTER_REPLY_NEGOTIATE = 'O',
  MILTER_REPLY_CONTINUE = 'c',
  MILTER_REPLY_ACCEPT = 'a',
  MILTER_REPLY_REJECT = 'r',
  MILTER_REPLY_TEMPORARY_FAILURE = 't',
  MILTER_REPLY_DISCARD = 'd',
  MILTER_REPLY_REPLY_CODE = 'y',
  MILTER_REPLY_SKIP = 's',
  MILTER_REPLY_PROGRESS = 'p',
  MILTER_REPLY_ADD_HEADER = 'h',
  MILTER_REPLY_INSERT_HEADER = 'i',
  MILTER_REPLY_CHANGE_HEADER = 'm',
  MILTER_REPLY_REPLACE_BODY = 'b',
  MILTER_REPLY_ADD_RECIPIENT = '+',
  MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS = '2',
  MILTER_REPLY_DELETE_RECIPIENT = '-',
  MILTER_REPLY_CHANGE_FROM = 'e',
  MILTER_REPLY_QUARANTINE = 'q',
  MILTER_REPLY_SHUTDOWN = '4',
  MILTER_REPLY_CONNECTION_FAILURE = 'f',
  MILTER_REPLY_SET_SYMBOL_LIST = 'l'
} MilterReply;

/**
 * MilterActionFlags:
 * @MILTER_ACTION_NONE: nothing
 * @MILTER_ACTION_ADD_HEADERS: add and insert header fields (SMFIF_ADDHDRS)
 * @MILTER_ACTION_CHANGE_BODY: replace the body (SMFIF_CHGBODY)
 * @MILTER_ACTION_ADD_ENVELOPE_RECIPIENT: add recipients (SMFIF_ADDRCPT)
 * @MILTER_ACTION_DELETE_ENVELOPE_RECIPIENT: take recipients out (SMFIF_DELRCPT)
 * @MILTER_ACTION_CHANGE_HEADERS: change and delete header fields (SMFIF_CHGHDRS)
 * @MILTER_ACTION_QUARANTINE: hold the message (SMFIF_QUARANTINE)
 * @MILTER_ACTION_CHANGE_ENVELOPE_FROM: change the sender (SMFIF_CHGFROM)
 * @MILTER_ACTION_ADD_ENVELOPE_RECIPIENT_WITH_PARAMETERS: add recipients with ESMTP arguments
 *   (SMFIF_ADDRCPT_PAR)
 * @MILTER_ACTION_SET_SYMBOL_LIST: ask for lists of macros (SMFIF_SETSYMLIST)
 *
 * What a milter may do to a message: the second word of the negotiation (SMFIF_…). The MTA's
 * word says what it can do, the milter's what the milter may ask for.
 */
typedef enum /*< flags >*/
{
  MILTER_ACTION_NONE = 0,
  MILTER_ACTION_ADD_HEADERS = 1 << 0,
  MILTER_ACTION_CHANGE_BODY = 1 << 1,
  MILTER_ACTION_ADD_ENVELOPE_RECIPIENT = 1 << 2,
  MILTER_ACTION_DELETE_ENVELOPE_RECIPIENT = 1 << 3,
  MILTER_ACTION_CHANGE_HEADERS = 1 << 4,
  MILTER_ACTION_QUARANTINE = 1 << 5,
  MILTER_ACTION_CHANGE_ENVELOPE_FROM = 1 << 6,
  MILTER_ACTION_ADD_ENVELOPE_RECIPIENT_WITH_PARAMETERS = 1 << 7,
  MILTER_ACTION_SET_SYMBOL_LIST = 1 << 8
} MilterActionFlags;

/* the protocol's own, shorter names for the same bits */
#define MILTER_ACTION_ADD_RCPT                 MILTER_ACTION_ADD_ENVELOPE_RECIPIENT
#define MILTER_ACTION_DEL_RCPT                 MILTER_ACTION_DELETE_ENVELOPE_RECIPIENT
#define MILTER_ACTION_CHANGE_FROM              MILTER_ACTION_CHANGE_ENVELOPE_FROM
#define MILTER_ACTION_ADD_RCPT_WITH_PARAMETERS MILTER_ACTION_ADD_ENVELOPE_RECIPIENT_WITH_PARAMETERS

/**
 * MilterStepFlags:
 * @MILTER_STEP_NONE: nothing
 * @MILTER_STEP_NO_CONNECT: CONNECT is not sent (SMFIP_NOCONNECT)
 * @MILTER_STEP_NO_HELO: HELO is not sent (SMFIP_NOHELO)
 * @MILTER_STEP_NO_ENVELOPE_FROM: MAIL is not sent (SMFIP_NOMAIL)
 * @MILTER_STEP_NO_ENVELOPE_RECIPIENT: RCPT is not sent (SMFIP_NORCPT)
 * @MILTER_STEP_NO_BODY: the body is not sent (SMFIP_NOBODY)
 * @MILTER_STEP_NO_HEADERS: header fields are not sent (SMFIP_NOHDRS)
 * @MILTER_STEP_NO_END_OF_HEADER: the end of the header is not sent (SMFIP_NOEOH)
 * @MILTER_STEP_NO_REPLY_HEADER: a header field is sent and not answered (SMFIP_NR_HDR)
 * @MILTER_STEP_NO_UNKNOWN: a command that the MTA does not know is not sent (SMFIP_NOUNKNOWN)
 * @MILTER_STEP_NO_DATA: DATA is not sent (SMFIP_NODATA)
 * @MILTER_STEP_SKIP: the milter may answer SKIP (SMFIP_SKIP)
 * @MILTER_STEP_ENVELOPE_RECIPIENT_REJECTED: recipients that the MTA has refused are sent, too
 *   (SMFIP_RCPT_REJ)
 * @MILTER_STEP_NO_REPLY_CONNECT: CONNECT is sent and not answered (SMFIP_NR_CONN)
 * @MILTER_STEP_NO_REPLY_HELO: HELO is sent and not answered (SMFIP_NR_HELO)
 * @MILTER_STEP_NO_REPLY_ENVELOPE_FROM: MAIL is sent and not answered (SMFIP_NR_MAIL)
 * @MILTER_STEP_NO_REPLY_ENVELOPE_RECIPIENT: RCPT is sent and not answered (SMFIP_NR_RCPT)
 * @MILTER_STEP_NO_REPLY_DATA: DATA is sent and not answered (SMFIP_NR_DATA)
 * @MILTER_STEP_NO_REPLY_UNKNOWN: a command that the MTA does not know is sent and not answered
 *   (SMFIP_NR_UNKN)
 * @MILTER_STEP_NO_REPLY_END_OF_HEADER: the end of the header is sent and not answered
 *   (SMFIP_NR_EOH)
 * @MILTER_STEP_NO_REPLY_BODY: the body is sent and not answered (SMFIP_NR_BODY)
 * @MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE: header values keep the blank behind the colon
 *   (SMFIP_HDR_LEADSPC)
 * @MILTER_STEP_MDS_256K: frames of up to 256 KiB, between programs that agree on it
 *   (SMFIP_MDS_256K)
 * @MILTER_STEP_MDS_1M: payloads of up to 1,048,575 bytes (SMFIP_MDS_1M)
 *
 * Which commands are sent and answered: the third word of the negotiation (SMFIP_…). NO_…: the
 * milter is not sent that command; NO_REPLY_…: it is sent it and does not answer; the rest:
 * something that the MTA can and the milter wants.
 */
typedef enum /*< flags >*/
{
  MILTER_STEP_NONE = 0,
  MILTER_STEP_NO_CONNECT = 1 << 0,
  MILTER_STEP_NO_HELO = 1 << 1,
  MILTER_STEP_NO_ENVELOPE_FROM = 1 << 2,
  MILTER_STEP_NO_ENVELOPE_RECIPIENT = 1 << 3,
  MILTER_STEP_NO_BODY = 1 << 4,
  MILTER_STEP_NO_HEADERS = 1 << 5,
  MILTER_STEP_NO_END_OF_HEADER = 1 << 6,
  MILTER_STEP_NO_REPLY_HEADER = 1 << 7,
  MILTER_STEP_NO_UNKNOWN = 1 << 8,
  MILTER_STEP_NO_DATA = 1 << 9,
  MILTER_STEP_SKIP = 1 << 10,
  MILTER_STEP_ENVELOPE_RECIPIENT_REJECTED = 1 << 11,
  MILTER_STEP_NO_REPLY_CONNECT = 1 << 12,
  MILTER_STEP_NO_REPLY_HELO = 1 << 13,
  MILTER_STEP_NO_REPLY_ENVELOPE_FROM = 1 << 14,
  MILTER_STEP_NO_REPLY_ENVELOPE_RECIPIENT = 1 << 15,
  MILTER_STEP_NO_REPLY_DATA = 1 << 16,
  MILTER_STEP_NO_REPLY_UNKNOWN = 1 << 17,
  MILTER_STEP_NO_REPLY_END_OF_HEADER = 1 << 18,
  MILTER_STEP_NO_REPLY_BODY = 1 << 19,
  MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE = 1 << 20,
  MILTER_STEP_MDS_256K = 1 << 28,
  MILTER_STEP_MDS_1M = 1 << 29
} MilterStepFlags;

/**
 * MILTER_STEP_NO_EVENT_MASK:
 *
 * The steps that keep a command away.
 */
#define MILTER_STEP_NO_EVENT_MASK                                                                  \
  (MILTER_STEP_NO_CONNECT | MILTER_STEP_NO_HELO | MILTER_STEP_NO_ENVELOPE_FROM                     \
   | MILTER_STEP_NO_ENVELOPE_RECIPIENT | MILTER_STEP_NO_BODY | MILTER_STEP_NO_HEADERS              \
   | MILTER_STEP_NO_END_OF_HEADER | MILTER_STEP_NO_UNKNOWN | MILTER_STEP_NO_DATA)
/**
 * MILTER_STEP_NO_REPLY_MASK:
 *
 * The steps that keep a reply away.
 */
#define MILTER_STEP_NO_REPLY_MASK                                                                  \
  (MILTER_STEP_NO_REPLY_HEADER | MILTER_STEP_NO_REPLY_CONNECT | MILTER_STEP_NO_REPLY_HELO          \
   | MILTER_STEP_NO_REPLY_ENVELOPE_FROM | MILTER_STEP_NO_REPLY_ENVELOPE_RECIPIENT                  \
   | MILTER_STEP_NO_REPLY_DATA | MILTER_STEP_NO_REPLY_UNKNOWN                                      \
   | MILTER_STEP_NO_REPLY_END_OF_HEADER | MILTER_STEP_NO_REPLY_BODY)
/**
 * MILTER_STEP_NO_MASK:
 *
 * Both.
 */
#define MILTER_STEP_NO_MASK (MILTER_STEP_NO_EVENT_MASK | MILTER_STEP_NO_REPLY_MASK)
/**
 * MILTER_STEP_YES_MASK:
 *
 * The steps that allow something.
 */
#define MILTER_STEP_YES_MASK                                                                       \
  (MILTER_STEP_SKIP | MILTER_STEP_ENVELOPE_RECIPIENT_REJECTED                                      \
   | MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE)

/**
 * MilterMacroStage:
 * @MILTER_MACRO_STAGE_CONNECT: before CONNECT
 * @MILTER_MACRO_STAGE_HELO: before HELO
 * @MILTER_MACRO_STAGE_ENVELOPE_FROM: before MAIL
 * @MILTER_MACRO_STAGE_ENVELOPE_RECIPIENT: before RCPT
 * @MILTER_MACRO_STAGE_DATA: before DATA
 * @MILTER_MACRO_STAGE_END_OF_MESSAGE: before the end of the message
 * @MILTER_MACRO_STAGE_END_OF_HEADER: before the end of the header
 *
 * The stages for which a milter may ask for its own list of macros, with the numbers of the
 * symbol lists in the answer to the negotiation. The order is not that of the session.
 */
typedef enum
{
  MILTER_MACRO_STAGE_CONNECT = 0,
  MILTER_MACRO_STAGE_HELO = 1,
  MILTER_MACRO_STAGE_ENVELOPE_FROM = 2,
  MILTER_MACRO_STAGE_ENVELOPE_RECIPIENT = 3,
  MILTER_MACRO_STAGE_DATA = 4,
  MILTER_MACRO_STAGE_END_OF_MESSAGE = 5,
  MILTER_MACRO_STAGE_END_OF_HEADER = 6
} MilterMacroStage;

/**
 * MILTER_N_MACRO_STAGES:
 *
 * How many stages there are.
 */
#define MILTER_N_MACRO_STAGES 7

/**
 * MilterStatus:
 * @MILTER_STATUS_DEFAULT: no opinion: it goes on. From a binding use %MILTER_STATUS_CONTINUE:
 *   there, 0 is what a handler that raised leaves behind, and counts as a failure
 * @MILTER_STATUS_NOT_CHANGE: what an earlier handler said holds
 * @MILTER_STATUS_CONTINUE: it goes on
 * @MILTER_STATUS_REJECT: refused with 5xx: the recipient at RCPT, the connection at CONNECT and
 *   HELO, else the message
 * @MILTER_STATUS_DISCARD: the message is taken and thrown away
 * @MILTER_STATUS_ACCEPT: the message (at CONNECT and HELO, the connection) is taken without asking
 *   any more
 * @MILTER_STATUS_TEMPORARY_FAILURE: refused with 4xx, as with %MILTER_STATUS_REJECT
 * @MILTER_STATUS_NO_REPLY: as %MILTER_STATUS_CONTINUE
 * @MILTER_STATUS_SKIP: no more events of this kind for this message
 * @MILTER_STATUS_ALL_OPTIONS: in answer to an offer: the default answer, for what is listened to
 * @MILTER_STATUS_PROGRESS: the answer comes later, by the event's `…-response` signal
 * @MILTER_STATUS_ABORT: the message was cancelled
 * @MILTER_STATUS_QUARANTINE: the message is held
 * @MILTER_STATUS_STOP: a handler of a `stop-on-…` signal ended the session
 * @MILTER_STATUS_ERROR: the session failed; as an answer, a temporary failure
 *
 * What a handler of a milter's event returns, and how a message or a session ended.
 */
typedef enum
{
  MILTER_STATUS_DEFAULT,
  MILTER_STATUS_NOT_CHANGE,
  MILTER_STATUS_CONTINUE,
  MILTER_STATUS_REJECT,
  MILTER_STATUS_DISCARD,
  MILTER_STATUS_ACCEPT,
  MILTER_STATUS_TEMPORARY_FAILURE,
  MILTER_STATUS_NO_REPLY,
  MILTER_STATUS_SKIP,
  MILTER_STATUS_ALL_OPTIONS,
  MILTER_STATUS_PROGRESS,
  MILTER_STATUS_ABORT,
  MILTER_STATUS_QUARANTINE,
  MILTER_STATUS_STOP,
  MILTER_STATUS_ERROR
} MilterStatus;

/**
 * MILTER_STATUS_IS_PASS:
 * @status: a #MilterStatus
 *
 * Whether a status lets the event pass to the next handler, and the mail go on.
 */
#define MILTER_STATUS_IS_PASS(status) ((status) <= MILTER_STATUS_CONTINUE)

/**
 * MilterState:
 * @MILTER_STATE_INVALID: no state
 * @MILTER_STATE_START: nothing has been said
 * @MILTER_STATE_NEGOTIATE: the offer (OPTNEG) has come
 * @MILTER_STATE_NEGOTIATE_REPLIED: the offer (OPTNEG) has been answered
 * @MILTER_STATE_CONNECT: CONNECT has come
 * @MILTER_STATE_CONNECT_REPLIED: CONNECT has been answered
 * @MILTER_STATE_HELO: HELO has come
 * @MILTER_STATE_HELO_REPLIED: HELO has been answered
 * @MILTER_STATE_ENVELOPE_FROM: MAIL has come
 * @MILTER_STATE_ENVELOPE_FROM_REPLIED: MAIL has been answered
 * @MILTER_STATE_ENVELOPE_RECIPIENT: RCPT has come
 * @MILTER_STATE_ENVELOPE_RECIPIENT_REPLIED: RCPT has been answered
 * @MILTER_STATE_DATA: DATA has come
 * @MILTER_STATE_DATA_REPLIED: DATA has been answered
 * @MILTER_STATE_UNKNOWN: a command that the MTA does not know has come
 * @MILTER_STATE_UNKNOWN_REPLIED: a command that the MTA does not know has been answered
 * @MILTER_STATE_HEADER: a header field has come
 * @MILTER_STATE_HEADER_REPLIED: a header field has been answered
 * @MILTER_STATE_END_OF_HEADER: the end of the header has come
 * @MILTER_STATE_END_OF_HEADER_REPLIED: the end of the header has been answered
 * @MILTER_STATE_BODY: a piece of the body has come
 * @MILTER_STATE_BODY_REPLIED: a piece of the body has been answered
 * @MILTER_STATE_END_OF_MESSAGE: the end of the message has come
 * @MILTER_STATE_END_OF_MESSAGE_REPLIED: the end of the message has been answered
 * @MILTER_STATE_QUIT: QUIT has come
 * @MILTER_STATE_QUIT_REPLIED: QUIT has been answered
 * @MILTER_STATE_ABORT: ABORT has come
 * @MILTER_STATE_ABORT_REPLIED: ABORT has been answered
 * @MILTER_STATE_FINISHED: the connection is over
 *
 * How far a message or a session has come: the command that came last, and (`_REPLIED`) whether it
 * has been answered.
 */
typedef enum
{
  MILTER_STATE_INVALID,
  MILTER_STATE_START,
  MILTER_STATE_NEGOTIATE,
  MILTER_STATE_NEGOTIATE_REPLIED,
  MILTER_STATE_CONNECT,
  MILTER_STATE_CONNECT_REPLIED,
  MILTER_STATE_HELO,
  MILTER_STATE_HELO_REPLIED,
  MILTER_STATE_ENVELOPE_FROM,
  MILTER_STATE_ENVELOPE_FROM_REPLIED,
  MILTER_STATE_ENVELOPE_RECIPIENT,
  MILTER_STATE_ENVELOPE_RECIPIENT_REPLIED,
  MILTER_STATE_DATA,
  MILTER_STATE_DATA_REPLIED,
  MILTER_STATE_UNKNOWN,
  MILTER_STATE_UNKNOWN_REPLIED,
  MILTER_STATE_HEADER,
  MILTER_STATE_HEADER_REPLIED,
  MILTER_STATE_END_OF_HEADER,
  MILTER_STATE_END_OF_HEADER_REPLIED,
  MILTER_STATE_BODY,
  MILTER_STATE_BODY_REPLIED,
  MILTER_STATE_END_OF_MESSAGE,
  MILTER_STATE_END_OF_MESSAGE_REPLIED,
  MILTER_STATE_QUIT,
  MILTER_STATE_QUIT_REPLIED,
  MILTER_STATE_ABORT,
  MILTER_STATE_ABORT_REPLIED,
  MILTER_STATE_FINISHED
} MilterState;

G_END_DECLS
