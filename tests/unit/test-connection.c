/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-connection.c: what programs get of connection specs.
 */
#include <milter/core.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static const struct
{
  const char *spec;
  int domain;
  const char *back;
} specs[] = {
  { "unix:/run/milter.sock", AF_UNIX, "unix:/run/milter.sock" },
  { "local:/run/milter.sock", AF_UNIX, "unix:/run/milter.sock" },
  { "/run/milter.sock", AF_UNIX, "unix:/run/milter.sock" },
  { "inet:10025", AF_INET, "inet:10025@[0.0.0.0]" },
  { "inet:10025@127.0.0.1", AF_INET, "inet:10025@[127.0.0.1]" },
  { "inet:10025@[192.0.2.1]", AF_INET, "inet:10025@[192.0.2.1]" },
  { "inet:10025@localhost", AF_INET, "inet:10025@[127.0.0.1]" },
  { "inet6:10025@[2001:db8::1]", AF_INET6, "inet6:10025@[2001:db8::1]" },
  { "inet6:10025@::1", AF_INET6, "inet6:10025@[::1]" },
};

Test (connection, specs_become_addresses_and_back)
{
  for (gsize i = 0; i < G_N_ELEMENTS (specs); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree struct sockaddr *address = NULL;
      socklen_t size = 0;
      int domain = -1;

      cr_assert (milter_connection_parse_spec (specs[i].spec, &domain, &address, &size, &error),
                 "%s: %s",
                 specs[i].spec,
                 error ? error->message : "");
      cr_expect (domain == specs[i].domain);
      cr_expect (address->sa_family == specs[i].domain);
      g_autofree char *back = milter_connection_address_to_spec (address);
      cr_expect (strcmp (back, specs[i].back) == 0, "%s: %s", specs[i].spec, back);
      cr_expect (milter_connection_parse_spec (specs[i].spec, NULL, NULL, NULL, NULL));
    }
}

Test (connection, bad_specs_set_nothing_but_the_error)
{
  static const char *const bad[]
      = { NULL, "", "inet:99999", "inet6:1@[x]", "inet:1@no-such-host.invalid" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      struct sockaddr *address = NULL;
      socklen_t size = 7;
      int domain = -7;

      cr_expect (!milter_connection_parse_spec (bad[i], &domain, &address, &size, &error));
      cr_expect (error != NULL && error->domain == MILTER_CONNECTION_ERROR);
      cr_expect (domain == -7 && address == NULL && size == 7);
    }
}

Test (connection, odd_addresses_have_names)
{
  g_autofree char *none = milter_connection_address_to_spec (NULL);
  g_autofree char *unknown
      = milter_connection_address_to_spec (&(struct sockaddr){ .sa_family = AF_UNSPEC });
  g_autofree char *other
      = milter_connection_address_to_spec (&(struct sockaddr){ .sa_family = AF_PACKET });
  struct sockaddr_un full = { .sun_family = AF_UNIX };

  memset (full.sun_path, 'a', sizeof full.sun_path);
  g_autofree char *long_path = milter_connection_address_to_spec ((struct sockaddr *) &full);
  g_autofree char *expected = g_strdup_printf ("unexpected:%d", AF_PACKET);
  cr_expect (strcmp (none, "unknown") == 0);
  cr_expect (strcmp (unknown, "unknown") == 0);
  cr_expect (strcmp (other, expected) == 0, "%s", other);
  cr_expect (strlen (long_path) == strlen ("unix:") + sizeof full.sun_path);
}

Test (connection, listening_gives_a_channel_and_the_real_port)
{
  g_autoptr (GError) error = NULL;
  g_autofree struct sockaddr *address = NULL;
  socklen_t size = 0;
  GIOChannel *channel
      = milter_connection_listen ("inet:0@127.0.0.1", -1, &address, &size, FALSE, &error);

  cr_assert (channel != NULL, "%s", error ? error->message : "");
  cr_expect (size == sizeof (struct sockaddr_in));
  cr_expect (((struct sockaddr_in *) address)->sin_port != 0);
  int fd = g_io_channel_unix_get_fd (channel);
  cr_expect (fcntl (fd, F_GETFL) & O_NONBLOCK);
  g_io_channel_unref (channel);
  cr_expect (fcntl (fd, F_GETFL) == -1, "the channel left its socket open");
}

Test (connection, listening_where_it_cannot_be_is_an_error)
{
  g_autoptr (GError) error = NULL;

  cr_expect (milter_connection_listen ("unix:/no/such/directory/s", 1, NULL, NULL, TRUE, &error)
             == NULL);
  cr_expect (g_error_matches (error, MILTER_CONNECTION_ERROR, MILTER_CONNECTION_ERROR_LISTEN));
  cr_expect (strstr (error->message, "<unix:/no/such/directory/s>") != NULL);
}
