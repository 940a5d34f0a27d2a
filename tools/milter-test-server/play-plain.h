/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-plain.h: the run without a scenario: one message that the options describe.
 */
#pragma once

#include "server-options.h"

G_BEGIN_DECLS

ToolExit play_plain (const ServerOptions *options);

G_END_DECLS
