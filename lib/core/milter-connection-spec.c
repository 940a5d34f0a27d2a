/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-connection-spec.c: reads `unix:PATH` and `inet:PORT@HOST`.
 *
 * Every message quotes the whole spec in <>: it often comes from a configuration file far away.
 */
#include "milter-connection-spec.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

/* the kernel's field holds a NUL as well */
#define UNIX_PATH_MAX_BYTES (sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1)
/* an address in brackets that is longer than this is none; the zone behind % included */
#define ADDRESS_MAX_BYTES 64

static const struct
{
  const char *name;
  MilterConnectionKind kind;
} schemes[] = {
  { "unix", MILTER_CONNECTION_KIND_UNIX },
  { "local", MILTER_CONNECTION_KIND_UNIX },
  { "inet", MILTER_CONNECTION_KIND_INET },
  { "inet6", MILTER_CONNECTION_KIND_INET6 },
};

/**
 * milter_connection_error_quark:
 *
 * Returns: the domain of errors about specs and the sockets that they name
 */
G_DEFINE_QUARK (milter-connection-error-quark, milter_connection_error)

static gboolean refuse (const MilterConnectionSpec *spec,
                        MilterConnectionError code,
                        GError **error,
                        const char *format,
                        ...) G_GNUC_PRINTF (4, 5);

static gboolean
refuse (const MilterConnectionSpec *spec,
        MilterConnectionError code,
        GError **error,
        const char *format,
        ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, MILTER_CONNECTION_ERROR, code, "%s: <%s>", what, spec->text);
  return FALSE;
}

static gboolean
parse_path (MilterConnectionSpec *spec, const char *path, GError **error)
{
  if (strlen (path) > UNIX_PATH_MAX_BYTES)
    return refuse (spec,
                   MILTER_CONNECTION_ERROR_PATH_TOO_LONG,
                   error,
                   "path of a unix socket is too long: %" G_GSIZE_FORMAT
                   " bytes, the system takes at most %" G_GSIZE_FORMAT,
                   strlen (path),
                   (gsize) UNIX_PATH_MAX_BYTES);

  spec->kind = MILTER_CONNECTION_KIND_UNIX;
  spec->path = g_strdup (path);
  return TRUE;
}

/* an empty port is port 0, as in `inet:@localhost` */
static gboolean
parse_port (MilterConnectionSpec *spec, const char *text, gsize size, GError **error)
{
  guint port = 0;

  for (gsize i = 0; i < size; i++)
    {
      if (!g_ascii_isdigit (text[i]))
        {
          /* people write it as Postfix and Sendmail do */
          const char *hint = memchr (text, ':', size) ? "; it is written PORT@HOST here" : "";
          const char *end = g_utf8_find_next_char (text + i, text + size);

          if (g_utf8_get_char_validated (text + i, size - i) > 0x10ffff)
            return refuse (spec,
                           MILTER_CONNECTION_ERROR_INVALID_PORT,
                           error,
                           "port has a byte that is no digit: 0x%02x",
                           (guint8) text[i]);
          return refuse (spec,
                         MILTER_CONNECTION_ERROR_INVALID_PORT,
                         error,
                         "port has a character that is no digit: '%.*s'%s",
                         end ? (int) (end - text - i) : (int) (size - i),
                         text + i,
                         hint);
        }
      port = port * 10 + (guint) (text[i] - '0');
      if (port > G_MAXUINT16)
        return refuse (spec,
                       MILTER_CONNECTION_ERROR_INVALID_PORT,
                       error,
                       "port is above 65535: '%.*s'",
                       (int) size,
                       text);
    }

  spec->port = (guint16) port;
  return TRUE;
}

static bool
is_address (MilterConnectionKind kind, const char *text)
{
  char address[ADDRESS_MAX_BYTES];
  struct in6_addr binary;

  if (kind == MILTER_CONNECTION_KIND_INET)
    return inet_pton (AF_INET, text, &binary) == 1;

  /* a link-local address carries its zone: fe80::1%eth0 */
  gsize size = strcspn (text, "%");
  if (size >= sizeof address)
    return false;
  memcpy (address, text, size);
  address[size] = '\0';
  return inet_pton (AF_INET6, address, &binary) == 1 && !g_str_has_suffix (text, "%");
}

static gboolean
parse_host (MilterConnectionSpec *spec, const char *text, GError **error)
{
  if (*text == '\0')
    return refuse (spec, MILTER_CONNECTION_ERROR_INVALID_FORMAT, error, "no host after the @");

  if (*text != '[')
    {
      for (const char *c = text; *c; c++)
        if (g_ascii_isspace (*c) || g_ascii_iscntrl (*c) || *c == '@' || *c == ']')
          return refuse (spec,
                         MILTER_CONNECTION_ERROR_INVALID_HOST,
                         error,
                         "host has a character that no host has: 0x%02x",
                         (guint8) *c);
      spec->host = g_strdup (text);
      return TRUE;
    }

  const char *close = strchr (text, ']');
  if (close == NULL)
    return refuse (spec, MILTER_CONNECTION_ERROR_INVALID_FORMAT, error, "no ] after the address");
  if (close[1] != '\0')
    return refuse (spec,
                   MILTER_CONNECTION_ERROR_INVALID_FORMAT,
                   error,
                   "something follows the ]: '%s'",
                   close + 1);

  g_autofree char *address = g_strndup (text + 1, (gsize) (close - text - 1));
  if (!is_address (spec->kind, address))
    return refuse (spec,
                   MILTER_CONNECTION_ERROR_INVALID_HOST,
                   error,
                   "not an IPv%c address: '%s'",
                   spec->kind == MILTER_CONNECTION_KIND_INET ? '4' : '6',
                   address);
  spec->host = g_steal_pointer (&address);
  return TRUE;
}

static gboolean
parse_scheme (MilterConnectionSpec *spec, const char **rest, GError **error)
{
  const char *colon = strchr (spec->text, ':');
  if (colon == NULL)
    return refuse (spec,
                   MILTER_CONNECTION_ERROR_INVALID_FORMAT,
                   error,
                   "connection spec has no colon; write unix:PATH, inet:PORT@HOST or "
                   "inet6:PORT@HOST");

  gsize size = (gsize) (colon - spec->text);
  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      if (strlen (schemes[i].name) != size || memcmp (schemes[i].name, spec->text, size) != 0)
        continue;
      if (colon[1] == '\0')
        return refuse (spec,
                       MILTER_CONNECTION_ERROR_INVALID_FORMAT,
                       error,
                       "connection spec has nothing after the colon");
      spec->kind = schemes[i].kind;
      *rest = colon + 1;
      return TRUE;
    }
  return refuse (spec,
                 MILTER_CONNECTION_ERROR_UNKNOWN_SCHEME,
                 error,
                 "scheme is none of unix, local, inet and inet6: '%.*s'",
                 (int) size,
                 spec->text);
}

static gboolean
parse (MilterConnectionSpec *spec, GError **error)
{
  if (spec->text[0] == '/')
    return parse_path (spec, spec->text, error);

  const char *rest = NULL;
  if (!parse_scheme (spec, &rest, error))
    return FALSE;
  if (spec->kind == MILTER_CONNECTION_KIND_UNIX)
    return parse_path (spec, rest, error);

  const char *at = strchr (rest, '@');
  return parse_port (spec, rest, at ? (gsize) (at - rest) : strlen (rest), error)
         && (at == NULL || parse_host (spec, at + 1, error));
}

/**
 * milter_connection_spec_parse: (skip)
 * @text: (nullable): `unix:PATH`, `local:PATH`, `inet:PORT[@HOST|@[ADDRESS]]`, `inet6:…`, or an
 *   absolute path
 * @error: return location for an error in the domain %MILTER_CONNECTION_ERROR
 *
 * Reads where a milter listens. Nothing is looked up.
 *
 * Returns: (transfer full): the spec, or %NULL with @error
 *
 * Since: 0.1
 */
MilterConnectionSpec *
milter_connection_spec_parse (const char *text, GError **error)
{
  if (text == NULL)
    {
      g_set_error_literal (error,
                           MILTER_CONNECTION_ERROR,
                           MILTER_CONNECTION_ERROR_INVALID_FORMAT,
                           "no connection spec was given: <(null)>");
      return NULL;
    }

  g_autoptr (MilterConnectionSpec) spec = g_new0 (MilterConnectionSpec, 1);
  spec->text = g_strdup (text);
  if (!parse (spec, error))
    return NULL;
  return g_steal_pointer (&spec);
}

/**
 * milter_connection_spec_free: (skip)
 * @spec: (nullable): a spec
 *
 * Frees it.
 *
 * Since: 0.1
 */
void
milter_connection_spec_free (MilterConnectionSpec *spec)
{
  if (spec == NULL)
    return;
  g_free (spec->path);
  g_free (spec->host);
  g_free (spec->text);
  g_free (spec);
}
