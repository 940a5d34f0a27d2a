/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-writer-private.h: what the files of the writer of scenarios share.
 */
#pragma once

#include "milter-exchange.h"
#include "milter-profile-private.h"
#include "milter-rehearsal.h"
#include "milter-scenario-writer.h"

G_BEGIN_DECLS

/* how much of the way an MTA ends things is left to the profile */
typedef enum
{
  MILTER_ENDS_LEFT_OUT, /* all that ends messages and the session */
  MILTER_ENDS_LAST,     /* what ends the session is written */
  MILTER_ENDS_WRITTEN,
  MILTER_N_ENDS
} MilterWrittenEnds;

/* how a session is written */
typedef struct
{
  const MilterProfile *profile;
  const MilterScenarioWriterConfig *config; /* unowned */
  bool mails; /* as `eml` */
  MilterWrittenEnds ends;
} MilterWrittenStyle;

/* a macro that the profile does not send so */
typedef struct
{
  GBytes *name;
  GBytes *value; /* NULL: it was not sent at all */
} MilterWrittenMacro;

/* a line; or several, of a here-document */
typedef struct
{
  GString *text;     /* NULL: a `macro` line */
  guint8 stage;      /* of that: the letter of its command … */
  GPtrArray *macros; /* … of MilterWrittenMacro */
  GBytes *mail;      /* (nullable) what `eml` has, if it is long: the text lacks the file's name */
} MilterWrittenLine;

/* a session, still without its indentation */
typedef struct
{
  guint number;
  char *name;
  const MilterProfile *profile;
  GPtrArray *lines;      /* of MilterWrittenLine */
  guint n_commands[256]; /* by letter: how often macros of that stage could be sent */
} MilterWrittenSession;

void milter_written_session_free (gpointer session);

/* --- milter-scenario-writer-session.c --- */
/* The session in words. @macros: (nullable) for each exchange (nullable) a GPtrArray of MilterWrittenMacro */
MilterWrittenSession *milter_written_session_new (const MilterExchanges *exchanges,
                                                  const MilterWrittenStyle *style,
                                                  const GPtrArray *macros);
/* … frame by frame. @why: for a comment */
MilterWrittenSession *milter_written_session_new_exact (const MilterExchanges *exchanges, const char *why);

/* --- milter-scenario-writer-macros.c --- */
/* (transfer full) What has to be said of macros, for each exchange (nullable) a GPtrArray of MilterWrittenMacro */
GPtrArray *milter_written_macros_find (const MilterExchanges *exchanges, const MilterRehearsal *rehearsal);
/* how many */
guint milter_written_macros_count (const GPtrArray *macros);
/* Appends `macro STAGE …` without line end; false: there are no words for it. */
bool milter_written_macros_append (guint8 stage, const GPtrArray *macros, GString *text);

/* --- milter-scenario-writer-mail.c --- */
/* Whether this is text that a here-document gives back. */
bool milter_written_is_text (MilterBytes bytes);
/* Appends `<<END`, the text and the last line; the text is indented by @indent blanks. */
void milter_written_append_here_document (MilterBytes bytes, guint indent, GString *text);
/* (transfer full) (nullable) The mail whose content begins with this exchange, as a file that the MTA of
 * @profile hands over just so; sets @end behind the content. */
GByteArray *milter_written_find_mail (const MilterExchanges *exchanges,
                                      const MilterProfile *profile,
                                      guint begin,
                                      guint *end);

/* --- milter-scenario-writer-names.c --- */
/* (transfer full) what the session is about */
char *milter_written_session_name (const MilterExchanges *exchanges);
/* (transfer full) what the message is about that begins with this exchange */
char *milter_written_message_name (const MilterExchanges *exchanges, guint begin);

G_END_DECLS
