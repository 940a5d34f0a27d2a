/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lint-test.h: what the tests of the linter share: talks in words.
 *
 * `>M` and `<c` are a command and a reply with a payload without fault; `<h:X~v~` one with this payload,
 * in which `~` is a NUL, `|` a CR, `^` a LF, `_` a blank, `#0000000a` a number of four bytes, `$7f` one byte
 * and `{900}x` 900 times x. `+40` lets 40 ms pass; `@3` begins line 3; `raw` are bytes that are no frame from
 * the MTA, `garbage` from the milter; `end` is the milter's end of the connection, `end:2` within a frame.
 */
#pragma once

#include "milter-lint.h"

/* a session up to its first recipient; up to the end of its message. NO_SKIP: every step is offered,
 * none is agreed */
#define ENVELOPE ">O <O >C <c >H <c >M <c >R <c "
#define CONTENT  ">T <c >L <c >N <c >B <c "
#define MESSAGE  ENVELOPE CONTENT ">E "
#define OFFER_OF(actions, steps) ">O:#00000006#" actions "#" steps " "
#define ANSWER_OF(actions, steps) "<O:#00000006#" actions "#" steps " "

void lint_talk (MilterLint *lint, guint peer, const char *talk);
/* "MOD-05 MOD-06": the rules that a talk breaks, in order (transfer full) */
char *lint_rules (const MilterLint *lint);
