/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-listen.c: where a client listens, and what becomes of its socket.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client-place.h"

Test (client_listen, the_default_spec_is_the_environments)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *local = NULL;
  g_autofree char *given = NULL;

  g_unsetenv ("MILTER_DEFAULT_CONNECTION_SPEC");
  local = milter_client_get_default_connection_spec (client);
  cr_expect_str_eq (local, "inet:10025@[127.0.0.1]");
  g_setenv ("MILTER_DEFAULT_CONNECTION_SPEC", "inet:x", TRUE);
  given = milter_client_get_default_connection_spec (client);
  cr_expect_str_eq (given, "inet:x");
  cr_expect_not (milter_client_listen (client, &error));
  cr_expect (g_str_has_prefix (error->message, "MILTER_DEFAULT_CONNECTION_SPEC: "));
  g_unsetenv ("MILTER_DEFAULT_CONNECTION_SPEC");
}

Test (client_listen, a_spec_that_does_not_parse_leaves_the_one_before)
{
  g_autoptr (MilterClient) client = milter_client_new ();
  g_autoptr (GError) error = NULL;

  cr_expect (milter_client_set_connection_spec (client, "inet:10026", NULL));
  cr_expect_not (milter_client_set_connection_spec (client, "inet:99999", &error));
  cr_expect_not_null (error);
  cr_expect_str_eq (milter_client_get_connection_spec (client), "inet:10026");
}

Test (client_listen, the_socket_has_its_mode_and_is_removed_when_the_client_goes)
{
  Place place = place_new ();
  struct stat file;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_unix_socket_mode (place.client, 0604);
  milter_client_set_listen_backlog (place.client, 3);
  cr_expect_null (milter_client_get_listen_channel (place.client));
  cr_assert (milter_client_listen (place.client, NULL));
  cr_expect_not_null (milter_client_get_listen_channel (place.client));
  cr_assert_eq (stat (place.path, &file), 0);
  cr_expect_eq (file.st_mode & 07777, 0604);
  g_object_unref (place.client);
  cr_expect_neq (stat (place.path, &file), 0);
  place.client = milter_client_new ();
  place_clear (&place);
}

Test (client_listen, a_relative_socket_is_removed_from_another_directory)
{
  Place place = place_new ();
  g_autofree char *before = g_get_current_dir ();

  cr_assert_eq (g_chdir (place.folder), 0);
  cr_assert (milter_client_set_connection_spec (place.client, "unix:socket", NULL));
  cr_assert (milter_client_listen (place.client, NULL));
  cr_assert_eq (g_chdir ("/"), 0);
  g_object_unref (place.client);
  cr_expect_not (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place.client = milter_client_new ();
  cr_assert_eq (g_chdir (before), 0);
  place_clear (&place);
}

Test (client_listen, what_is_no_dead_socket_is_never_removed)
{
  Place place = place_new ();
  g_autoptr (MilterClient) first = milter_client_new ();
  g_autoptr (GError) error = NULL;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  cr_assert (milter_client_set_connection_spec (first, place.spec, NULL));
  /* a plain file */
  cr_assert (g_file_set_contents (place.path, "mine", -1, NULL));
  cr_expect_not (milter_client_listen (place.client, &error));
  cr_expect_not_null (strstr (error->message, "something that is not a socket"));
  cr_expect (g_file_test (place.path, G_FILE_TEST_IS_REGULAR));
  g_clear_error (&error);
  g_unlink (place.path);
  /* one that lives */
  cr_assert (milter_client_listen (first, NULL));
  cr_expect_not (milter_client_listen (place.client, &error));
  cr_expect_not_null (strstr (error->message, "somebody listens on it already"));
  cr_expect (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place_clear (&place);
}

Test (client_listen, a_dead_socket_is_removed_if_that_may_be)
{
  Place place = place_new ();
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, place.path, sizeof address.sun_path);
  cr_assert_eq (bind (fd, (const struct sockaddr *) &address, sizeof address), 0);
  close (fd);
  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_remove_unix_socket_on_create (place.client, FALSE);
  cr_expect_not (milter_client_listen (place.client, NULL));
  milter_client_set_remove_unix_socket_on_create (place.client, TRUE);
  cr_expect (milter_client_listen (place.client, NULL));
  place_clear (&place);
}

Test (client_listen, a_socket_that_was_handed_over_is_listened_on_and_left)
{
  Place place = place_new ();
  g_autoptr (GIOChannel) channel
      = milter_connection_listen (place.spec, -1, NULL, NULL, FALSE, NULL);

  milter_client_set_listen_channel (place.client, channel);
  cr_expect_eq (milter_client_get_listen_channel (place.client), channel);
  cr_expect (milter_client_listen (place.client, NULL));
  g_object_unref (place.client);
  cr_expect (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place.client = milter_client_new ();
  place_clear (&place);
}

Test (client_listen, a_group_that_is_not_there_leaves_no_socket)
{
  Place place = place_new ();
  g_autoptr (GError) error = NULL;

  cr_assert (milter_client_set_connection_spec (place.client, place.spec, NULL));
  milter_client_set_unix_socket_group (place.client, "no-such-group");
  cr_expect_not (milter_client_listen (place.client, &error));
  cr_expect_eq (error->code, MILTER_CLIENT_ERROR_GROUP_ENTRY);
  cr_expect_not (g_file_test (place.path, G_FILE_TEST_EXISTS));
  place_clear (&place);
}
