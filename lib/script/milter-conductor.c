/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-conductor.c: which session may begin now, and who waits for whom.
 */
#include <stdbool.h>
#include <string.h>

#include "milter-player.h"

typedef struct
{
  MilterPlayer *player;
  guint group; /* 0: on its own */
  bool started;
  bool finished;
  GHashTable *arrived; /* (nullable) names of barriers */
} Entry;

struct _MilterConductor
{
  guint jobs;
  GPtrArray *entries; /* of Entry, in the order in which they were added */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  milter_player_free (entry->player);
  g_clear_pointer (&entry->arrived, g_hash_table_unref);
  g_free (entry);
}

MilterConductor *
milter_conductor_new (guint jobs)
{
  MilterConductor *conductor = g_new0 (MilterConductor, 1);

  conductor->jobs = MAX (jobs, 1);
  conductor->entries = g_ptr_array_new_with_free_func (entry_free);
  return conductor;
}

void
milter_conductor_free (MilterConductor *conductor)
{
  if (conductor == NULL)
    return;
  g_ptr_array_unref (conductor->entries);
  g_free (conductor);
}

void
milter_conductor_add (MilterConductor *conductor, MilterPlayer *player, guint group)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->player = player;
  entry->group = group;
  g_ptr_array_add (conductor->entries, entry);
}

static Entry *
find_entry (const MilterConductor *conductor, const MilterPlayer *player)
{
  for (guint i = 0; i < conductor->entries->len; i++)
    {
      Entry *entry = g_ptr_array_index (conductor->entries, i);

      if (entry->player == player)
        return entry;
    }
  return NULL;
}

/* Jobs that run: a group counts as one, since its sessions need each other. Sets @group to one of
 * which a session runs and another has not begun. */
static guint
count_running (const MilterConductor *conductor, guint *group)
{
  g_autoptr (GHashTable) groups = g_hash_table_new (NULL, NULL);
  guint n = 0;

  *group = 0;
  for (guint i = 0; i < conductor->entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (conductor->entries, i);

      if (!entry->started || entry->finished)
        continue;
      if (entry->group == 0 || g_hash_table_add (groups, GUINT_TO_POINTER (entry->group)))
        n++;
    }
  for (guint i = 0; i < conductor->entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (conductor->entries, i);

      if (!entry->started && entry->group != 0
          && g_hash_table_contains (groups, GUINT_TO_POINTER (entry->group)))
        *group = entry->group;
    }
  return n;
}

MilterPlayer *
milter_conductor_start_next (MilterConductor *conductor)
{
  guint group;
  bool full = count_running (conductor, &group) >= conductor->jobs;

  for (guint i = 0; i < conductor->entries->len; i++)
    {
      Entry *entry = g_ptr_array_index (conductor->entries, i);

      /* a group that has begun is completed before anything else */
      if (entry->started || (group != 0 && entry->group != group))
        continue;
      if (group == 0 && full)
        return NULL;
      entry->started = true;
      return entry->player;
    }
  return NULL;
}

void
milter_conductor_finished (MilterConductor *conductor, MilterPlayer *player)
{
  Entry *entry = find_entry (conductor, player);

  g_assert (entry != NULL && entry->started);
  entry->finished = true;
}

gboolean
milter_conductor_is_done (const MilterConductor *conductor)
{
  for (guint i = 0; i < conductor->entries->len; i++)
    if (!((const Entry *) g_ptr_array_index (conductor->entries, i))->finished)
      return FALSE;
  return TRUE;
}

gboolean
milter_conductor_arrive (MilterConductor *conductor, MilterPlayer *player, const char *barrier)
{
  Entry *own = find_entry (conductor, player);

  g_assert (own != NULL);
  if (own->arrived == NULL)
    own->arrived = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_add (own->arrived, g_strdup (barrier));
  if (own->group == 0)
    return TRUE;
  for (guint i = 0; i < conductor->entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (conductor->entries, i);

      if (entry->group == own->group && !entry->finished
          && (entry->arrived == NULL || !g_hash_table_contains (entry->arrived, barrier)))
        return FALSE;
    }
  return TRUE;
}
