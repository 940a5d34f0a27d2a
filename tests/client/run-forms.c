/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-forms.c: milter_client_run() with one argument and with two, as a statement, as a value, and
 * by its address.
 */
#include <milter/client.h>
#include <stdlib.h>

int
main (void)
{
  MilterClient *client = milter_client_new ();
  gboolean (*run) (MilterClient * client, GError * *error) = milter_client_run;
  GError *error = NULL;
  guint n_ran = 0;

  /* a shutdown before the run makes each return at once */
  milter_client_shutdown (client);
  milter_client_run (client);
  milter_client_shutdown (client);
  milter_client_shutdown (client);
  n_ran += milter_client_run (client, NULL);
  milter_client_shutdown (client);
  n_ran += milter_client_run (client, &error);
  milter_client_shutdown (client);
  n_ran += run (client, &error);
  milter_client_shutdown (client);
  n_ran += milter_client_run (client);
  g_object_unref (client);
  return n_ran == 4 && error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
