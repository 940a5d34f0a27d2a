/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * io-test.h: what the tests of the io room share: a loop, two ends of a socket, and iterating the
 * context until something holds, with a bound.
 */
#pragma once

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter-io-private.h"

#define IO_TEST_BOUND_MS 20000

/* a connection of ours with all that its handlers saw */
typedef struct
{
  MilterIoConnection *connection;
  GString *got;
  guint frame; /* `received` consumes in multiples of it */
  guint n_received;
  guint n_connected;
  guint n_drained;
  guint n_deadlines;
  guint n_gone;
  guint n_ended;
  MilterIoEnd end;
  gsize leftover;
  GError *error;
  gsize largest;
  void (*act) (gpointer test_data); /* called in each `received` */
  gpointer act_data;
} Peer;

static inline void
peer_connected (MilterIoConnection *connection, gpointer user_data)
{
  ((Peer *) user_data)->n_connected++;
}

static inline gsize
peer_received (MilterIoConnection *connection,
               const guint8 *data,
               gsize size,
               gpointer user_data)
{
  Peer *peer = user_data;
  gsize used = peer->frame ? size - size % peer->frame : size;

  peer->n_received++;
  peer->largest = MAX (peer->largest, size);
  g_string_append_len (peer->got, (const char *) data, (gssize) used);
  if (peer->act != NULL)
    peer->act (peer->act_data);
  return used;
}

static inline void
peer_ended (MilterIoConnection *connection,
            MilterIoEnd end,
            gsize leftover,
            const GError *error,
            gpointer user_data)
{
  Peer *peer = user_data;

  peer->n_ended++;
  peer->end = end;
  peer->leftover = leftover;
  peer->error = error ? g_error_copy (error) : NULL;
}

static inline void
peer_deadline (MilterIoConnection *connection, gpointer user_data)
{
  ((Peer *) user_data)->n_deadlines++;
}

static inline void
peer_drained (MilterIoConnection *connection, gpointer user_data)
{
  ((Peer *) user_data)->n_drained++;
}

static inline void
peer_gone (MilterIoConnection *connection, gpointer user_data)
{
  ((Peer *) user_data)->n_gone++;
}

static const MilterIoHandlers peer_handlers = {
  .connected = peer_connected,
  .received = peer_received,
  .ended = peer_ended,
  .deadline = peer_deadline,
  .gone = peer_gone,
  .drained = peer_drained,
};

static inline void
peer_init (Peer *peer)
{
  *peer = (Peer){ .got = g_string_new (NULL) };
}

static inline void
peer_clear (Peer *peer)
{
  g_string_free (peer->got, TRUE);
  g_clear_error (&peer->error);
}

static inline gboolean
io_test_too_late (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Iterates until the condition holds; the test fails when that takes too long. */
#define iterate_until(context, condition)                                                          \
  do                                                                                               \
    {                                                                                              \
      gboolean too_late = FALSE;                                                                   \
      GSource *bound = g_timeout_source_new (IO_TEST_BOUND_MS);                                    \
      g_source_set_callback (bound, io_test_too_late, &too_late, NULL);                            \
      g_source_attach (bound, context);                                                            \
      while (!(condition) && !too_late)                                                            \
        g_main_context_iteration (context, TRUE);                                                  \
      g_source_destroy (bound);                                                                    \
      g_source_unref (bound);                                                                      \
      cr_assert (!too_late, "never happened: %s", #condition);                                     \
    }                                                                                              \
  while (0)

/* all that is ready now and nothing more */
static inline void
iterate_ready (GMainContext *context)
{
  for (guint i = 0; i < 1000 && g_main_context_iteration (context, FALSE); i++)
    ;
}

static inline void
make_pair (int fds[2])
{
  cr_assert (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
}

static inline MilterIoLoop *
make_loop (GMainContext *context)
{
  g_autoptr (GError) error = NULL;
  MilterIoLoop *loop = _milter_io_loop_new (context, &error);

  cr_assert (loop != NULL, "%s", error ? error->message : "");
  return loop;
}

/* a peer on one end; returns the other */
static inline int
peer_open (Peer *peer, MilterIoLoop *loop)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  make_pair (fds);
  peer->connection = _milter_io_connection_new (loop, fds[0], false, &peer_handlers, peer, &error);
  cr_assert (peer->connection != NULL, "%s", error ? error->message : "");
  return fds[1];
}

static inline void
put (int fd, const char *text)
{
  gsize size = strlen (text);
  cr_assert (send (fd, text, size, MSG_NOSIGNAL) == (ssize_t) size);
}

/* what stands in the socket; "" for nothing yet, "EOF", "ERROR" */
static inline char *
take (int fd)
{
  char room[4096];
  ssize_t n = recv (fd, room, sizeof room, MSG_DONTWAIT);

  if (n < 0)
    return g_strdup (errno == EAGAIN ? "" : errno == ECONNRESET ? "RESET" : "ERROR");
  if (n == 0)
    return g_strdup ("EOF");
  return g_strndup (room, (gsize) n);
}

static inline void
assert_taken (int fd, const char *expected)
{
  g_autofree char *got = take (fd);
  cr_assert (strcmp (got, expected) == 0, "expected '%s', got '%s'", expected, got);
}
