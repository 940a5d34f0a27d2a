/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo-private.h: what the files of the book of answers share.
 */
#pragma once

#include "milter-echo-book.h"
#include "milter-echo.h"
#include "milter-session.h"

G_BEGIN_DECLS

/* the letter of what a milter says before it is asked */
#define MILTER_ECHO_GREETING 0
/* … and of what it says when the MTA has closed */
#define MILTER_ECHO_FAREWELL 1

/* a command and what was said to it: recorded, or just now */
typedef struct
{
  guint8 letter;
  GByteArray *payload; /* of a body chunk nothing: MilterEchoPart has the digest */
  GByteArray *macros;  /* (nullable) packed names and values that came with it */
  GByteArray *replies; /* bytes */
  bool optional;       /* the message was decided already: an MTA may leave it out */
  bool lacks_answer;   /* one was due, and the recording does not have it */
  MilterEchoEnd end;
} MilterEchoStep;

typedef struct _MilterEchoPart MilterEchoPart;
typedef struct _MilterEchoMatch MilterEchoMatch;

/* a message, or what of a session is in no message */
struct _MilterEchoPart
{
  guint connection, number;  /* of a message: of the connection, from 1; of a session 0 */
  MilterEchoPart *session; /* unowned: of a message */
  GPtrArray *steps;          /* of MilterEchoStep */
  GPtrArray *messages;       /* (nullable) of MilterEchoPart, unowned: of a session */
  GByteArray *agreed;        /* (nullable) of a session: the answer to the offer */
  GString *message_id;       /* (nullable) */
  guint64 body_size;
  char *body_digest; /* (nullable) when it is over */
  GChecksum *sum;    /* (nullable) until then */
  bool damaged;      /* there is a hole in it, or behind what is known */

  /* what came */
  MilterEchoMatch *owner; /* (nullable) unowned: the connection that has it now, the latest of several */
  guint n_uses;
  GString *differences; /* a sentence a line */
  guint n_differences;
};

/* what is answered on a connection, and what came of it */
struct _MilterEchoMatch
{
  MilterEchoPart *recorded; /* unowned (nullable) the recording lacks it */
  MilterEchoPart *came;     /* (nullable) nothing yet */
  GByteArray *taken;        /* (nullable) steps of the recorded one */
};

struct _MilterEchoBook
{
  GMutex lock;
  GPtrArray *sessions; /* of MilterEchoPart */
  GPtrArray *messages; /* … in the order in which they began */
  GPtrArray *extra;    /* … which the recording lacks, and came */
  bool loops;
  guint n_damaged;
  GHashTable *readings; /* connections that are being read, by number */
};

/* --- parts --- */
MilterEchoStep *milter_echo_step_new (guint8 letter, MilterBytes payload);
MilterEchoPart *milter_echo_part_new (guint connection, guint number);
void milter_echo_part_free (gpointer part);
/* no more of it comes */
void milter_echo_part_end_body (MilterEchoPart *part);
/* Adds what @command is; its macros are stolen. */
MilterEchoStep *milter_echo_part_add (MilterEchoPart *part,
                                          const MilterMessage *command,
                                          GByteArray **macros);
void milter_echo_part_differ (MilterEchoPart *part, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
/* Takes a macro frame that belongs to the next command of its stage. */
void milter_echo_take_macros (GByteArray **macros, MilterBytes payload);
/* what stands in its place as words (transfer full) */
char *milter_echo_step_to_text (const MilterEchoStep *step);
MilterBytes milter_echo_view (const GByteArray *bytes);

/* whether a command belongs to the message that is open, begins one (then also if none is), or ends it */
bool milter_echo_is_in_message (guint8 letter);
bool milter_echo_begins_message (const MilterSession *rules, guint8 letter, bool is_open);
bool milter_echo_ends_message (guint8 letter);
/* whether nothing is ever said to it: ABORT and the ends */
bool milter_echo_says_nothing (guint8 letter);

/* --- matching --- */
/**
 * MilterEchoFit:
 * @MILTER_ECHO_FIT_NOT: another command
 * @MILTER_ECHO_FIT_ALIKE: the same sender with other arguments, the same recipient, a header field of
 *   that name, an offer, a client
 * @MILTER_ECHO_FIT_SAME: the same command
 *
 * How much two commands are the same.
 */
typedef enum
{
  MILTER_ECHO_FIT_NOT,
  MILTER_ECHO_FIT_ALIKE,
  MILTER_ECHO_FIT_SAME
} MilterEchoFit;

MilterEchoFit milter_echo_step_fit (const MilterEchoStep *recorded, const MilterEchoStep *came);
/* The step of @recorded that fits best and is not taken (a byte each; it is then); NULL: none. */
MilterEchoStep *milter_echo_part_take (const MilterEchoPart *recorded,
                                       const MilterEchoStep *came,
                                       GByteArray *taken);
/* What came as this part, and is over: what is not the same becomes a difference of @recorded. */
void milter_echo_part_compare (MilterEchoPart *recorded, const MilterEchoPart *came);
GByteArray *milter_echo_taken_new (const MilterEchoPart *recorded);

/* the unused message or session that is to answer what has come; NULL: there is none. @session:
 * (nullable): of the connection */
MilterEchoPart *milter_echo_book_find_message (const MilterEchoBook *book,
                                               const MilterEchoPart *session,
                                               const MilterEchoPart *came);
MilterEchoPart *milter_echo_book_find_session (const MilterEchoBook *book,
                                               const MilterEchoPart *came);
/* … that fits better than the one that it is taken for, and that nobody has, or one who can have that instead;
 * NULL: none does */
MilterEchoPart *milter_echo_book_find_better_message (const MilterEchoBook *book,
                                                      const MilterEchoPart *present,
                                                      const MilterEchoPart *came);
MilterEchoPart *milter_echo_book_find_better_session (const MilterEchoBook *book,
                                                      const MilterEchoPart *present,
                                                      const MilterEchoPart *came);

G_END_DECLS
