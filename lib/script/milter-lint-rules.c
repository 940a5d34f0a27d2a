/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint-rules.c: the rules, a row each, in the order of docs/lint.md, which is made of them.
 *
 * A test demands of each row a session that breaks it and one that almost does.
 */
#include "milter-lint-private.h"

#define HEADERS "him"
#define RCPTS   "+2-e"
#define EDITS   "himb+2-eq"

#define ROW(id_, severity_, source_, when_, letters_, by_order_, check_, summary_, effect_)        \
  {                                                                                                \
    .rule = { .id = id_,                                                                           \
              .severity = MILTER_LINT_##severity_,                                                 \
              .source = source_,                                                                   \
              .summary = summary_,                                                                 \
              .effect = effect_ },                                                                 \
    .when = MILTER_LINT_AT_##when_, .letters = letters_, .by_order = by_order_,                    \
    .check = milter_lint_##check_                                                                  \
  }

/* clang-format off */
static const MilterLintRow rows[] = {
  /* frames */
  ROW ("FRM-01", MUST, "1.1", END, NULL, false, unreadable,
       "what a milter sends are whole frames: a length of at least 1, a letter, length - 1 bytes",
       "Postfix gives up with its default action; sendmail waits for the bytes that the length promises"),
  ROW ("FRM-20", SHOULD, "1.2", FRAME, EDITS, false, edit_too_large,
       "the payload of an edit has at most 65535 bytes, or what an MDS step agreed on; a new body is sent in pieces",
       "libmilter does not send such a frame, so that MTAs and tools that count on it refuse it; sendmail and Postfix take it"),

  /* negotiation */
  ROW ("NEG-01", MUST, "2.4", FRAME, NULL, true, no_options,
       "the offer is answered by one `negotiate` of 12 bytes or more, with a version of 2 to 6, or by closing",
       "sendmail and Postfix do without this milter, as they are configured for an error"),
  ROW ("NEG-03", MUST, "2.4", FRAME, "O", true, version_too_high,
       "the version that is answered is not above the one that was offered",
       "Postfix refuses the milter; sendmail takes it and does not know what the milter expects"),
  ROW ("NEG-05", MUST, "2.4", FRAME, "O", true, version_echoed,
       "a version above 6 is never answered, not even if it was offered",
       "a later MTA would send what the milter does not know"),
  ROW ("NEG-07", MUST, "2.4", FRAME, "O", true, actions_not_offered,
       "the actions that are answered were offered",
       "sendmail and Postfix refuse the milter"),
  ROW ("NEG-08", MUST, "2.4", FRAME, "O", true, steps_not_offered,
       "the steps that are answered were offered",
       "sendmail refuses the milter; Postfix takes it and does not know the steps"),
  ROW ("NEG-12", MUST, "2.3", FRAME, "s", true, skip_not_offered,
       "`skip` is not sent to an MTA that did not offer the step SKIP",
       "an MTA that does not know it ends the connection"),
  ROW ("NEG-14", MUST, "2.3", FRAME, "O", true, internal_steps,
       "of the steps that have no public name none is echoed, but for one MDS size",
       "sendmail changes the frame size for all its milters; other bits promise what the milter does not know"),
  ROW ("NEG-23", MUST, "2.5", FRAME, "O", true, symbols_malformed,
       "behind the steps stand lists of macros only: a stage of 0 to 6, not twice, and a string with its NUL",
       "Postfix refuses an answer that it cannot read to its end, and ignores a stage that it does not know"),
  ROW ("NEG-24", SHOULD, "2.5", FRAME, "O", true, symbols_not_offered,
       "macros are asked for by lists only if SETSYMLIST was offered",
       "an older MTA refuses the longer answer"),

  /* replies as such */
  ROW ("REP-01", MUST, "2.2", FRAME, NULL, false, unknown_letter,
       "the letter of a reply is one of the protocol's",
       "Postfix gives up with its default action; sendmail lets the command pass and the next ones fail"),
  ROW ("REP-02", MUST, "1.3", FRAME, "cartdsp4f", false, payload,
       "a reply without fields has no payload",
       "Postfix gives up with its default action; sendmail ignores the bytes"),
  ROW ("REP-03", MUST, "2.1", FRAME, NULL, true, unasked,
       "each command has one reply; macro, abort, quit and quit-nc have none",
       "the MTA takes it for the answer to its next command, and each later one for that to the one after"),
  ROW ("REP-04", MUST, "2.3", FRAME, NULL, true, unasked_silent,
       "a command is not answered if its NR_… step was agreed",
       "the MTA takes it for the answer to its next command"),
  ROW ("HDR-13", MUST, "2.3", FRAME, NULL, true, unasked_header,
       "`header` is not answered if NR_HDR was agreed",
       "the MTA takes it for the answer to a later command, as end of headers"),
  ROW ("BOD-12", MUST, "2.3", FRAME, NULL, true, unasked_body,
       "`body` is not answered if NR_BODY was agreed",
       "the MTA takes it for the answer to the end of the message, whose edits are then lost"),
  ROW ("CON-17", MUST, "2.2", FRAME, NULL, true, wrong_at_connect,
       "`connect` is answered by continue, accept, reject, tempfail or a reply code",
       "sendmail and Postfix do not apply a discard there, and the client goes on"),
  ROW ("UNK-06", MUST, "2.2", FRAME, NULL, true, wrong_at_unknown,
       "`unknown` is answered by continue, reject, tempfail or a reply code",
       "the client gets the MTA's own answer, and the milter's is lost"),
  ROW ("UNK-11", MUST, "7", FRAME, "ad", true, decided_at_unknown,
       "`unknown` between messages is not answered by accept or discard",
       "the smtpd of Postfix 3.12 dies at the client's next MAIL"),
  ROW ("BOD-11", MUST, "3.5", FRAME, "s", true, skip_outside,
       "`skip` answers `body` and nothing else",
       "Postfix sends no more of that command; sendmail skips the body, and after rcpt the milter for all of the session"),
  ROW ("EOM-07", MUST, "3.5", FRAME, "s", true, skip_at_end,
       "`skip` does not answer the end of a message",
       "sendmail takes it for an error, as it is configured; Postfix for continue"),
  ROW ("REP-05", MUST, "2.2", FRAME, NULL, true, wrong_reply,
       "a reply is one that the command can have: no `discard` of helo, no `negotiate` but for the offer",
       "the MTA passes over it, or ends the connection"),
  ROW ("REP-06", MUST, "2.2", FRAME, "fl", false, never_sent,
       "the letters CONN_FAIL and SETSYMLIST are never sent",
       "sendmail and Postfix take them for an error"),
  ROW ("REP-07", SHOULD, "2.2", FRAME, "4", true, shutdown,
       "`shutdown` is not sent; the reply code 421 says the same",
       "Postfix says 421 and closes; sendmail takes it for an error"),
  ROW ("REP-08", MUST, "2.6", FRAME, "s2e", false, too_new,
       "skip, change-from and add-rcpt with arguments are sent in sessions of version 6 only",
       "an MTA of that version does not know the letter"),
  ROW ("REP-09", SHOULD, "2.3", FRAME, "s", true, skip_not_agreed,
       "who sends `skip` has asked for the step SKIP",
       "sendmail and Postfix do not check it; an MTA may"),
  ROW ("REP-10", MUST, "2.1", END, NULL, true, closed,
       "a command that is due an answer gets one before the milter closes",
       "the MTA does as it is configured for an error: it refuses, defers, or takes the message unfiltered"),

  /* the end of the message */
  ROW ("EOM-01", MUST, "2.1", FRAME, NULL, true, second_verdict,
       "the end of a message has exactly one reply that decides",
       "the MTA takes it for the answer to the next message's first command"),
  ROW ("EOM-02", MUST, "2.2", FRAME, EDITS "p", true, edit_too_late,
       "edits and progress come before the reply to the end of the message",
       "the message has gone; the MTA takes them for the answer to its next command, which is an error"),
  ROW ("MOD-01", MUST, "2.2", FRAME, EDITS, true, edit_outside,
       "edits come at the end of a message and nowhere else",
       "sendmail and Postfix take an edit elsewhere for an error; Postfix puts a quarantined message on hold all the same"),
  ROW ("MOD-02", MUST, "2.2", FRAME, EDITS, false, edit_without_action,
       "the action of an edit was negotiated",
       "sendmail logs that the milter lied, and defers the message if it is a new body; Postfix does not look"),

  /* header fields */
  ROW ("MOD-03", MUST, "2.2", FRAME, HEADERS, false, header_malformed,
       "the edit of a header field has two strings, each with its NUL, and nothing behind them",
       "sendmail ignores the edit; Postfix takes it for an error"),
  ROW ("MOD-04", MUST, "3.8", FRAME, "im", false, index_too_high,
       "the index of a field is below 2^31",
       "sendmail takes it for -1 and edits the first field; Postfix for a field beyond the last"),
  ROW ("MOD-05", MUST, "3.8", FRAME, HEADERS, false, header_name,
       "the name of a field has at least one character, and neither colon, blank, control character nor byte above 127",
       "the field is read as another one, or as the end of the header; of an empty name Postfix makes a line that begins with a colon"),
  ROW ("MOD-06", MUST, "3.8", FRAME, HEADERS, false, header_lines,
       "the lines of a value are parted by LF, and all but the first begin with a blank or a tab",
       "Postfix begins the line with a tab, and sendmail joins all lines of the value"),
  ROW ("MOD-07", SHOULD, "3.8", FRAME, "m", false, deletions_ascend,
       "of several deletions of one name the highest index comes first, and no change of it or behind it follows",
       "in Postfix later fields have moved up, in sendmail they have not: each edits another field"),
  ROW ("MOD-13", SHOULD, "3.8", FRAME, HEADERS, false, header_no_blank,
       "with HDR_LEADSPC a value begins with the blank that stands behind the colon",
       "the field is written without a blank, as `X:v`"),
  ROW ("EDT-01", SHOULD, "3.8", FRAME, HEADERS, false, header_cr,
       "a value holds no CR",
       "sendmail and Postfix keep it in the message, where it breaks signatures"),
  ROW ("EDT-02", SHOULD, "RFC 5322 2.2", FRAME, HEADERS, false, header_control,
       "a value holds no control character but tabs and line breaks",
       "it is passed on, and the next server may refuse or change it"),
  ROW ("EDT-03", SHOULD, "3.8", FRAME, HEADERS, false, header_two_blanks,
       "without HDR_LEADSPC a value does not begin with a blank",
       "the MTA puts one before it, so that two stand behind the colon"),
  ROW ("EDT-04", SHOULD, "RFC 5322 2.1.1", FRAME, HEADERS, false, header_long_line,
       "no line of a field is longer than 998 bytes",
       "servers on the way may fold, cut or refuse it"),
  ROW ("EDT-05", SHOULD, "3.8", FRAME, "m", false, index_zero,
       "the index of a field that is changed begins at 1",
       "sendmail and Postfix take 0 for 1; others may not"),

  /* body */
  ROW ("MOD-08", MUST, "3.9", FRAME, "b", true, body_interrupted,
       "the pieces of a new body come one after the other, without other edits or progress between",
       "Postfix gives up with its default action; sendmail joins them"),
  ROW ("MOD-09", SHOULD, "3.9", FRAME, "b", false, body_line_ends,
       "the lines of a new body end in CRLF",
       "sendmail and Postfix take a bare LF for a line end and keep a bare CR, so that what a milter signed is not what is sent"),

  /* envelope */
  ROW ("MOD-10", MUST, "3.10", FRAME, RCPTS, false, address_empty,
       "the address of an edit is a string with its NUL, and is not empty; the null sender is `<>`",
       "sendmail ignores the edit; Postfix takes it for an error, or for the null address"),
  ROW ("MOD-11", MUST, "3.10", FRAME, RCPTS, false, arguments_many,
       "all arguments of an address stand in one string; add-rcpt without arguments and delete-rcpt have none",
       "sendmail ignores the edit; Postfix takes it for an error"),
  ROW ("MOD-17", SHOULD, "3.10", FRAME, "-", true, recipient_unknown,
       "a recipient that is deleted is written as in `rcpt`, also in case",
       "sendmail and Postfix delete nobody, and say nothing"),
  ROW ("EDT-06", SHOULD, "3.10", FRAME, RCPTS, false, address_malformed,
       "an address has both angle brackets or none, and no blank or control character outside of quotes",
       "the message is sent to another address than was meant, or bounces"),
  ROW ("EDT-07", SHOULD, "3.10", FRAME, "2e", false, arguments_odd,
       "the arguments are NOTIFY and ORCPT of a recipient, RET and ENVID of the sender",
       "Postfix logs a warning and leaves them out; sendmail does not add a recipient whose arguments it does not know"),
  ROW ("EDT-08", SHOULD, "3.10", FRAME, "+2", false, null_recipient,
       "a recipient is not `<>`",
       "sendmail and Postfix ignore the edit"),
  ROW ("MOD-12", SHOULD, "3.5", FRAME, "q", false, quarantine_reason,
       "the reason of a quarantine is one string with its NUL, not empty, on one line",
       "sendmail makes blanks of line breaks; who looks through the queue sees no reason"),

  /* reply texts */
  ROW ("MOD-14", MUST, "3.7", FRAME, "y", false, reply_text,
       "a reply code is 4xx or 5xx, with a text behind it; lines are parted by CRLF, have the same code and `-` behind all but the last; % is doubled, and one NUL ends it",
       "sendmail says its own text instead; Postfix 3.12 answers 421"),
  ROW ("MOD-15", MUST, "3.7", FRAME, "y", false, reply_class,
       "the class of the extended code is that of the code",
       "sendmail passes it on; Postfix 3.12 answers 421"),
  ROW ("MOD-16", SHOULD, "3.7", FRAME, "y", false, reply_long,
       "a reply has at most 32 lines, of at most 510 bytes each (RFC 5321 4.5.3.1.5; libmilter takes 980)",
       "libmilter does not send more than that; clients may cut the reply, or hang up"),
  ROW ("EDT-09", SHOULD, "RFC 5321 4.2", FRAME, "y", false, reply_bytes,
       "a reply holds printable ASCII only",
       "it reaches a client that may not read it, as its sender's bounce may not"),

  /* time */
  ROW ("TMO-04", SHOULD, "3.6", FRAME, NULL, true, slow_end,
       "at the end of a message something comes within 10 s, progress if nothing else, and the reply within 300 s",
       "sendmail gives up after 10 s of silence, and after 300 s in all, and does as it is configured for an error"),
  ROW ("TMO-05", SHOULD, "2.2", FRAME, "p", true, progress_outside,
       "`progress` comes at the end of a message only",
       "sendmail takes it for an error"),
  ROW ("TMO-06", SHOULD, "3.6", FRAME, NULL, true, slow,
       "all other commands are answered within 10 s",
       "sendmail gives up, and does as it is configured for an error"),
  ROW ("TCP-01", SHOULD, "3.6", FINISH, NULL, true, stalls,
       "what belongs together is written at once: small writes in a row wait for each other's acknowledgement",
       "each costs 40 ms; set TCP_NODELAY, or write the whole answer at once"),
};
/* clang-format on */

const MilterLintRow *
milter_lint_rows (guint *n_rows)
{
  *n_rows = G_N_ELEMENTS (rows);
  return rows;
}

const MilterLintRule *
milter_lint_get_rule (guint n)
{
  return n < G_N_ELEMENTS (rows) ? &rows[n].rule : NULL;
}
