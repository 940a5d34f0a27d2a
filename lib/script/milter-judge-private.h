/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-judge-private.h: what came, held against what was expected: one answer, all edits of a
 * message, the resulting message. Pure functions.
 */
#pragma once

#include <stdbool.h>

#include "milter-mail-private.h"
#include "milter-scenario.h"

G_BEGIN_DECLS

typedef enum
{
  MILTER_RECORD_MESSAGE,
  MILTER_RECORD_CLOSED,  /* the peer ended the connection */
  MILTER_RECORD_RESET,   /* … by RST */
  MILTER_RECORD_GARBAGE, /* bytes that are no frame */
  MILTER_RECORD_NOTHING  /* nothing came until the deadline */
} MilterRecordKind;

/* something that came from a peer (or did not) */
typedef struct
{
  MilterRecordKind kind;
  guint peer;
  guint8 command;        /* which it answers; 0: none */
  bool due;              /* an answer was due */
  gint64 after_us;       /* since the last byte of the command */
  GBytes *bytes;         /* (nullable) GARBAGE, CLOSED: the bytes that are no frame */
  MilterMessage message; /* MESSAGE: a view of the frame */
  bool leading_space;    /* HDR_LEADSPC was agreed with the peer */
  bool too_long;         /* GARBAGE: a frame, but a larger one than is read */
  bool malformed;        /* an unknown letter or a broken payload */
  bool wrong;            /* a letter that cannot answer the command */
  bool unasked;          /* no answer was due */
  bool extra;            /* waited for because a line wants more than one answer, or none */
  char *fault;           /* (nullable) why one of these */
  bool matched;          /* an edit that a line expected */
  gsize frame_size;      /* MESSAGE: … */
  guint8 frame[];        /* … the frame, in one piece with the record: one comes for each command */
} MilterRecord;

MilterRecord *milter_record_new (MilterRecordKind kind, guint peer, gint64 after_us);
/* copies the message */
MilterRecord *milter_record_new_message (guint peer, const MilterMessage *message, gint64 after_us);
void milter_record_free (gpointer record);
/* its bytes; empty if there are none */
MilterBytes milter_record_get_bytes (const MilterRecord *record);
/* an edit, or progress */
bool milter_record_is_edit (const MilterRecord *record);

/* whether an answer is about an edit (or progress) rather than a reply */
bool milter_answer_is_edit (const MilterAnswerPattern *answer);
/* whether a line expects a reply, or an end of the connection, or nothing */
bool milter_expectation_is_reply (const MilterExpectation *line);
bool milter_expectation_is_edit (const MilterExpectation *line);
bool milter_expectation_has (const MilterExpectation *line, MilterAnswerKind kind);
/* the `and` and `and not` lines behind an answer's line: @index is its place among @lines */
bool milter_judge_conditions (const GPtrArray *lines,
                              guint index,
                              const MilterRecord *record,
                              MilterBytes body);

/* one alternative against one record, `within` aside */
bool milter_judge_reply (const MilterAnswerPattern *answer, const MilterRecord *record);
/* one of the line's alternatives fits, and all conditions behind it */
bool milter_judge_reply_line (const GPtrArray *lines, guint index, const MilterRecord *record);
bool milter_judge_negotiate (const MilterNegotiateArgs *pattern, const MilterMessage *message);
/* whether a line that fits an illegal answer to the negotiation speaks of what is wrong with it */
bool milter_judge_allows_options (const MilterExpectation *line,
                                  const MilterRecord *record,
                                  const MilterOffer *offer);

/* An address with brackets, without, and as it came: a pattern may be written either way. @undecided:
 * what is said of one that a regex gives up on. */
bool milter_judge_address (const MilterPattern *pattern, MilterBytes address, bool undecided);
/* the value of a field as it travels; @leading_blank: the pattern was written as `X: v`, not `X:v` */
bool milter_judge_field (const MilterPattern *pattern,
                         bool leading_blank,
                         MilterBytes value,
                         bool leading_space,
                         bool undecided);

/* what is the matter with the edits */
typedef enum
{
  MILTER_EDITS_MISSING,   /* an expected edit did not come */
  MILTER_EDITS_ORDER,     /* they came in another order */
  MILTER_EDITS_FORBIDDEN, /* `no` */
  MILTER_EDITS_SURPLUS    /* `only` */
} MilterEditsFault;

typedef struct
{
  MilterEditsFault fault;
  const MilterExpectation *line;
  const MilterRecord *record; /* FORBIDDEN, SURPLUS: the (first frame of the) edit */
  /* (nullable) MISSING: an edit would have fitted, but this line took it */
  const MilterExpectation *taker;
} MilterEditsFinding;

/* peer numbers by name; -1: there is no such peer */
typedef int (*MilterPeerByName) (gconstpointer data, const char *name);

/* All edits of a message against all lines: the best assignment is sought. Sets `matched` in the
 * records. Returns (transfer full) an array of MilterEditsFinding; empty: all is well. */
GArray *milter_judge_edits (const GPtrArray *lines,
                            const GPtrArray *edits,
                            MilterPeerByName by_name,
                            gconstpointer data);

/* The message against the expected one. TRUE if they are equal, fields named in @ignoring aside;
 * else @expected and @got tell the first line that differs, @got with some lines around it. */
bool milter_judge_result (MilterBytes wanted,
                          MilterBytes message,
                          char *const *ignoring,
                          char **expected,
                          char **got);
/* what the expected one would have to be: the message, its lines ended by CRLF, without the fields
 * named in @ignoring (transfer full) */
GBytes *milter_judge_result_text (MilterBytes message, char *const *ignoring);

G_END_DECLS
