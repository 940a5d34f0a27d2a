/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message-count.h: to which message of a connection each frame belongs.
 */
#pragma once

#include "milter-text.h"

G_BEGIN_DECLS

typedef struct _MessageCount MessageCount;

MessageCount *message_count_new (void);
void message_count_free (MessageCount *count);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MessageCount, message_count_free)

/* The number of its message, from 1; 0: it belongs to none. Frames of both sides, in order. */
guint message_count_take (MessageCount *count, const MilterMessage *message);
/* how the message that was taken last is written as text, by what was agreed */
MilterTextFlags message_count_get_flags (const MessageCount *count);

G_END_DECLS
