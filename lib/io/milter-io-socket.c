/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-socket.c: addresses of a spec, listening sockets, and sentences about both.
 */
#include "milter-io-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool
fail (MilterConnectionError code, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static bool
fail (MilterConnectionError code, GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, MILTER_CONNECTION_ERROR, (int) code, message);
  return false;
}

/* addresses */

static void
resolve_path (const char *path, GArray *addresses)
{
  MilterIoAddress address = { .size = sizeof (struct sockaddr_un) };
  struct sockaddr_un *unix_address = (struct sockaddr_un *) &address.room;

  unix_address->sun_family = AF_UNIX;
  /* the spec's parser has looked at the length */
  g_strlcpy (unix_address->sun_path, path, sizeof unix_address->sun_path);
  g_array_append_val (addresses, address);
}

static bool
resolve_host (const MilterConnectionSpec *spec, MilterIoUse use, GArray *addresses, GError **error)
{
  struct addrinfo *found = NULL;
  struct addrinfo hints = {
    .ai_family = spec->kind == MILTER_CONNECTION_KIND_INET6 ? AF_INET6 : AF_INET,
    .ai_socktype = SOCK_STREAM,
    .ai_flags = AI_NUMERICSERV | (use == MILTER_IO_USE_LISTEN ? AI_PASSIVE : 0),
  };
  char port[sizeof "65535"];

  g_snprintf (port, sizeof port, "%u", spec->port);
  int code = getaddrinfo (spec->host, port, &hints, &found);
  if (code != 0)
    return fail (MILTER_CONNECTION_ERROR_INVALID_HOST,
                 error,
                 "cannot look up host '%s': %s: <%s>",
                 spec->host ? spec->host : "",
                 code == EAI_SYSTEM ? g_strerror (errno) : gai_strerror (code),
                 spec->text);

  for (const struct addrinfo *info = found; info != NULL; info = info->ai_next)
    {
      MilterIoAddress address = { .size = info->ai_addrlen };

      memcpy (&address.room, info->ai_addr, MIN (info->ai_addrlen, sizeof address.room));
      g_array_append_val (addresses, address);
    }
  freeaddrinfo (found);
  return true;
}

GArray *
milter_io_resolve (const MilterConnectionSpec *spec, MilterIoUse use, GError **error)
{
  g_autoptr (GArray) addresses = g_array_new (FALSE, FALSE, sizeof (MilterIoAddress));

  if (spec->kind == MILTER_CONNECTION_KIND_UNIX)
    resolve_path (spec->path, addresses);
  else if (!resolve_host (spec, use, addresses, error))
    return NULL;
  return g_steal_pointer (&addresses);
}

int
milter_io_socket_new (int family)
{
  return socket (family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

bool
milter_io_prepare_fd (int fd, GError **error)
{
  int status = fcntl (fd, F_GETFL);
  int flags = fcntl (fd, F_GETFD);

  if (status >= 0 && flags >= 0
      && (status & O_NONBLOCK || fcntl (fd, F_SETFL, status | O_NONBLOCK) == 0)
      && (flags & FD_CLOEXEC || fcntl (fd, F_SETFD, flags | FD_CLOEXEC) == 0))
    return true;

  int errsv = errno;
  g_set_error (error,
               G_FILE_ERROR,
               g_file_error_from_errno (errsv),
               "cannot make a socket non-blocking: %s",
               g_strerror (errsv));
  return false;
}

static char *
internet_to_text (const char *scheme, int family, const void *address, guint16 port)
{
  char text[INET6_ADDRSTRLEN];

  inet_ntop (family, address, text, sizeof text);
  return g_strdup_printf ("%s:%u@[%s]", scheme, g_ntohs (port), text);
}

char *
_milter_io_address_to_text (const struct sockaddr *address, socklen_t size)
{
  const gsize path_at = G_STRUCT_OFFSET (struct sockaddr_un, sun_path);

  if (address == NULL || size < sizeof address->sa_family || address->sa_family == AF_UNSPEC)
    return g_strdup ("unknown");

  if (address->sa_family == AF_INET && size >= sizeof (struct sockaddr_in))
    {
      const struct sockaddr_in *in = (const struct sockaddr_in *) address;
      return internet_to_text ("inet", AF_INET, &in->sin_addr, in->sin_port);
    }
  if (address->sa_family == AF_INET6 && size >= sizeof (struct sockaddr_in6))
    {
      const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;
      return internet_to_text ("inet6", AF_INET6, &in6->sin6_addr, in6->sin6_port);
    }
  if (address->sa_family == AF_UNIX)
    {
      /* the path needs no NUL; that of a peer that has not bound its socket is empty */
      gsize room = MIN ((gsize) size, sizeof (struct sockaddr_un)) - MIN (path_at, size);
      const char *path = (const char *) address + path_at;
      return g_strdup_printf ("unix:%.*s", (int) strnlen (path, room), path);
    }
  return g_strdup_printf ("unexpected:%d", address->sa_family);
}

/* who is who */

static char *
user_name (uid_t uid)
{
  char room[4096];
  struct passwd entry;
  struct passwd *found = NULL;

  if (getpwuid_r (uid, &entry, room, sizeof room, &found) == 0 && found != NULL)
    return g_strdup_printf ("%s (uid %u)", found->pw_name, (guint) uid);
  return g_strdup_printf ("uid %u", (guint) uid);
}

static char *
group_name (gid_t gid)
{
  char room[16384];
  struct group entry;
  struct group *found = NULL;

  if (getgrgid_r (gid, &entry, room, sizeof room, &found) == 0 && found != NULL)
    return g_strdup (found->gr_name);
  return g_strdup_printf ("gid %u", (guint) gid);
}

static char *
explain_permission (const char *path)
{
  g_autofree char *we = user_name (geteuid ());
  struct stat status;

  if (stat (path, &status) != 0)
    return g_strdup_printf ("permission denied: we are %s and may not enter its directory", we);

  g_autofree char *owner = user_name (status.st_uid);
  g_autofree char *group = group_name (status.st_gid);
  return g_strdup_printf ("permission denied: we are %s; the socket belongs to %s, group %s, and "
                          "its mode is %04o",
                          we,
                          owner,
                          group,
                          (guint) (status.st_mode & 07777));
}

static char *
explain_unix (const char *path, int errsv)
{
  struct stat status;

  if (errsv == ENOENT)
    return g_strdup ("there is no such socket");
  if (errsv == EACCES || errsv == EPERM)
    return explain_permission (path);
  if (errsv == ECONNREFUSED && stat (path, &status) == 0 && !S_ISSOCK (status.st_mode))
    return g_strdup ("it is not a socket");
  if (errsv == ECONNREFUSED)
    return g_strdup ("nobody listens on it");
  if (errsv == EPROTOTYPE)
    return g_strdup ("it is not a stream socket");
  return g_strdup (g_strerror (errsv));
}

static char *
explain_internet (const MilterIoAddress *address, int errsv)
{
  g_autofree char *where = _milter_io_address_to_text (&address->any, address->size);

  return g_strdup_printf ("%s: %s",
                          where,
                          errsv == ECONNREFUSED ? "connection refused, nobody listens there"
                                                : g_strerror (errsv));
}

char *
milter_io_connect_problem (const MilterConnectionSpec *spec,
                           const MilterIoAddress *address,
                           int errsv)
{
  return spec->path ? explain_unix (spec->path, errsv) : explain_internet (address, errsv);
}

/* listening */

static bool
listen_failed (const MilterConnectionSpec *spec, const char *what, int errsv, GError **error)
{
  const char *hint = errsv != EADDRINUSE ? ""
                     : spec->path        ? " (something is there already)"
                                         : " (somebody else listens there)";

  return fail (MILTER_CONNECTION_ERROR_LISTEN,
               error,
               "cannot listen on <%s>: %s: %s%s",
               spec->text,
               what,
               g_strerror (errsv),
               hint);
}

/* Only a socket that refuses us is stale. One that is full or forbids us has a listener. */
static bool
remove_stale_socket (const MilterConnectionSpec *spec,
                     const MilterIoAddress *address,
                     GError **error)
{
  struct stat status;

  if (lstat (spec->path, &status) != 0)
    return errno == ENOENT || listen_failed (spec, "stat", errno, error);
  if (!S_ISSOCK (status.st_mode))
    return fail (MILTER_CONNECTION_ERROR_LISTEN,
                 error,
                 "cannot listen on <%s>: there is something that is not a socket",
                 spec->text);

  int fd = milter_io_socket_new (AF_UNIX);
  if (fd < 0)
    return listen_failed (spec, "socket", errno, error);
  int result = connect (fd, &address->any, address->size);
  int errsv = errno;
  close (fd);
  if (result == 0 || errsv == EAGAIN || errsv == EPROTOTYPE)
    return fail (MILTER_CONNECTION_ERROR_LISTEN,
                 error,
                 "cannot listen on <%s>: somebody listens on it already",
                 spec->text);
  if (errsv != ECONNREFUSED)
    return listen_failed (spec, "the socket that is there", errsv, error);

  if (unlink (spec->path) != 0 && errno != ENOENT)
    return listen_failed (spec, "removing the old socket", errno, error);
  return true;
}

static bool
bind_unix (const MilterConnectionSpec *spec,
           int fd,
           const MilterIoAddress *address,
           guint mode,
           GError **error)
{
  /* before binding, so that it is never more open than it should be; Linux takes the umask off the
   * socket's own mode. After it, to give what the umask took. */
  if (mode != 0)
    (void) fchmod (fd, mode);
  if (bind (fd, &address->any, address->size) != 0)
    return listen_failed (spec, "bind", errno, error);
  if (mode != 0 && chmod (spec->path, mode) != 0)
    {
      int errsv = errno;
      unlink (spec->path);
      return listen_failed (spec, "chmod", errsv, error);
    }
  return true;
}

static bool
bind_internet (const MilterConnectionSpec *spec,
               int fd,
               const MilterIoAddress *address,
               GError **error)
{
  /* a milter that was restarted does not wait for the connections of its predecessor to be
   * forgotten */
  (void) setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof (int));
  return bind (fd, &address->any, address->size) == 0 || listen_failed (spec, "bind", errno, error);
}

static int
listen_at (const MilterConnectionSpec *spec,
           const MilterIoAddress *address,
           int backlog,
           guint mode,
           GError **error)
{
  int fd = milter_io_socket_new (address->any.sa_family);
  if (fd < 0)
    {
      listen_failed (spec, "socket", errno, error);
      return -1;
    }

  bool bound = spec->path ? bind_unix (spec, fd, address, mode, error)
                          : bind_internet (spec, fd, address, error);
  if (bound && listen (fd, backlog < 0 ? SOMAXCONN : backlog) == 0)
    return fd;
  if (bound)
    {
      listen_failed (spec, "listen", errno, error);
      /* the file that bind() made */
      if (spec->path)
        unlink (spec->path);
    }
  close (fd);
  return -1;
}

static bool
get_own_address (const MilterConnectionSpec *spec,
                 int fd,
                 struct sockaddr **address,
                 socklen_t *address_size,
                 GError **error)
{
  MilterIoAddress own = { .size = sizeof own.room };

  if (getsockname (fd, &own.any, &own.size) != 0)
    return listen_failed (spec, "getsockname", errno, error);
  *address = g_memdup2 (&own.room, sizeof own.room);
  *address_size = own.size;
  return true;
}

int
_milter_io_listen (const MilterConnectionSpec *spec,
                   int backlog,
                   guint mode,
                   bool remove_stale,
                   struct sockaddr **address,
                   socklen_t *address_size,
                   GError **error)
{
  g_autoptr (GArray) addresses = milter_io_resolve (spec, MILTER_IO_USE_LISTEN, error);
  if (addresses == NULL)
    return -1;

  const MilterIoAddress *first = &g_array_index (addresses, MilterIoAddress, 0);
  if (spec->path && remove_stale && !remove_stale_socket (spec, first, error))
    return -1;

  /* the first address of a name that is ours */
  g_autoptr (GError) first_error = NULL;
  int fd = -1;
  for (guint i = 0; i < addresses->len && fd < 0; i++)
    fd = listen_at (spec,
                    &g_array_index (addresses, MilterIoAddress, i),
                    backlog,
                    mode,
                    first_error ? NULL : &first_error);
  if (fd < 0)
    {
      g_propagate_error (error, g_steal_pointer (&first_error));
      return -1;
    }
  if (address != NULL && !get_own_address (spec, fd, address, address_size, error))
    {
      if (spec->path)
        unlink (spec->path);
      close (fd);
      return -1;
    }
  return fd;
}
