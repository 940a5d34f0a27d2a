/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-protocol-agent.h: what the contexts of both sides have in common: macros.
 */
#pragma once

#include "milter-enums.h"
#include "milter-macros-requests.h"
#include "milter-version-macros.h"

G_BEGIN_DECLS

#define MILTER_TYPE_PROTOCOL_AGENT (milter_protocol_agent_get_type ())
/**
 * MilterProtocolAgent:
 *
 * One end of a milter connection. Names of macros may be given with or without braces; they are
 * handed out without.
 */
MILTER_AVAILABLE G_DECLARE_DERIVABLE_TYPE (MilterProtocolAgent,
                                           milter_protocol_agent,
                                           MILTER,
                                           PROTOCOL_AGENT,
                                           GObject)

struct _MilterProtocolAgentClass
{
  GObjectClass parent_class;

  gpointer padding[8];
};

MILTER_AVAILABLE void milter_protocol_agent_set_macro_context (MilterProtocolAgent *agent,
                                                               MilterCommand macro_context);
MILTER_AVAILABLE MilterCommand milter_protocol_agent_get_macro_context (MilterProtocolAgent *agent);
MILTER_AVAILABLE void milter_protocol_agent_set_macros (MilterProtocolAgent *agent,
                                                        MilterCommand macro_context,
                                                        const char *macro_name,
                                                        ...);
MILTER_AVAILABLE void
milter_protocol_agent_set_macros_hash_table (MilterProtocolAgent *agent,
                                             MilterCommand macro_context,
                                             GHashTable *macros);
MILTER_AVAILABLE void milter_protocol_agent_set_macro (MilterProtocolAgent *agent,
                                                       MilterCommand macro_context,
                                                       const char *macro_name,
                                                       const char *macro_value);
MILTER_AVAILABLE GHashTable *milter_protocol_agent_get_macros (MilterProtocolAgent *agent);
MILTER_AVAILABLE GHashTable *
milter_protocol_agent_get_available_macros (MilterProtocolAgent *agent);
MILTER_AVAILABLE const char *milter_protocol_agent_get_macro (MilterProtocolAgent *agent,
                                                              const char *name);
MILTER_AVAILABLE void milter_protocol_agent_clear_macros (MilterProtocolAgent *agent,
                                                          MilterCommand macro_context);
MILTER_AVAILABLE void
milter_protocol_agent_clear_message_related_macros (MilterProtocolAgent *agent);
MILTER_AVAILABLE void
milter_protocol_agent_set_macros_requests (MilterProtocolAgent *agent,
                                           MilterMacrosRequests *requests);
MILTER_AVAILABLE MilterMacrosRequests *
milter_protocol_agent_get_macros_requests (MilterProtocolAgent *agent);

G_END_DECLS
