/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-sink.c: a thread that listens for mail, serves all connections at once, and keeps what came.
 */
#include "mta-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <milter/client.h>

/* so often it is looked whether all ends */
#define GLANCE_MS 100

typedef struct
{
  MtaSinkSession *session;
  int fd;
} Connection;

struct _MtaSink
{
  GIOChannel *listener;
  pthread_t thread;
  gint ending;            /* atomic */
  GPtrArray *connections; /* of Connection; the thread's own */

  pthread_mutex_t lock;
  pthread_cond_t came;
  GHashTable *messages; /* of char * to MtaDelivered: by tag */
};

/* --- what came -------------------------------------------------------------------------------- */

/* An MTA may deliver to each recipient by itself: that is one message. */
static void
keep (MtaSink *sink, MtaDelivered *delivered)
{
  MtaDelivered *before = g_hash_table_lookup (sink->messages, delivered->tag);

  if (before == NULL)
    {
      g_hash_table_insert (sink->messages, delivered->tag, delivered);
      return;
    }
  for (guint i = 0; i < delivered->to->len; i++)
    g_ptr_array_add (before->to, g_strdup (g_ptr_array_index (delivered->to, i)));
  mta_delivered_free (delivered);
}

static void
on_delivered (MtaDelivered *delivered, gpointer user_data)
{
  MtaSink *sink = user_data;

  if (delivered->tag == NULL)
    {
      mta_delivered_free (delivered);
      return;
    }
  pthread_mutex_lock (&sink->lock);
  keep (sink, delivered);
  pthread_cond_broadcast (&sink->came);
  pthread_mutex_unlock (&sink->lock);
}

gboolean
mta_sink_wait (MtaSink *sink, const char *tag, gint64 deadline_us, const gint *stop)
{
  bool is_there;

  pthread_mutex_lock (&sink->lock);
  for (;;)
    {
      struct timespec until;

      is_there = g_hash_table_contains (sink->messages, tag);
      if (is_there || g_atomic_int_get (stop) != 0 || g_get_monotonic_time () >= deadline_us)
        break;
      clock_gettime (CLOCK_REALTIME, &until);
      until.tv_nsec += GLANCE_MS * 1000000L;
      until.tv_sec += until.tv_nsec / 1000000000L;
      until.tv_nsec %= 1000000000L;
      pthread_cond_timedwait (&sink->came, &sink->lock, &until);
    }
  pthread_mutex_unlock (&sink->lock);
  return is_there;
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static char *
describe (MtaDelivered *delivered)
{
  GString *text = g_string_new (NULL);

  g_ptr_array_sort (delivered->to, compare_texts);
  g_string_append_printf (text, "from %s\n", delivered->from);
  for (guint i = 0; i < delivered->to->len; i++)
    g_string_append_printf (text, "to %s\n", (const char *) g_ptr_array_index (delivered->to, i));
  g_string_append_len (text, delivered->content->str, (gssize) delivered->content->len);
  return g_string_free (text, FALSE);
}

char *
mta_sink_describe (MtaSink *sink, const char *tag)
{
  MtaDelivered *delivered;
  char *text;

  pthread_mutex_lock (&sink->lock);
  delivered = g_hash_table_lookup (sink->messages, tag);
  text = delivered != NULL ? describe (delivered) : NULL;
  pthread_mutex_unlock (&sink->lock);
  return text;
}

/* --- connections ------------------------------------------------------------------------------ */

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  close (connection->fd);
  mta_sink_session_free (connection->session);
  g_free (connection);
}

/* Replies are short: they fit where the system keeps them. */
static bool
say (const Connection *connection, const char *text, gsize size)
{
  return send (connection->fd, text, size, MSG_NOSIGNAL) == (ssize_t) size;
}

static void
accept_one (MtaSink *sink)
{
  int fd = accept4 (
      g_io_channel_unix_get_fd (sink->listener), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  Connection *connection;

  if (fd < 0)
    return;
  connection = g_new0 (Connection, 1);
  connection->fd = fd;
  connection->session = mta_sink_session_new (on_delivered, sink);
  if (say (connection, MTA_SINK_BANNER, strlen (MTA_SINK_BANNER)))
    g_ptr_array_add (sink->connections, connection);
  else
    connection_free (connection);
}

/* false: it is over */
static bool
serve (Connection *connection)
{
  g_autoptr (GString) reply = g_string_new (NULL);
  guint8 buffer[16384];
  ssize_t n = recv (connection->fd, buffer, sizeof buffer, 0);
  bool stays;

  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  if (n == 0)
    return false;
  stays = mta_sink_session_take (connection->session, milter_bytes (buffer, (gsize) n), reply);
  return (reply->len == 0 || say (connection, reply->str, reply->len)) && stays;
}

static void
wait_and_serve (MtaSink *sink)
{
  guint n = sink->connections->len;
  g_autofree struct pollfd *polled = g_new0 (struct pollfd, n + 1);

  for (guint i = 0; i < n; i++)
    polled[i] = (struct pollfd){
      .fd = ((Connection *) g_ptr_array_index (sink->connections, i))->fd, .events = POLLIN
    };
  polled[n] = (struct pollfd){ .fd = g_io_channel_unix_get_fd (sink->listener), .events = POLLIN };
  if (poll (polled, n + 1, GLANCE_MS) <= 0)
    return;
  for (guint i = n; i > 0; i--)
    if (polled[i - 1].revents != 0 && !serve (g_ptr_array_index (sink->connections, i - 1)))
      g_ptr_array_remove_index (sink->connections, i - 1);
  if (polled[n].revents != 0)
    accept_one (sink);
}

static void *
run (void *data)
{
  MtaSink *sink = data;

  while (g_atomic_int_get (&sink->ending) == 0)
    wait_and_serve (sink);
  return NULL;
}

/* --- its life --------------------------------------------------------------------------------- */

static void
delivered_free (gpointer delivered)
{
  mta_delivered_free (delivered);
}

/* what the thread needs, without the thread */
static void
clear (MtaSink *sink)
{
  g_clear_pointer (&sink->listener, g_io_channel_unref);
  g_ptr_array_unref (sink->connections);
  g_hash_table_unref (sink->messages);
  pthread_cond_destroy (&sink->came);
  pthread_mutex_destroy (&sink->lock);
  g_free (sink);
}

MtaSink *
mta_sink_new (const char *spec, GError **error)
{
  MtaSink *sink = g_new0 (MtaSink, 1);
  int problem;

  sink->connections = g_ptr_array_new_with_free_func (connection_free);
  /* the key is the message's own */
  sink->messages
      = g_hash_table_new_full (g_str_hash, g_str_equal, /* key_destroy= */ NULL, delivered_free);
  pthread_mutex_init (&sink->lock, NULL);
  pthread_cond_init (&sink->came, NULL);
  sink->listener = milter_connection_listen (spec,
                                             /* backlog= */ -1,
                                             /* address= */ NULL,
                                             /* address_size= */ NULL,
                                             /* remove_unix_socket= */ TRUE,
                                             error);
  problem = sink->listener != NULL ? pthread_create (&sink->thread, NULL, run, sink) : 0;
  if (sink->listener != NULL && problem == 0)
    return sink;
  if (problem != 0)
    g_set_error (error,
                 G_FILE_ERROR,
                 (gint) g_file_error_from_errno (problem),
                 "no thread can be had: %s",
                 g_strerror (problem));
  clear (sink);
  return NULL;
}

void
mta_sink_free (MtaSink *sink)
{
  if (sink == NULL)
    return;
  g_atomic_int_set (&sink->ending, 1);
  pthread_join (sink->thread, NULL);
  clear (sink);
}
