/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-utils.h: names of enum and flags values.
 */
#pragma once

#include <glib-object.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

MILTER_AVAILABLE char *milter_utils_get_enum_name (GType enum_type, int enum_value);
MILTER_AVAILABLE char *milter_utils_get_enum_nick_name (GType enum_type, int enum_value);
MILTER_AVAILABLE char *milter_utils_get_flags_names (GType flags_type, guint flags);

G_END_DECLS
