/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-conformance.h: --conformance: the milter against the requirements of the protocol.
 */
#pragma once

#include "server-options.h"
#include "tool-exit.h"

G_BEGIN_DECLS

ToolExit play_conformance (const ServerOptions *options);

G_END_DECLS
