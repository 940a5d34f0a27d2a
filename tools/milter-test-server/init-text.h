/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * init-text.h: the first scenario for a milter (--init), made of what it negotiated.
 */
#pragma once

#include "tool-probe.h"

G_BEGIN_DECLS

/* how the milter decided about a plain message */
typedef struct
{
  guint8 verdict; /* letter of the reply; 0: it passed without a word */
  guint8 command; /* letter of the command that it answered so */
  guint header;   /* if that is a header field: which one, from 1 */
  int code;       /* of a REPLYCODE; 0: none */
} InitVerdict;

/* @command: words as in a shell, with $socket and so on in them. @verdict: NULL: not known yet; then the
 * message expects nothing. (transfer full) */
char *init_text (const char *command,
                 const ToolNegotiated *negotiated,
                 const InitVerdict *verdict,
                 GError **error);

G_END_DECLS
