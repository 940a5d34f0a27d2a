/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-spec.h: the protocol as one table, a row for each command and each reply.
 *
 * Decoder, encoder, session rules, scenario verbs, traces, completion and the documentation read
 * these rows; nobody else lists commands. The rows stand in milter-spec.c.
 */
#pragma once

#include <stdbool.h>

#include "milter-enums.h"
#include "milter-version-macros.h"

G_BEGIN_DECLS

/**
 * MilterSide:
 * @MILTER_SIDE_MTA: the side that connects and sends commands
 * @MILTER_SIDE_MILTER: the side that listens and sends replies
 *
 * Who said something.
 */
typedef enum
{
  MILTER_SIDE_MTA,
  MILTER_SIDE_MILTER
} MilterSide;

/**
 * MilterLayout:
 * @MILTER_LAYOUT_NONE: no field (ends a row's list)
 * @MILTER_LAYOUT_STRING: bytes up to a NUL, the NUL included on the wire
 * @MILTER_LAYOUT_STRINGS: zero or more strings up to the end of the payload
 * @MILTER_LAYOUT_PAIRS: zero or more pairs of strings up to the end of the payload
 * @MILTER_LAYOUT_U32: four bytes, the highest first
 * @MILTER_LAYOUT_BYTE: one byte
 * @MILTER_LAYOUT_REST: all bytes up to the end of the payload, none included
 * @MILTER_LAYOUT_SYMBOL_LISTS: zero or more of (u32 stage, string names) up to the end
 * @MILTER_LAYOUT_ADDRESS: family letter; unless it is 'U': u16 port, string text
 *
 * How a field stands in a payload.
 */
typedef enum
{
  MILTER_LAYOUT_NONE,
  MILTER_LAYOUT_STRING,
  MILTER_LAYOUT_STRINGS,
  MILTER_LAYOUT_PAIRS,
  MILTER_LAYOUT_U32,
  MILTER_LAYOUT_BYTE,
  MILTER_LAYOUT_REST,
  MILTER_LAYOUT_SYMBOL_LISTS,
  MILTER_LAYOUT_ADDRESS
} MilterLayout;

/**
 * MilterAnswer:
 * @MILTER_ANSWER_NONE: nothing comes back (macro, abort, quit, quit-nc)
 * @MILTER_ANSWER_OPTIONS: one `O` comes back
 * @MILTER_ANSWER_REPLY: one reply comes back, unless the no-reply step was agreed
 * @MILTER_ANSWER_EDITS: edits and progress, then one reply
 *
 * How a command is answered.
 */
typedef enum
{
  MILTER_ANSWER_NONE,
  MILTER_ANSWER_OPTIONS,
  MILTER_ANSWER_REPLY,
  MILTER_ANSWER_EDITS
} MilterAnswer;

/**
 * MilterReplyKind:
 * @MILTER_REPLY_KIND_NOT_A_REPLY: the row is a command's
 * @MILTER_REPLY_KIND_OPTIONS: answers the negotiation
 * @MILTER_REPLY_KIND_FINAL: ends the wait for an answer
 * @MILTER_REPLY_KIND_PROGRESS: asks for more time
 * @MILTER_REPLY_KIND_EDIT: changes the message, only at its end
 * @MILTER_REPLY_KIND_RESERVED: a letter that never travels as a frame
 *
 * What a reply is good for.
 */
typedef enum
{
  MILTER_REPLY_KIND_NOT_A_REPLY,
  MILTER_REPLY_KIND_OPTIONS,
  MILTER_REPLY_KIND_FINAL,
  MILTER_REPLY_KIND_PROGRESS,
  MILTER_REPLY_KIND_EDIT,
  MILTER_REPLY_KIND_RESERVED
} MilterReplyKind;

/**
 * MILTER_SPEC_MAX_FIELDS:
 *
 * The most fields that a row has.
 */
#define MILTER_SPEC_MAX_FIELDS 4

/**
 * MilterFieldSpec:
 * @layout: how it stands in the payload
 * @name: its name in reports, JSON and documentation; %NULL where there is no further field
 *
 * One field of a payload.
 */
typedef struct
{
  MilterLayout layout;
  const char *name;
} MilterFieldSpec;

/**
 * MilterSpec:
 * @letter: the byte on the wire; equal to the enum value
 * @sender: whose message it is
 * @field_name: the name in the protocol's own headers, as `SMFIC_MAIL`
 * @word: the word in scenarios and traces, as `mail`
 * @fields: the payload, field by field
 * @max_strings: the most strings in a STRINGS field that stand for themselves, 0 for any number
 *   (add-rcpt with arguments and change-from have one string of arguments at most)
 * @since: the protocol version that brought it
 * @stage: for commands: the macro list that belongs to it, -1 if there is none
 * @answer: for commands: what comes back
 * @skip: for commands: the step that suppresses it, or 0
 * @no_reply: for commands: the step that suppresses its reply, or 0
 * @kind: for replies: what it is good for
 * @action: for edits: the action that has to be negotiated
 * @answers: for replies: the letters of the commands that it may answer
 * @in_message: for commands: it belongs to a message (and dies with it)
 * @summary: one line for people
 *
 * A row of the table. Rows live for ever; pointers to them may be kept and compared.
 */
typedef struct
{
  guint8 letter;
  MilterSide sender;
  const char *field_name;
  const char *word;
  MilterFieldSpec fields[MILTER_SPEC_MAX_FIELDS];
  guint max_strings;
  guint since;
  int stage;
  MilterAnswer answer;
  guint32 skip;
  guint32 no_reply;
  MilterReplyKind kind;
  guint32 action;
  const char *answers;
  gboolean in_message;
  const char *summary;
} MilterSpec;

/**
 * MILTER_PROTOCOL_VERSION_MIN:
 *
 * The lowest protocol version that there is.
 */
#define MILTER_PROTOCOL_VERSION_MIN 2
/**
 * MILTER_PROTOCOL_VERSION_MAX:
 *
 * The highest protocol version that there is; 5 never existed.
 */
#define MILTER_PROTOCOL_VERSION_MAX 6

/**
 * MILTER_BODY_CHUNK_MAX:
 *
 * The most body bytes in one BODY command or one REPLBODY reply (MILTER_CHUNK_SIZE).
 */
#define MILTER_BODY_CHUNK_MAX 65535

/* rows by letter; NULL if there is no such letter in that direction */
MILTER_AVAILABLE const MilterSpec *milter_spec_get (MilterSide sender, guint8 letter);
/* rows by scenario word, as "add-header"; "quarantine" of a milter, "quit" of an MTA */
MILTER_AVAILABLE const MilterSpec *milter_spec_from_word (MilterSide sender, const char *word);
/* rows by name in the protocol's headers, as "SMFIR_ADDHEADER" */
MILTER_AVAILABLE const MilterSpec *milter_spec_from_field_name (const char *name);
/* all rows of a side, in the table's order */
MILTER_AVAILABLE const MilterSpec *milter_spec_list (MilterSide sender, gsize *n_rows);
/* the macro stage's own word ("connect" … "eom", "eoh") and back; -1 if there is none */
MILTER_AVAILABLE const char *milter_macro_stage_to_word (MilterMacroStage stage);
MILTER_AVAILABLE int milter_macro_stage_from_word (const char *word);
/* the command before which a stage's macros travel */
MILTER_AVAILABLE MilterCommand milter_macro_stage_to_command (MilterMacroStage stage);

G_END_DECLS
