/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edit-milter.c: a milter that does what the message's header fields say, for tests of both sides.
 *
 * usage: edit-milter SPEC [-w WORKERS] [-t TIMEOUT] [-m MAX-CONNECTIONS] [-s SUSPEND-TIME] [-a]
 *
 * -a: answers from a thread of its own. Fields of the message:
 *
 *   X-Do: add-header NAME VALUE
 *   X-Do: insert-header INDEX NAME VALUE
 *   X-Do: change-header NAME INDEX VALUE
 *   X-Do: delete-header NAME INDEX
 *   X-Do: change-from ADDRESS [ARGUMENTS]
 *   X-Do: add-rcpt ADDRESS [ARGUMENTS]
 *   X-Do: delete-rcpt ADDRESS
 *   X-Do: replace-body SIZE
 *   X-Do: progress
 *   X-Do: quarantine REASON
 *   X-Do: reply CODE EXTENDED TEXT
 *   X-Do: accept (or reject, tempfail, discard, continue)
 *
 * Recipients reject@, tempfail@ and text@ any domain are refused; sender discard@ is discarded.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <milter/client.h>

static MilterClient *client;

static void
on_signal (int number)
{
  milter_client_shutdown (client);
}

static const struct
{
  const char *word;
  MilterStatus status;
} verdicts[] = {
  { "accept", MILTER_STATUS_ACCEPT },
  { "reject", MILTER_STATUS_REJECT },
  { "tempfail", MILTER_STATUS_TEMPORARY_FAILURE },
  { "discard", MILTER_STATUS_DISCARD },
  { "continue", MILTER_STATUS_CONTINUE },
};

typedef gboolean (*DoFunc) (MilterClientContext *context, char **words, GError **error);

static gboolean
do_add_header (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_add_header (context, words[1], words[2], error);
}

static gboolean
do_insert_header (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_insert_header (
      context, strtoul (words[1], NULL, 10), words[2], words[3], error);
}

static gboolean
do_change_header (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_change_header (
      context, words[1], strtoul (words[2], NULL, 10), words[3], error);
}

static gboolean
do_delete_header (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_delete_header (
      context, words[1], strtoul (words[2], NULL, 10), error);
}

static gboolean
do_change_from (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_change_from (context, words[1], words[2], error);
}

static gboolean
do_add_recipient (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_add_recipient (context, words[1], words[2], error);
}

static gboolean
do_delete_recipient (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_delete_recipient (context, words[1], error);
}

static gboolean
do_replace_body (MilterClientContext *context, char **words, GError **error)
{
  gsize size = strtoul (words[1], NULL, 10);
  g_autofree char *body = g_strnfill (size, 'b');

  return milter_client_context_replace_body (context, body, size, error);
}

static gboolean
do_progress (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_progress (context);
}

static gboolean
do_quarantine (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_quarantine (context, words[1]);
}

static gboolean
do_reply (MilterClientContext *context, char **words, GError **error)
{
  return milter_client_context_set_reply (
      context, strtoul (words[1], NULL, 10), words[2], words[3], error);
}

/* n_words: with the first; the last one takes the rest of the line */
static const struct
{
  const char *word;
  int n_words;
  DoFunc func;
} actions[] = {
  { "add-header", 3, do_add_header },
  { "insert-header", 4, do_insert_header },
  { "change-header", 4, do_change_header },
  { "delete-header", 3, do_delete_header },
  { "change-from", 3, do_change_from },
  { "add-rcpt", 3, do_add_recipient },
  { "delete-rcpt", 2, do_delete_recipient },
  { "replace-body", 2, do_replace_body },
  { "progress", 1, do_progress },
  { "quarantine", 2, do_quarantine },
  { "reply", 4, do_reply },
};

static void
do_line (MilterClientContext *context, const char *line, MilterStatus *status)
{
  GError *error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (verdicts); i++)
    if (strcmp (line, verdicts[i].word) == 0)
      *status = verdicts[i].status;
  for (gsize i = 0; i < G_N_ELEMENTS (actions); i++)
    {
      /* NULL stands for each word that is missing */
      char *words[5] = { NULL };
      char **split = g_strsplit (line, " ", actions[i].n_words);

      for (guint k = 0; split[k] != NULL; k++)
        words[k] = split[k];
      if (words[0] != NULL && strcmp (words[0], actions[i].word) == 0
          && !actions[i].func (context, words, &error))
        fprintf (stderr, "%s: %s\n", line, error != NULL ? error->message : "refused");
      g_clear_error (&error);
      g_strfreev (split);
    }
}

/* Answers of another thread. */

typedef struct Job Job;
struct Job
{
  Job *next;
  MilterClientContext *context;
  char **lines;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER;
static Job *jobs;
static gboolean answers_later;

static void *
answer_jobs (void *data)
{
  for (;;)
    {
      MilterStatus status = MILTER_STATUS_CONTINUE;
      Job *job;

      pthread_mutex_lock (&mutex);
      while (jobs == NULL)
        pthread_cond_wait (&posted, &mutex);
      job = jobs;
      jobs = job->next;
      pthread_mutex_unlock (&mutex);
      for (char **line = job->lines; *line != NULL; line++)
        do_line (job->context, *line, &status);
      g_signal_emit_by_name (job->context, "end-of-message-response", status);
      g_object_unref (job->context);
      g_strfreev (job->lines);
      g_free (job);
    }
  return NULL;
}

static void
post_job (MilterClientContext *context, char **lines)
{
  Job *job = g_new0 (Job, 1);

  job->context = g_object_ref (context);
  job->lines = g_strdupv (lines);
  pthread_mutex_lock (&mutex);
  job->next = jobs;
  jobs = job;
  pthread_cond_signal (&posted);
  pthread_mutex_unlock (&mutex);
}

/* Events. */

static MilterStatus
on_envelope_from (MilterClientContext *context, const char *from, gpointer data)
{
  milter_client_context_set_private_data (
      context, g_ptr_array_new_with_free_func (g_free), (GDestroyNotify) g_ptr_array_unref);
  return g_str_has_prefix (from, "<discard@") ? MILTER_STATUS_DISCARD : MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_envelope_recipient (MilterClientContext *context, const char *recipient, gpointer data)
{
  if (g_str_has_prefix (recipient, "<reject@"))
    return MILTER_STATUS_REJECT;
  if (g_str_has_prefix (recipient, "<tempfail@"))
    return MILTER_STATUS_TEMPORARY_FAILURE;
  if (!g_str_has_prefix (recipient, "<text@"))
    return MILTER_STATUS_CONTINUE;
  milter_client_context_set_reply (context, 550, "5.7.1", "first 100%\nsecond", NULL);
  return MILTER_STATUS_REJECT;
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer data)
{
  GPtrArray *lines = milter_client_context_get_private_data (context);

  if (g_ascii_strcasecmp (name, "X-Do") == 0)
    g_ptr_array_add (lines, g_strchug (g_strdup (value)));
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  GPtrArray *lines = milter_client_context_get_private_data (context);
  MilterStatus status = MILTER_STATUS_CONTINUE;

  if (answers_later)
    {
      g_ptr_array_add (lines, NULL);
      post_job (context, (char **) lines->pdata);
      return MILTER_STATUS_PROGRESS;
    }
  for (guint i = 0; i < lines->len; i++)
    do_line (context, lines->pdata[i], &status);
  return status;
}

static const MilterClientHandlers handlers = {
  .envelope_from = on_envelope_from,
  .envelope_recipient = on_envelope_recipient,
  .header = on_header,
  .end_of_message = on_end_of_message,
};

static void
on_error (MilterClientContext *context, GError *error, gpointer data)
{
  fprintf (stderr, "error: %s\n", error->message);
}

static void
on_timeout (MilterClientContext *context, gpointer data)
{
  fprintf (stderr, "timeout\n");
}

static void
on_connection_established (MilterClient *self, MilterClientContext *context, gpointer data)
{
  g_signal_connect (context, "error", G_CALLBACK (on_error), NULL);
  g_signal_connect (context, "timeout", G_CALLBACK (on_timeout), NULL);
}

/* of the client: it cannot accept */
static void
on_client_error (MilterClient *self, GError *error, gpointer data)
{
  fprintf (stderr, "client error: %s\n", error->message);
}

static void
on_listen_started (MilterClient *self, struct sockaddr *address, guint size, gpointer data)
{
  char *spec = milter_connection_address_to_spec (address);

  printf ("listening on %s\n", spec);
  fflush (stdout);
  g_free (spec);
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  pthread_t thread;
  int option;

  milter_init ();
  milter_client_init ();
  client = milter_client_new ();
  while ((option = getopt (argc, argv, "w:t:m:s:a")) != -1)
    switch (option)
      {
      case 'w':
        milter_client_set_n_workers (client, atoi (optarg));
        break;
      case 't':
        milter_client_set_timeout (client, atoi (optarg));
        break;
      case 'm':
        milter_client_set_max_connections (client, atoi (optarg));
        break;
      case 's':
        milter_client_set_suspend_time_on_unacceptable (client, atoi (optarg));
        break;
      case 'a':
        answers_later = TRUE;
        break;
      default:
        return EXIT_FAILURE;
      }
  if (answers_later)
    pthread_create (&thread, NULL, answer_jobs, NULL);
  milter_client_set_handlers (client, &handlers, NULL, NULL);
  g_signal_connect (client, "connection-established", G_CALLBACK (on_connection_established), NULL);
  g_signal_connect (client, "error", G_CALLBACK (on_client_error), NULL);
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), NULL);
  signal (SIGTERM, on_signal);
  if (!milter_client_set_connection_spec (client, argv[optind], &error)
      || !milter_client_run (client, &error))
    {
      fprintf (stderr, "%s\n", error->message);
      return EXIT_FAILURE;
    }
  g_object_unref (client);
  milter_client_quit ();
  milter_quit ();
  return EXIT_SUCCESS;
}
