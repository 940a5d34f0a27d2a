/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-stage.h: for tests: a client that runs in a thread, and an MTA that does as it likes.
 */
#pragma once

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <milter/client.h>

/* nothing that should happen takes so long */
#define PATIENCE_MS 20000

typedef struct
{
  char *folder;
  char *path;
  MilterClient *client;
  GThread *thread;
  GAsyncQueue *events; /* words, in the order in which they happened */
  int fd;              /* the MTA's */
} Stage;

static inline void
stage_listens (MilterClient *client, gpointer address, guint size, gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "listening");
}

static inline gpointer
stage_run (gpointer data)
{
  Stage *stage = data;

  cr_expect (milter_client_run (stage->client, NULL));
  return NULL;
}

static inline void
stage_expect (Stage *stage, const char *event)
{
  const char *next = g_async_queue_timeout_pop (stage->events, PATIENCE_MS * (guint64) 1000);

  cr_assert_not_null (next);
  cr_assert_str_eq (next, event);
}

static inline Stage *
stage_new (void)
{
  Stage *stage = g_new0 (Stage, 1);
  g_autofree char *spec = NULL;

  stage->folder = g_dir_make_tmp ("client-run-XXXXXX", NULL);
  stage->path = g_build_filename (stage->folder, "socket", NULL);
  spec = g_strconcat ("unix:", stage->path, NULL);
  stage->events = g_async_queue_new ();
  stage->client = milter_client_new ();
  cr_assert (milter_client_set_connection_spec (stage->client, spec, NULL));
  g_signal_connect (stage->client, "listen-started", G_CALLBACK (stage_listens), stage);
  return stage;
}

static inline void
stage_connect (Stage *stage)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, stage->path, sizeof address.sun_path);
  stage->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq (connect (stage->fd, (const struct sockaddr *) &address, sizeof address), 0);
}

static inline void
stage_start (Stage *stage)
{
  stage->thread = g_thread_new ("client", stage_run, stage);
  stage_expect (stage, "listening");
  stage_connect (stage);
}

static inline void
stage_free (Stage *stage)
{
  milter_client_shutdown (stage->client);
  g_thread_join (stage->thread);
  if (stage->fd >= 0)
    close (stage->fd);
  g_object_unref (stage->client);
  g_async_queue_unref (stage->events);
  g_rmdir (stage->folder);
  g_free (stage->path);
  g_free (stage->folder);
  g_free (stage);
}

static inline void
say (Stage *stage, const void *bytes, gsize size)
{
  cr_assert_eq (send (stage->fd, bytes, size, MSG_NOSIGNAL), (gssize) size);
}

#define SAY(stage, text) say (stage, text, sizeof text - 1)

/* what comes before the time is up, at most @size; 0: the end */
static inline gssize
hear (Stage *stage, char *bytes, gsize size, int time_ms)
{
  struct pollfd poll_fd = { .fd = stage->fd, .events = POLLIN };

  if (poll (&poll_fd, 1, time_ms) != 1)
    return -1;
  return recv (stage->fd, bytes, size, 0);
}

#define OFFER "\0\0\0\015O\0\0\0\6\0\0\1\377\0\37\377\377"
