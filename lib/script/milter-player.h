/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player.h: plays one session against one or several milters, and judges the answers.
 *
 * A player has no socket and no clock. It is asked what to do next, told what came and when, and
 * in the end holds a verdict. It pulls its steps from a source, so that it need not be a file that
 * is held in memory. Its actions carry the number of the peer: in a chain one session speaks with
 * several milters.
 */
#pragma once

#include "milter-lint.h"
#include "milter-message.h"
#include "milter-profile-private.h"
#include "milter-scenario.h"
#include "milter-text.h"

G_BEGIN_DECLS

/* Where the steps come from. next: TRUE and the step, or FALSE at the end, or FALSE with @error when
 * the source is damaged. Several may be asked for before the first one is played; each lives until
 * it is released, or the source is freed. release: (nullable) the steps live as the source does. */
typedef struct
{
  gboolean (*next) (gpointer source, const MilterStep **step, GError **error);
  void (*free) (gpointer source);
  void (*release) (gpointer source, const MilterStep *step);
} MilterStepSourceClass;

typedef struct
{
  const MilterStepSourceClass *klass;
  gpointer source;
} MilterStepSource;

/* the steps of a parsed session; the scenario must outlive the source. @round: of `repeat session`,
 * @copy: of `parallel session`, from 1 */
MilterStepSource
milter_step_source_new_for_session (const MilterScenarioSession *session, guint round, guint copy);

/**
 * MilterPlayerActionKind:
 * @MILTER_PLAYER_OPEN: connect to this peer; report with milter_player_opened()
 * @MILTER_PLAYER_SEND: write these bytes to the peer, in one write of their own
 * @MILTER_PLAYER_WAIT: nothing to do until something comes or `deadline_us` passes
 * @MILTER_PLAYER_CLOSE: end this peer's connection (after what was sent has left)
 * @MILTER_PLAYER_RESET: end it by RST (after what was sent has left)
 * @MILTER_PLAYER_HALF_CLOSE: end it for sending (after what was sent has left); reading goes on
 * @MILTER_PLAYER_PAUSE_READING: read nothing from this peer …
 * @MILTER_PLAYER_RESUME_READING: … until now
 * @MILTER_PLAYER_BARRIER: this session waits at `barrier`; call milter_player_pass_barrier() when all
 *   of its group are there or over, and milter_player_next() then. Handed out once a barrier, and
 *   WAIT after it
 * @MILTER_PLAYER_DONE: the session is over; look at the verdict
 */
typedef enum
{
  MILTER_PLAYER_OPEN,
  MILTER_PLAYER_SEND,
  MILTER_PLAYER_WAIT,
  MILTER_PLAYER_CLOSE,
  MILTER_PLAYER_RESET,
  MILTER_PLAYER_HALF_CLOSE,
  MILTER_PLAYER_PAUSE_READING,
  MILTER_PLAYER_RESUME_READING,
  MILTER_PLAYER_BARRIER,
  MILTER_PLAYER_DONE
} MilterPlayerActionKind;

typedef struct
{
  MilterPlayerActionKind kind;
  guint peer;
  MilterBytes bytes;     /* SEND: valid until the next call of a milter_player_ function */
  const char *barrier;   /* BARRIER: its name; valid as the bytes are */
  gint64 deadline_us;    /* WAIT: then call milter_player_next() again; G_MAXINT64: none */
} MilterPlayerAction;

/**
 * MilterOutcome: how a session ended; the worst of a run decides the exit status
 */
typedef enum
{
  MILTER_OUTCOME_HELD,
  MILTER_OUTCOME_SKIPPED,
  MILTER_OUTCOME_FAILED,
  MILTER_OUTCOME_BROKEN
} MilterOutcome;

/* something that went wrong, for the report */
typedef struct
{
  MilterOutcome outcome;   /* FAILED or BROKEN */
  MilterWhere where;       /* the line; line 0: none */
  char *message;           /* name of the message within the session (nullable) */
  char *what;              /* "reply to rcpt <busy@example.net>" */
  char *expected;          /* (nullable) */
  char *got;
  char *last;              /* the last exchanges on one line: "> macro …  > rcpt …  < tempfail" */
  char *result_path;       /* (nullable) of `=> result FILE` that differs: the file … */
  GBytes *delivered;       /* (nullable) … and what it would have to hold: the message, its lines
                              ended by CRLF, without the fields that are ignored */
} MilterFailure;

/* so many of the latest messages of a session have their mails still */
#define MILTER_PLAYER_KEPT_MAILS 4u

/* what the reports want to know about a message that was played (the last one is current) */
typedef struct
{
  MilterMail *before;      /* (nullable) as it was sent (envelope, headers, body) */
  MilterMail *after;       /* (nullable) with the edits of the milters applied; `before` itself
                              without any */
  guint8 verdict;          /* letter of the reply that decided: 'c', 'a', 'r' …; 0: none yet */
  guint8 verdict_command;  /* letter of the command that it answered */
  GString *reply_text;     /* (nullable) of a REPLYCODE: its wire text */
  gint64 started_us, ended_us;
} MilterPlayedMessage;

typedef struct
{
  const MilterProfile *profile;
  guint n_peers;                 /* 1, or the length of a chain */
  const char *const *peer_names; /* (nullable) n_peers names, for `from NAME` and reports */
  gint64 timeout_us;             /* wait for an answer; 0: none */
  gint64 grace_us;               /* of `none` and of "nothing may come": 200 ms */
  const GPtrArray *macros;       /* (nullable) of MilterStep: macro lines for every command */
  const MilterStep *send_as;     /* (nullable) how the session begins to write */
  const GPtrArray *requirements; /* (nullable) of MilterRequirement: of the file and of the session,
                                    of which the player decides those of kind NEGOTIATE */
  const GPtrArray *more_requirements; /* (nullable) the same */
  const char *queue_id;          /* what the profile's {id} is; NULL: the profile's default */
  gsize max_edits;               /* bytes of memory for the edits of one message; 0: 256 MiB, what a
                                    replaced body of that size takes. More is broken */
  gboolean lint;                 /* hold each answer against the rules of the protocol, too */
  const gboolean *over_tcp;      /* (nullable) n_peers: TCP lies between; for the lint alone */
  gboolean quit_answered;        /* a milter may say continue to the QUIT at the end of the session, if
                                    no line asks for it: that it must not is asked elsewhere */
} MilterPlayerConfig;

typedef struct _MilterPlayer MilterPlayer;

/* Takes the source. The config is copied; its strings and macros must outlive the player. */
MilterPlayer *milter_player_new (const char *name, MilterStepSource source, const MilterPlayerConfig *config);
void milter_player_free (MilterPlayer *player);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterPlayer, milter_player_free)

/* What to do now. Call it until it says WAIT or DONE, and again after each of the calls below and
 * when the deadline has passed. After SEND the bytes count as sent at @now_us. */
void milter_player_next (MilterPlayer *player, gint64 now_us, MilterPlayerAction *action);

/* the peer is connected; or, with @error, could not be reached */
void milter_player_opened (MilterPlayer *player, guint peer, gint64 now_us, const GError *error);
/* a whole frame came (malformed payloads and unknown letters included) */
void milter_player_received (MilterPlayer *player, guint peer, const MilterMessage *message, gint64 now_us);
/* bytes came that are no frame; nothing more will be read from this peer. @head: the first bytes,
 * to tell a peer that is no milter (SMTP, HTTP, TLS …) by its greeting */
void milter_player_received_garbage (MilterPlayer *player,
                                     guint peer,
                                     const GError *error,
                                     MilterBytes head,
                                     gint64 now_us);
/* the peer closed, or reset, the connection. @leftover: bytes of an unfinished frame, to tell what
 * they were */
void milter_player_ended (MilterPlayer *player,
                          guint peer,
                          gboolean reset,
                          MilterBytes leftover,
                          gint64 now_us);
/* all that have to be are at the barrier */
void milter_player_pass_barrier (MilterPlayer *player, gint64 now_us);
/* a spawned milter died, SIGINT …: the session ends as broken, with this sentence */
void milter_player_cancel (MilterPlayer *player, MilterOutcome outcome, const char *why, gint64 now_us);

/* the verdict; valid when DONE */
MilterOutcome milter_player_get_outcome (const MilterPlayer *player);
/* (nullable) of SKIPPED: why */
const char *milter_player_get_skip_reason (const MilterPlayer *player);
/* of MilterFailure, in the order in which they were found (transfer none) */
const GPtrArray *milter_player_get_failures (const MilterPlayer *player);
/* The letter of the reply that sent the client away outside of a message, as at connect or helo; 0 if
 * none did. @text (nullable): of a REPLYCODE its wire text (transfer none) */
guint8 milter_player_get_dismissal (const MilterPlayer *player, const GString **text);
/* of MilterPlayedMessage (transfer none) */
const GPtrArray *milter_player_get_messages (const MilterPlayer *player);
/* of MilterLintFinding (transfer none): the rules that were broken; empty if the lint is off */
const GPtrArray *milter_player_get_lint_findings (const MilterPlayer *player);
const char *milter_player_get_name (const MilterPlayer *player);
/* which messages are on their way or have passed, for -v and reports: one call for each frame in
 * either direction, in order. flags: how the message is written as one line, by what was agreed */
typedef void (*MilterPlayerTrace) (guint peer,
                                   MilterSide from,
                                   const MilterMessage *message,
                                   MilterTextFlags flags,
                                   gint64 now_us,
                                   gpointer user_data);
void milter_player_set_trace (MilterPlayer *player, MilterPlayerTrace trace, gpointer user_data);

G_END_DECLS
