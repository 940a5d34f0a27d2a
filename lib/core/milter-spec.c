/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-spec.c: the rows of the protocol's one table.
 *
 * Sources: milter-protocol 2.1 (commands), 2.2 (replies), 2.5 (macro stages). The letters with a
 * version above 2 are those that came later; version 5 never existed.
 */
#include "milter-spec.h"

#include <string.h>

#include "milter-message-private.h"

#define N_(a) MILTER_STEP_NO_##a
#define R_(a) MILTER_STEP_NO_REPLY_##a

/* field lists, named after what they hold */
#define NO_FIELDS { { MILTER_LAYOUT_NONE, NULL } }
#define ONE(l, n) { { MILTER_LAYOUT_##l, n } }
#define TWO(l1, n1, l2, n2) { { MILTER_LAYOUT_##l1, n1 }, { MILTER_LAYOUT_##l2, n2 } }
#define THREE(l1, n1, l2, n2, l3, n3)                                                              \
  { { MILTER_LAYOUT_##l1, n1 }, { MILTER_LAYOUT_##l2, n2 }, { MILTER_LAYOUT_##l3, n3 } }
#define OPTIONS(l4, n4)                                                                            \
  { { MILTER_LAYOUT_U32, "version" },                                                              \
    { MILTER_LAYOUT_U32, "actions" },                                                              \
    { MILTER_LAYOUT_U32, "steps" },                                                                \
    { MILTER_LAYOUT_##l4, n4 } }

#define COMMAND(id, name, word_, fields_, since_, stage_, answer_, skip_, no_reply_, in, text)     \
  {                                                                                                \
    .letter = MILTER_COMMAND_##id, .sender = MILTER_SIDE_MTA, .field_name = "SMFIC_" name,         \
    .word = word_, .fields = fields_, .since = since_, .stage = stage_,                            \
    .answer = MILTER_ANSWER_##answer_, .skip = skip_, .no_reply = no_reply_, .in_message = in,     \
    .summary = text                                                                                \
  }

#define REPLY(id, name, word_, fields_, strings, since_, kind_, action_, answers_, text)           \
  {                                                                                                \
    .letter = MILTER_REPLY_##id, .sender = MILTER_SIDE_MILTER, .field_name = "SMFIR_" name,        \
    .word = word_, .fields = fields_, .max_strings = strings, .since = since_, .stage = -1,        \
    .kind = MILTER_REPLY_KIND_##kind_, .action = action_, .answers = answers_, .summary = text     \
  }

#define STAGE(id) MILTER_MACRO_STAGE_##id
#define NO_STAGE (-1)

/* clang-format off */
static const MilterSpec commands[] = {
  /*       enum                name       word         fields                                       since stage                       answer   skip step                 no-reply step             in message */
  COMMAND (NEGOTIATE,          "OPTNEG",  "negotiate", OPTIONS (REST, "tail"),                      2, NO_STAGE,                   OPTIONS, 0,                        0,                        FALSE, "offers a protocol version, actions and steps; the first frame of a connection"),
  COMMAND (DEFINE_MACRO,       "MACRO",   "macro",     TWO (BYTE, "stage", PAIRS, "macros"),        2, NO_STAGE,                   NONE,    0,                        0,                        FALSE, "defines the macros of the command that follows"),
  COMMAND (CONNECT,            "CONNECT", "connect",   TWO (STRING, "host", ADDRESS, "address"),    2, STAGE (CONNECT),            REPLY,   N_(CONNECT),              R_(CONNECT),              FALSE, "an SMTP client has connected"),
  COMMAND (HELO,               "HELO",    "helo",      ONE (STRING, "name"),                        2, STAGE (HELO),               REPLY,   N_(HELO),                 R_(HELO),                 FALSE, "the client said HELO or EHLO"),
  COMMAND (ENVELOPE_FROM,      "MAIL",    "mail",      TWO (STRING, "address", STRINGS, "arguments"), 2, STAGE (ENVELOPE_FROM),     REPLY,   N_(ENVELOPE_FROM),        R_(ENVELOPE_FROM),        TRUE,  "MAIL: begins a message with its sender"),
  COMMAND (ENVELOPE_RECIPIENT, "RCPT",    "rcpt",      TWO (STRING, "address", STRINGS, "arguments"), 2, STAGE (ENVELOPE_RECIPIENT), REPLY,  N_(ENVELOPE_RECIPIENT),   R_(ENVELOPE_RECIPIENT),   TRUE,  "RCPT: one recipient of the message"),
  COMMAND (DATA,               "DATA",    "data",      NO_FIELDS,                                   4, STAGE (DATA),               REPLY,   N_(DATA),                 R_(DATA),                 TRUE,  "DATA: the envelope is complete"),
  COMMAND (HEADER,             "HEADER",  "header",    TWO (STRING, "name", STRING, "value"),       2, NO_STAGE,                   REPLY,   N_(HEADERS),              R_(HEADER),               TRUE,  "one header field of the message"),
  COMMAND (END_OF_HEADER,      "EOH",     "eoh",       NO_FIELDS,                                   2, STAGE (END_OF_HEADER),      REPLY,   N_(END_OF_HEADER),        R_(END_OF_HEADER),        TRUE,  "the header is complete"),
  COMMAND (BODY,               "BODY",    "body",      ONE (REST, "chunk"),                         2, NO_STAGE,                   REPLY,   N_(BODY),                 R_(BODY),                 TRUE,  "a piece of the body, at most 65535 bytes"),
  COMMAND (END_OF_MESSAGE,     "BODYEOB", "eom",       ONE (REST, "chunk"),                         2, STAGE (END_OF_MESSAGE),     EDITS,   0,                        0,                        TRUE,  "the message is complete; edits and the verdict come back"),
  COMMAND (ABORT,              "ABORT",   "abort",     NO_FIELDS,                                   2, NO_STAGE,                   NONE,    0,                        0,                        FALSE, "cancels the message, keeps the connection"),
  COMMAND (QUIT,               "QUIT",    "quit",      NO_FIELDS,                                   2, NO_STAGE,                   NONE,    0,                        0,                        FALSE, "ends the connection"),
  COMMAND (QUIT_NC,            "QUIT_NC", "quit-nc",   NO_FIELDS,                                   6, NO_STAGE,                   NONE,    0,                        0,                        FALSE, "ends the SMTP session; another begins on the same connection"),
  COMMAND (UNKNOWN,            "UNKNOWN", "unknown",   ONE (STRING, "line"),                        3, NO_STAGE,                   REPLY,   N_(UNKNOWN),              R_(UNKNOWN),              FALSE, "a command line that the MTA does not know"),
};

#define ANY "CHMRTLNBEU"   /* every command that has a reply */
#define ACT(id) MILTER_ACTION_##id

static const MilterSpec replies[] = {
  /*     enum                          name           word             fields                                                        strings since kind    action                                        answers      */
  REPLY (NEGOTIATE,                    "OPTNEG",      "negotiate",     OPTIONS (SYMBOL_LISTS, "symbols"),                            0, 2, OPTIONS,  0,                                            "O",          "answers the offer; may ask for macros by stage"),
  REPLY (CONTINUE,                     "CONTINUE",    "continue",      NO_FIELDS,                                                    0, 2, FINAL,    0,                                            ANY,          "go on with the session"),
  REPLY (ACCEPT,                       "ACCEPT",      "accept",        NO_FIELDS,                                                    0, 2, FINAL,    0,                                            "CHMRTLNBE",  "take the message (at connect, helo: all of this client's) and ask no more"),
  REPLY (REJECT,                       "REJECT",      "reject",        NO_FIELDS,                                                    0, 2, FINAL,    0,                                            ANY,          "refuse for good, with the MTA's own text"),
  REPLY (TEMPORARY_FAILURE,            "TEMPFAIL",    "tempfail",      NO_FIELDS,                                                    0, 2, FINAL,    0,                                            ANY,          "refuse for now, with the MTA's own text"),
  REPLY (DISCARD,                      "DISCARD",     "discard",       NO_FIELDS,                                                    0, 2, FINAL,    0,                                            "MRTLNBE",    "take the message and deliver nothing"),
  REPLY (REPLY_CODE,                   "REPLYCODE",   "reply-code",    ONE (STRING, "text"),                                         0, 2, FINAL,    0,                                            ANY,          "refuse with this SMTP reply (4xx or 5xx)"),
  REPLY (SKIP,                         "SKIP",        "skip",          NO_FIELDS,                                                    0, 6, FINAL,    0,                                            "B",          "send no more of the body"),
  REPLY (PROGRESS,                     "PROGRESS",    "progress",      NO_FIELDS,                                                    0, 2, PROGRESS, 0,                                            "E",          "still working: restarts the MTA's timer"),
  REPLY (ADD_HEADER,                   "ADDHEADER",   "add-header",    TWO (STRING, "name", STRING, "value"),                        0, 2, EDIT,     ACT (ADD_HEADERS),                            "E",          "adds a header field"),
  REPLY (INSERT_HEADER,                "INSHEADER",   "insert-header", THREE (U32, "index", STRING, "name", STRING, "value"),         0, 2, EDIT,     ACT (ADD_HEADERS),                            "E",          "inserts a header field at a position, 0 is the top"),
  REPLY (CHANGE_HEADER,                "CHGHEADER",   "change-header", THREE (U32, "index", STRING, "name", STRING, "value"),         0, 2, EDIT,     ACT (CHANGE_HEADERS),                         "E",          "changes the Nth field of a name; an empty value deletes it"),
  REPLY (REPLACE_BODY,                 "REPLBODY",    "replace-body",  ONE (REST, "chunk"),                                          0, 2, EDIT,     ACT (CHANGE_BODY),                            "E",          "replaces the body; several make one"),
  REPLY (ADD_RECIPIENT,                "ADDRCPT",     "add-rcpt",      ONE (STRING, "address"),                                      0, 2, EDIT,     ACT (ADD_ENVELOPE_RECIPIENT),                 "E",          "adds a recipient"),
  REPLY (ADD_RECIPIENT_WITH_PARAMETERS, "ADDRCPT_PAR", "add-rcpt",     TWO (STRING, "address", STRINGS, "arguments"),                1, 6, EDIT,     ACT (ADD_ENVELOPE_RECIPIENT_WITH_PARAMETERS), "E",          "adds a recipient with ESMTP arguments"),
  REPLY (DELETE_RECIPIENT,             "DELRCPT",     "delete-rcpt",   ONE (STRING, "address"),                                      0, 2, EDIT,     ACT (DELETE_ENVELOPE_RECIPIENT),              "E",          "takes a recipient out"),
  REPLY (CHANGE_FROM,                  "CHGFROM",     "change-from",   TWO (STRING, "address", STRINGS, "arguments"),                1, 6, EDIT,     ACT (CHANGE_ENVELOPE_FROM),                   "E",          "changes the sender, maybe with ESMTP arguments"),
  REPLY (QUARANTINE,                   "QUARANTINE",  "quarantine",    ONE (STRING, "reason"),                                       0, 2, EDIT,     ACT (QUARANTINE),                             "E",          "holds the message, with a reason"),
  REPLY (SHUTDOWN,                     "SHUTDOWN",    "shutdown",      NO_FIELDS,                                                    0, 2, FINAL,    0,                                            ANY,          "421 and close; only Postfix knows it"),
  REPLY (CONNECTION_FAILURE,           "CONN_FAIL",   "conn-fail",     NO_FIELDS,                                                    0, 2, FINAL,    0,                                            "",           "defined, but an error to every MTA"),
  REPLY (SET_SYMBOL_LIST,              "SETSYMLIST",  "symbol-list",   NO_FIELDS,                                                    0, 6, RESERVED, ACT (SET_SYMBOL_LIST),                        "",           "a letter only: the lists travel in the answer to the negotiation"),
};

/* scenario words of the stages, and the command before which each one's macros travel */
static const struct
{
  const char *word;
  MilterCommand command;
} stages[MILTER_N_MACRO_STAGES] = {
  [MILTER_MACRO_STAGE_CONNECT]            = { "connect", MILTER_COMMAND_CONNECT },
  [MILTER_MACRO_STAGE_HELO]               = { "helo",    MILTER_COMMAND_HELO },
  [MILTER_MACRO_STAGE_ENVELOPE_FROM]      = { "mail",    MILTER_COMMAND_ENVELOPE_FROM },
  [MILTER_MACRO_STAGE_ENVELOPE_RECIPIENT] = { "rcpt",    MILTER_COMMAND_ENVELOPE_RECIPIENT },
  [MILTER_MACRO_STAGE_DATA]               = { "data",    MILTER_COMMAND_DATA },
  [MILTER_MACRO_STAGE_END_OF_MESSAGE]     = { "eom",     MILTER_COMMAND_END_OF_MESSAGE },
  [MILTER_MACRO_STAGE_END_OF_HEADER]      = { "eoh",     MILTER_COMMAND_END_OF_HEADER },
};
/* clang-format on */

/* what milter_spec_get() reads: rows by letter, so that the decoder does not search. A test holds
 * them and the tables above together. */
#define ROW(letter, row) [(letter) - 'A'] = &commands[row]
const MilterSpec *const _milter_spec_commands['Z' - 'A' + 1] = {
  ROW ('O', 0),  ROW ('D', 1),  ROW ('C', 2),  ROW ('H', 3),  ROW ('M', 4),
  ROW ('R', 5),  ROW ('T', 6),  ROW ('L', 7),  ROW ('N', 8),  ROW ('B', 9),
  ROW ('E', 10), ROW ('A', 11), ROW ('Q', 12), ROW ('K', 13), ROW ('U', 14),
};
/* indexes, one more, so that 0 is "no row" */
static const guint8 reply_index[128] = {
  ['O'] = 1,  ['c'] = 2,  ['a'] = 3,  ['r'] = 4,  ['t'] = 5,  ['d'] = 6,  ['y'] = 7,
  ['s'] = 8,  ['p'] = 9,  ['h'] = 10, ['i'] = 11, ['m'] = 12, ['b'] = 13, ['+'] = 14,
  ['2'] = 15, ['-'] = 16, ['e'] = 17, ['q'] = 18, ['4'] = 19, ['f'] = 20, ['l'] = 21,
};

/**
 * milter_spec_list: (skip)
 * @sender: whose messages
 * @n_rows: (out): how many rows
 *
 * Returns: (transfer none) (array length=n_rows): the rows of a side, in the table's order
 */
const MilterSpec *
milter_spec_list (MilterSide sender, gsize *n_rows)
{
  *n_rows = sender == MILTER_SIDE_MTA ? G_N_ELEMENTS (commands) : G_N_ELEMENTS (replies);
  return sender == MILTER_SIDE_MTA ? commands : replies;
}

/**
 * milter_spec_get: (skip)
 * @sender: whose letter
 * @letter: any byte
 *
 * Returns: (transfer none) (nullable): the letter's row, %NULL if that side has no such letter
 */
const MilterSpec *
milter_spec_get (MilterSide sender, guint8 letter)
{
  if (sender == MILTER_SIDE_MTA)
    return letter >= 'A' && letter <= 'Z' ? _milter_spec_commands[letter - 'A'] : NULL;
  if (letter >= G_N_ELEMENTS (reply_index) || reply_index[letter] == 0)
    return NULL;
  return &replies[reply_index[letter] - 1];
}

/**
 * milter_spec_from_word: (skip)
 * @sender: whose word
 * @word: as in a scenario
 *
 * Two rows share the word `add-rcpt`: the one without arguments is returned.
 *
 * Returns: (transfer none) (nullable): the word's row
 */
const MilterSpec *
milter_spec_from_word (MilterSide sender, const char *word)
{
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (sender, &n_rows);

  for (gsize i = 0; i < n_rows; i++)
    if (strcmp (rows[i].word, word) == 0)
      return &rows[i];
  return NULL;
}

/**
 * milter_spec_from_field_name: (skip)
 * @name: as in the protocol's headers, `SMFIC_MAIL` or `SMFIR_ADDHEADER`
 *
 * Returns: (transfer none) (nullable): the name's row
 */
const MilterSpec *
milter_spec_from_field_name (const char *name)
{
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize i = 0; i < n_rows; i++)
        if (strcmp (rows[i].field_name, name) == 0)
          return &rows[i];
    }
  return NULL;
}

/**
 * milter_macro_stage_to_word: (skip)
 * @stage: a stage
 *
 * Returns: (nullable): its word in scenarios, %NULL for a number that is no stage
 */
const char *
milter_macro_stage_to_word (MilterMacroStage stage)
{
  if ((guint) stage >= MILTER_N_MACRO_STAGES)
    return NULL;
  return stages[stage].word;
}

/**
 * milter_macro_stage_from_word: (skip)
 * @word: `connect`, `helo`, `mail`, `rcpt`, `data`, `eom` or `eoh`
 *
 * Returns: the stage, -1 if the word is none
 */
int
milter_macro_stage_from_word (const char *word)
{
  for (int stage = 0; stage < MILTER_N_MACRO_STAGES; stage++)
    if (strcmp (stages[stage].word, word) == 0)
      return stage;
  return -1;
}

/**
 * milter_macro_stage_to_command: (skip)
 * @stage: a stage
 *
 * Returns: the command before which its macros travel
 */
MilterCommand
milter_macro_stage_to_command (MilterMacroStage stage)
{
  g_return_val_if_fail ((guint) stage < MILTER_N_MACRO_STAGES, MILTER_COMMAND_CONNECT);
  return stages[stage].command;
}
