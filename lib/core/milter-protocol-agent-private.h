/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-protocol-agent-private.h: what the client's and the server's context need of their base.
 */
#pragma once

#include "milter-macros.h"
#include "milter-protocol-agent.h"

G_BEGIN_DECLS

/* what changes with each command, open to the contexts */
typedef struct
{
  MilterMacros *macros; /* (nullable): before the first one is set */
  MilterCommand macro_context;
} MilterProtocolAgentState;

/* (transfer none): valid as long as the agent */
MILTER_AVAILABLE MilterProtocolAgentState *
_milter_protocol_agent_get_state (MilterProtocolAgent *agent);
/* (transfer none): made when first asked for: where the agent's macros are; it may be changed behind the agent's back */
MILTER_AVAILABLE MilterMacros *_milter_protocol_agent_get_store (MilterProtocolAgent *agent);

G_END_DECLS
