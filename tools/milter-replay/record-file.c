/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-file.c: the file of a recording.
 *
 * What stays and what is provisional leave in one write. Where it is shorter than what was there, blank
 * lines, which mean nothing in a trace, cover the rest: a file that is cut in a second step would have
 * the rest of an old line at its end if the program is killed in between.
 */
#include "record-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool-console.h"

/* what waits for a reader that is slower than the mail, before the recording is given up */
#define MAX_WAITING ((gsize) 64 << 20)
/* how long a reader has at the end */
#define FINISH_MS 5000
/* more than this is cut off instead of covered */
#define MAX_COVER ((gsize) 64 << 10)

struct _RecordFile
{
  char *name; /* what sentences call it */
  int fd;
  bool owned;
  bool rewritable; /* a file of our own, not a pipe nor what others write to as well */
  bool failed;

  /* a file */
  goffset lasting; /* how much of it stays */
  goffset size;
  GByteArray *buffer;

  /* a pipe */
  GByteArray *waiting;
  guint watch;
};

/* --- opening ------------------------------------------------------------------------------------- */

static bool
set_error (GError **error, const char *path, int errsv)
{
  g_set_error (error,
               G_FILE_ERROR,
               g_file_error_from_errno (errsv),
               errsv == EEXIST ? "\"%s\" is there already; --force replaces it"
                               : "\"%s\" cannot be written: %s",
               path,
               g_strerror (errsv));
  return false;
}

/* What is no file cannot be replaced: /dev/null, a named pipe. */
static int
open_existing (const char *path, RecordFileExisting existing)
{
  struct stat status;

  if (existing == RECORD_FILE_EXISTING_REFUSE && stat (path, &status) == 0
      && S_ISREG (status.st_mode))
    {
      errno = EEXIST;
      return -1;
    }
  return open (path, O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC);
}

static bool
open_path (RecordFile *file, const char *path, RecordFileExisting existing, GError **error)
{
  struct stat status;

  file->fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC, 0600);
  if (file->fd < 0 && errno == EEXIST)
    file->fd = open_existing (path, existing);
  if (file->fd < 0)
    return set_error (error, path, errno);
  file->owned = true;
  file->rewritable = fstat (file->fd, &status) == 0 && S_ISREG (status.st_mode);
  return true;
}

RecordFile *
record_file_open (const char *path, RecordFileExisting existing, GError **error)
{
  g_autoptr (RecordFile) file = g_new0 (RecordFile, 1);
  bool to_stdout = strcmp (path, "-") == 0;

  file->fd = STDOUT_FILENO;
  file->buffer = g_byte_array_new ();
  file->waiting = g_byte_array_new ();
  file->name = g_strdup (to_stdout ? "the standard output" : path);
  if (!to_stdout && !open_path (file, path, existing, error))
    return NULL;
  return g_steal_pointer (&file);
}

void
record_file_free (RecordFile *file)
{
  if (file == NULL)
    return;
  g_clear_handle_id (&file->watch, g_source_remove);
  if (file->owned)
    close (file->fd);
  g_byte_array_unref (file->buffer);
  g_byte_array_unref (file->waiting);
  g_free (file->name);
  g_free (file);
}

bool
record_file_may_be_rewritten (const RecordFile *file)
{
  return file->rewritable && !file->failed;
}

/* --- failing ------------------------------------------------------------------------------------- */

static void
fail (RecordFile *file, const char *reason)
{
  if (file->failed)
    return;
  file->failed = true;
  g_clear_handle_id (&file->watch, g_source_remove);
  g_byte_array_set_size (file->waiting, 0);
  tool_error ("%s cannot be written: %s; the recording ends here, the traffic goes on",
              file->name,
              reason);
}

/* --- a file -------------------------------------------------------------------------------------- */

static int
write_at (RecordFile *file, const guint8 *data, gsize size, goffset offset)
{
  while (size > 0)
    {
      ssize_t n = pwrite (file->fd, data, size, offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return n < 0 ? errno : ENOSPC;
      data += n;
      size -= (gsize) n;
      offset += n;
    }
  return 0;
}

static void
append (GByteArray *buffer, MilterBytes bytes)
{
  if (bytes.size > 0)
    g_byte_array_append (buffer, bytes.data, (guint) bytes.size);
}

/* what was there is covered by the buffer, or cut off behind it */
static void
cover (RecordFile *file)
{
  goffset end = file->lasting + file->buffer->len;
  gsize rest = file->size > end ? (gsize) (file->size - end) : 0;
  guint n = file->buffer->len;

  if (rest == 0)
    file->size = end;
  if (rest == 0 || rest > MAX_COVER)
    return;
  g_byte_array_set_size (file->buffer, n + (guint) rest);
  memset (file->buffer->data + n, '\n', rest);
}

static void
write_file (RecordFile *file, MilterBytes lasting, MilterBytes provisional)
{
  int errsv;

  g_byte_array_set_size (file->buffer, 0);
  append (file->buffer, lasting);
  append (file->buffer, provisional);
  cover (file);
  errsv = write_at (file, file->buffer->data, file->buffer->len, file->lasting);
  if (errsv == 0 && file->size > file->lasting + file->buffer->len)
    {
      file->size = file->lasting + file->buffer->len;
      errsv = ftruncate (file->fd, file->size) == 0 ? 0 : errno;
    }
  if (errsv == 0)
    {
      file->lasting += (goffset) lasting.size;
      return;
    }
  /* what is whole stays */
  (void) !ftruncate (file->fd, file->lasting);
  fail (file, g_strerror (errsv));
}

/* --- a pipe -------------------------------------------------------------------------------------- */

/* Without waiting: a pipe that has room has room for PIPE_BUF bytes. */
static void
write_waiting (RecordFile *file, int timeout_ms)
{
  guint done = 0;

  while (done < file->waiting->len && !file->failed)
    {
      struct pollfd ready = { .fd = file->fd, .events = POLLOUT };
      ssize_t n;

      if (poll (&ready, 1, timeout_ms) <= 0)
        break;
      n = write (file->fd, file->waiting->data + done, MIN (file->waiting->len - done, PIPE_BUF));
      if (n > 0)
        done += (guint) n;
      else if (n < 0 && errno != EINTR && errno != EAGAIN)
        fail (file, g_strerror (errno));
    }
  if (!file->failed)
    g_byte_array_remove_range (file->waiting, 0, done);
}

static gboolean
on_room (int fd, GIOCondition condition, gpointer data)
{
  RecordFile *file = data;

  write_waiting (file, /* timeout_ms= */ 0);
  if (file->failed)
    return G_SOURCE_REMOVE;
  if (file->waiting->len > 0)
    return G_SOURCE_CONTINUE;
  file->watch = 0;
  return G_SOURCE_REMOVE;
}

static void
write_pipe (RecordFile *file, MilterBytes lasting)
{
  append (file->waiting, lasting);
  if (file->watch == 0)
    write_waiting (file, /* timeout_ms= */ 0);
  if (file->waiting->len > MAX_WAITING)
    fail (file, "nobody reads it");
  else if (file->waiting->len > 0 && file->watch == 0)
    file->watch = g_unix_fd_add (file->fd, G_IO_OUT, on_room, file);
}

/* --- for the recorder ---------------------------------------------------------------------------- */

void
record_file_write (RecordFile *file, MilterBytes lasting, MilterBytes provisional)
{
  if (file->failed)
    return;
  if (file->rewritable)
    write_file (file, lasting, provisional);
  else
    write_pipe (file, lasting);
}

bool
record_file_finish (RecordFile *file)
{
  if (!file->failed && file->rewritable && file->size > file->lasting)
    {
      file->size = file->lasting;
      if (ftruncate (file->fd, file->lasting) != 0)
        fail (file, g_strerror (errno));
    }
  if (!file->failed && file->waiting->len > 0)
    write_waiting (file, FINISH_MS);
  if (!file->failed && file->waiting->len > 0)
    fail (file, "nobody reads it");
  /* only now do some file systems tell */
  if (file->owned && close (file->fd) != 0)
    fail (file, g_strerror (errno));
  file->owned = false;
  return !file->failed;
}
