/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recording-summary.h: a recording counted: sessions, messages, verdicts, edits, latencies, holes.
 *
 * Its memory does not depend on how much is counted.
 */
#pragma once

#include "milter-recorded-builder.h"
#include "recording-filter.h"

G_BEGIN_DECLS

typedef struct _RecordingSummary RecordingSummary;

/* the sink to tell; its data is a RecordingSummary */
extern const MilterCaptureSink recording_summary_sink;

/* @filter: (nullable) which messages, and sessions without any, are counted; lives longer */
RecordingSummary *recording_summary_new (const RecordingFilter *filter);
void recording_summary_free (RecordingSummary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RecordingSummary, recording_summary_free)

/* The recording has ended. Whether anything was counted. */
bool recording_summary_finish (RecordingSummary *summary);
/* Appends lines for people, or one object, each ended by LF. */
void recording_summary_append_text (const RecordingSummary *summary, GString *text);
void recording_summary_append_json (const RecordingSummary *summary, GString *text);

G_END_DECLS
