/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-init.c: the types are there from the start, so that GObject's text-based functions find
 * them by name.
 */
#include "milter-init.h"

#include "milter-enum-types.h"
#include "milter-header.h"
#include "milter-headers.h"
#include "milter-macros-requests.h"
#include "milter-message-result.h"
#include "milter-option.h"
#include "milter-protocol-agent.h"
#include "milter-session-result.h"

/**
 * milter_init:
 *
 * Sets the library up. To be called before anything else of it; more than once, and from several
 * threads, is harmless.
 */
void
milter_init (void)
{
  g_type_ensure (MILTER_TYPE_COMMAND);
  g_type_ensure (MILTER_TYPE_REPLY);
  g_type_ensure (MILTER_TYPE_ACTION_FLAGS);
  g_type_ensure (MILTER_TYPE_STEP_FLAGS);
  g_type_ensure (MILTER_TYPE_STATUS);
  g_type_ensure (MILTER_TYPE_STATE);
  g_type_ensure (MILTER_TYPE_OPTION);
  g_type_ensure (MILTER_TYPE_MACROS_REQUESTS);
  g_type_ensure (MILTER_TYPE_PROTOCOL_AGENT);
  g_type_ensure (MILTER_TYPE_HEADER);
  g_type_ensure (MILTER_TYPE_HEADERS);
  g_type_ensure (MILTER_TYPE_MESSAGE_RESULT);
  g_type_ensure (MILTER_TYPE_SESSION_RESULT);
}

/**
 * milter_quit:
 *
 * The counterpart of milter_init(). The library holds nothing that would have to be given back; a
 * program calls it last all the same, as later versions may.
 */
void
milter_quit (void)
{
}
