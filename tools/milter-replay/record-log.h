/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-log.h: what a proxy passes on, to the file of a recording.
 */
#pragma once

#include "record-file.h"

G_BEGIN_DECLS

typedef struct _RecordLog RecordLog;

/**
 * RecordLogKind:
 * @RECORD_LOG_TRACE: a scenario with times, which milter-test-server plays
 * @RECORD_LOG_PCAP: a capture, which Wireshark opens
 *
 * What a recording is written as.
 */
typedef enum
{
  RECORD_LOG_TRACE,
  RECORD_LOG_PCAP
} RecordLogKind;

/* @file: (transfer full) */
RecordLog *record_log_new (RecordFile *file, RecordLogKind kind);
void record_log_free (RecordLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RecordLog, record_log_free)

/* The beginning and the end of a connection are in the file when these return. @connection: from 1,
 * never used again. @mta, @milter: (nullable) their addresses */
void record_log_opened (RecordLog *log, guint connection, const char *mta, const char *milter);
void record_log_closed (RecordLog *log, guint connection, MilterSide by, bool reset);
/* What passed is in the file after record_log_write (), or, with record_log_write_soon (), when
 * the main context has its next turn, if not before that together with what follows. */
void record_log_passed (RecordLog *log, guint connection, MilterSide from, MilterBytes bytes);
void record_log_write (RecordLog *log);
void record_log_write_soon (RecordLog *log);
/* how often it has written */
guint64 record_log_get_n_writes (const RecordLog *log);
/* Nothing follows. false: the file is not whole, which has been told. */
bool record_log_finish (RecordLog *log);

G_END_DECLS
