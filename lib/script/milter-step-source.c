/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-step-source.c: the lines of a parsed session, one by one.
 */
#include "milter-player.h"

typedef struct
{
  const MilterScenarioSession *session; /* unowned */
  guint next;
} SessionSource;

static gboolean
session_source_next (gpointer data, const MilterStep **step, GError **error)
{
  SessionSource *source = data;

  if (source->next >= source->session->steps->len)
    return FALSE;
  *step = g_ptr_array_index (source->session->steps, source->next++);
  return TRUE;
}

static const MilterStepSourceClass session_source_class = {
  .next = session_source_next,
  .free = g_free,
};

MilterStepSource
milter_step_source_new_for_session (const MilterScenarioSession *session, guint round, guint copy)
{
  SessionSource *source = g_new0 (SessionSource, 1);

  source->session = session;
  return (MilterStepSource){ &session_source_class, source };
}
