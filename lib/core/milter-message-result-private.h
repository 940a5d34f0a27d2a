/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-message-result-private.h: what the contexts write into a message's result.
 *
 * Times are microseconds of the monotonic clock; the caller has it, this room has not.
 */
#pragma once

#include "milter-message-result.h"

G_BEGIN_DECLS

MILTER_AVAILABLE MilterMessageResult *_milter_message_result_new (void);
MILTER_AVAILABLE void _milter_message_result_start (MilterMessageResult *result, gint64 now);
MILTER_AVAILABLE void _milter_message_result_stop (MilterMessageResult *result, gint64 now);
MILTER_AVAILABLE void _milter_message_result_set_from (MilterMessageResult *result,
                                                       const char *from);
/* a recipient that was asked about; a refusal moves the last one of that address to its own list */
MILTER_AVAILABLE void _milter_message_result_add_recipient (MilterMessageResult *result,
                                                            const char *recipient);
MILTER_AVAILABLE void _milter_message_result_refuse_recipient (MilterMessageResult *result,
                                                               const char *recipient,
                                                               MilterStatus status);
MILTER_AVAILABLE void _milter_message_result_add_body_size (MilterMessageResult *result,
                                                            guint64 size);
MILTER_AVAILABLE void _milter_message_result_set_state (MilterMessageResult *result,
                                                        MilterState state);
MILTER_AVAILABLE void _milter_message_result_set_status (MilterMessageResult *result,
                                                         MilterStatus status);
MILTER_AVAILABLE void _milter_message_result_set_quarantine (MilterMessageResult *result,
                                                             gboolean quarantine);

G_END_DECLS
