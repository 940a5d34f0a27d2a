/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-fixture.h: a MilterServerContext and a milter made of a table, on a unix socket in a
 * folder of their own, in one main loop.
 */
#pragma once

#include <criterion/criterion.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "milter-message.h"
#include "milter-server-context.h"

/* what the milter sends back on a letter; close: it closes instead, behind the bytes */
typedef struct
{
  guint8 letter;
  const char *bytes;
  gsize size;
  bool close;
} Answer;

#define ANSWER(letter_, bytes_)                                                                    \
  {                                                                                                \
    letter_, bytes_, sizeof (bytes_) - 1, false                                                    \
  }
#define CLOSE(letter_)                                                                             \
  {                                                                                                \
    letter_, "", 0, true                                                                           \
  }

#define OPTIONS_ALL "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\0\0\0"
#define CONTINUE    "\0\0\0\1c"

typedef struct
{
  const Answer *answers;
  gsize n_answers;
  char *folder, *path, *spec;
  int listener, peer;
  guint listener_watch, peer_watch;
  GByteArray *received;
  GString *letters;    /* of the frames that came, `D` of macros included */
  GPtrArray *payloads; /* of GBytes */
  guint n_reads;

  MilterServerContext *context;
  const char *commands; /* what the MTA still says, a letter each; see say_next() */
  GString *signals;     /* names of what was emitted, each with a blank behind it */
  char *error;          /* message of the last "error" */
  int error_code;
  bool finished;
  gsize body_size;
  const char *mail_from;
} Fixture;

static inline void
milter_answer (Fixture *f, guint8 letter)
{
  for (gsize i = 0; i < f->n_answers; i++)
    {
      if (f->answers[i].letter != letter)
        continue;
      /* the context may have gone already; it reads in this same thread */
      if (f->answers[i].size > 0
          && send (f->peer, f->answers[i].bytes, f->answers[i].size, MSG_NOSIGNAL | MSG_DONTWAIT)
                 < 0)
        return;
      if (f->answers[i].close)
        shutdown (f->peer, SHUT_RDWR);
      return;
    }
}

static inline gboolean
milter_reads (int fd, GIOCondition condition, gpointer data)
{
  static const MilterLimits limits = { MILTER_LIMIT_FROM_MTA };
  Fixture *f = data;
  guint8 buffer[300000];
  gssize n = read (fd, buffer, sizeof buffer);
  guint8 letter;
  MilterBytes payload;
  gsize consumed;

  if (n <= 0)
    {
      f->peer_watch = 0;
      return G_SOURCE_REMOVE;
    }
  f->n_reads++;
  g_byte_array_append (f->received, buffer, (guint) n);
  while (milter_frame_decode (
             f->received->data, f->received->len, &limits, &letter, &payload, &consumed, NULL)
         == MILTER_DECODE_COMPLETE)
    {
      g_string_append_c (f->letters, (char) letter);
      g_ptr_array_add (f->payloads, g_bytes_new (payload.data, payload.size));
      milter_answer (f, letter);
      g_byte_array_remove_range (f->received, 0, (guint) consumed);
    }
  return G_SOURCE_CONTINUE;
}

static inline gboolean
milter_accepts (int fd, GIOCondition condition, gpointer data)
{
  Fixture *f = data;

  f->peer = accept (fd, NULL, NULL);
  cr_assert_geq (f->peer, 0);
  f->peer_watch = g_unix_fd_add (f->peer, G_IO_IN | G_IO_HUP, milter_reads, f);
  /* letter 0: what is said without having been asked */
  milter_answer (f, 0);
  return G_SOURCE_CONTINUE;
}

static inline void
milter_listens (Fixture *f)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, f->path, sizeof address.sun_path);
  f->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq (bind (f->listener, (struct sockaddr *) &address, sizeof address), 0);
  cr_assert_eq (listen (f->listener, 5), 0);
  f->listener_watch = g_unix_fd_add (f->listener, G_IO_IN, milter_accepts, f);
}

static inline void
fixture_init (Fixture *f, const Answer *answers, gsize n_answers)
{
  *f = (Fixture){ .answers = answers, .n_answers = n_answers, .listener = -1, .peer = -1 };
  f->folder = g_dir_make_tmp ("milter-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "s", NULL);
  f->spec = g_strdup_printf ("unix:%s", f->path);
  f->received = g_byte_array_new ();
  f->letters = g_string_new (NULL);
  f->payloads = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  f->signals = g_string_new (NULL);
  f->commands = "";
  f->body_size = 10;
  f->mail_from = "<alice@example.com>";
  f->context = milter_server_context_new ();
  milter_listens (f);
}

static inline void
fixture_clear (Fixture *f)
{
  g_clear_object (&f->context);
  if (f->peer_watch != 0)
    g_source_remove (f->peer_watch);
  g_source_remove (f->listener_watch);
  if (f->peer >= 0)
    close (f->peer);
  close (f->listener);
  g_unlink (f->path);
  g_rmdir (f->folder);
  g_free (f->folder);
  g_free (f->path);
  g_free (f->spec);
  g_free (f->error);
  g_byte_array_unref (f->received);
  g_string_free (f->letters, TRUE);
  g_string_free (f->signals, TRUE);
  g_ptr_array_unref (f->payloads);
}

/* runs until the condition holds; a test that would hang fails after five seconds */
/* the time is a fence for what never comes, not a measure: a busy machine takes long */
#define RUN_UNTIL(condition)                                                                       \
  G_STMT_START                                                                                     \
    {                                                                                              \
      gint64 end_us_ = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;                              \
      guint wake_ = g_timeout_add (100, wake_up, NULL);                                            \
      while (!(condition))                                                                         \
        {                                                                                          \
          cr_assert_lt (g_get_monotonic_time (), end_us_, "never: %s", #condition);                \
          g_main_context_iteration (NULL, TRUE);                                                   \
        }                                                                                          \
      g_source_remove (wake_);                                                                     \
    }                                                                                              \
  G_STMT_END

static inline gboolean
wake_up (gpointer data)
{
  return G_SOURCE_CONTINUE;
}
