/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.h: `milter-replay show`: recordings as text that people read and players play.
 */
#pragma once

#include "tool-exit.h"

G_BEGIN_DECLS

/* @argv: from the word `show` on */
ToolExit show_run (int argc, char **argv);

G_END_DECLS
