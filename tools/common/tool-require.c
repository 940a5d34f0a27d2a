/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-require.c: `require` lines that this machine decides.
 */
#include "tool-require.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* whether an address of a family can be bound at all */
static bool
can_bind (int family, const struct sockaddr *address, socklen_t size)
{
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool bound = fd >= 0 && (address == NULL || bind (fd, address, size) == 0);

  if (fd >= 0)
    close (fd);
  return bound;
}

static bool
has_ipv6 (const MilterRequirement *requirement)
{
  struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

  return can_bind (AF_INET6, (const struct sockaddr *) &address, sizeof address);
}

static bool
has_unix (const MilterRequirement *requirement)
{
  return can_bind (AF_UNIX, /* address= */ NULL, /* size= */ 0);
}

static bool
is_root (const MilterRequirement *requirement)
{
  return geteuid () == 0;
}

static bool
has_program (const MilterRequirement *requirement)
{
  g_autofree char *path = g_find_program_in_path (requirement->text);

  return path != NULL;
}

static bool
has_file (const MilterRequirement *requirement)
{
  return g_file_test (requirement->text, G_FILE_TEST_EXISTS);
}

/* what is missing, with the requirement's text in it where it has one */
static const struct
{
  MilterRequireKind kind;
  bool (*is_met) (const MilterRequirement *requirement);
  const char *missing;
  bool has_text;
} checks[] = {
  { MILTER_REQUIRE_IPV6, has_ipv6, "this machine has no IPv6", false },
  { MILTER_REQUIRE_UNIX, has_unix, "this machine has no unix sockets", false },
  { MILTER_REQUIRE_ROOT, is_root, "it has to be run as root", false },
  { MILTER_REQUIRE_PROGRAM, has_program, "there is no program ", true },
  { MILTER_REQUIRE_FILE, has_file, "there is no file ", true },
};

char *
tool_require_check (const GPtrArray *requirements)
{
  for (guint i = 0; requirements != NULL && i < requirements->len; i++)
    {
      const MilterRequirement *requirement = g_ptr_array_index (requirements, i);

      for (gsize k = 0; k < G_N_ELEMENTS (checks); k++)
        {
          if (checks[k].kind == requirement->kind && !checks[k].is_met (requirement))
            return g_strconcat (
                checks[k].missing, checks[k].has_text ? requirement->text : "", NULL);
        }
    }
  return NULL;
}
