/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-read.c: the secret of --anonymize: random, or of a file.
 */
#include "convert-read.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "milter-anonymizer.h"
#include "read-recording.h"
#include "tool-console.h"

/* so many bytes nobody guesses */
#define MIN_SECRET 16u
#define MAX_SECRET ((gsize) 1 << 20)
#define N_RANDOM   32u

static bool
read_secret (const char *path, GByteArray *secret)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *content = NULL;
  gsize size;

  if (!g_file_get_contents (path, &content, &size, &error))
    {
      tool_error ("--anonymize-key: %s", error->message);
      return false;
    }
  if (size < MIN_SECRET || size > MAX_SECRET)
    {
      tool_error ("--anonymize-key: %s has %zu bytes; a secret has %u or more, and no more than a "
                  "megabyte: "
                  "head -c 32 /dev/urandom > FILE makes one",
                  path,
                  size,
                  MIN_SECRET);
      return false;
    }
  g_byte_array_append (secret, (const guint8 *) content, (guint) size);
  return true;
}

static bool
make_secret (GByteArray *secret)
{
  g_byte_array_set_size (secret, N_RANDOM);
  if (getrandom (secret->data, N_RANDOM, 0) == (ssize_t) N_RANDOM)
    return true;
  tool_error ("the system has no random numbers: %s; --anonymize-key FILE does without",
              g_strerror (errno));
  return false;
}

ToolExit
convert_read (const ConvertOptions *options, const MilterCaptureSink *sink, gpointer data)
{
  g_autoptr (GByteArray) secret = g_byte_array_new ();
  g_autoptr (MilterAnonymizer) anonymizer = NULL;

  if (!options->anonymize && options->anonymize_key == NULL)
    return read_recordings (options->paths, sink, data);
  if (options->anonymize_key != NULL ? !read_secret (options->anonymize_key, secret)
                                     : !make_secret (secret))
    return TOOL_EXIT_USAGE;
  anonymizer = milter_anonymizer_new (milter_bytes (secret->data, secret->len), sink, data);
  return read_recordings (options->paths, milter_anonymizer_get_sink (), anonymizer);
}
