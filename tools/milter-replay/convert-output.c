/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-output.c: files under another name until they are complete.
 */
#include "convert-output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _ConvertOutput
{
  char *path;    /* NULL: the standard output */
  char *partial; /* (nullable) its name until it is complete; NULL: written at once */
  bool force;
  bool begun;    /* something was to be written */
  bool made;     /* what has the other name is ours */
  int error;     /* errno of what failed first; 0: nothing did */
};

static bool
fail (GError **error, const char *path, int number)
{
  g_set_error (error,
               G_FILE_ERROR,
               g_file_error_from_errno (number),
               "%s cannot be written: %s",
               path,
               g_strerror (number));
  return false;
}

static bool
refuse (GError **error, const char *path)
{
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_EXIST, "%s is there already; --force replaces it", path);
  return false;
}

static char *
name_partial (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path), *name = g_path_get_basename (path);
  g_autofree char *partial = g_strdup_printf (".%s.%d.part", name, (int) getpid ());

  return g_build_filename (folder, partial, NULL);
}

ConvertOutput *
convert_output_new (const char *path, bool force, GError **error)
{
  g_autoptr (ConvertOutput) output = g_new0 (ConvertOutput, 1);
  struct stat status;
  bool exists = strcmp (path, "-") != 0 && stat (path, &status) == 0;

  output->force = force;
  if (strcmp (path, "-") == 0)
    return g_steal_pointer (&output);
  if (exists && S_ISDIR (status.st_mode))
    {
      fail (error, path, EISDIR);
      return NULL;
    }
  if (exists && S_ISREG (status.st_mode) && !force)
    {
      refuse (error, path);
      return NULL;
    }
  output->path = g_strdup (path);
  if (!exists || S_ISREG (status.st_mode))
    output->partial = name_partial (path);
  return g_steal_pointer (&output);
}

void
convert_output_free (ConvertOutput *output)
{
  if (output == NULL)
    return;
  if (output->made && output->partial != NULL)
    unlink (output->partial);
  g_free (output->path);
  g_free (output->partial);
  g_free (output);
}

const char *
convert_output_get_path (const ConvertOutput *output)
{
  return output->path;
}

bool
convert_output_is_begun (const ConvertOutput *output)
{
  return output->begun;
}

static bool
write_all (int fd, const guint8 *bytes, gsize size)
{
  while (size > 0)
    {
      ssize_t n = write (fd, bytes, size);

      if (n < 0 && errno != EINTR)
        return false;
      bytes += MAX (n, 0);
      size -= (gsize) MAX (n, 0);
    }
  return true;
}

/* Opens, appends, closes: with a file for each of thousands of sessions there are not enough descriptors. */
static bool
append (ConvertOutput *output, const void *bytes, gsize size)
{
  const char *name = output->partial != NULL ? output->partial : output->path;
  int flags = O_WRONLY | O_CLOEXEC | O_APPEND;
  int fd, error;
  bool ok;

  if (output->partial != NULL && !output->made)
    flags |= O_CREAT | O_TRUNC;
  fd = open (name, flags, /* it holds mail: */ 0600);
  if (fd < 0)
    return false;
  output->made = true;
  ok = write_all (fd, bytes, size);
  error = errno;
  if (close (fd) != 0 && ok)
    return false;
  errno = error;
  return ok;
}

void
convert_output_write (ConvertOutput *output, const void *bytes, gsize size)
{
  output->begun = true;
  if (output->path == NULL)
    fwrite (bytes, 1, size, stdout); /* tool_flush_output() tells */
  else if (output->error == 0 && !append (output, bytes, size))
    output->error = errno;
}

/* Without --force nobody's file is replaced, also none that was made meanwhile. */
static bool
put_in_place (const ConvertOutput *output)
{
  if (output->force)
    return rename (output->partial, output->path) == 0;
  if (link (output->partial, output->path) == 0)
    return unlink (output->partial) == 0;
  /* no links on this file system */
  return (errno == EPERM || errno == ENOTSUP) && access (output->path, F_OK) != 0
         && rename (output->partial, output->path) == 0;
}

bool
convert_output_finish (ConvertOutput *output, GError **error)
{
  if (output->path == NULL)
    return true;
  /* one that stays empty is there, too */
  convert_output_write (output, "", 0);
  if (output->error != 0)
    return fail (error, output->path, output->error);
  if (output->partial == NULL)
    return true;
  if (!put_in_place (output))
    return errno == EEXIST ? refuse (error, output->path) : fail (error, output->path, errno);
  output->made = false;
  return true;
}
