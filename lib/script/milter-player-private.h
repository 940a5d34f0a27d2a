/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-private.h: the parts of the player, for its own files.
 *
 * milter-player.c hands actions out and takes events in. Lines are played one by one: a line
 * becomes units, things that have to be sent (milter-player-plan.c); a unit goes to the peers in
 * turn (milter-player-turn.c) as frames (milter-player-send.c), and where an answer is due, it is
 * waited for (milter-player-wait.c) and takes effect (milter-player-reply.c); what has been said so
 * far is kept by milter-player-state.c. When all units of a line are done and nothing more is
 * waited for, the line is judged (milter-player-judge.c, milter-player-judge-mail.c). How bytes
 * leave is decided by milter-player-output.c, what a hostile line does by milter-player-act.c, and
 * what leaves ahead of the answers before it by milter-player-ahead.c. What passed is told to
 * reports by milter-player-notes.c.
 */
#pragma once

#include <stdbool.h>

#include "milter-judge-private.h"
#include "milter-player.h"
#include "milter-session.h"
#include "milter-writes.h"

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
  GList link;    /* of the queue that it is in */
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

/* a command that left with others, before its turn to be played */
typedef struct
{
  const MilterStep *step; /* unowned (nullable) the line it belongs to */
  guint8 letter;
  bool own;
  bool answered;
} MilterAhead;

typedef struct
{
  const char *name; /* unowned (nullable) */
  bool asked;       /* OPEN was handed out */
  bool opened;
  bool ended; /* the peer closed, or its bytes cannot be read any more */
  bool reset;
  bool expected_end; /* … as a line expected */
  guint end_line;
  bool quit;                              /* QUIT was sent … */
  bool quit_answered;                     /* … and an answer to it passed over */
  bool renewed;                           /* QUIT_NC was sent */
  bool let_go;                            /* CLOSE was handed out */
  GBytes *head;                           /* (nullable) bytes that are no frame */
  char *garbage;                          /* (nullable) why not */
  bool too_long;                          /* a frame, but a larger one than is read */
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
  gsize sent_size;     /* the payload of the last frame */
  guint8 last_command; /* 0: none */
  gint64 answered_us;  /* when the last answer to one of several that left at once came */
  GByteArray *out;     /* what leaves next … */
  gsize out_at;        /* … of which so much has left */
  MilterPlayerActionKind todo; /* CLOSE, RESET, HALF_CLOSE: to be handed out; else DONE */
  bool paused;                 /* nothing is read */
  GQueue ahead;                /* of MilterAhead: commands that left before their turn */
  GQueue answers;              /* of MilterRecord: that came before their turn */
  gsize answers_size;
  guint surplus;               /* answers to commands that would not have been sent: may come */
  MilterRecord *last_surplus;  /* (nullable) the last one of those */
} MilterPeer;

typedef enum
{
  MILTER_WAIT_NOTHING, /* no wait */
  MILTER_WAIT_OPEN,    /* for a connection */
  MILTER_WAIT_ANSWER,  /* for the answer to the unit at the head */
  MILTER_WAIT_MORE,    /* units are done, a line wants more (a second reply, closed, none) */
  MILTER_WAIT_QUIET,   /* the grace time: nothing may come, or it is not judged */
  MILTER_WAIT_STALL,   /* nothing is sent until the deadline */
  MILTER_WAIT_BARRIER  /* for others */
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

/* how far a line has come that does something to the connection */
typedef enum
{
  MILTER_ACT_NONE, /* the line is a command */
  MILTER_ACT_OPEN, /* the connection has to be there */
  MILTER_ACT_DO,
  MILTER_ACT_WAIT, /* for what the line expects */
  MILTER_ACT_DONE
} MilterActStage;

/* the line that is played */
typedef struct
{
  bool open;
  const MilterStep *step; /* (nullable) none: the end of the session */
  MilterWhere where;
  guint8 letter;      /* of its command; 0 for eml, raw */
  char *text;         /* (nullable) as in reports, once somebody asked for it */
  GPtrArray *records; /* of MilterRecord: replies and ends, in order */
  GPtrArray *edits;   /* of MilterRecord: edits and progress, in order */
  gsize edits_size;
  char *left_out;  /* (nullable) why (the first of) its commands was not sent */
  bool gone;       /* … because there is no connection any more */
  bool sent;       /* at least one of its commands was */
  bool verbatim;   /* frame, raw */
  bool due;        /* … whose answer the protocol asks for */
  bool cut;        /* its bytes were cut off, or nobody was there any more to take them */
  MilterActStage act;
  gint64 act_us;   /* when it acted */
  bool kept;       /* the step is held on to behind the turn */
  bool missing;    /* bytes of the recording are: the line is not played, nor judged */
  bool *watched;   /* per peer: nothing more is waited for */
  bool *sent_to;   /* per peer */
} MilterTurn;

typedef enum
{
  MILTER_PHASE_STEPS,
  MILTER_PHASE_LEAVING, /* the profile's last words */
  MILTER_PHASE_CLOSING,
  MILTER_PHASE_DONE
} MilterPhase;

/* what a failure shows of a frame that passed: raw, and told in words only if somebody asks */
typedef struct
{
  guint peer;
  MilterSide from;
  MilterTextFlags flags;
  guint8 letter;
  GByteArray *payload; /* empty if it was long: … */
  GString *text;       /* … then this */
} MilterNote;

/* a frame that has passed, of which `last`, the trace and the lint have not been told */
typedef struct
{
  guint peer;
  MilterSide from;
  MilterTextFlags flags;
  guint8 letter;
  gsize size; /* of its payload */
  gint64 at_us;
  MilterWhere where;
  bool passed_over; /* an answer to QUIT that the config lets pass */
} MilterUntoldNote;

struct _MilterPlayer
{
  char *name;
  MilterStepSource source;
  bool source_over;
  GError *source_error; /* (nullable) told when its turn comes */
  GQueue steps;         /* of MilterStep: taken from the source before their turn */
  MilterPlayerConfig config;
  const MilterProfile *profile;
  gint64 now_us;
  gint64 timeout_us;
  MilterPhase phase;
  MilterPeer *peers;
  GQueue units; /* of MilterUnit */
  GQueue after; /* of MilterUnit: sent when the line has been judged */
  MilterTurn turn;
  MilterTurn spare_turn; /* its lists alone: those of the next line */
  MilterWait wait;
  GByteArray *handed_out;      /* bytes of the last SEND */
  GByteArray *pairs, *payload; /* of the frame that is put together: kept for their memory */
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
  guint8 dismissal;        /* the reply that ended the session outside of a message; 0: none */
  GString *dismissal_text; /* of a REPLYCODE; empty: none */
  /* facts for the macros */
  GString *host, *address, *helo, *sender, *recipient, *first_recipient, *message_id;
  guint n_mails;    /* of this SMTP session: as many queue ids were used up … */
  bool id_is_free;  /* … but for the last one, whose MAIL was refused */
  guint port;
  bool has_sender, has_recipient;
  GPtrArray *pending_macros; /* of MilterPendingMacro */

  char *message_name;           /* (nullable) of `message NAME`, for the current message */
  bool message_named;           /* … which has not begun yet */
  GArray *fields;               /* (nullable) that the current message's mail has not got yet */
  GPtrArray *messages;          /* of MilterPlayedMessage */
  MilterPlayedMessage *message; /* unowned (nullable): the current one */

  MilterOutcome outcome;
  GPtrArray *failures;
  char *skip_reason; /* (nullable) */
  MilterNote last[MILTER_PLAYER_N_LAST];
  guint n_last;
  GArray *untold;           /* of MilterUntoldNote */
  GByteArray *untold_bytes; /* their payloads, one behind the other */

  /* how bytes leave */
  MilterWrites writes;
  gint64 hold_until_us;    /* nothing leaves before */
  gint64 read_stall_us;    /* 0, or how long nothing is read from the next command on */
  bool read_stall_due;     /* … which is about to leave */
  gint64 read_again_us;    /* when it is read again */
  const MilterStep *cut;   /* (nullable) the line that ended the sending */
  const MilterStep *act_next; /* (nullable) what it expects is judged when the present line is */
  bool suspended;          /* a line is played in the middle of another one: … */
  MilterTurn other_turn;   /* … that one */
  MilterWait other_wait;
  char *barrier;           /* (nullable) the name of the last one */
  bool barrier_told;

  /* bytes of a recording are missing */
  bool fills_in;           /* missing commands are sent with defaults */
  bool opens_at_end;       /* nothing was sent, not even a connection was made */
  bool lost;               /* … since a gap, as with Postfix */
  guint lost_line;         /* 0; or the rest of this message is left out since that line */

  /* an understudy only finds out what would be sent (milter-player-ahead.c) */
  MilterPlayer *star;      /* (nullable) unowned: for whom; this one is an understudy */
  GList *cue;              /* of star->steps: the next one */
  bool cue_over;           /* nothing more is to be found out */
  guint cue_peer;          /* to whom */
  MilterPlayerTrace trace;
  gpointer trace_data;
  MilterLint *lint;
};

/* --- milter-player.c --- */
/* the session ends here, as broken or because the rest cannot be judged */
void milter_player_stop (MilterPlayer *player);
/* HDR_LEADSPC was agreed with this peer */
bool milter_player_has_leading_space (const MilterPlayer *player, guint peer);
/* … of units, which are links themselves */
void milter_player_push_unit (GQueue *units, MilterUnit *unit);
MilterUnit *milter_player_pop_unit (GQueue *units);
void milter_player_clear_units (GQueue *units);

/* --- milter-player-notes.c --- */
void milter_player_init_notes (MilterPlayer *player);
void milter_player_clear_notes (MilterPlayer *player);
/* a frame passes, in either direction: it is told to `last`, the trace and the lint, but later */
void milter_player_note (
    MilterPlayer *player, guint peer, MilterSide from, guint8 letter, MilterBytes payload);
/* tells all that has passed */
void milter_player_tell_notes (MilterPlayer *player);
/* what the milter does from now on is no fault of its own, as far as the lint can tell */
void milter_player_provoke (MilterPlayer *player, guint peer);
/* the line that is played; between two lines the one before */
const MilterWhere *milter_player_get_where (const MilterPlayer *player);

/* --- milter-player-turn.c --- */
/* one thing, after which there may be something to send or to wait for */
void milter_player_advance (MilterPlayer *player);
/* the unit at the head is done with this peer: on to the next of the chain */
void milter_player_next_peer (MilterPlayer *player, MilterUnit *unit);
/* … with all of them; @refused: one of them refused it */
void milter_player_finish_unit (MilterPlayer *player, bool refused);
/* the session is not played on: what the profile says then */
void milter_player_leave (MilterPlayer *player);
void milter_turn_free_lists (MilterTurn *turn);
/* a line expects of each milter, not of the one that decides */
bool milter_turn_is_for_each (const MilterTurn *turn);
/* waits for what the line expects behind its units; FALSE: there is nothing more to wait for */
bool milter_player_continue_turn (MilterPlayer *player);

/* --- milter-player-output.c --- */
/* what is handed out next because bytes have to leave, or because of how */
bool milter_player_next_output (MilterPlayer *player, MilterPlayerAction *action);
/* something is on its way out, so that nothing else is done */
bool milter_player_is_writing (const MilterPlayer *player);
bool milter_player_has_output (const MilterPlayer *player, guint peer);
void milter_player_drop_output (MilterPeer *peer);
/* when milter_player_next_output() has something to do again; G_MAXINT64 */
gint64 milter_player_output_deadline (const MilterPlayer *player);

/* --- milter-player-act.c --- */
/* stall, close, reset, half-close, barrier, lost: begins the turn of such a line */
void milter_player_plan_act (MilterPlayer *player, const MilterStep *step);
/* goes on with it; FALSE: it is over */
bool milter_player_continue_act (MilterPlayer *player);
/* lines whose bytes have left act */
void milter_player_fire (MilterPlayer *player);
/* when such a line is due that has to wait for the end of a stall */
gint64 milter_player_armed_deadline (const MilterPlayer *player);
/* TRUE: there is one, which is done or waited for */
bool milter_player_wait_for_armed (MilterPlayer *player);
/* the lines are over: those that never acted fail */
void milter_player_judge_armed (MilterPlayer *player);
/* what the line expects that ended the sending, or of a line in the middle of which it was played */
bool milter_player_begin_act_next (MilterPlayer *player);
void milter_player_resume_turn (MilterPlayer *player);
/* (transfer full) why nothing is sent any more */
char *milter_player_describe_cut (const MilterPlayer *player);
void milter_player_begin_lost (MilterPlayer *player, const MilterStep *step);

/* --- milter-player-ahead.c --- */
/* the unit at the head may leave together with what follows it: all of it leaves */
void milter_player_send_ahead (MilterPlayer *player, const MilterUnit *unit);
/* a command has left before its turn; (transfer full) what is known of it, or NULL */
MilterAhead *milter_player_take_ahead (MilterPlayer *player, guint peer, const MilterUnit *unit);
/* commands that left are not played any more: their answers may come; TRUE: is waited for them */
bool milter_player_settle_ahead (MilterPlayer *player, guint peer);
/* of an understudy: whether a line or a unit is behind what leaves at once, a unit is the last of it
 */
bool milter_player_ahead_ends_at_step (MilterPlayer *player, const MilterStep *step);
bool milter_player_ahead_ends_at_unit (MilterPlayer *player, guint peer, const MilterUnit *unit);
void milter_player_note_ahead (MilterPlayer *player, guint peer, const MilterUnit *unit);
/* commands are ahead, or answers to some may come, or came */
bool milter_player_is_ahead (const MilterPeer *peer);
/* an answer came while commands are ahead; takes the record */
void milter_player_keep_answer (MilterPlayer *player, MilterRecord *record);
/* the one whose turn it is; FALSE: none has come */
bool milter_player_play_answer (MilterPlayer *player);
void milter_player_drop_ahead (MilterPeer *peer);

/* --- milter-player-step.c --- */
/* the next line, from those that were taken before their turn, or the source */
bool milter_player_take_step (MilterPlayer *player, const MilterStep **step, GError **error);
/* the line behind all that were taken, for the understudy: NULL, there is none, or it is damaged */
const MilterStep *milter_player_peek_step (MilterPlayer *player);
void milter_player_release_step (MilterPlayer *player, const MilterStep *step);

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
/* what is waited for counts from now on */
void milter_player_restart_wait (MilterPlayer *player);
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
void milter_turn_end (MilterPlayer *player);
/* the line in reports, without its indentation and expectations */
const char *milter_player_turn_text (const MilterPlayer *player);

typedef enum
{
  MILTER_SEND,             /* it is sent */
  MILTER_LEAVE_NEGOTIATED, /* the milter does not want it */
  MILTER_LEAVE_DECIDED,    /* there is nothing left to decide */
  MILTER_LEAVE_GONE,       /* there is no connection any more */
  MILTER_LEAVE_CUT         /* … since a line ended it, or bytes of a recording are missing */
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
void milter_player_copy_macros (MilterPlayer *to, const MilterPlayer *from);
/* payloads (transfer full) from a line's arguments; missing ones are defaults */
GBytes *milter_payload_for_step (const MilterPlayer *player, const MilterStep *step);
GBytes *milter_payload_default (const MilterPlayer *player, guint8 letter);
/* @step: (nullable) all is default. Not for fields, bodies and macros, which are more than a payload */
GBytes *
milter_payload_for_profile (const MilterProfile *profile, guint8 letter, const MilterStep *step);
GBytes *milter_payload_macro (const MilterStep *step);

/* --- milter-player-state.c --- */
/* what a unit means for the session and the message, before its first peer is sent it */
void milter_player_begin_unit (MilterPlayer *player, MilterUnit *unit);
/* the current message is over */
void milter_player_end_message (MilterPlayer *player);
MilterPlayedMessage *milter_player_ensure_message (MilterPlayer *player);
/* what of the mails can wait until the milter is at work */
void milter_player_settle_mails (MilterPlayer *player);
void milter_played_message_free (gpointer message);

/* --- milter-player-reply.c --- */
/* the message as the MTA holds it, a copy for edits; or, without any, as it was sent */
void milter_player_ensure_after (MilterPlayer *player);
void milter_player_deliver (MilterPlayer *player);
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
/* the answer to the offer, against `require negotiate`: FALSE, and the session is skipped */
bool milter_player_check_requirements (MilterPlayer *player, const MilterRecord *record);
/* The negotiation ended otherwise. False: `require negotiate` cannot be met, and @line (nullable), which
 * expects it, allows that: the session is skipped. */
bool milter_player_check_refusal (MilterPlayer *player,
                                  const MilterRecord *record,
                                  const MilterExpectation *line);
/* the lines are over and nothing was negotiated */
void milter_player_judge_requirements (MilterPlayer *player);
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
/* " from NAME" in a chain, else nothing */
void milter_failure_append_peer (const MilterPlayer *player, guint peer, GString *text);
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
