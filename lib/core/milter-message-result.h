/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-message-result.h: what became of one message.
 */
#pragma once

#include "milter-enums.h"
#include "milter-headers.h"

G_BEGIN_DECLS

#define MILTER_TYPE_MESSAGE_RESULT (milter_message_result_get_type ())
/**
 * MilterMessageResult:
 *
 * A message as it passed between MTA and milter, and what the milter decided. Contexts fill it in;
 * programs read it.
 */
MILTER_AVAILABLE G_DECLARE_FINAL_TYPE (MilterMessageResult,
                                       milter_message_result,
                                       MILTER,
                                       MESSAGE_RESULT,
                                       GObject)

MILTER_AVAILABLE const char *milter_message_result_get_from (MilterMessageResult *result);
MILTER_AVAILABLE GList *milter_message_result_get_recipients (MilterMessageResult *result);
MILTER_AVAILABLE GList *
milter_message_result_get_temporary_failed_recipients (MilterMessageResult *result);
MILTER_AVAILABLE GList *milter_message_result_get_rejected_recipients (MilterMessageResult *result);
MILTER_AVAILABLE MilterHeaders *milter_message_result_get_headers (MilterMessageResult *result);
MILTER_AVAILABLE guint64 milter_message_result_get_body_size (MilterMessageResult *result);
MILTER_AVAILABLE MilterState milter_message_result_get_state (MilterMessageResult *result);
MILTER_AVAILABLE MilterStatus milter_message_result_get_status (MilterMessageResult *result);
MILTER_AVAILABLE MilterHeaders *
milter_message_result_get_added_headers (MilterMessageResult *result);
MILTER_AVAILABLE MilterHeaders *
milter_message_result_get_removed_headers (MilterMessageResult *result);
MILTER_AVAILABLE gboolean milter_message_result_is_quarantine (MilterMessageResult *result);
MILTER_AVAILABLE double milter_message_result_get_elapsed_time (MilterMessageResult *result);

G_END_DECLS
