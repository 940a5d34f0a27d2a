/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-recorded-session.h: a session that was recorded, or has just been played, and its
 * messages: what was asked, what was answered, and what became of the mail.
 *
 * Made by a builder (milter-recorded-builder.h) from what a sink is told. All of it owns its bytes.
 */
#pragma once

#include "milter-capture-sink.h"
#include "milter-flags.h"
#include "milter-mail-private.h"
#include "milter-profile-private.h"

G_BEGIN_DECLS

/**
 * MilterRecordedMissing:
 * @MILTER_RECORDED_WHOLE: all of it is known
 * @MILTER_RECORDED_HOLE: bytes are missing in the recording
 * @MILTER_RECORDED_NO_START: its connection began before the recording: what was negotiated is not
 * known, so that nobody can tell which commands are answered, nor where a header value begins
 * @MILTER_RECORDED_OUT_OF_STEP: behind a hole, or too far behind the commands, it is not known
 * which reply answers which command
 * @MILTER_RECORDED_TOO_LARGE: beyond the builder's limits
 * @MILTER_RECORDED_CUT_OFF: the recording ends in the middle of it
 *
 * Why not all of a message or session is known: a set. What is there is as it was.
 */
typedef enum
{
  MILTER_RECORDED_WHOLE = 0,
  MILTER_RECORDED_HOLE = 1 << 0,
  MILTER_RECORDED_NO_START = 1 << 1,
  MILTER_RECORDED_OUT_OF_STEP = 1 << 2,
  MILTER_RECORDED_TOO_LARGE = 1 << 3,
  MILTER_RECORDED_CUT_OFF = 1 << 4
} MilterRecordedMissing;

/**
 * MilterRecordedAnswer:
 * @MILTER_RECORDED_WAITING: none yet
 * @MILTER_RECORDED_ANSWERED: one came
 * @MILTER_RECORDED_UNASKED: one came, though none was due: the no-reply step was agreed, or the
 * command did not fit
 * @MILTER_RECORDED_NOT_DUE: none was due
 * @MILTER_RECORDED_DROPPED: an earlier answer had decided the message already
 * @MILTER_RECORDED_UNANSWERED: the connection ended first
 * @MILTER_RECORDED_LOST: not known: see %MilterRecordedMissing
 *
 * What became of the answer to a command.
 */
typedef enum
{
  MILTER_RECORDED_WAITING,
  MILTER_RECORDED_ANSWERED,
  MILTER_RECORDED_UNASKED,
  MILTER_RECORDED_NOT_DUE,
  MILTER_RECORDED_DROPPED,
  MILTER_RECORDED_UNANSWERED,
  MILTER_RECORDED_LOST
} MilterRecordedAnswer;

/**
 * MilterRecordedCommand:
 * @letter: of the command
 * @count: so many in a row: header fields and body chunks that were answered alike (continue, or
 * not at all)
 * @answer: whether it was answered
 * @reply: the letter of the reply; 0: none
 * @text: (nullable): of a REPLYCODE: its wire text
 * @about: (nullable): the host of CONNECT, the name of HELO and of one header field, the address of
 * MAIL and RCPT, the line of UNKNOWN
 * @sent: when; of the first of several
 * @replied: when; of the last of several
 * @latency_ns: from the command to its reply, the longest of several; -1: none
 */
typedef struct
{
  guint8 letter;
  guint count;
  MilterRecordedAnswer answer;
  guint8 reply;
  GString *text;
  GString *about;
  MilterCaptureMoment sent, replied;
  gint64 latency_ns;
} MilterRecordedCommand;

/* the first commands of a message or a session: most have no more */
typedef struct
{
  guint n;
  MilterRecordedCommand commands[8];
} MilterRecordedFew;

/**
 * MilterRecordedBody:
 * @bytes: (nullable): what was kept: the first of it; of a bare message none
 * @size: how many bytes it has
 * @digest: (nullable): SHA-256 of all of it in hexadecimal digits, if not all was kept and digests
 * are wanted
 *
 * A body, or the replacement of one.
 */
typedef struct
{
  GByteArray *bytes;
  guint64 size;
  char *digest;
} MilterRecordedBody;

/**
 * MilterRecordedEdit:
 * @letter: of the edit
 * @payload: behind the letter; of a replacement of the body empty, see @body
 * @body: of a replacement of the body: what its frames make together, up to another edit
 * @count: so many frames
 * @at: when; of the first
 */
typedef struct
{
  guint8 letter;
  GByteArray *payload;
  MilterRecordedBody body;
  guint count;
  MilterCaptureMoment at;
} MilterRecordedEdit;

/**
 * MilterRecordedEnd:
 * @MILTER_RECORDED_OPEN: it has not ended
 * @MILTER_RECORDED_COMPLETE: its end was answered
 * @MILTER_RECORDED_DECIDED: the milter had decided before its end
 * @MILTER_RECORDED_ABORTED: the MTA sent ABORT
 * @MILTER_RECORDED_LEFT: the MTA went on with something else, without ABORT
 * @MILTER_RECORDED_BROKEN_OFF: the connection ended
 *
 * How a message ended.
 */
typedef enum
{
  MILTER_RECORDED_OPEN,
  MILTER_RECORDED_COMPLETE,
  MILTER_RECORDED_DECIDED,
  MILTER_RECORDED_ABORTED,
  MILTER_RECORDED_LEFT,
  MILTER_RECORDED_BROKEN_OFF
} MilterRecordedEnd;

/**
 * MilterRecordedMessage:
 * @connection: of the recording, from 1
 * @session: of the connection, from 1
 * @number: of the session, from 1
 * @missing: a set of #MilterRecordedMissing
 * @end: how it ended
 * @began: its first command
 * @ended: its last command or reply
 * @commands: of #MilterRecordedCommand, in the order in which they were sent
 * @mail: (nullable): as it was sent: sender, all recipients, header, and what was kept of the body; a bare
 * message has none
 * @recipients: of #MilterRecordedCommand, unowned: the command of each recipient of @mail
 * @body: its size and digest; @bytes are those of @mail
 * @queue_id: (nullable): the macro i
 * @message_id: (nullable): the value of the last Message-ID field, without blanks around
 * @edits: of #MilterRecordedEdit, in order
 * @n_progress: so often the milter asked for time
 * @verdict: letter of the reply that decided; that of the last recipient, if all were refused; 0:
 * none did
 * @verdict_command: letter of the command that it answered
 * @verdict_text: (nullable): of a REPLYCODE: its wire text. Unowned
 * @leading_space: HDR_LEADSPC was agreed
 * @steps: #MilterStepFlags that were agreed: what of the message was sent at all
 * @profile: (unowned): of the MTA whose rules apply to the edits, by the macro v; Postfix if that
 * is not known
 */
typedef struct
{
  guint connection, session, number;
  guint missing;
  MilterRecordedEnd end;
  MilterCaptureMoment began, ended;
  GPtrArray *commands;
  MilterMail *mail;
  GPtrArray *recipients;
  MilterRecordedBody body;
  GString *queue_id;
  GString *message_id;
  GPtrArray *edits;
  guint n_progress;
  guint8 verdict;
  guint8 verdict_command;
  const GString *verdict_text;
  bool leading_space;
  guint32 steps;
  const MilterProfile *profile;

  /* the builder's own */
  guint n_due;    /* commands that wait for their answer */
  gsize kept;     /* bytes of memory */
  GChecksum *sum; /* (nullable) of a body that is not kept whole */
  MilterRecordedFew few; /* the last member */
} MilterRecordedMessage;

/**
 * MilterRecordedSession:
 * @connection: of the recording, from 1
 * @number: of the connection, from 1: behind QUIT_NC there is another one
 * @missing: a set of #MilterRecordedMissing
 * @mta: (nullable): its address and port
 * @milter: (nullable): …
 * @began: its first frame
 * @ended: the last thing that happened
 * @has_offer: the MTA's offer is known …
 * @offer: …
 * @has_answer: the milter's answer is known …
 * @answer: … as it was given
 * @agreed: what holds
 * @symbols: (nullable): the macros that the milter asked for, packed as in its answer
 * @host: (nullable): the client's name, of CONNECT
 * @family: letter of the client's address: `4`, `6`, `L`, `U`; 0: not known
 * @port: the client's
 * @address: (nullable): the client's
 * @helo: (nullable): the last one
 * @version: (nullable): of the MTA, its macro v
 * @commands: of #MilterRecordedCommand: those of no message: negotiate, connect, helo, unknown
 * @verdict: letter of the reply that sent the client away, or accepted all of it, outside of a
 * message; 0: none
 * @verdict_command: …
 * @n_messages: so many
 * @unasked: letters of replies that answer nothing; the first ones
 * @raw: the first bytes of each side that were no frame; (nullable)
 * @quit: QUIT or QUIT_NC was sent
 * @closed: each side was seen to close
 * @reset: … by a reset
 * @first_closed: the side that closed first, or -1
 */
typedef struct
{
  guint connection, number;
  guint missing;
  char *mta, *milter;
  MilterCaptureMoment began, ended;
  bool has_offer, has_answer;
  MilterOffer offer, answer, agreed;
  GByteArray *symbols;
  GString *host;
  guint8 family;
  guint port;
  GString *address;
  GString *helo;
  GString *version;
  GPtrArray *commands;
  guint8 verdict;
  guint8 verdict_command;
  guint n_messages;
  GString *unasked;
  GByteArray *raw[2];
  bool quit;
  bool closed[2], reset[2];
  int first_closed;

  /* the builder's own */
  MilterRecordedFew few; /* the last member */
} MilterRecordedSession;

void milter_recorded_message_free (MilterRecordedMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterRecordedMessage, milter_recorded_message_free)
void milter_recorded_session_free (MilterRecordedSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterRecordedSession, milter_recorded_session_free)

/* Whether all of a body was kept. */
static inline bool
milter_recorded_body_is_kept (const MilterRecordedBody *body)
{
  return body->size == body->bytes->len;
}

/* A command that was answered by a refusal: reject, tempfail, or a reply of the milter's own. */
bool milter_recorded_command_is_refused (const MilterRecordedCommand *command);
/* An edit as a message: a view, of a body that was not kept whole only its first bytes. */
void milter_recorded_edit_get_message (const MilterRecordedEdit *edit, MilterMessage *message);
/* The words of a set of #MilterRecordedMissing, as a part of a sentence: `bytes of it are missing
 * in the recording` (transfer full) (nullable): all is known */
char *milter_recorded_missing_to_string (guint missing);

/* The mail as the MTA holds it when the milter's edits come: without the recipients that it refused
 * (transfer full). */
MilterMail *milter_recorded_message_build_before (const MilterRecordedMessage *message);
/* … and with the edits applied, as the MTA applies them (transfer full). A body that was not kept
 * whole is there with its first bytes: milter_recorded_message_get_final_body() has its size and
 * digest. */
MilterMail *milter_recorded_message_build_after (const MilterRecordedMessage *message);
/* The body of the mail with its edits: the message's own, or its replacement; NULL if it is made of
 * several replacements with other edits between. */
const MilterRecordedBody *
milter_recorded_message_get_final_body (const MilterRecordedMessage *message);

/* for the builder */
/* one more in @commands, which belongs to what @few is a part of … */
MilterRecordedCommand *milter_recorded_commands_add (GPtrArray *commands,
                                                     MilterRecordedFew *few,
                                                     guint8 letter,
                                                     const MilterCaptureMoment *sent);
/* … and one less */
void milter_recorded_commands_drop_last (GPtrArray *commands, MilterRecordedFew *few);
MilterRecordedEdit *
milter_recorded_edit_new (const MilterMessage *edit, const MilterCaptureMoment *at);
/* @bare: without a mail */
MilterRecordedMessage *milter_recorded_message_new (const MilterRecordedSession *session, bool bare);
MilterRecordedSession *milter_recorded_session_new (guint connection, guint number);

G_END_DECLS
