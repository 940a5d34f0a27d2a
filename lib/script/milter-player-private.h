/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-private.h: the parts of the player, for its own files.
 *
 * milter-player.c hands actions out and takes events in. Lines are played one by one: a line
 * becomes units, things that have to be sent (milter-player-plan.c); a unit goes to the peers in
 * turn (milter-player-turn.c) as frames (milter-player-send.c), and where an answer is due, it is
 * waited for (milter-player-wait.c) and takes effect (milter-player-reply.c); what has been said so
 * far is kept by milter-player-state.c. When all units of a line are done and nothing more is
 * waited for, the line is judged (milter-player-judge.c, milter-player-judge-mail.c).
 */
#pragma once

#include <stdbool.h>

#include "milter-judge-private.h"
#include "milter-player.h"
#include "milter-session.h"

G_BEGIN_DECLS

/* how many frames a failure shows as "last" */
#define MILTER_PLAYER_N_LAST 6
/* a milter may ask for more time as often as it likes, but not for ever: so many timeouts in all
 * (sendmail's own limit for the end of a message is total, too: milter-protocol 3.6) */
#define MILTER_PLAYER_MAX_WAITS 10
/* what is kept of a peer that says more than it was asked for */
#define MILTER_PLAYER_MAX_STRAYS 16
/* what the edits of one message may take in memory, if the caller does not say, and what each one
 * costs besides its bytes */
#define MILTER_PLAYER_MAX_EDITS ((gsize) 256 << 20)
#define MILTER_PLAYER_EDIT_COST 512u

/* something that has to be sent: a frame (or raw bytes) to one or to every peer */
typedef struct
{
  guint8 letter; /* of the command; 0: raw bytes */
  bool own;      /* belongs to the line that is played; else filled in, or the profile's own */
  bool always;   /* never left out: frame, raw, and what a profile sends by itself */
  bool verbatim; /* frame, raw: without macros, and what comes back is not judged by itself */
  bool begun;
  int peer;        /* -1: all of a chain, in order */
  guint cursor;    /* of those, the next one */
  GBytes *payload; /* NULL for header */
  GBytes *name;    /* header: the payload depends on what the peer negotiated */
  GBytes *value;
} MilterUnit;

/* a reply that decided about a recipient's command, a message or a connection */
typedef struct
{
  bool set;
  guint8 reply;
  guint8 command;
  guint line;
  bool filled_in;
  bool deferred; /* of a reply code: 4xx */
  guint peer;
} MilterDecision;

typedef struct
{
  const char *name; /* unowned (nullable) */
  bool asked;       /* OPEN was handed out */
  bool opened;
  bool ended; /* the peer closed, or its bytes cannot be read any more */
  bool reset;
  bool expected_end; /* … as a line expected */
  guint end_line;
  bool quit;                              /* QUIT was sent */
  bool let_go;                            /* CLOSE was handed out */
  GBytes *head;                           /* (nullable) bytes that are no frame */
  char *garbage;                          /* (nullable) why not */
  MilterSession session;                  /* shown all that passes; says what was agreed */
  GBytes *symbols[MILTER_N_MACRO_STAGES]; /* (nullable) its own lists */
  bool in_message; /* MAIL was sent (or would have been) and nothing has ended it */
  MilterDecision message_over;
  MilterDecision connection_over;
  MilterDecision skipped;    /* SKIP: no more of this command until there was another */
  const char *after_helo[2]; /* (nullable) what is sent when HELO has been answered */
  GPtrArray *strays;      /* of MilterRecord: what nobody asked for */
  bool unjudged;          /* frame or raw was sent: what comes is not judged … */
  guint unjudged_line;
  guint unjudged_due;  /* … and so many answers are due to it */
  gint64 sent_us;      /* the last byte of the last command */
  guint8 last_command; /* 0: none */
  GByteArray *out;     /* what leaves in the next write */
} MilterPeer;

typedef enum
{
  MILTER_WAIT_NOTHING, /* no wait */
  MILTER_WAIT_OPEN,    /* for a connection */
  MILTER_WAIT_ANSWER,  /* for the answer to the unit at the head */
  MILTER_WAIT_MORE,    /* units are done, a line wants more (a second reply, closed, none) */
  MILTER_WAIT_QUIET    /* the grace time: nothing may come, or it is not judged */
} MilterWaitKind;

typedef struct
{
  MilterWaitKind kind;
  guint peer;
  gint64 started_us;
  gint64 base_us; /* the last sign of life, where the deadline counts from */
  gint64 deadline_us;
  bool due;                      /* the protocol asks for an answer */
  guint8 command;                /* that is answered */
  const MilterExpectation *line; /* (nullable) that decides how long */
} MilterWait;

/* the line that is played */
typedef struct
{
  bool open;
  const MilterStep *step; /* (nullable) none: the end of the session */
  MilterWhere where;
  guint8 letter;      /* of its command; 0 for eml, raw */
  char *text;         /* as in reports: "rcpt <busy@example.net>" */
  GPtrArray *records; /* of MilterRecord: replies and ends, in order */
  GPtrArray *edits;   /* of MilterRecord: edits and progress, in order */
  gsize edits_size;
  char *left_out;  /* (nullable) why (the first of) its commands was not sent */
  bool gone;       /* … because there is no connection any more */
  bool sent;       /* at least one of its commands was */
  bool verbatim;   /* frame, raw */
  bool due;        /* … whose answer the protocol asks for */
  GArray *watched; /* of bool, per peer: nothing more is waited for */
  GArray *sent_to; /* of bool, per peer */
} MilterTurn;

typedef enum
{
  MILTER_PHASE_STEPS,
  MILTER_PHASE_LEAVING, /* the profile's last words */
  MILTER_PHASE_CLOSING,
  MILTER_PHASE_DONE
} MilterPhase;

struct _MilterPlayer
{
  char *name;
  MilterStepSource source;
  MilterPlayerConfig config;
  const MilterProfile *profile;
  gint64 now_us;
  gint64 timeout_us;
  MilterPhase phase;
  MilterPeer *peers;
  GQueue units; /* of MilterUnit */
  GQueue after; /* of MilterUnit: sent when the line has been judged */
  MilterTurn turn;
  MilterWait wait;
  GByteArray *handed_out; /* bytes of the last SEND */
  MilterWhere last_where;

  /* what has been said (or is known to be unwanted) in this SMTP session and message */
  bool negotiated, connected, heloed;
  bool mail, rcpt, data, eoh;
  guint n_fields, n_recipients, n_accepted;
  guint content_peer; /* who is shown the content as the lines are played */
  bool content_begun;
  bool eom_answered;           /* by at least one of a chain */
  bool message_done;           /* … and by all that were asked: the message is over */
  MilterDecision message_over; /* for all peers */
  MilterDecision connection_over;
  /* facts for the macros */
  GString *host, *address, *helo, *sender, *recipient, *first_recipient, *message_id;
  guint n_mails;    /* of this SMTP session: as many queue ids were used up … */
  bool id_is_free;  /* … but for the last one, whose MAIL was refused */
  guint port;
  bool has_sender, has_recipient;
  GPtrArray *pending_macros; /* of MilterPendingMacro */

  char *message_name;           /* (nullable) of `message NAME`, for the current message */
  bool message_named;           /* … which has not begun yet */
  GPtrArray *messages;          /* of MilterPlayedMessage */
  MilterPlayedMessage *message; /* unowned (nullable): the current one */

  MilterOutcome outcome;
  GPtrArray *failures;
  GString *last[MILTER_PLAYER_N_LAST];
  guint n_last;
  MilterPlayerTrace trace;
  gpointer trace_data;
  MilterLint *lint;
};

/* --- milter-player.c --- */
/* the session ends here, as broken or because the rest cannot be judged */
void milter_player_stop (MilterPlayer *player);
/* a frame passes, in either direction: for `last` and the trace */
/* HDR_LEADSPC was agreed with this peer */
bool milter_player_has_leading_space (const MilterPlayer *player, guint peer);
void milter_player_note (MilterPlayer *player, guint peer, const MilterMessage *message);
void milter_player_clear_units (GQueue *units);

/* --- milter-player-turn.c --- */
/* one thing, after which there may be something to send or to wait for */
void milter_player_advance (MilterPlayer *player);
/* the unit at the head is done with this peer: on to the next of the chain */
void milter_player_next_peer (MilterPlayer *player, MilterUnit *unit);
/* … with all of them; @refused: one of them refused it */
void milter_player_finish_unit (MilterPlayer *player, bool refused);

/* --- milter-player-wait.c --- */
/* the reply lines of a peer: those with its name, or if there are none, those without a name */
const MilterExpectation *
milter_player_reply_line (const MilterPlayer *player, guint peer, guint index);
guint milter_player_n_reply_lines (const MilterPlayer *player, guint peer);
/* whether the milter asked not to answer this command */
bool milter_player_gave_up_answering (const MilterPlayer *player, guint peer, guint8 command);
/* @line (nullable) decides how long */
void milter_player_begin_wait (MilterPlayer *player,
                               MilterWaitKind kind,
                               guint peer,
                               guint8 command,
                               bool due,
                               const MilterExpectation *line);
void milter_player_end_wait (MilterPlayer *player);
/* what was waited for has come, or what came instead, or nothing; takes the record */
void milter_player_resolve (MilterPlayer *player, MilterRecord *record);
/* ends the wait if something has come already, or the deadline has passed */
void milter_player_check_wait (MilterPlayer *player);
void milter_player_fail_to_open (MilterPlayer *player, guint peer, const char *why);

/* --- milter-player-plan.c --- */
MilterUnit *milter_unit_new (guint8 letter, GBytes *payload);
void milter_unit_free (MilterUnit *unit);
/* begins the turn of a line: its units, and before them what has to be filled in */
void milter_player_plan_step (MilterPlayer *player, const MilterStep *step);
/* the end of the session: what the profile says then */
void milter_player_plan_end (MilterPlayer *player);
/* a message was answered at its end, or is over in another way: what the profile sends then */
void
milter_player_plan_letters (MilterPlayer *player, GQueue *queue, const char *letters, int peer);
/* what a peer is told where the message that is open ends; "" for nothing */
const char *milter_player_parting_letters (const MilterPlayer *player, guint index);
/* the content, as it is now, for a later milter of the chain */
void milter_player_plan_content (MilterPlayer *player, guint peer);
void milter_turn_begin (MilterPlayer *player, const MilterStep *step);
void milter_turn_end (MilterTurn *turn);

typedef enum
{
  MILTER_SEND,             /* it is sent */
  MILTER_LEAVE_NEGOTIATED, /* the milter does not want it */
  MILTER_LEAVE_DECIDED,    /* there is nothing left to decide */
  MILTER_LEAVE_GONE        /* there is no connection any more */
} MilterLeaveOut;

/* whether a unit is sent to a peer; if not, @why (transfer full) */
MilterLeaveOut milter_player_leave_out (const MilterPlayer *player,
                                        guint peer,
                                        const MilterUnit *unit,
                                        char **why);

/* --- milter-player-send.c --- */
void milter_player_send (MilterPlayer *player, guint peer, const MilterUnit *unit);
void milter_player_send_macros (MilterPlayer *player, guint peer, guint8 letter);
void milter_player_keep_macros (MilterPlayer *player, const MilterStep *step);
void milter_player_drop_macros (MilterPlayer *player, guint8 letter);
/* payloads (transfer full) from a line's arguments; missing ones are defaults */
GBytes *milter_payload_for_step (const MilterPlayer *player, const MilterStep *step);
GBytes *milter_payload_default (const MilterPlayer *player, guint8 letter);
GBytes *milter_payload_strings (const GPtrArray *strings, const char *fallback);
GBytes *milter_payload_negotiate (const MilterOffer *offer, const MilterNegotiateArgs *args);
MilterOffer milter_offer_from_args (const MilterOffer *profile, const MilterNegotiateArgs *args);
GBytes *milter_payload_macro (const MilterStep *step);

/* --- milter-player-state.c --- */
/* what a unit means for the session and the message, before its first peer is sent it */
void milter_player_begin_unit (MilterPlayer *player, MilterUnit *unit);
/* the current message is over */
void milter_player_end_message (MilterPlayer *player);
MilterPlayedMessage *milter_player_ensure_message (MilterPlayer *player);
void milter_played_message_free (gpointer message);

/* --- milter-player-reply.c --- */
/* what is wrong with a message that came for @command (0: for none), by the protocol */
void milter_player_examine (const MilterPlayer *player, MilterRecord *record);
/* an answer takes effect: decisions, options, symbol lists. FALSE: the round of the chain ends */
bool milter_player_take_effect (MilterPlayer *player,
                                const MilterUnit *unit,
                                const MilterRecord *record);
/* the edits of one milter, applied to the message */
void milter_player_apply_edits (MilterPlayer *player, guint peer);
/* all peers are done with a unit; @refused: one of them refused it */
void milter_player_end_unit (MilterPlayer *player, const MilterUnit *unit, bool refused);

/* --- milter-player-judge.c --- */
/* an answer to something that was filled in */
void milter_player_judge_filled_in (MilterPlayer *player, const MilterRecord *record);
/* the line has been played: its expectations */
void milter_player_judge_turn (MilterPlayer *player);
/* something came that nobody asked for */
void milter_player_judge_stray (MilterPlayer *player, guint peer);
/* the peer closed while nothing was due */
void milter_player_judge_end (MilterPlayer *player, guint peer);

/* the expectations of the line that is played; NULL if there is none */
const GPtrArray *milter_player_turn_lines (const MilterPlayer *player);
/* a failure about a record; if nothing behind it could be understood, the session ends here */
void milter_player_report (MilterPlayer *player,
                           MilterOutcome outcome,
                           const MilterWhere *where,
                           char *what,
                           char *expected,
                           const MilterRecord *record);

/* --- milter-player-judge-mail.c --- */
/* an edit where none may be, or a malformed one: unless the line speaks of edits, that is the end
 */
void milter_player_judge_edit (MilterPlayer *player, const MilterRecord *record);
void milter_player_judge_edits (MilterPlayer *player);
/* more edits than can be kept; @record: the last one */
void milter_player_judge_flood (MilterPlayer *player, const MilterRecord *record);
void milter_player_judge_result (MilterPlayer *player, const MilterExpectation *line);

/* --- milter-failure.c --- */
void milter_failure_free (gpointer failure);
/* takes the strings; @expected may be NULL */
void milter_player_fail (MilterPlayer *player,
                         MilterOutcome outcome,
                         const MilterWhere *where,
                         char *what,
                         char *expected,
                         char *got);
/* (transfer full) "3.1 ms", "2 s" */
char *milter_failure_duration (gint64 us);
/* (transfer full) "the milter", or in a chain "the milter dkim" */
char *milter_failure_peer (const MilterPlayer *player, guint peer);
/* "eom (end of message)" */
const char *milter_failure_stage (guint8 command);
/* (transfer full) a record: "tempfail (no text) after 3.1 ms" */
char *
milter_failure_record (const MilterPlayer *player, const MilterRecord *record, bool with_command);
/* a message that came, in short */
void milter_failure_append_message (GString *text, const MilterRecord *record);
/* (transfer full) a decision: "accepted at rcpt, line 7" */
char *milter_failure_decision (const MilterPlayer *player, const MilterDecision *decision);
/* (transfer full) (nullable) what a peer that is no milter is, by its first bytes */
char *milter_failure_identify (MilterBytes head);
/* (transfer full) the line as written, with its `within` and the conditions below it */
char *milter_failure_expectation (const MilterPlayer *player, const MilterExpectation *line);

G_END_DECLS
