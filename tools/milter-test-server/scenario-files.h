/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-files.h: which scenarios and which of their sessions are played.
 */
#pragma once

#include "milter-scenario.h"
#include "report.h"
#include "server-options.h"

G_BEGIN_DECLS

/* Reads one file; NULL, and lines in @messages that say why it cannot be played. */
typedef MilterScenario *(*ScenarioLoad) (const char *path, GString *messages, gpointer user_data);

/* Reads all files and folders of the command line, in order, without the sessions that --filter leaves
 * out; a file that has none left is left out itself. What cannot be read becomes a case of the report.
 * (transfer full) of MilterScenario; NULL: there is nothing that --filter means, which has been told. */
GPtrArray *scenario_files_read (const ServerOptions *options,
                                ScenarioLoad load,
                                gpointer user_data,
                                Report *report);
/* `FILE:LINE: NAME` for each session, on the standard output */
void scenario_files_list (const GPtrArray *scenarios);

G_END_DECLS
