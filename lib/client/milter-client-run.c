/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-run.c: accepts connections, deals them out to workers, and ends. (A worker that is
 * alone accepts by itself.)
 *
 * All of this happens in the thread of milter_client_run(). What workers have to tell comes as
 * notes through a hand-over; so does a shutdown, from any thread or a signal handler.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "milter-client-private.h"

/* Sessions that have finished. */

/* All threads have ended, and the program's own sessions, or have had the time to. What a thread
 * served was told before its end; what is left are sessions whose note has not been received. */
static bool
is_over (MilterClientPrivate *priv)
{
  return priv->n_workers_left == 0
         && (priv->time_is_up || g_atomic_int_get (&priv->n_processing) == 0);
}

static void
quit_if_over (MilterClient *client)
{
  if (client->priv->ending && is_over (client->priv))
    g_main_loop_quit (client->priv->loop);
}

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

bool
milter_client_is_full (MilterClient *client)
{
  guint max = client->priv->max_connections;

  return max > 0 && milter_client_get_n_processing_sessions (client) >= max;
}

guint
milter_client_get_suspend_ms (MilterClient *client)
{
  return MIN (client->priv->suspend_time, G_MAXUINT / 1000) * 1000;
}

static void
pause_if_full (MilterClient *client)
{
  MilterClientPrivate *priv = client->priv;
  bool full = milter_client_is_full (client);

  if (priv->listener == NULL || full == priv->listener_paused)
    return;
  priv->listener_paused = full;
  _milter_io_listener_pause (priv->listener, full);
}

static void
note_sessions_finished (MilterClient *client, MilterClientNote *note)
{
  MilterClientPrivate *priv = client->priv;

  quit_if_over (client);
  pause_if_full (client);
  priv->n_finished += note->n;
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

static void
note_own_session_finished (MilterClient *client, MilterClientNote *note)
{
  MilterClientPrivate *priv = client->priv;

  milter_client_note_settle (note);
  note_sessions_finished (client, note);
  if (priv->max_connections > 0 && priv->listener == NULL && priv->workers->len > 0)
    milter_client_worker_look_for_room (priv->workers->pdata[0]);
}

/* The end. */

static gboolean
on_time_is_up (gpointer client)
{
  MilterClientPrivate *priv = ((MilterClient *) client)->priv;

  priv->time_is_up = true;
  g_clear_pointer (&priv->end_source, g_source_unref);
  quit_if_over (client);
  return G_SOURCE_REMOVE;
}

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
  priv->end_source = g_timeout_source_new_seconds (priv->shutdown_time);
  g_source_set_callback (priv->end_source, on_time_is_up, client, NULL);
  g_source_attach (priv->end_source, g_main_loop_get_context (priv->loop));
  quit_if_over (client);
}

static void
note_worker_ended (MilterClient *client, MilterClientNote *note)
{
  MilterClientPrivate *priv = client->priv;

  priv->n_workers_left--;
  quit_if_over (client);
}

static void
note_error (MilterClient *client, MilterClientNote *note)
{
  milter_client_emit_error (client, note->error);
}

static void (*const note_functions[]) (MilterClient *client, MilterClientNote *note) = {
  [MILTER_CLIENT_NOTE_SESSIONS_FINISHED] = note_sessions_finished,
  [MILTER_CLIENT_NOTE_OWN_SESSION_FINISHED] = note_own_session_finished,
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

/* the channel keeps its own, which may be somebody else's */
static int
duplicate_socket (MilterClient *client, GError **error)
{
  int fd = fcntl (g_io_channel_unix_get_fd (client->priv->listen_channel), F_DUPFD_CLOEXEC, 0);

  if (fd < 0)
    g_set_error (error,
                 MILTER_CLIENT_ERROR,
                 MILTER_CLIENT_ERROR_IO_ERROR,
                 "the listening socket cannot be used: %s",
                 g_strerror (errno));
  return fd;
}

static gboolean
start_worker (MilterClient *client, guint id, int listener, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  MilterClientWorker *worker = milter_client_worker_new (client, id, priv->notes, listener, error);

  if (worker == NULL)
    return FALSE;
  pthread_mutex_lock (&priv->workers_mutex);
  g_ptr_array_add (priv->workers, worker);
  pthread_mutex_unlock (&priv->workers_mutex);
  priv->n_workers_left++;
  return TRUE;
}

/* Several workers, and a listener here that deals out; or one that has it. */
static gboolean
start_workers (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  guint n = MAX (priv->n_workers, 1);
  int fd = duplicate_socket (client, error);

  priv->next_worker = 0;
  if (fd < 0)
    return FALSE;
  if (n == 1 && !start_worker (client, 1, fd, error))
    return FALSE;
  if (n > 1)
    {
      priv->listener_paused = false;
      priv->listener = _milter_io_listener_new (
          priv->io, fd, milter_client_get_suspend_ms (client), &listener_handlers, client, error);
      if (priv->listener == NULL)
        return FALSE;
      for (guint i = 0; i < n; i++)
        if (!start_worker (client, i + 1, -1, error))
          return FALSE;
    }
  milter_client_emit_workers_created (client, n);
  return TRUE;
}

/* One for all runs: a signal handler may still hold that of an earlier one. */
static gboolean
open_notes (MilterClient *client, GMainContext *main_context, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  MilterHandover *notes = priv->notes;

  if (notes != NULL)
    {
      _milter_handover_reopen (notes, main_context);
      return TRUE;
    }
  notes = _milter_handover_new (main_context, receive, client, milter_client_note_free, error);
  g_atomic_pointer_set (&priv->notes, notes);
  return notes != NULL;
}

static gboolean
start (MilterClient *client, GMainContext *main_context, GError **error)
{
  MilterClientPrivate *priv = client->priv;

  priv->io = _milter_io_loop_new (main_context, error);
  if (priv->io == NULL || !open_notes (client, main_context, error))
    return FALSE;
  return start_workers (client, error);
}

/* all is there: the one worker that has the listener begins; here, the main loop does */
static void
begin_to_accept (MilterClientPrivate *priv)
{
  if (priv->listener == NULL)
    milter_client_worker_accept (priv->workers->pdata[0]);
}

/* after the loop: threads, hand-over and loop go, in this order */
static void
stop (MilterClient *client)
{
  MilterClientPrivate *priv = client->priv;

  for (guint i = 0; i < priv->workers->len; i++)
    milter_client_worker_join (priv->workers->pdata[i]);
  pthread_mutex_lock (&priv->workers_mutex);
  g_ptr_array_set_size (priv->workers, 0);
  pthread_mutex_unlock (&priv->workers_mutex);
  tell_finished (client);
  g_clear_pointer (&priv->listener, _milter_io_listener_free);
  /* it is kept until the client goes: milter_client_shutdown() may be using it */
  if (priv->notes != NULL)
    _milter_handover_close (priv->notes);
  g_clear_pointer (&priv->io, _milter_io_loop_free);
}

static void
stop_waiting (MilterClientPrivate *priv)
{
  if (priv->end_source == NULL)
    return;
  g_source_destroy (priv->end_source);
  g_clear_pointer (&priv->end_source, g_source_unref);
}

/* accepts and serves until a shutdown */
static gboolean
serve (MilterClient *client, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  g_autoptr (GMainContext) main_context = g_main_context_ref_thread_default ();
  gboolean started;

  priv->ending = false;
  priv->loop = g_main_loop_new (main_context, FALSE);
  started = start (client, main_context, error);
  if (started)
    {
      milter_client_emit_listen_started (client);
      started = milter_client_detach (client, error);
    }
  /* the program's own sessions have nothing to wait for where nothing was served */
  priv->time_is_up = !started;
  if (!started || g_atomic_int_get (&priv->shutdown_wanted))
    begin_end (client);
  else if (!priv->ending)
    begin_to_accept (priv);
  if (!priv->ending || !is_over (priv))
    g_main_loop_run (priv->loop);
  stop_waiting (priv);
  stop (client);
  g_clear_pointer (&priv->loop, g_main_loop_unref);
  return started;
}

/* the first of two errors counts */
static GError **
unless_set (GError **error)
{
  return *error == NULL ? error : NULL;
}

/* Everything before the first connection, in the order in which it can be done: who cannot bind or
 * write does not go to the background, and root's rights go last. */
static gboolean
prepare (MilterClient *client, GError **error)
{
  return milter_client_listen (client, error)
         && (!client->priv->run_as_daemon || milter_client_go_to_background (client, error))
         && milter_client_write_pid_file (client, error)
         && milter_client_drop_privilege_if_asked (client, error);
}

/* closes the socket if that has not happened yet; tells what could not be cleaned up */
static gboolean
clean_up (MilterClient *client, gboolean succeeded, GError **error)
{
  MilterClientPrivate *priv = client->priv;
  g_autoptr (GError) problem = g_steal_pointer (&priv->close_error);

  milter_client_close_socket (client, unless_set (&problem));
  milter_client_remove_pid_file (client, unless_set (&problem));
  if (problem == NULL || !succeeded)
    return succeeded;
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

static gboolean
run (MilterClient *client, gboolean (*before) (MilterClient *client, GError **error), GError **error)
{
  MilterClientPrivate *priv = client->priv;
  gboolean succeeded = TRUE;

  if (priv->running)
    {
      g_set_error (
          error, MILTER_CLIENT_ERROR, MILTER_CLIENT_ERROR_RUNNING, "the client runs already");
      return FALSE;
    }
  priv->running = true;
  g_object_ref (client);
  if (!g_atomic_int_get (&priv->shutdown_wanted))
    succeeded = before (client, error) && serve (client, error);
  succeeded = clean_up (client, succeeded, error);
  g_atomic_int_set (&priv->shutdown_wanted, 0);
  priv->running = false;
  g_object_unref (client);
  return succeeded;
}

/**
 * milter_client_run:
 * @client: a client
 * @error: return location for an error
 *
 * Listens, if milter_client_listen() has not been called; goes to the background, writes the pid
 * file and drops the privileges of root, as far as any of it was asked for; and serves MTAs until
 * milter_client_shutdown(). Runs the thread-default main context of the calling thread. At the end
 * the unix socket and the pid file are removed.
 *
 * Returns: %FALSE with an error if the client could not start, or could not clean up behind itself
 */
/* in brackets, because of the macro for the form with one argument */
gboolean (milter_client_run) (MilterClient *client, GError **error)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  return run (client, prepare, error);
}

static gboolean
check_that_it_listens (MilterClient *client, GError **error)
{
  if (client->priv->listen_channel != NULL)
    return TRUE;
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_NOT_LISTENED_YET,
               "the client does not listen yet: milter_client_listen() comes first");
  return FALSE;
}

/**
 * milter_client_main:
 * @client: a client that listens
 *
 * As milter_client_run(), for a program that does by itself what comes before: nothing is listened
 * on, no process goes to the background, no pid file is written, no privileges are dropped. What
 * goes wrong is told by the signal "error".
 *
 * Returns: %FALSE if the client could not start, or could not clean up behind itself
 *
 * Since: 0.1
 */
gboolean
milter_client_main (MilterClient *client)
{
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  if (run (client, check_that_it_listens, &error))
    return TRUE;
  milter_client_emit_error (client, error);
  return FALSE;
}
