/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-smtp.c: an SMTP client: a line, and its reply.
 */
#include "mta-smtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* so often it is looked whether everything ends */
#define GLANCE_US (100 * G_TIME_SPAN_MILLISECOND)
/* of a reply; an MTA that says more says it to nobody */
#define MAX_REPLY (64u << 10)

struct _MtaSmtp
{
  const MtaSmtpPeer *peer; /* unowned */
  int fd;                  /* -1: closed */
  GString *unread;
};

static void
hang_up (MtaSmtp *smtp)
{
  if (smtp->fd >= 0)
    close (smtp->fd);
  smtp->fd = -1;
}

/* Waits until the socket can be read, or written; false: the time is over, or everything ends. */
static bool
wait_for (const MtaSmtp *smtp, short events, gint64 deadline_us)
{
  struct pollfd polled = { .fd = smtp->fd, .events = events };

  for (;;)
    {
      gint64 left_us = deadline_us - g_get_monotonic_time ();

      if (left_us <= 0 || g_atomic_int_get (smtp->peer->stop) != 0)
        return false;
      if (poll (&polled, 1, (int) (MIN (left_us, GLANCE_US) / 1000 + 1)) > 0)
        return true;
    }
}

static gint64
get_deadline (const MtaSmtp *smtp)
{
  return g_get_monotonic_time () + smtp->peer->timeout_us;
}

static bool
finish_connect (MtaSmtp *smtp)
{
  int problem = ETIMEDOUT;
  socklen_t size = sizeof problem;

  if (connect (smtp->fd, smtp->peer->address, smtp->peer->size) == 0)
    return true;
  if (errno != EINPROGRESS)
    return false;
  if (wait_for (smtp, POLLOUT, get_deadline (smtp)))
    getsockopt (smtp->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  errno = problem;
  return problem == 0;
}

/* an address of this machine, and any port */
static bool
bind_to (const MtaSmtp *smtp, const char *from)
{
  sa_family_t family = smtp->peer->address->sa_family;
  struct sockaddr_in in = { .sin_family = AF_INET };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

  errno = EAFNOSUPPORT;
  if (family == AF_INET && inet_pton (AF_INET, from, &in.sin_addr) == 1)
    return bind (smtp->fd, (struct sockaddr *) &in, sizeof in) == 0;
  if (family == AF_INET6 && inet_pton (AF_INET6, from, &in6.sin6_addr) == 1)
    return bind (smtp->fd, (struct sockaddr *) &in6, sizeof in6) == 0;
  return false;
}

MtaSmtp *
mta_smtp_connect (const MtaSmtpPeer *peer, const char *from, GError **error)
{
  g_autoptr (MtaSmtp) smtp = g_new0 (MtaSmtp, 1);

  smtp->peer = peer;
  smtp->unread = g_string_new (NULL);
  smtp->fd = socket (peer->address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (smtp->fd >= 0 && (from == NULL || bind_to (smtp, from)) && finish_connect (smtp))
    return g_steal_pointer (&smtp);
  g_set_error (error,
               G_FILE_ERROR,
               (gint) g_file_error_from_errno (errno),
               "the MTA cannot be reached: %s",
               g_strerror (errno));
  return NULL;
}

void
mta_smtp_free (MtaSmtp *smtp)
{
  if (smtp == NULL)
    return;
  hang_up (smtp);
  g_string_free (smtp->unread, TRUE);
  g_free (smtp);
}

gboolean
mta_smtp_is_open (const MtaSmtp *smtp)
{
  return smtp->fd >= 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

void
mta_smtp_send (MtaSmtp *smtp, MilterBytes bytes)
{
  gint64 deadline_us = get_deadline (smtp);

  while (smtp->fd >= 0 && bytes.size > 0)
    {
      ssize_t n = send (smtp->fd, bytes.data, bytes.size, MSG_NOSIGNAL);

      if (n > 0)
        bytes = milter_bytes (bytes.data + n, bytes.size - (gsize) n);
      else if (errno == EAGAIN && wait_for (smtp, POLLOUT, deadline_us))
        continue;
      else if (errno != EINTR)
        /* what it has said before it went can still be read */
        return;
    }
}

void
mta_smtp_append_message (GByteArray *bytes, MilterBytes message)
{
  bool at_start = true;

  for (gsize i = 0; i < message.size; i++)
    {
      if (at_start && message.data[i] == '.')
        g_byte_array_append (bytes, (const guint8 *) ".", 1);
      g_byte_array_append (bytes, &message.data[i], 1);
      at_start = message.data[i] == '\n';
    }
  g_byte_array_append (bytes, (const guint8 *) (at_start ? ".\r\n" : "\r\n.\r\n"), at_start ? 3 : 5);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The size of the reply that has come, with its line ends; 0: it has not come as a whole. */
static gsize
measure_reply (const GString *text)
{
  const char *line = text->str;
  const char *end;

  while ((end = strchr (line, '\n')) != NULL)
    {
      /* only a dash says that more follows */
      if (end - line < 4 || line[3] != '-')
        return (gsize) (end + 1 - text->str);
      line = end + 1;
    }
  return 0;
}

/* false: nothing more will come */
static bool
read_more (MtaSmtp *smtp)
{
  char buffer[4096];
  ssize_t n = recv (smtp->fd, buffer, sizeof buffer, 0);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return true;
  if (n <= 0 || smtp->unread->len > MAX_REPLY)
    return false;
  /* a NUL would end the text */
  for (ssize_t i = 0; i < n; i++)
    g_string_append_c (smtp->unread, buffer[i] != '\0' ? buffer[i] : '?');
  return true;
}

static char *
take_reply (MtaSmtp *smtp, gsize size)
{
  GString *reply = g_string_new_len (smtp->unread->str, (gssize) size);

  g_string_erase (smtp->unread, 0, (gssize) size);
  g_string_replace (reply, "\r\n", "\n", /* limit= */ 0);
  if (reply->len > 0 && reply->str[reply->len - 1] == '\n')
    g_string_truncate (reply, reply->len - 1);
  return g_string_free (reply, FALSE);
}

char *
mta_smtp_read_reply (MtaSmtp *smtp)
{
  gint64 deadline_us = get_deadline (smtp);
  gsize size = measure_reply (smtp->unread);

  while (size == 0 && smtp->fd >= 0)
    {
      if (!wait_for (smtp, POLLIN, deadline_us))
        {
          hang_up (smtp);
          return g_strdup ("no reply");
        }
      if (!read_more (smtp))
        hang_up (smtp);
      size = measure_reply (smtp->unread);
    }
  return size > 0 ? take_reply (smtp, size) : g_strdup ("closed");
}
