/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message-diff.h: a message before and after the milter, line by line.
 */
#pragma once

#include <stdio.h>

#include "milter-mail-private.h"

G_BEGIN_DECLS

/* Appends three parts, Envelope, Header and Body: each line behind `  ` (as it was), `+ ` (new) or
 * `- ` (gone), in colour if asked for. */
void
message_diff_append (GString *out, const MilterMail *before, const MilterMail *after, bool color);

G_END_DECLS
