/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-require.h: `require` lines that this machine decides.
 */
#pragma once

#include "milter-scenario.h"

G_BEGIN_DECLS

/* What is missing here of a list of MilterRequirement (nullable); NULL: nothing. What only the other
 * side's negotiation decides is not looked at. (transfer full) */
char *tool_require_check (const GPtrArray *requirements);

G_END_DECLS
