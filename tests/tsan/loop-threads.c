/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop-threads.c: one thread accepts, others serve, each with its own loop, under ThreadSanitizer.
 *
 * Its exit status is its verdict; the sanitizer's own is 66.
 */
#include <glib/gstdio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "milter-handover-private.h"
#include "milter-io-private.h"

#define N_WORKERS   3
#define N_CALLERS   3
#define N_CALLS     40
#define N_QUESTIONS 20

typedef struct
{
  GMainContext *context;
  MilterHandover *handover;
  MilterIoLoop *loop;
  guint n_served;
  bool stop; /* its own thread only */
} Worker;

typedef struct
{
  MilterIoLoop *loop;
  MilterHandover *stop;
  Worker *workers;
  guint n_accepted;
  bool stopped;
} Acceptor;

/* serving: every byte is answered by the next one */

static gsize
answer (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  for (gsize i = 0; i < size; i++)
    _milter_io_connection_write (connection, &(guint8){ (guint8) (data[i] + 1) }, 1);
  _milter_io_connection_set_deadline (connection, g_get_monotonic_time () + G_USEC_PER_SEC * 60);
  return size;
}

static void
ended (MilterIoConnection *connection,
       MilterIoEnd end,
       gsize leftover,
       const GError *error,
       gpointer user_data)
{
  ((Worker *) user_data)->n_served++;
  _milter_io_connection_close (connection, MILTER_IO_CLOSE_FLUSH);
}

static const MilterIoHandlers serving = { .received = answer, .ended = ended };

static void
take_socket (gpointer item, gpointer user_data)
{
  Worker *worker = user_data;

  if (item == NULL)
    worker->stop = true;
  else
    _milter_io_connection_new (
        worker->loop, GPOINTER_TO_INT (item) - 1, false, &serving, worker, NULL);
}

static void
close_socket (gpointer item)
{
  close (GPOINTER_TO_INT (item) - 1);
}

static void *
run_worker (void *data)
{
  Worker *worker = data;

  g_main_context_push_thread_default (worker->context);
  worker->loop = _milter_io_loop_ref_default (NULL);
  while (!worker->stop || _milter_io_loop_get_n_connections (worker->loop) > 0)
    g_main_context_iteration (worker->context, TRUE);
  _milter_handover_close (worker->handover);
  _milter_io_loop_unref (worker->loop);
  g_main_context_pop_thread_default (worker->context);
  return NULL;
}

/* accepting */

static void
accepted (MilterIoListener *listener,
          int fd,
          const struct sockaddr *address,
          socklen_t size,
          gpointer user_data)
{
  Acceptor *acceptor = user_data;
  Worker *worker = &acceptor->workers[acceptor->n_accepted++ % N_WORKERS];

  _milter_handover_post (worker->handover, GINT_TO_POINTER (fd + 1));
}

static void
stop_accepting (gpointer item, gpointer user_data)
{
  ((Acceptor *) user_data)->stopped = true;
}

/* calling */

typedef struct
{
  struct sockaddr_un address;
  guint n_good;
} Caller;

static bool
call_once (const struct sockaddr_un *address)
{
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);
  guint8 byte = 1;
  bool good = connect (fd, (const struct sockaddr *) address, sizeof *address) == 0;

  for (guint i = 0; good && i < N_QUESTIONS; i++)
    good = send (fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv (fd, &byte, 1, 0) == 1 && byte == i + 2;
  close (fd);
  return good;
}

static void *
run_caller (void *data)
{
  Caller *caller = data;

  for (guint i = 0; i < N_CALLS; i++)
    caller->n_good += call_once (&caller->address);
  return NULL;
}

typedef struct
{
  MilterHandover *acceptor_stop;
  Caller callers[N_CALLERS];
} Calling;

static void *
run_callers (void *data)
{
  Calling *calling = data;
  pthread_t threads[N_CALLERS];

  for (guint i = 0; i < N_CALLERS; i++)
    pthread_create (&threads[i], NULL, run_caller, &calling->callers[i]);
  for (guint i = 0; i < N_CALLERS; i++)
    pthread_join (threads[i], NULL);
  _milter_handover_wake (calling->acceptor_stop);
  return NULL;
}

static bool
play (const char *path)
{
  static const MilterIoListenerHandlers handlers = { .accepted = accepted };
  g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (path, NULL);
  Worker workers[N_WORKERS] = { 0 };
  Acceptor acceptor = { .workers = workers };
  Calling calling = { 0 };
  pthread_t threads[N_WORKERS];
  pthread_t calling_thread;
  g_autoptr (GMainContext) context = g_main_context_new ();

  acceptor.loop = _milter_io_loop_new (context, NULL);
  acceptor.stop = _milter_handover_new (context, stop_accepting, &acceptor, NULL, NULL);
  int fd = _milter_io_listen (spec, 100, 0600, false, NULL, NULL, NULL);
  _milter_io_listener_new (acceptor.loop, fd, 100, &handlers, &acceptor, NULL);
  for (guint i = 0; i < N_WORKERS; i++)
    {
      workers[i].context = g_main_context_new ();
      workers[i].handover
          = _milter_handover_new (workers[i].context, take_socket, &workers[i], close_socket, NULL);
      pthread_create (&threads[i], NULL, run_worker, &workers[i]);
    }

  calling.acceptor_stop = acceptor.stop;
  for (guint i = 0; i < N_CALLERS; i++)
    {
      calling.callers[i].address.sun_family = AF_UNIX;
      g_strlcpy (
          calling.callers[i].address.sun_path, path, sizeof calling.callers[i].address.sun_path);
    }
  pthread_create (&calling_thread, NULL, run_callers, &calling);
  while (!acceptor.stopped)
    g_main_context_iteration (context, TRUE);
  pthread_join (calling_thread, NULL);
  _milter_io_loop_free (acceptor.loop);
  _milter_handover_close (acceptor.stop);
  _milter_handover_unref (acceptor.stop);

  guint n_served = 0;
  guint n_good = 0;
  for (guint i = 0; i < N_WORKERS; i++)
    {
      _milter_handover_wake (workers[i].handover);
      pthread_join (threads[i], NULL);
      _milter_handover_unref (workers[i].handover);
      g_main_context_unref (workers[i].context);
      n_served += workers[i].n_served;
    }
  for (guint i = 0; i < N_CALLERS; i++)
    n_good += calling.callers[i].n_good;
  if (n_good == N_CALLERS * N_CALLS && n_served == n_good)
    return true;
  fprintf (stderr, "loop-threads: %u calls were good, %u were served\n", n_good, n_served);
  return false;
}

int
main (void)
{
  g_autofree char *directory = g_dir_make_tmp ("milterlab-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "socket", NULL);
  bool good = play (path);

  g_unlink (path);
  g_rmdir (directory);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
