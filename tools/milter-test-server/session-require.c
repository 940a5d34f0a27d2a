/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-require.c: `require` lines of a session and of its file.
 */
#include "session-require.h"

#include "tool-require.h"

char *
session_require_check (const MilterScenario *scenario, const MilterScenarioSession *session)
{
  char *reason = tool_require_check (scenario->requirements);

  return reason != NULL ? reason : tool_require_check (session->requirements);
}
