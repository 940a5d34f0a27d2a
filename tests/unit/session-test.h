/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-test.h: what the tests of the session rules share: a frame without fault for each letter,
 * and talks, which are written as `>` and a command's letter, `<` and a reply's letter.
 */
#pragma once

#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

#define OFFER(v, a, s) "\0\0\0" v "\0\0" a "\0" s
#define FULL_OFFER     OFFER ("\6", "\1\xff", "\x1f\xff\xff")

MilterBytes get_payload (MilterSide side, guint8 letter);
gboolean say_bytes (MilterSession *session,
                    MilterSide side,
                    guint8 letter,
                    MilterBytes payload,
                    GError **error);
gboolean say (MilterSession *session, MilterSide side, guint8 letter, GError **error);
MilterSide get_side (char mark);
/* what is said must be fine, each part of it */
void talk (MilterSession *session, const char *words);
/* the last word is a deviation with this code */
void check_deviates (const char *words, int code);
