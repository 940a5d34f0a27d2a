/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.h: `milter-replay replay`: yesterday's traffic against a milter of today.
 */
#pragma once

#include "tool-exit.h"

G_BEGIN_DECLS

/* @argv: from the word `replay` on */
ToolExit replay_run (int argc, char **argv);

G_END_DECLS
