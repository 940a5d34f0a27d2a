/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-conductor.c: which session may begin now, and who waits for whom.
 *
 * Nothing here walks over all sessions for one of them: there may be thousands.
 */
#include "milter-conductor.h"

#include <stdbool.h>

typedef struct _Batch Batch;

/* a `barrier NAME` in one batch */
typedef struct
{
  char *name;
  guint passed;    /* so often all have been there */
  guint n_needed;  /* sessions that have this line once more, and are not over */
  GQueue waiting;  /* of Entry */
} Barrier;

typedef struct
{
  gpointer what;         /* unowned */
  Batch *batch;          /* unowned */
  GHashTable *lines;     /* (nullable) of char* to guint: how often it comes to each barrier */
  Barrier *waits_at;     /* (nullable) unowned */
  GList *place;          /* … in its queue */
  bool stuck;            /* … for ever */
  bool over;
} Entry;

/* sessions that run at once: the copies of one, or of a group, in one round */
struct _Batch
{
  Batch *before;        /* (nullable) unowned: the round before it */
  GPtrArray *entries;   /* of Entry, unowned */
  guint n_started, n_over, n_waiting, n_stuck;
  GPtrArray *barriers;  /* of Barrier; few */
};

struct _MilterConductor
{
  guint jobs;
  guint n_running;      /* batches that have begun and are not over */
  GHashTable *entries;  /* of what to Entry */
  GPtrArray *batches;   /* of Batch, in the order in which they were added */
  GHashTable *rounds;   /* of BatchKey (in keys) to Batch */
  guint first;          /* all batches before it have begun */
  Batch *beginning;     /* (nullable) some of its sessions have begun, and not all */
  guint n_over;
  GQueue passing;       /* of Entry: may go on */
  GQueue stuck;         /* of Entry: never will */
  /* of the session that was looked at last, whose copies come to the same barriers */
  const MilterScenarioSession *last_session;
  guint last_round;
  GHashTable *last_lines;
};

/* what sessions of one batch have in common */
typedef struct
{
  gconstpointer block; /* the session, or of a group the scenario */
  guint group;
  guint round;
} BatchKey;

static guint
key_hash (gconstpointer data)
{
  const BatchKey *key = data;

  return g_direct_hash (key->block) ^ (key->group * 31) ^ (key->round * 65599);
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  const BatchKey *one = a, *other = b;

  return one->block == other->block && one->group == other->group && one->round == other->round;
}

static void
barrier_free (gpointer data)
{
  Barrier *barrier = data;

  g_queue_clear (&barrier->waiting);
  g_free (barrier->name);
  g_free (barrier);
}

static void
batch_free (gpointer data)
{
  Batch *batch = data;

  g_ptr_array_unref (batch->entries);
  g_ptr_array_unref (batch->barriers);
  g_free (batch);
}

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_clear_pointer (&entry->lines, g_hash_table_unref);
  g_free (entry);
}

MilterConductor *
milter_conductor_new (guint jobs)
{
  MilterConductor *conductor = g_new0 (MilterConductor, 1);

  conductor->jobs = MAX (jobs, 1);
  conductor->entries = g_hash_table_new_full (NULL, NULL, NULL, entry_free);
  conductor->batches = g_ptr_array_new_with_free_func (batch_free);
  conductor->rounds = g_hash_table_new_full (key_hash, key_equal, g_free, NULL);
  return conductor;
}

void
milter_conductor_free (MilterConductor *conductor)
{
  if (conductor == NULL)
    return;
  g_queue_clear (&conductor->passing);
  g_queue_clear (&conductor->stuck);
  g_clear_pointer (&conductor->last_lines, g_hash_table_unref);
  g_hash_table_unref (conductor->rounds);
  g_hash_table_unref (conductor->entries);
  g_ptr_array_unref (conductor->batches);
  g_free (conductor);
}

/* --- what is to be played --------------------------------------------------------------------- */

static Batch *
find_batch (const MilterConductor *conductor, const BatchKey *key)
{
  return g_hash_table_lookup (conductor->rounds, key);
}

static Batch *
ensure_batch (MilterConductor *conductor, const BatchKey *key)
{
  BatchKey previous = *key;
  Batch *batch = find_batch (conductor, key);

  if (batch != NULL)
    return batch;
  batch = g_new0 (Batch, 1);
  batch->entries = g_ptr_array_new ();
  batch->barriers = g_ptr_array_new_with_free_func (barrier_free);
  previous.round--;
  batch->before = find_batch (conductor, &previous);
  g_ptr_array_add (conductor->batches, batch);
  g_hash_table_insert (conductor->rounds, g_memdup2 (key, sizeof *key), batch);
  return batch;
}

static Barrier *
ensure_barrier (Batch *batch, const char *name)
{
  Barrier *barrier;

  for (guint i = 0; i < batch->barriers->len; i++)
    {
      barrier = g_ptr_array_index (batch->barriers, i);
      if (g_str_equal (barrier->name, name))
        return barrier;
    }
  barrier = g_new0 (Barrier, 1);
  barrier->name = g_strdup (name);
  g_ptr_array_add (batch->barriers, barrier);
  return barrier;
}

static guint
count_of (GHashTable *lines, const char *name)
{
  return lines != NULL ? GPOINTER_TO_UINT (g_hash_table_lookup (lines, name)) : 0;
}

/* where names of barriers are looked for */
typedef struct
{
  GHashTable *lines; /* what is found: names and how often */
  guint round, copy; /* of the session */
  bool differs;      /* another copy comes to others */
} Count;

static char *
name_of (const MilterStep *step)
{
  gsize size = 0;
  const char *data = step->arguments->len > 0
                         ? g_bytes_get_data (g_ptr_array_index (step->arguments, 0), &size)
                         : "";

  return g_strndup (data, size);
}

static void
count_name (Count *count, char *name, guint64 times)
{
  guint64 n = MIN (count_of (count->lines, name) + times, G_MAXUINT);

  g_hash_table_insert (count->lines, name, GUINT_TO_POINTER ((guint) n));
}

/* (nullable) the name in one round; a line that makes no sense then ends its session anyway */
static char *
name_in_round (const MilterStep *step, guint round, guint copy)
{
  g_autoptr (MilterStep) own = milter_step_instantiate (step, round, copy, NULL);

  return own != NULL ? name_of (own) : NULL;
}

static void
count_varying (Count *count, const MilterStep *step, guint first, guint64 rounds, guint64 times)
{
  for (guint64 i = 0; i < rounds; i++)
    {
      char *name = name_in_round (step, (guint) (first + i), count->copy);
      g_autofree char *other = name_in_round (step, (guint) (first + i), count->copy + 1);

      count->differs = count->differs || g_strcmp0 (name, other) != 0;
      if (name != NULL)
        count_name (count, name, times);
    }
}

/* @first, @rounds: of the innermost `repeat`, which is walked so many times in all */
static void
count_barriers (
    Count *count, const GPtrArray *steps, guint first, guint64 rounds, guint64 times)
{
  for (guint i = 0; steps != NULL && i < steps->len; i++)
    {
      const MilterStep *step = g_ptr_array_index (steps, i);

      if (step->kind == MILTER_STEP_KIND_REPEAT)
        count_barriers (
            count, step->body, 1, step->number, MIN (times * rounds, G_MAXUINT));
      else if (step->kind == MILTER_STEP_KIND_BARRIER && step->template_ != NULL)
        count_varying (count, step, first, rounds, times);
      else if (step->kind == MILTER_STEP_KIND_BARRIER)
        count_name (count, name_of (step), MIN (times * rounds, G_MAXUINT));
    }
}

/* copies of one session come one after the other, and mostly share this */
static GHashTable *
barriers_of (MilterConductor *conductor,
             const MilterScenarioSession *session,
             guint round,
             guint copy)
{
  Count count = { .round = round, .copy = copy };

  if (conductor->last_session == session && conductor->last_round == round)
    return g_hash_table_ref (conductor->last_lines);
  count.lines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  count_barriers (&count, session->steps, round, 1, 1);
  g_clear_pointer (&conductor->last_lines, g_hash_table_unref);
  conductor->last_session = count.differs ? NULL : session;
  conductor->last_round = round;
  conductor->last_lines = g_hash_table_ref (count.lines);
  return count.lines;
}

void
milter_conductor_add (MilterConductor *conductor,
                      gpointer what,
                      const MilterScenario *scenario,
                      const MilterScenarioSession *session,
                      guint round,
                      guint copy)
{
  BatchKey key = { session->group != 0 ? (gconstpointer) scenario : session, session->group, round };
  Entry *entry = g_new0 (Entry, 1);
  GHashTableIter iter;
  gpointer name;

  g_assert (what != NULL && !g_hash_table_contains (conductor->entries, what));
  entry->what = what;
  entry->batch = ensure_batch (conductor, &key);
  entry->lines = barriers_of (conductor, session, round, copy);
  g_ptr_array_add (entry->batch->entries, entry);
  g_hash_table_insert (conductor->entries, what, entry);
  g_hash_table_iter_init (&iter, entry->lines);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    ensure_barrier (entry->batch, name)->n_needed++;
}

/* --- who begins ------------------------------------------------------------------------------- */

static bool
is_over (const Batch *batch)
{
  return batch->n_over == batch->entries->len;
}

static Batch *
next_batch (MilterConductor *conductor)
{
  while (conductor->first < conductor->batches->len
         && ((const Batch *) g_ptr_array_index (conductor->batches, conductor->first))->n_started > 0)
    conductor->first++;
  /* most often the first one; only rounds that wait for those before them are passed over */
  for (guint i = conductor->first; i < conductor->batches->len; i++)
    {
      Batch *batch = g_ptr_array_index (conductor->batches, i);

      if (batch->n_started == 0 && (batch->before == NULL || is_over (batch->before)))
        return batch;
    }
  return NULL;
}

gpointer
milter_conductor_start_next (MilterConductor *conductor)
{
  Batch *batch = conductor->beginning;
  const Entry *entry;

  /* a group that has begun is completed before anything else */
  if (batch == NULL)
    {
      if (conductor->n_running >= conductor->jobs)
        return NULL;
      batch = next_batch (conductor);
      if (batch == NULL)
        return NULL;
      conductor->n_running++;
    }
  entry = g_ptr_array_index (batch->entries, batch->n_started++);
  conductor->beginning = batch->n_started < batch->entries->len ? batch : NULL;
  return entry->what;
}

gboolean
milter_conductor_is_done (const MilterConductor *conductor)
{
  return conductor->n_over == g_hash_table_size (conductor->entries);
}

/* --- who waits -------------------------------------------------------------------------------- */

static void
leave_barrier (Entry *entry)
{
  entry->batch->n_waiting--;
  entry->batch->n_stuck -= entry->stuck;
  entry->stuck = false;
  entry->waits_at = NULL;
  entry->place = NULL;
}

/* all are there: they may go on, and the next time is that of those who come here once more */
static void
open_barrier (MilterConductor *conductor, Batch *batch, Barrier *barrier)
{
  if (barrier->waiting.length == 0 || barrier->waiting.length < barrier->n_needed)
    return;
  barrier->passed++;
  barrier->n_needed = 0;
  for (guint i = 0; i < batch->entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (batch->entries, i);

      if (!entry->over && count_of (entry->lines, barrier->name) > barrier->passed)
        barrier->n_needed++;
    }
  while (!g_queue_is_empty (&barrier->waiting))
    {
      Entry *entry = g_queue_pop_head (&barrier->waiting);

      if (entry->stuck)
        g_queue_remove (&conductor->stuck, entry);
      leave_barrier (entry);
      g_queue_push_tail (&conductor->passing, entry);
    }
}

/* Whoever is not over waits, each for one that waits elsewhere: none of them will ever go on. */
static void
find_stuck (MilterConductor *conductor, Batch *batch)
{
  if (batch->n_waiting == batch->n_stuck
      || batch->n_waiting + batch->n_over < batch->entries->len)
    return;
  for (guint i = 0; i < batch->entries->len; i++)
    {
      Entry *entry = g_ptr_array_index (batch->entries, i);

      if (entry->waits_at == NULL || entry->stuck)
        continue;
      entry->stuck = true;
      batch->n_stuck++;
      g_queue_push_tail (&conductor->stuck, entry);
    }
}

void
milter_conductor_arrive (MilterConductor *conductor, gpointer what, const char *name)
{
  Entry *entry = g_hash_table_lookup (conductor->entries, what);
  Batch *batch;
  Barrier *barrier;

  g_assert (entry != NULL && !entry->over && entry->waits_at == NULL);
  batch = entry->batch;
  barrier = ensure_barrier (batch, name);
  g_queue_push_tail (&barrier->waiting, entry);
  entry->place = barrier->waiting.tail;
  entry->waits_at = barrier;
  batch->n_waiting++;
  open_barrier (conductor, batch, barrier);
  find_stuck (conductor, batch);
}

gpointer
milter_conductor_pass_next (MilterConductor *conductor, char **why)
{
  Entry *entry = g_queue_pop_head (&conductor->passing);

  *why = NULL;
  if (entry != NULL)
    return entry->what;
  entry = g_queue_pop_head (&conductor->stuck);
  if (entry == NULL)
    return NULL;
  *why = g_strdup_printf ("barrier %s: all sessions of the group that are not over wait at a "
                          "barrier, and none can be passed",
                          entry->waits_at->name);
  g_queue_delete_link (&entry->waits_at->waiting, entry->place);
  leave_barrier (entry);
  return entry->what;
}

void
milter_conductor_finished (MilterConductor *conductor, gpointer what)
{
  Entry *entry = g_hash_table_lookup (conductor->entries, what);
  Batch *batch;

  g_assert (entry != NULL && !entry->over);
  batch = entry->batch;
  entry->over = true;
  batch->n_over++;
  conductor->n_over++;
  if (is_over (batch))
    conductor->n_running--;
  if (entry->stuck)
    g_queue_remove (&conductor->stuck, entry);
  if (entry->waits_at != NULL)
    {
      g_queue_delete_link (&entry->waits_at->waiting, entry->place);
      leave_barrier (entry);
    }
  g_queue_remove (&conductor->passing, entry);
  for (guint i = 0; i < batch->barriers->len; i++)
    {
      Barrier *barrier = g_ptr_array_index (batch->barriers, i);

      if (count_of (entry->lines, barrier->name) > barrier->passed)
        barrier->n_needed--;
      open_barrier (conductor, batch, barrier);
    }
  find_stuck (conductor, batch);
}
