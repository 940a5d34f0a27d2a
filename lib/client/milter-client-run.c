/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-run.c: accepts connections, deals them out to workers, and ends.
 *
 * All of this happens in the thread of milter_client_run(). What workers have to tell comes as
 * notes through a hand-over; so does a shutdown, from any thread or a signal handler.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "milter-client-private.h"

/* Sessions that have finished. */

static void
tell_finished (MilterClient *client)
{
  MilterClientPrivate *priv = client->priv;
  guint n = priv->n_finished;
  guint interval = priv->maintenance_interval;
  guint before = priv->n_finished_ever;

  if (priv->tell_source != NULL)
    {
      g_source_destroy (priv->tell_source);
      g_clear_pointer (&priv->tell_source, g_source_unref);
    }
  if (n == 0)
    return;
  priv->n_finished = 0;
  priv->n_finished_ever += n;
  milter_client_emit_sessions_finished (client, n);
  if (!milter_client_is_processing (client)
      || (interval > 0 && before / interval != priv->n_finished_ever / interval))
    milter_client_emit_maintain (client);
}

static gboolean
tell_finished_when_idle (gpointer client)
{
  tell_finished (client);
  return G_SOURCE_REMOVE;
}

static void
pause_if_full (MilterClient *client)
{
  MilterClientPrivate *priv = client->priv;
  bool full = priv->max_connections > 0
              && milter_client_get_n_processing_sessions (client) >= priv->max_connections;

  if (priv->listener == NULL || full == priv->listener_paused)
    return;
  priv->listener_paused = full;
  _milter_io_listener_pause (priv->listener, full);
}

static void
note_session_finished (MilterClient *client, MilterClientNote *note)
{
  MilterClientPrivate *priv = client->priv;

  g_atomic_int_add (&priv->n_processing, -1);
  pause_if_full (client);
  priv->n_finished++;
  if (priv->max_pending_finished_sessions > 0
      && priv->n_finished >= priv->max_pending_finished_sessions)
    {
      tell_finished (client);
      return;
    }
  if (priv->tell_source != NULL)
    return;
  priv->tell_source = g_idle_source_new ();
  g_source_set_callback (priv->tell_source, tell_finished_when_idle, client, NULL);
  g_source_attach (priv->tell_source, g_main_loop_get_context (priv->loop));
}

/* The end. */

static void
begin_end (MilterClient *client)
{
  MilterClientPrivate *priv = client->priv;

  if (priv->ending)
    return;
  priv->ending = true;
  /* at once, so that MTAs turn elsewhere instead of waiting in the queue */
  g_clear_pointer (&priv->listener, _milter_io_listener_free);
  milter_client_close_socket (client, &priv->close_error);
  for (guint i = 0; i < priv->workers->len; i++)
    milter_client_worker_end (priv->workers->pdata[i], priv->shutdown_time);
  if (priv->n_workers_left == 0)
    g_main_loop_quit (priv->loop);
}

static void
note_worker_ended (MilterClient *client, MilterClientNote *note)
{
  MilterClientPrivate *priv = client->priv;

  priv->n_workers_left--;
  if (priv->n_workers_left == 0)
    g_main_loop_quit (priv->loop);
}

static void
note_error (MilterClient *client, MilterClientNote *note)
{
  milter_client_emit_error (client, note->error);
}

static void (*const note_functions[]) (MilterClient *client, MilterClientNote *note) = {
  [MILTER_CLIENT_NOTE_SESSION_FINISHED] = note_session_finished,
  [MILTER_CLIENT_NOTE_ERROR] = note_error,
  [MILTER_CLIENT_NOTE_WORKER_ENDED] = note_worker_ended,
};

static void
receive (gpointer item, gpointer user_data)
{
  MilterClient *client = user_data;
  MilterClientNote *note = item;

  if (note != NULL)
    {
      note_functions[note->kind](client, note);
      milter_client_note_free (note);
    }
  if (g_atomic_int_get (&client->priv->shutdown_wanted))
    begin_end (client);
}

/**
 * milter_client_shutdown:
 * @client: a client
 *
 * Ends milter_client_run(): nothing more is accepted, connections are closed as soon as no message
 * is under way and what was answered is out, and after milter_client_get_shutdown_time() at the
 * latest. Before the client runs, it makes milter_client_run() return at once. May be called from
 * any thread, more than once, and in a signal handler.
 */
void
milter_client_shutdown (MilterClient *client)
{
  MilterHandover *notes;

  /* no look at the type here: that may take a lock */
  if (client == NULL)
    return;
  g_atomic_int_set (&client->priv->shutdown_wanted, 1);
  notes = g_atomic_pointer_get (&client->priv->notes);
  if (notes != NULL)
    _milter_handover_wake (notes);
}

/* Accepting. */

static void
on_accepted (MilterIoListener *listener,
             int fd,
             const struct sockaddr *address,
             socklen_t address_size,
             gpointer user_data)
{
  MilterClient *client = user_data;
  MilterClientPrivate *priv = client->priv;
  MilterClientWorker *worker = priv->workers->pdata[priv->next_worker];

  priv->next_worker = (priv->next_worker + 1) % priv->workers->len;
  g_atomic_int_inc (&priv->n_processing);
  milter_client_worker_serve (worker, fd, address, address_size);
  pause_if_full (client);
}

static void
on_accept_error (MilterIoListener *listener, const GError *error, gpointer user_data)
{
  milter_client_emit_error (user_data, error);
}

static const MilterIoListenerHandlers listener_handlers = {
  .accepted = on_accepted,
  .error = on_accept_error,
};

/* Running. */

static gboolean
start_accepting (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  guint suspend_ms = MIN (priv->suspend_time, G_MAXUINT / 1000) * 1000;
  /* the channel keeps its own, which may be somebody else's */
  int fd = fcntl (g_io_channel_unix_get_fd (priv->listen_channel), F_DUPFD_CLOEXEC, 0);

  if (fd < 0)
    {
      g_set_error (error,
                   MILTER_CLIENT_ERROR,
                   MILTER_CLIENT_ERROR_IO_ERROR,
                   "the listening socket cannot be used: %s",
                   g_strerror (errno));
      return FALSE;
    }
  priv->listener_paused = false;
  priv->listener
      = _milter_io_listener_new (priv->io, fd, suspend_ms, &listener_handlers, client, error);
  return priv->listener != NULL;
}

static gboolean
start_workers (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  guint n = MAX (priv->n_workers, 1);

  priv->next_worker = 0;
  for (guint i = 0; i < n; i++)
    {
      MilterClientWorker *worker = milter_client_worker_new (client, priv->notes, error);

      if (worker == NULL)
        return FALSE;
      g_ptr_array_add (priv->workers, worker);
      priv->n_workers_left++;
    }
  return TRUE;
}

static gboolean
start (MilterClient *client, GMainContext *main_context, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  MilterHandover *notes;

  priv->io = _milter_io_loop_new (main_context, error);
  if (priv->io == NULL)
    return FALSE;
  notes = _milter_handover_new (main_context, receive, client, milter_client_note_free, error);
  if (notes == NULL)
    return FALSE;
  if (priv->notes != NULL)
    g_ptr_array_add (priv->old_notes, priv->notes);
  g_atomic_pointer_set (&priv->notes, notes);
  return start_workers (client, error) && start_accepting (client, error);
}

/* after the loop: threads, hand-over and loop go, in this order */
static void
stop (MilterClient *client)
{
  MilterClientPrivate *priv = client->priv;

  for (guint i = 0; i < priv->workers->len; i++)
    milter_client_worker_join (priv->workers->pdata[i]);
  g_ptr_array_set_size (priv->workers, 0);
  tell_finished (client);
  g_clear_pointer (&priv->listener, _milter_io_listener_free);
  /* it is kept until the client goes: milter_client_shutdown() may be using it */
  if (priv->notes != NULL)
    _milter_handover_close (priv->notes);
  g_clear_pointer (&priv->io, _milter_io_loop_free);
}

static gboolean
run (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  g_autoptr (GMainContext) main_context = g_main_context_ref_thread_default ();
  gboolean started;

  priv->loop = g_main_loop_new (main_context, FALSE);
  started = start (client, main_context, error);
  if (started)
    milter_client_emit_listen_started (client);
  if (!started || g_atomic_int_get (&priv->shutdown_wanted))
    begin_end (client);
  if (priv->n_workers_left > 0)
    g_main_loop_run (priv->loop);
  stop (client);
  g_clear_pointer (&priv->loop, g_main_loop_unref);
  return started;
}

/**
 * milter_client_run:
 * @client: a client
 * @error: return location for an error
 *
 * Listens, if milter_client_listen() has not been called, and serves MTAs until
 * milter_client_shutdown(). Runs the thread-default main context of the calling thread.
 *
 * Returns: %FALSE if the client could not start, or its socket not be removed
 */
/* in brackets, because of the macro for the form with one argument */
gboolean (milter_client_run) (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv;
  gboolean succeeded = TRUE;

  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  priv = client->priv;
  if (priv->running)
    {
      g_set_error (
          error, MILTER_CLIENT_ERROR, MILTER_CLIENT_ERROR_RUNNING, "the client runs already");
      return FALSE;
    }
  priv->running = true;
  priv->ending = false;
  g_object_ref (client);
  if (!g_atomic_int_get (&priv->shutdown_wanted))
    succeeded = milter_client_listen (client, error) && run (client, error);
  else
    milter_client_close_socket (client, &priv->close_error);
  if (priv->close_error != NULL && succeeded)
    {
      g_propagate_error (error, g_steal_pointer (&priv->close_error));
      succeeded = FALSE;
    }
  g_clear_error (&priv->close_error);
  g_atomic_int_set (&priv->shutdown_wanted, 0);
  priv->running = false;
  g_object_unref (client);
  return succeeded;
}

/* What may be asked from any thread. */

guint
milter_client_get_n_processing_sessions (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), 0);
  return g_atomic_int_get (&client->priv->n_processing);
}

gboolean
milter_client_is_processing (MilterClient *client)
{
  return milter_client_get_n_processing_sessions (client) > 0;
}
