/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-key.h: by what a message, or a session, of one recording is found in the other: equal keys belong together.
 *
 * All are (transfer full); NULL: this key does not tell.
 */
#pragma once

#include "milter-recorded-session.h"

G_BEGIN_DECLS

/* the envelope and the Message-ID, or the queue id where it has none */
char *compare_key_of_message (const MilterRecordedMessage *message);
/* … and what was negotiated, which tells apart the milters that hear of the same message */
char *compare_key_at_first_sight (const MilterRecordedMessage *message,
                                  const MilterRecordedSession *session);
/* the envelope is that of the traffic; a policy can make it shorter */
char *compare_key_of_message_id_and_sender (const MilterRecordedMessage *message);
/* … and the sender may be in a hole */
char *compare_key_of_message_id (const MilterRecordedMessage *message);
char *compare_key_of_envelope (const MilterRecordedMessage *message);
char *compare_key_of_sender (const MilterRecordedMessage *message);

char *compare_key_of_client (const MilterRecordedSession *session);
/* of those without messages; others are too different to belong together */
char *compare_key_of_order (const MilterRecordedSession *session);

G_END_DECLS
