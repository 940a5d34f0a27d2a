/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-events.h: each event of a milter as lines of text, in the form of the reference tool.
 */
#pragma once

#include <milter/client.h>

#include "test-client-options.h"

/* the client's contexts print what they see on stdout, and errors on stderr; @options outlives it
 */
void print_events_of (MilterClient *client, const TestClientOptions *options);
