/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-recording.c: files to the reader of captures.
 */
#include "read-recording.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "milter-capture-reader.h"
#include "tool-console.h"

static const char *
name_of (const char *path)
{
  return strcmp (path, "-") == 0 ? "standard input" : path;
}

static ToolExit
read_capture (MilterCaptureReader *reader, const char *path, int fd)
{
  g_autoptr (GError) error = NULL;
  MilterCaptureInput input;
  gboolean ok;

  milter_capture_input_init (&input, fd);
  ok = milter_capture_reader_read (reader, &input, &error);
  milter_capture_input_clear (&input);
  if (ok)
    return TOOL_EXIT_OK;
  tool_error ("%s: %s", name_of (path), error->message);
  /* a program that captures and is ended leaves such a file; there was no more */
  return g_error_matches (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_CUT)
                 && milter_capture_reader_get_n_packets (reader) > 0
             ? TOOL_EXIT_OK
             : TOOL_EXIT_USAGE;
}

static ToolExit
read_path (MilterCaptureReader *reader, const char *path)
{
  ToolExit status;
  int fd;

  if (strcmp (path, "-") == 0)
    return read_capture (reader, path, STDIN_FILENO);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    {
      tool_error ("%s cannot be read: %s", path, g_strerror (errno));
      return TOOL_EXIT_USAGE;
    }
  status = read_capture (reader, path, fd);
  close (fd);
  return status;
}

ToolExit
read_recordings (char **paths, const MilterCaptureSink *sink, gpointer data)
{
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (sink, data);
  ToolExit status = TOOL_EXIT_OK;

  for (char **path = paths; *path != NULL; path++)
    status = tool_exit_worse (status, read_path (reader, *path));
  milter_capture_reader_finish (reader);
  if (status != TOOL_EXIT_OK || milter_capture_reader_get_n_milters (reader) > 0)
    return status;
  tool_error ("no milter connection in %" G_GUINT64_FORMAT " packets and %u TCP connections; "
              "was the milter's port captured, and nothing cut off (tcpdump -s 0)?",
              milter_capture_reader_get_n_packets (reader),
              milter_capture_reader_get_n_connections (reader));
  return TOOL_EXIT_FAILED;
}
