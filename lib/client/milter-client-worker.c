/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-worker.c: a thread with a main context and an io loop of its own, and its
 * connections. One that is alone accepts them, too: to be woken for each, and to hand it over,
 * takes another thread longer than all that is done for a connection that only negotiates.
 *
 * Others reach it through its inbox alone, and it reaches the thread of milter_client_run() through
 * the notes alone: both are hand-overs.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "milter-client-context-private.h"
#include "milter-client-private.h"

/* sessions that have finished are told when there is nothing else to do, or when so many have */
#define MAX_UNTOLD 64

/* turns of a program's own sources at the end: one that is ready for ever does not hold it up */
#define MAX_LAST_TURNS 100

struct _MilterClientWorker
{
  atomic_uint refs;     /* of the client while it runs, and of each of its contexts */
  MilterClient *client; /* unowned; it outlives the thread */
  guint id;
  MilterHandover *inbox;
  MilterHandover *notes;
  GThread *thread;

  /* the rest belongs to the thread */
  GMainContext *main_context;
  GMainLoop *loop;
  MilterIoLoop *io;
  MilterIoListener *listener; /* (nullable) */
  bool accepts;
  bool listener_paused;
  GQueue contexts; /* each holds a reference */
  MilterClientSpare spare;
  guint n_untold;  /* sessions that have finished */
  GSource *untold; /* tells them */
  bool ending;
  bool time_is_up; /* of ending */
};

/* what comes through the inbox: a call */
typedef struct _Task Task;
struct _Task
{
  void (*run) (MilterClientWorker *worker, Task *task);
  /* a socket */
  int fd;
  MilterGenericSocketAddress *address;
  socklen_t address_size;
  /* something for a context */
  MilterClientContext *context;
  void (*func) (MilterClientContext *context, gpointer data);
  gpointer data;
  GDestroyNotify free_data;
  /* something for all of them, with data */
  void (*visit) (MilterClientWorker *worker, gpointer data);
  /* the end */
  guint shutdown_time;
};

static void
task_free (gpointer data)
{
  Task *task = data;

  if (task->fd >= 0)
    close (task->fd);
  g_free (task->address);
  if (task->free_data != NULL)
    task->free_data (task->data);
  g_clear_object (&task->context);
  g_free (task);
}

/* takes it over; one that comes too late is freed */
static void
post (MilterClientWorker *worker, Task task)
{
  _milter_handover_post (worker->inbox, g_memdup2 (&task, sizeof task));
}

void
milter_client_note_settle (MilterClientNote *note)
{
  int *counted = g_steal_pointer (&note->counted);

  if (counted != NULL)
    g_atomic_int_add (counted, -(int) note->n);
}

void
milter_client_note_free (gpointer data)
{
  MilterClientNote *note = data;

  milter_client_note_settle (note);
  g_clear_error (&note->error);
  g_free (note);
}

static void
tell (MilterClientWorker *worker, MilterClientNoteKind kind, guint n, GError *error)
{
  MilterClientNote note = { .kind = kind, .n = n, .error = error };

  _milter_handover_post (worker->notes, g_memdup2 (&note, sizeof note));
}

/* Sessions that have finished. The other thread is not woken for each of them. */

static void
tell_finished (MilterClientWorker *worker)
{
  guint n = worker->n_untold;

  worker->n_untold = 0;
  if (n > 0)
    tell (worker, MILTER_CLIENT_NOTE_SESSIONS_FINISHED, n, NULL);
}

static void
count_finished (MilterClientWorker *worker)
{
  const MilterClientPrivate *client = worker->client->priv;
  /* somebody counts on each of them */
  bool is_awaited = client->max_connections > 0 || client->maintenance_interval > 0
                    || client->max_pending_finished_sessions > 0;

  g_atomic_int_add (&worker->client->priv->n_processing, -1);
  worker->n_untold++;
  if (is_awaited || worker->n_untold >= MAX_UNTOLD)
    tell_finished (worker);
}

typedef struct
{
  GSource source;
  MilterClientWorker *worker; /* unowned; it destroys the source */
} UntoldSource;

static gboolean
untold_prepare (GSource *source, int *timeout)
{
  *timeout = -1;
  return ((UntoldSource *) source)->worker->n_untold > 0;
}

static gboolean
untold_check (GSource *source)
{
  return ((UntoldSource *) source)->worker->n_untold > 0;
}

static gboolean
untold_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  tell_finished (((UntoldSource *) source)->worker);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs untold_funcs = {
  .prepare = untold_prepare,
  .check = untold_check,
  .dispatch = untold_dispatch,
};

static GSource *
untold_source_new (MilterClientWorker *worker)
{
  GSource *source = g_source_new (&untold_funcs, sizeof (UntoldSource));

  ((UntoldSource *) source)->worker = worker;
  g_source_set_static_name (source, "milterlab-sessions-finished");
  g_source_set_priority (source, G_PRIORITY_DEFAULT_IDLE);
  g_source_set_can_recurse (source, TRUE);
  g_source_attach (source, worker->main_context);
  return source;
}

/* A connection. */

void
milter_client_worker_meet (MilterClientWorker *worker, MilterClientContext *context)
{
  milter_client_emit_connection_established (worker->client, context);
  milter_client_context_arm (context);
  if (worker->ending)
    milter_client_context_leave (context);
}

/* An accepted socket. Nothing of the program's but its class function is called here, which may be
 * inside of the listener's turn. */
static void
take_socket (MilterClientWorker *worker,
             int fd,
             const struct sockaddr *address,
             socklen_t address_size)
{
  MilterClientContext *context = milter_client_create_context (worker->client);
  GError *error = NULL;

  /* a class function of a binding that raised */
  if (context == NULL)
    {
      close (fd);
      error = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                           MILTER_CLIENT_CONTEXT_ERROR_NULL,
                           "create_context () made no context; the connection is closed");
      tell (worker, MILTER_CLIENT_NOTE_ERROR, 0, error);
      count_finished (worker);
      return;
    }
  context->priv->worker = milter_client_worker_ref (worker);
  if (!milter_client_context_connect (context, worker->io, fd, address, address_size, &error))
    {
      tell (worker, MILTER_CLIENT_NOTE_ERROR, 0, error);
      count_finished (worker);
      g_object_unref (context);
      return;
    }
  g_queue_push_tail_link (&worker->contexts, &context->priv->link);
}

static void
serve (MilterClientWorker *worker, Task *task)
{
  int fd = task->fd;

  task->fd = -1;
  take_socket (worker, fd, &task->address->base, task->address_size);
}

/* Accepting. */

static void
update_listener (MilterClientWorker *worker)
{
  bool paused = !worker->accepts || milter_client_is_full (worker->client);

  if (worker->listener == NULL || paused == worker->listener_paused)
    return;
  worker->listener_paused = paused;
  _milter_io_listener_pause (worker->listener, paused);
}

static void
on_accepted (MilterIoListener *listener,
             int fd,
             const struct sockaddr *address,
             socklen_t address_size,
             gpointer user_data)
{
  MilterClientWorker *worker = user_data;

  g_atomic_int_inc (&worker->client->priv->n_processing);
  take_socket (worker, fd, address, MIN (address_size, sizeof (MilterGenericSocketAddress)));
  update_listener (worker);
}

static void
on_accept_error (MilterIoListener *listener, const GError *error, gpointer user_data)
{
  tell (user_data, MILTER_CLIENT_NOTE_ERROR, 0, g_error_copy (error));
}

static const MilterIoListenerHandlers listener_handlers = {
  .accepted = on_accepted,
  .error = on_accept_error,
};

static void
begin_to_accept (MilterClientWorker *worker, Task *task)
{
  worker->accepts = true;
  update_listener (worker);
}

static void
look_for_room (MilterClientWorker *worker, Task *task)
{
  update_listener (worker);
}

static bool
is_over (MilterClientWorker *worker)
{
  return worker->ending && worker->contexts.length == 0;
}

static void
quit_if_over (MilterClientWorker *worker)
{
  if (is_over (worker))
    g_main_loop_quit (worker->loop);
}

void
milter_client_worker_forget (MilterClientWorker *worker, MilterClientContext *context)
{
  g_queue_unlink (&worker->contexts, &context->priv->link);
  count_finished (worker);
  update_listener (worker);
  quit_if_over (worker);
  g_object_unref (context);
}

/* The end of a worker. */

/* Contexts may go, and others with them, while their handlers run: each one goes to the tail before
 * its turn. Where some have gone, others have a second turn, which changes nothing. */
static void
for_each_context (MilterClientWorker *worker, void (*func) (MilterClientContext *context))
{
  for (guint n = worker->contexts.length; n > 0 && worker->contexts.length > 0; n--)
    {
      GList *node = g_queue_pop_head_link (&worker->contexts);

      g_queue_push_tail_link (&worker->contexts, node);
      func (node->data);
    }
}

static void
cut_off (MilterClientContext *context)
{
  milter_client_context_close (context, MILTER_IO_CLOSE_NOW);
}

static gboolean
cut_all_off (gpointer data)
{
  MilterClientWorker *worker = data;

  worker->time_is_up = true;
  for_each_context (worker, cut_off);
  return G_SOURCE_REMOVE;
}

/* What was answered still reaches an MTA that reads slowly, while there is time. */
static void
wait_for_output (MilterClientWorker *worker)
{
  while (!worker->time_is_up && _milter_io_loop_get_n_connections (worker->io) > 0)
    g_main_context_iteration (worker->main_context, TRUE);
}

static void
end (MilterClientWorker *worker, Task *task)
{
  g_autoptr (GSource) source = NULL;

  worker->ending = true;
  /* at once, so that MTAs turn elsewhere instead of waiting in the queue */
  g_clear_pointer (&worker->listener, _milter_io_listener_free);
  for_each_context (worker, milter_client_context_leave);
  quit_if_over (worker);
  source = g_timeout_source_new_seconds (task->shutdown_time);
  g_source_set_callback (source, cut_all_off, worker, NULL);
  g_source_attach (source, worker->main_context);
}

/* The thread. */

static void
receive (gpointer item, gpointer user_data)
{
  Task *task = item;

  if (task == NULL)
    return;
  task->run (user_data, task);
  task_free (task);
}

static GPrivate current_worker = G_PRIVATE_INIT (NULL);

/* What a program had done elsewhere comes back to the thread that asked for it, as a GTask does, also
 * if the last connection is over: what is ready by now is received. */
static void
finish_sources (MilterClientWorker *worker)
{
  for (guint n = 0; n < MAX_LAST_TURNS && !worker->time_is_up; n++)
    if (!g_main_context_iteration (worker->main_context, FALSE))
      return;
}

/* What a program has left in it, as a timeout that would have answered, goes now: it may hold a
 * context, which holds the worker. */
static void
free_main_context (MilterClientWorker *worker)
{
  if (worker->main_context == NULL)
    return;
  g_source_destroy (worker->untold);
  g_clear_pointer (&worker->untold, g_source_unref);
  g_clear_pointer (&worker->loop, g_main_loop_unref);
  g_clear_pointer (&worker->main_context, g_main_context_unref);
}

static gpointer
worker_main (gpointer data)
{
  MilterClientWorker *worker = data;

  g_private_set (&current_worker, worker);
  g_main_context_push_thread_default (worker->main_context);
  _milter_io_loop_begin_waiting (worker->io, worker->main_context);
  milter_client_emit_worker_created (worker->client);
  /* a handler that iterated the main context may have come to the end already */
  if (!is_over (worker))
    g_main_loop_run (worker->loop);
  wait_for_output (worker);
  finish_sources (worker);
  _milter_io_loop_end_waiting (worker->io, worker->main_context);
  _milter_handover_close (worker->inbox);
  _milter_io_loop_free (g_steal_pointer (&worker->io));
  g_clear_object (&worker->spare.option);
  g_clear_object (&worker->spare.requests);
  g_clear_pointer (&worker->spare.answer, g_byte_array_unref);
  g_main_context_pop_thread_default (worker->main_context);
  tell_finished (worker);
  free_main_context (worker);
  tell (worker, MILTER_CLIENT_NOTE_WORKER_ENDED, 0, NULL);
  milter_client_worker_unref (worker);
  return NULL;
}

/* Takes the socket, if there is one. */
static bool
add_listener (MilterClientWorker *worker, int fd, GError **error)
{
  if (fd < 0)
    return true;
  worker->listener = _milter_io_listener_new (worker->io,
                                              fd,
                                              milter_client_get_suspend_ms (worker->client),
                                              &listener_handlers,
                                              worker,
                                              error);
  update_listener (worker);
  return worker->listener != NULL;
}

/* GLib aborts the program if there is no descriptor left for a main context. */
static bool
check_for_descriptor (GError **error)
{
  int fd = eventfd (0, EFD_CLOEXEC);

  if (fd >= 0)
    {
      close (fd);
      return true;
    }
  g_set_error (error,
               MILTER_CLIENT_ERROR,
               MILTER_CLIENT_ERROR_IO_ERROR,
               "cannot make an event descriptor for a worker: %s",
               g_strerror (errno));
  return false;
}

MilterClientWorker *
milter_client_worker_new (MilterClient *client,
                          guint id,
                          MilterHandover *notes,
                          int listener,
                          GError **error)
{
  MilterClientWorker *worker;

  if (!check_for_descriptor (error))
    {
      if (listener >= 0)
        close (listener);
      return NULL;
    }
  worker = g_new0 (MilterClientWorker, 1);
  atomic_init (&worker->refs, 1);
  worker->client = client;
  worker->id = id;
  worker->notes = _milter_handover_ref (notes);
  worker->main_context = g_main_context_new ();
  worker->loop = g_main_loop_new (worker->main_context, FALSE);
  worker->untold = untold_source_new (worker);
  worker->io = _milter_io_loop_new (worker->main_context, error);
  if (worker->io == NULL && listener >= 0)
    close (listener);
  if (worker->io != NULL && add_listener (worker, listener, error))
    worker->inbox = _milter_handover_new (worker->main_context, receive, worker, task_free, error);
  if (worker->inbox != NULL)
    worker->thread
        = g_thread_try_new ("milter-worker", worker_main, milter_client_worker_ref (worker), error);
  if (worker->thread == NULL)
    {
      if (worker->inbox != NULL)
        {
          _milter_handover_close (worker->inbox);
          milter_client_worker_unref (worker);
        }
      milter_client_worker_unref (worker);
      return NULL;
    }
  return worker;
}

MilterClientWorker *
milter_client_worker_ref (MilterClientWorker *worker)
{
  atomic_fetch_add (&worker->refs, 1);
  return worker;
}

void
milter_client_worker_unref (MilterClientWorker *worker)
{
  if (atomic_fetch_sub (&worker->refs, 1) > 1)
    return;
  g_clear_pointer (&worker->inbox, _milter_handover_unref);
  g_clear_pointer (&worker->io, _milter_io_loop_free);
  g_clear_pointer (&worker->notes, _milter_handover_unref);
  free_main_context (worker);
  g_free (worker);
}

void
milter_client_worker_join (MilterClientWorker *worker)
{
  g_thread_join (g_steal_pointer (&worker->thread));
}

/* of the asking thread alone, which may be there before the worker's has begun */
bool
milter_client_worker_is_here (MilterClientWorker *worker)
{
  return g_private_get (&current_worker) == worker;
}

MilterClientSpare *
milter_client_worker_get_spare (MilterClientWorker *worker)
{
  return &worker->spare;
}

void
milter_client_worker_serve (MilterClientWorker *worker,
                            int fd,
                            const struct sockaddr *address,
                            socklen_t address_size)
{
  MilterGenericSocketAddress *copy = g_new0 (MilterGenericSocketAddress, 1);

  address_size = MIN (address_size, sizeof *copy);
  memcpy (copy, address, address_size);
  post (worker, (Task){ .run = serve, .fd = fd, .address = copy, .address_size = address_size });
}

void
milter_client_worker_accept (MilterClientWorker *worker)
{
  post (worker, (Task){ .run = begin_to_accept, .fd = -1 });
}

void
milter_client_worker_look_for_room (MilterClientWorker *worker)
{
  post (worker, (Task){ .run = look_for_room, .fd = -1 });
}

void
milter_client_worker_end (MilterClientWorker *worker, guint shutdown_time)
{
  post (worker, (Task){ .run = end, .fd = -1, .shutdown_time = shutdown_time });
}

static void
call (MilterClientWorker *worker, Task *task)
{
  task->func (task->context, task->data);
}

void
milter_client_worker_post (MilterClientWorker *worker,
                           MilterClientContext *context,
                           void (*func) (MilterClientContext *context, gpointer data),
                           gpointer data,
                           GDestroyNotify free_data)
{
  post (worker,
        (Task){ .run = call,
                .fd = -1,
                .context = g_object_ref (context),
                .func = func,
                .data = data,
                .free_data = free_data });
}

MilterClientWorker *
milter_client_worker_get_current (void)
{
  return g_private_get (&current_worker);
}

guint
milter_client_worker_get_id (MilterClient *client)
{
  MilterClientWorker *worker = g_private_get (&current_worker);

  return worker != NULL && worker->client == client ? worker->id : 0;
}

void
milter_client_worker_for_each (MilterClientWorker *worker,
                               void (*func) (MilterClientContext *context, gpointer data),
                               gpointer data)
{
  g_autoptr (GPtrArray) contexts = g_ptr_array_new_with_free_func (g_object_unref);

  for (GList *node = worker->contexts.head; node != NULL; node = node->next)
    g_ptr_array_add (contexts, g_object_ref (node->data));
  for (guint i = 0; i < contexts->len; i++)
    {
      MilterClientContext *context = contexts->pdata[i];

      if (context->priv->finished || context->priv->closing || context->priv->unmet)
        continue;
      context->priv->busy++;
      func (context, data);
      milter_client_context_unbusy (context);
    }
}

static void
pay_visit (MilterClientWorker *worker, Task *task)
{
  task->visit (worker, task->data);
}

void
milter_client_worker_visit (MilterClientWorker *worker,
                            void (*func) (MilterClientWorker *worker, gpointer data),
                            gpointer data,
                            GDestroyNotify done)
{
  post (worker,
        (Task){ .run = pay_visit, .fd = -1, .visit = func, .data = data, .free_data = done });
}
