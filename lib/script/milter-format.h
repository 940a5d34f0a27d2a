/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-format.h: a scenario in its canonical form.
 *
 * Lines, comments, blank lines, variables and the order of all stay as they are; indentation,
 * blanks between words, quotes, names of flags and units of durations become those that everybody
 * uses.
 */
#pragma once

#include "milter-scenario.h"

G_BEGIN_DECLS

/* (transfer full) The text of a scenario, or of lines that others include, in its canonical form. It
 * means the same, and its own canonical form is itself. NULL where it does not parse, with its errors
 * appended to @messages as by milter_scenario_parse(). */
GString *milter_scenario_format (const char *path,
                                 const char *text,
                                 gsize size,
                                 const MilterScenarioHost *host,
                                 GString *messages);
/* the same for a file */
GString *milter_scenario_format_file (const char *path,
                                      const MilterScenarioHost *host,
                                      GString *messages);

G_END_DECLS
