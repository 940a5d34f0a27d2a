/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-tool-address.c: addresses as people and recordings write them.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "tool-address.h"

Test (tool_address, tcp_has_address_and_port)
{
  struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons (34290) };
  struct sockaddr_in6 inet6 = { .sin6_family = AF_INET6, .sin6_port = htons (25) };
  g_autofree char *four = NULL, *six = NULL;

  inet_pton (AF_INET, "192.0.2.7", &inet.sin_addr);
  inet_pton (AF_INET6, "2001:db8::1", &inet6.sin6_addr);
  four = tool_address_describe ((struct sockaddr *) &inet, sizeof inet);
  six = tool_address_describe ((struct sockaddr *) &inet6, sizeof inet6);
  cr_expect_str_eq (four, "192.0.2.7:34290");
  cr_expect_str_eq (six, "[2001:db8::1]:25");
}

Test (tool_address, unix_socket_has_its_path_if_it_has_one)
{
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  const socklen_t none = offsetof (struct sockaddr_un, sun_path);
  g_autofree char *path = NULL, *longest = NULL;

  cr_expect_null (tool_address_describe ((struct sockaddr *) &un, none));
  cr_expect_null (tool_address_describe ((struct sockaddr *) &un, sizeof un));
  strcpy (un.sun_path, "/run/m.sock");
  path = tool_address_describe ((struct sockaddr *) &un, none + 11);
  cr_expect_str_eq (path, "unix:/run/m.sock");
  memset (un.sun_path, 'x', sizeof un.sun_path);
  longest = tool_address_describe ((struct sockaddr *) &un, sizeof un);
  cr_expect_eq (strlen (longest), strlen ("unix:") + sizeof un.sun_path);
}

Test (tool_address, what_is_cut_or_unknown_has_none)
{
  struct sockaddr_in inet = { .sin_family = AF_INET };

  cr_expect_null (tool_address_describe ((struct sockaddr *) &inet, 0));
  cr_expect_null (tool_address_describe ((struct sockaddr *) &inet, sizeof inet - 1));
  inet.sin_family = AF_APPLETALK;
  cr_expect_null (tool_address_describe ((struct sockaddr *) &inet, sizeof inet));
}

Test (tool_address, spec_leads_to_loopback_without_a_host)
{
  static const char *const rows[][2] = {
    { "inet:8891", "127.0.0.1:8891" },
    { "inet6:8891", "[::1]:8891" },
    { "inet:8891@mx.example.com", "mx.example.com:8891" },
    { "inet6:8891@[2001:db8::1]", "[2001:db8::1]:8891" },
    { "unix:/run/m.sock", "unix:/run/m.sock" },
    { "local:/run/m.sock", "unix:/run/m.sock" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (rows[i][0], NULL);
      g_autofree char *text = tool_address_describe_spec (spec);

      cr_expect_str_eq (text, rows[i][1]);
    }
}
