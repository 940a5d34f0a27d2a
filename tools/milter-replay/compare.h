/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare.h: `milter-replay compare`: two recordings of the same traffic, side by side.
 */
#pragma once

#include "tool-exit.h"

G_BEGIN_DECLS

/* @argv: from the word `compare` on */
ToolExit compare_run (int argc, char **argv);

G_END_DECLS
