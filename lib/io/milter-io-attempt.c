/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-attempt.c: connecting, address by address, without waiting.
 */
#include "milter-io-attempt.h"

#include <errno.h>
#include <unistd.h>

#include "milter-io-socket.h"

/* A unix socket whose queue of waiting connections is full cannot be waited for: the system says
 * EAGAIN and tells nobody when there is room. */
#define PAUSE_MIN_MS 1
#define PAUSE_MAX_MS 64

struct _MilterIoAttempt
{
  const MilterConnectionSpec *spec; /* the caller's, or … */
  MilterConnectionSpec own;         /* with its strings; without them if it is not */
  GArray *addresses;         /* MilterIoAddress */
  guint next;
  GString *problems; /* (nullable) of all addresses that were tried */
  guint pause_ms;
  MilterIoDeadline retry;
};

MilterIoAttempt *
milter_io_attempt_new (const MilterConnectionSpec *spec, GError **error)
{
  if (spec->path == NULL && spec->port == 0)
    {
      g_set_error (error,
                   MILTER_CONNECTION_ERROR,
                   MILTER_CONNECTION_ERROR_INVALID_PORT,
                   "cannot connect to <%s>: nobody listens on port 0",
                   spec->text);
      return NULL;
    }

  GArray *addresses = milter_io_resolve (spec, MILTER_IO_USE_CONNECT, error);
  if (addresses == NULL)
    return NULL;

  MilterIoAttempt *attempt = g_new0 (MilterIoAttempt, 1);
  attempt->spec = spec;
  attempt->addresses = addresses;
  attempt->pause_ms = PAUSE_MIN_MS;
  return attempt;
}

void
milter_io_attempt_keep_spec (MilterIoAttempt *attempt)
{
  const MilterConnectionSpec *spec = attempt->spec;

  if (spec == &attempt->own)
    return;
  attempt->own = *spec;
  attempt->own.path = g_strdup (spec->path);
  attempt->own.host = g_strdup (spec->host);
  attempt->own.text = g_strdup (spec->text);
  attempt->spec = &attempt->own;
}

void
milter_io_attempt_free (MilterIoAttempt *attempt)
{
  if (attempt == NULL)
    return;
  g_free (attempt->own.path);
  g_free (attempt->own.host);
  g_free (attempt->own.text);
  g_array_unref (attempt->addresses);
  if (attempt->problems != NULL)
    g_string_free (attempt->problems, TRUE);
  g_free (attempt);
}

/* the address before @next has failed */
static void
note_problem (MilterIoAttempt *attempt, int errsv)
{
  const MilterIoAddress *address
      = &g_array_index (attempt->addresses, MilterIoAddress, attempt->next - 1);
  g_autofree char *problem = milter_io_connect_problem (attempt->spec, address, errsv);

  if (attempt->problems == NULL)
    attempt->problems = g_string_new (NULL);
  else
    g_string_append (attempt->problems, "; ");
  g_string_append (attempt->problems, problem);
}

MilterIoAttemptResult
milter_io_attempt_step (MilterIoAttempt *attempt, int *fd, GError **error)
{
  while (attempt->next < attempt->addresses->len)
    {
      const MilterIoAddress *address
          = &g_array_index (attempt->addresses, MilterIoAddress, attempt->next++);

      *fd = milter_io_socket_new (address->any.sa_family);
      if (*fd < 0)
        {
          note_problem (attempt, errno);
          continue;
        }

      if (connect (*fd, &address->any, address->size) == 0)
        return MILTER_IO_ATTEMPT_CONNECTED;
      /* an interrupted one goes on by itself */
      if (errno == EINPROGRESS || errno == EINTR)
        return MILTER_IO_ATTEMPT_PENDING;

      int errsv = errno;
      close (*fd);
      if (errsv == EAGAIN && attempt->spec->path != NULL)
        {
          attempt->next--;
          return MILTER_IO_ATTEMPT_BUSY;
        }
      note_problem (attempt, errsv);
    }

  g_set_error (error,
               MILTER_CONNECTION_ERROR,
               MILTER_CONNECTION_ERROR_UNREACHABLE,
               "cannot connect to <%s>: %s",
               attempt->spec->text,
               attempt->problems != NULL ? attempt->problems->str : "it has no address");
  return MILTER_IO_ATTEMPT_FAILED;
}

bool
milter_io_attempt_decide (MilterIoAttempt *attempt, int fd)
{
  int errsv = 0;
  socklen_t size = sizeof errsv;

  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &errsv, &size) != 0)
    errsv = errno;
  if (errsv == 0)
    return true;
  note_problem (attempt, errsv);
  return false;
}

bool
milter_io_attempt_is_unix (const MilterIoAttempt *attempt)
{
  return attempt->spec->path != NULL;
}

MilterIoDeadline *
milter_io_attempt_get_retry (MilterIoAttempt *attempt)
{
  return &attempt->retry;
}

guint
milter_io_attempt_get_pause_ms (MilterIoAttempt *attempt)
{
  guint pause_ms = attempt->pause_ms;

  attempt->pause_ms = MIN (pause_ms * 2, PAUSE_MAX_MS);
  return pause_ms;
}
