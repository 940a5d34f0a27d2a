/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h: `milter-replay record`.
 */
#pragma once

#include "tool-exit.h"

G_BEGIN_DECLS

ToolExit record_run (int argc, char **argv);

G_END_DECLS
