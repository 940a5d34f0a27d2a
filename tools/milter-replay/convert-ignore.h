/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-ignore.h: `--ignore` for scenarios: expectations that leave out what changes every time.
 */
#pragma once

#include "milter-compare.h"

G_BEGIN_DECLS

/* (transfer full) (nullable) The value of a field as a pattern, quoted, with stars for what the rules leave out; "" if all
 * of it is left out; NULL: nothing is. @rules: as a MilterScenarioLoosen function (milter-scenario-writer.h) wants it */
GString *convert_ignore_loosen (MilterBytes name, MilterBytes value, gpointer rules);

G_END_DECLS
