/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plain-message.h: the one message of a run without a scenario, as steps for the player.
 */
#pragma once

#include "milter-player.h"
#include "server-options.h"

G_BEGIN_DECLS

/* The options must outlive the source. */
MilterStepSource plain_message_source (const ServerOptions *options);
/* the same message, as it is before any milter (transfer full) */
MilterMail *plain_message_mail (const ServerOptions *options);

G_END_DECLS
