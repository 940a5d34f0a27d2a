/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-play.h: plays the SMTP client of a case for MTAs.
 */
#pragma once

#include "mta-smtp.h"
#include "mta-turn.h"

G_BEGIN_DECLS

/* Says what the case says, up to the first reply that it does not allow, and QUIT; then waits until the MTA
 * has let go of the milter. What was seen is in the turn. */
void mta_play (MtaTurn *turn, const MtaSmtpPeer *peer);

G_END_DECLS
