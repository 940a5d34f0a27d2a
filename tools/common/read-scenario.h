/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-scenario.h: a scenario told to a sink, as if it had been recorded.
 */
#pragma once

#include "milter-capture-input.h"
#include "told-connection.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* @input: stands at the beginning of a text. @path: its name; - is standard input. What is wrong with it is
 * said. USAGE: it does not parse, or something in it cannot be told. */
ToolExit read_scenario (MilterCaptureInput *input, const char *path, TellingTo *to);

G_END_DECLS
