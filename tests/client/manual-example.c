/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manual-example.c: a milter as the manuals of milter libraries begin, and as programs that exist are
 * written: it includes one header and calls milter_client_run() in its short form.
 */
#include <stdlib.h>
#include <milter/client.h>

static void
cb_connection_established (MilterClient *client, MilterClientContext *context, gpointer user_data)
{
  g_print ("connection established\n");
}

int
main (int argc, char **argv)
{
  gboolean success = TRUE;
  const gchar spec[] = "inet:10025@localhost";
  MilterClient *client;
  GError *error = NULL;

  milter_init ();
  milter_client_init ();

  client = milter_client_new ();
  if (!milter_client_set_connection_spec (client, spec, &error))
    {
      g_print ("%s\n", error->message);
      g_error_free (error);
      return EXIT_FAILURE;
    }

  g_signal_connect (client, "connection-established", G_CALLBACK (cb_connection_established), NULL);
  milter_client_run (client);

  milter_client_quit ();
  milter_quit ();

  return success ? EXIT_SUCCESS : EXIT_FAILURE;
}
