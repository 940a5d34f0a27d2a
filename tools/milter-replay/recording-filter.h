/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recording-filter.h: `--filter`: which messages of a recording somebody asks for.
 */
#pragma once

#include "milter-recorded-session.h"

G_BEGIN_DECLS

typedef struct _RecordingFilter RecordingFilter;

/* Conditions KEY, KEY=PATTERN and KEY!=PATTERN, all of which have to hold. NULL with @error, which tells what
 * there is: a condition that makes no sense. */
RecordingFilter *recording_filter_new (char **conditions, GError **error);
void recording_filter_free (RecordingFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RecordingFilter, recording_filter_free)

/* @message: (nullable) without one a session is asked for that has none */
bool recording_filter_matches (const RecordingFilter *filter,
                               const MilterRecordedSession *session,
                               const MilterRecordedMessage *message);

/* The table of conditions for --help and the manual: `NAME=PATTERN` and what it means, a line each; rows
 * from 0; FALSE: there is no such row. */
bool recording_filter_describe (guint row, const char **usage, const char **summary);

/* (transfer full) the table as a part of --help. @what: who is chosen, as "a session is shown" */
char *recording_filter_make_help (const char *what);

G_END_DECLS
