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

/* the three kinds of steps, as masks */
#define MILTER_STEP_NO_EVENT_MASK                                                                  \
  (MILTER_STEP_NO_CONNECT | MILTER_STEP_NO_HELO | MILTER_STEP_NO_ENVELOPE_FROM                     \
   | MILTER_STEP_NO_ENVELOPE_RECIPIENT | MILTER_STEP_NO_BODY | MILTER_STEP_NO_HEADERS              \
   | MILTER_STEP_NO_END_OF_HEADER | MILTER_STEP_NO_UNKNOWN | MILTER_STEP_NO_DATA)
#define MILTER_STEP_NO_REPLY_MASK                                                                  \
  (MILTER_STEP_NO_REPLY_HEADER | MILTER_STEP_NO_REPLY_CONNECT | MILTER_STEP_NO_REPLY_HELO          \
   | MILTER_STEP_NO_REPLY_ENVELOPE_FROM | MILTER_STEP_NO_REPLY_ENVELOPE_RECIPIENT                  \
   | MILTER_STEP_NO_REPLY_DATA | MILTER_STEP_NO_REPLY_UNKNOWN                                      \
   | MILTER_STEP_NO_REPLY_END_OF_HEADER | MILTER_STEP_NO_REPLY_BODY)
#define MILTER_STEP_NO_MASK (MILTER_STEP_NO_EVENT_MASK | MILTER_STEP_NO_REPLY_MASK)
#define MILTER_STEP_YES_MASK                                                                       \
  (MILTER_STEP_SKIP | MILTER_STEP_ENVELOPE_RECIPIENT_REJECTED                                      \
   | MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE)

/**
 * MilterMacroStage:
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

/* how many stages there are */
#define MILTER_N_MACRO_STAGES 7

/**
 * MilterStatus:
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

#define MILTER_STATUS_IS_PASS(status) ((status) <= MILTER_STATUS_CONTINUE)

/**
 * MilterState:
 * @MILTER_STATE_INVALID: no state
 * @MILTER_STATE_START: nothing has been said
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
