/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert.h: `milter-replay convert`.
 */
#pragma once

#include "tool-exit.h"

G_BEGIN_DECLS

ToolExit convert_run (int argc, char **argv);

G_END_DECLS
