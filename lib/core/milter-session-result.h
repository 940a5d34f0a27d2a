/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session-result.h: what became of one connection.
 */
#pragma once

#include "milter-message-result.h"

G_BEGIN_DECLS

#define MILTER_TYPE_SESSION_RESULT (milter_session_result_get_type ())
/**
 * MilterSessionResult:
 *
 * The messages of a connection. Contexts fill it in; programs read it.
 */
MILTER_AVAILABLE G_DECLARE_FINAL_TYPE (MilterSessionResult,
                                       milter_session_result,
                                       MILTER,
                                       SESSION_RESULT,
                                       GObject)

MILTER_AVAILABLE GList *milter_session_result_get_message_results (MilterSessionResult *result);
MILTER_AVAILABLE gboolean milter_session_result_is_disconnected (MilterSessionResult *result);
MILTER_AVAILABLE double milter_session_result_get_elapsed_time (MilterSessionResult *result);

G_END_DECLS
