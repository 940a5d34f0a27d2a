/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-imagine.h: what a milter would say that does what a scenario expects of it.
 *
 * So that a scenario can be told as if it had been recorded: a player plays it, and where it waits, the
 * answer is made up from the expectations of the line: the first alternative, a glob without its stars,
 * a regular expression if it is plain text; what is not expected lets the mail pass. The player then
 * judges what it was told, so that nothing is made up that does not hold.
 */
#pragma once

#include "milter-player.h"

G_BEGIN_DECLS

/**
 * MilterImagined:
 * @MILTER_IMAGINED_ANSWER: the milter says these bytes
 * @MILTER_IMAGINED_NOTHING: it is silent until the player's deadline
 * @MILTER_IMAGINED_CLOSED: it closes the connection
 * @MILTER_IMAGINED_RESET: … by RST
 */
typedef enum
{
  MILTER_IMAGINED_ANSWER,
  MILTER_IMAGINED_NOTHING,
  MILTER_IMAGINED_CLOSED,
  MILTER_IMAGINED_RESET
} MilterImagined;

/* What the only milter of @player does now, which has just said WAIT. Appends to @bytes. FALSE with @error,
 * which names the line: nothing can be made up that it expects; *@imagined is then that the mail passes. */
gboolean milter_imagine (const MilterPlayer *player,
                         GByteArray *bytes,
                         MilterImagined *imagined,
                         GError **error);

G_END_DECLS
