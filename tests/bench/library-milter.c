/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * library-milter.c: a milter on our library that has a handler for each event and lets all pass.
 *
 * usage: library-milter functions|subclass|signals|three-signals [-n] SPEC
 *
 * The shapes: a table of functions, a subclass, g_signal_connect() on each event of each connection,
 * or on three of them. -n: negotiates all no-reply steps. Says "listening" when it does; SIGTERM
 * ends it.
 */
#include <milter/client.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MilterClient *client;
static bool no_replies;

/* Handlers. None is empty: each looks at what it is given. */

static gsize n_bytes;

static MilterStatus
on_negotiate (MilterClientContext *context,
              MilterOption *option,
              MilterMacrosRequests *requests,
              gpointer data)
{
  const MilterStepFlags replies = MILTER_STEP_NO_REPLY_MASK;

  if (no_replies)
    milter_option_set_step (option, milter_option_get_step (option) & replies);
  return no_replies ? MILTER_STATUS_CONTINUE : MILTER_STATUS_ALL_OPTIONS;
}

static MilterStatus
on_connect (MilterClientContext *context,
            const char *host_name,
            struct sockaddr *address,
            socklen_t address_length,
            gpointer data)
{
  n_bytes += address_length;
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_text (MilterClientContext *context, const char *text, gpointer data)
{
  n_bytes += text[0];
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_event (MilterClientContext *context, gpointer data)
{
  n_bytes++;
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer data)
{
  n_bytes += (gsize) (name[0] + value[0]);
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_chunk (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  n_bytes += size;
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_abort (MilterClientContext *context, MilterClientContextState state, gpointer data)
{
  n_bytes++;
  return MILTER_STATUS_CONTINUE;
}

/* As a table of functions. */

static const MilterClientHandlers functions = {
  .negotiate = on_negotiate,
  .connect = on_connect,
  .helo = on_text,
  .envelope_from = on_text,
  .envelope_recipient = on_text,
  .data = on_event,
  .unknown = on_text,
  .header = on_header,
  .end_of_header = on_event,
  .body = on_chunk,
  .end_of_message = on_chunk,
  .abort = on_abort,
};

/* As a subclass. */

static GType context_type;

#define CLASS_FUNCTION(name, call, ...)                                                            \
  static MilterStatus bench_context_##name (MilterClientContext *context, ##__VA_ARGS__)           \
  {                                                                                                \
    return call;                                                                                   \
  }

CLASS_FUNCTION (negotiate,
                on_negotiate (context, option, requests, NULL),
                MilterOption *option,
                MilterMacrosRequests *requests)
CLASS_FUNCTION (connect,
                on_connect (context, host, address, size, NULL),
                const char *host,
                struct sockaddr *address,
                socklen_t size)
CLASS_FUNCTION (text, on_text (context, text, NULL), const char *text)
CLASS_FUNCTION (event, on_event (context, NULL))
CLASS_FUNCTION (header,
                on_header (context, name, value, NULL),
                const char *name,
                const char *value)
CLASS_FUNCTION (chunk, on_chunk (context, chunk, size, NULL), const char *chunk, gsize size)
CLASS_FUNCTION (abort, on_abort (context, state, NULL), MilterClientContextState state)

static void
bench_context_class_init (gpointer class, gpointer data)
{
  MilterClientContextClass *klass = class;

  klass->negotiate = bench_context_negotiate;
  klass->connect = bench_context_connect;
  klass->helo = bench_context_text;
  klass->envelope_from = bench_context_text;
  klass->envelope_recipient = bench_context_text;
  klass->data = bench_context_event;
  klass->unknown = bench_context_text;
  klass->header = bench_context_header;
  klass->end_of_header = bench_context_event;
  klass->body = bench_context_chunk;
  klass->end_of_message = bench_context_chunk;
  klass->abort = bench_context_abort;
}

static MilterClientContext *
bench_client_create_context (MilterClient *self)
{
  return g_object_new (context_type, "client", self, NULL);
}

static void
bench_client_class_init (gpointer class, gpointer data)
{
  ((MilterClientClass *) class)->create_context = bench_client_create_context;
}

static MilterClient *
make_subclass_client (void)
{
  const GTypeInfo context = {
    .class_size = sizeof (MilterClientContextClass),
    .class_init = bench_context_class_init,
    .instance_size = sizeof (MilterClientContext),
  };
  const GTypeInfo self = {
    .class_size = sizeof (MilterClientClass),
    .class_init = bench_client_class_init,
    .instance_size = sizeof (MilterClient),
  };

  context_type = g_type_register_static (MILTER_TYPE_CLIENT_CONTEXT, "BenchContext", &context, 0);
  return g_object_new (g_type_register_static (MILTER_TYPE_CLIENT, "BenchClient", &self, 0), NULL);
}

/* As signals. */

static void
connect_signals (MilterClient *self, MilterClientContext *context, gpointer three)
{
  static const struct
  {
    const char *name;
    GCallback callback;
    bool is_of_three;
  } signals[] = {
    { "negotiate", G_CALLBACK (on_negotiate), false },
    { "connect", G_CALLBACK (on_connect), false },
    { "helo", G_CALLBACK (on_text), false },
    { "envelope-from", G_CALLBACK (on_text), true },
    { "envelope-recipient", G_CALLBACK (on_text), false },
    { "data", G_CALLBACK (on_event), false },
    { "unknown", G_CALLBACK (on_text), false },
    { "header", G_CALLBACK (on_header), true },
    { "end-of-header", G_CALLBACK (on_event), false },
    { "body", G_CALLBACK (on_chunk), false },
    { "end-of-message", G_CALLBACK (on_chunk), true },
    { "abort", G_CALLBACK (on_abort), false },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (three == NULL || signals[i].is_of_three)
      g_signal_connect (context, signals[i].name, signals[i].callback, NULL);
}

/* The program. */

static void
on_signal (int number)
{
  milter_client_shutdown (client);
}

static void
on_listen_started (MilterClient *self, struct sockaddr *address, guint size, gpointer data)
{
  printf ("listening\n");
  fflush (stdout);
}

static bool
make_client (const char *shape)
{
  bool is_subclass = strcmp (shape, "subclass") == 0;
  bool is_three = strcmp (shape, "three-signals") == 0;

  client = is_subclass ? make_subclass_client () : milter_client_new ();
  if (strcmp (shape, "functions") == 0)
    milter_client_set_handlers (client, &functions, NULL, NULL);
  else if (is_three || strcmp (shape, "signals") == 0)
    g_signal_connect (client,
                      "connection-established",
                      G_CALLBACK (connect_signals),
                      is_three ? (gpointer) "three" : NULL);
  else if (!is_subclass)
    return false;
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), NULL);
  return true;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;

  milter_init ();
  milter_client_init ();
  no_replies = argc == 4 && strcmp (argv[2], "-n") == 0;
  if (argc != (no_replies ? 4 : 3) || !make_client (argv[1]))
    {
      fprintf (stderr, "usage: library-milter functions|subclass|signals|three-signals [-n] SPEC\n");
      return 2;
    }
  signal (SIGTERM, on_signal);
  if (!milter_client_set_connection_spec (client, argv[argc - 1], &error)
      || !milter_client_run (client, &error))
    {
      fprintf (stderr, "library-milter: %s\n", error->message);
      return 1;
    }
  g_object_unref (client);
  milter_client_quit ();
  milter_quit ();
  return 0;
}
