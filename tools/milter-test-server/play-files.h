/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-files.h: the run with scenarios.
 */
#pragma once

#include "server-options.h"

G_BEGIN_DECLS

ToolExit play_files (const ServerOptions *options);

G_END_DECLS
