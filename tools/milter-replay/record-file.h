/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-file.h: the file of a recording: whole as far as it goes, whenever its writer is killed.
 *
 * A file has an end that stays, and behind it lines that are only how it stands now (`provisional`): the
 * next write puts what has become of them in their place. A pipe gets what stays alone.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

typedef struct _RecordFile RecordFile;

/**
 * RecordFileExisting:
 * @RECORD_FILE_EXISTING_REFUSE: a file that is there already is an error
 * @RECORD_FILE_EXISTING_REPLACE: … is emptied
 *
 * What happens to recordings of earlier days.
 */
typedef enum
{
  RECORD_FILE_EXISTING_REFUSE,
  RECORD_FILE_EXISTING_REPLACE
} RecordFileExisting;

/* @path: `-` is the standard output. A new file is for its owner alone: mail is private. */
RecordFile *record_file_open (const char *path, RecordFileExisting existing, GError **error);
/* writes nothing any more */
void record_file_free (RecordFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RecordFile, record_file_free)

/* Appends @lasting, and @provisional behind it. It never waits for a reader; what a pipe does not take
 * now waits in memory. A failure is told once, on stderr; nothing is written from then on. */
void record_file_write (RecordFile *file, MilterBytes lasting, MilterBytes provisional);
/* Whether anybody would see what is provisional. */
bool record_file_may_be_rewritten (const RecordFile *file);
/* Writes what waits, for some seconds at most. false: not all could be written, which has been told. */
bool record_file_finish (RecordFile *file);

G_END_DECLS
