/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-require.c: `require` lines of a session and of its file.
 */
#include "session-require.h"

#include "tool-require.h"

/* `require probe NAME` (transfer full) (nullable) */
static char *
check_probes (const GPtrArray *requirements, GHashTable *probes)
{
  for (guint i = 0; i < requirements->len; i++)
    {
      const MilterRequirement *requirement = g_ptr_array_index (requirements, i);
      const char *why;

      if (requirement->kind != MILTER_REQUIRE_PROBE)
        continue;
      if (probes == NULL)
        return g_strdup_printf ("only --conformance tries whether the milter knows \"%s\"",
                                requirement->text);
      why = g_hash_table_lookup (probes, requirement->text);
      if (why == NULL)
        return g_strdup_printf ("the probe has no session \"%s\"", requirement->text);
      if (*why != '\0')
        return g_strdup (why);
    }
  return NULL;
}

char *
session_require_check (const MilterScenario *scenario,
                       const MilterScenarioSession *session,
                       GHashTable *probes)
{
  char *reason = tool_require_check (scenario->requirements);

  if (reason == NULL)
    reason = tool_require_check (session->requirements);
  if (reason == NULL)
    reason = check_probes (scenario->requirements, probes);
  return reason != NULL ? reason : check_probes (session->requirements, probes);
}
