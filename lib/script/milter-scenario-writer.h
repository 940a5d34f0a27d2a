/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-writer.h: recorded sessions as a scenario that a person would keep as a test.
 *
 * What an MTA says by itself is left to its profile: its macros, what it fills in, how it ends messages and
 * sessions. What remains are the commands, mails as `eml`, and under them what the milter answered: edits and
 * replies. That a milter let something pass is not written where a later line of the message could not be
 * reached otherwise. Each session is rehearsed (milter-rehearsal.h) before it is taken: it says to the
 * milter what was recorded, and holds if the answers are the same. One that no profile says so is written
 * frame by frame, `mta exact`.
 */
#pragma once

#include "milter-profile-private.h"
#include "milter-scenario.h"

G_BEGIN_DECLS

/* What is expected of the value of a field that a milter has added or changed, as a pattern behind its colon and
 * the blank there (transfer full); "": anything. NULL: just this value, which begins without that blank. */
typedef GString *(*MilterScenarioLoosen) (MilterBytes name, MilterBytes value, gpointer data);

/**
 * MilterScenarioWriterConfig:
 * @source: (nullable): of what it was made, for a comment
 * @profile: (nullable): the MTA that is played; else the one that leaves the least to be said
 * @mail_prefix: (nullable): longer mails are files of their own, called PREFIX-1.eml and so on; else they
 *   stand in the scenario
 * @loosen: (nullable): what of edits is not expected
 * @loosen_data: … for it
 */
typedef struct
{
  const char *source;
  const MilterProfile *profile;
  const char *mail_prefix;
  MilterScenarioLoosen loosen;
  gpointer loosen_data;
} MilterScenarioWriterConfig;

/**
 * MilterScenarioMail:
 * @name: of its file
 * @bytes: what it holds
 *
 * A mail that a scenario names.
 */
typedef struct
{
  char *name;
  GBytes *bytes;
} MilterScenarioMail;

typedef struct _MilterScenarioWriter MilterScenarioWriter;

/* @config: its strings outlive the writer */
MilterScenarioWriter *milter_scenario_writer_new (const MilterScenarioWriterConfig *config);
void milter_scenario_writer_free (MilterScenarioWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterScenarioWriter, milter_scenario_writer_free)

/* Takes a session. @number: sessions stand in the order of their numbers. @trace: of one connection, as a trace writer writes it; @replies: of #GBytes: the frames of the
 * milter, in their order. FALSE with @error: it is longer than a scenario may be. */
gboolean milter_scenario_writer_add (MilterScenarioWriter *writer,
                                     guint number,
                                     const GString *trace,
                                     const GPtrArray *replies,
                                     GError **error);
/* (transfer full) the file, in its canonical form. Once. NULL with @error: it is longer than a scenario may be. */
GString *milter_scenario_writer_finish (MilterScenarioWriter *writer, GError **error);
/* of #MilterScenarioMail: the files that it names, when it is finished (transfer none) */
const GPtrArray *milter_scenario_writer_get_mails (const MilterScenarioWriter *writer);

G_END_DECLS
