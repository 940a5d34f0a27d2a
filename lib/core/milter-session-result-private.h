/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session-result-private.h: what the contexts write into a session's result.
 *
 * Times as in milter-message-result-private.h.
 */
#pragma once

#include "milter-session-result.h"

G_BEGIN_DECLS

MILTER_AVAILABLE MilterSessionResult *_milter_session_result_new (void);
MILTER_AVAILABLE void _milter_session_result_start (MilterSessionResult *result, gint64 now);
MILTER_AVAILABLE void _milter_session_result_stop (MilterSessionResult *result, gint64 now);
/* takes a reference */
MILTER_AVAILABLE void _milter_session_result_add_message (MilterSessionResult *result,
                                                          MilterMessageResult *message);
/* the peer went without a word */
MILTER_AVAILABLE void _milter_session_result_set_disconnected (MilterSessionResult *result,
                                                               gboolean disconnected);

G_END_DECLS
