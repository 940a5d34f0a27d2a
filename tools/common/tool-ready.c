/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-ready.c: `--ready-fd N`.
 */
#include "tool-ready.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tool-console.h"
#include "tool-values.h"

bool
tool_ready_parse_fd (const char *name, const char *value, int *fd, GError **error)
{
  guint64 number;

  if (!tool_parse_number (value, 0, G_MAXINT, &number, error))
    {
      g_prefix_error (error, "%s: ", name);
      return false;
    }
  if (fcntl ((int) number, F_GETFD) < 0)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   "%s: there is no descriptor %s: %s",
                   name,
                   value,
                   g_strerror (errno));
      return false;
    }
  *fd = (int) number;
  return true;
}

void
tool_ready_write (int fd, const char *spec)
{
  g_autofree char *line = g_strconcat (spec, "\n", NULL);
  ssize_t written;

  if (fd < 0)
    return;
  do
    written = write (fd, line, strlen (line));
  while (written < 0 && errno == EINTR);
  if (written < 0)
    tool_error ("--ready-fd: %s", g_strerror (errno));
  /* the next connection would get its number, and all that is printed afterwards */
  if (fd > STDERR_FILENO)
    close (fd);
}
