/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-sessions.c: what a client serves, as seen from any thread.
 */
#include <pthread.h>

#include "milter-client-private.h"

/**
 * milter_client_get_n_processing_sessions:
 * @client: a client
 *
 * May be called from any thread.
 *
 * Returns: connections that are served, and sessions of milter_client_session_started()
 *
 * Since: 0.1
 */
guint
milter_client_get_n_processing_sessions (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return (guint) g_atomic_int_get (&client->priv->n_processing);
}

/**
 * milter_client_is_processing:
 * @client: a client
 *
 * May be called from any thread.
 *
 * Returns: whether milter_client_get_n_processing_sessions() is more than 0
 *
 * Since: 0.1
 */
gboolean
milter_client_is_processing (MilterClient *client)
{
  return milter_client_get_n_processing_sessions (client) > 0;
}

/* Sessions of the program's own. */

/**
 * milter_client_session_started:
 * @client: a client
 *
 * Counts a session that the program serves by itself, beside the connections of the client: it is
 * one of milter_client_get_n_processing_sessions() and of
 * milter_client_set_max_connections(), and holds up a shutdown as a message does. The client counts
 * its connections by itself. May be called from any thread.
 *
 * Since: 0.1
 */
void
milter_client_session_started (MilterClient *client)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_atomic_int_inc (&client->priv->n_own);
  g_atomic_int_inc (&client->priv->n_processing);
}

static bool
take_own_session (MilterClientPrivate *priv)
{
  int n;

  do
    {
      n = g_atomic_int_get (&priv->n_own);
      if (n == 0)
        return false;
    }
  while (!g_atomic_int_compare_and_exchange (&priv->n_own, n, n - 1));
  return true;
}

/**
 * milter_client_session_finished:
 * @client: a client
 *
 * Ends a session of milter_client_session_started(). A client that runs tells it with
 * "sessions-finished". May be called from any thread.
 *
 * Since: 0.1
 */
void
milter_client_session_finished (MilterClient *client)
{
  MilterClientNote note = { .kind = MILTER_CLIENT_NOTE_OWN_SESSION_FINISHED, .n = 1 };
  MilterHandover *notes;

  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_return_if_fail (take_own_session (client->priv));
  note.counted = &client->priv->n_processing;
  notes = g_atomic_pointer_get (&client->priv->notes);
  if (notes != NULL)
    _milter_handover_post (notes, g_memdup2 (&note, sizeof note));
  else
    milter_client_note_settle (&note);
}

/* All contexts. */

/* a call for all contexts, and the workers that have not finished it; on the caller's stack */
typedef struct
{
  MilterClientContextFunc func;
  gpointer user_data;
  GMainContext *waiter; /* (nullable): of the caller, if that is a worker */
  pthread_mutex_t mutex;
  pthread_cond_t finished;
  guint n_left;
} Round;

static void
visit (MilterClientWorker *worker, gpointer data)
{
  Round *round = data;

  milter_client_worker_for_each (worker, round->func, round->user_data);
}

/* a worker has had its turn, or has ended before */
static void
finish_turn (gpointer data)
{
  Round *round = data;
  GMainContext *waiter = NULL;

  pthread_mutex_lock (&round->mutex);
  round->n_left--;
  if (round->waiter != NULL)
    waiter = g_main_context_ref (round->waiter);
  pthread_cond_signal (&round->finished);
  pthread_mutex_unlock (&round->mutex);
  /* the round may be gone now */
  if (waiter != NULL)
    {
      g_main_context_wakeup (waiter);
      g_main_context_unref (waiter);
    }
}

/* A worker goes on serving while it waits: others may wait for it. */
static void
wait_for_all (Round *round)
{
  pthread_mutex_lock (&round->mutex);
  while (round->n_left > 0)
    if (round->waiter != NULL)
      {
        pthread_mutex_unlock (&round->mutex);
        g_main_context_iteration (round->waiter, TRUE);
        pthread_mutex_lock (&round->mutex);
      }
    else
      pthread_cond_wait (&round->finished, &round->mutex);
  pthread_mutex_unlock (&round->mutex);
}

static GPtrArray *
get_workers (MilterClient *client)
{
  MilterClientPrivate *priv = client->priv;
  GPtrArray *workers
      = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_client_worker_unref);

  pthread_mutex_lock (&priv->workers_mutex);
  for (guint i = 0; i < priv->workers->len; i++)
    g_ptr_array_add (workers, milter_client_worker_ref (priv->workers->pdata[i]));
  pthread_mutex_unlock (&priv->workers_mutex);
  return workers;
}

/**
 * milter_client_processing_context_foreach:
 * @client: a client
 * @func: (scope call) (closure user_data): what is called
 * @user_data: what it is given
 *
 * Calls @func for each context that is served, in the context's own thread, so that it may do there
 * what a handler may, and returns when all calls have. With several workers they happen at the same
 * time: @func guards what it shares. Contexts of one worker are called one after the other.
 *
 * May be called from any thread, also in a handler; there the other connections of that thread are
 * served while it waits for the other threads. A thread that a handler waits for must not call it.
 *
 * Since: 0.1
 */
void
milter_client_processing_context_foreach (MilterClient *client,
                                          MilterClientContextFunc func,
                                          gpointer user_data)
{
  g_autoptr (GPtrArray) workers = NULL;
  Round round = { .func = func, .user_data = user_data };

  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_return_if_fail (func != NULL);
  workers = get_workers (client);
  pthread_mutex_init (&round.mutex, NULL);
  pthread_cond_init (&round.finished, NULL);
  round.n_left = workers->len;
  if (milter_client_worker_get_current () != NULL)
    round.waiter = g_main_context_ref_thread_default ();
  for (guint i = 0; i < workers->len; i++)
    if (milter_client_worker_is_here (workers->pdata[i]))
      {
        visit (workers->pdata[i], &round);
        finish_turn (&round);
      }
    else
      milter_client_worker_visit (workers->pdata[i], visit, &round, finish_turn);
  wait_for_all (&round);
  g_clear_pointer (&round.waiter, g_main_context_unref);
  pthread_cond_destroy (&round.finished);
  pthread_mutex_destroy (&round.mutex);
}

/**
 * milter_client_get_worker_id:
 * @client: a client
 *
 * Returns: which of the client's workers the calling thread is, from 1 on; 0 in any other thread
 *
 * Since: 0.1
 */
guint
milter_client_get_worker_id (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return milter_client_worker_get_id (client);
}
