/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-init.h: --init: a first scenario for a milter.
 */
#pragma once

#include "server-options.h"

G_BEGIN_DECLS

/* Starts the milter, sends it a plain message, and writes what it says as a scenario to the standard
 * output. */
ToolExit play_init (const ServerOptions *options);

G_END_DECLS
