/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-macros.h: the macros that an MTA has sent, by stage, for as long as they live.
 *
 * A macro frame replaces the set of its stage. CONNECT, HELO, MAIL and RCPT clear the sets of the
 * stages that come later in a session, never their own (milter-protocol 5.3). Besides libmilter's
 * rules, the end of a message and ABORT clear the sets from MAIL on, so that nothing of one message
 * is taken for the next one's (conformance case MAC-22).
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterMacros:
 *
 * Sets of macros by stage. Names are compared without braces: `j` and `{j}` are one name.
 */
typedef struct _MilterMacros MilterMacros;
MILTER_AVAILABLE MilterMacros *milter_macros_new (void);
MILTER_AVAILABLE void milter_macros_free (MilterMacros *macros);
/* all of one session is over: QUIT_NC, or a new negotiation */
MILTER_AVAILABLE void milter_macros_clear (MilterMacros *macros);
/* the packed pairs of a macro frame replace the set of @command, which may be any command letter
 * (Postfix sends macros also before HEADER, BODY and UNKNOWN); they are copied */
MILTER_AVAILABLE void milter_macros_set (MilterMacros *macros, guint8 command, MilterBytes pairs);
/* sets one macro of one stage, whatever else it has; NULL value takes it out */
MILTER_AVAILABLE void milter_macros_set_one (MilterMacros *macros,
                                             guint8 command,
                                             const char *name,
                                             const char *value);
/* a command has arrived: clears what it ends */
MILTER_AVAILABLE void milter_macros_command (MilterMacros *macros, guint8 command);
/* the packed pairs of a stage, empty if there are none */
MILTER_AVAILABLE MilterBytes milter_macros_get_stage (const MilterMacros *macros, guint8 command);
/* the letters of the stages that a command sees, its own first; a command without a stage of its
 * own sees all */
MILTER_AVAILABLE const char *milter_macros_get_stages (guint8 command);
/* Looks up from @command's stage backwards through the session; (nullable), valid until the next
 * change. Values are NUL-terminated. */
MILTER_AVAILABLE const char *milter_macros_lookup (const MilterMacros *macros,
                                                   guint8 command,
                                                   const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterMacros, milter_macros_free)

G_END_DECLS
