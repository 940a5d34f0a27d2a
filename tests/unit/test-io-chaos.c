/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-chaos.c: connections whose handlers do anything, in any order, also from inside each
 * other. Whatever happens, bytes arrive once, in order, and at nobody who was closed.
 */
#include "io-test.h"

#define N_ENDS  24
#define N_STEPS 1500
#define DEEPEST 3

typedef struct
{
  MilterIoConnection *connection; /* NULL: closed */
  int far;                        /* -1: closed */
  gsize n_put;                    /* by the far end */
  gsize n_got;                    /* of these, by the handlers */
  gsize n_written;                /* by the handlers */
  gsize n_taken;                  /* of these, by the far end */
  guint inside;
  bool ended;
} End;

static GMainContext *context;
static MilterIoLoop *loop;
static End ends[N_ENDS];
static guint depth;
static guint32 state;

static void act (void);

static guint
pick (guint n)
{
  state = state * 1664525u + 1013904223u;
  return (state >> 10) % n;
}

/* each direction of each connection carries the same endless text */
static guint8
byte_at (gsize position)
{
  return (guint8) (position ^ position >> 7);
}

static void
enter (End *end, MilterIoConnection *connection)
{
  cr_assert (end->connection == connection, "a closed connection was served");
  cr_assert (end->inside == 0, "a handler inside a handler");
  end->inside++;
  depth++;
}

static void
leave (End *end)
{
  depth--;
  end->inside--;
}

static gsize
on_received (MilterIoConnection *connection, const guint8 *data, gsize size, gpointer user_data)
{
  End *end = user_data;
  gsize used = pick (4) ? size : pick ((guint) size + 1);

  enter (end, connection);
  cr_assert (!end->ended);
  for (gsize i = 0; i < size; i++)
    cr_assert (data[i] == byte_at (end->n_got + i));
  end->n_got += used;
  act ();
  /* what it was given is still there, whatever was read meanwhile */
  for (gsize i = 0; i < used; i++)
    cr_assert (data[i] == byte_at (end->n_got - used + i));
  leave (end);
  return used;
}

static void
on_ended (MilterIoConnection *connection,
          MilterIoEnd how,
          gsize leftover,
          const GError *error,
          gpointer user_data)
{
  End *end = user_data;

  enter (end, connection);
  cr_assert (!end->ended, "told twice");
  end->ended = true;
  cr_assert ((how == MILTER_IO_END_EOF) == (error == NULL));
  cr_assert (end->n_got + leftover <= end->n_put);
  act ();
  leave (end);
}

static void
on_event (MilterIoConnection *connection, gpointer user_data)
{
  enter (user_data, connection);
  act ();
  leave (user_data);
}

static const MilterIoHandlers handlers = {
  .received = on_received,
  .ended = on_ended,
  .deadline = on_event,
  .drained = on_event,
};

static void
close_end (End *end, MilterIoClose how)
{
  MilterIoConnection *connection = end->connection;

  end->connection = NULL;
  _milter_io_connection_close (connection, how);
}

/* the far end reads all that there is */
static void
take_all (End *end)
{
  guint8 room[8192];
  ssize_t n;

  while (end->far >= 0 && (n = recv (end->far, room, sizeof room, MSG_DONTWAIT)) > 0)
    {
      for (ssize_t i = 0; i < n; i++)
        cr_assert (room[i] == byte_at (end->n_taken + (gsize) i));
      end->n_taken += (gsize) n;
    }
  cr_assert (end->n_taken <= end->n_written);
}

static void
put_some (End *end)
{
  guint8 bytes[70000];
  gsize size = 1 + pick (pick (3) ? 100 : sizeof bytes);

  for (gsize i = 0; i < size; i++)
    bytes[i] = byte_at (end->n_put + i);
  ssize_t n = send (end->far, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    end->n_put += (gsize) n;
}

static void
write_some (End *end)
{
  gsize size = 1 + pick (pick (3) ? 100 : 300000);
  g_autofree guint8 *bytes = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    bytes[i] = byte_at (end->n_written + i);
  _milter_io_connection_write (end->connection, bytes, size);
  end->n_written += size;
}

static void
open_end (End *end)
{
  int fds[2];

  if (end->inside > 0)
    return;
  if (end->far >= 0)
    close (end->far);
  make_pair (fds);
  *end = (End){ .far = fds[1] };
  end->connection = _milter_io_connection_new (loop, fds[0], false, &handlers, end, NULL);
  cr_assert (end->connection != NULL);
}

static void
act_near (End *end)
{
  switch (pick (16))
    {
    case 0:
      close_end (end, (MilterIoClose) pick (3));
      break;
    case 1:
    case 2:
      _milter_io_connection_pause (end->connection, true);
      break;
    case 3:
    case 4:
    case 5:
      _milter_io_connection_pause (end->connection, false);
      break;
    case 6:
      _milter_io_connection_set_deadline (end->connection,
                                          g_get_monotonic_time () + pick (3) * 500);
      break;
    case 7:
      _milter_io_connection_set_deadline (end->connection, 0);
      break;
    case 8:
      _milter_io_connection_flush (end->connection);
      break;
    case 9:
      _milter_io_connection_set_max_pending (end->connection, pick (2) * 1000);
      break;
    default:
      write_some (end);
    }
}

static void
act_far (End *end)
{
  guint what = pick (30);

  if (what == 0)
    {
      close (end->far);
      end->far = -1;
    }
  else if (what == 1)
    shutdown (end->far, pick (2) ? SHUT_WR : SHUT_RD);
  else if (what < 12)
    take_all (end);
  else
    put_some (end);
}

static void
act (void)
{
  for (guint n = pick (4); n > 0; n--)
    {
      End *end = &ends[pick (N_ENDS)];

      if (pick (12) == 0 && depth < DEEPEST)
        g_main_context_iteration (context, FALSE);
      else if (end->connection == NULL)
        open_end (end);
      else if (end->far >= 0 && pick (2))
        act_far (end);
      else
        act_near (end);
    }
}

static void
play (guint seed)
{
  state = seed;
  context = g_main_context_new ();
  loop = make_loop (context);
  for (guint i = 0; i < N_ENDS; i++)
    ends[i] = (End){ .far = -1 };
  for (guint i = 0; i < N_ENDS; i++)
    open_end (&ends[i]);

  for (guint i = 0; i < N_STEPS; i++)
    {
      act ();
      g_main_context_iteration (context, FALSE);
    }

  /* when all far ends are gone, all that remain hear of it, and there is rest */
  for (guint i = 0; i < N_ENDS; i++)
    {
      take_all (&ends[i]);
      if (ends[i].far >= 0)
        close (ends[i].far);
      ends[i].far = -1;
    }
  for (guint i = 0; i < N_ENDS; i++)
    if (ends[i].connection != NULL)
      close_end (&ends[i], MILTER_IO_CLOSE_FLUSH);
  iterate_until (context, _milter_io_loop_get_n_connections (loop) == 0);
  iterate_ready (context);
  cr_assert (!g_main_context_iteration (context, FALSE), "busy with nothing");
  _milter_io_loop_free (loop);
  g_main_context_unref (context);
}

Test (io_chaos, bytes_arrive_once_and_in_order_whatever_handlers_do)
{
  for (guint seed = 1; seed <= 3; seed++)
    play (seed);
}
