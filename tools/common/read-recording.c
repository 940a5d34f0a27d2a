/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-recording.c: which kind of recording a file is, and who reads it.
 */
#include "read-recording.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "milter-trace-reader.h"
#include "read-scenario.h"
#include "read-trace.h"
#include "tool-console.h"

/* how far the first line that says something is looked for: behind so many bytes of comments */
#define MAX_HEADING ((gsize) 64 << 10)

typedef struct
{
  TellingTo to;  /* of traces and scenarios */
  bool captures; /* there was one */
} Reading;

static const char *
name_of (const char *path)
{
  return strcmp (path, "-") == 0 ? "standard input" : path;
}

/* --- which kind -------------------------------------------------------------------------------------- */

static bool
is_text_byte (guint8 byte)
{
  return (byte >= ' ' && byte < 0x7f) || (byte != '\0' && strchr ("\t\r\n", byte) != NULL);
}

/* No capture begins with four characters of text, but pcapng, whose first ones are line ends. What is
 * compressed and looks like text is left to the reader of captures, which knows it. */
static bool
is_text (MilterCaptureInput *input)
{
  static const guint8 pcapng[] = { 0x0a, 0x0d, 0x0d, 0x0a };
  const guint8 *start = milter_capture_input_peek (input, sizeof pcapng);

  if (start == NULL || memcmp (start, pcapng, sizeof pcapng) == 0 || memcmp (start, "BZh", 3) == 0)
    return false;
  if (memcmp (start, "\xef\xbb\xbf", 3) == 0)
    return true;
  for (gsize i = 0; i < sizeof pcapng; i++)
    if (!is_text_byte (start[i]))
      return false;
  return true;
}

/* A trace says so in its first line behind comments; a pipe is not read any further than that. */
static bool
is_trace (MilterCaptureInput *input)
{
  for (gsize size = 64; size <= MAX_HEADING; size *= 2)
    {
      bool more = milter_capture_input_fill (input, size);
      MilterBytes text = milter_bytes (input->at, MIN (input->left, size));

      if (milter_trace_recognize (text))
        return true;
      if (!more)
        return false;
    }
  return false;
}

/* --- who reads it -------------------------------------------------------------------------------------- */

static ToolExit
read_capture (Reading *reading, const char *path, MilterCaptureInput *input)
{
  MilterCaptureReader *reader = reading->to.reader;
  g_autoptr (GError) error = NULL;

  reading->captures = true;
  if (milter_capture_reader_read (reader, input, &error))
    return TOOL_EXIT_OK;
  tool_error ("%s: %s", name_of (path), error->message);
  /* a program that captures and is ended leaves such a file; there was no more */
  return g_error_matches (error, MILTER_CAPTURE_ERROR, MILTER_CAPTURE_ERROR_CUT)
                 && milter_capture_reader_get_n_packets (reader) > 0
             ? TOOL_EXIT_OK
             : TOOL_EXIT_USAGE;
}

static ToolExit
read_input (Reading *reading, const char *path, MilterCaptureInput *input)
{
  if (!is_text (input))
    return read_capture (reading, path, input);
  return is_trace (input) ? read_trace (input, name_of (path), &reading->to)
                          : read_scenario (input, path, &reading->to);
}

static ToolExit
read_fd (Reading *reading, const char *path, int fd)
{
  MilterCaptureInput input;
  ToolExit status;

  milter_capture_input_init (&input, fd);
  input.wait = reading->to.sink->wait;
  input.wait_data = reading->to.data;
  status = read_input (reading, path, &input);
  milter_capture_input_clear (&input);
  return status;
}

static ToolExit
read_path (Reading *reading, const char *path)
{
  ToolExit status;
  int fd;

  if (strcmp (path, "-") == 0)
    return read_fd (reading, path, STDIN_FILENO);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    {
      tool_error ("%s cannot be read: %s", path, g_strerror (errno));
      return TOOL_EXIT_USAGE;
    }
  status = read_fd (reading, path, fd);
  close (fd);
  return status;
}

static void
say_that_nothing_was_found (const Reading *reading)
{
  guint64 n_packets = milter_capture_reader_get_n_packets (reading->to.reader);
  guint n_connections = milter_capture_reader_get_n_connections (reading->to.reader);

  if (!reading->captures)
    {
      tool_error ("no connection is in it: a recording of nothing");
      return;
    }
  tool_error ("no milter connection in %" G_GUINT64_FORMAT " packet%s and %u TCP connection%s; "
              "was the milter's port captured, and nothing cut off (tcpdump -s 0)?",
              n_packets,
              n_packets == 1 ? "" : "s",
              n_connections,
              n_connections == 1 ? "" : "s");
}

ToolExit
read_recordings (char **paths, const MilterCaptureSink *sink, gpointer data)
{
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (sink, data);
  Reading reading = { .to = { .sink = sink, .data = data, .reader = reader } };
  ToolExit status = TOOL_EXIT_OK;

  for (char **path = paths; *path != NULL && (sink->stopped == NULL || !sink->stopped (data)); path++)
    status = tool_exit_worse (status, read_path (&reading, *path));
  milter_capture_reader_finish (reader);
  if (status != TOOL_EXIT_OK || reading.to.n_connections > 0
      || milter_capture_reader_get_n_milters (reader) > 0)
    return status;
  say_that_nothing_was_found (&reading);
  return TOOL_EXIT_FAILED;
}
