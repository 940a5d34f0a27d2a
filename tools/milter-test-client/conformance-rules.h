/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-rules.h: --conformance-rules: does what a message of the conformance suite asks for, by
 * the convention of docs/conformance.md.
 */
#pragma once

#include <milter/client.h>

G_BEGIN_DECLS

/* before the client runs */
void conformance_rules_serve (MilterClient *client);

G_END_DECLS
