/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session.h: what may be said now, by whom, and what is due.
 *
 * One machine for both roles: it is shown every message that passes, in either direction, and
 * keeps what the protocol's rules need. It has no socket, no clock and no memory of bytes. The
 * rules are const tables in milter-session.c; their numbers are those of milter-protocol 3.
 */
#pragma once

#include "milter-flags.h"
#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterSessionState:
 * @MILTER_SESSION_START: nothing has been said
 * @MILTER_SESSION_NEGOTIATING: the offer is out
 * @MILTER_SESSION_READY: negotiated; next is CONNECT
 * @MILTER_SESSION_ENVELOPE: connected; between messages
 * @MILTER_SESSION_MAIL: MAIL was sent
 * @MILTER_SESSION_RCPT: at least one RCPT was sent
 * @MILTER_SESSION_DATA: DATA was sent
 * @MILTER_SESSION_HEADER: at least one header field was sent
 * @MILTER_SESSION_BODY: the end of headers was sent, maybe some body
 * @MILTER_SESSION_END_OF_MESSAGE: BODYEOB was sent, the final reply is due
 * @MILTER_SESSION_MESSAGE_OVER: this message was decided early; nothing more of it may be sent
 * @MILTER_SESSION_CONNECTION_OVER: accepted or refused at CONNECT or HELO: only QUIT is left
 * @MILTER_SESSION_CLOSED: QUIT was sent
 *
 * How far a session has come.
 */
typedef enum
{
  MILTER_SESSION_START,
  MILTER_SESSION_NEGOTIATING,
  MILTER_SESSION_READY,
  MILTER_SESSION_ENVELOPE,
  MILTER_SESSION_MAIL,
  MILTER_SESSION_RCPT,
  MILTER_SESSION_DATA,
  MILTER_SESSION_HEADER,
  MILTER_SESSION_BODY,
  MILTER_SESSION_END_OF_MESSAGE,
  MILTER_SESSION_MESSAGE_OVER,
  MILTER_SESSION_CONNECTION_OVER,
  MILTER_SESSION_CLOSED
} MilterSessionState;

/**
 * MilterSessionPolicy:
 * @MILTER_SESSION_STRICT: a deviation is an error: the caller should close
 * @MILTER_SESSION_LENIENT: it is told, and the session goes on as real software does
 * @MILTER_SESSION_OFF: nothing is judged; the state still follows what is said
 *
 * What a deviation means. With LENIENT, a command that does not fit ends the message that is open
 * and is passed over without a reply (@dropped is set), unless it may follow HELO (HELO, MAIL,
 * UNKNOWN) or only leaves out DATA or the end of headers: then it is taken. So does libmilter
 * (milter-protocol 3.1). All other deviations are told and taken. With OFF every command is taken
 * wherever it stands.
 */
typedef enum
{
  MILTER_SESSION_STRICT,
  MILTER_SESSION_LENIENT,
  MILTER_SESSION_OFF
} MilterSessionPolicy;

/**
 * MilterSessionError:
 * @MILTER_SESSION_ERROR_UNKNOWN_LETTER: the letter is in no row
 * @MILTER_SESSION_ERROR_MALFORMED: the payload is malformed
 * @MILTER_SESSION_ERROR_OUT_OF_ORDER: a command that does not fit the state
 * @MILTER_SESSION_ERROR_SKIPPED: a command that the milter asked not to be sent, by a step or by
 *   answering SKIP
 * @MILTER_SESSION_ERROR_TOO_NEW: a command or reply newer than the negotiated version
 * @MILTER_SESSION_ERROR_UNASKED: a reply while none is due
 * @MILTER_SESSION_ERROR_WRONG_REPLY: a reply that cannot answer the command that waits
 * @MILTER_SESSION_ERROR_EDIT_OUTSIDE: an edit or progress outside the end of message
 * @MILTER_SESSION_ERROR_ACTION: an edit whose action, or a SKIP whose step, was not agreed
 * @MILTER_SESSION_ERROR_NEGOTIATION: an answer that the offer does not allow, or an offer that
 *   nobody can answer
 * @MILTER_SESSION_ERROR_REPLY_TEXT: the text of a reply code is malformed
 *
 * Deviations, in the domain %MILTER_SESSION_ERROR.
 */
typedef enum
{
  MILTER_SESSION_ERROR_UNKNOWN_LETTER,
  MILTER_SESSION_ERROR_MALFORMED,
  MILTER_SESSION_ERROR_OUT_OF_ORDER,
  MILTER_SESSION_ERROR_SKIPPED,
  MILTER_SESSION_ERROR_TOO_NEW,
  MILTER_SESSION_ERROR_UNASKED,
  MILTER_SESSION_ERROR_WRONG_REPLY,
  MILTER_SESSION_ERROR_EDIT_OUTSIDE,
  MILTER_SESSION_ERROR_ACTION,
  MILTER_SESSION_ERROR_NEGOTIATION,
  MILTER_SESSION_ERROR_REPLY_TEXT
} MilterSessionError;

#define MILTER_SESSION_ERROR (milter_session_error_quark ())
MILTER_AVAILABLE GQuark milter_session_error_quark (void);

/**
 * MilterSessionDue:
 * @letter: the command
 * @message: the number of the message in which it was sent
 *
 * A command whose reply is due.
 */
typedef struct
{
  guint8 letter;
  guint32 message;
} MilterSessionDue;

/**
 * MilterSession:
 * @policy: what a deviation means
 * @state: how far it has come
 * @offer: the MTA's; before it, the highest version and all actions
 * @agreed: what holds; before the answer, the offer without steps
 * @message: grows where a message begins and where one is cut short
 * @first_message: what it was when this SMTP session began (QUIT_NC)
 * @n_recipients: of this message, as sent
 * @n_refused: of those, refused by the milter
 * @skipped: commands answered with SKIP, 1 << (letter - 'A')
 * @dropped: LENIENT: the last command is passed over, without a reply
 * @due_inline: room for a few due commands; only who sends ahead has more than one
 * @due: commands whose reply is due, oldest first, a ring: @due_inline, or allocated when more are
 *   on their way
 * @due_first: where the oldest stands in @due
 * @due_count: how many there are
 * @due_size: how many @due has room for
 * @n_deviations: seen so far
 *
 * One connection between an MTA and a milter. A plain struct, to be embedded: init, use, clear.
 * It may not be copied or moved. The members are for reading.
 */
typedef struct
{
  MilterSessionPolicy policy;
  MilterSessionState state;
  MilterOffer offer;
  MilterOffer agreed;
  guint32 message;
  guint32 first_message;
  guint n_recipients;
  guint n_refused;
  guint skipped;
  gboolean dropped;
  MilterSessionDue due_inline[2];
  MilterSessionDue *due;
  guint due_first, due_count, due_size;
  guint n_deviations;
} MilterSession;
MILTER_AVAILABLE void milter_session_init (MilterSession *session, MilterSessionPolicy policy);
MILTER_AVAILABLE void milter_session_clear (MilterSession *session);
/* The MTA sends (or has sent) this message. Returns FALSE and sets @error for a deviation: with
 * STRICT the state is as before; with LENIENT the state has followed, and the message should be
 * passed over if session->dropped is set, else be treated as usual. With OFF always TRUE. Safe with
 * any message, also malformed. */
MILTER_AVAILABLE gboolean milter_session_command (MilterSession *session,
                                                  const MilterMessage *message,
                                                  GError **error);
/* The milter sends (or has sent) this one; as above. A final reply takes the oldest due command
 * off the list, and one that decides the message also those of the same message behind it: a
 * milter does not answer them any more (milter-protocol 3.2). */
MILTER_AVAILABLE gboolean milter_session_reply (MilterSession *session,
                                                const MilterMessage *message,
                                                GError **error);
/* Whether the MTA may send this command now: the rules above without a change of state. The policy
 * plays no part: FALSE and @error for what STRICT would refuse. */
MILTER_AVAILABLE gboolean milter_session_may_command (const MilterSession *session,
                                                      guint8 letter,
                                                      GError **error);
/* Whether the milter may send this reply now; as above. */
MILTER_AVAILABLE gboolean milter_session_may_reply (const MilterSession *session,
                                                    guint8 letter,
                                                    GError **error);
/* the oldest command that waits for its reply, 0 if none does */
MILTER_AVAILABLE guint8 milter_session_due (const MilterSession *session);
/* whether a command of this letter would be answered, as negotiated */
MILTER_AVAILABLE gboolean milter_session_is_answered (const MilterSession *session, guint8 letter);
/* whether the milter wants this command at all (skip steps and version) */
MILTER_AVAILABLE gboolean milter_session_is_wanted (const MilterSession *session, guint8 letter);
/* between MAIL and the end of that message */
MILTER_AVAILABLE gboolean milter_session_in_message (const MilterSession *session);
/* the state's name, as "envelope" */
MILTER_AVAILABLE const char *milter_session_state_to_string (MilterSessionState state);

G_END_DECLS
