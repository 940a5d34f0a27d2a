/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-step-source.c: the lines of a parsed session, one by one: what `repeat` repeats as often as
 * it says, and lines with $n and $p read again for each round and copy.
 */
#include <stdbool.h>

#include "milter-player.h"

/* lines that are walked over, from first to last, so many times */
typedef struct
{
  const GPtrArray *steps; /* unowned */
  guint next;
  guint64 round, rounds;
} Walk;

typedef struct
{
  guint round, copy; /* of the session */
  GArray *walks;     /* of Walk: the session, in it `repeat`, in it another one … */
  GHashTable *read;  /* of MilterStep: lines that were read again, until they are released */
} SessionSource;

static void
begin_walk (SessionSource *source, const GPtrArray *steps, guint64 rounds)
{
  Walk walk = { .steps = steps, .round = 1, .rounds = rounds };

  if (steps != NULL && steps->len > 0 && rounds > 0)
    g_array_append_val (source->walks, walk);
}

/* the walk that has a line left; NULL: all is over */
static Walk *
find_walk (SessionSource *source)
{
  while (source->walks->len > 0)
    {
      Walk *walk = &g_array_index (source->walks, Walk, source->walks->len - 1);

      if (walk->next == walk->steps->len && walk->round < walk->rounds)
        {
          walk->round++;
          walk->next = 0;
        }
      if (walk->next < walk->steps->len)
        return walk;
      g_array_set_size (source->walks, source->walks->len - 1);
    }
  return NULL;
}

/* $n: the round of the innermost `repeat`, which may be the session's */
static guint
innermost_round (const SessionSource *source)
{
  const Walk *walk = &g_array_index (source->walks, Walk, source->walks->len - 1);

  return source->walks->len > 1 ? (guint) walk->round : source->round;
}

static bool
read_again (SessionSource *source, const MilterStep *line, const MilterStep **step, GError **error)
{
  MilterStep *own = milter_step_instantiate (line, innermost_round (source), source->copy, error);

  if (own == NULL)
    return false;
  g_hash_table_add (source->read, own);
  *step = own;
  return true;
}

static gboolean
session_source_next (gpointer data, const MilterStep **step, GError **error)
{
  SessionSource *source = data;
  Walk *walk;

  while ((walk = find_walk (source)) != NULL)
    {
      const MilterStep *line = g_ptr_array_index (walk->steps, walk->next++);

      if (line->kind == MILTER_STEP_KIND_REPEAT)
        begin_walk (source, line->body, line->number);
      else if (line->template_ == NULL)
        {
          *step = line;
          return TRUE;
        }
      else
        return read_again (source, line, step, error);
    }
  return FALSE;
}

static void
session_source_release (gpointer data, const MilterStep *step)
{
  /* the others are the scenario's */
  g_hash_table_remove (((SessionSource *) data)->read, step);
}

static void
session_source_free (gpointer data)
{
  SessionSource *source = data;

  g_array_unref (source->walks);
  g_hash_table_unref (source->read);
  g_free (source);
}

static const MilterStepSourceClass session_source_class = {
  .next = session_source_next,
  .free = session_source_free,
  .release = session_source_release,
};

MilterStepSource
milter_step_source_new_for_session (const MilterScenarioSession *session, guint round, guint copy)
{
  SessionSource *source = g_new0 (SessionSource, 1);

  source->round = round;
  source->copy = copy;
  source->walks = g_array_new (FALSE, FALSE, sizeof (Walk));
  source->read = g_hash_table_new_full (NULL, NULL, (GDestroyNotify) milter_step_free, NULL);
  begin_walk (source, session->steps, 1);
  return (MilterStepSource){ &session_source_class, source };
}
