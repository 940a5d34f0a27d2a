/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-proxy.c: passes bytes on between MTAs and a milter.
 *
 * Bytes go on as they come, whatever they mean, and are written down when they have left. A side that
 * does not read stops the other one's being read, as it would without us: what waits is bounded. An end
 * of sending goes on as that, a reset as a reset; the peers see each other.
 */
#include "record-proxy.h"

#include <unistd.h>

#include "tool-address.h"
#include "tool-console.h"

/* what waits for a side that does not read, before the other one is read no more */
#define MAX_WAITING ((gsize) 256 << 10)
/* before a next try to accept, where there is no descriptor left */
#define SUSPEND_MS 100

typedef struct _Pair Pair;

/* one side of a pair: the connection to it */
typedef struct
{
  Pair *pair;
  MilterSide side;
  MilterIoConnection *connection; /* (nullable) closed */
  bool connected;
  bool over; /* it says no more */
} End;

struct _Pair
{
  RecordProxy *proxy;
  guint number;
  End ends[2]; /* by side */
  guint64 asked_at; /* the MTA's latest words came behind so many writes of the log */
  gint64 latest_us; /* when something passed */
  GList link;       /* in the proxy's queue */
};

struct _RecordProxy
{
  MilterIoLoop *loop;
  RecordProxySettings settings;
  RecordLog *log;
  void (*finished) (gpointer data);
  gpointer data;

  MilterIoListener *listener;
  GQueue pairs; /* of Pair */
  char *milter; /* (nullable) its address, for the recording */
  guint n_connections, n_unreached;
  guint64 n_bytes[2];
};

/* --- pairs --------------------------------------------------------------------------------------- */

static End *
other_of (End *end)
{
  return &end->pair->ends[end->side == MILTER_SIDE_MTA ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA];
}

static void
close_end (End *end, MilterIoClose how)
{
  MilterIoConnection *connection = g_steal_pointer (&end->connection);

  if (connection != NULL)
    _milter_io_connection_close (connection, how);
}

static bool
takes_more (const RecordProxy *proxy)
{
  return proxy->pairs.length < proxy->settings.max_connections
         && (proxy->settings.n_sessions == 0 || proxy->n_connections < proxy->settings.n_sessions);
}

/* Both ends are closed. */
static void
remove_pair (Pair *pair)
{
  RecordProxy *proxy = pair->proxy;

  g_queue_unlink (&proxy->pairs, &pair->link);
  g_free (pair);
  _milter_io_listener_pause (proxy->listener, !takes_more (proxy));
  if (proxy->pairs.length == 0 && proxy->settings.n_sessions != 0
      && proxy->n_connections >= proxy->settings.n_sessions)
    proxy->finished (proxy->data);
}

static void
end_pair (Pair *pair, MilterIoClose how)
{
  close_end (&pair->ends[MILTER_SIDE_MTA], how);
  close_end (&pair->ends[MILTER_SIDE_MILTER], how);
  remove_pair (pair);
}

/* The milter is not there: nobody has seen it close, but that is what the MTA sees. */
static void
give_up (Pair *pair, const GError *error)
{
  RecordProxy *proxy = pair->proxy;

  proxy->n_unreached++;
  tool_error ("connection %u: %s; the MTA's is closed", pair->number, error->message);
  record_log_closed (proxy->log, pair->number, MILTER_SIDE_MILTER, /* reset= */ false);
  record_log_closed (proxy->log, pair->number, MILTER_SIDE_MTA, /* reset= */ false);
  end_pair (pair, MILTER_IO_CLOSE_FLUSH);
}

/* --- what happens at an end ----------------------------------------------------------------------- */

static void
on_connected (MilterIoConnection *connection, gpointer data)
{
  End *end = data;
  End *other = other_of (end);

  end->connected = true;
  if (other->connection != NULL)
    _milter_io_connection_pause (other->connection, false);
}

static void
pass_on (End *end, const guint8 *bytes, gsize size)
{
  End *other = other_of (end);

  if (other->connection == NULL)
    return;
  _milter_io_connection_pass (other->connection, bytes, size);
  if (_milter_io_connection_get_pending (other->connection) > MAX_WAITING)
    _milter_io_connection_pause (end->connection, true);
}

/* A command is written with its answer, or as soon as that has to be waited for: a kill loses no more
 * of a connection than its latest command, in a moment when the answer is under way. */
static void
write_down (End *end, MilterBytes bytes)
{
  Pair *pair = end->pair;
  RecordLog *log = pair->proxy->log;
  bool is_first
      = end->side == MILTER_SIDE_MTA && pair->asked_at != record_log_get_n_writes (log);

  record_log_passed (log, pair->number, end->side, bytes);
  if (!is_first)
    {
      record_log_write (log);
      return;
    }
  pair->asked_at = record_log_get_n_writes (log);
  record_log_write_soon (log);
}

static gsize
on_received (MilterIoConnection *connection, const guint8 *bytes, gsize size, gpointer data)
{
  End *end = data;
  Pair *pair = end->pair;

  pass_on (end, bytes, size);
  pair->proxy->n_bytes[end->side] += size;
  if (pair->proxy->settings.timeout_us != 0)
    pair->latest_us = g_get_monotonic_time ();
  write_down (end, milter_bytes (bytes, size));
  return size;
}

static void
on_drained (MilterIoConnection *connection, gpointer data)
{
  End *other = other_of (data);

  if (other->connection != NULL)
    _milter_io_connection_pause (other->connection, false);
}

/* It has gone while it was not read: what it said last, and the end, are to be known now. */
static void
on_gone (MilterIoConnection *connection, gpointer data)
{
  _milter_io_connection_pause (connection, false);
}

static void
pass_end_on (End *end)
{
  End *other = other_of (end);

  if (other->over)
    end_pair (end->pair, MILTER_IO_CLOSE_FLUSH);
  else if (other->connection != NULL)
    _milter_io_connection_shutdown_write (other->connection);
}

static void
pass_reset_on (End *end)
{
  End *other = other_of (end);

  /* what came before it */
  if (other->connection != NULL)
    _milter_io_connection_flush (other->connection);
  close_end (other, MILTER_IO_CLOSE_RESET);
  end_pair (end->pair, MILTER_IO_CLOSE_NOW);
}

static void
on_ended (MilterIoConnection *connection,
          MilterIoEnd how,
          gsize leftover,
          const GError *error,
          gpointer data)
{
  End *end = data;

  if (!end->connected)
    {
      give_up (end->pair, error);
      return;
    }
  end->over = true;
  record_log_closed (end->pair->proxy->log, end->pair->number, end->side, how != MILTER_IO_END_EOF);
  if (how == MILTER_IO_END_EOF)
    pass_end_on (end);
  else
    pass_reset_on (end);
}

/* of the MTA's end, for both */
static void
on_deadline (MilterIoConnection *connection, gpointer data)
{
  End *end = data;
  Pair *pair = end->pair;
  RecordProxy *proxy = pair->proxy;
  gint64 end_us = pair->latest_us + proxy->settings.timeout_us;
  g_autofree char *duration = NULL;

  if (g_get_monotonic_time () < end_us)
    {
      _milter_io_connection_set_deadline (connection, end_us);
      return;
    }
  duration = tool_format_duration (proxy->settings.timeout_us);
  tool_error ("connection %u: nothing has passed for %s; it is closed", pair->number, duration);
  record_log_closed (proxy->log, pair->number, MILTER_SIDE_MTA, /* reset= */ false);
  record_log_closed (proxy->log, pair->number, MILTER_SIDE_MILTER, /* reset= */ false);
  end_pair (pair, MILTER_IO_CLOSE_FLUSH);
}

static const MilterIoHandlers handlers = {
  .connected = on_connected,
  .received = on_received,
  .ended = on_ended,
  .deadline = on_deadline,
  .gone = on_gone,
  .drained = on_drained,
};

/* --- accepting ----------------------------------------------------------------------------------- */

static Pair *
add_pair (RecordProxy *proxy)
{
  Pair *pair = g_new0 (Pair, 1);

  pair->proxy = proxy;
  pair->number = ++proxy->n_connections;
  pair->latest_us = g_get_monotonic_time ();
  pair->link.data = pair;
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      pair->ends[side].pair = pair;
      pair->ends[side].side = (MilterSide) side;
    }
  g_queue_push_tail_link (&proxy->pairs, &pair->link);
  return pair;
}

/* Acknowledged at once on both sides: who has Nagle's algorithm on and writes in two pieces would be
 * stopped by us. */
static bool
connect_ends (Pair *pair, int fd, GError **error)
{
  RecordProxy *proxy = pair->proxy;
  End *mta = &pair->ends[MILTER_SIDE_MTA];
  End *milter = &pair->ends[MILTER_SIDE_MILTER];

  mta->connected = true;
  mta->connection
      = _milter_io_connection_new (proxy->loop, fd, /* quickack= */ true, &handlers, mta, error);
  if (mta->connection == NULL)
    return false;
  milter->connection = _milter_io_connection_connect (
      proxy->loop, proxy->settings.milter, &handlers, milter, error);
  return milter->connection != NULL;
}

static void
on_accepted (MilterIoListener *listener,
             int fd,
             const struct sockaddr *address,
             socklen_t address_size,
             gpointer data)
{
  RecordProxy *proxy = data;
  Pair *pair = add_pair (proxy);
  g_autofree char *mta = tool_address_describe (address, address_size);
  g_autoptr (GError) error = NULL;

  _milter_io_listener_pause (listener, !takes_more (proxy));
  record_log_opened (proxy->log, pair->number, mta, proxy->milter);
  if (!connect_ends (pair, fd, &error))
    {
      give_up (pair, error);
      return;
    }
  if (proxy->settings.timeout_us != 0)
    _milter_io_connection_set_deadline (pair->ends[MILTER_SIDE_MTA].connection,
                                        pair->latest_us + proxy->settings.timeout_us);
}

static void
on_accept_error (MilterIoListener *listener, const GError *error, gpointer data)
{
  tool_error ("%s", error->message);
}

static const MilterIoListenerHandlers listener_handlers = {
  .accepted = on_accepted,
  .error = on_accept_error,
};

/* --- the proxy ----------------------------------------------------------------------------------- */

RecordProxy *
record_proxy_new (MilterIoLoop *loop,
                  int fd,
                  const RecordProxySettings *settings,
                  RecordLog *log,
                  void (*finished) (gpointer data),
                  gpointer data,
                  GError **error)
{
  g_autoptr (RecordProxy) proxy = g_new0 (RecordProxy, 1);

  proxy->loop = loop;
  proxy->settings = *settings;
  proxy->log = log;
  proxy->finished = finished;
  proxy->data = data;
  g_queue_init (&proxy->pairs);
  proxy->milter = tool_address_describe_spec (settings->milter);
  proxy->listener
      = _milter_io_listener_new (loop, fd, SUSPEND_MS, &listener_handlers, proxy, error);
  return proxy->listener != NULL ? g_steal_pointer (&proxy) : NULL;
}

void
record_proxy_free (RecordProxy *proxy)
{
  if (proxy == NULL)
    return;
  _milter_io_listener_free (proxy->listener);
  for (GList *link = proxy->pairs.head; link != NULL;)
    {
      Pair *pair = link->data;

      link = link->next;
      close_end (&pair->ends[MILTER_SIDE_MTA], MILTER_IO_CLOSE_FLUSH);
      close_end (&pair->ends[MILTER_SIDE_MILTER], MILTER_IO_CLOSE_FLUSH);
      g_free (pair);
    }
  g_free (proxy->milter);
  g_free (proxy);
}

guint
record_proxy_get_n_connections (const RecordProxy *proxy)
{
  return proxy->n_connections;
}

guint
record_proxy_get_n_unreached (const RecordProxy *proxy)
{
  return proxy->n_unreached;
}

guint64
record_proxy_get_n_bytes (const RecordProxy *proxy, MilterSide from)
{
  return proxy->n_bytes[from];
}
