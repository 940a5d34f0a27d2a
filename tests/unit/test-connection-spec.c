/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-connection-spec.c: the text form of where a milter listens.
 */
#include "milter-connection-spec.h"

#include <criterion/criterion.h>
#include <string.h>

#define PATH_107                                                                                   \
  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
  "aaa"                                                                                            \
  "aaaaaaaaaa"
/* the limit is that of sockaddr_un without its NUL */
_Static_assert(sizeof PATH_107 - 1 == 107, "a path of the greatest length");

static const struct
{
  const char *text;
  MilterConnectionKind kind;
  const char *path;
  const char *host;
  guint16 port;
} good[] = {
  { "unix:/run/milter.sock", MILTER_CONNECTION_KIND_UNIX, "/run/milter.sock", NULL, 0 },
  { "local:/run/milter.sock", MILTER_CONNECTION_KIND_UNIX, "/run/milter.sock", NULL, 0 },
  { "unix:relative/path", MILTER_CONNECTION_KIND_UNIX, "relative/path", NULL, 0 },
  { "unix:/with:colon@and at", MILTER_CONNECTION_KIND_UNIX, "/with:colon@and at", NULL, 0 },
  { "/run/bare.sock", MILTER_CONNECTION_KIND_UNIX, "/run/bare.sock", NULL, 0 },
  { "unix:" PATH_107, MILTER_CONNECTION_KIND_UNIX, PATH_107, NULL, 0 },
  { "inet:10025", MILTER_CONNECTION_KIND_INET, NULL, NULL, 10025 },
  { "inet:0", MILTER_CONNECTION_KIND_INET, NULL, NULL, 0 },
  { "inet:65535", MILTER_CONNECTION_KIND_INET, NULL, NULL, 65535 },
  { "inet:00010", MILTER_CONNECTION_KIND_INET, NULL, NULL, 10 },
  { "inet:@localhost", MILTER_CONNECTION_KIND_INET, NULL, "localhost", 0 },
  { "inet:10025@localhost", MILTER_CONNECTION_KIND_INET, NULL, "localhost", 10025 },
  { "inet:10025@127.0.0.1", MILTER_CONNECTION_KIND_INET, NULL, "127.0.0.1", 10025 },
  { "inet:10025@[127.0.0.1]", MILTER_CONNECTION_KIND_INET, NULL, "127.0.0.1", 10025 },
  { "inet6:10025", MILTER_CONNECTION_KIND_INET6, NULL, NULL, 10025 },
  { "inet6:10025@localhost", MILTER_CONNECTION_KIND_INET6, NULL, "localhost", 10025 },
  { "inet6:10025@::1", MILTER_CONNECTION_KIND_INET6, NULL, "::1", 10025 },
  { "inet6:10025@[::1]", MILTER_CONNECTION_KIND_INET6, NULL, "::1", 10025 },
  { "inet6:10025@[fe80::1%eth0]", MILTER_CONNECTION_KIND_INET6, NULL, "fe80::1%eth0", 10025 },
};

static const struct
{
  const char *text;
  MilterConnectionError code;
  const char *says;
} bad[] = {
  { "", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "no colon" },
  { "10025", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "no colon" },
  { "relative.sock", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "no colon" },
  { "unix:", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "nothing after the colon" },
  { "inet:", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "nothing after the colon" },
  { ":10025", MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME, "''" },
  { "tcp:10025", MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME, "'tcp'" },
  { "tcp:", MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME, "'tcp'" },
  { "INET:10025", MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME, "'INET'" },
  { "inet7:10025", MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME, "'inet7'" },
  { "inet:10x25", MILTER_CONNECTION_ERROR_INVALID_PORT, "'x'" },
  { "inet:-1", MILTER_CONNECTION_ERROR_INVALID_PORT, "'-'" },
  { "inet: 1", MILTER_CONNECTION_ERROR_INVALID_PORT, "' '" },
  { "inet:1\xc3\xa4", MILTER_CONNECTION_ERROR_INVALID_PORT, "'\xc3\xa4'" },
  { "inet:1\xff", MILTER_CONNECTION_ERROR_INVALID_PORT, "0xff" },
  { "inet:localhost:10025", MILTER_CONNECTION_ERROR_INVALID_PORT, "PORT@HOST" },
  { "inet:65536", MILTER_CONNECTION_ERROR_INVALID_PORT, "65535" },
  { "inet:99999999999999999999", MILTER_CONNECTION_ERROR_INVALID_PORT, "65535" },
  { "inet:70000@localhost", MILTER_CONNECTION_ERROR_INVALID_PORT, "'70000'" },
  { "inet:10025@", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "no host" },
  { "inet:10025@[127.0.0.1", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "no ]" },
  { "inet:10025@[127.0.0.1]x", MILTER_CONNECTION_ERROR_INVALID_FORMAT, "'x'" },
  { "inet:10025@[127.0.0.256]", MILTER_CONNECTION_ERROR_INVALID_HOST, "IPv4" },
  { "inet:10025@[]", MILTER_CONNECTION_ERROR_INVALID_HOST, "IPv4" },
  { "inet:10025@[::1]", MILTER_CONNECTION_ERROR_INVALID_HOST, "IPv4" },
  { "inet6:10025@[127.0.0.1]", MILTER_CONNECTION_ERROR_INVALID_HOST, "IPv6" },
  { "inet6:10025@[fe80::1%]", MILTER_CONNECTION_ERROR_INVALID_HOST, "IPv6" },
  { "inet:10025@two words", MILTER_CONNECTION_ERROR_INVALID_HOST, "0x20" },
  { "inet:10025@a@b", MILTER_CONNECTION_ERROR_INVALID_HOST, "0x40" },
  { "unix:" PATH_107 "a", MILTER_CONNECTION_ERROR_PATH_TOO_LONG, "108 bytes" },
  { PATH_107 "a", MILTER_CONNECTION_ERROR_PATH_TOO_LONG, "at most 107" },
};

Test (connection_spec, every_form_is_read)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (good[i].text, &error);

      cr_assert (spec != NULL, "%s: %s", good[i].text, error ? error->message : "");
      cr_expect (spec->kind == good[i].kind, "%s", good[i].text);
      cr_expect (g_strcmp0 (spec->path, good[i].path) == 0, "%s: %s", good[i].text, spec->path);
      cr_expect (g_strcmp0 (spec->host, good[i].host) == 0, "%s: %s", good[i].text, spec->host);
      cr_expect (spec->port == good[i].port, "%s: %u", good[i].text, spec->port);
      cr_expect (strcmp (spec->text, good[i].text) == 0, "%s", good[i].text);
    }
}

Test (connection_spec, errors_quote_the_spec_and_say_what_is_wrong)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      MilterConnectionSpec *spec = milter_connection_spec_parse (bad[i].text, &error);
      g_autofree char *quoted = g_strdup_printf ("<%s>", bad[i].text);

      cr_assert (spec == NULL, "%s", bad[i].text);
      cr_expect (g_error_matches (error, MILTER_CONNECTION_ERROR, (int) bad[i].code),
                 "%s: code %d",
                 bad[i].text,
                 error->code);
      cr_expect (strstr (error->message, quoted) != NULL, "%s", error->message);
      cr_expect (strstr (error->message, bad[i].says) != NULL, "%s", error->message);
    }
}

Test (connection_spec, no_spec_at_all_is_an_error)
{
  g_autoptr (GError) error = NULL;

  cr_expect (milter_connection_spec_parse (NULL, &error) == NULL);
  cr_expect (
      g_error_matches (error, MILTER_CONNECTION_ERROR, MILTER_CONNECTION_ERROR_INVALID_FORMAT));
  milter_connection_spec_free (NULL);
}
