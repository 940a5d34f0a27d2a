/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-file.h: --format.
 */
#pragma once

#include "server-options.h"

G_BEGIN_DECLS

/* Prints the scenario of the command line in its canonical form on the standard output. */
ToolExit format_file (const ServerOptions *options);

G_END_DECLS
