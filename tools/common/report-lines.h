/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-lines.h: text as each format can carry it.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* Cuts a line of UTF-8 to so many columns of a terminal; what is cut ends in `…`. */
void report_fit_columns (GString *line, guint columns);

/* Appends text for XML, between tags or in an attribute. What XML 1.0 forbids, other control
 * characters, and bytes that are no UTF-8 as \xNN. A backslash stays as it is, so that what looks like
 * an escape may have been text. */
void report_append_xml (GString *out, MilterBytes bytes);
void report_append_xml_attribute (GString *out, MilterBytes bytes);
/* Appends text as it is, control characters and bytes that are no UTF-8 as \xNN. */
void report_append_shown (GString *out, MilterBytes bytes);
/* Appends text as a part of a line of TAP: `#` and `\` escaped, line ends and other control
 * characters as \xNN. */
void report_append_tap (GString *out, MilterBytes bytes);
/* Appends a scalar of YAML in double quotes, of the few escapes that the readers of TAP know. Control
 * characters and bytes that are no UTF-8 as the text \xNN. */
void report_append_yaml (GString *out, MilterBytes bytes);
/* Appends `"NAME":"…"`, or `"NAME_base64":"…"` if the bytes are no UTF-8. */
void report_append_json (GString *out, const char *name, MilterBytes bytes);
/* … behind a comma, as a member that is not the first; nothing if there is no @value */
void report_append_json_member (GString *out, const char *name, const char *value);
/* Appends `"…"`; of bytes that are UTF-8, NULs included. */
void report_append_json_string (GString *out, MilterBytes bytes);
bool report_is_utf8 (MilterBytes bytes);

G_END_DECLS
