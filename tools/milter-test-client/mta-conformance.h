/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-conformance.h: --conformance: the MTA against the requirements of the protocol.
 */
#pragma once

#include "test-client-options.h"

G_BEGIN_DECLS

/* Plays, and reports. The client is told where to listen, and nothing else. It is shut down when all is
 * played, or from elsewhere. */
ToolExit mta_conformance (const TestClientOptions *options, MilterClient *client);

G_END_DECLS
