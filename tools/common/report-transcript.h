/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-transcript.h: what was said in a session, in bounded memory.
 *
 * The first frames and the last ones are kept, as bytes: they are only made text if somebody wants to
 * read them, which is when something went wrong.
 */
#pragma once

#include <stdbool.h>

#include "milter-text.h"

G_BEGIN_DECLS

/* how a session began, and how it ended: enough to see why, little enough to read */
#define REPORT_TRANSCRIPT_FIRST 100u
#define REPORT_TRANSCRIPT_LAST 300u

typedef struct _ReportTranscript ReportTranscript;

ReportTranscript *report_transcript_new (void);
void report_transcript_free (ReportTranscript *transcript);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReportTranscript, report_transcript_free)

/* @at_us: since the session began */
void report_transcript_add (ReportTranscript *transcript,
                            guint peer,
                            const MilterMessage *message,
                            MilterTextFlags flags,
                            gint64 at_us);
/* how many were added */
guint64 report_transcript_get_size (const ReportTranscript *transcript);
/* Appends the frames from the Nth (from 0) on, a line each: `+0.0031 > rcpt <bob@example.net>`. Bytes of
 * messages are in it as the text of messages has them. @names: (nullable) of the peers, if they are many.
 * A gap has a line of its own. */
void report_transcript_append_text (const ReportTranscript *transcript,
                                    guint64 from,
                                    const char *const *names,
                                    GString *text);

G_END_DECLS
