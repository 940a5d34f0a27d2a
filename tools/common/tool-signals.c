/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-signals.c: a handler that writes the signal's bit into a descriptor, and a source that reads
 * it.
 */
#include "tool-signals.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* bits of signals that have come; the handler may use no more than this and the descriptor */
static atomic_uint_least64_t arrived;
static int wake_fd = -1;

struct _ToolSignals
{
  ToolSignalFunc func;
  gpointer user_data;
  guint source;
  GArray *numbers;  /* of int */
  GArray *previous; /* of struct sigaction */
};

static void
on_signal (int number)
{
  int errsv = errno;
  guint64 one = 1;

  atomic_fetch_or (&arrived, UINT64_C (1) << number);
  /* it can only be full, and then the loop wakes anyway */
  if (write (wake_fd, &one, sizeof one) < 0)
    errno = errsv;
  errno = errsv;
}

static gboolean
on_wake (gint fd, GIOCondition condition, gpointer user_data)
{
  ToolSignals *watch = user_data;
  guint64 count;
  guint64 bits;

  if (read (fd, &count, sizeof count) < 0 && errno == EINTR)
    return G_SOURCE_CONTINUE;
  bits = atomic_exchange (&arrived, 0);
  for (int number = 1; bits != 0; number++)
    if (bits & (UINT64_C (1) << number))
      {
        bits &= ~(UINT64_C (1) << number);
        watch->func (number, watch->user_data);
      }
  return G_SOURCE_CONTINUE;
}

ToolSignals *
tool_signals_watch (const int *signals, ToolSignalFunc func, gpointer user_data, GError **error)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
  ToolSignals *watch;

  g_assert (wake_fd == -1);
  wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0)
    {
      int errsv = errno;

      g_set_error (error,
                   G_FILE_ERROR,
                   g_file_error_from_errno (errsv),
                   "cannot make an event descriptor: %s",
                   g_strerror (errsv));
      return NULL;
    }
  watch = g_new0 (ToolSignals, 1);
  watch->func = func;
  watch->user_data = user_data;
  watch->numbers = g_array_new (FALSE, FALSE, sizeof (int));
  watch->previous = g_array_new (FALSE, FALSE, sizeof (struct sigaction));
  watch->source = g_unix_fd_add (wake_fd, G_IO_IN, on_wake, watch);
  sigfillset (&action.sa_mask);
  for (const int *number = signals; *number != 0; number++)
    {
      struct sigaction previous;

      if (sigaction (*number, &action, &previous) < 0)
        continue;
      g_array_append_val (watch->numbers, *number);
      g_array_append_val (watch->previous, previous);
    }
  return watch;
}

void
tool_signals_free (ToolSignals *watch)
{
  if (watch == NULL)
    return;
  for (guint i = 0; i < watch->numbers->len; i++)
    sigaction (g_array_index (watch->numbers, int, i),
               &g_array_index (watch->previous, struct sigaction, i),
               NULL);
  g_source_remove (watch->source);
  close (wake_fd);
  wake_fd = -1;
  atomic_store (&arrived, 0);
  g_array_unref (watch->numbers);
  g_array_unref (watch->previous);
  g_free (watch);
}
