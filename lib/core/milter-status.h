/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-status.h: which of two statuses weighs more.
 */
#pragma once

#include "milter-enums.h"
#include "milter-version-macros.h"

G_BEGIN_DECLS

MILTER_AVAILABLE int milter_status_compare (MilterStatus status1, MilterStatus status2);

G_END_DECLS
